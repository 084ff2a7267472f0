// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the grader: is each verdict right? Scripts stand in for the jail and the
 * guests; a submission is not C but lists what each test does with it.
 * (samples_test.c has real submissions.)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/actor.h"
#include "harness.h"
#include "program.h"
#include "samples.h"

/* The build is a copy; "error: ..." or "big" in the submission makes it fail. */
static const char jail[] =
"#!/bin/sh\n"
"[ \"$4\" != sh ] || { grep -s '^asm' \"$2/shmcount.ko\"; exit 0; }\n"
"cp \"$2/submission.mk\" plan; (cd \"$2/src\" && find . -type f | sort) >copies\n"
"cd \"$2/src\"\n"
"c=$(find . -name '*.c' | sort | head -n 1)\n"
"grep 'error: ' \"$c\" && exit 2\n"
"grep -q '^big' \"$c\" && echo jail: too big && exit 123\n"
"cp \"$c\" ../shmcount.ko\n";

/* The guest's program: -l lists its tests. */
static const char graded[] =
"#!/bin/sh\n"
"printf '%s\\n' module.loads module.unloads map.one map.two sync.one sync.two\n"
"cat hidden 2>/dev/null || :\n";

#define POINTS "module.* 2 visible\nmap.* 4 visible\nsync.* 4 hidden\n"

/* It runs in the tree that prepare() makes. */
#define GRADE "grade", "-k", "k", "-o", "grades", "-p", "points"

/* Make a tree with just the files that the grader opens. */
static void prepare(void)
{
	ASSERT_STREQ("",
		     shell("mkdir -p build/kernel/k build/tests build/grading tests/grade kmod all && echo 6.1 >build/kernel/k/release && touch tests/grade/Kbuild kmod/compat.mk kmod/compat.h kmod/shmcount.c"));
	write_script("build/tests/jail", jail);
	write_script("build/tests/vm", guest_actor);
	write_script("build/grading/graded", graded);
	write_text("points", POINTS);
}

static void hand_in(const char *name, const char *does)
{
	mkdir(text_of("all/%s", name), 0755);
	write_text(text_of("all/%s/shmcount.c", name), does);
}

/* Grade a submission that does this; the output is student.txt. */
static struct run grade(const char *does)
{
	prepare();
	unlink("guests");
	hand_in("jane", does);
	return RUN(GRADE, "one", "all/jane");
}

static struct run grade_one(const char *directory)
{
	return must_end_silently(RUN(GRADE, "one", directory), 0);
}

static struct run grade_all(void)
{
	return must_end_silently(RUN(GRADE, "all", "all"), 0);
}

static const char *student(void)
{
	return shell("cat grades/jane/student.txt");
}

static const char *row(void)
{
	return shell("cat grades/jane/row.csv");
}

/* The row of the CSV, without its seconds and what there is to look at. */
static void expect_row(const char *does, const char *wanted)
{
	char *seen;

	must_end_silently(grade(does), 0);
	seen = strdup(row());
	for (int i = 0; i < 2; i++)
		*strrchr(seen, ',') = '\0';
	ASSERT_STREQ(text_of("\"jane\",%s", wanted), seen);
}

static void expect_mistake(const char *points, const char *text)
{
	prepare();
	write_text("points", points);
	hand_in("jane", "");
	expect_refusal(RUN(GRADE, "one", "all/jane"), 2, text);
	ASSERT_STREQ("", shell("ls -A grades"));
}

/* Grade its.c, built by this compiler, whose test map.two leaves this log. */
static void grade_crash(const char *compiler, const char *log)
{
	prepare();
	write_script("build/tests/jail", "#!/bin/sh\ncd \"$2\"\nshift 3\nexec \"$@\"\n");
	write_text("all/its.c",
		   "__attribute__((section(\".modinfo\"), used)) static const char info[] = \"vermagic=6.1 x\\0name=its\";\n"
		   "int my_copy(int i) { return i + 1; }\n");
	shell(text_of("%s -g -O0 -c -o all/its.ko all/its.c && "
		      "printf '\\nmap.two crash\\n' >>all/its.ko", compiler));
	write_text("kernel.log", log);
	grade_one("all/its.ko");
}

/* Both in what a student gets, by addr2line in the jail, which has no path of ours. */
TEST(grade, crash_names_the_line_of_the_submission)
{
	static const char told[] =
		"  map.two: crash\n"
		"    BUG: told by the test\n"
		"    its.c:2: my_copy+0x4, in the system call read\n"
		"    guest-1.log:2: the kernel's report\n"
		"    again: make grade SRC='its.ko' TESTS='map.two'\n";

	grade_crash("gcc", "[    4.2] test: map.two\n"
		    "[    4.3] BUG: kernel NULL pointer dereference, address: 0000000000000000\n"
		    "[    4.3] RIP: 0010:my_copy+0x4/0x10 [its]\n"
		    "[    4.3] RSP: 002b:00007fff29413d98 EFLAGS: 00000246 ORIG_RAX: 0000000000000000\n");
	expect_text(shell("cat grades/its.ko/student.txt"), told);
	expect_text(shell("xmllint --xpath 'string(//failure|//error)' grades/its.ko/junit.xml"),
		    "its.c:2: my_copy+0x4");
}

/* By the addr2line of a cross compiler, where the submission is for another machine. */
TEST(grade, crash_on_arm64_names_the_line_of_the_submission)
{
	if (system("command -v aarch64-linux-gnu-gcc >/dev/null"))
		test_skip("needs aarch64-linux-gnu-gcc, which make grade ARCH=arm64 installs");
	grade_crash("aarch64-linux-gnu-gcc", "[   33.3] test: map.two\n"
		    "[   33.9] Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000\n"
		    "[   34.0] pc : my_copy+0x4/0x10 [its]\n"
		    "[   34.0] lr : vfs_read+0xcc/0x2d0\n"
		    "[   34.0] Call trace:\n"
		    "[   34.0]  my_copy+0x4/0x10 [its]\n"
		    "[   34.0]  __arm64_sys_pread64+0x28/0x34\n");
	expect_text(shell("cat grades/its.ko/student.txt"),
		    "    its.c:2: my_copy+0x4, in the system call pread\n");
}

TEST(grade, all_pass)
{
	expect_row("", "tested,10.00,10.00,6,0,0,0,0,0,1");
}

TEST(grade, points_of_a_line_are_shared_by_its_tests)
{
	expect_row("map.one fail\n", "tested,8.00,10.00,5,1,0,0,0,0,2");
}

TEST(grade, line_may_have_several_patterns)
{
	prepare();
	write_text("points", "module.* 2 visible\nmap.one sync.t*\tmap.one 6 visible\nsync.one map.two 2 hidden\n");
	hand_in("jane", "map.one fail\nmap.two fail\n");
	expect_text(grade_one("all/jane").output, "     3 of   6    1 of  2  map.one sync.t* map.one\n");
	expect_text(row(), "\"jane\",tested,6.00,10.00,4,2,");
}

/* The steps of the lab have points of their own. */
TEST(grade, points_of_the_lab)
{
	struct run run;

	prepare();
	ASSERT_STREQ("", shell("mkdir kmod/lab"));
	write_text("kmod/lab/steps", "1 load-it points=3 module.*\n2 mmap points=7\n2 mmap map.* sync.one\n");
	hand_in("jane", "map.two fail\nsync.two fail\n");
	run = must_end_silently(RUN(GRADE, "-p", "lab", "one", "all/jane"), 0);
	expect_text(run.output, "jane: 7.67 of 10 points\n");
	expect_text(run.output, "  4.67 of   7    2 of  3  step 2, mmap\n");
	expect_text(run.output, "again: make grade SRC='all/jane' POINTS='lab' TESTS='map.two'\n");
	ASSERT_TRUE(!strstr(run.output, "make lab-start"));
	write_text("kmod/lab/steps", "1 load points=much module.*\n");
	expect_refusal(RUN(GRADE, "-p", "lab", "one", "all/jane"), 2,
		       "kmod/lab/steps: line 1: points=much has to be a number up to 10000");
}

/* The Makefile of the lab is seen, and not run. */
TEST(grade, lab_is_recognized)
{
	prepare();
	hand_in("ann", "");
	hand_in("bob", "");
	ASSERT_STREQ("", shell("cp kmod/shmcount.c all/ann/ && { echo '# Made by make lab-start'; echo '$(error run)'; } >all/ann/Makefile"));
	expect_text(grade_one("all/ann").output,
		    "It has the Makefile of make lab-start: POINTS=lab grades it by the steps of the lab\n");
	expect_text(grade_all().output,
		    "1 of 2 have the Makefile of make lab-start: POINTS=lab grades by the steps of the lab\n");
	ASSERT_STREQ("grades/ann/student.txt\n", shell("grep -l POINTS=lab grades/*/student.txt"));
}

/* It could not be run, whoever passes or fails it. */
TEST(grade, test_that_the_control_skips_is_not_counted)
{
	prepare();
	write_text("kmod/shmcount.c", "map.one skip\n");
	hand_in("ann", "");
	hand_in("bob", "map.one fail\nmap.two fail\n");
	grade_all();
	ASSERT_STREQ("\"ann\",tested,10.00,10.00,5,0,0,0,1,0\n\"bob\",tested,6.00,10.00,4,1,0,0,1,0\n",
		     shell("sed 1d grades/grades.csv | cut -d , -f 1-10"));
	expect_text(shell("cat grades/ann/instructor.json"),
		    "the unmodified module skips it (here: pass)");
	/* make grade knows it from the control. */
	ASSERT_STREQ("", shell("rm -r grades/ann"));
	grade_one("all/ann");
	expect_text(shell("cat grades/ann/row.csv"), "\"ann\",tested,10.00,10.00,5,0,0,0,1,0,");
}

TEST(grade, skipped_test_is_not_counted)
{
	expect_row("map.one skip\nmap.two fail\n", "tested,6.00,10.00,4,1,0,0,1,0,2");
}

TEST(grade, crash_costs_that_test_and_no_other)
{
	expect_row("map.one crash\n", "tested,8.00,10.00,5,0,1,0,0,0,3");
	ASSERT_STREQ("guest module.loads module.unloads map.one map.two sync.one sync.two\n"
		     "guest sync.one sync.two\nguest map.two\n", shell("cat guests"));
}

/* What it has left in its guest cannot harm a test of another group. */
TEST(grade, group_after_a_failed_test_gets_a_new_guest)
{
	expect_row("map.one fail\n", "tested,8.00,10.00,5,1,0,0,0,0,2");
	ASSERT_STREQ("guest module.loads module.unloads map.one map.two sync.one sync.two\n"
		     "guest sync.one sync.two\n", shell("cat guests"));
}

TEST(grade, hang_costs_that_test_and_no_other)
{
	expect_row("map.two hang\nsync.two crash\n", "tested,6.00,10.00,4,0,1,1,0,0,2");
}

/* What the module writes into the kernel's log blames no other test. */
TEST(grade, name_in_the_log_is_that_of_a_test_that_runs)
{
	expect_row("map.one lie sync.two\n", "tested,8.00,10.00,5,0,1,0,0,0,3");
	expect_row("map.two lie module.loads\n", "tested,8.00,10.00,5,0,1,0,0,0,2");
	expect_row("map.two lie nothing.of_ours\n", "tested,8.00,10.00,5,0,1,0,0,0,2");
	/* The log may be ahead of the report. */
	expect_row("map.one lie map.two\n", "tested,8.00,10.00,5,0,1,0,0,0,2");
}

/* Of a test that had ended before, which may be hidden, the output is its own. */
TEST(grade, crash_tells_nothing_of_another_test)
{
	prepare();
	write_text("points", "module.* 2 visible\nmap.one 4 hidden\nmap.two sync.* 4 visible\n");
	hand_in("jane", "map.one lie map.two\n");
	grade_one("all/jane");
	expect_text(student(), "  map.two: crash\n    BUG: told\n    WARNING: by the kernel\n    again: ");
	ASSERT_TRUE(!strstr(shell("cat grades/jane/*.txt grades/jane/*.xml grades/jane/results.json"),
			    "told by another"));
}

/* It had ended, but who else could it be? */
TEST(grade, crash_after_a_test_is_that_of_the_test)
{
	expect_row("map.one late\n", "tested,8.00,10.00,5,0,1,0,0,0,3");
	expect_row("sync.two not-off\n", "tested,8.00,10.00,5,0,0,1,0,0,1");
}

TEST(grade, process_that_cannot_be_killed_is_a_hang)
{
	expect_row("map.one unkillable\n", "tested,8.00,10.00,5,0,0,1,0,0,3");
	expect_text(student(), "map.one: hang\n    no end after 20 seconds\n");
}

/* What had ended before stays, also if it had hung. */
TEST(grade, guest_lost_after_a_hang_costs_nothing_else)
{
	expect_row("map.one timeout\nmap.two killed once\n",
		   "tested,8.00,10.00,5,0,0,1,0,0,2");
}

TEST(grade, time_out_is_a_hang)
{
	expect_row("map.two timeout\n", "tested,8.00,10.00,5,0,0,1,0,0,2");
}

TEST(grade, test_that_spoils_the_guest_costs_no_other)
{
	expect_row("map.one stuck\n", "does not unload,7.00,10.00,4,2,0,0,0,0,5");
}

TEST(grade, lost_guest_costs_nothing)
{
	expect_row("map.one early once\n", "tested,10.00,10.00,6,0,0,0,0,0,2");
	expect_row("map.one killed once\n", "tested,10.00,10.00,6,0,0,0,0,0,2");
	/* The second guest ends early, too, but in another test. */
	expect_row("map.one killed once\nmap.two killed twice\n",
		   "tested,10.00,10.00,6,0,0,0,0,0,3");
}

/* QEMU ends like this when it is killed, but also by a deed of the guest. */
TEST(grade, guest_that_is_lost_twice_in_a_test_is_a_crash)
{
	expect_row("map.one killed twice\n", "tested,8.00,10.00,5,0,1,0,0,0,4");
	expect_row("map.one early\n", "tested,8.00,10.00,5,0,1,0,0,0,4");
	/* However often that happens, the host is not to blame. */
	expect_row("map.one killed\nmap.two killed\nsync.one killed\nsync.two early\n",
		   "tested,2.00,10.00,2,0,4,0,0,0,8");
}

TEST(grade, guests_that_are_lost_again_and_again_are_no_grade)
{
	struct run run = grade("unbootable\n");

	expect_end(&run, 125, "grade: jane is not graded: infrastructure: no guest");
	ASSERT_EQ(-1, access("grades/jane", F_OK));
	hand_in("ann", "");
	run = must_end_silently(RUN(GRADE, "all", "all"), 1);
	expect_text(run.output, "1 graded, 1 not");
	ASSERT_STREQ("name,verdict,points,of\n\"ann\",tested,10.00,10.00\n"
		     "\"jane\",not graded,,\n1\n",
		     shell("cut -d , -f 1-4 grades/grades.csv; tr -dc ',\n' <grades/grades.csv | uniq | wc -l"));
}

/* With this module many tests do this. */
static struct run grade_trouble(const char *does)
{
	char names[8192] = "", all_do[8192] = "";

	prepare();
	for (int i = 0; i < 60; i++) {
		sprintf(names + strlen(names), "map.z%d\n", i);
		sprintf(all_do + strlen(all_do), "map.z%d %s\n", i, does);
	}
	write_text("hidden", names);
	hand_in("jane", all_do);
	return grade_one("all/jane");
}

/* It must not take hours; but it keeps no other group from its guest. */
TEST(grade, trouble_is_bounded)
{
	static const char cut[] = " tests did not run: too many crashes and hangs";

	expect_text(grade_trouble("crash").output, text_of("20%s: no further guest started. They are worth 1.29 points.\n", cut));
	expect_text(row(), "\"jane\",tested,6.13,10.00,6,0,40,0,0,20,40,");
	ASSERT_STREQ("", shell("rm full"));
	expect_text(grade_trouble("hang").output, cut);
	/* The limits are shorter from the third hang on, so there may be more of them. */
	expect_text(row(), "\"jane\",tested,6.13,10.00,6,0,0,6,0,54,6,");
	ASSERT_STREQ("2\n1\n0\n0\n0\n0\n", shell("cat full"));
}

/*
 * A module that stays takes no points from tests that never saw it, nor from those that
 * need no unload.
 */
TEST(grade, module_that_stays_costs_no_other_test)
{
	grade_trouble("stuck");
	expect_text(row(), "\"jane\",does not unload,5.13,10.00,5,61,0,0,0,0,61,");
}

/* The files with the output of a guest have a limit. */
TEST(grade, test_that_writes_without_end_is_a_crash)
{
	expect_row("map.one flood\n", "tested,8.00,10.00,5,0,1,0,0,0,3");
	expect_text(student(), "map.one: crash\n    it writes without end\n");
}

TEST(grade, does_not_load)
{
	expect_row("module.loads fail\nmap.one fail\n",
		   "does not load,0.00,10.00,0,1,0,0,0,5,1");
	expect_text(student(),
		    "It builds, but it does not load: fail: tests/x.c:1: told by the test.");
}

TEST(grade, crash_at_load)
{
	expect_row("module.loads crash\n", "does not load,0.00,10.00,0,0,1,0,0,5,1");
}

TEST(grade, does_not_unload)
{
	expect_row("module.unloads stuck\n", "does not unload,9.00,10.00,5,1,0,0,0,0,5");
	expect_row("module.unloads crash\nmap.two crash\n",
		   "does not unload,7.00,10.00,4,0,2,0,0,0,5");
	expect_text(student(),
		    "It builds and loads, but it does not unload: crash: BUG: told.\n"
		    "So each test ran in a guest of its own, and what needs no unload counts. Of 6 tests 4 passed.\n");
	expect_text(student(), "  map.two: crash\n");
	ASSERT_STREQ("guest module.loads module.unloads map.one map.two sync.one sync.two\n"
		     "guest map.one\nguest map.two\nguest sync.one\nguest sync.two\n",
		     shell("cat guests"));
}

/* A reference that is kept by each open, say, is one mistake. */
TEST(grade, does_not_unload_after_use)
{
	expect_row("map.one pinned\nmap.two pinned\nsync.two fail\n",
		   "does not unload,7.00,10.00,4,2,0,0,0,0,5");
	expect_text(student(), "does not unload: fail: it cannot be unloaded after map.one.\n");
	/* A student must not learn the names of hidden tests. */
	expect_row("sync.one pinned\n", "does not unload,9.00,10.00,5,1,0,0,0,0,3");
	expect_text(student(), "fail: it cannot be unloaded after a hidden test.\n");
}

TEST(grade, does_not_build)
{
	expect_row("x.c:1: error: it is no C\n", "does not build,0.00,10.00,0,0,0,0,0,6,0");
	expect_text(student(), "    x.c:1: error: it is no C\n");
}

/* The compiler takes a limit of the jail for an error of its own. */
TEST(grade, limit_of_the_build_is_told_in_words)
{
	expect_row("x.c:1: error: it is no C\ngcc: internal compiler error: File size limit exceeded signal terminated program as\n",
		   "does not build,0.00,10.00,0,0,0,0,0,6,0");
	expect_text(student(),
		    "It does not build: the compiler makes a file of more than 32 MB.\nThe first complaints:\n    x.c:1: error: it is no C\n");
	ASSERT_TRUE(!strstr(student(), "internal"));
}

TEST(grade, says_what_it_does)
{
	expect_text(must_end_silently(grade("map.one crash\n"), 0).output,
		    "jane: building it\njane: testing it in guest 1, 6 tests to go\njane: testing it in guest 2, 2 tests to go\njane: testing it in guest 3, 1 tests to go\n");
	ASSERT_STREQ("", RUN("grade", "-q", "-k", "k", "-o", "grades", "-p", "points", "one", "all/jane").output);
}

TEST(grade, folder_by_its_dot_has_its_name)
{
	prepare();
	hand_in("jane", "");
	expect_text(grade_one("all/jane/.").output, "\njane: 10 of 10 points");
	expect_text(grade_one("all/jane/.//").output, "The reports are in grades/jane/");
	ASSERT_STREQ("jane\n", shell("ls grades"));
}

/* This is its own fault: it gets a grade, and not another try in each run. */
TEST(grade, module_that_is_too_large)
{
	expect_row("big\n", "does not build,0.00,10.00,0,0,0,0,0,6,0");
	expect_text(student(), "It does not build: the module is larger than 16 MB.");
}

TEST(grade, forged_report_is_believed_in_nothing)
{
	expect_row("sync.one timeout\nsync.two forge\n", "forged report,0.00,10.00,0,0,0,0,0,6,1");
	expect_row("sync.two forge\n", "forged report,0.00,10.00,0,0,0,0,0,6,1");
	expect_row("sync.two malformed\n", "forged report,0.00,10.00,0,0,0,0,0,6,1");
}

/* A student must not learn the hidden tests from it. */
TEST(grade, forged_report_says_nothing_of_its_own)
{
	struct run run = must_end_silently(grade("map.one fail\nsync.two forge\n"), 0);

	expect_text(run.output, "It wrote where only the tests report, so the report proves nothing.");
	ASSERT_STREQ("instructor.json\n",
		     shell("cd grades/jane && grep -l -e 'the first' -e 'told by the test' *.txt *.json *.xml"));
	ASSERT_STREQ("",
		     shell("cd grades/jane && grep -l sync.two *.txt *.xml || :"));
}

/* The CI of a student may show no other file. */
TEST(grade, verdict_is_in_the_xml)
{
	must_end_silently(grade("x.c:1: error: <it> is no C\n"), 0);
	ASSERT_STREQ("not run: does not build: the compiler rejects it / 4 / x.c:1: error: <it> is no C\n\n",
		     shell("xmllint --xpath 'concat((//failure)[1]/@message, \" / \", count(//failure), \" / \", substring-before((//failure)[1], \"again\"))' grades/jane/junit.xml"));
}

/* The command in the report works as it is, for any name of a directory. */
TEST(grade, again_is_one_command)
{
	prepare();
	hand_in("O'Brien; $(touch x)", "map.one fail\nsync.one fail\n");
	must_end_silently(RUN(GRADE, "-i", "own tests", "one", "all/O'Brien; $(touch x)"), 0);
	ASSERT_STREQ("grade,SRC=O'Brien; $(touch x),TESTS=map.one,",
		     shell("sed -n 's/^ *again: make/printf %s,/p' grades/*/student.txt | sh; ls x* 2>/dev/null || :"));
	ASSERT_STREQ("grade,SRC=all/O'Brien; $(touch x),HIDDEN=own tests,POINTS=points,TESTS=sync.one,",
		     shell("sqlite3 :memory: \"SELECT json_extract(value, '$.command') FROM json_each(CAST(readfile('grades/O_Brien____touch_x_/instructor.json') AS TEXT), '$.tests') WHERE json_extract(value, '$.name') = 'sync.one'\" | sed 's/^make/printf %s,/' | sh"));
}

TEST(grade, names_that_are_no_text)
{
	struct run run;

	prepare();
	hand_in("a\033\nb\377", "map.one fail\n");
	run = grade_one("all/a\033\nb\377");
	ASSERT_STREQ("1|1\n",
		     shell("xmllint --noout grades/*/junit.xml; sqlite3 :memory: \"SELECT json_valid(CAST(readfile('grades/a__b_/instructor.json') AS TEXT)), json_valid(CAST(readfile('grades/a__b_/results.json') AS TEXT))\""));
	expect_text(run.output, "again: make grade SRC='all/a\\x1b\\x0ab\\xff' TESTS='map.one'\n");
}

/* The student sees neither the names nor the output of hidden tests. */
TEST(grade, hidden_tests_are_hidden)
{
	struct run run = must_end_silently(grade("sync.one fail\nmap.two fail\n"), 0);

	expect_text(run.output, "     2 of   4             hidden tests\n");
	ASSERT_TRUE(strstr(run.output, "map.two"));
	ASSERT_TRUE(!strstr(run.output, "sync."));
	ASSERT_STREQ("guest-2.tap instructor.json results.json ",
		     shell("cd grades/jane && grep -l sync.one *.* | grep -v ko | tr '\\n' ' '"));
	ASSERT_STREQ("hidden 0.0\nhidden 2.0\n",
		     shell("sqlite3 :memory: \"SELECT json_extract(value, '$.visibility') || ' ' || json_extract(value, '$.score') FROM json_each(CAST(readfile('grades/jane/results.json') AS TEXT), '$.tests') WHERE json_extract(value, '$.name') LIKE 'sync%'\""));
}

TEST(grade, reports_are_well_formed)
{
	must_end_silently(grade("map.two fail\nsync.one crash\n"), 0);
	ASSERT_STREQ("", shell("xmllint --noout grades/jane/junit.xml"));
	ASSERT_STREQ("6.0|tested\n",
		     shell("sqlite3 :memory: \"SELECT json_extract(CAST(readfile('grades/jane/results.json') AS TEXT), '$.score'), json_extract(CAST(readfile('grades/jane/instructor.json') AS TEXT), '$.verdict')\""));
}

/* What sqlite says of a report of jane's. */
static const char *ask(const char *report, const char *query)
{
	return shell(text_of("sqlite3 :memory: \"WITH r(j) AS (SELECT CAST(readfile('grades/%s') AS TEXT)) %s\"",
			     report, query));
}

/* schemas/ctrf.schema.json of ctrf-io/ctrf allows no other members. */
TEST(grade, report_as_ctrf)
{
	must_end_silently(grade("map.one fail\nmap.two skip\nsync.one crash\n"), 0);
	ASSERT_STREQ("CTRF|1.0.0|reportFormat,specVersion,generatedBy,results|tool,summary,extra,tests|4.0|10.0\n",
		     ask("jane/ctrf.json", "SELECT j ->> '$.reportFormat', j ->> '$.specVersion', (SELECT group_concat(key) FROM json_each(j)), (SELECT group_concat(key) FROM json_each(j, '$.results')), j ->> '$.results.extra.points', j ->> '$.results.extra.of' FROM r"));
	ASSERT_STREQ("tests:4,passed:2,failed:1,skipped:1,pending:0,other:0\n",
		     ask("jane/ctrf.json", "SELECT group_concat(key || ':' || value) FROM r, json_each(j, '$.results.summary') WHERE type = 'integer' AND key NOT LIKE 'st%'"));
	ASSERT_STREQ("1\n",
		     ask("jane/ctrf.json", "SELECT j ->> '$.results.summary.start' > 1600000000000 AND j ->> '$.results.summary.start' <= j ->> '$.results.summary.stop' FROM r"));
	ASSERT_STREQ("module.loads|passed|integer|\nmodule.unloads|passed|integer|\nmap.one|failed|integer|fail: tests/x.c:1: told by the test\nmap.two|skipped|integer|skipped: not here\n",
		     ask("jane/ctrf.json", "SELECT value ->> '$.name', value ->> '$.status', json_type(value, '$.duration'), value ->> '$.message' FROM r, json_each(j, '$.results.tests')"));
	ASSERT_TRUE(!strstr(shell("cat grades/jane/ctrf.json"), "sync."));
	/* Whether it loads is asked always, and has no points if no line names it. */
	write_text("points", "map.* 4 visible\n");
	grade_one("all/jane");
	ASSERT_STREQ("2|2\n",
		     ask("jane/ctrf.json", "SELECT j ->> '$.results.summary.tests', json_array_length(j, '$.results.tests') FROM r"));
}

/*
 * schemas/result-v1.schema.json of foundation50/classroom50 allows no other members, and
 * its collect_scores.py no score that is not whole, or above its maximum.
 */
TEST(grade, report_for_classroom_50)
{
	static const char *const variables[][2] = {
		{ "CLASSROOM", "os" }, { "ASSIGNMENT", "lab" }, { "OWNER", "jane" },
		{ "ASSIGNMENT_TYPE", "individual" }, { "SUBMISSION_TAG", "submit/1" },
		{ "COMMIT_URL", "https://c" }, { "RELEASE_URL", "https://r" },
	};

	must_end_silently(grade(""), 0);
	ASSERT_EQ(-1, access("grades/jane/result.json", F_OK));
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
		setenv(variables[i][0], variables[i][1], 1);
	prepare();
	write_text("points", "module.* 2 visible\nmap.* 3 visible\nsync.* 5 hidden\n");
	hand_in("jane", "map.one fail\nsync.one fail\n");
	grade_one("all/jane");
	ASSERT_STREQ("schema:classroom50/result/v1,classroom:os,assignment:lab,assignment_type:individual,owner:jane,submission:submit/1,commit:https://c,release:https://r,review:https://c,tests:,score:6,max-score:10\n",
		     ask("jane/result.json", "SELECT group_concat(key || ':' || iif(type = 'array', '', value)) FROM r, json_each(j) WHERE key NOT IN ('datetime', 'graded_at')"));
	ASSERT_STREQ("1|integer|integer\n",
		     ask("jane/result.json", "SELECT j ->> '$.datetime' GLOB '20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-2][0-9]:[0-9][0-9]:[0-9][0-9]Z', json_type(j, '$.score'), json_type(j, '$.max-score') FROM r"));
	/* What is below a point goes on to the next row. */
	ASSERT_STREQ("module.*|true|2|2|\nmap.*|false|1|3|map.one: fail\n\nhidden tests|false|3|5|\n",
		     ask("jane/result.json", "SELECT value ->> '$.test-name', json_type(value, '$.passed'), value ->> '$.score', value ->> '$.max-score', value ->> '$.output' FROM r, json_each(j, '$.tests')"));
	ASSERT_TRUE(!strstr(shell("cat grades/jane/result.json"), "sync."));
}

/* Gradescope shows the student an error if there is no file. */
TEST(grade, report_for_gradescope_if_nothing_could_be_graded)
{
	must_end(grade("unbootable\n"), 125);
	ASSERT_STREQ("0.0|0|jane could not be graded, through no fault of its own. Your instructor can have it graded again.\n\n",
		     ask(".jane.tmp/results.json", "SELECT j ->> '$.score', json_array_length(j, '$.tests'), j ->> '$.output' FROM r"));
	ASSERT_STREQ("results.json\n", shell("cd grades/.jane.tmp && ls result.json results.json ctrf.json 2>/dev/null || :"));
}

/* Where the instructor keeps it is nothing for a student. */
TEST(grade, reports_have_the_name_of_a_module_and_not_its_path)
{
	prepare();
	shell("head -c 16777217 /dev/zero >all/x.ko");
	expect_text(RUN(GRADE, "one", text_of("%s/all/x.ko", getcwd(NULL, 0))).output,
		    "There is nothing to build in it: x.ko is longer than 16777216 bytes.\n");
	ASSERT_STREQ("", shell("cd grades/x.ko && grep -l /all/ student.txt junit.xml ctrf.json results.json || :"));
}

/* It has to leave a file whatever becomes of make, which a script plays. */
TEST(grade, autograder_of_gradescope)
{
	static const char *const makes[][2] = {
		{ "mkdir build/grade/submission; echo graded >build/grade/submission/results.json", "graded\n" },
		{ "mkdir build/grade/.submission.tmp; echo not >build/grade/.submission.tmp/results.json; exit 2", "not\n" },
		{ "exit 2", "0|It could not be graded, through no fault of its own (make grade ended with status 2). Your instructor can have it graded again.\n" },
	};

	shell("mkdir -p bin source/hidden source/points source/shmcount submission results && cp $TOP/tests/grade/gradescope/run_autograder . && touch source/points/mine");
	setenv("PATH", text_of("%s/bin:%s", getcwd(NULL, 0), getenv("PATH")), 1);
	for (size_t i = 0; i < ARRAY_SIZE(makes); i++) {
		write_script("bin/make",
			     text_of("#!/bin/sh\nprintf '%%s\\n' \"$@\" >args; cd \"$2\"; rm -rf build; mkdir -p build/grade\n%s\n", makes[i][0]));
		shell("./run_autograder");
		ASSERT_STREQ(text_of("-C\nsource/shmcount\ngrade\nKERNEL=bookworm\nSRC=%1$s/submission\nHIDDEN=%1$s/source/hidden\nPOINTS=%1$s/source/points/mine\n",
				     getcwd(NULL, 0)), shell("cat args"));
		ASSERT_STREQ(makes[i][1], i < 2 ? shell("cat results/results.json") :
			     shell("sqlite3 :memory: \"SELECT json_extract(j, '$.score'), json_extract(j, '$.output') FROM (SELECT CAST(readfile('results/results.json') AS TEXT) AS j)\""));
	}
	/* The steps of the lab are no file in the zip. */
	shell("rm -r source/points && ./run_autograder");
	ASSERT_STREQ("POINTS=lab\n", shell("tail -n 1 args"));
}

/* Gradescope looks for the two scripts in the upper folder of the zip. */
TEST(grade, zip_for_gradescope)
{
	if (system("git -C \"$TOP\" rev-parse -q --verify HEAD >/dev/null 2>&1"))
		test_skip("needs git, and the project in a clone");
	shell("git clone -q --shared \"$TOP\" clone && mkdir own && echo 'int x;' >'own/a b.c' && echo x >pts");
	expect_text(shell("make -s --no-print-directory -C clone gradescope-zip HIDDEN=$PWD/own POINTS=$PWD/pts"), "build/gradescope.zip");
	ASSERT_STREQ("hidden/a b.c|\npoints/pts|\nrun_autograder|100755\nsetup.sh|100755\nshmcount/Makefile|\n",
		     shell("sqlite3 :memory: \"SELECT name, iif(mode, printf('%o', mode), '') FROM zipfile('clone/build/gradescope.zip') WHERE name NOT LIKE 'shmcount/%/%' AND name NOT LIKE '%/' AND name NOT IN ('shmcount/README.md', 'shmcount/COPYING', 'shmcount/Kconfig.notes', 'shmcount/.gitignore') ORDER BY 1\""));
	expect_text(shell("make -s --no-print-directory -C clone gradescope-zip POINTS=lab"), "build/gradescope.zip");
	ASSERT_STREQ("0|1\n",
		     shell("sqlite3 :memory: \"SELECT sum(name LIKE 'points/%'), sum(name = 'run_autograder') FROM zipfile('clone/build/gradescope.zip')\""));
}

/*
 * mod/assign/feedback/offline/importgradeslib.php of Moodle looks for three columns by
 * these names, and for the number of the participant; importziplib.php in feedback/file
 * for that between the first two '_' of a name. So none of the students needs a name.
 */
TEST(grade, sheet_and_feedback_for_moodle)
{
	prepare();
	hand_in("Jane Doe_12345_assignsubmission_file_", "map.one fail\nsync.one fail\n");
	hand_in("=Bob_7_assignsubmission_file", "");
	hand_in("Ann_8_assignsubmission_onlinetext_", "");
	hand_in("no_9_body", "");
	grade_all();
	ASSERT_STREQ("Identifier,\"Full name\",Grade,\"Maximum grade\",\"Last modified (grade)\"\n"
		     "\"Participant 12345\",\"Jane Doe\",6.00,10.00,-\n"
		     "\"Participant 7\",\"'=Bob\",10.00,10.00,-\n",
		     shell("cat grades/moodle+grades.csv"));
	ASSERT_STREQ("Participant_12345_assignfeedback_file_/student.txt|1\n"
		     "Participant_7_assignfeedback_file_/student.txt|0\n",
		     shell("sqlite3 :memory: \"SELECT name, data = CAST(readfile('grades/Jane_Doe_12345_assignsubmission_file_/student.txt') AS BLOB) FROM zipfile('grades/moodle+feedback.zip')\""));
	ASSERT_STREQ("", shell("which unzip >/dev/null && unzip -tqq grades/moodle+feedback.zip || :"));
	ASSERT_STREQ("", shell("grep -c sync grades/moodle+feedback.zip | grep -v 0 || :"));
	/* Where no name is one of Moodle's there are no such files. */
	ASSERT_STREQ("", shell("rm -rf grades all/*_assign*; true"));
	grade_all();
	ASSERT_STREQ("", shell("ls grades | grep moodle || :"));
}

TEST(grade, only_the_tests_that_are_named)
{
	prepare();
	hand_in("jane", "map.one fail\n");
	must_end_silently(RUN(GRADE, "-t", "map.t*", "one", "all/jane"), 0);
	ASSERT_STREQ("guest module.loads module.unloads map.two\njane+tests\n",
		     shell("cat guests; ls grades"));
	expect_refusal(RUN(GRADE, "-t", "map.tow", "one", "all/jane"), 2,
		       "grade: no test that counts is named 'map.tow'");
}

TEST(grade, links_and_what_is_no_file_are_not_taken)
{
	static const char *const ways[][2] = {
		{ "ln -s /etc/passwd all/jane/a.c", "a.c is a link" },
		{ "mkfifo all/jane/a.c", "a.c is not a plain file" },
		{ "mkdir all/jane/a.c", "a.c is not a plain file" },
		{ "head -c 1048577 /dev/zero >all/jane/a.h", "a.h is longer" },
		{ "for i in $(seq 17); do head -c 1000000 /dev/zero >all/jane/a$i.h; done",
		  "its C files are longer than 16 MB in all" },
		{ "for i in $(seq 65); do : >all/jane/$i.h; done", "more than 64" },
		{ "rm all/jane/shmcount.c; touch all/jane/Makefile", "no C file" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		ASSERT_STREQ("", shell("rm -rf all grades"));
		prepare();
		hand_in("jane", "");
		ASSERT_STREQ("", shell(ways[i][0]));
		expect_text(grade_one("all/jane").output, ways[i][1]);
		expect_text(row(), "\"jane\",nothing to build,0.00");
	}
}

/* A student who builds in the directory hands in the files of kbuild, too. */
TEST(grade, what_kbuild_leaves_is_not_used)
{
	struct run run;

	prepare();
	hand_in("jane", "");
	ASSERT_STREQ("",
		     shell("cd all/jane && touch shmcount.mod.c shmcount.mod shmcount.o .shmcount.o.cmd Module.symvers ._shmcount.c"));
	run = grade_one("all/jane");
	expect_text(run.output, "jane: 10 of 10 points");
	expect_text(run.output, "Not used (only *.c and *.h are, and no *.mod.c): ");
	expect_text(run.output, "shmcount.mod.c");
}

/*
 * The commands make a folder. The words of its module, and what the report says
 * of the rest; "" is nothing.
 */
static void expect_taken(const char *commands, const char *objects, const char *told)
{
	struct run run;

	ASSERT_STREQ("", shell("rm -rf all grades plan"));
	prepare();
	mkdir("all/jane", 0755);
	ASSERT_STREQ("", shell(text_of("cd all/jane && driver='MODULE_LICENSE(); module_init(x);' && %s",
				       commands)));
	run = must_end_silently(RUN(GRADE, "-t", "module.*", "one", "all/jane"), 0);
	expect_text(run.output, "jane+tests: 2 of 2 points");
	ASSERT_STREQ(text_of("shmcount-y := %s\n", objects), shell("head -n 1 plan"));
	if (*told)
		expect_text(run.output, told);
	else
		ASSERT_TRUE(!strstr(run.output, " is not "));
}

#define LIBC "'#include <stdio.h>'"

TEST(grade, program_beside_the_driver_is_not_built)
{
	expect_taken("echo \"$driver\" >shmcount.c; echo " LIBC " >test.c",
		     "src/shmcount.o",
		     "test.c is not built: it includes <stdio.h>, so it is a program and no kernel code\n");
	expect_taken("echo \"$driver\" >shmcount.c; echo 'int main (void)' >test.c",
		     "src/shmcount.o", "test.c is not built: it has a main(), so");
	expect_taken("echo \"$driver\" >shmcount.c; echo '# include <sys/mman.h>' >a.c",
		     "src/shmcount.o", "a.c is not built: it includes <sys/mman.h>");
	expect_taken("echo \"$driver\" >shmcount.c; echo " LIBC " >a.c; echo 'int main() { init_module(); }' >>a.c",
		     "src/shmcount.o", "a.c is not built: it includes <stdio.h>");
	/* The same in a comment, in a text, or in what is a driver all the same. */
	expect_taken("echo \"$driver\" >shmcount.c; echo '// main()' >a.c; printf '/*\n#include <stdio.h>*/' >b.c; echo 'char *c = \"main()\";' >c.c",
		     "src/a.o src/b.o src/c.o src/shmcount.o", "");
	expect_taken("(echo " LIBC "; echo \"$driver\") >shmcount.c",
		     "src/shmcount.o", "");
	/* If there is no other, it is what was handed in. */
	expect_taken("echo " LIBC " >shmcount.c", "src/shmcount.o", "");
}

TEST(grade, names_of_files_may_be_any)
{
	expect_taken("echo \"$driver\" >'shmcount (1).c'", "src/shmcount__1_.o",
		     "shmcount (1).c is built as shmcount__1_.c\n");
	expect_taken("echo \"$driver\" >SHMCOUNT.C", "src/SHMCOUNT.o", "SHMCOUNT.C is built");
	expect_taken("echo \"$driver\" >übung1.c", "src/__bung1.o", "übung1.c is built as");
	expect_taken("echo \"$driver\" >1driver.c; : >'a;id.c'; : >'a id.c'; : >-x.c; : >'$(touch x).c'",
		     "src/__touch_x_.o src/_x.o src/1driver.o src/a_id.o src/a_id_2.o",
		     "a;id.c is built as a_id_2.c");
	expect_taken("echo \"$driver\" >$(printf %0250d 0).c",
		     "src/000000000000000000000000000000000000000000000000000000000000.o",
		     " is built as ");
	/* These two are one in the jail, but for a number that has to fit. */
	expect_taken("echo \"$driver\" >shmcount.c; for c in ' ' ';'; do : >\"$(printf %0252d 0)$c.h\"; done",
		     "src/shmcount.o", "");
	/* A hard link is a file; tar and rsync make them. */
	expect_taken("echo \"$driver\" >../shmcount.c; ln ../shmcount.c .; rm ../shmcount.c; ln shmcount.c x; mv x ../..",
		     "src/shmcount.o", "");
}

/* The archive plays what the unpacker makes of it. */
static void hand_in_archive(const char *name, const char *files)
{
	prepare();
	write_script("build/tests/jail",
		     text_of("#!/bin/sh\n[ \"$4\" != perl ] || exec cp \"$2/archive\" \"$2/files\"\n%s",
			     strchr(jail, '\n') + 1));
	ASSERT_STREQ("", shell("rm -rf grades; touch tests/grade/unpack.pl"));
	ASSERT_STREQ("", shell(text_of("n=$(printf %%0256d 0); printf '%%b' \"%s\" >'all/%s'", files, name)));
}

TEST(grade, names_in_an_archive_may_be_any)
{
	static const char *const names[][2] = {
		{ "a.h\\00000\\0000a.h/b.h\\00000\\0000",
		  "\na.h/b.h is not used: a file and a folder would have one name\n" },
		{ "a.h/b.h\\00000\\0000a.h\\00000\\0000",
		  "\na.h is not used: a file and a folder would have one name\n" },
		{ "$n.h\\00000\\0000", " in jane.zip is not used: it is too deep or too long, or" },
		{ "$n/a.h\\00000\\0000", " in jane.zip is not used: it is too deep or too long, or" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		hand_in_archive("jane.zip", text_of("s.c\\00000\\0000%s", names[i][0]));
		expect_text(grade_one("all/jane.zip").output, names[i][1]);
		expect_text(shell("cat grades/jane.zip/row.csv"), "\"jane.zip\",tested,10.00");
	}
}

/* What is no folder in the archive becomes one. */
TEST(grade, files_of_a_class_stay_with_their_student)
{
	hand_in_archive("class.zip",
			"A_1_assignsubmission_file_x.c\\00000\\0000A_1_assignsubmission_file_../up.c\\00000\\0000");
	expect_text(must_end(RUN(GRADE, "all", "all/class.zip"), 0).errors,
		    "A_1_assignsubmission_file_../up.c in it cannot be unpacked");
	ASSERT_STREQ("./A_1_assignsubmission_file_/x.c\n",
		     shell("cd grades/.unpacked/class.zip && find . -type f"));
}

TEST(grade, driver_may_be_in_a_folder)
{
	expect_taken("mkdir -p a/b/__MACOSX a/.git; echo \"$driver\" | tee a/b/shmcount.c a/b/__MACOSX/shmcount.c >a/.git/x.c",
		     "src/a/b/shmcount.o", "");
	expect_taken("mkdir 'my module' user; echo \"$driver\" >'my module/shmcount.c'; echo " LIBC " >user/test.c",
		     "src/my_module/shmcount.o", "user/test.c is not built");
	ASSERT_STREQ("./my_module/shmcount.c\n./user/test.c\n", shell("cat copies"));
	/* Nothing in a folder makes the rest worthless. */
	expect_taken("mkdir f; echo \"$driver\" >shmcount.c; mkfifo f/a.c; ln -s /etc/passwd f/b.h; ln -s / f/c",
		     "src/shmcount.o", "f/b.h is a link, and links are not followed, so it is not used\n");
	expect_taken("mkdir -p 1/2/3/4/5; echo \"$driver\" >shmcount.c; : >1/2/3/4/5/a.h",
		     "src/shmcount.o", "1/2/3/4/5 is more than 4 folders deep");
	expect_taken("mkdir f; echo \"$driver\" >shmcount.c; for i in $(seq 70); do : >f/$i.h; done",
		     "src/shmcount.o", "there are more than 64 C files in it");
	ASSERT_STREQ("64\n", shell("wc -l <copies"));
}

TEST(grade, second_driver_is_told_of)
{
	expect_taken("mkdir old; echo \"$driver\" | tee old/shmcount.c 'shmcount - Copy.c' >shmcount.c",
		     "src/shmcount.o", "old/shmcount.c is not built: it is the same as shmcount.c");
	expect_taken("mkdir old; echo \"$driver\" | tee old/shmcount.c >shmcount.c; echo >>shmcount.c; : >old/Makefile; echo 'obj-m := shmcount.o' >old/Kbuild",
		     "src/shmcount.o",
		     "old/shmcount.c is not built: it is another driver, with a module_init() of its own; shmcount.c is taken");
	/* The one that speaks of the device is it. */
	expect_taken("echo \"$driver\" >hello.c; echo \"$driver /* shmcount */\" >z.c",
		     "src/z.o", "hello.c is not built: it is another driver");
	expect_taken("echo \"$driver\" >base.c; echo '#include \"base.c\"' >main.c",
		     "src/main.o", "");
}

TEST(grade, makefile_says_what_the_module_is)
{
	expect_taken("echo \"$driver\" >a.c; : >b.c; : >c.c; printf 'obj-m := counter.o # x\n\ncounter-objs := a.o \\\\\\n b.o\n' >Makefile",
		     "src/a.o src/b.o", "c.c is not built: it is not in counter of Makefile\n");
	expect_taken("echo \"$driver\" | tee shmcount.c >counter.c; echo >>counter.c; printf 'ifneq ($(KERNELRELEASE),)\n\tobj-$(CONFIG_X) += counter.o\nelse\nall:\n\tmake M=$(PWD)\nendif\n' >Makefile",
		     "src/counter.o", "shmcount.c is not built: it is another driver");
	expect_taken("mkdir src lib; echo \"$driver\" >src/a.c; : >lib/b.c; printf 'M_NAME = $(N)1\nN ?= x\nobj-m := $(M_NAME).o\n${M_NAME}-y := a.o\n$(M_NAME)-y += ../lib/b.o gone.o\n' >src/Kbuild; echo 'obj-m := none.o' >src/Makefile",
		     "src/lib/b.o src/src/a.o",
		     "src/Kbuild names gone.o, for which there is no C file\n");
	/* If we cannot know, it is as if there were none. */
	expect_taken("echo \"$driver\" >a.c; : >b.c; printf 'obj-m := x.o\nx-objs := $(patsubst %%.c,%%.o,$(wildcard *.c))\n' >Makefile",
		     "src/a.o src/b.o", "");
	expect_taken("echo \"$driver\" >a.c; mkfifo Makefile", "src/a.o",
		     "Makefile is not a plain file, so it is not used");
	/* It takes no time, and no file of the host. */
	expect_taken("echo \"$driver\" >a.c; for i in 1 2 3 4 5 6 7 8 9; do printf 'v%d = ' $i; for j in $(seq 500); do printf '$(v%d)' $((i + 1)); done; echo; done >Makefile; printf 'obj-m := $(v1) $(obj-m) ../../points.o /a.o\ninclude /etc/passwd\n' >>Makefile",
		     "src/a.o", "Makefile includes /etc/passwd, which the grader does not read\n");
	expect_taken("echo \"$driver\" >a.c; printf 'include := x\n-include more.mk $(shell ls) # y\n  sinclude $(src)/compat.mk\nincluded = z\n' >Kbuild",
		     "src/a.o", "Kbuild includes more.mk, which the grader does not read\nKbuild includes ?, which");
}

TEST(grade, flags_that_are_harmless_are_used)
{
	expect_taken("mkdir inc other; : >inc/a.h; : >other/b.h; echo \"$driver\" >a.c; printf 'obj-m := a.o\nccflags-y := -DX -DY=2 -I$(src)/inc -Wall -I/etc -I$(PWD)/.. -D\"Z\" -DQ=$(shell id) -D1 -include x\nCFLAGS_a.o = -DONE\n' >Makefile",
		     "src/a.o",
		     "Of ccflags-y in Makefile this is not used: -Wall -I/etc -I./.. -D\"Z\" -DQ=? -D1 -include x\n");
	ASSERT_STREQ("ccflags-y += -DX -DY=2 -I$(src)/src/inc -I$(src)/src/\nCFLAGS_src/a.o += -DONE\n",
		     shell("sed 1d plan"));
	/* Without -I each folder with a header is searched. */
	expect_taken("mkdir inc; : >inc/a.h; echo \"$driver\" >a.c", "src/a.o", "");
	ASSERT_STREQ("ccflags-y += -I$(src)/src/ -I$(src)/src/inc\n",
		     shell("sed 1d plan"));
}

TEST(grade, utf16_is_told_as_that)
{
	prepare();
	hand_in("jane", "");
	ASSERT_STREQ("", shell("echo module_init | iconv -t UTF-16LE >all/jane/shmcount.c"));
	expect_text(grade_one("all/jane").output,
		    "There is nothing to build in it: shmcount.c is a text in UTF-16, which no compiler reads: save it as UTF-8.");
	expect_taken("echo \"$driver\" >a.c; echo x | iconv -t UTF-16 >a.h", "src/a.o",
		     "a.h is a text in UTF-16");
}

/* All that decides what is built is in the fingerprint. */
TEST(grade, change_of_a_makefile_is_graded_again)
{
	prepare();
	hand_in("ann", "");
	write_text("all/ann/other.c", "module_init(x);\n");
	expect_text(grade_all().output, "1 graded, 0 not");
	expect_text(grade_all().output, "1 of 1 are graded already");
	write_text("all/ann/Makefile", "obj-m := other.o\n");
	ASSERT_TRUE(!strstr(grade_all().output, "are graded already"));
	expect_text(grade_all().output, "1 of 1 are graded already");
	ASSERT_STREQ("", shell("mkdir all/ann/f && mv all/ann/*.c all/ann/f"));
	ASSERT_TRUE(!strstr(grade_all().output, "are graded already"));
}

TEST(grade, mistakes_in_the_points_are_refused)
{
	expect_mistake("map.* 4\n", "points:1: a line is: PATTERN POINTS");
	expect_mistake("\n# x\nmap.* 4 visible now\n", "points:3: a line is");
	expect_mistake("map.* four visible\n", "points:1: 'four' has to be a number");
	expect_mistake("map.* -1 visible\n", "points:1: '-1' has to be a number");
	expect_mistake("map.* nan visible\n", "points:1: 'nan' has to be a number");
	expect_mistake("map.* 4 seen\n", "points:1: 'seen' has to be visible");
	expect_mistake("map.* 4 hidden\nmpa.* 1 visible\n",
		       "points:2: 'mpa.*' names no test");
	expect_mistake("map.* mpa.* 4 hidden\n", "points:1: 'mpa.*' names no test");
	expect_mistake("map.* 4 hidden\nsync.one map.one 1 visible\n",
		       "points:2: 'map.one' names only tests that lines above name");
	expect_mistake("map.* 4 hidden\nmap.one 1 visible\n",
		       "points:2: 'map.one' names only tests that lines above name");
	expect_mistake("hidden_x.* 4 hidden\n", "HIDDEN=");
	expect_mistake("map.* 0 visible\n", "points gives no points");
	expect_mistake("# nothing\n", "points gives no points");
}

/* hidden.sh links the tests of an instructor with ours. */
static struct run put_together(const char *a, const char *b)
{
	ASSERT_STREQ("", shell("rm -rf own && mkdir own"));
	write_text("own/a.c", a);
	write_text("own/b.c", b);
	setenv("CFLAGS", text_of("-D_GNU_SOURCE -I%1$s -I%1$s/harness", in("TOP", "tests")), 1);
	return RUN(in("TOP", "tests/grade/hidden.sh"), "own", "own/graded",
		   in("TOP", "build/obj/harness/harness.o"),
		   in("TOP", "build/obj/harness/held.o"),
		   in("TOP", "build/obj/harness/harness_sample.o"));
}

#define OWN(name) "#include \"harness.h\"\nTEST(" name ") { }\n"

TEST(grade, mistakes_in_hidden_tests_are_refused)
{
	struct run run;

	if (access(in("TOP", "build/obj/harness/harness_sample.o"), F_OK))
		test_skip("the sample of the harness is not built");
	run = must_end_silently(put_together(OWN("hidden_a, x"), OWN("hidden_a, y")), 0);
	/* An instructor's tests run last, whatever their names. */
	ASSERT_STREQ("hidden_a.x\nhidden_a.y\n",
		     shell("own/graded -l | tail -n 2"));
	expect_refusal(put_together(OWN("hidden_a, x"), OWN("hidden_a, x")), 2,
		       "grade: two tests in HIDDEN=own are called hidden_a.x");
	expect_refusal(put_together(OWN("hidden_a, x"), OWN("mine, x")), 2,
		       "grade: a test in HIDDEN=own is called mine.x");
	/* From the time when the arguments were in the other order. */
	run = put_together(OWN("hidden_a, x"), "#include \"harness.h\"\n"
			   "TEST(hidden_a, y) { EXPECT_EQ(1, 1); }\n");
	expect_status(&run, 2);
	expect_text(run.errors, "write ASSERT_EQ(expected, seen)");
}

TEST(grade, whether_it_loads_is_asked_first)
{
	ASSERT_STREQ("module.loads\nmodule.unloads\n",
		     shell(text_of("%s -l | head -n 2", in("TOP", "build/grading/graded"))));
}

TEST(grade, instructors_tests_are_a_point_each)
{
	struct run run;

	prepare();
	write_text("hidden", "hidden_a.x\nhidden_a.y\n");
	hand_in("jane", "hidden_a.x fail\n");
	run = grade_one("all/jane");
	expect_text(row(), "\"jane\",tested,11.00,12.00,");
	ASSERT_TRUE(!strstr(run.output, "hidden_a"));
}

/* Each is graded once, and again only if something changed. */
TEST(grade, all_goes_on_where_it_was_stopped)
{
	struct run run;

	prepare();
	hand_in("ann", "");
	hand_in("bob", "map.one fail\n");
	write_text("all/notes.txt", "no submission");
	ASSERT_OK(symlink("ann", "all/zed"));
	run = must_end(RUN(GRADE, "all", "all"), 0);
	expect_text(run.errors, "grade: all/zed is a link");
	expect_text(run.errors, "grade: all/notes.txt is no submission");
	expect_text(run.output, "ann ");
	expect_text(run.output, "2 graded, 0 not");
	ASSERT_STREQ("name,verdict,points,of,passed,failed\n"
		     "\"ann\",tested,10.00,10.00,6,0\n"
		     "\"bob\",tested,8.00,10.00,5,1\n",
		     shell("cut -d , -f 1-6 grades/grades.csv"));
	ASSERT_STREQ("", shell("rm guests all/zed all/notes.txt"));

	expect_text(grade_all().output, "2 of 2 are graded already");
	ASSERT_EQ(-1, access("guests", F_OK));

	hand_in("bob", "map.two crash\n");
	expect_text(grade_all().output, "1 of 2 are graded already");
	ASSERT_STREQ("\"bob\",tested,8.00,10.00,5,0,1\n",
		     shell("sed -n 3p grades/grades.csv | cut -d , -f 1-7"));

	/* When the build, the jail or the guest changes, all are graded again. */
	ASSERT_STREQ("", shell("echo '# new' >>tests/grade/Kbuild"));
	ASSERT_TRUE(!strstr(grade_all().output, "are graded already"));
	ASSERT_STREQ("", shell("echo '# new' >>build/tests/jail; echo '# new' >>build/tests/vm"));
	ASSERT_TRUE(!strstr(grade_all().output, "are graded already"));

	ASSERT_STREQ("", shell("rm guests"));
	must_end_silently(RUN(GRADE, "-f", "all", "all"), 0);
	ASSERT_STREQ("3\n", shell("grep -c module.loads guests"));
}

/* A slow host gets longer limits, plus the time of the hangs. */
TEST(grade, limits_are_those_of_the_host)
{
	must_end_silently(grade("map.one timeout\nmap.two crash\n"), 0);
	ASSERT_STREQ("250\n225\n", shell("cat limits; rm -r limits grades"));
	/* The limits of the control; then those after a control of 100 s. */
	grade_all();
	ASSERT_STREQ("460\n250\n225\n", shell("cat limits; rm limits"));
	ASSERT_STREQ("",
		     shell("sed -i 's/[0-9]*,\"\"$/100,\"\"/' grades/.control/row.csv && echo >>all/jane/shmcount.c"));
	grade_all();
	ASSERT_STREQ("700\n675\n", shell("cat limits"));
}

/* The last field of the row, behind the seconds, and what instructor.json has. */
static void expect_look(const char *wanted)
{
	ASSERT_STREQ(text_of(",\"%s\"\n", wanted), strrchr(row(), ','));
	expect_text(shell("cat grades/jane/instructor.json"),
		    text_of("\"look\": \"%s\"", wanted));
	ASSERT_TRUE(!*wanted || !strstr(shell("cat grades/jane/student.txt grades/jane/results.json grades/jane/junit.xml"),
					wanted));
}

TEST(grade, reasons_to_look_at_a_submission_cost_no_points)
{
	must_end_silently(grade(""), 0);
	expect_look("");
	must_end_silently(grade("map.two tainted 13312\n"), 0);
	expect_look("the kernel is tainted (13312) and its log does not say why");
	expect_text(student(), "jane: 10 of 10 points\n");
	must_end_silently(grade("map.two tainted 0\n"), 0);
	expect_look("the kernel is not tainted as it is by each module of a submission");
	must_end_silently(grade("asm\n"), 0);
	expect_look("has instructions asm");
	must_end_silently(grade("map.two unlogged\n"), 0);
	expect_look("the kernel's log lacks what tests wrote into it");
}

/* By the objdump that reads the submission, in the jail. */
TEST(grade, instructions_of_either_machine_are_a_reason_to_look)
{
	static const char *const machines[][3] = {
		{ "x86_64-linux-gnu-gcc", "outb %%al, %%dx", "has instructions out" },
		{ "aarch64-linux-gnu-gcc", "hvc #0", "has instructions hvc" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (system(text_of("command -v %s >/dev/null", machines[i][0])))
			test_skip("needs %s, which make run ARCH=%s installs", machines[i][0],
				  OTHER_ARCH);
	prepare();
	write_script("build/tests/jail", "#!/bin/sh\ncd \"$2\"\nshift 3\nexec \"$@\"\n");
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++) {
		write_text("all/its.c", text_of(
			   "__attribute__((section(\".modinfo\"), used)) static const char info[] = \"vermagic=6.1 x\\0name=its\";\n"
			   "void f(void) { asm volatile(\"%s\" : : ); }\n", machines[i][1]));
		shell(text_of("%s -c -o all/its.ko all/its.c", machines[i][0]));
		grade_one("all/its.ko");
		expect_text(shell("head -n 1 grades/its.ko/row.csv"),
			    text_of(",\"%s\"\n", machines[i][2]));
	}
}

/* The names of symbols are anybody's text; the row is one line. */
TEST(grade, names_of_imports_harm_no_report)
{
	prepare();
	write_script("build/tests/jail", "#!/bin/sh\n");
	write_text("all/its.c",
		   "__attribute__((section(\".modinfo\"), used)) static const char info[] = \"vermagic=6.1 x\\0name=its\";\n"
		   "void find_vma(void), find_vma2(void), kern_path(void), find_vma_set(void);\n"
		   "void f(void) { find_vma(); find_vma2(); kern_path(); find_vma_set(); }\n");
	ASSERT_STREQ("", shell("gcc -c -o all/its.ko all/its.c && objcopy --redefine-sym find_vma2='find_vma\n\033\377' all/its.ko && rm all/its.c"));
	grade_one("all/its.ko");
	expect_text(shell("head -n 1 grades/its.ko/row.csv"),
		    ",\"imports find_vma, kern_path, find_vma_set; imports of odd names\"\n");
}

/* The control is graded by grade_all(); what it took is in its file times. */
TEST(grade, control_that_skips_or_is_slower_is_a_reason_to_look)
{
	must_end_silently(grade(""), 0);
	grade_all();
	ASSERT_STREQ("", shell("sed -i 's/^\\(map.two\\) .*/\\1 3 1/' grades/.control/times"));
	ASSERT_STREQ("map.two 3 1\n", shell("grep map.two grades/.control/times"));
	grade_one("all/jane");
	expect_look("passes what the control skips");
	/* With other points it is the control no more; nor is it that of the next one. */
	write_text("points", POINTS "\n");
	grade_one("all/jane");
	expect_look("");
	grade_all();
	ASSERT_STREQ("2\n", shell("grep -lF '\"look\": \"\"' grades/.control/instructor.json grades/jane/instructor.json | wc -l"));
}

/* If the unmodified module fails, the tests are wrong. */
TEST(grade, control_has_to_pass)
{
	struct run run;

	prepare();
	hand_in("ann", "");
	write_text("kmod/shmcount.c", "sync.two fail\n");
	run = RUN(GRADE, "all", "all");
	expect_end(&run, 125,
		   "grade: the control, the unmodified module, has 8.00 of 10 points");
	run = RUN(GRADE, "all", "all");
	expect_end(&run, 125, "has 8.00 of 10 points");
	/* After a failure by chance the same command goes on. */
	ASSERT_STREQ("", shell("rm -r grades guests"));
	write_text("kmod/shmcount.c", "sync.two fail once\n");
	run = RUN(GRADE, "all", "all");
	expect_end(&run, 125, "has 8.00 of 10 points");
	expect_text(grade_all().output, "1 graded, 0 not");
}

TEST(grade, mistake_is_told_once_for_all)
{
	struct run run;

	prepare();
	write_text("points", "map.* 4 visible now\n");
	hand_in("ann", "");
	run = RUN(GRADE, "all", "all");
	expect_end(&run, 2, "grade: points:1: a line is");
}

TEST(grade, interrupt_leaves_what_is_graded)
{
	struct run run;

	prepare();
	hand_in("ann", "");
	hand_in("bob", "map.one sleep\n");
	run = START(GRADE, "all", "all");
	wait_for_file("sleeper");
	wait_for_file("grades/ann");
	ASSERT_OK(kill(run.pid, SIGINT));
	expect_status(collect(&run), 130);
	ASSERT_STREQ(".control\nann\ngrades.csv\n\"ann\",tested,10.00\n",
		     shell("ls -A grades; sed 1d grades/grades.csv | cut -d , -f 1-3"));
	ASSERT_EQ(-1, kill(atoi(shell("cat sleeper")), 0));
}

/* Under nohup the grader, its child processes and their guests go on. */
TEST(grade, ignored_signals_stay_ignored)
{
	struct run run;

	prepare();
	hand_in("ann", "map.one waits\n");
	run = START_DEAF(GRADE, "all", "all");
	wait_for_file("waiting");
	send_endings(run.pid);
	send_endings(child_of(run.pid));
	ASSERT_STREQ("", shell("touch go"));
	expect_silent(collect(&run), 0);
	expect_text(run.output, "1 graded, 0 not");
}

TEST(grade, names_that_would_be_the_same_are_refused)
{
	prepare();
	hand_in("a b", "");
	hand_in("a_b", "");
	expect_refusal(RUN(GRADE, "all", "all"), 2, "would both be a_b here");
}

/* Names with letters of other alphabets, and names of NAME_MAX bytes. */
TEST(grade, names_of_any_alphabet)
{
	char longest[256];
	struct run run;

	prepare();
	hand_in("Jürgen", "");
	hand_in("Jörgen", "");
	hand_in("王伟", "");
	hand_in("李娜\u202e", "");
	memset(longest, 'x', 255);
	longest[255] = '\0';
	hand_in(longest, "");
	hand_in("x\",tested,7,9,1,1,0,0", "map.one fail\n");
	run = grade_all();
	expect_text(run.output, "6 graded, 0 not");
	ASSERT_TRUE(!strstr(run.output, "7.00 of 9"));
	expect_text(run.output, "  8.00 of 10  tested, ");
	ASSERT_STREQ("Jörgen\nJürgen\ngrades.csv\nx__tested_7_9_1_1_0_0\n"
		     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n李娜_\n王伟\n7\n",
		     shell("LC_ALL=C ls grades | cut -c 1-30; wc -l <grades/grades.csv"));
}

/* Names that are the same where we cut them are two; nobody else is stopped. */
TEST(grade, names_that_begin_alike_are_two)
{
	prepare();
	ASSERT_STREQ("", shell("for n in 1 2; do d=all/$(printf %0200d 0)$n; mkdir $d; : >$d/shmcount.c; done"));
	expect_text(grade_all().output, "2 graded, 0 not");
	ASSERT_STREQ("3\n", shell("ls grades | wc -l"));
}

/* What else lies in the folder that a learning platform makes. */
TEST(grade, folder_of_a_platform)
{
	struct run run;

	prepare();
	hand_in("__MACOSX", "map.one fail\n");
	hand_in("Ann Lee_12345_assignsubmission_file_", "");
	write_text("all/leeann_12345_67890_shmcount.c", "module_init(x);\n");
	write_text("all/leeann_12345_67891_test.c", "#include <stdio.h>\n");
	write_text("all/leeann_12345_67892_notes.pdf", "");
	write_text("all/bob_LATE_1234_56789_my_driver.C", "map.one fail\n");
	write_text("all/lab_1_2_x.c", "");
	run = grade_all();
	expect_text(run.output, "4 graded, 0 not");
	ASSERT_STREQ("\"Ann Lee_12345_assignsubmission_file_\",tested,10.00\n\"bob_LATE_1234\",tested,8.00\n"
		     "\"lab_1_2_x.c\",tested,10.00\n\"leeann_12345\",tested,10.00\n",
		     shell("sed 1d grades/grades.csv | cut -d , -f 1-3"));
	expect_text(shell("cat grades/leeann_12345/student.txt"),
		    "test.c is not built: it includes <stdio.h>");
	expect_text(grade_one("all/bob_LATE_1234").output, "8 of 10 points");
	expect_text(grade_all().output, "4 of 4 are graded already");
	write_text("all/leeann_12345_67893_more.c", "");
	expect_text(grade_all().output, "3 of 4 are graded already");
}

/* No name of a submission overwrites the reports of another, or a file of ours. */
TEST(grade, names_that_we_use_are_no_others)
{
	static const char *const names[] = {
		"jane", "jane.tmp", "jane.err", "jane.tests", "grades.csv",
		"control", "-f", "jane+tests",
	};

	prepare();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		hand_in(names[i], "");
	expect_text(grade_all().output, "8 graded, 0 not");
	must_end_silently(RUN(GRADE, "-t", "map.*", "one", "all/jane"), 0);
	ASSERT_STREQ(".control\n_f\n_grades_csv\ncontrol\ngrades.csv\njane\njane+tests\njane.err\njane.tests\njane.tmp\njane_tests\n9\n",
		     shell("LC_ALL=C ls -A grades; wc -l <grades/grades.csv"));
}

TEST(grade, directory_without_a_name_has_one)
{
	prepare();
	ASSERT_STREQ("", shell("mkdir grades && touch grades/kept"));
	grade_one("/");
	ASSERT_STREQ("_\nkept\n", shell("ls -A grades"));
}

TEST(grade, two_graders_do_not_share_a_directory)
{
	struct run run;

	prepare();
	hand_in("ann", "map.one sleep\n");
	hand_in("bob", "");
	run = START(GRADE, "one", "all/ann");
	wait_for_file("sleeper");
	expect_refusal(RUN(GRADE, "one", "all/bob"), 125,
		       "grade: another make grade or grade-all works in ");
	ASSERT_OK(kill(run.pid, SIGINT));
	expect_status(collect(&run), 130);
	grade_one("all/bob");
}

TEST(grade, tests_are_not_chosen_for_a_directory)
{
	prepare();
	hand_in("ann", "");
	expect_refusal(RUN(GRADE, "-t", "map.*", "all", "all"), 2,
		       "grade: TESTS= is for make grade: make grade-all runs all tests");
	ASSERT_STREQ("", shell("ls -A grades"));
}

/* For an instructor who is not root; it affects only that submission. */
TEST(grade, submission_that_cannot_be_read_is_told_of)
{
	umask(022);	/* nobody reads the rest */
	prepare();
	hand_in("ann", "");
	hand_in("bob", "");
	ASSERT_STREQ("",
		     shell("chmod 0 all/ann all/bob/shmcount.c && chmod 777 ."));
	if (!getuid() && (setgid(65534) || setuid(65534)))
		FAIL("cannot become nobody");
	if (access(getenv("PROGRAMS"), X_OK))
		test_skip("nobody may not read the programs");
	grade_all();
	ASSERT_STREQ("name,verdict,points\n\"ann\",nothing to build,0.00\n\"bob\",nothing to build,0.00\n",
		     shell("cut -d , -f 1-3 grades/grades.csv"));
	expect_text(shell("cat grades/ann/student.txt"),
		    "There is nothing to build in it: it cannot be opened: Permission denied.");
}

TEST(grade, nothing_to_grade)
{
	prepare();
	expect_refusal(RUN(GRADE, "all", "all"), 2, "there is no submission in all");
	expect_refusal(RUN(GRADE, "all", "nowhere"), 2, "cannot open nowhere");
	expect_refusal(RUN(GRADE, "one", "nowhere"), 2, "cannot read nowhere");
}
