// SPDX-License-Identifier: GPL-2.0
/*
 * module: does the module load, and does it unload? The grader runs the other tests only
 * if it loads, and each in a guest of its own if it does not unload. A failure shows the
 * end of the kernel's log.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

enum { LOG_LINES = 12 };

static int open_log_at_end(void)
{
	int fd = ASSERT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	ASSERT_OK(lseek(fd, 0, SEEK_END));
	return fd;
}

/* Records are "LEVEL,NUMBER,TIME,...;TEXT". */
static void show_log(int fd)
{
	char record[1024];
	ssize_t n;

	for (int i = 0; i < LOG_LINES; i++) {
		char *text;

		n = read(fd, record, sizeof(record) - 1);
		if (n <= 0)
			break;
		record[n] = '\0';
		text = strchr(record, ';');
		if (text)
			printf("log: %.*s\n", (int)strcspn(text + 1, "\n"),
			       text + 1);
	}
	fflush(stdout);
}

/* The next test unloads it: so a crash tells whether it loads. */
TEST_THAT_KEEPS(module, loads)
{
	int log = open_log_at_end();
	int error = try_load("");

	if (error) {
		show_log(log);
		FAIL("insmod shmcount.ko: %s (%s)", strerrorname_np(error),
		     strerror(error));
	}
}

static void expect_unload(void)
{
	int log = open_log_at_end(), error = try_unload();

	if (error) {
		show_log(log);
		FAIL("rmmod shmcount: %s (%s)", strerrorname_np(error),
		     strerror(error));
	}
}

/* What the first unload has left behind, the second load may find. */
TEST(module, unloads)
{
	int error = try_load("");

	if (error && error != EEXIST)
		FAIL("insmod shmcount.ko: %s", strerrorname_np(error));
	expect_unload();
	error = try_load("");
	if (error)
		FAIL("insmod shmcount.ko after rmmod: %s (%s)", strerrorname_np(error),
		     strerror(error));
	expect_unload();
}
