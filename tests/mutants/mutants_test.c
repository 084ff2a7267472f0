// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make mutants: is each result right? A script plays the guests (guest/actor.h),
 * except in the test of the Makefile's rule.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/actor.h"
#include "harness.h"
#include "program.h"

#define CAUGHT_BY "Caught-by: map.fork_shares\n"
#define FAILS CAUGHT_BY "Outcome: fail\n"

/* The line "MODULE TEST WHAT" of the file "does" is what the test does with it. */
static const char builder[] =
"#!/bin/sh\n"
"for module; do\n"
"	name=${module##*/} name=${name%.ko}\n"
"	mkdir -p \"${module%/*}\" && sed -n \"s/^$name //p\" does >\"$module\"\n"
"done\n";

static const char *kernel_name(void)
{
	return in("GUEST_KERNEL", "");
}

/* Make a tree in which scripts replace the build and the guests. */
static void set_scene(const char *does)
{
	kernel_name();
	shell("mkdir -p patches tests/guest build/mutants && "
	      "ln -sf \"$TOP/build/kernel\" \"$TOP/build/guest\" build/");
	write_text("does", does);
	shell("rm -f guests; sed -n 's/^shmcount //p' does >control");
	write_script("tests/guest/vm.sh", guest_actor);
	write_script("builder", builder);
}

static void add_mutant(const char *name, const char *fields)
{
	write_text(text_of("patches/%s.patch", name),
		   text_of("What is wrong.\n%s\n--- a/kmod/x\n", fields));
}

#define MUTANTS "mutants", "./builder", "patches", kernel_name()

static struct run run_mutants(const char *which)
{
	return RUN(MUTANTS, which);
}

static void expect_line(const struct run *run, const char *line)
{
	if (!strstr(run->output, line))
		FAIL("expected \"%s\", saw \"%s%s\"", line, run->output,
		     run->errors);
}

/* Run all mutants: the exit status and a line of the output must be these. */
static void expect_outcome(int status, const char *line)
{
	struct run run = run_mutants(NULL);

	expect_line(&run, line);
	expect_line(&run, status == 1 ? " passed, 1 failed\n" : " passed, 0 failed\n");
	expect_status(&run, status);
}

TEST(mutants, caught)
{
	set_scene("a map.fork_shares fail\n");
	add_mutant("a", FAILS);
	expect_outcome(0, "ok a: caught by map.fork_shares (fail): What is wrong.\n");
}

TEST(mutants, survivor)
{
	set_scene("");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares, and all tests of the module: What is wrong.\n");
}

TEST(mutants, noticed_by_another_test)
{
	set_scene("a io.seek fail\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares; noticed by io.seek: ");
}

TEST(mutants, every_test_that_is_named_has_to_notice)
{
	set_scene("a io.seek fail\n");
	add_mutant("a", "Caught-by: io.seek map.fork_shares\nOutcome: fail\n");
	expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: What is wrong.\n");
}

TEST(mutants, equivalent)
{
	set_scene("");
	add_mutant("a", "Equivalent: it is so\n");
	expect_outcome(0, "ok a: equivalent, as it is so: What is wrong.\n");
	set_scene("a io.seek fail\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by io.seek: ");
	/* A suite that was killed has not passed. */
	set_scene("a io.seek cut\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by io.seek (it ends too early)");
}

TEST(mutants, crash_and_hang_as_promised)
{
	set_scene("a map.fork_shares crash\nb map.fork_shares hang\n"
		  "c map.fork_shares stuck\nd map.fork_shares fail\n");
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

	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			if (i == j)
				continue;
			set_scene(text_of("a map.fork_shares %s\n", seen[i]));
			add_mutant("a", text_of(CAUGHT_BY "Outcome: %s\n", seen[j]));
			expect_outcome(1, text_of("not ok a: expected %s, saw %s%s: What", seen[j],
						  seen[i], i < 2 ? "" : i == 2 ? ": BUG: told" :
						  ": no end after 150 seconds"));
		}
	}
}

/* Another guest goes on after a test that ended the guest: all have to notice. */
TEST(mutants, test_that_ends_its_guest_hides_no_other)
{
	static const char *const ends[] = { "stuck", "crash", "hang" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		set_scene(text_of("a io.seek %s\na map.fork_shares fail\n", ends[i]));
		add_mutant("a", text_of("Caught-by: map.fork_shares io.seek\nOutcome: fail %s\n",
					ends[i]));
		expect_outcome(0, text_of("ok a: caught by io.seek (%s): ", ends[i]));
		set_scene(text_of("a io.seek %s\n", ends[i]));
		expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: ");
	}
}

/* No mutant shares a guest with another, or with the unmodified module. */
TEST(mutants, each_has_a_guest_of_its_own)
{
	set_scene("a map.fork_shares fail\nb map.fork_shares crash\n");
	add_mutant("a", FAILS);
	add_mutant("b", CAUGHT_BY "Outcome: crash\n");
	expect_outcome(0, "\n2 passed, 0 failed\n");
	ASSERT_STREQ("3 guest map.fork_shares\n", shell("uniq -c guests | sed 's/^ *//'"));
}

/* All that a mutant does has to be promised, in the order of the suite. */
TEST(mutants, failure_beside_a_crash_has_to_be_promised)
{
	set_scene("a io.seek fail\na map.fork_shares crash\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: crash\n");
	expect_outcome(1, "not ok a: expected crash, saw fail: What is wrong.\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: crash fail\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (crash): ");
	set_scene("a io.seek timeout\na map.fork_shares crash\n");
	expect_outcome(1, "not ok a: no proof, as io.seek says no more than: no end after 20 seconds: ");
	set_scene("a io.seek hang\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: hang\n");
	expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: ");
}

TEST(mutants, process_that_cannot_be_killed_is_a_hang)
{
	set_scene("a map.fork_shares unkillable\n");
	add_mutant("a", CAUGHT_BY "Outcome: hang\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (hang): ");
	/* One that can be killed is no proof, whatever ends the guest then. */
	set_scene("a map.fork_shares timeout\na map.private_copy killed\n");
	add_mutant("a", "Caught-by: map.fork_shares map.private_copy\nOutcome: hang\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: ");
}

/* A timeout or a failed load is no proof: any broken module causes it. */
TEST(mutants, no_proof_by_a_vague_failure)
{
	set_scene("a map.fork_shares timeout\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: no end after 20 seconds: ");
	set_scene("a map.fork_shares not-loaded\n");
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: x.c:1: cannot load it: ");
}

/* A test that fails with the unmodified module proves nothing. */
TEST(mutants, no_proof_without_a_control)
{
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares fail\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: tests/x.c:1: told by the test: ");
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares crash\n");
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: BUG: told: ");
	/* The crash costs no other test of the group. */
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares crash once\n"
		  "b map.private_copy fail\n");
	add_mutant("b", "Caught-by: map.private_copy\nOutcome: fail\n");
	expect_outcome(1, "\nok b: caught by ");
}

TEST(mutants, lost_guest)
{
	set_scene("shmcount map.fork_shares early\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: its guest ended early: the guest could not go on (exit status 125, ");
	set_scene("a map.fork_shares early\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: ");
	/* The status of a crash, but no record of one. */
	set_scene("a map.fork_shares silent\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: nothing was reported (exit status 121, ");
}

TEST(mutants, skipped_where_its_test_is_skipped)
{
	set_scene("shmcount map.fork_shares skip\n");
	add_mutant("a", FAILS);
	expect_outcome(4, "ok a # SKIP map.fork_shares is skipped in this guest\n");
	expect_outcome(4, "# 1 skipped, each with its reason above\n0 passed, 0 failed\n");
}

TEST(mutants, other_kernels)
{
	set_scene("a map.fork_shares fail\n");
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
		{ "a", CAUGHT_BY "Outcome: bad\n", "has an unknown outcome" },
		{ "a", FAILS "Equivalent: no\n",
		  "is Equivalent and has a Caught-by or Outcome" },
		{ "a", FAILS "Because: no\n", "has an unknown field" },
		{ "a", FAILS "no\n", "has a line that is no field" },
		{ "shmcount", FAILS, "has the name of the unmodified module" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		set_scene("a map.fork_shares fail\n");
		unlink("patches/a.patch");
		add_mutant(wrong[i].name, wrong[i].fields);
		expect_outcome(1, text_of("not ok %s: its header %s: ", wrong[i].name,
					  wrong[i].line));
	}
}

TEST(mutants, test_has_to_be_one)
{
	set_scene("a map.fork_shares fail\n");
	add_mutant("a", "Caught-by: map.no_such\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.no_such: ");
	add_mutant("a", "Caught-by: map.*\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.*: ");
}

TEST(mutants, only_some)
{
	struct run run;

	set_scene("a1 map.fork_shares fail\na2 map.fork_shares fail\n"
		  "b1 map.fork_shares fail\nb2 map.fork_shares fail\n");
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
	expect_refusal(run_mutants(NULL), 2, "SAMPLE=some: it has to be a number from 1 to 512");
	unsetenv("SAMPLE");
	expect_refusal(run_mutants("c*"), 2, "no mutant is named 'c*'");
}

TEST(mutants, modules_that_cannot_be_built)
{
	set_scene("");
	add_mutant("a", FAILS);
	write_script("builder", "#!/bin/sh\nfalse\n");
	expect_refusal(run_mutants(NULL), 125, "the modules cannot be built, see ");
}

#define HEAD "Wrong.\n" FAILS "\n--- a/kmod/shmcount.c\n+++ b/kmod/shmcount.c\n"

/* The rule of the Makefile, with patches of this test. */
TEST_LIMIT(mutants, patch_that_does_not_apply_or_build, 120)
{
	const char *dir;
	struct run run;

	set_scene("");
	write_text("patches/test_apply.patch", HEAD "@@ -1,1 +1,1 @@\n-no such line\n+another\n");
	write_text("patches/test_build.patch",
		   HEAD "@@ -20,2 +20,3 @@\n #include <linux/atomic.h>\n+no_such_type x;\n #include <linux/fs.h>\n");
	/* As in the Makefile: do not prepare a kernel given by hand again. */
	dir = text_of("build/mutants/%s", kernel_name());
	shell("mkdir -p \"$TOP/build/mutants/$GUEST_KERNEL\" && "
	      "ln -s \"$TOP/build/mutants/$GUEST_KERNEL\" build/mutants/");
	run = RUN("mutants", text_of("make -skC '%s' --no-print-directory mutant_patches='%s/patches'%s",
				     getenv("TOP"), getcwd(NULL, 0),
				     strcmp(kernel_name(), "by-hand") ?
				     "" : " -o build/kernel/by-hand/vmlinuz"),
		  "patches", dir);
	shell("rm -r build/mutants/*/test_*");
	expect_line(&run, "not ok test_apply: does not apply (Hunk #1 FAILED at 1.): Wrong.\n");
	expect_line(&run, "not ok test_build: does not build (error: unknown type name ");
	expect_line(&run, "\n0 passed, 2 failed\n");
	expect_status(&run, 1);
}

TEST(mutants, interrupt_leaves_no_guest)
{
	struct run run;

	set_scene("a map.fork_shares sleep\n");
	add_mutant("a", FAILS);
	/* Under nohup the end of the terminal is no interrupt. */
	signal(SIGHUP, SIG_IGN);
	run = START(MUTANTS);
	wait_for_file("sleeper");
	ASSERT_OK(kill(run.pid, SIGHUP));
	usleep(300000);
	ASSERT_EQ(0, waitpid(run.pid, NULL, WNOHANG));
	ASSERT_OK(kill(run.pid, SIGTERM));
	expect_status(collect(&run), 130);
	ASSERT_STREQ("mutants: interrupted\n", run.errors);
	ASSERT_TRUE(kill(atoi(shell("cat sleeper")), 0));
}

TEST(mutants, ignored_signals_stay_ignored)
{
	struct run run;

	set_scene("shmcount map.fork_shares waits\na map.fork_shares fail\n");
	add_mutant("a", FAILS);
	run = START_DEAF(MUTANTS);
	wait_for_file("waiting");
	send_endings(run.pid);
	send_endings(child_of(run.pid));
	write_text("go", "");
	expect_silent(collect(&run), 0);
	expect_line(&run, "ok a: ");
}
