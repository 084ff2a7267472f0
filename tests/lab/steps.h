/* SPDX-License-Identifier: GPL-2.0 */
/* The steps of the lab, as their table says (kmod/lab/steps). */
#ifndef STEPS_H
#define STEPS_H

#include <stdbool.h>

enum { MAX_STEPS = 16, MAX_STEP_TESTS = 64 };

struct step {
	int number;		/* from 1 on */
	char title[64];		/* its NAME, with spaces for dashes */
	char *tests[MAX_STEP_TESTS];	/* names or patterns */
	int test_count;
};

struct steps {
	struct step steps[MAX_STEPS];
	int count;
	char wrong[160];	/* with the table, or "" */
};

/* Read the table; returns false, and what is wrong, if it is none. */
bool read_steps(struct steps *steps, const char *path);

#endif
