// SPDX-License-Identifier: GPL-2.0
/* Tests that end in every way a test can; harness_test.c runs them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define OURS "/dev/ours"
const struct test_word test_words[] = { { "OURS", "\"" OURS "\"" }, {} };

TEST(sample, passes)
{
	printf("what a passing test prints is not shown\n");
	ASSERT_EQ(2, 1 + 1);
	ASSERT_STREQ("a", "a");
	ASSERT_OK(0);
	ASSERT_ERRNO(EINVAL, (errno = EINVAL, -1));
}

TEST(sample, fails)
{
	printf("said before\n");
	ASSERT_EQ(3, 1 + 1);
}

TEST(sample, fails_with_wrong_errno)
{
	ASSERT_ERRNO(EINVAL, (errno = EPERM, -1));
}

TEST(sample, fails_where_failure_was_expected)
{
	ASSERT_ERRNO(EINVAL, 0);
}

static int minus_one(void)
{
	return -1;
}

/* Errno is of an earlier call: this one sets none. */
TEST(sample, fails_without_errno)
{
	errno = ENOENT;
	ASSERT_EQ(0, minus_one());
}

TEST(sample, fails_with_values)
{
	char data[4096];
	size_t size = sizeof(data);

	ASSERT_OK(pread(-1, data, size, size - 1));
}

/* The values were those of another call. */
TEST(sample, fails_without_values)
{
	ASSERT_ERRNO(EBADF, lseek(-1, 77, SEEK_SET));
	ASSERT_EQ(0, minus_one());
}

TEST(sample, fails_with_a_name_of_its_own)
{
	ASSERT_OK(access(OURS, F_OK));
}

TEST(sample, fails_with_a_mode)
{
	ASSERT_MODE(0600, 0644);
}

TEST(sample, fails_with_an_error)
{
	ASSERT_ERROR(EBUSY, minus_one() + 1);
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
	ASSERT_TRUE(!"the child failed");
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
	ASSERT_TRUE(false);
}

static void outlive(void *unused)
{
	(void)unused;
	setsid();
	for (;;)
		pause();
}

/* It writes to the file LEFT where they are. */
TEST(sample, leaves_things)
{
	const char *left = getenv("LEFT");
	pid_t pid = start(outlive, NULL);
	FILE *file = fopen(left ? left : "/dev/null", "we");

	ASSERT_TRUE(!mkdir("directory", 0755));
	ASSERT_TRUE(!mknod("directory/file", S_IFREG | 0644, 0));
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

/* Directories that only root can list or empty. */
TEST(sample, leaves_closed_directories)
{
	const char *left = getenv("LEFT");
	FILE *file = fopen(left ? left : "/dev/null", "we");

	ASSERT_TRUE(!mkdir("full", 0755) && !mkdir("full/closed", 0755));
	ASSERT_TRUE(!mkdir("full/closed/too", 0755));
	ASSERT_TRUE(!mknod("full/closed/too/file", S_IFREG | 0644, 0));
	ASSERT_TRUE(!chmod("full/closed/too", 0) && !chmod("full/closed", 0));
	ASSERT_TRUE(!chmod("full", 0555));
	fprintf(file, "%s", getcwd(NULL, 0));
	fclose(file);
}

TEST(sample, has_no_module)
{
	test_not_loaded();
	exit(3);
}

void test_cleanup(void)
{
	if (getenv("SAMPLE_CLEANUP_FAILS"))
		FAIL("cleanup failed");
}

/* vfork() waits in the kernel until its child has called execv() or ended. */
TEST_LIMIT(sample, is_held_by_the_kernel, 8)
{
	if (!vfork())
		for (;;)
			pause();
}

TEST_LIMIT(sample, is_busy, 4)
{
	for (;;)
		getppid();
}

TEST_THAT_KEEPS(sample, keeps_what_it_changes)
{
}

TEST(another, passes)
{
}

/* To a host that judges. */
TEST(sample, asserts_nothing)
{
}

TEST(sample, sees_something_else)
{
	ASSERT_TRUE(test_word() != 3);
	test_saw(3);
}

static void assert_in_child(void *unused)
{
	(void)unused;
	ASSERT_EQ(2, 1 + 1);
}

TEST(sample, asserts_in_a_child)
{
	finish(start(assert_in_child, NULL));
}

TEST(sample, dies_instead_of_sleeping)
{
	wait_until_asleep(start(die, NULL));
}

TEST(sample, maps_where_failure_was_expected)
{
	ASSERT_ERRNO(EINVAL, 0x7f0000001000);
}
