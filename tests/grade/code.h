/* SPDX-License-Identifier: GPL-2.0 */
/* What is in a C file: just enough to tell a driver from a program. */
#ifndef CODE_H
#define CODE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The text without comments, and without what is in quotes except in directives. For
 * free().
 */
char *code_of(const char *data, size_t length);

/* Is the name called or defined in the code? */
bool has_call(const char *code, const char *name);

/* Find the next #include: "NAME or <NAME. Returns where to go on, or NULL. */
const char *next_include(const char *code, char name[128]);

/* Is it a header of the C library, which kernel code cannot include? */
bool is_of_libc(const char *header);

#endif
