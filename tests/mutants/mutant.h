/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mutants: small wrong versions of the module, each a patch that says in a
 * header what is wrong with it and how the tests notice:
 *
 *	What a student could have got wrong, in one line.
 *	Caught-by: group.test [group.test]...
 *	Outcome: fail|stuck|crash|hang [...]
 *	Kernels: 6.1.* [...]
 *
 * Every test of Caught-by has to notice. Outcome is what is seen then: a test
 * fails; or besides the module cannot be unloaded any more; or the guest
 * crashes, or hangs. Where memory is used after it was freed it may be one or
 * another of several, and never nothing. A test that comes to its time limit, or
 * cannot load the module, has not noticed. Kernels, which may be left out, are
 * patterns of the releases on which the patch makes a difference. "Equivalent:
 * why" in place of Caught-by and Outcome is a mutant that no test can notice.
 */
#ifndef MUTANT_H
#define MUTANT_H

#include <stdbool.h>
#include <stddef.h>

enum outcome { FAIL, STUCK, CRASH, HANG, OUTCOMES };

extern const char *const outcome_names[];

enum { MAX_CAUGHT_BY = 8 };

struct mutant {
	char *name;			/* that of the file, without .patch */
	char *what;			/* the first line */
	char *tests[MAX_CAUGHT_BY];
	int test_count;
	unsigned int outcomes;		/* bits, 1 << enum outcome */
	char *equivalent;		/* why, or NULL */
	char *kernels;			/* or NULL */
	char *wrong;			/* with the header itself, or NULL */
};

/*
 * Read the header of DIR/NAME.patch; returns false and errno where there is no
 * such file. What is wrong with the header is in wrong.
 */
bool read_mutant(struct mutant *mutant, const char *dir, const char *name);

/* The names of its outcomes, until the next call: "fail or crash". */
const char *outcomes_of(const struct mutant *mutant);

/* True if the mutant is one for a kernel of this release. */
bool is_for_kernel(const struct mutant *mutant, const char *release);

#endif
