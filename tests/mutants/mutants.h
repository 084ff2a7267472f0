/* SPDX-License-Identifier: GPL-2.0 */
/* Mutants on their way through guests: see mutants.c and batches.c. */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "mutant.h"

enum { MAX_MUTANTS = 512, PATH_SIZE = 4096 };

enum state {
	WAITING,
	RUNNING,
	UNNOTICED,	/* by its own tests: on to the whole suite */
	DONE,
};

struct entry {
	struct mutant mutant;
	enum state state;
};

/* All that were chosen. */
extern struct entry list[MAX_MUTANTS];
extern int count;

/* The directory for modules and reports. */
extern const char *built;

/* Say how a mutant, an index of the list, has come out; it is done then. */
__attribute__((format(printf, 2, 3))) void pass(int i, const char *format, ...);
__attribute__((format(printf, 2, 3))) void fail(int i, const char *format, ...);
__attribute__((format(printf, 2, 3))) void skip(int i, const char *format, ...);

/* Leaves the path of the module in BUILT. */
void module_path(char path[PATH_SIZE], int i);

/* Run all that wait to be done; returns how many guests it took. */
int run_batches(void);

#endif
