// SPDX-License-Identifier: GPL-2.0
/* Tests of the harness: it runs harness_sample, and says what came of that. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

#define HEAD "TAP version 13\n1..1\n# begin sample."

/* Take out each piece of text from begin to end, whatever is between. */
static void cut_each(char *text, const char *begin, const char *end)
{
	char *place;

	while ((place = strstr(text, begin))) {
		char *rest = strstr(place, end) + strlen(end);

		memmove(place, rest, strlen(rest) + 1);
	}
}

/* Run one sample; all of the output but for places and times must be this. */
static void expect_sample(const char *name, int status, const char *wanted)
{
	char test[64];
	struct run run;

	snprintf(test, sizeof(test), "sample.%s", name);
	run = RUN("harness_sample", test);
	expect_text(run.output, "\n# took ");
	cut_each(run.output, "tests/harness_sample.c:", ": ");
	cut_each(run.output, "# took ", " s\n");
	EXPECT_STR(run.output, wanted);
	EXPECT_EQ(WEXITSTATUS(run.status), status);
}

TEST(harness, pass)
{
	expect_sample("passes", 0, HEAD "passes\nok 1 sample.passes\n");
}

TEST(harness, failure_says_what_was_expected_and_seen)
{
	expect_sample("fails", 1, HEAD "fails\n# said before\n"
		      "# 1 + 1: expected 3, saw 2\n"
		      "not ok 1 sample.fails\n");
	expect_sample("fails_with_wrong_errno", 1,
		      HEAD "fails_with_wrong_errno\n"
		      "# (errno = EPERM, -1): expected EINVAL, saw EPERM\n"
		      "not ok 1 sample.fails_with_wrong_errno\n");
	expect_sample("fails_where_failure_was_expected", 1,
		      HEAD "fails_where_failure_was_expected\n"
		      "# 0: expected EINVAL, saw success (0)\n"
		      "not ok 1 sample.fails_where_failure_was_expected\n");
}

TEST(harness, skip)
{
	expect_sample("skips", 4, HEAD "skips\n"
		      "ok 1 sample.skips # SKIP no reason here\n");
}

TEST(harness, crash)
{
	expect_sample("crashes", 1, HEAD "crashes\n"
		      "# killed by signal 11 (Segmentation fault)\n"
		      "not ok 1 sample.crashes\n");
}

TEST(harness, exit_is_no_pass)
{
	expect_sample("exits_early", 1, HEAD "exits_early\n"
		      "# exited with status 3 before its end\n"
		      "not ok 1 sample.exits_early\n");
	expect_sample("exits_as_if_passed", 1, HEAD "exits_as_if_passed\n"
		      "# exited with status 0 before its end\n"
		      "not ok 1 sample.exits_as_if_passed\n");
	expect_sample("exits_as_if_skipped", 1, HEAD "exits_as_if_skipped\n"
		      "# exited with status 4 before its end\n"
		      "not ok 1 sample.exits_as_if_skipped\n");
}

/* As under a parent that ignores SIGCHLD, so that there is none to wait for. */
TEST(harness, ignored_child_signal_changes_nothing)
{
	char command[4200];

	snprintf(command, sizeof(command),
		 "trap '' CHLD; exec %s/harness_sample sample.passes sample.fails",
		 getenv("PROGRAMS"));
	EXPECT_EQ(WEXITSTATUS(system(command)), 1);
	EXPECT(strstr(RUN("/bin/sh", "-c", command).output,
		      " s\nok 1 sample.passes\n"));
}

/* As under nohup; the harness itself goes on to ignore it. */
TEST(harness, ignored_hangup_is_not_ignored_by_a_test)
{
	char command[4200];
	struct run run;

	snprintf(command, sizeof(command),
		 "trap '' HUP INT; exec %s/harness_sample sample.by_hangup sample.by_interrupt",
		 getenv("PROGRAMS"));
	run = RUN("/bin/sh", "-c", command);
	expect_text(run.output, "# killed by signal 1 (Hangup)\n");
	expect_text(run.output, "# killed by signal 2 (Interrupt)\n");
}

TEST(harness, time_limit)
{
	expect_sample("hangs", 1, HEAD "hangs\n"
		      "not ok 1 sample.hangs # TIMEOUT 1 seconds\n");
}

TEST(harness, child_that_nobody_asks_fails_the_test)
{
	expect_sample("child_fails_unseen", 1, HEAD "child_fails_unseen\n"
		      "# expected !\"the child failed\"\n"
		      "not ok 1 sample.child_fails_unseen\n");
}

TEST(harness, child_that_dies_fails_the_test)
{
	struct run run = RUN("harness_sample", "sample.child_dies");

	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "killed by signal 9 (Killed)\n");
}

TEST(harness, output_cannot_be_taken_for_results)
{
	expect_sample("forges", 1, HEAD "forges\n# ok 1 sample.forged\n"
		      "# not ok 2 sample.forged\n# Bail out!\n# 1..1\n"
		      "# expected false\n"
		      "not ok 1 sample.forges\n");
}

TEST(harness, neither_processes_nor_files_outlive_a_test)
{
	char left[4200], directory[4096];
	struct run run;
	FILE *file;
	int pid;

	snprintf(left, sizeof(left), "%s/left", getcwd(directory, 4096));
	setenv("LEFT", left, 1);
	run = RUN("harness_sample", "sample.leaves_things");
	EXPECT_EQ(WEXITSTATUS(run.status), 0);
	file = fopen(left, "re");
	EXPECT(file && fscanf(file, "%d %4095s", &pid, directory) == 2);
	EXPECT_ERRNO(kill(pid, 0), ESRCH);
	EXPECT_ERRNO(access(directory, F_OK), ENOENT);
}

TEST(harness, interrupt_ends_the_test_too)
{
	struct run run = START("harness_sample", "sample.hangs_for_long");
	pid_t test = child_of(run.pid);

	EXPECT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	EXPECT_EQ(WEXITSTATUS(run.status), 130);
	expect_text(run.output, "\nBail out! interrupted\n");
	EXPECT_ERRNO(kill(test, 0), ESRCH);
}

/* nohup make check outlives its terminal; what is not ignored still ends it. */
TEST(harness, ignored_signals_do_not_end_it)
{
	struct run run;

	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	run = START("harness_sample", "sample.hangs_for_long");
	child_of(run.pid);
	EXPECT_OK(kill(run.pid, SIGHUP));
	EXPECT_OK(kill(run.pid, SIGINT));
	usleep(300000);
	EXPECT_EQ(waitpid(run.pid, NULL, WNOHANG), 0);
	EXPECT_OK(kill(child_of(run.pid), 0));
	EXPECT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	EXPECT_EQ(WEXITSTATUS(run.status), 130);
}

TEST(harness, output_is_cut)
{
	struct run run = RUN("harness_sample", "sample.says_a_lot");

	EXPECT(lines_in(run.output) < 110);
	expect_text(run.output, "# (more output left out)\n");
}

TEST(harness, failed_cleanup_fails_the_test)
{
	struct run run;

	setenv("SAMPLE_CLEANUP_FAILS", "1", 1);
	run = RUN("harness_sample", "sample.passes");
	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "cleanup failed\n");
	expect_text(run.output, "not ok 1 sample.passes\n");
}

/* For a grader, whom a test that has spoilt the place for others is enough. */
TEST(harness, early_end)
{
	struct run run = RUN("harness_sample", "-e", "1", "sample.fails",
			     "sample.hangs", "sample.says_a_lot");

	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "\nnot ok 2 sample.hangs # TIMEOUT 1 seconds\n"
		    "Bail out! 1 tests did not end\n");
	EXPECT(!strstr(run.output, "says_a_lot"));
	setenv("SAMPLE_CLEANUP_FAILS", "1", 1);
	run = RUN("harness_sample", "-e", "1", "sample.passes", "sample.fails");
	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "\nnot ok 1 sample.passes\n"
		    "Bail out! what sample.passes left cannot be put back\n");
}

TEST(harness, one_failure_fails_the_program)
{
	struct run run = RUN("harness_sample", "sample.passes", "sample.fails",
			     "sample.skips");

	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "\n1..3\n");
	expect_text(run.output, "\nok 1 sample.passes\n");
	expect_text(run.output, "\nnot ok 2 sample.fails\n");
	expect_text(run.output, "\nok 3 sample.skips # SKIP");
}

TEST(harness, tests_are_chosen_by_name_or_pattern)
{
	struct run run = RUN("harness_sample", "-l");

	EXPECT_EQ(lines_in(run.output), 18);
	EXPECT(!strncmp(run.output, "sample.passes\nsample.fails\n", 27));
	run = RUN("harness_sample", "-l", "sample.child_*");
	EXPECT_STR(run.output,
		   "sample.child_fails_unseen\nsample.child_dies\n");
	run = RUN("harness_sample", "-l", "-s", "2/5");
	EXPECT_STR(run.output, "sample.fails\nsample.exits_early\n"
		   "sample.child_fails_unseen\nsample.by_hangup\n");
	run = RUN("harness_sample", "-l", "-r", "2", "sample.child_*");
	EXPECT_STR(run.output, "sample.child_fails_unseen.1\n"
		   "sample.child_dies.1\nsample.child_fails_unseen.2\n"
		   "sample.child_dies.2\n");
	run = RUN("harness_sample", "-l", "-r", "3", "-s", "2/2", "sample.skips");
	EXPECT_STR(run.output, "sample.skips.2\n");
	run = RUN("harness_sample", "-s", "3/2");
	EXPECT_EQ(WEXITSTATUS(run.status), 2);
	expect_refusal(RUN("harness_sample", "sample.no_such"), 2,
		       "harness_sample: no test is named 'sample.no_such'");
	run = RUN("harness_sample", "-x");
	EXPECT_EQ(WEXITSTATUS(run.status), 2);
	run = RUN("harness_sample", "-r", "0");
	EXPECT_EQ(WEXITSTATUS(run.status), 2);
	run = RUN("harness_sample", "-r", "5x");
	EXPECT_EQ(WEXITSTATUS(run.status), 2);
	run = RUN("harness_sample", "-r", "1001");
	EXPECT_EQ(WEXITSTATUS(run.status), 2);
}

TEST(harness, tests_are_repeated)
{
	struct run run = RUN("harness_sample", "-r", "3", "sample.passes",
			     "sample.skips");

	EXPECT_EQ(WEXITSTATUS(run.status), 0);
	cut_each(run.output, "# took ", " s\n");
	cut_each(run.output, "# begin ", "\n");
	EXPECT_STR(run.output, "TAP version 13\n1..6\n"
		   "ok 1 sample.passes.1\n"
		   "ok 2 sample.skips.1 # SKIP no reason here\n"
		   "ok 3 sample.passes.2\n"
		   "ok 4 sample.skips.2 # SKIP no reason here\n"
		   "ok 5 sample.passes.3\n"
		   "ok 6 sample.skips.3 # SKIP no reason here\n");
	run = RUN("harness_sample", "-r", "2", "-s", "2/2", "sample.fails");
	EXPECT_EQ(WEXITSTATUS(run.status), 1);
	expect_text(run.output, "\n1..1\n");
	expect_text(run.output, "\nnot ok 1 sample.fails.2\n");
	run = RUN("harness_sample", "-r", "2", "sample.skips");
	EXPECT_EQ(WEXITSTATUS(run.status), 4);
}

TEST(harness, time_taken_is_told)
{
	struct run run = RUN("harness_sample", "sample.hangs");
	const char *took = strstr(run.output, "\n# took ");
	double seconds;

	EXPECT(took && sscanf(took, "\n# took %lf s\nnot ok 1", &seconds) == 1);
	EXPECT(seconds >= 1 && seconds < 10);
}

/* Another reader of TAP, where the host has it. */
TEST(harness, prove_takes_the_output)
{
	const char *programs = getenv("PROGRAMS");
	char command[4200];

	if (system("command -v prove >/dev/null"))
		test_skip("there is no prove here");
	snprintf(command, sizeof(command),
		 "prove -e '' %s/harness_sample :: sample.passes sample.skips >/dev/null",
		 programs);
	EXPECT_EQ(system(command), 0);
	snprintf(command, sizeof(command),
		 "prove -e '' %s/harness_sample :: sample.fails >/dev/null 2>&1",
		 programs);
	EXPECT(system(command) != 0);
}
