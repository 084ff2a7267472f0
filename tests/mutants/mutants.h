/* SPDX-License-Identifier: GPL-2.0 */
/* The list of mutants and their states; see mutants.c and batches.c. */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "mutant.h"

enum { MAX_MUTANTS = 512, PATH_SIZE = 4096 };

enum state {
	WAITING,
	RUNNING,
	UNNOTICED,	/* by its own tests: needs the whole suite */
	DONE,
};

struct entry {
	struct mutant mutant;
	enum state state;
};

/* All chosen mutants. */
extern struct entry list[MAX_MUTANTS];
extern int count;

/* The directory for modules and reports. */
extern const char *built;

/* Print the result of a mutant, by its index in the list, and set it DONE. */
enum result { PASSED, FAILED, SKIPPED, RESULTS };
__attribute__((format(printf, 3, 4)))
void set_result(int i, enum result result, const char *format, ...);

#define pass(i, ...) set_result(i, PASSED, __VA_ARGS__)
#define fail(i, ...) set_result(i, FAILED, __VA_ARGS__)
#define skip(i, ...) set_result(i, SKIPPED, __VA_ARGS__)

/* Writes the path of the module in BUILT. */
void module_path(char path[PATH_SIZE], int i);

/* Run all mutants that are not DONE; returns the number of guests. */
int run_batches(void);

#endif
