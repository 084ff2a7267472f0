// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the lab: is its table valid, is the output of make lab right, and does
 * the skeleton pass step 1 and no other? A script plays the guests (guest/actor.h),
 * except in that last test. (make lab-test has the solutions of all steps.)
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
#include "lab/steps.h"
#include "program.h"
#include "status.h"

/* A table of three steps. */
static const char table[] =
"# a comment\n"
"\n"
"1 load-and-unload	load.and_unload_again_and_again\n"
"2 the-node	load.mode_is_octal\n"
"2 the-node	perm.*\n"
"3 more	io.seek\n";

/* Make a tree with this table and a module with which the tests do this. */
static void set_scene(const char *steps, const char *does)
{
	shell("mkdir -p tests/guest build && ln -sf \"$TOP/build/guest\" build/");
	shell("rm -f guests");
	write_script("tests/guest/vm.sh", guest_actor);
	write_text("shmcount.ko", does);
	write_text("steps", steps);
}

/* Run lab with an option and the table of this test. */
static struct run run_lab(const char *option)
{
	return RUN("/bin/sh", "-c",
		   text_of("exec \"$PROGRAMS/lab\" %s . steps shmcount.ko", option));
}

static void expect_lab(const char *option, int status, const char *output)
{
	struct run run = run_lab(option);

	ASSERT_STREQ("", run.errors);
	ASSERT_STREQ(output, run.output);
	expect_status(&run, status);
}

TEST(lab, table_is_well_formed)
{
	static struct steps steps;
	const char *suite = in("TOP", "build/guest/suite");
	char *seen;

	if (!read_steps(&steps, in("TOP", "kmod/lab/steps")))
		FAIL("%s", steps.wrong);
	ASSERT_TRUE(steps.count > 1);
	for (int i = 0; i < steps.count; i++)
		for (int t = 0; t < steps.steps[i].test_count; t++) {
			shell(text_of("%s -l '%s' >tests.new && sed 's/^/%d /' tests.new >>tests",
				      suite, steps.steps[i].tests[t], i + 1));
		}
	/* If a test were in two steps, the earlier step would need the later. */
	seen = shell("sort -u tests | cut -d ' ' -f 2 | sort | uniq -d");
	if (seen && *seen)
		FAIL("in more than one step: %s", seen);
}

/* Each step has a comment in the skeleton, and a heading in the README. */
TEST(lab, skeleton_has_a_place_for_each_step)
{
	static struct steps steps;

	ASSERT_TRUE(read_steps(&steps, in("TOP", "kmod/lab/steps")));
	for (int i = 2; i <= steps.count; i++) {
		shell(text_of("grep -q '/\\* Steps* %d' %s", i, in("TOP", "kmod/lab/shmcount.c")));
		shell(text_of("grep -q '^## %d\\. ' %s", i, in("TOP", "kmod/lab/README.md")));
	}
}

/* A solution of the lab gets 100 points (make grade POINTS=lab). */
TEST(lab, points_of_the_steps_are_100)
{
	static struct steps steps;
	unsigned long points = 0;

	ASSERT_TRUE(read_steps(&steps, in("TOP", "kmod/lab/steps")));
	for (int i = 0; i < steps.count; i++) {
		ASSERT_TRUE(steps.steps[i].points);
		points += steps.steps[i].points;
	}
	ASSERT_EQ(100, points);
}

static void expect_refused_table(const char *text, const char *why)
{
	set_scene(text, "");
	expect_refusal(run_lab(""), STATUS_USAGE, why);
}

TEST(lab, table_that_is_wrong_is_refused)
{
	expect_refused_table("", "there is no step in it");
	expect_refused_table("1 load\n", "line 1 is not STEP NAME TEST...");
	expect_refused_table("2 node io.seek\n",
			     "line 1: step 2, node does not follow");
	expect_refused_table("1 load io.seek\n3 node io.seek\n",
			     "line 2: step 3, node does not follow");
	expect_refused_table("1 load io.seek\n1 node io.seek\n",
			     "line 2: step 1, node does not follow");
	expect_refused_table("one load io.seek\n", "line 1: step one, load");
	expect_refused_table("1 load io.seek points=-1\n",
			     "line 1: points=-1 has to be a number up to 10000");
}

TEST(lab, table_with_a_test_that_is_none_is_refused)
{
	set_scene("1 load io.seek\n2 node io.seek io.sek\n", "");
	expect_refusal(run_lab(""), STATUS_USAGE,
		       "step 2 of the table names a test that does not exist: io.sek");
}

TEST(lab, only_steps_that_are_there)
{
	set_scene(table, "");
	expect_refusal(run_lab("-s 4"), STATUS_USAGE,
		       "there is no step 4: they are 1 to 3");
	expect_refusal(run_lab("-s 0"), STATUS_USAGE, "there is no step 0");
	expect_refusal(run_lab("-s x"), STATUS_USAGE, "there is no step x");
}

/* Each step has a guest of its own. */
TEST(lab, all_pass)
{
	set_scene(table, "");
	expect_lab("", 0,
		   "step 1, load and unload: passed\n"
		   "step 2, the node: passed\n"
		   "step 3, more: passed\n"
		   "All 3 steps pass. Well done.\n");
	ASSERT_STREQ("guest load.and_unload_again_and_again\n"
		     "guest load.mode_is_octal perm.*\n"
		     "guest io.seek\n",
		     shell("sed 's/ perm[.].*/ perm.*/' guests"));
}

/* Of several failures the one that comes first in the table is shown. */
TEST(lab, not_yet_says_what_was_seen_and_what_is_next)
{
	set_scene("1 start load.and_unload_again_and_again\n2 more map.fork_shares io.seek\n"
		  "2 more io.pieces\n",
		  "io.seek timeout\nmap.fork_shares fail\n");
	expect_lab("", STATUS_FAILED,
		   "step 1, start: passed\n"
		   "step 2, more: not yet: map.fork_shares: tests/x.c:1: told by the test (1 of 3 tests pass)\n"
		   "A good start: it loads and unloads. Next is step 2, more: see kmod/lab/README.md;\n"
		   "make lab STEP=2 checks just that.\n");
}

TEST(lab, test_without_end)
{
	set_scene(table, "io.seek timeout\n");
	expect_lab("-s 3", STATUS_FAILED,
		   "step 3, more: not yet: io.seek: no end after 20 seconds (0 of 1 tests pass)\n"
		   "Step 3 is not there yet; kmod/lab/README.md has what to read for it.\n");
}

static void expect_bad_end(const char *what, const char *why)
{
	set_scene(table, text_of("load.mode_is_octal %s\n", what));
	expect_lab("", STATUS_FAILED, text_of("step 1, load and unload: passed\n"
		   "step 2, the node: %s: load.mode_is_octal: %s\n"
		   "The kernel's last words are in ./guest.log.\n"
		   "A good start: it loads and unloads. Next is step 2, the node: see kmod/lab/README.md;\n"
		   "make lab STEP=2 checks just that.\n", what, why));
}

TEST(lab, crash_and_hang_are_told_apart)
{
	expect_bad_end("crash", "BUG: told");
	expect_bad_end("hang", "no end after 150 seconds");
}

TEST(lab, crash_after_the_last_test_takes_the_step_back)
{
	set_scene(table, "io.seek late\n");
	expect_lab("-s 3", STATUS_FAILED,
		   "step 3, more: crash: io.seek: BUG: late\n"
		   "The kernel's last words are in ./guest.log.\n"
		   "Step 3 is not there yet; kmod/lab/README.md has what to read for it.\n");
	set_scene(table, "io.seek not-off\n");
	expect_text(run_lab("-s 3").output,
		    "step 3, more: hang: io.seek: the program has ended, but the guest does not\n");
}

/* Each module has its own results, and a crash ends no more than its step. */
TEST(lab, all_steps_of_several_modules)
{
	struct run run;

	set_scene(table, "");
	write_text("a.ko", "load.and_unload_again_and_again crash\n");
	write_text("b.ko", "perm.only_root_unloads stuck\nload.mode_is_octal crash\n");
	run = must_end_silently(RUN("lab", "-a", ".", "steps", "a.ko", "b.ko", "shmcount.ko"),
				STATUS_FAILED);
	expect_text(run.output, "a: step 1, load and unload: crash: load.and_unload_again_and_again: BUG: told\n"
		    "a: step 2, the node: passed\n");
	expect_text(run.output, "b: step 2, the node: crash: load.mode_is_octal: BUG: told\n");
	expect_text(run.output, "\na passes 2 3\nb passes 1 3\nshmcount passes 1 2 3\n");
}

/* The tests after it never saw the module that stays. */
TEST(lab, module_that_stays_costs_that_test_only)
{
	set_scene("1 more io.seek map.fork_shares map.private_copy\n",
		  "io.seek stuck\nmap.private_copy stuck\n");
	expect_lab("-s 1", STATUS_FAILED,
		   "step 1, more: not yet: io.seek: tests/x.c:2: it stays (1 of 3 tests pass)\n"
		   "Step 1 is not there yet; kmod/lab/README.md has what to read for it.\n");
	ASSERT_EQ(3, lines_in(read_text("guests")));
}

TEST(lab, tests_that_were_all_skipped_are_no_pass)
{
	set_scene(table, "io.seek skip\n");
	expect_lab("-s 3", STATUS_FAILED,
		   "step 3, more: not yet: none of its tests can run on this kernel\n"
		   "Step 3 is not there yet; kmod/lab/README.md has what to read for it.\n");
}

TEST(lab, no_guest_is_no_verdict)
{
	struct run run;

	set_scene(table, "io.seek killed\n");
	run = must_end(run_lab("-s 3"), STATUS_INFRASTRUCTURE);
	expect_text(run.errors, "no guest started, or it did not finish");
	ASSERT_EQ(0, lines_in(run.output));
}

/* The runner's message, if it has one, is the only one. */
TEST(lab, why_there_is_no_guest_is_told_once)
{
	set_scene(table, "unbootable\n");
	shell("sed -i '2i echo vm: infrastructure: there is no module x.ko >&2' tests/guest/vm.sh");
	expect_refusal(run_lab(""), STATUS_INFRASTRUCTURE,
		       "vm: infrastructure: there is no module x.ko");
}

TEST(lab, skipped_tests_of_a_step_that_passes_are_told)
{
	set_scene("1 more io.seek map.fork_shares\n", "io.seek skip\n");
	expect_lab("-s 1", 0, "step 1, more: passed, but 1 of its tests cannot run in this guest\n"
		   "Step 1 passes.\n");
}

TEST(lab, interrupt_ends_it)
{
	set_scene(table, "");
	write_script("tests/guest/vm.sh", "#!/bin/sh\nexit 130\n");
	expect_refusal(run_lab(""), STATUS_INTERRUPTED, "interrupted");
}

/* Ctrl-C ends the guest, unless lab was started with SIGINT ignored. */
TEST(lab, ignored_interrupt_stays_ignored)
{
	struct run run;

	set_scene(table, "");
	shell("sed -i 's/^#!.*/&\\nkill -INT $$/' tests/guest/vm.sh");
	run = START_DEAF("lab", "-s", "1", ".", "steps", "shmcount.ko");
	expect_silent(collect(&run), 0);
	expect_text(run.output, "step 1, load and unload: passed\n");
	expect_refusal(run_lab("-s 1"), STATUS_INTERRUPTED, "interrupted");
}

/* run.sh builds in this directory, not in that of a student. */
static struct run run_script(const char *source, const char *option)
{
	unsetenv("KMOD");
	return RUN(in("TOP", "tests/lab/run.sh"), getcwd(NULL, 0), source, option);
}

/* Give run.sh a student's directory. */
static struct run run_directory(const char *directory)
{
	return run_script(text_of("%s/%s", getcwd(NULL, 0), directory), "-s1");
}

TEST(lab, directory_has_to_be_one)
{
	expect_refusal(run_directory("none"), STATUS_USAGE, "there is no directory");
	ASSERT_OK(mkdir("empty", 0755));
	expect_refusal(run_directory("empty"), STATUS_USAGE, "there is no Kbuild in");
}

TEST(lab, what_does_not_build_says_where)
{
	struct run run;

	shell(text_of("cp -r '%s/kmod/lab' 'a&b|c' && sed -i 's/return 0;/return zero;/' 'a&b|c/shmcount.c'",
		      in("TOP", "")));
	run = must_end(run_directory("a&b|c"), STATUS_FAILED);
	/* From Linux 6.13 on kbuild prints paths relative to the directory. */
	expect_text(run.errors,
		    shell("sed -n '/return zero/{=;q}' */shmcount.c | "
			  "sed 's/.*/shmcount.c:&:/' | tr -d '\\n'"));
	expect_text(run.errors, "/a&b|c does not build a shmcount.ko");
	ASSERT_TRUE(!strstr(run.errors, "sed: "));
	ASSERT_EQ(0, lines_in(run.output));
}

/* What has not changed is not built again; its warnings are told again. */
TEST_LIMIT(lab, module_is_built_if_it_has_changed, 120)
{
	static const char unused[] = "unused variable";
	struct run run;

	shell(text_of("cp -r '%s/kmod/lab' mine && sed -i 's/return 0;/int unused; return 0;/' mine/shmcount.c",
		      in("TOP", "")));
	for (int i = 0; i < 2; i++) {
		run = run_directory("mine");
		expect_text(run.errors, i ? "/mine has not changed\n" : "lab: building ");
		expect_text(run.errors, unused);
		expect_text(run.output, "step 1, load and unload: passed\n");
	}
	shell("sed -i 's/int unused; //' mine/shmcount.c");
	run = run_directory("mine");
	expect_text(run.errors, "lab: building ");
	ASSERT_TRUE(!strstr(run.errors, unused));
}

/* make lab prints a command for the same module on the same kernel. */
TEST_LIMIT(lab, next_command_has_what_was_given, 60)
{
	set_scene(table, "");
	write_text("its.ko", "load.and_unload_again_and_again fail\n");
	/* The tree has what run.sh needs; make only prints how to start it. */
	shell("mkdir tests/lab && cp \"$TOP/tests/lab/run.sh\" tests/lab/ && "
	      "ln -s \"$TOP/tests/kernel\" tests/ && ln -s \"$TOP/kmod\" . && "
	      "ln -s \"$TOP/build/kernel\" \"$PROGRAMS\" build/");
	expect_text(shell("env -u MAKEFLAGS -u MFLAGS make -sn -C \"$TOP\" lab SRC=\"it's \\$mine\" KMOD=its.ko KERNEL=6.1 | "
			  "grep -A 9 'tests/lab/run.sh' >line; KMOD=its.ko sh line 2>errors || :"),
		    "\nmake lab SRC='it'\\''s $mine' KMOD='its.ko' KERNEL='6.1' STEP=1 checks just that.\n");
}

/* In the folder of make lab-start make knows the project, whatever the folder's name. */
TEST_LIMIT(lab, start_makes_a_folder_to_work_in, 60)
{
	struct run run;

	setenv("DIR", "my lab's $folder", 1);
	shell("unset MAKEFLAGS MFLAGS; \"$TOP/tests/lab/start.sh\" \"$DIR\" && cmp \"$DIR/shmcount.c\" \"$TOP/kmod/lab/shmcount.c\"");
	shell("mkdir project && printf 'lab:\\n\\t@printf \"%%s|\" \"$$TYPED\" \"$(STEP)\" \"$(KERNEL)\"\\nexport TYPED := $(value SRC)\\n' >project/Makefile");
	ASSERT_STREQ(text_of("%1$s/my lab's $folder|||%1$s/my lab's $folder|5|6.12|", getcwd(NULL, 0)),
		     shell("unset MAKEFLAGS MFLAGS; make -C \"$DIR\" -s SHMCOUNT=$PWD/project && make -C \"$DIR\" -s SHMCOUNT=$PWD/project 5 KERNEL=6.12"));
	/* What make lab says there is a command for there. */
	expect_text(shell("env -u MAKEFLAGS -u MFLAGS make -sn -C \"$DIR\" 5 KERNEL=6.1 | grep -A 2 tests/lab/run.sh"),
		    "-r 'make KERNEL='\\''6.1'\\'' ' \\\n\t-s '5'");
	run = RUN(in("TOP", "tests/lab/start.sh"), "my lab's $folder");
	expect_refusal(run, STATUS_USAGE, "lab-start: there is something in my lab's $folder already");
	expect_refusal(RUN(in("TOP", "tests/lab/start.sh"), ""), STATUS_USAGE, "say where");
}

/* The real skeleton builds silently, and passes step 1 and no other. */
TEST_LIMIT(lab, skeleton_passes_exactly_step_1, 120)
{
	static struct steps steps;
	struct run run;

	ASSERT_TRUE(read_steps(&steps, in("TOP", "kmod/lab/steps")));
	run = must_end(run_script("", "-a"), STATUS_FAILED);
	ASSERT_STREQ("lab: building kmod/lab\nlab: testing it in a guest\n",
		     run.errors);
	ASSERT_EQ(steps.count + 1, lines_in(run.output));
	expect_text(run.output, "shmcount: step 1, load and unload: passed\n");
	expect_text(run.output, "\nshmcount passes 1\n");
}
