/* SPDX-License-Identifier: GPL-2.0 */
/* A guest's report on a batch of modules: the TAP of batch.c, from the runner. */
#ifndef BATCH_REPORT_H
#define BATCH_REPORT_H

#include <stdbool.h>

enum { MAX_BATCH = 32, MAX_FAILURES = 64 };

/*
 * A test that failed, with its time limit or its first message. The failure is vague
 * if any broken module would cause it: a time limit, or a module that does not load.
 */
struct batch_failure {
	char name[128], why[256];
	bool vague;
};

/* Lists of names have a space before and after each. */
struct batch_result {
	bool given;		/* the guest reported a result */
	bool ok;
	bool stuck;
	char begun[128];	/* the test last begun, or "" */
	char passed[16384], failed[16384], skipped[16384];
	char said[256];		/* its first message, or "" */
	struct batch_failure failures[MAX_FAILURES];
	int failure_count;
};

struct batch_report {
	int count;		/* of modules with a result */
	struct batch_result results[MAX_BATCH];
	bool runner;		/* the runner's own lines have begun */
};

/* Take the next line of a report, without its newline. */
void take_report_line(struct batch_report *report, const char *line);

/* Read a report; a missing file is a report of no modules. */
struct batch_report *read_report(const char *path);

/* True if the name is in the list. */
bool is_listed(const char *list, const char *name);

#endif
