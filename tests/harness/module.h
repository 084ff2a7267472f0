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

/* The same as the kernel's log has it, without '-'; "" if the file is not a module. */
void module_name_in_log(const char *path, char *name, size_t size);

/*
 * The same for any field of its section .modinfo, such as "vermagic". The file may be
 * anybody's: nothing in it is believed that does not lie within it.
 */
bool module_info_of(const char *path, const char *field, char *value,
		    size_t size);

/* The machine whose code the file has: EM_X86_64, ...; EM_NONE if it is no ELF file. */
int module_machine(const char *path);

/*
 * The name of the program of binutils ("addr2line", "objdump") that reads the file: for
 * another machine than this one it is that of a cross compiler.
 */
char *module_tool(const char *path, const char *tool);

/* Where a function of the file is: so many bytes behind the beginning of this section. */
struct function {
	char section[64];
	unsigned long offset;
};

/* Returns false if the file has no function of this name. The file may be anybody's. */
bool module_function(const char *path, const char *name, struct function *function);

/*
 * Call the function for each symbol that the kernel or another module has to have.
 * Returns false if the file has no sections. The file may be anybody's.
 */
bool module_imports(const char *path, void (*take)(const char *name));

/* Load a file; unload by name, without waiting. Return 0 or an errno. */
int module_load(const char *path, const char *parameters);
int module_unload(const char *name);

#endif
