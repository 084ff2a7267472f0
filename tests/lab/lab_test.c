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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/actor.h"
#include "harness.h"
#include "lab/mistakes.h"
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

/*
 * Write into the file "solution" the lines of the solutions, of the module and of others
 * that are like it: those of code that the skeleton lacks, and that are long enough to
 * be found nowhere else.
 */
static void collect_solutions(void)
{
	shell("cd \"$TOP\" && { sed -n 's/^+//p' tests/lab/*.patch && "
	      "cat kmod/shmcount.c kmod/techniques/*.[ch] tests/modules/textbook.c "
	      "tests/modules/own_pages.c; } | sed 's/^[ \t]*//' | grep '^[^#/*].\\{23\\}' | "
	      "grep -v '^MODULE_' | sort -u >\"$OLDPWD/lines\"");
	shell("sed 's/^[ \t]*//' \"$TOP/kmod/lab/shmcount.c\" | grep . >skeleton && "
	      "grep -vxF -f skeleton lines >solution");
	/* With too few lines this would find nothing anywhere. */
	shell("[ $(grep -cF -f solution \"$TOP/kmod/shmcount.c\") -gt 50 ]");
}

TEST(lab, handout_has_no_line_of_a_solution)
{
	char *seen;

	in("TOP", "");
	shell("\"$TOP/tests/lab/handout.sh\" out >said");
	shell("mkdir unpacked && tar -xzf out.tar.gz -C unpacked && diff -r out unpacked/out");
	shell("make -C out help | grep -q '^make lab '");
	collect_solutions();
	seen = shell("grep -rnF -f solution out || :");
	if (seen && *seen)
		FAIL("%s", seen);
	/* Nor is there a file, or git's history, that would have one. */
	seen = shell("find out -name '*.patch' -o -name '.git' -o -name '*.ko' -o "
		     "-name shmcount.c ! -path out/kmod/lab/shmcount.c");
	if (seen && *seen)
		FAIL("%s", seen);
}

/* The skeleton of a shorter session. */
TEST(lab, handout_can_begin_at_a_later_step)
{
	in("TOP", "");
	shell("\"$TOP/tests/lab/handout.sh\" out 4 >said");
	ASSERT_STREQ("4\n5\n6\n7\n8\n9\n",
		     shell("grep -o 'Step [0-9]:' out/kmod/lab/shmcount.c | tr -dc '0-9\\n' | sort -u"));
	expect_refusal(RUN(in("TOP", "tests/lab/handout.sh"), "out", "10"), STATUS_USAGE,
		       "STEP=10: the skeleton can begin at the steps 2 to 9");
}

/* What the pages of the lab link to is there, in the tree and in the handout. */
TEST(lab, links_lead_somewhere)
{
	in("TOP", "");
	shell("\"$TOP/tests/lab/handout.sh\" out >said");
	shell("for page in \"$TOP\"/kmod/lab/*.md out/README.md out/kmod/lab/*.md; do "
	      "grep -o '](\\([^):#]*\\))' \"$page\" | tr -d '])(' | while read -r file; do "
	      "ls -d \"${page%/*}/$file\" >>found || exit; done || exit; done");
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
	expect_refusal(run_lab("-s 2-4"), STATUS_USAGE, "there is no step 2-4");
	expect_refusal(run_lab("-s 3-2"), STATUS_USAGE, "there is no step 3-2");
	expect_refusal(run_lab("-s 1-"), STATUS_USAGE, "there is no step 1-");
}

TEST(lab, from_one_step_to_another)
{
	set_scene(table, "");
	expect_lab("-s 2-3", 0,
		   "step 2, the node: passed\n"
		   "step 3, more: passed\n"
		   "2 of these 2 steps pass. Step 1 was not run. That was the last one: make lab checks all of them.\n");
}

/* Who has done a step sees where to go on. */
TEST(lab, step_that_passes_names_the_next)
{
	set_scene(table, "");
	expect_lab("-s 2", 0,
		   "step 2, the node: passed\n"
		   "Step 2 passes. Step 1 was not run. Next is step 3, more: see kmod/lab/README.md;\n"
		   "make lab STEP=3 checks just that.\n");
	expect_lab("-s 3", 0,
		   "step 3, more: passed\n"
		   "Step 3 passes. The steps 1 to 2 were not run. That was the last one: make lab checks all of them.\n");
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
		   "  also io.seek: no end after 20 seconds\n"
		   "The kernel's log of it is ./guest.log.\n"
		   "A good start: it loads and unloads. Next is step 2, more: see kmod/lab/README.md;\n"
		   "make lab STEP=2 checks just that.\n");
}

/* A failure that is in the table of mistakes gets the question of the first such line. */
TEST(lab, frequent_mistake_is_asked_about)
{
	write_text("mistakes",
		   "# TEST | SEEN | QUESTION\n"
		   "io.seek | another reason | Not this one?\n"
		   "io.* | x.c*told by | Who told it?\n"
		   "io.seek | told | Too late?\n");
	set_scene(table, "io.seek fail\n");
	expect_lab("-m mistakes -s 3", STATUS_FAILED,
		   "step 3, more: not yet: io.seek: tests/x.c:1: told by the test (0 of 1 tests pass)\n"
		   "    Who told it?\n"
		   "The kernel's log of it is ./guest.log.\n"
		   "Step 3 is not there yet; kmod/lab/README.md has what to read for it.\n");
	set_scene(table, "io.seek crash\n");
	expect_text(run_lab("-m mistakes -s 3").output, ": BUG: told\n    Too late?\n");
}

/* The tests that a pattern names, each in a line. */
static char *tests_of(const char *pattern)
{
	return shell(text_of("%s -l '%s'", in("TOP", "build/guest/suite"), pattern)) ?: "";
}

/*
 * Each line of the real table has three fields, and is about a test of the lab; and for some
 * test no line above it takes what is for this one.
 */
TEST(lab, table_of_mistakes_is_well_formed)
{
	const char *table = in("TOP", "kmod/lab/mistakes");
	char line[512], pattern[128], seen[128], question[256];
	FILE *file = fopen(table, "re");
	int count = 0;

	ASSERT_TRUE(file);
	while (fgets(line, sizeof(line), file)) {
		bool reached = false;
		char *tests;

		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%127[^ |] | %127[^|]| %255[^|\n]\n", pattern, seen,
			   question) != 3 || !strstr(line, text_of("| %s\n", question)))
			FAIL("not TEST | SEEN | QUESTION: %s", line);
		/* What its own pattern stands for. */
		for (char *star; (star = strchr(seen, '*'));)
			memmove(star, star + 1, strlen(star));
		tests = tests_of(pattern);
		for (char *test = strtok(tests, "\n"); test && !reached;
		     test = strtok(NULL, "\n"))
			reached = !strcmp(question, question_about(table, test, seen) ?: "");
		if (!reached)
			FAIL("no failure can get the question of this line: %s", line);
		count++;
	}
	ASSERT_TRUE(count > 40);
	fclose(file);
}

/* A crash is no failure of what the test asks for, nor is a hang. */
TEST(lab, question_is_about_what_is_seen)
{
	const char *table = in("TOP", "kmod/lab/mistakes");
	char *tests = tests_of("*");

	for (char *test = strtok(tests, "\n"); test; test = strtok(NULL, "\n")) {
		static const char *const seen[] = {
			"", "BUG: kernel NULL pointer dereference, address: 0000000000000008",
			"no end after 20 seconds\n", "cannot unload the module: EBUSY",
		};

		for (size_t i = 0; i < ARRAY_SIZE(seen); i++)
			if (question_about(table, test, seen[i]))
				FAIL("%s, '%s': %s", test, seen[i],
				     question_about(table, test, seen[i]));
	}
}

TEST(lab, test_without_end)
{
	set_scene(table, "io.seek timeout\n");
	expect_lab("-s 3", STATUS_FAILED,
		   "step 3, more: not yet: io.seek: no end after 20 seconds (0 of 1 tests pass)\n"
		   "The kernel's log of it is ./guest.log.\n"
		   "Step 3 is not there yet; kmod/lab/README.md has what to read for it.\n");
}

static void expect_bad_end(const char *what, const char *why, const char *not_run)
{
	set_scene(table, text_of("load.mode_is_octal %s\n", what));
	expect_lab("", STATUS_FAILED, text_of("step 1, load and unload: passed\n"
		   "step 2, the node: %s: load.mode_is_octal: %s\n"
		   "%sThe kernel's last words are in ./guest.log.\n"
		   "A good start: it loads and unloads. Next is step 2, the node: see kmod/lab/README.md;\n"
		   "make lab STEP=2 checks just that.\n", what, why, not_run));
}

TEST(lab, crash_and_hang_are_told_apart)
{
	expect_bad_end("crash", "BUG: told", "");
	expect_bad_end("hang", "no end after 150 seconds", "  5 more tests were not run\n");
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

/* Crashes first; what failed for the same reason is one. */
TEST(lab, all_failures_are_listed)
{
	set_scene("1 more map.fork_shares io.seek map.private_copy io.pieces map.populate\n",
		  "io.seek fail\nio.pieces crash\nmap.private_copy crash\nmap.fork_shares fail\n");
	expect_lab("", STATUS_FAILED,
		   "step 1, more: crash: io.pieces: BUG: told\n"
		   "    the same: map.private_copy\n"
		   "  also map.fork_shares, io.seek: tests/x.c:1: told by the test\n"
		   "The kernel's last words are in ./guest.log.\n"
		   "Step 1 is not there yet; kmod/lab/README.md has what to read for it.\n");
	ASSERT_EQ(3, lines_in(read_text("guests")));
}

/* The other tests would crash of what this one tells. */
TEST(lab, test_that_the_others_wait_for)
{
	set_scene("1 more !map.fork_shares io.seek\n1 more io.pieces\n", "map.fork_shares fail\n");
	expect_lab("-s 1", STATUS_FAILED,
		   "step 1, more: not yet: map.fork_shares: tests/x.c:1: told by the test (0 of 3 tests pass)\n"
		   "  2 more tests were not run\n"
		   "The kernel's log of it is ./guest.log.\n"
		   "Step 1 is not there yet; kmod/lab/README.md has what to read for it.\n");
	ASSERT_STREQ("guest map.fork_shares\n", shell("cat guests"));
	set_scene("1 more !map.fork_shares io.seek\n", "");
	expect_lab("-s 1", 0, "step 1, more: passed\nAll 1 steps pass. Well done.\n");
	ASSERT_STREQ("guest map.fork_shares\nguest io.seek\n", shell("cat guests"));
}

/* A module with debug information, whose test does this; and the log of its guest. */
static void set_scene_built(const char *compiler, const char *log, const char *does)
{
	set_scene(table, "");
	write_text("its.c",
		   "__attribute__((section(\".modinfo\"), used)) static const char name[] = \"name=my-module\";\n"
		   "int my_copy(int i) { return i + 1; }\n"
		   "int my_read(int i) { return my_copy(i) + 1; }\n"
		   "__attribute__((section(\".init.text\"))) int my_init(int i) { return i - 1; }\n"
		   "void my_loop(void)\n{\n\tasm(\"nop\");\n\tasm(\"nop\");\n}\n");
	shell(text_of("%s -g -O0 -c -o shmcount.ko its.c && "
		      "printf '\\nload.mode_is_octal %s\\n' >>shmcount.ko", compiler, does));
	write_text("kernel.log", log);
}

static void set_scene_of(const char *log, const char *does)
{
	set_scene_built("gcc", log, does);
}

#define FOR_ARM64 "aarch64-linux-gnu-gcc"

/* The same of an arm64 guest, whatever this machine is. */
static void set_scene_of_arm64(const char *log, const char *does)
{
	if (system("command -v " FOR_ARM64 " >/dev/null"))
		test_skip("needs " FOR_ARM64 ", which make run ARCH=arm64 installs");
	set_scene_built(FOR_ARM64 " -mbranch-protection=none", log, does);
}

/* What is told of the crash or the hang between the line of the step and the end. */
static char *told(void)
{
	char *output = run_lab("-s 2").output, *end;
	char *begin = strchr(output, '\n') + 1;

	end = strstr(begin, "  5 more tests") ?: strstr(begin, "The kernel's last words");
	ASSERT_TRUE(end);
	return text_of("%.*s", (int)(end - begin), begin);
}

/*
 * What the module said while the test ran, and in which log; what led to a crash may be above
 * it. The lines about taint are no fault of anybody's.
 */
TEST(lab, failure_shows_what_the_log_has_of_the_module)
{
	set_scene_of("[    4.0] test: perm.mode_0600_is_for_root\n"
		     "[    4.0] my_module: of another test\n"
		     "[    4.1] test: load.mode_is_octal\n"
		     "[    4.1] my_module: loading out-of-tree module taints kernel.\n"
		     "[    4.2] my_module: mode=01000\n"
		     "[    4.2] my_module: mode=01000\n"
		     "[    4.2] other: told\n"
		     "[    4.2] do_init_module: 'my_module'->init suspiciously returned 22\n"
		     "[    4.3] BUG: told\n"
		     "[    4.3]  my_copy+0x4/0x10 [my_module]\n", "crash");
	ASSERT_STREQ("    guest.log:5: my_module: mode=01000\n"
		     "    guest.log:8: do_init_module: 'my_module'->init suspiciously returned 22\n"
		     "    its.c:2: my_copy+0x4\n"
		     "    guest.log:9: the kernel's report\n", told());
}

/* The log of an earlier run would be taken for this one's. */
TEST(lab, logs_of_an_earlier_run_are_removed)
{
	set_scene_of("[    4.1] test: load.mode_is_octal\n"
		     "[    4.2] my_module: no\n", "fail");
	shell("touch guest-2.log guest-2.tap guest-3.log");
	expect_text(run_lab("-s 2").output,
		    "    guest.log:2: my_module: no\n"
		    "The kernel's log of it is ./guest.log.\n");
	ASSERT_STREQ("guest.log\n", shell("ls guest*.log"));
}

static const char oops[] =
	"[    4.1] test: perm.mode_0600_is_for_root\n"
	"[    4.1] RIP: 0010:my_init+0x4/0x10 [my_module]\n"
	"[    4.2] test: load.mode_is_octal\n"
	"[    4.3] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
	"[    4.3] RIP: 0010:my_copy+0x4/0x10 [my_module]\n"
	"[    4.3] Call Trace:\n"
	"[    4.3]  <TASK>\n"
	"[    4.3]  ? my_init+0x4/0x20 [my_module]\n"
	"[    4.3]  my_read+0x12/0x20 [my_module]\n"
	"[    4.3]  my_read+0x12/0x20 [other]\n"
	"[    4.3]  vfs_read+0x12/0x20\n"
	"[    4.3]  gone+0x12/0x20 [my_module]\n"
	"[    4.3] RSP: 002b:00007fff29413d98 EFLAGS: 00000246 ORIG_RAX: 0000000000000000\n"
	"[    4.3]  </TASK>\n"
	"[    4.3]  my_init+0x5/0x20 [my_module]\n";

TEST(lab, crash_names_the_line_of_the_module)
{
	set_scene_of(oops, "crash");
	ASSERT_STREQ("    its.c:2: my_copy+0x4, in the system call read\n"
		     "    its.c:3: my_read+0x12 called it\n"
		     "    line unknown: gone+0x12 called it\n"
		     "    guest.log:4: the kernel's report\n", told());
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] WARNING: CPU: 1 PID: 8 at /x/its.c:4 my_init+0x4/0x8 [my_module]\n"
		     "[    4.3] RIP: 0010:my_init+0x4/0x8 [my_module]\n"
		     "[    4.3]  do_init_module+0x4/0x8\n"
		     "[    4.3] RSP: 002b:00007fff29413d98 EFLAGS: 00000246 ORIG_RAX: 0000000000000139\n",
		     "crash");
	ASSERT_STREQ("    its.c:4: my_init+0x4, in the system call finit_module (insmod)\n"
		     "    guest.log:2: the kernel's report\n", told());
}

/* The end of a stack of arm64's. */
#define PREAD_OF_ARM64 \
	"[   34.1]  vfs_read+0xcc/0x2d0\n" \
	"[   34.1]  ksys_pread64+0x84/0xd0\n" \
	"[   34.1]  __arm64_sys_pread64+0x28/0x34\n" \
	"[   34.1]  invoke_syscall+0x68/0xe0\n" \
	"[   34.1]  el0_svc_common.constprop.0+0x4c/0xf4\n" \
	"[   34.1]  do_el0_svc+0x2c/0x9c\n" \
	"[   34.1]  el0_svc+0x34/0xdc\n" \
	"[   34.1]  el0t_64_sync_handler+0xf4/0x120\n" \
	"[   34.1]  el0t_64_sync+0x18c/0x190\n"

/* The panic that follows tells of itself, and may end a stack anywhere. */
#define PANIC_OF_ARM64 \
	"[   34.2] Kernel panic - not syncing: panic_on_taint set ...\n" \
	"[   34.2]  my_init+0x4/0x8 [my_module]\n"

/* Recorded on 6.1, but for the names in the module. A function that calls none is there alone. */
TEST(lab, crash_on_arm64_names_the_line_of_the_module)
{
	set_scene_of_arm64("[   33.3] test: load.mode_is_octal\n"
		"[   33.9] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000\n"
		"[   33.9] Mem abort info:\n"
		"[   33.9]   EC = 0x25: DABT (current EL), IL = 32 bits\n"
		"[   33.9] Internal error: Oops: 0000000096000006 [#1] SMP\n"
		"[   33.9] pstate: 80400005 (Nzcv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)\n"
		"[   34.0] pc : my_copy+0x14/0x1c [my_module]\n"
		"[   34.0] lr : my_read+0x18/0x30 [my_module]\n"
		"[   34.0] sp : ffff8000083d3c70\n"
		"[   34.0] Call trace:\n"
		"[   34.0]  my_copy+0x14/0x1c [my_module]\n"
		PREAD_OF_ARM64 PANIC_OF_ARM64, "crash");
	ASSERT_STREQ("    its.c:2: my_copy+0x14, in the system call pread\n"
		     "    its.c:3: my_read+0x18 called it\n"
		     "    guest.log:2: the kernel's report\n", told());
	/* The function at pc had called another, so lr is no caller. Trixie's has no ksys_. */
	set_scene_of_arm64("[   34.0] test: load.mode_is_octal\n"
		"[   34.2] Internal error: synchronous external abort: 0000000096000010 [#1] SMP\n"
		"[   34.2] pc : my_loop+0x4/0xc [my_module]\n"
		"[   34.2] lr : my_loop+0x8/0xc [my_module]\n"
		"[   34.2] Call trace:\n"
		"[   34.2]  my_loop+0x4/0xc [my_module]\n"
		"[   34.2]  my_read+0x18/0x2c [my_module]\n"
		"[   34.2]  __arm64_sys_pread64+0xb4/0xf0\n"
		"[   34.2]  el0t_64_sync+0x190/0x198\n" PANIC_OF_ARM64, "crash");
	ASSERT_STREQ("    its.c:8: my_loop+0x4, in the system call pread\n"
		     "    its.c:3: my_read+0x18 called it\n"
		     "    guest.log:2: the kernel's report\n", told());
}

/* A module can log any number of frames. */
TEST(lab, crash_with_as_many_frames_as_are_told)
{
	char log[1024] = "[    4.2] test: load.mode_is_octal\n[    4.3] BUG: x\n";
	char lines[1024] = "";

	for (int i = 1; i <= 8; i++) {
		sprintf(log + strlen(log), "[    4.3]  my_copy+0x%x/0x10 [my_module]\n", i);
		sprintf(lines + strlen(lines), "    its.c:2: my_copy+0x%x%s\n", i,
			i > 1 ? " called it" : "");
	}
	set_scene_of(text_of("%s[    4.3]  my_copy+0x9/0x10 [my_module]\n", log), "crash");
	ASSERT_STREQ(text_of("%s    guest.log:2: the kernel's report\n", lines), told());
}

/* So it can be if its first run was a decoy. */
TEST(lab, crash_of_a_test_that_ran_again)
{
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] BUG: x\n"
		     "[    4.3]  my_copy+0x4/0x10 [my_module]\n"
		     "[    4.4] test: load.mode_is_octal\n"
		     "[    4.5]  my_read+0x4/0x10 [my_module]\n", "crash");
	ASSERT_STREQ("    its.c:2: my_copy+0x4\n"
		     "    guest.log:2: the kernel's report\n", told());
}

TEST(lab, crash_without_a_line_of_the_module)
{
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] BUG: Bad page state in process suite  pfn:00024\n"
		     "[    4.3]  bad_page+0x4/0x8\n"
		     "[    4.3]  handle_mm_fault+0x4/0x8\n"
		     "[    4.3]  \033]0;\377+0x4/0x8\n", "crash");
	ASSERT_STREQ("    no line of the module: the kernel was in bad_page, handle_mm_fault, \\x1b]0;\\xff, in a page fault\n"
		     "    guest.log:2: the kernel's report\n", told());
}

#define NUMBER_OF(number) #number
#define NUMBER(number) NUMBER_OF(number)

/* The harness logs where each process is; one that waits for another tells nothing. */
TEST(lab, hang_names_the_line_of_the_module)
{
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] stuck: process 87 (S), system call " NUMBER(SYS_wait4) "\n"
		     "[    4.3] [<0>] do_wait+0x4/0x8\n"
		     "[    4.3] stuck: process 88 (D), system call " NUMBER(SYS_read) "\n"
		     "[    4.3] [<0>] mutex_lock+0x4/0x8\n"
		     "[    4.3] [<0>] my_read+0x12/0x20 [my_module]\n"
		     "[    4.3] [<0>] vfs_read+0x4/0x8\n"
		     "[    4.3] stuck: process 89 (D), system call 1\n"
		     "[    4.3] [<0>] my_copy+0x12/0x20 [my_module]\n", "hang");
	ASSERT_STREQ("    its.c:3: my_read+0x12, in the system call read\n"
		     "    guest.log:2: the kernel's report\n", told());
}

/* The numbers are those of the guest's architecture. */
TEST(lab, hang_on_arm64_names_the_line_of_the_module)
{
	set_scene_of_arm64("[   34.5] test: load.mode_is_octal\n"
		"[   55.3] stuck: process 89 (D), system call 67\n"
		"[   55.3] [<0>] my_copy+0x14/0x18 [my_module]\n"
		"[   55.3] [<0>] my_read+0x18/0x30 [my_module]\n"
		"[   55.3] [<0>] el0t_64_sync+0x18c/0x190\n"
		"[   55.4] stuck: process 90 (D), system call 63\n"
		"[   55.4] [<0>] my_init+0x4/0x8 [my_module]\n", "hang");
	ASSERT_STREQ("    its.c:2: my_copy+0x14, in the system call pread\n"
		     "    its.c:3: my_read+0x18 called it\n"
		     "    guest.log:2: the kernel's report\n", told());
}

#define BY_AN_INTERRUPT \
	"[   52.0]  gic_handle_irq+0x64/0x90\n" \
	"[   52.0]  el1h_64_irq_handler+0x18/0x2c\n" \
	"[   52.0]  el1h_64_irq+0x64/0x68\n" \
	"[   52.1]  my_loop+0x4/0xc [my_module]\n" \
	PREAD_OF_ARM64

/* There no NMI interrupts. Recorded on 6.1, and on 6.12 with pages of 16 KiB. */
TEST(lab, hang_of_what_runs_on_arm64_names_the_line_of_the_module)
{
	static const char *const logs[] = {
		"[   31.2] test: load.mode_is_octal\n"
		"[   51.9] stuck: process 89 (R), system call running\n"
		"[   52.0] [<0>] 0x0\n"
		"[   52.0] sysrq: Show backtrace of all active CPUs\n"
		"[   52.0] sysrq: CPU0:\n"
		"[   52.0] Call trace:\n"
		"[   52.0]  ksys_write+0x7c/0x11c\n"
		"[   52.0]  __arm64_sys_write+0x24/0x30\n"
		"[   52.0]  el0t_64_sync+0x18c/0x190\n"
		"[   52.0] sysrq: CPU1:\n"
		"[   52.0] Call trace:\n"
		"[   52.0]  showacpu+0xa0/0x124\n"
		BY_AN_INTERRUPT,
		"[   15.1] test: load.mode_is_octal\n"
		"[   35.6] stuck: process 137 (R), system call running\n"
		"[   35.7] [<0>] 0x1\n"
		"[   35.7] sysrq: Show backtrace of all active CPUs\n"
		"[   35.7] NMI backtrace for cpu 1\n"
		"[   35.7]  ksys_write+0x7c/0x120\n"
		"[   35.7]  __arm64_sys_write+0x24/0x38\n"
		"[   35.7]  el0t_64_sync+0x190/0x198\n"
		"[   35.7] Sending NMI from CPU 1 to CPUs 0:\n"
		"[   35.8] NMI backtrace for cpu 0\n"
		"[   35.8] pc : sched_balance_update_blocked_averages+0x468/0x6d8\n"
		"[   35.8] lr : sched_balance_update_blocked_averages+0x460/0x6d8\n"
		"[   35.8] Call trace:\n"
		"[   35.8]  sched_balance_update_blocked_averages+0x468/0x6d8\n"
		BY_AN_INTERRUPT,
	};

	for (size_t i = 0; i < ARRAY_SIZE(logs); i++) {
		set_scene_of_arm64(logs[i], "hang");
		/* The second nop; what had called would be the first. */
		ASSERT_STREQ("    its.c:8: my_loop+0x4, in the system call pread\n"
			     "    guest.log:2: the kernel's report\n", told());
	}
}

/* A processor that takes no interrupts does not answer; where the harness is tells nothing. */
TEST(lab, hang_without_interrupts_on_arm64_names_no_place)
{
	set_scene_of_arm64("[   33.9] test: load.mode_is_octal\n"
		"[   54.7] stuck: process 89 (R), system call running\n"
		"[   54.8] [<0>] 0xffff00001001bc60\n"
		"[   54.9] sysrq: Show backtrace of all active CPUs\n"
		"[   54.9] sysrq: CPU0:\n"
		"[   54.9] Call trace:\n"
		"[   54.9]  sysrq_handle_showallcpus+0xa4/0xb0\n"
		"[   54.9]  write_sysrq_trigger+0x7c/0xc0\n"
		"[   54.9]  __arm64_sys_write+0x24/0x30\n"
		"[   54.9]  el0t_64_sync+0x18c/0x190\n", "hang");
	ASSERT_STREQ("    guest.log:2: the kernel's report\n", told());
}

/* A process that waits in the kernel tells more than a processor on which nothing runs. */
TEST(lab, hang_of_what_waits_is_told_before_idle_processors)
{
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] stuck: process 88 (D), system call 128\n"
		     "[    4.3] [<0>] folio_wait_bit_common+0x4/0x8\n"
		     "[    4.3] stuck: process 89 (R), system call running\n"
		     "[    4.3] NMI backtrace for cpu 0\n"
		     "[    4.3] RIP: 0010:native_safe_halt+0x4/0x10\n", "hang");
	ASSERT_STREQ("    no line of the module: the kernel was in folio_wait_bit_common, in the system call rt_sigtimedwait\n"
		     "    guest.log:2: the kernel's report\n", told());
}

/* What runs is interrupted, and the harness that asks for it as well. */
TEST(lab, hang_of_what_runs_names_the_line_of_the_module)
{
	set_scene_of("[    4.2] test: load.mode_is_octal\n"
		     "[    4.3] stuck: process 88 (R), system call running\n"
		     "[    4.3] sysrq: Show backtrace of all active CPUs\n"
		     "[    4.3] NMI backtrace for cpu 0\n"
		     "[    4.3]  ksys_write+0x4/0x8\n"
		     "[    4.3] RSP: 002b:00007fff29413d98 EFLAGS: 00000246 ORIG_RAX: 0000000000000001\n"
		     "[    4.3]  </TASK>\n"
		     "[    4.3] NMI backtrace for cpu 1\n"
		     "[    4.3] RIP: 0010:my_copy+0x4/0x10 [my_module]\n"
		     "[    4.3]  handle_mm_fault+0x4/0x8\n"
		     "[    4.3] RSP: 002b:00007fff29413d98 EFLAGS: 00000246\n"
		     "[    4.3]  </TASK>\n", "hang");
	ASSERT_STREQ("    its.c:2: my_copy+0x4, in a page fault\n"
		     "    guest.log:2: the kernel's report\n", told());
}

/* Neither a log nor a module can do harm; what is told of broken ones does not matter. */
TEST_LIMIT(lab, log_and_module_may_be_anything, 120)
{
	static char text[sizeof(oops)];
	const char *begin = "step 2, the node: crash: load.mode_is_octal: BUG: told\n";

	set_scene_of(oops, "crash");
	ASSERT_OK(rename("shmcount.ko", "whole.ko"));
	for (size_t i = 0; i < sizeof(oops); i += 37) {
		memcpy(text, oops, sizeof(oops));
		memset(text + i, "\xff+0x:/"[i % 6], i % 40 < sizeof(oops) - 1 - i ? i % 40 : 0);
		write_text("kernel.log", text);
		/* The head of an ELF file, and its last quarter: sections and symbols. */
		shell(text_of("cp whole.ko shmcount.ko; size=$(stat -c %%s whole.ko); "
			      "head -c 4 /dev/%s | dd of=shmcount.ko conv=notrunc bs=1 seek=$((%zu < 400 ? 40 + %zu / 18 : size - %zu * size / 4000)) 2>dd",
			      i % 2 ? "urandom" : "zero", i, i, i));
		ASSERT_TRUE(!strncmp(run_lab("-s 2").output, begin, strlen(begin)));
	}
	write_text("kernel.log", oops);
	for (int i = 1; i < 12; i++) {
		shell(text_of("size=$(stat -c %%s whole.ko); { head -c $((size * %d / 12)) whole.ko; "
			      "printf '\\nload.mode_is_octal crash\\n'; } >shmcount.ko", i));
		ASSERT_TRUE(!strncmp(run_lab("-s 2").output, begin, strlen(begin)));
	}
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
		   "    the same: map.private_copy\n"
		   "The kernel's log of it is ./guest.log.\n"
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
	expect_lab("-s 1", 0, "step 1, more: passed, but 1 of its tests cannot run in this guest: not here\n"
		   "All 1 steps pass. Well done.\n");
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

/* A mistake of a student, and the line that it is in, in a real guest. */
static void expect_line(const char *source, const char *does, const char *step,
			const char *how, const char *where)
{
	struct run run;

	shell(text_of("rm -rf mine && cp -r '%s' mine && cp '%s' mine/shmcount.c",
		      in("TOP", "kmod/lab"), in("TOP", source)));
	run = must_end(run_script(text_of("%s/mine", getcwd(NULL, 0)), step), STATUS_FAILED);
	expect_text(run.output, how);
	write_text("output", run.output);
	shell(text_of("grep -n '%s' mine/shmcount.c | sed 's/:.*/:/; s/^/ shmcount.c:/' >lines && "
		      "grep -qf lines output", does));
	expect_text(run.output, where);
}

TEST_LIMIT(lab, real_crash_names_its_line, 120)
{
	expect_line("tests/modules/oops_in_mmap.c", "return .nothing", "-s4",
		    "crash: map.inside_is_taken: BUG: kernel NULL pointer dereference",
		    ", in the system call mmap\n");
}

/* It is in either line of the loop. */
TEST_LIMIT(lab, real_hang_names_its_line, 120)
{
	expect_line("tests/grade/samples/hangs_in_read.c", "for (;;)\\|cond_resched", "-s3",
		    "step 3, read write seek: hang: io.", ", in the system call read\n");
}

/* What is said of the solution of a step with this change to it, in a real guest. */
static char *said_of(int step, const char *change)
{
	shell(text_of("cp -r '%s' mine && for n in $(seq 2 %d); do "
		      "patch -s -p1 -F0 -d mine <\"$TOP/tests/lab/step-$n.patch\"; done && "
		      "sed -i.was '%s' mine/shmcount.c && ! cmp -s mine/shmcount.c*",
		      in("TOP", "kmod/lab"), step, change));
	return must_end(run_script(text_of("%s/mine", getcwd(NULL, 0)), text_of("-s%d", step)),
			STATUS_FAILED).output;
}

/* Without a test of its own it would be a crash in any of the others, now and then. */
TEST_LIMIT(lab, missing_reference_is_told, 120)
{
	char *said = said_of(5, "/get_page(vmf->page);/d");

	expect_text(said, "step 5, fault: not yet: map.mapping_has_a_reference_to_its_page: tests/map.c:");
	expect_text(said, ": the page of the region is mapped, and has one reference: ");
	expect_text(said, " more tests were not run\n");
}

/* It would fill the memory, and be seen only by step 7 or 9. */
TEST_LIMIT(lab, reference_that_nobody_gives_back_is_told, 120)
{
	char *said = said_of(5, "s/get_page(vmf->page);/&&/");

	expect_text(said, "step 5, fault: not yet: map.faults_keep_no_reference: ");
	expect_text(said, " has more references than ");
	expect_text(said, "    A mapping gives one reference back: ");
}

/* What the log has contradicts the module, or the test. */
TEST_LIMIT(lab, size_in_another_unit_is_told, 120)
{
	char *said = said_of(3, "s/shmcount_size, max_size/shmcount_size, totalram_pages() \\/ 2/; "
				"s/shmcount_size > max_size/shmcount_size > totalram_pages() \\/ 2/; "
				"/max_size = /d");

	expect_text(said, "load.size_zero_is_refused_with_the_bounds: tests/load.c:");
	expect_text(said, " bytes\": it has \"shmcount: size=0 is not between 1 and ");
	expect_text(said, "load.region_goes_with_the_module: tests/device.c:");
	expect_text(said, ": shmcount: size=67108864 is not between 1 and ");
	expect_text(said, "    totalram_pages() counts pages: in which unit do you compare?\n");
}

TEST_LIMIT(lab, mapping_that_keeps_a_page_is_told, 120)
{
	char *said = said_of(7, "s/^\tfile->f_mapping = /\tif (file->f_mode \\& FMODE_WRITE)\\n&/");

	expect_text(said, "step 7, reverse mapping: not yet: map.kernel_can_move_the_pages: ");
	expect_text(said, " while the open for reading only maps it, and moves without that mapping");
	expect_text(said, "    Which opens do not get the f_mapping of the region?\n");
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
			  "grep -A 9 'tests/lab/run.sh' >line; KMOD=its.ko sh line 2>errors"),
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
	/* What else runs the module takes this folder as well, and any command. */
	shell("printf 'vm:\\n\\t@printf \"%%s|\" \"$$TYPED\" \"$(STEP)\" \"$$TYPED_CMD\"\\nexport TYPED_CMD := $(value CMD)\\n' >>project/Makefile");
	ASSERT_STREQ(text_of("%s/my lab's $folder||echo \"$x\" 'y|", getcwd(NULL, 0)),
		     shell("unset MAKEFLAGS MFLAGS; make -C \"$DIR\" -s SHMCOUNT=$PWD/project vm CMD=\"echo \\\"\\$x\\\" 'y\""));
	/* What make lab says there is a command for there. */
	expect_text(shell("env -u MAKEFLAGS -u MFLAGS make -sn -C \"$DIR\" 5 KERNEL=6.1 | grep -A 2 tests/lab/run.sh"),
		    "-r 'make KERNEL='\\''6.1'\\'' ' \\\n\t-s '5'");
	expect_text(shell("env -u MAKEFLAGS -u MFLAGS make -C \"$DIR\" -s help"),
		    "make 5\t\tonly step 5\n");
	expect_text(RUN("/bin/sh", "-c", "env -u MAKEFLAGS -u MFLAGS make -C \"$DIR\" -s clean").errors,
		    "no 'clean' here: make help\n");
	run = RUN(in("TOP", "tests/lab/start.sh"), "my lab's $folder");
	expect_refusal(run, STATUS_USAGE, "lab-start: there is something in my lab's $folder already");
	expect_refusal(RUN(in("TOP", "tests/lab/start.sh"), ""), STATUS_USAGE, "say where");
}

/* make shows what it would run, with these words on its command line. */
static struct run dry_make(const char *words)
{
	return RUN("/bin/sh", "-c",
		   text_of("exec env -u MAKEFLAGS -u MFLAGS -u KMOD make -sn -C \"$TOP\" %s", words));
}

TEST_LIMIT(lab, other_commands_take_a_students_folder, 60)
{
	static const char *const commands[] = { "run", "vm CMD=true", "shell", "timeline" };

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		expect_text(dry_make(text_of("%s SRC=mine", commands[i])).output,
			    "KMOD=$(tests/lab/build.sh build/lab \"$TYPED_SRC\")");
	ASSERT_TRUE(!strstr(dry_make("vm CMD=true").output, "build.sh"));
}

/* make would take it in silence. */
TEST(lab, variable_in_lower_case_is_told)
{
	expect_text(dry_make("lab step=2 src=mine").errors,
		    "src= step=: the names of variables are in upper case, as STEP= and SRC=");
	expect_text(dry_make("lab kernel=6.1").errors, "kernel=: the names");
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
