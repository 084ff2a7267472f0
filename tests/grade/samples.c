// SPDX-License-Identifier: GPL-2.0
/* Sample submissions for tests; see samples.h. */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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
	else if (!strncmp(from, "forger ", 7))
		shell(text_of("mkdir $NAME && cd $TOP/tests/grade/samples/forgers && cp *.h $OLDPWD/$NAME/ && cp %s.c $OLDPWD/$NAME/shmcount.c",
			      from + 7));
	else if (!strncmp(from, "sed ", 4))
		shell(text_of("mkdir $NAME && cp $TOP/kmod/*.[ch] $NAME/ && sed -i '%s' $NAME/shmcount.c && ! cmp -s $TOP/kmod/shmcount.c $NAME/shmcount.c",
			      from + 4));
	else if (!strcmp(from, "lab"))
		shell("$TOP/tests/lab/start.sh $NAME >/dev/null && for patch in $TOP/tests/lab/step-*.patch; do patch -s -p1 -F0 -d $NAME <$patch; done");
	else
		shell(text_of("mkdir $NAME && cp $TOP/tests/%s $NAME/shmcount.c",
			      from));
}

void need_jail(void)
{
	struct run run;

	if (access(in("TOP", "build/kernel/bookworm/tree"), F_OK) ||
	    access(in("TOP", "build/modules/bookworm/force_return.ko"), F_OK))
		test_skip("the kernel for grading is not there: make grade fetches it");
	shell("mkdir -p nothing");
	/* In a guest a build takes minutes. */
	run = RUN("jail", "-g", in("TOP", "build/kernel/bookworm/tree"), "nothing", "x",
		  "true");
	if (WEXITSTATUS(run.status) == STATUS_INFRASTRUCTURE)
		test_skip("no submission can be built here but in a guest: %.*s",
			  (int)strcspn(run.errors, "\n"), run.errors);
}

static void lose_capability(const void *unused)
{
	(void)unused;
	ASSERT_OK(prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN));
}

struct run run_in_container(const char *const args[])
{
	struct run run;

	if (geteuid())
		test_skip("needs root, to drop a capability");
	run = start_prepared(lose_capability, NULL, args);
	return *collect(&run);
}

void link_tree(void)
{
	need_jail();
	shell("mkdir -p build/tests $TOP/build/templates && ln -s $TOP/kmod $TOP/tests . && "
	      "cd $TOP/build && ln -s $PWD/grading $PWD/guest $PWD/kernel $PWD/modules "
	      "$PWD/templates $OLDPWD/build/ && "
	      "ln -s $PROGRAMS/jail $PROGRAMS/vm $OLDPWD/build/tests/");
}
