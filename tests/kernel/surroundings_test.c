// SPDX-License-Identifier: GPL-2.0
/*
 * Tests that our scripts and makefiles do the same in all surroundings: in another
 * locale, umask or environment, with options of make, and in a clone whose path has
 * more than letters in it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "setup_test.h"

static void set_here(void)
{
	setenv("HERE", getcwd(NULL, 0), 1);
}

/*
 * Lines of shell that run in TOP, so that paths are as a user types them. They must
 * print the same in all surroundings: names, words, the modes of files that others
 * use. They must not use what the surroundings change.
 */
static const char *const commands[] = {
	"tests/kernel/doctor.sh $HERE/config",
	"DESTDIR=$HERE/root tests/host/install.sh install && cd $HERE/root && "
		"find . -printf '%p %m\\n' | LC_ALL=C sort",
	"make -s install DESTDIR=$HERE/root && cd $HERE/root && "
		"find . -printf '%p %m\\n' | LC_ALL=C sort",
	"user/comparison/run.sh -n -o $HERE/out -- '--quick speed -n 1 "
		"--locks=sem,none --paths=MAP_ANON' >/dev/null "
		"2>&1; echo $?; LC_ALL=C ls $HERE/out",
	"user/timeline/run.sh -- --pace=soon; echo $?",
	"tests/grade/hidden.sh $HERE/own $HERE/graded build/obj/harness/harness.o "
		"build/obj/harness/held.o "
		"build/obj/harness/harness_sample.o && "
		"$HERE/graded -l",
	"$HERE/root/usr/local/bin/shmcount --help",
};

static struct run run_in(const char *surroundings, const char *command)
{
	return run_shell(text_of("cd \"$TOP\"; %s\n%s", surroundings, command));
}

/* Make what the commands need. */
static void prepare(void)
{
	set_here();
	shell("awk '/^[a-z]/ { sub(\",.*\", \"\", $2); print \"CONFIG_\" $2 }' "
	      "\"$TOP/Kconfig.notes\" | grep -v KPROBES= >config");
	shell("mkdir own \"it's here\" elsewhere elsewhere/tests elsewhere/user; "
	      "printf '#include \"harness.h\"\\nTEST(hidden_b, x) { }\\n"
	      "TEST(hidden_B, y) { }\\n' >own/a.c");
	setenv("CFLAGS", "-D_GNU_SOURCE -Itests -Itests/harness", 1);
	shell("cd \"$TOP\" && DESTDIR=$HERE/root tests/host/install.sh install");
}

static void expect_the_same(const char *const surroundings[], size_t count)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct run plain = must_end(run_in(":", commands[i]), 0);

		ASSERT_TRUE(*plain.output);
		for (size_t j = 0; j < count; j++) {
			struct run run = run_in(surroundings[j], commands[i]);

			if (run.status || strcmp(run.output, plain.output) ||
			    strcmp(run.errors, plain.errors))
				FAIL("%s; %s: expected \"%s%s\", saw \"%s%s\"",
				     surroundings[j], commands[i],
				     plain.output, plain.errors, run.output,
				     run.errors);
		}
	}
}

TEST_LIMIT(surroundings, environment_changes_nothing, 120)
{
	static const char *const surroundings[] = {
		"umask 077",
		"export CDPATH=.:$HERE/elsewhere",
		"export TMPDIR=",
		"export TMPDIR=\"$HERE/it's here\"",
		"export POSIXLY_CORRECT=1",
		"export TAR_OPTIONS=--none GREP_OPTIONS=-v",
		"export MAKELEVEL=1 MAKEFLAGS=k",
		"export GIT_DIR=/nowhere ENV=/nowhere BASH_ENV=/nowhere",
	};

	prepare();
	expect_the_same(surroundings, ARRAY_SIZE(surroundings));
}

TEST(surroundings, failure_has_a_status_of_its_own)
{
	set_here();
	setenv("failure", "0", 1);
	ASSERT_EQ(1, WEXITSTATUS(RUN("/bin/sh", "-c",
				     "cd \"$TOP\" && tests/kernel/kernel.sh name ../x").status));
}

TEST_LIMIT(surroundings, locale_changes_nothing, 120)
{
	static const char *const surroundings[] = {
		"export LANG=de_DE.UTF-8 LC_ALL=de_DE.UTF-8",
		"export LANG=tr_TR.UTF-8 LC_ALL=tr_TR.UTF-8",
	};

	prepare();
	if (RUN("/bin/sh", "-c",
		"for l in de_DE tr_TR; do localedef -i $l -f UTF-8 $HERE/$l.UTF-8 || exit; done").status)
		test_skip("needs localedef and its sources (the package locales)");
	setenv("LOCPATH", getenv("HERE"), 1);
	/* Check that the locale is in use: the comma comes from it. */
	ASSERT_STREQ(",\n", shell("LC_ALL=de_DE.UTF-8 locale decimal_point"));
	expect_the_same(surroundings, ARRAY_SIZE(surroundings));
}

/* The environment of a recipe. */
TEST(surroundings, recipes_are_shielded)
{
	struct run run;

	set_here();
	run = run_in("export CDPATH=. GREP_OPTIONS=-v POSIXLY_CORRECT=1 "
		     "TAR_OPTIONS=--none LC_ALL=C.UTF-8 CONSOLE=x KMOD=its.ko",
		     "printf 'include Makefile\n\nseen:\n\t@env\n' >$HERE/seen && "
		     "make -sf $HERE/seen seen | LC_ALL=C grep -E '^(CDPATH|"
		     "GREP_OPTIONS|POSIXLY_CORRECT|TAR_OPTIONS|LC_ALL|CONSOLE|KMOD)=' | LC_ALL=C sort");
	expect_silent(&run, 0);
	ASSERT_STREQ("KMOD=its.ko\nLC_ALL=C\n", run.output);
}

/* A user may give these to make, or have them in MAKEFLAGS. */
TEST_LIMIT(surroundings, options_of_make, 120)
{
	static const char *const options[] = {
		"-R", "-r", "-j8", "-k", "-i", "-B", "-s", "-w",
		"--no-print-directory",
	};
	struct run run;

	set_here();
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		run = run_in(":", text_of("make -s %s install DESTDIR=$HERE/root && "
			     "$HERE/root/usr/local/bin/shmcount incr_anon 2 2>&1 >/dev/null",
			     options[i]));
		expect_silent(&run, 0);
		expect_text(run.output, "gave count 4\n");
	}
	/* make -n must not run the mutants. */
	run = must_end_silently(run_in(":", "make -n mutants MUTANTS=no_such"), 0);
	expect_text(run.output, "build/tests/mutants");
	ASSERT_TRUE(!strstr(run.output, "no mutant is named"));
}

/* Copy what a clone has; use the kernels of this tree. */
static void make_clone(const char *name)
{
	ASSERT_OK(mkdir(name, 0755));
	setenv("CLONE", name, 1);
	shell("cd \"$TOP\" && cp -a --parents -t \"$HERE/$CLONE\" Makefile "
	      "Kconfig.notes README.md kmod tests user/Makefile user/user.mk "
	      "user/*.[ch1] user/*/*.[ch] user/*/*.sh user/shmcount && "
	      "mkdir \"$HERE/$CLONE/build\" && "
	      "ln -s \"$TOP/build/kernel\" \"$HERE/$CLONE/build/\"");
}

#define REFUSED "may have only letters, digits and . _ - + @ ~ in it"

static void expect_refused(const char *line)
{
	struct run run = must_end(RUN("/bin/sh", "-c", line), 2);

	expect_text(run.errors, REFUSED);
	/* A newline in the path splits the line. */
	ASSERT_EQ(1 + !!strchr(getenv("CLONE"), '\n'), lines_in(run.errors));
	ASSERT_STREQ("", run.output);
}

/* make and scripts say one sentence, and run nothing of the path as a command. */
TEST_LIMIT(surroundings, path_that_would_be_read_otherwise, 60)
{
	static const char odd[] = " \t\n!\"#$%&'()*,:;<=>?[\\]^`{|}";
	static const char *const commands[] = {
		"$(touch ran)", "`touch ran`", "a;touch ran;b", "a&touch ran&b",
		"$(shell touch ran)", "a|touch ran",
	};
	static const char *const lines[] = {
		"make --no-print-directory -C \"$CLONE\" help",
		"make --no-print-directory -C \"$CLONE\"",
		"cd \"$CLONE\" && make clean",
		"\"$CLONE/tests/kernel/doctor.sh\"",
		"\"$CLONE/tests/guest/vm.sh\" run demo",
		"cd \"$CLONE\" && sh tests/kernel/setup.sh tools",
		"cd \"$CLONE\" && sh tests/host/install.sh uninstall",
		"cd \"$CLONE/user/comparison\" && sh run.sh",
	};
	size_t count = strlen(odd) + ARRAY_SIZE(commands);

	set_here();
	shell("here=$PWD && mkdir clone && cd \"$TOP\" && cp --parents "
	      "-t \"$here/clone\" Makefile tests/*/*.sh user/comparison/run.sh");
	setenv("CLONE", "clone", 1);
	for (size_t i = 0; i < count; i++) {
		/* No shell sees a newline at the end of a name. */
		const char *name = i >= strlen(odd) ? commands[i - strlen(odd)] :
			text_of("copy%c%s", odd[i], odd[i] == '\n' ? "1" : "");

		ASSERT_OK(rename(getenv("CLONE"), name));
		setenv("CLONE", name, 1);
		for (size_t j = 0; j < ARRAY_SIZE(lines); j++)
			expect_refused(lines[j]);
	}
	ASSERT_STREQ("", shell("find . -name ran"));
}

/*
 * make, kbuild and compilers work with all letters and the other characters allowed;
 * and ignore what the environment has for another kernel.
 */
TEST_LIMIT(surroundings, path_that_is_as_good, 240)
{
	struct run run;

	set_here();
	if (!getenv("GUEST_KERNEL") ||
	    RUN("/bin/sh", "-c", "[ ! -e \"$TOP/build/kernel/$GUEST_KERNEL/tree\" ]").status)
		test_skip("not with a kernel that has a tree of its own");
	make_clone("Áé-ü_日本+a@b~c");
	run = RUN("/bin/sh", "-c",
		  "export ARCH=none CROSS_COMPILE=none- KBUILD_OUTPUT=/none "
		  "KCFLAGS=--none CDPATH=.; cd \"$CLONE\" && "
		  "make -R -j2 -s build/kmod/$GUEST_KERNEL/shmcount.ko user build/tests/vm && "
		  "tests/kernel/doctor.sh $PWD/build/kernel/$GUEST_KERNEL/config && "
		  "user/incr_anon 2 2>&1 && "
		  "PATH=$PATH:/usr/sbin:/sbin modinfo -F name build/kmod/*/*.ko");
	expect_silent(&run, 0);
	expect_text(run.output, ": fit for the module\n");
	expect_text(run.output, "gave count 4\n");
	expect_text(run.output, "\nshmcount\n");
}
