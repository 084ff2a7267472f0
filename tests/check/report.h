/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of all parts of make check: read.c reads them, write.c writes them,
 * report.c prints the summary. All text is UTF-8 with no control characters but
 * tabs and, in output, the newline after each line.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "util.h"

/* Only the grader tells a crash and a hang from other failures. */
enum test_result {
	NOT_RUN, PASSED, FAILED, SKIPPED, CRASHED, HUNG, TEST_RESULTS
};

/* A run of a test program, here or in a guest. */
struct part {
	const char *name;	/* "guest-1" */
	char *program;		/* "guest": its tests may be split among parts */
	time_t begin;
	int status;		/* exit status of its command, -1: unknown */
	char *error;		/* why its TAP or its status is not valid, or NULL */
	char *output;		/* diagnostics outside of any test */
	int memory;		/* of its guest in MB, if a size was asked for */
	size_t first, count;	/* its tests */
};

/* All runs of one test of one program. */
struct tally {
	size_t runs, failed;
	bool reported;
};

struct test {
	struct part *part;
	char *listed;		/* its name in PART.list: "sync.x", "sync.x.2" */
	char *base;		/* "sync.x" */
	char *name;		/* unique in the report */
	struct tally *tally;
	enum test_result result;
	double seconds;		/* -1: unknown */
	char *directive;	/* "SKIP why", "TIMEOUT 20 seconds", or "" */
	char *reason;		/* why it was skipped or failed, one line */
	char *output;		/* its diagnostics */
	char *command;		/* to run it again */
};

struct report {
	const char *directory, *kernel, *module;
	const char *again;	/* the command to run tests again, without TESTS= */
	struct part *parts;
	size_t part_count;
	struct test *tests;
	size_t test_count;
};

/* Read DIRECTORY/parts/NAME.* for each name; NULL ends the names. */
void read_report(struct report *report, char *names[]);

/* How many of these tests have this result; failed_of(): neither PASSED nor SKIPPED. */
size_t count_of(const struct test *tests, size_t count, enum test_result result);
size_t failed_of(const struct test *tests, size_t count);

/* The command to run the tests of the part with this result (TEST_RESULTS: any). */
char *command_of(const struct report *report, const struct part *part,
		 enum test_result result);

/* Each writes one file. */
void write_tap(FILE *file, const struct report *report);
void write_junit(FILE *file, const struct report *report);
void write_json(FILE *file, const struct report *report);

/* A copy in which each byte that is not text (see above) is written as \xHH. */
char *cleaned(const char *line, size_t length);

/* Returns the memory; if it is NULL, ends the program. */
void *check(void *memory);

#endif
