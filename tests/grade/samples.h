/* SPDX-License-Identifier: GPL-2.0 */
/* Sample submissions for tests. TOP in the environment is the tree. */
#ifndef SAMPLES_H
#define SAMPLES_H

enum { SAMPLE_LIMIT = 600 };

/* A path in the tree; skips the test where no tree is known. */
const char *in_tree(const char *name);

/* The text with the value for each %s in it, four at most. */
const char *with(const char *text, const char *value);

/*
 * A submission as a folder of this name: "kmod", our own module; "patch NAME",
 * the same with a patch of tests/mutants/patches; or a C file of tests/.
 */
void stage(const char *name, const char *from);

/*
 * What the grader wants of the environment, to grade on the real kernel with
 * this program of tests, and reports in ./grades. Skips where there is none.
 */
void set_variables(const char *graded);

#endif
