/* SPDX-License-Identifier: GPL-2.0 */
/* The list of mutants and their states; see mutants.c and guests.c. */
#ifndef MUTANTS_H
#define MUTANTS_H

#include "guest/run.h"
#include "mutant.h"

enum { MAX_MUTANTS = 512, PATH_SIZE = 4096 };

enum state {
	WAITING,
	RUNNING,
	UNNOTICED,	/* by its own tests: needs all others */
	DONE,
};

struct entry {
	struct mutant mutant;
	enum state state;
	struct result *tests;	/* those of Caught-by; for any: all that can notice */
	int test_count;
	const char *slow;	/* this one has reached its time limit once */
	enum outcome outcome;	/* the last that was not FAIL */
	const char *by;		/* and the test that was running then */
	const struct result *vague;	/* this failure is no proof, or NULL */
};

/* All chosen mutants. */
extern struct entry list[MAX_MUTANTS];
extern int count;

/* All tests of the suite, in its order. */
extern char *suite[MAX_GUEST_TESTS];
extern int suite_count;

/* The directory for modules and reports. */
extern const char *built;

/* Print the result of a mutant, by its index in the list, and set it DONE. */
__attribute__((format(printf, 3, 4)))
void set_result(int i, enum test_result result, const char *format, ...);

#define pass(i, ...) set_result(i, PASSED, __VA_ARGS__)
#define fail(i, ...) set_result(i, FAILED, __VA_ARGS__)
#define skip(i, ...) set_result(i, SKIPPED, __VA_ARGS__)

/* A failure that is none of a mutant. */
__attribute__((format(printf, 2, 3)))
void complain(const char *name, const char *format, ...);

/* Writes the path of the module in BUILT. */
void module_path(char path[PATH_SIZE], int i);

/* Run all mutants that are not DONE; returns the number of guests. */
int run_mutants(void);

/*
 * A mutant of Caught-by: any is noticed in this way (fail, crash, ...), or by no test. Of
 * those that could have noticed it, this one is skipped here, or NULL.
 */
void notice(int i, const char *by, const char *how);
void survive(int i, const char *skipped);

#endif
