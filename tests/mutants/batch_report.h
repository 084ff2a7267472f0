/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a guest reports of a batch of modules: the TAP of batch.c, as the runner
 * passes it on.
 */
#ifndef BATCH_REPORT_H
#define BATCH_REPORT_H

#include <stdbool.h>

enum { MAX_BATCH = 32, MAX_FAILURES = 64 };

/*
 * A test that failed: its time limit, or else its first words. It is vague where
 * those say nothing of what it tests: a limit, or a module that cannot be loaded.
 */
struct batch_failure {
	char name[128], why[256];
	bool vague;
};

/* Lists of names have a space before and behind each. */
struct batch_result {
	bool given;		/* it ran to its end, the guest says */
	bool ok;		/* and that well */
	bool stuck;
	char begun[128];	/* the test last begun, or "" */
	char passed[16384], failed[16384], skipped[16384];
	char said[256];		/* of the test last begun: its first words, or "" */
	struct batch_failure failures[MAX_FAILURES];
	int failure_count;
};

struct batch_report {
	int count;		/* modules that ran to their end */
	struct batch_result results[MAX_BATCH];
	char end[512];		/* why the guest came to no good end, or "" */
	bool runner;		/* it is the runner now who speaks */
};

/* Take a line of a report, as it comes, without its newline. */
void take_report_line(struct batch_report *report, const char *line);

/* Read a report; where there is none it is one of no modules. */
struct batch_report *read_report(const char *path);

/* True if the name is in the list. */
bool is_listed(const char *list, const char *name);

#endif
