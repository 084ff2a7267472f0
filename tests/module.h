/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel modules by their files: what they are called, load, unload. */
#ifndef MODULE_H
#define MODULE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The module's name as its file says, which need not be the file's own name.
 * Returns false, and errno, if that is no module.
 */
bool module_name_of(const char *path, char *name, size_t size);

/* The same for any field that modinfo shows, such as vermagic. */
bool module_info_of(const char *path, const char *field, char *value,
		    size_t size);

/* Load a file, or unload by name without waiting. Return 0 or an errno. */
int module_load(const char *path, const char *parameters);
int module_unload(const char *name);

#endif
