/* SPDX-License-Identifier: GPL-2.0 */
/* The files of a submission, which taken.c reads and plan.c chooses from. */
#ifndef TAKEN_H
#define TAKEN_H

#include "grade.h"

enum {
	MAX_FILES = 64,		/* C files and headers */
	MAX_MAKEFILES = 16,
	MAX_ARCHIVES = 4,
	MAX_DEPTH = 4,		/* of folders in folders */
};

enum kind { NO_SOURCE, C_FILE, HEADER, MAKEFILE, ARCHIVE, KINDS };

extern struct source {
	char *path, *copy;	/* in the submission; below src/ in the jail */
	char *data, *code;	/* its text, and that without comments and strings */
	size_t length;
	enum kind kind;
	int depth;
	char *program;		/* why it is no kernel code, or NULL */
	bool starts;		/* it has a module_init() */
	bool ours;		/* it speaks of shmcount */
	bool included, built;
	const struct module *module;
} files[MAX_FILES + MAX_MAKEFILES + MAX_ARCHIVES];
extern int file_count;

enum kind kind_of(const char *name);

/* The length of what is before the last component of a path; is that the same? */
size_t folder_length(const char *path);
bool same_folder(const struct source *a, const struct source *b);

/*
 * The path of what a file names, from the file's folder: "./b.c" in src/a.c is src/b.c.
 * NULL: it is not within the submission. For free().
 */
char *path_from(const struct source *file, const char *name);

#define refuse(...) reject(NO_SOURCES, __VA_ARGS__)

/* A name that is safe to print. The few copies are never freed. */
const char *shown(const char *name);

/* Tell of something in the reports, one line for each. */
__attribute__((format(printf, 1, 2)))
void note(const char *format, ...);

/* Take a file of an archive; its path is that from the archive's folder. */
void take_unpacked(const struct source *archive, const char *path, const char *data,
		   size_t length);

/* ---- unpack.c ---- */

/* It runs in the jail. */
#define UNPACKER "tests/grade/unpack.pl"

/* Call take_unpacked() for each file in it, or note why that is not possible. */
void unpack(const struct source *archive);

/* ---- plan.c ---- */

/*
 * Choose which files are built, and tell of the others. Returns what our Kbuild includes,
 * for free(), or NULL: there is no C file.
 */
char *plan_module(void);

#endif
