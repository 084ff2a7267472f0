/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mutants: small wrong versions of the module. Each is a patch with a header that
 * says what is wrong and how the tests notice it:
 *
 *	What a student could have got wrong, in one line.
 *	Caught-by: group.test [group.test]...
 *	Outcome: fail|stuck|crash|hang [...]
 *	Kernels: 6.1.* [...]
 *
 * Every test of Caught-by has to notice. Outcome says what happens then: fail, a
 * test fails; stuck, a test fails and the module can no longer be unloaded; crash or
 * hang, the guest does. A use after free may have one of several outcomes. A test
 * that reaches its time limit or cannot load the module has not noticed. Kernels is
 * optional: patterns of the releases on which the patch makes a difference.
 * "Equivalent: why", instead of Caught-by and Outcome, marks a mutant that no test
 * can notice. "Caught-by: any" without an Outcome is what mutate.c writes: any test may
 * notice, in any way.
 */
#ifndef MUTANT_H
#define MUTANT_H

#include <stdbool.h>
#include <stddef.h>

enum outcome { FAIL, STUCK, CRASH, HANG, OUTCOMES };

extern const char *const outcome_names[];

enum { MAX_CAUGHT_BY = 8 };

struct mutant {
	char *name;			/* of the file, without .patch */
	char *what;			/* the first line */
	char *tests[MAX_CAUGHT_BY];
	int test_count;
	bool any;			/* Caught-by: any */
	unsigned int outcomes;		/* bits, 1 << enum outcome */
	char *equivalent;		/* why, or NULL */
	char *kernels;			/* or NULL */
	char *wrong;			/* what is wrong with the header, or NULL */
};

/*
 * Read the header of DIR/NAME.patch. Returns false and sets errno if the file cannot
 * be read. A mistake in the header sets ->wrong.
 */
bool read_mutant(struct mutant *mutant, const char *dir, const char *name);

/* The names of its outcomes, "fail or crash". The next call overwrites them. */
const char *outcomes_of(const struct mutant *mutant);

/* True if the mutant makes a difference on this release. */
bool is_for_kernel(const struct mutant *mutant, const char *release);

#endif
