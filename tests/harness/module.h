/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel modules: read a .ko file, load and unload it. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Read the module's name, which may differ from the file's name. Returns false and
 * sets errno if the file is not a module.
 */
bool module_name_of(const char *path, char *name, size_t size);

/*
 * The same for any field of its section .modinfo, such as "vermagic". The file may be
 * anybody's: nothing in it is believed that does not lie within it.
 */
bool module_info_of(const char *path, const char *field, char *value,
		    size_t size);

/* Load a file; unload by name, without waiting. Return 0 or an errno. */
int module_load(const char *path, const char *parameters);
int module_unload(const char *name);

#endif
