// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make mutants: is what it says of a mutant so? The guests are played
 * by a script, by what a test writes into the file "does"; the modules are
 * empty files, but where the Makefile's rule is what is tested.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

#define CAUGHT_BY "Caught-by: map.fork_shares\n"
#define FAILS CAUGHT_BY "Outcome: fail\n"

/*
 * What a module does in a guest is the line "MODULE WHAT" of "does", for each
 * of its tests; "MODULE@N WHAT" in the Nth place, and "MODULE* WHAT" for the
 * whole suite, go before that. Without a line the tests pass.
 */
static const char guest[] =
"#!/bin/sh\n"
"cd \"$SCRATCH\" || exit 125\n"
"shift 2\n"
"echo guest \"$@\" >>guests\n"
"echo TAP version 13\n"
"echo 1..$(($# / 2))\n"
"n=0 status=0\n"
"while [ $# -gt 0 ]; do\n"
"	n=$((n + 1)) tests=$2 result=ok what=\n"
"	[ \"$tests\" != '*' ] ||\n"
"		what=$(sed -n \"s/^$1[*] //p\" does) tests=map.fork_shares,io.seek\n"
"	[ -n \"$what\" ] || what=$(sed -n \"s/^$1@$n //p\" does)\n"
"	[ -n \"$what\" ] || what=$(sed -n \"s/^$1 //p\" does)\n"
"	echo \"# begin $1\"\n"
"	for test in $(echo \"$tests\" | tr , ' '); do\n"
"		echo \"# > # begin $test\"\n"
"		case $what in\n"
"		crash | hang)\n"
"			echo \"# $what: BUG: told by the test\"\n"
"			echo \"not ok $n $1\"\n"
"			echo \"Bail out! $what: BUG: told by the test, while $1 was running\"\n"
"			[ $what = hang ] && exit 124\n"
"			exit 121 ;;\n"
"		timeout) echo \"# > not ok 1 $test # TIMEOUT 20 seconds\"\n"
"			result='not ok' status=1; continue ;;\n"
"		unloadable) echo '# > # tests/device.c:1: " CANNOT_LOAD " (): Bad'\n"
"			;;\n"
"		lost) echo 'Bail out! infrastructure: no guest'; exit 125 ;;\n"
"		waits) : >waiting; while [ ! -e go ]; do sleep 0.1; done ;;\n"
"		sleep) echo $$ >pid; mv pid sleeper; exec sleep 600 ;;\n"
"		skip) echo \"# > ok 1 $test # SKIP not here\"; continue ;;\n"
"		fail | stuck) ;;\n"
"		\"fail $test\") ;;\n"
"		dead) result='not ok' status=1; echo \"# > ok 1 $test\"; continue ;;\n"
"		*) echo \"# > ok 1 $test\"; continue ;;\n"
"		esac\n"
"		echo \"# > not ok 1 $test\"\n"
"		result='not ok' status=1\n"
"	done\n"
"	[ \"$what\" != stuck ] || echo '# stuck'\n"
"	echo \"$result $n $1\"\n"
"	[ \"$what\" != stuck ] || break\n"
"	shift 2\n"
"done\n"
"exit $status\n";

static const char builder[] =
"#!/bin/sh\n"
"for module; do mkdir -p \"${module%/*}\" && : >\"$module\"; done\n";

static void write_file(const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	EXPECT(file && fputs(text, file) >= 0 && !fclose(file));
}

static const char *kernel_name(void)
{
	const char *dir = getenv("KERNEL_DIR");

	if (!dir || !getenv("TOP"))
		test_skip("KERNEL_DIR and TOP are not set: make check sets them");
	return strrchr(dir, '/') + 1;
}

/* A scene in which nothing is built and no guest is real. */
static void set_scene(const char *does)
{
	char command[4200];

	kernel_name();
	setenv("SCRATCH", getcwd(NULL, 0), 1);
	mkdir("patches", 0755);
	write_file("does", does);
	write_file("guest", guest);
	write_file("builder", builder);
	EXPECT_OK(chmod("guest", 0755));
	EXPECT_OK(chmod("builder", 0755));
	snprintf(command, sizeof(command), "%s/guest", getenv("SCRATCH"));
	setenv("GUEST", command, 1);
	snprintf(command, sizeof(command), "%s/builder", getenv("SCRATCH"));
	setenv("BUILD", command, 1);
}

static void add_mutant(const char *name, const char *fields)
{
	char path[100], text[1000];

	snprintf(path, sizeof(path), "patches/%s.patch", name);
	snprintf(text, sizeof(text), "What is wrong.\n%s\n--- a/kmod/x\n",
		 fields);
	write_file(path, text);
}

static struct run run_mutants(const char *which)
{
	char patches[4200], built[4200];

	snprintf(patches, sizeof(patches), "%s/patches", getenv("SCRATCH"));
	snprintf(built, sizeof(built), "%s/%s", getenv("SCRATCH"),
		 kernel_name());
	return RUN("mutants", patches, built, which);
}

static void expect_line(const struct run *run, const char *line)
{
	if (!strstr(run->output, line))
		FAIL("expected \"%s\", saw \"%s%s\"", line, run->output,
		     run->errors);
}

/* All mutants of the scene come out with this status and this line. */
static void expect_outcome(int status, const char *line)
{
	struct run run = run_mutants(NULL);

	expect_line(&run, line);
	expect_line(&run, status == 1 ? " passed, 1 failed\n" : " passed, 0 failed\n");
	expect_status(&run, status);
}

TEST(mutants, caught)
{
	set_scene("a fail\n");
	add_mutant("a", FAILS);
	expect_outcome(0, "ok a: caught by map.fork_shares (fail): What is wrong.\n");
}

TEST(mutants, survivor)
{
	set_scene("");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares, and the whole suite: What is wrong.\n");
}

TEST(mutants, noticed_by_another_test)
{
	set_scene("a* fail io.seek\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares; noticed in the whole suite by io.seek ");
}

TEST(mutants, every_test_that_is_named_has_to_notice)
{
	set_scene("a fail io.seek\n");
	add_mutant("a", "Caught-by: io.seek map.fork_shares\nOutcome: fail\n");
	expect_outcome(1, "not ok a: map.fork_shares does not notice, of its tests only io.seek ");
}

TEST(mutants, equivalent)
{
	set_scene("");
	add_mutant("a", "Equivalent: it is so\n");
	expect_outcome(0, "ok a: equivalent, as it is so: What is wrong.\n");
	set_scene("a* fail io.seek\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by io.seek ");
	/* A suite that was killed has not passed. */
	set_scene("a* dead\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by no test");
}

TEST(mutants, crash_and_hang_as_promised)
{
	set_scene("a crash\nb hang\nc stuck\nd fail\n");
	add_mutant("a", CAUGHT_BY "Outcome: crash\n");
	add_mutant("b", CAUGHT_BY "Outcome: hang\n");
	add_mutant("c", CAUGHT_BY "Outcome: stuck\n");
	add_mutant("d", CAUGHT_BY "Outcome: fail crash\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (crash): ");
	expect_outcome(0, "ok b: caught by map.fork_shares (hang): ");
	expect_outcome(0, "ok c: caught by map.fork_shares (stuck): ");
	expect_outcome(0, "ok d: caught by map.fork_shares (fail): ");
	expect_outcome(0, "\n4 passed, 0 failed\n");
}

TEST(mutants, outcome_that_was_not_promised)
{
	static const char *const seen[] = { "fail", "stuck", "crash", "hang" };
	char does[20], fields[100], line[100];

	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			if (i == j)
				continue;
			snprintf(does, sizeof(does), "a %s\n", seen[i]);
			snprintf(fields, sizeof(fields),
				 CAUGHT_BY "Outcome: %s\n", seen[j]);
			snprintf(line, sizeof(line),
				 "not ok a: expected %s, saw %s%s: What", seen[j],
				 seen[i], i < 2 ? "" : ": BUG: told by the test");
			set_scene(does);
			add_mutant("a", fields);
			expect_outcome(1, line);
		}
	}
}

/* A crash is of the module it happened under; the others are run again. */
TEST(mutants, innocents_get_another_guest)
{
	set_scene("a fail\nb crash\nc fail\n");
	add_mutant("a", FAILS);
	add_mutant("b", FAILS);
	add_mutant("c", FAILS);
	add_mutant("d", CAUGHT_BY "Outcome: crash\n");
	write_file("does", "a fail\nb crash\nc fail\nd crash\n");
	expect_outcome(1, "not ok b: expected fail, saw crash: BUG: told by the test: ");
	expect_outcome(1, "ok a: caught");
	expect_outcome(1, "ok c: caught");
	expect_outcome(1, "ok d: caught by map.fork_shares (crash)");
}

/* Nor a failure that says nothing of what its test is about. */
TEST(mutants, no_proof_by_a_vague_failure)
{
	set_scene("a timeout\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: no end after 20 seconds: ");
	set_scene("a unloadable\n");
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: tests/device.c:1: cannot load the module (): Bad: ");
}

/* What a test does not pass with the true module it does not prove. */
TEST(mutants, no_proof_without_a_control)
{
	set_scene("a fail\nshmcount@1 fail\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as map.fork_shares does not pass with the true module before it: ");
	set_scene("a fail\nshmcount@3 fail\n");
	expect_outcome(1, "not ok a: no proof, as map.fork_shares does not pass with the true module after it: ");
	set_scene("a crash\nshmcount@1 fail\n");
	add_mutant("a", CAUGHT_BY "Outcome: crash\n");
	expect_outcome(1, "not ok a: no proof, as map.fork_shares does not pass with the true module before it: ");
	set_scene("a fail\nshmcount@3 crash\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as its guest was lost: BUG: told by the test (exit status 121, ");
}

TEST(mutants, lost_guest)
{
	set_scene("shmcount lost\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as its guest was lost: infrastructure: no guest (exit status 125, ");
	set_scene("a lost\n");
	expect_outcome(1, "not ok a: no proof, as its guest was lost: ");
}

TEST(mutants, skipped_where_its_test_is_skipped)
{
	set_scene("shmcount skip\n");
	add_mutant("a", FAILS);
	expect_outcome(4, "ok a # SKIP map.fork_shares is skipped in this guest\n");
	expect_outcome(4, "# 1 skipped, each with its reason above\n0 passed, 0 failed\n");
}

TEST(mutants, other_kernels)
{
	set_scene("a fail\n");
	add_mutant("a", FAILS "Kernels: 4.19.*\n");
	expect_outcome(4, "ok a # SKIP it makes no difference on ");
	add_mutant("a", FAILS "Kernels: 4.19.* [5-9].*\n");
	expect_outcome(0, "ok a: caught");
}

TEST(mutants, header_has_to_be_right)
{
	static const struct { const char *name, *fields, *line; } wrong[] = {
		{ "a", "", "has neither Caught-by nor Equivalent" },
		{ "a", CAUGHT_BY, "has no Outcome" },
		{ "a", CAUGHT_BY "Outcome: bad\n", "has an outcome that is none" },
		{ "a", FAILS "Equivalent: no\n",
		  "is Equivalent and has a Caught-by or Outcome" },
		{ "a", FAILS "Because: no\n", "has a field that is none" },
		{ "a", FAILS "no\n", "has a line that is no field" },
		{ "shmcount", FAILS, "has the name of the true module" },
	};
	char line[200];

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		set_scene("a fail\n");
		unlink("patches/a.patch");
		add_mutant(wrong[i].name, wrong[i].fields);
		snprintf(line, sizeof(line), "not ok %s: its header %s: ",
			 wrong[i].name, wrong[i].line);
		expect_outcome(1, line);
	}
}

TEST(mutants, test_has_to_be_one)
{
	set_scene("a fail\n");
	add_mutant("a", "Caught-by: map.no_such\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.no_such: ");
	add_mutant("a", "Caught-by: map.*\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.*: ");
}

TEST(mutants, only_some)
{
	struct run run;

	set_scene("a1 fail\na2 fail\nb1 fail\nb2 fail\n");
	add_mutant("a1", FAILS);
	add_mutant("a2", FAILS);
	add_mutant("b1", FAILS);
	add_mutant("b2", FAILS);
	run = run_mutants("a*");
	expect_line(&run, "ok a1: ");
	expect_line(&run, "\n2 passed, 0 failed\n");
	setenv("SAMPLE", "2", 1);
	run = run_mutants(NULL);
	expect_line(&run, "ok a1: ");
	expect_line(&run, "ok b1: ");
	expect_line(&run, "\n2 passed, 0 failed\n");
	setenv("SAMPLE", "some", 1);
	expect_refusal(run_mutants(NULL), 2, "SAMPLE=some is not a number of mutants");
	unsetenv("SAMPLE");
	expect_refusal(run_mutants("c*"), 2, "no mutant is named 'c*'");
}

TEST(mutants, modules_that_cannot_be_built)
{
	set_scene("");
	add_mutant("a", FAILS);
	setenv("BUILD", "false", 1);
	expect_refusal(run_mutants(NULL), 125, "the modules cannot be built, see ");
}

/* The Makefile's own rule, with patches of ours. */
TEST_LIMIT(mutants, patch_that_does_not_apply_or_build, 120)
{
	static const char head[] = "--- a/kmod/shmcount.c\n+++ b/kmod/shmcount.c\n";
	char build[9000], built[100], text[1000];
	struct run run;

	set_scene("");
	snprintf(text, sizeof(text), "Wrong.\n" FAILS "\n%s@@ -1,1 +1,1 @@\n-no such line\n+another\n", head);
	write_file("patches/test_apply.patch", text);
	snprintf(text, sizeof(text), "Wrong.\n" FAILS "\n%s@@ -20,2 +20,3 @@\n #include <linux/atomic.h>\n+no_such_type x;\n #include <linux/fs.h>\n", head);
	write_file("patches/test_build.patch", text);
	/* A kernel given by hand is prepared by now: as in the Makefile. */
	snprintf(build, sizeof(build), "make -skC '%s' --no-print-directory mutant_patches='%s/patches'%s",
		 getenv("TOP"), getenv("SCRATCH"),
		 strcmp(kernel_name(), "by-hand") ? "" :
		 " -o build/kernel/by-hand/vmlinuz");
	setenv("BUILD", build, 1);
	snprintf(built, sizeof(built), "build/mutants/%s", kernel_name());
	snprintf(text, sizeof(text), "%s/patches", getenv("SCRATCH"));
	run = RUN("mutants", text, built);
	snprintf(build, sizeof(build), "rm -rf '%s/%s'/test_*", getenv("TOP"), built);
	EXPECT_EQ(system(build), 0);
	expect_line(&run, "not ok test_apply: does not apply (Hunk #1 FAILED at 1.): Wrong.\n");
	expect_line(&run, "not ok test_build: does not build (error: unknown type name ");
	expect_line(&run, "\n0 passed, 2 failed\n");
	expect_status(&run, 1);
}

static void wait_for_file(const char *name)
{
	while (access(name, F_OK))
		usleep(1000);
}

TEST(mutants, interrupt_leaves_no_guest)
{
	char patches[4200], built[4200];
	FILE *file;
	int sleeper;
	struct run run;

	set_scene("a sleep\n");
	add_mutant("a", FAILS);
	snprintf(patches, sizeof(patches), "%s/patches", getenv("SCRATCH"));
	snprintf(built, sizeof(built), "%s/%s", getenv("SCRATCH"),
		 kernel_name());
	/* As under nohup: that the terminal is gone is no interrupt. */
	signal(SIGHUP, SIG_IGN);
	run = START("mutants", patches, built);
	wait_for_file("sleeper");
	EXPECT_OK(kill(run.pid, SIGHUP));
	usleep(300000);
	EXPECT_EQ(waitpid(run.pid, NULL, WNOHANG), 0);
	EXPECT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	expect_status(&run, 130);
	EXPECT_STR(run.errors, "mutants: interrupted\n");
	file = fopen("sleeper", "re");
	EXPECT(file && fscanf(file, "%d", &sleeper) == 1);
	fclose(file);
	EXPECT(kill(sleeper, 0));
}

TEST(mutants, ignored_signals_stay_ignored)
{
	char patches[4200], built[4200];
	struct run run;

	set_scene("a waits\n");
	add_mutant("a", FAILS);
	snprintf(patches, sizeof(patches), "%s/patches", getenv("SCRATCH"));
	snprintf(built, sizeof(built), "%s/%s", getenv("SCRATCH"),
		 kernel_name());
	run = START_DEAF("mutants", patches, built);
	wait_for_file("waiting");
	send_endings(run.pid);
	send_endings(child_of(run.pid));
	write_file("go", "");
	collect(&run);
	expect_silent(&run, 0);
	expect_line(&run, "ok a: ");
}
