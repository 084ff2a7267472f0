// SPDX-License-Identifier: GPL-2.0
/* Sample submissions for tests; see samples.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "samples.h"

const char *in_tree(const char *name)
{
	char *path;

	if (!getenv("TOP"))
		test_skip("TOP is not set: make check sets it");
	if (asprintf(&path, "%s/%s", getenv("TOP"), name) < 0)
		FAIL("no memory");
	return path;
}

const char *with(const char *text, const char *value)
{
	char *line;

	if (asprintf(&line, text, value, value, value, value) < 0)
		FAIL("no memory");
	return line;
}

/* The sample as a folder of this name; TOP is for the shell. */
void stage(const char *name, const char *from)
{
	setenv("NAME", name, 1);
	if (!strcmp(from, "kmod"))
		shell("mkdir $NAME && cp $TOP/kmod/*.[ch] $NAME/");
	else if (!strncmp(from, "patch ", 6))
		shell(with("mkdir $NAME w w/kmod && cp $TOP/kmod/*.[ch] w/kmod/ && patch -s -p1 -F0 -d w <$TOP/tests/mutants/patches/%s.patch && mv w/kmod/* $NAME/",
			     from + 6));
	else
		shell(with("mkdir $NAME && cp $TOP/tests/%s $NAME/shmcount.c",
			     from));
}

/* What is handed in is built in a jail; the jail says what it lacks. */
static void need_jail(void)
{
	struct run run;

	shell("mkdir -p nothing");
	run = RUN("jail", in_tree("build/kernel/bookworm/tree"), "nothing", "x",
		  "true");
	if (WEXITSTATUS(run.status) == 125)
		test_skip("what is handed in cannot be built here: %.*s",
			  (int)strcspn(run.errors, "\n"), run.errors);
}

void set_variables(const char *graded)
{
	/* GUEST is for other tests a folder. */
	unsetenv("GUEST");
	setenv("KERNEL", "bookworm", 1);
	if (access(in_tree("build/kernel/bookworm/tree"), F_OK) ||
	    access(in_tree("build/bad/bookworm/force_return.ko"), F_OK))
		test_skip("the kernel that is graded on is not there: make grade fetches it");
	need_jail();
	setenv("GRADED", graded, 1);
	setenv("GRADES", with("%s/grades", getcwd(NULL, 0)), 1);
	setenv("POINTS", in_tree("tests/grade/points"), 1);
	setenv("TESTS", "", 1);
}
