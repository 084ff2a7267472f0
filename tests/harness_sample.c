// SPDX-License-Identifier: GPL-2.0
/* Tests that end in every way a test can, for harness_test.c to look at. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

TEST(sample, passes)
{
	printf("what a passing test prints is not shown\n");
	EXPECT_EQ(1 + 1, 2);
	EXPECT_STR("a", "a");
	EXPECT_OK(0);
	EXPECT_ERRNO((errno = EINVAL, -1), EINVAL);
}

TEST(sample, fails)
{
	printf("said before\n");
	EXPECT_EQ(1 + 1, 3);
}

TEST(sample, fails_with_wrong_errno)
{
	EXPECT_ERRNO((errno = EPERM, -1), EINVAL);
}

TEST(sample, fails_where_failure_was_expected)
{
	EXPECT_ERRNO(0, EINVAL);
}

TEST(sample, skips)
{
	test_skip("no %s here", "reason");
}

TEST(sample, crashes)
{
	raise(SIGSEGV);
}

TEST(sample, exits_early)
{
	exit(3);
}

TEST(sample, exits_as_if_passed)
{
	exit(0);
}

TEST(sample, exits_as_if_skipped)
{
	exit(4);
}

TEST_LIMIT(sample, hangs, 1)
{
	for (;;)
		pause();
}

TEST(sample, hangs_for_long)
{
	for (;;)
		pause();
}

static void fail_in_child(void *unused)
{
	(void)unused;
	EXPECT(!"the child failed");
}

TEST(sample, child_fails_unseen)
{
	pid_t pid = start(fail_in_child, NULL);

	waitpid(pid, NULL, 0);
}

static void die(void *unused)
{
	(void)unused;
	raise(SIGKILL);
}

TEST(sample, child_dies)
{
	finish(start(die, NULL));
}

TEST(sample, forges)
{
	printf("ok 1 sample.forged\nnot ok 2 sample.forged\nBail out!\n1..1\n");
	fflush(stdout);
	EXPECT(false);
}

static void outlive(void *unused)
{
	(void)unused;
	setsid();
	for (;;)
		pause();
}

/* It says where they are in the file that LEFT names. */
TEST(sample, leaves_things)
{
	const char *left = getenv("LEFT");
	pid_t pid = start(outlive, NULL);
	FILE *file = fopen(left ? left : "/dev/null", "we");

	EXPECT(!mkdir("directory", 0755));
	EXPECT(!mknod("directory/file", S_IFREG | 0644, 0));
	fprintf(file, "%d %s", pid, getcwd(NULL, 0));
	fclose(file);
}

TEST(sample, says_a_lot)
{
	for (int i = 0; i < 1000; i++)
		printf("line %d\n", i);
	FAIL("at last");
}

TEST(sample, by_hangup)
{
	raise(SIGHUP);
}

TEST(sample, by_interrupt)
{
	raise(SIGINT);
}

/* Folders that only root may look into, or take something out of. */
TEST(sample, leaves_closed_folders)
{
	const char *left = getenv("LEFT");
	FILE *file = fopen(left ? left : "/dev/null", "we");

	EXPECT(!mkdir("full", 0755) && !mkdir("full/closed", 0755));
	EXPECT(!mkdir("full/closed/too", 0755));
	EXPECT(!mknod("full/closed/too/file", S_IFREG | 0644, 0));
	EXPECT(!chmod("full/closed/too", 0) && !chmod("full/closed", 0));
	EXPECT(!chmod("full", 0555));
	fprintf(file, "%s", getcwd(NULL, 0));
	fclose(file);
}

void test_cleanup(void)
{
	if (getenv("SAMPLE_CLEANUP_FAILS"))
		FAIL("cleanup failed");
}
