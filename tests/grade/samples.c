// SPDX-License-Identifier: GPL-2.0
/* Sample submissions for tests; see samples.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "samples.h"
#include "status.h"

void stage(const char *name, const char *from)
{
	setenv("NAME", name, 1);
	if (!strcmp(from, "kmod"))
		shell("mkdir $NAME && cp $TOP/kmod/*.[ch] $NAME/");
	else if (!strncmp(from, "patch ", 6))
		shell(text_of("mkdir $NAME w w/kmod && cp $TOP/kmod/*.[ch] w/kmod/ && patch -s -p1 -F0 -d w <$TOP/tests/mutants/patches/%s.patch && mv w/kmod/* $NAME/",
			      from + 6));
	else
		shell(text_of("mkdir $NAME && cp $TOP/tests/%s $NAME/shmcount.c",
			      from));
}

/* Skip the test, with the reason of the jail, if the jail cannot run here. */
static void need_jail(void)
{
	struct run run;

	shell("mkdir -p nothing");
	run = RUN("jail", in("TOP", "build/kernel/bookworm/tree"), "nothing", "x",
		  "true");
	if (WEXITSTATUS(run.status) == STATUS_INFRASTRUCTURE)
		test_skip("no submission can be built here: %.*s",
			  (int)strcspn(run.errors, "\n"), run.errors);
}

void set_variables(const char *graded)
{
	setenv("KERNEL", "bookworm", 1);
	if (access(in("TOP", "build/kernel/bookworm/tree"), F_OK) ||
	    access(in("TOP", "build/modules/bookworm/force_return.ko"), F_OK))
		test_skip("the kernel for grading is not there: make grade fetches it");
	need_jail();
	setenv("GRADED", graded, 1);
	setenv("GRADES", text_of("%s/grades", getcwd(NULL, 0)), 1);
	setenv("POINTS", in("TOP", "tests/grade/points"), 1);
	setenv("TESTS", "", 1);
}
