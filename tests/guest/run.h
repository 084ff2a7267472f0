/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs tests in guests, for programs that need to know what became of each: grade, lab
 * and mutants. The files of a guest begin with the same path, FILES:
 *
 *	FILES.tap	its report
 *	FILES.err	standard error of the runner
 *	FILES.log	the kernel's log
 *	FILES.verdict	the record of how it ended, see verdict.h
 */
#ifndef RUN_H
#define RUN_H

#include <sys/types.h>

#include "check/report.h"
#include "guest/verdict.h"

enum { MAX_GUEST_TESTS = 512, MAX_GUEST_ARGS = MAX_GUEST_TESTS + 64 };

/* A test that a guest runs. What it has to say is text as in report.h. */
struct result {
	char *name;
	enum test_result result;	/* NOT_RUN: none yet */
	double seconds;		/* -1: unknown */
	char *why;		/* why it has not passed, one line, or NULL */
	char *output;		/* its lines, or "" */
	char *where;		/* where the kernel crashed or hung (where.h), or NULL */
	bool not_loaded;	/* it failed because the module does not load */
	int guest;		/* the number of the run that this is from */
};

/* A run of some tests in one guest. */
struct guest_run {
	pid_t pid;		/* while it runs, else 0 */
	char *files;
	int number;
	struct result *tests[MAX_GUEST_TESTS];	/* in the order of the suite */
	int count;

	/* read_guest() sets these. */
	struct vm_record record;
	struct result *last;	/* the test that was begun last, or NULL */
	char *said;		/* what it, or else the kernel of it, has said, its first lines */
	bool ended;		/* last has ended the guest: it is CRASHED or HUNG */
	bool stuck;		/* the module cannot be unloaded after last */
};

/* The tests of a test program, in their order; returns how many. */
int list_tests(const char *program, char *names[MAX_GUEST_TESTS]);

/* The path of one of its files, in allocated memory. */
char *guest_file(const char *files, const char *end);

/*
 * Start a guest with a time limit; await_child() waits for it. args has the runner,
 * its options and the test program: the names of the tests are added.
 */
void start_guest(struct guest_run *run, int seconds, char *const args[]);

/*
 * Read what the guest left, and set the results of its tests. The test that was running
 * when the guest ended, or else the last one, is CRASHED or HUNG; if that was no fault of a
 * test's, the one that was running has no result. What is said of later tests is not
 * believed.
 */
void read_guest(struct guest_run *run);

/* True if the guest has ended before its tests did, and no test is to blame. */
bool is_early_end(const struct guest_run *run);

/* The last test has ended the guest: CRASHED or HUNG. */
void charge(struct guest_run *run, enum test_result result, const char *why);

/* The test has no result. */
void forget(struct result *test);

#endif
