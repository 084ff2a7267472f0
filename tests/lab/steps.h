/* SPDX-License-Identifier: GPL-2.0 */
/* The table of the steps of the lab (kmod/lab/steps). */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>

enum { MAX_STEPS = 16, MAX_STEP_TESTS = 64, MAX_STEP_POINTS = 10000 };

struct step {
	int number;		/* from 1 on */
	char title[64];		/* its NAME, with spaces for dashes */
	char *tests[MAX_STEP_TESTS];	/* names or patterns */
	int test_count;
	unsigned long points;	/* that the grader gives for it, by POINTS=lab */
};

struct steps {
	struct step steps[MAX_STEPS];
	int count;
	char wrong[160];	/* what is wrong with the table, or "" */
};

/* Read the table. Returns false and sets ->wrong if it is not valid. */
bool read_steps(struct steps *steps, const char *path);

#endif
