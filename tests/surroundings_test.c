// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what our scripts and makefiles do in the surroundings that people
 * have: another locale, umask or environment, options of make, and a clone
 * whose path has more than letters in it. TOP is the tree, in the environment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

static void need_tree(void)
{
	if (!getenv("TOP"))
		test_skip("TOP is not set: make check sets it");
	setenv("HERE", getcwd(NULL, 0), 1);
}

/*
 * Lines of shell that are run in TOP, so that paths are as a user types them.
 * What they print has to be the same in all surroundings: names, modes of what
 * is for others, words. They may not use what a surrounding spoils.
 */
static const char *const commands[] = {
	"tests/doctor.sh $HERE/config",
	"DESTDIR=$HERE/root tests/install.sh install && cd $HERE/root && "
		"find . -printf '%p %m\\n' | LC_ALL=C sort",
	"make -s install DESTDIR=$HERE/root && cd $HERE/root && "
		"find . -printf '%p %m\\n' | LC_ALL=C sort",
	"NATIVE=1 COMPARE_OUT=$HERE/out COMPARE_ARGS='--quick speed -n 1 "
		"--locks=sem,none --paths=MAP_ANON' user/comparison/run.sh >/dev/null "
		"2>&1; echo $?; LC_ALL=C ls $HERE/out",
	"WATCH_ARGS=--pace=soon user/watch/run.sh; echo $?",
	"tests/grade/hidden.sh $HERE/own $HERE/graded build/obj/harness.o "
		"build/obj/harness_sample.o && "
		"$HERE/graded -l",
	"$HERE/root/usr/local/bin/shmcount --help",
};

static struct run run_in(const char *surroundings, const char *command)
{
	char *line;
	struct run run;

	EXPECT_OK(asprintf(&line, "cd \"$TOP\"; %s\n%s", surroundings, command));
	run = RUN("/bin/sh", "-c", line);
	free(line);
	return run;
}

/* What the commands need to be there. */
static void prepare(void)
{
	need_tree();
	shell("awk '/^[a-z]/ { sub(\",.*\", \"\", $2); print \"CONFIG_\" $2 }' "
	      "\"$TOP/Kconfig.notes\" | grep -v KPROBES= >config");
	shell("mkdir own \"it's here\" elsewhere elsewhere/tests elsewhere/user; "
	      "printf '#include \"harness.h\"\\nTEST(hidden_b, x) { }\\n"
	      "TEST(hidden_B, y) { }\\n' >own/a.c");
	setenv("CFLAGS", "-D_GNU_SOURCE -Itests", 1);
	shell("cd \"$TOP\" && DESTDIR=$HERE/root tests/install.sh install");
}

static void expect_the_same(const char *const surroundings[], size_t count)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct run plain = run_in(":", commands[i]);

		expect_status(&plain, 0);
		EXPECT(*plain.output);
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
	/* They are taken: a comma comes from there. */
	EXPECT_STR(shell("LC_ALL=de_DE.UTF-8 locale decimal_point"), ",\n");
	expect_the_same(surroundings, ARRAY_SIZE(surroundings));
}

/* What a recipe of the Makefile sees. */
TEST(surroundings, recipes_are_shielded)
{
	struct run run;

	need_tree();
	run = run_in("export CDPATH=. GREP_OPTIONS=-v POSIXLY_CORRECT=1 "
		     "TAR_OPTIONS=--none LC_ALL=C.UTF-8 CONSOLE=x FETCH=x FILES=x "
		     "GUEST=x JAIL=x LIMIT=x ONLY=x SLOWER=x KMOD=its.ko",
		     "printf 'include Makefile\n\nseen:\n\t@env\n' >$HERE/seen && "
		     "make -sf $HERE/seen seen | LC_ALL=C grep -E '^(CDPATH|"
		     "GREP_OPTIONS|POSIXLY_CORRECT|TAR_OPTIONS|LC_ALL|CONSOLE|"
		     "FETCH|FILES|GUEST|JAIL|LIMIT|ONLY|SLOWER|KMOD)=' | LC_ALL=C sort");
	expect_silent(&run, 0);
	EXPECT_STR(run.output, "KMOD=its.ko\nLC_ALL=C\n");
}

/* Each of these as a user may give it to make, or have it in MAKEFLAGS. */
TEST_LIMIT(surroundings, options_of_make, 120)
{
	static const char *const options[] = {
		"-R", "-r", "-j8", "-k", "-i", "-B", "-s", "-w",
		"--no-print-directory",
	};
	char line[300];
	struct run run;

	need_tree();
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		snprintf(line, sizeof(line),
			 "make -s %s install DESTDIR=$HERE/root && "
			 "$HERE/root/usr/local/bin/shmcount incr_anon 2 2>&1 >/dev/null",
			 options[i]);
		run = run_in(":", line);
		expect_silent(&run, 0);
		expect_text(run.output, "gave count 4\n");
	}
	/* What is only to be shown is not done. */
	run = run_in(":", "make -n mutants MUTANTS=no_such");
	expect_silent(&run, 0);
	expect_text(run.output, "build/tests/mutants");
	EXPECT(!strstr(run.output, "no mutant is named"));
}

/* A copy of what a clone has, with the kernels of this one. */
static void make_clone(const char *name)
{
	EXPECT_OK(mkdir(name, 0755));
	setenv("CLONE", name, 1);
	shell("cd \"$TOP\" && cp -a --parents -t \"$HERE/$CLONE\" Makefile "
	      "Kconfig.notes README.md kmod tests/*.* tests/*/ user/Makefile "
	      "user/*.[ch1] user/*/*.[ch] user/*/*.sh user/shmcount && "
	      "mkdir \"$HERE/$CLONE/build\" && "
	      "ln -s \"$TOP/build/kernel\" \"$HERE/$CLONE/build/\"");
}

#define REFUSED "may have only letters, digits and . _ - + @ ~ in it"

static void expect_refused(const char *line)
{
	struct run run = RUN("/bin/sh", "-c", line);

	expect_status(&run, 2);
	expect_text(run.errors, REFUSED);
	/* A newline of the path's own makes two of it. */
	EXPECT_EQ(lines_in(run.errors), 1 + !!strchr(getenv("CLONE"), '\n'));
	EXPECT_STR(run.output, "");
}

/* One sentence, and nothing of the path is run as a command. */
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
		"\"$CLONE/tests/doctor.sh\"",
		"\"$CLONE/tests/vm.sh\" run demo",
		"cd \"$CLONE\" && sh tests/setup.sh tools",
		"cd \"$CLONE\" && sh tests/install.sh uninstall",
		"cd \"$CLONE/user/comparison\" && sh run.sh",
	};
	size_t count = strlen(odd) + ARRAY_SIZE(commands);
	char name[32];

	need_tree();
	shell("mkdir clone clone/tests clone/user clone/user/comparison && "
	      "cp \"$TOP/Makefile\" clone/ && "
	      "cp \"$TOP\"/tests/*.sh clone/tests/ && "
	      "cp \"$TOP/user/comparison/run.sh\" clone/user/comparison/");
	setenv("CLONE", "clone", 1);
	for (size_t i = 0; i < count; i++) {
		if (i < strlen(odd))	/* no shell sees a newline at its end */
			snprintf(name, sizeof(name), "copy%c%s", odd[i],
				 odd[i] == '\n' ? "1" : "");
		else
			snprintf(name, sizeof(name), "%s",
				 commands[i - strlen(odd)]);
		EXPECT_OK(rename(getenv("CLONE"), name));
		setenv("CLONE", name, 1);
		for (size_t j = 0; j < ARRAY_SIZE(lines); j++)
			expect_refused(lines[j]);
	}
	EXPECT_STR(shell("find . -name ran"), "");
}

/*
 * All letters, and what else may be in it, do for make, kbuild and compilers; and
 * what a user has in the environment for another kernel is none of this one's.
 */
TEST_LIMIT(surroundings, path_that_is_as_good, 240)
{
	const char *kernel = getenv("KERNEL_DIR");
	char line[800];
	struct run run;

	need_tree();
	if (!kernel || RUN("/bin/sh", "-c", "[ ! -e \"$KERNEL_DIR/tree\" ]").status)
		test_skip("not with a kernel that has a tree of its own");
	make_clone("Áé-ü_日本+a@b~c");
	snprintf(line, sizeof(line),
		 "export ARCH=none CROSS_COMPILE=none- KBUILD_OUTPUT=/none "
		 "KCFLAGS=--none CDPATH=.; cd \"$CLONE\" && "
		 "make -R -j2 -s build/kmod/%s/shmcount.ko user build/tests/vm && "
		 "tests/doctor.sh $PWD/build/kernel/%s/config && "
		 "user/incr_anon 2 2>&1 && "
		 "PATH=$PATH:/usr/sbin:/sbin modinfo -F name build/kmod/*/*.ko",
		 strrchr(kernel, '/') + 1, strrchr(kernel, '/') + 1);
	run = RUN("/bin/sh", "-c", line);
	expect_silent(&run, 0);
	expect_text(run.output, ": fit for the module\n");
	expect_text(run.output, "gave count 4\n");
	expect_text(run.output, "\nshmcount\n");
}
