/* SPDX-License-Identifier: GPL-2.0 */
/* Sample submissions for tests. */
#ifndef SAMPLES_H
#define SAMPLES_H

#include "program.h"

enum { SAMPLE_LIMIT = 600 };

/*
 * Make a submission, a directory of this name, from "kmod", the unmodified module; from
 * "patch NAME", that with a patch of tests/mutants/patches; "sed SCRIPT", that with its C
 * file changed so; "lab", the last solution of the lab, in a folder of make lab-start;
 * "forger NAME", of tests/grade/samples/forgers; or from a C file below tests/.
 */
void stage(const char *name, const char *from);

/* Skip the test, with the reason, if the jail or the kernel is missing. */
void need_jail(void);

/* Run it as root is in most containers: no namespaces can be made. */
#define RUN_IN_CONTAINER(...) \
	run_in_container((const char *const[]) { __VA_ARGS__, NULL })
struct run run_in_container(const char *const args[]);

/* Make the current directory a tree in which GRADE_SAMPLE can run, with the real jail. */
void link_tree(void);

#define GRADE_SAMPLE "grade", "-k", "bookworm", "-o", "grades"

#endif
