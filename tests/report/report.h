/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The tests of all parts of make check, as read.c reads them,
 * write.c writes them and report.c sums them up. All text is UTF-8 without control characters
 * but for tabs and, in output, the newline after each line.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

enum outcome { PASSED, SKIPPED, FAILED, NOT_RUN, OUTCOMES };

/* A test program that ran, here or in a guest. */
struct part {
	const char *name;	/* "guest-1" */
	char *place;		/* "guest": halves are in the same place */
	time_t begin;
	int status;		/* exit status of its command, -1: unknown */
	char *trouble;		/* why it is not whole, or NULL */
	char *output;		/* diagnostics that belong to no test */
	size_t first, count;	/* its tests */
};

/* All the runs of one test in one place. */
struct group {
	size_t runs, failed;
	bool told;
};

struct test {
	struct part *part;
	char *listed;		/* as its program names it: "sync.x", "sync.x.2" */
	char *base;		/* "sync.x" */
	char *name;		/* unique in the report */
	struct group *group;
	enum outcome outcome;
	double seconds;		/* -1: unknown */
	char *directive;	/* "SKIP why", "TIMEOUT 20 seconds", or "" */
	char *reason;		/* why it was skipped or failed, in a line */
	char *output;		/* its diagnostics */
	char *command;		/* runs it again */
};

struct report {
	const char *directory, *kernel, *module;
	const char *again;	/* what runs them again, but for TESTS= */
	struct part *parts;
	size_t part_count;
	struct test *tests;
	size_t test_count;
};

/* Read DIRECTORY/parts/NAME.*, for each name up to NULL. */
void read_report(struct report *report, char *names[]);

/* How many of the tests, from this one on, ended so; or failed in any way. */
size_t count_of(const struct test *tests, size_t count, enum outcome outcome);
size_t failed_of(const struct test *tests, size_t count);

/* What runs those tests of the part again that ended so (OUTCOMES: any). */
char *command_of(const struct report *report, const struct part *part,
		 enum outcome outcome);

/* Each writes the whole of one file. */
void write_tap(FILE *file, const struct report *report);
void write_junit(FILE *file, const struct report *report);
void write_json(FILE *file, const struct report *report);

/* What goes before it, then the text as a string of JSON. */
void put_json(FILE *file, const char *before, const char *text);

/* A copy in which whatever is no text (see above) is written as \xHH. */
char *cleaned(const char *line, size_t length);

/* As printf, into memory of its own. */
__attribute__((format(printf, 1, 2))) char *text_of(const char *format, ...);

/* The memory; where there is none the program ends. */
void *check(void *memory);

#endif
