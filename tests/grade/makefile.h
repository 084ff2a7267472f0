/* SPDX-License-Identifier: GPL-2.0 */
/* The variables of a Makefile that is read as text; see makefile.c. */
#ifndef MAKEFILE_H
#define MAKEFILE_H

#include <stddef.h>

/* This character is in a value where we do not know the text. */
#define UNKNOWN '\1'

struct makefile *makefile_of(const char *data, size_t length);

/* The value with its variables expanded, "" if there is none; for free(). */
char *value_of(struct makefile *makefile, const char *name);

void free_makefile(struct makefile *makefile);

#endif
