// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of report with parts that ended in every way a part can, and of check.sh
 * with tests that end in every way a test can (those of harness_sample.c). xmllint,
 * sqlite3 and prove read the files.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "guest/tap.h"

#define HEAD(plan) "TAP version 13\n1.." plan "\n"
#define PASS(number, name) \
	"# begin " name "\n# took 0.250 s\nok " number " " name "\n"
#define FAILURE(number, name) \
	"# begin " name "\n# said before\n# tests/x.c:7: 1 + 1: expected 3, saw 2\n" \
	"# took 1.500 s\nnot ok " number " " name "\n"
#define SKIPPED(number, name) \
	"# begin " name "\n# took 0.000 s\nok " number " " name " # SKIP no moon\n"

/* Write the files of a part; NULL: the file is missing. */
static void part(const char *name, const char *list, const char *tap,
		 const char *status)
{
	const char *const ends[] = { "list", "tap", "status" };
	const char *const texts[] = { list, tap, status };

	mkdir("parts", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		const char *path = text_of("parts/%s.%s", name, ends[i]);

		unlink(path);
		if (texts[i])
			write_text(path, texts[i]);
	}
}

#define REPORT(...) RUN("report", "-k", "6.1.0-9-test", "-m", "x.ko", "-a", \
			"make check KERNEL='6.1'", ".", __VA_ARGS__)

/* Our own TAP reader finds the tap valid, with so many tests and failures. */
static void expect_tap(int tests, int failed)
{
	struct tap tap = { 0 };
	char *text = read_text("tap");

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		tap_line(&tap, line);
	if (!tap_complete(&tap))
		FAIL("the tap is not whole: %s", tap.error);
	ASSERT_EQ(tests, tap.seen);
	ASSERT_EQ(failed, tap.failed);
}

/* The command prints this text and no error. */
static void expect_shell(const char *command, const char *wanted)
{
	struct run run = RUN("/bin/sh", "-c", command);

	ASSERT_STREQ("", run.errors);
	ASSERT_STREQ(wanted, run.output);
}

static void need(const char *tool)
{
	if (system(text_of("command -v %s >/dev/null", tool)))
		test_skip("there is no %s here", tool);
}

TEST(report, all_passed)
{
	struct run run;

	part("here", "a.b\na.c\n", HEAD("2") PASS("1", "a.b") PASS("2", "a.c"),
	     "0\n");
	part("guest-1", "d.e\n", HEAD("1") PASS("1", "d.e"), "0\n");
	part("guest-2", "d.f\n", HEAD("1") SKIPPED("1", "d.f"), "4\n");
	run = must_end(REPORT("here", "guest-1", "guest-2"), 0);
	ASSERT_STREQ("# 1 skipped, each with its reason above\n"
		     "3 passed, 0 failed\n", run.output);
	ASSERT_STREQ("", run.errors);
	ASSERT_STREQ(HEAD("4")
		     "# kernel 6.1.0-9-test\n# module x.ko\n"
		     PASS("1", "a.b") PASS("2", "a.c") PASS("3", "d.e")
		     SKIPPED("4", "d.f"), read_text("tap"));
}

TEST(report, failure_is_told_with_what_runs_it_again)
{
	struct run run;

	part("guest-1", "a.b\na.c\n",
	     HEAD("2") FAILURE("1", "a.b") PASS("2", "a.c"), "1\n");
	run = must_end(REPORT("guest-1"), 1);
	ASSERT_STREQ("\nfailed: a.b (guest-1)\n"
		     "  said before\n"
		     "  tests/x.c:7: 1 + 1: expected 3, saw 2\n"
		     "  again: make check KERNEL='6.1' TESTS='a.b'\n"
		     "\n1 passed, 1 failed\n", run.output);
	expect_tap(2, 1);
	expect_text(read_text("tap"), FAILURE("1", "a.b"));
}

TEST(report, timeout_is_told)
{
	part("here", "a.b\n", HEAD("1") "# begin a.b\n# took 3.001 s\n"
	     "not ok 1 a.b # TIMEOUT 3 seconds\n", "1\n");
	expect_text(must_end(REPORT("here"), 1).output, "\n  no end after 3 seconds\n");
	expect_text(read_text("tap"), "\nnot ok 1 a.b # TIMEOUT 3 seconds\n");
	expect_text(read_text("json"), "\"reason\": \"no end after 3 seconds\"");
}

/* The runner reports a crash in this form. */
TEST(report, crash_fails_what_ran_and_what_did_not)
{
	struct run run;

	part("guest", "a.b\na.c\na.d\ne.f\na.g\n",
	     HEAD("5") PASS("1", "a.b") "# begin a.c\n# [ 2.3] BUG: x\n"
	     "# crash: BUG: x, while a.c was running\nnot ok 2 a.c\n"
	     "not ok 3 not_run.3\nnot ok 4 not_run.4\nnot ok 5 not_run.5\n"
	     "Bail out! crash: BUG: x, while a.c was running\n", "121\n");
	run = must_end(REPORT("guest"), 1);
	ASSERT_STREQ("\nfailed: a.c (guest)\n  [ 2.3] BUG: x\n"
		     "  crash: BUG: x, while a.c was running\n"
		     "  again: make check KERNEL='6.1' TESTS='a.c'\n"
		     "\nfailed: 3 tests of guest did not run: "
		     "crash: BUG: x, while a.c was running\n"
		     "  again: make check KERNEL='6.1' TESTS='a.* e.*'\n"
		     "\n1 passed, 4 failed\n", run.output);
	expect_tap(5, 4);
	expect_text(read_text("tap"), "\n# it did not run: crash: BUG: x, "
		    "while a.c was running\nnot ok 5 a.g\n");
}

/* The runner could not write the rest of the TAP; its record says why. */
TEST(report, record_says_why_a_guest_ended)
{
	struct run run;

	part("guest", "a.b\na.c\n", HEAD("2") PASS("1", "a.b"), "121\n");
	write_text("parts/guest.verdict", "message=crash: BUG: x\nmemory=512\nverdict=crash\n");
	run = REPORT("guest");
	expect_status(&run, 1);
	expect_text(run.output, "failed: 1 test of guest did not run: crash: BUG: x\n"
		    "  again: make check KERNEL='6.1' MEMORY=512 TESTS='a.*'\n");
	expect_text(read_text("json"), "\"status\": 121, \"error\": \"crash: BUG: x\"}");
}

/* A part whose program was killed. */
TEST(report, program_that_ends_in_a_test)
{
	struct run run;

	part("here", "a.b\na.c\n", HEAD("2") "# begin a.b\n"
	     "# took 1 s\n# took 2 s\n# half a wo", "137\n");
	run = must_end(REPORT("here"), 1);
	expect_text(run.output, "failed: a.b (here)\n"
		    "  took 1 s\n  took 2 s\n  half a wo\n"
		    "  it was running when its program ended\n");
	expect_text(run.output, "failed: 1 test of here did not run: "
		    "it ended too early (exit status 137)\n");
	expect_text(run.output, "\n0 passed, 2 failed\n");
	expect_tap(2, 2);
	part("here", "a.b\n", HEAD("1") "# begin a.b\n# took 3 s\n", "137\n");
	expect_text(REPORT("here").output, "failed: a.b (here)\n  took 3 s\n");
}

/* Parts with the tests a.b and a.c, and how the report has to count them. */
static const struct {
	const char *tap, *status;
	int passed, failed;
} parts[] = {
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.c"), "0\n", 2, 0 },
	{ HEAD("2") SKIPPED("1", "a.b") PASS("2", "a.c"), "0\n", 1, 0 },
	{ HEAD("2") PASS("1", "a.b") FAILURE("2", "a.c"), "1\n", 1, 1 },
	{ NULL, NULL, 0, 2 },
	{ NULL, "0\n", 0, 2 },
	{ "", "0\n", 0, 2 },
	{ HEAD("2"), "0\n", 0, 2 },
	{ "Bail out! no kernel\n", "125\n", 0, 2 },
	{ HEAD("2") PASS("1", "a.b"), "0\n", 1, 1 },
	{ HEAD("2") PASS("1", "a.b") "Bail out! why\n", "1\n", 1, 1 },
	{ HEAD("2") PASS("1", "a.b") "not ok 2 not_run.2\n", "0\n", 1, 1 },
	{ HEAD("2") "ok 1 a.b\nok 2 a.c\n", "0\n", 0, 2 },
	{ HEAD("2") PASS("1", "a.c") PASS("2", "a.b"), "0\n", 0, 2 },
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.b"), "0\n", 1, 1 },
	{ HEAD("2") PASS("1", "a.b") PASS("1", "a.c"), "0\n", 1, 1 },
	/* All tests passed, but something else is wrong. */
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.c"), NULL, 2, 1 },
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.c"), "1\n", 2, 1 },
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.c"), "139\n", 2, 1 },
	{ HEAD("3") PASS("1", "a.b") PASS("2", "a.c"), "0\n", 2, 1 },
	{ HEAD("3") PASS("1", "a.b") PASS("2", "a.c") PASS("3", "a.d"), "0\n",
	  2, 1 },
	{ HEAD("2") PASS("1", "a.b") PASS("2", "a.c") "Bail out!\n", "0\n", 2,
	  1 },
	{ HEAD("2") PASS("1", "a.b") "noise\n" PASS("2", "a.c"), "0\n", 2, 1 },
	/* The kernel reports leaks at the end: no test has failed by that. */
	{ HEAD("2") PASS("1", "a.b") FAILURE("2", "a.c") "Bail out! leaks\n",
	  "121\n", 1, 2 },
	{ "TAP version 14\n1..2\n" PASS("1", "a.b") PASS("2", "a.c"), "0\n", 2,
	  1 },
};

TEST(report, only_a_whole_part_is_believed)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		struct run run;
		const char *line, *last;
		int skipped;

		part("here", "a.b\na.c\n", parts[i].tap, parts[i].status);
		run = REPORT("here");
		line = text_of("%d passed, %d failed\n", parts[i].passed, parts[i].failed);
		last = strstr(run.output, line);
		if (!last || strcmp(last, line))
			FAIL("part %zu: expected \"%s\", saw \"%s\"", i, line,
			     run.output);
		expect_status(&run, parts[i].failed > 0);
		skipped = strstr(run.output, "# 1 skipped") ? 1 : 0;
		expect_tap(parts[i].passed + parts[i].failed + skipped,
			   parts[i].failed);
		ASSERT_TRUE(!parts[i].failed || strstr(run.output, "\n  again: "));
		ASSERT_TRUE(!strstr(run.output, "(null)"));
	}
	part("here", NULL, HEAD("1") PASS("1", "a.b"), "0\n");
	expect_text(REPORT("here").output, "\n0 passed, 1 failed\n");
}

TEST(report, same_name_in_two_places)
{
	struct run run;

	part("here", "a.b\na.c\n", HEAD("2") PASS("1", "a.b") PASS("2", "a.c"),
	     "0\n");
	part("guest-1", "a.b\n", HEAD("1") FAILURE("1", "a.b"), "1\n");
	part("guest-2", "d.e\nd.e\n", HEAD("2") PASS("1", "d.e") PASS("2", "d.e"),
	     "0\n");
	run = REPORT("here", "guest-1", "guest-2");
	expect_text(run.output, "\nfailed: a.b@guest (guest-1)\n");
	expect_text(run.output, " TESTS='a.b'\n");
	expect_text(run.output, "\n4 passed, 1 failed\n");
	expect_tap(5, 1);
	expect_shell("grep '^[on].*ok ' tap; grep '^ok ' tap",
		     "not ok 3 a.b@guest\nok 1 a.b@here\nok 2 a.c\n"
		     "ok 4 d.e\nok 5 d.e.2\n");
}

TEST(report, repeated_failures_are_told_once)
{
	struct run run;

	part("here", "a.b.1\na.c.1\na.b.2\na.c.2\na.b.3\na.c.3\n", HEAD("6")
	     PASS("1", "a.b.1") PASS("2", "a.c.1") FAILURE("3", "a.b.2")
	     PASS("4", "a.c.2") FAILURE("5", "a.b.3") PASS("6", "a.c.3"),
	     "1\n");
	run = REPORT("here");
	ASSERT_STREQ("\nfailed: a.b (here), 2 of 3 runs, first as a.b.2\n"
		     "  said before\n  tests/x.c:7: 1 + 1: expected 3, saw 2\n"
		     "  again: make check KERNEL='6.1' TESTS='a.b'\n"
		     "\n4 passed, 2 failed\n", run.output);
	expect_tap(6, 2);
}

TEST(report, long_output_is_in_the_tap)
{
	char tap[10000] = HEAD("1") "# begin a.b\n";
	struct run run;

	for (int i = 1; i <= 50; i++)
		sprintf(tap + strlen(tap), "# line %d\n", i);
	strcat(tap, "# took 1 s\n# took 2.000 s\nnot ok 1 a.b\n");
	part("here", "a.b\n", tap, "1\n");
	run = REPORT("here");
	expect_text(run.output, "\n  line 10\n  (31 lines more are in ./tap)\n"
		    "  line 42\n");
	expect_text(run.output, "\n  line 50\n  took 1 s\n  again: ");
	expect_text(read_text("tap"), "\n# line 11\n");
	expect_text(read_text("tap"), "\n# line 50\n# took 1 s\n"
		    "# took 2.000 s\nnot ok 1 a.b\n");
}

/* Output with markup, control characters and bytes that are not UTF-8. */
#define NASTY "<a href=\"x\">&amp; ]]> 'b' \\ \x1b[31m\x01\t\x7f \xc3\xa4 " \
	"\xe2\x82\xac \xf0\x9f\x98\x80 \xff\xc0\xaf \xed\xa0\x80 \xef\xbf\xbe \xc2\x9b \xe2\x82"
#define CLEAN "<a href=\"x\">&amp; ]]> 'b' \\ \\x1b[31m\\x01\t\\x7f \xc3\xa4 " \
	"\xe2\x82\xac \xf0\x9f\x98\x80 \\xff\\xc0\\xaf \\xed\\xa0\\x80 \\xef\\xbf\\xbe \\xc2\\x9b \\xe2\\x82"

static void nasty_part(void)
{
	part("here", "a.b\na.c\n", HEAD("2") "# begin a.b\n# tests/x.c:1: "
	     NASTY "\n# " NASTY "\n# took 0.1 s\nnot ok 1 a.b\n"
	     "# begin a.c\n# took 0.1 s\nok 2 a.c # SKIP " NASTY "\n", "1\n");
	expect_text(REPORT("here").output, "\n  " CLEAN "\n");
	expect_tap(2, 1);
}

TEST(report, xml_is_read_by_others)
{
	need("xmllint");
	nasty_part();
	expect_shell("xmllint --noout junit.xml", "");
	expect_shell("xmllint --xpath 'string(//failure/@message)' junit.xml",
		     "tests/x.c:1: " CLEAN "\n");
	expect_shell("xmllint --xpath 'string(//failure)' junit.xml",
		     "tests/x.c:1: " CLEAN "\n" CLEAN "\n"
		     "again: make check KERNEL='6.1' TESTS='a.b'\n");
	expect_shell("xmllint --xpath 'string(//skipped/@message)' junit.xml",
		     CLEAN "\n");
	expect_shell("xmllint --xpath 'concat(//testcase[2]/@classname, \" \", "
		     "//testcase[2]/@name, \" \", //testcase[2]/@time, \" \", "
		     "//testsuite/@name, \" \", //testsuite/@tests, "
		     "//testsuite/@failures, //testsuite/@skipped, "
		     "/testsuites/@tests, count(//testcase))' junit.xml",
		     "a c 0.100 here 21122\n");
}

/* Characters of three bytes, so that one of the cuts is within a character. */
TEST(report, long_reasons_are_cut_between_characters)
{
	char tap[2000] = HEAD("2") "# begin a.b\nok 1 a.b # SKIP ";
	char bail[1000] = "Bail out! x";

	need("xmllint");
	for (int i = 0; i < 300; i++) {
		strcat(tap, "\xe2\x82\xac");
		strcat(bail, i ? "\xe2\x82\xac" : "");
	}
	part("here", "a.b\na.c\n", strcat(tap, "\n"), "4\n");
	part("there", "a.d\n", bail, "1\n");
	REPORT("here", "there");
	expect_shell("xmllint --noout junit.xml", "");
	expect_shell("xmllint --xpath 'string-length(//skipped/@message) > 80' "
		     "junit.xml", "true\n");
}

/* A program may print any text after "# took". */
TEST(report, only_a_time_is_one)
{
	need("sqlite3");
	part("here", "a.b\na.c\na.d\n", HEAD("3")
	     "# begin a.b\n# took inf s\nok 1 a.b\n"
	     "# begin a.c\n# took -1 s\nok 2 a.c\n"
	     "# begin a.d\n# took 2 minutes\nok 3 a.d\n", "0\n");
	REPORT("here");
	expect_shell("sqlite3 :memory: \"select json_valid(json), "
		     "json_extract(json, '$.tests[0].seconds'), "
		     "json_extract(json, '$.tests[1].output') || "
		     "json_extract(json, '$.tests[2].output') "
		     "from (select cast(readfile('json') as text) as json)\"",
		     "1||took -1 s\ntook 2 minutes\n\n");
}

TEST(report, json_is_read_by_others)
{
	need("sqlite3");
	nasty_part();
	write_text("expected", "tests/x.c:1: " CLEAN "\n" CLEAN "\n");
	expect_shell("sqlite3 :memory: \"select json_valid(json), "
		     "json_extract(json, '$.tests[0].output') = "
		     "cast(readfile('expected') as text), "
		     "json_extract(json, '$.tests[0].result'), "
		     "json_extract(json, '$.tests[1].result'), "
		     "json_extract(json, '$.tests[1].seconds'), "
		     "json_extract(json, '$.totals.failed'), "
		     "json_extract(json, '$.kernel'), "
		     "json_extract(json, '$.tests[0].command') "
		     "from (select cast(readfile('json') as text) as json)\"",
		     "1|1|failed|skipped|0.1|1|6.1.0-9-test|"
		     "make check KERNEL='6.1' TESTS='a.b'\n");
}

TEST(report, tap_is_read_by_prove)
{
	need("prove");
	part("here", "a.b\na.c\n", HEAD("2") PASS("1", "a.b")
	     SKIPPED("2", "a.c"), "0\n");
	part("guest", "a.b\n", HEAD("1") PASS("1", "a.b"), "0\n");
	REPORT("here", "guest");
	ASSERT_EQ(0, system("prove -e cat tap >out"));
	expect_text(read_text("out"), "Tests=3,");
	nasty_part();
	ASSERT_TRUE(system("prove -e cat tap >out 2>&1"));
	expect_text(read_text("out"), "Failed 1/2 subtests");
}

TEST(report, bad_usage_and_no_room)
{
	struct run run = RUN("report", "-k", "k", "-m", "m", "-a", "a", ".");

	expect_refusal(run, 2, "usage: report ");
	run = RUN("report", "-k", "k", "-m", "m", ".", "here");
	expect_refusal(run, 2, "usage: report ");
	part("here", "a.b\n", HEAD("1") PASS("1", "a.b"), "0\n");
	ASSERT_OK(mkdir("json", 0755));
	run = must_end(REPORT("here"), 1);
	ASSERT_STREQ("1 passed, 0 failed\n", run.output);
	ASSERT_STREQ("report: cannot write ./json: Is a directory\n",
		     run.errors);
}

#define CHECK "./tests/check/check.sh", "-a", "make check KMOD='y.ko'"

/* Make a tree in which check.sh finds only the tests of harness_sample. */
static void make_tree(void)
{
	ASSERT_TRUE(!system("mkdir -p build/tests build/guest build/kernel/k && "
			    "here=$PWD && (cd \"$TOP\" && cp --parents -t \"$here\" tests/check/check.sh tests/kernel/surroundings.sh) && "
			    "ln -s \"$PROGRAMS/report\" build/tests/ && "
			    "ln -s \"$PROGRAMS/harness_sample\" build/tests/harness_test && "
			    "for name in tests/setup_test tests/report_test tests/vm_test guest/suite; do "
			    "printf '#!/bin/sh\\nexit 2\\n' >build/$name; "
			    "chmod +x build/$name; done && "
			    "echo 6.1.0-9-test >build/kernel/k/release"));
	ASSERT_OK(unsetenv("KMOD"));
	ASSERT_OK(unsetenv("REPEAT"));
	ASSERT_OK(unsetenv("LOAD"));
	ASSERT_OK(unsetenv("MEMORY"));
}

TEST(check, runs_and_reports)
{
	struct run run;

	make_tree();
	run = RUN(CHECK, "k", "sample.passes sample.crashes sample.skips");
	expect_status(&run, 1);
	expect_text(run.output, "# harness\nTAP version 13\n1..3\n"
		    "# begin sample.passes\n");
	expect_text(run.output, "\nnot ok 3 sample.crashes\n\n"
		    "failed: sample.crashes (harness)\n"
		    "  killed by signal 11 (Segmentation fault)\n"
		    "  again: make check KMOD='y.ko' TESTS='sample.crashes'\n\n"
		    "# 1 skipped, each with its reason above\n"
		    "1 passed, 1 failed\n");
	ASSERT_STREQ("", run.errors);
	expect_text(read_text("build/results/junit.xml"), "<skipped message=");
	expect_text(read_text("build/results/tap"), "# kernel 6.1.0-9-test\n");
}

/* The tests of large regions have a guest of their own, where load is tested as well. */
TEST(check, large_guest)
{
	struct run run;

	make_tree();
	/* A suite's kernel: no test of the host runs. */
	ASSERT_TRUE(!system("mkdir tests/guest build/kernel/k/tree && printf '#!/bin/sh\n"
			    "[ \"$1\" = -l ] && echo io.x && echo large.x\n' >build/guest/suite && "
			    "printf '#!/bin/sh\n"
			    "echo \"TAP version 13\n1..2\n# begin io.x\n# vm.sh $*\nok 1 io.x\n"
			    "# begin large.x\nok 2 large.x\"\n' >tests/guest/vm.sh && "
			    "chmod +x tests/guest/vm.sh"));
	run = must_end(RUN(CHECK, "k", ""), 0);
	expect_text(run.output, "large-guest.verdict -l tap suite -r 1 large.x load.*\n");
	expect_text(run.output, "guest-1.verdict tap suite -r 1 -s 1/2\n");
	run = must_end(RUN(CHECK, "k", "large.x"), 0);
	expect_text(run.output, "large-guest.verdict -l tap suite -r 1 large.x\n");
}

TEST(check, repeats)
{
	struct run run;

	make_tree();
	setenv("REPEAT", "3", 1);
	run = RUN(CHECK, "k", "sample.passes sample.fails");
	expect_status(&run, 1);
	expect_text(run.output, "\nfailed: sample.fails (harness), 3 of 3 runs,");
	expect_text(run.output, " TESTS='sample.fails'\n\n3 passed, 3 failed\n");
}

TEST(check, refuses_what_is_no_number)
{
	static const char *const wrong[] = { "0", "-1", "x", "1x", "1001", "2 3" };

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		setenv("REPEAT", wrong[i], 1);
		expect_refusal(RUN(CHECK, "k", "sample.passes"), 2,
			       text_of("check: REPEAT=%s: it has to be a number from 1 to 1000\n",
				       wrong[i]));
	}
	unsetenv("REPEAT");
	setenv("LOAD", "much", 1);
	expect_refusal(RUN(CHECK, "k", "sample.passes"), 2,
		       "check: LOAD=much: it has to be a number from 0 to 1000");
}

/* Wait for the process to have a child that uses the processor. */
static pid_t busy_child_of(pid_t parent)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	for (int i = 0; i < 1500; i++) {
		FILE *file = fopen(path, "re");
		long ticks = 0;
		int pid;

		ASSERT_TRUE(file);
		while (fscanf(file, "%d", &pid) == 1)
			if (state_of(pid, &ticks) != 'X' && ticks > 20) {
				fclose(file);
				return pid;
			}
		fclose(file);
		usleep(10000);
	}
	FAIL("no child of %d is busy", parent);
}

static void expect_gone(pid_t pid)
{
	for (int i = 0; i < 1000; i++) {
		char state = state_of(pid, NULL);

		if (state == 'X' || state == 'Z')
			return;
		usleep(10000);
	}
	FAIL("process %d goes on", pid);
}

/* Orphans are children of the harness, which is a subreaper. */
static void expect_no_orphans(void)
{
	FILE *file;
	int pid;

	file = fopen(text_of("/proc/%d/task/%d/children", getppid(), getppid()), "re");
	ASSERT_TRUE(file);
	while (fscanf(file, "%d", &pid) == 1)
		if (pid != getpid())
			expect_gone(pid);
	fclose(file);
}

TEST(check, load_ends_with_the_tests)
{
	make_tree();
	setenv("LOAD", "2", 1);
	must_end(RUN(CHECK, "k", "sample.passes"), 0);
	expect_no_orphans();
}

TEST(check, interrupt_reports_what_there_is_and_ends_the_load)
{
	struct run run;

	make_tree();
	setenv("LOAD", "2", 1);
	run = START(CHECK, "k", "sample.passes sample.hangs_for_long");
	busy_child_of(run.pid);
	shell("until grep -qs '# begin sample.hangs_for_long' build/results/parts/harness.tap; do sleep 0.1; done");
	ASSERT_OK(kill(run.pid, SIGTERM));
	expect_status(collect(&run), 130);
	expect_text(run.output, "failed: sample.hangs_for_long (harness)\n");
	expect_text(run.output, "\n1 passed, 1 failed\n");
	expect_no_orphans();
}

/* At the end, SIGTERM lets the sample remove its directory. */
TEST(check, load_ends_with_what_was_killed)
{
	struct run run;
	char byte;
	pid_t loop;

	make_tree();
	setenv("LOAD", "1", 1);
	run = START(CHECK, "k", "sample.hangs_for_long");
	loop = busy_child_of(run.pid);
	ASSERT_OK(kill(run.pid, SIGKILL));
	ASSERT_EQ(run.pid, waitpid(run.pid, NULL, 0));
	expect_gone(loop);
	signal(SIGTERM, SIG_IGN);
	ASSERT_OK(kill(0, SIGTERM));
	while (read(run.out, &byte, 1) > 0)
		;
	expect_no_orphans();
}
