/* SPDX-License-Identifier: GPL-2.0 */
/* Sample submissions for tests. TOP in the environment is the tree. */
#ifndef SAMPLES_H
#define SAMPLES_H

enum { SAMPLE_LIMIT = 600 };

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
