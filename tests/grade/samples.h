/* SPDX-License-Identifier: GPL-2.0 */
/* Sample submissions for tests. */
#ifndef SAMPLES_H
#define SAMPLES_H

enum { SAMPLE_LIMIT = 600 };

/* The text with the value for each %s, of which there are at most four. */
const char *with(const char *text, const char *value);

/*
 * Make a submission, a directory of this name, from "kmod", our own module; from
 * "patch NAME", our module with a patch of tests/mutants/patches; or from a C file
 * below tests/.
 */
void stage(const char *name, const char *from);

/*
 * Set the environment of the grader: the real kernel, this program of tests, and
 * reports in ./grades. Skips the test if that kernel is missing.
 */
void set_variables(const char *graded);

#endif
