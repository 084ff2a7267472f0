// SPDX-License-Identifier: GPL-2.0
/*
 * fault: each allocation of an operation, and each copy from or to user space,
 * fails in turn. The operation must then fail with an error that says so, or
 * succeed; it must leave nothing behind, and work when it is tried again.
 *
 * The tests need a kernel with fault injection (make check KERNEL=debug). The
 * number of failure points differs from boot to boot, so no test counts
 * them. When the tests have ended, the guest looks for leaks of error paths.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { PAGES = 4, LIMIT = 300 };

/* One operation. prepare and undo may be NULL. */
struct operation {
	void (*prepare)(void);	/* before each try, without faults */
	int (*try)(void);	/* returns 0 or an errno */
	void (*undo)(void);	/* after a try that succeeded */
	long opens, mappings;	/* expected after a failure */
	int also;		/* an errno that is allowed, too */
};

static int device = -1;
static char *map, buffer[64];

/*
 * Write N, and the Nth failure point from now on fails, once and in this
 * thread. It reads as 0 after that. (Documentation/fault-injection)
 */
static int fail_nth = -1;

/* Make allocations that may sleep fail too, and keep the log quiet. */
static void need_fault_injection(void)
{
	static const char *const attributes[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
		{ "fail_futex/verbose", "0" },
	};

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		test_skip("this kernel cannot make allocations fail: make check KERNEL=debug has one that can");
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		write_to(text_of("/sys/kernel/debug/%s", attributes[i][0]), attributes[i][1]);
}

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	ASSERT_EQ(length, pwrite(fail_nth, text, length, 0));
}

/* True if a failure point failed since arm(). The read itself can fail, too. */
static bool disarm(void)
{
	char text[16] = "";
	bool failed = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 &&
		      !atoi(text);

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		ASSERT_ERROR(EFAULT, errno);
	return failed;
}

static void expect_clean(const struct operation *operation, int nth, int error)
{
	if (error != ENOMEM && error != EFAULT && error != operation->also)
		FAIL("failure point %d: expected ENOMEM or EFAULT, saw %s",
		     nth, strerrorname_np(error));
	if (access(DEVICE, F_OK))
		return;
	ASSERT_EQ(operation->opens, attribute("opens"));
	ASSERT_EQ(operation->mappings, attribute("mappings"));
}

static void sweep(const struct operation *operation)
{
	int nth = 0, errors = 0, past = 0;

	need_fault_injection();
	/* The number of failure points varies, so go on a little past the end. */
	while (past < 10) {
		bool failed;
		int error;

		if (operation->prepare)
			operation->prepare();
		arm(++nth);
		error = operation->try();
		failed = disarm();
		past = failed ? 0 : past + 1;
		if (error) {
			ASSERT_TRUE(failed);
			errors++;
			expect_clean(operation, nth, error);
			ASSERT_EQ(0, operation->try());
		}
		if (operation->undo)
			operation->undo();
	}
	/* Otherwise no fault was injected, or no error came back. */
	ASSERT_TRUE(errors > 0);
}

static void have_device(void)
{
	device = load_and_open(PAGES, O_RDWR);
}

static int try_mmap(void)
{
	map = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
		   MAP_SHARED, device, 0);
	return map == MAP_FAILED ? errno : 0;
}

static void have_mapping(void)
{
	have_device();
	ASSERT_EQ(0, try_mmap());
}

static void let_go(void)
{
	if (map)
		ASSERT_OK(munmap(map, PAGES * page_size()));
	map = NULL;
	ASSERT_OK(close(device));
	unload();
}

static int try_to_load(void)
{
	return try_load("size=16384 mode=0640");
}

TEST_LIMIT(fault, load, LIMIT)
{
	need_fault_injection();
	/* The kernel warns if it cannot define the fields of an event. */
	ASSERT_EQ(0,
		  try_load_file("/lib/skip_fault_injection.ko",
				"function=event_define_fields"));
	/* Once without faults: the kernel caches data of the module's file. */
	load("");
	unload();
	sweep(&(struct operation) {
		.try = try_to_load, .undo = unload,
		.also = ENOSPC,	/* shmem, if it cannot get an inode */
	});
}

static int try_open(void)
{
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	return device < 0 ? errno : 0;
}

static void close_device(void)
{
	ASSERT_OK(close(device));
}

TEST_LIMIT(fault, open, LIMIT)
{
	load_pages(PAGES);
	sweep(&(struct operation) {
		.try = try_open, .undo = close_device,
	});
}

static void unmap(void)
{
	ASSERT_OK(munmap(map, PAGES * page_size()));
}

TEST_LIMIT(fault, mmap, LIMIT)
{
	have_device();
	sweep(&(struct operation) {
		.try = try_mmap, .undo = unmap, .opens = 1,
	});
}

static int try_populate(void)
{
	return madvise(map, PAGES * page_size(), MADV_POPULATE_WRITE) ?
	       errno : 0;
}

/* The pages are new, so the region must allocate them. */
TEST_LIMIT(fault, page_fault, LIMIT)
{
	sweep(&(struct operation) {
		.prepare = have_mapping, .try = try_populate, .undo = let_go,
		.opens = 1, .mappings = 1,
	});
}

static void forget_pages(void)
{
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
}

static void touch_pages(void)
{
	for (int i = 0; i < PAGES; i++)
		map[i * page_size()]++;
}

/*
 * A process that only touches its memory sees no error: it faults again until
 * there is a page.
 */
TEST_LIMIT(fault, touch_always_works, LIMIT)
{
	bool failed = true;

	need_fault_injection();
	have_mapping();
	for (int nth = 1; failed; nth++) {
		forget_pages();
		arm(nth);
		touch_pages();
		failed = disarm();
		for (int i = 0; i < PAGES; i++)
			ASSERT_EQ((char)nth, map[i * page_size()]);
	}
}

static int try_read(void)
{
	return pread(device, buffer, sizeof(buffer), 10) < 0 ? errno : 0;
}

static void put_pattern(void)
{
	memset(buffer, 'p', sizeof(buffer));
	ASSERT_EQ(sizeof(buffer), pwrite(device, buffer, sizeof(buffer), 10));
	memset(buffer, 0, sizeof(buffer));
}

static void expect_pattern(void)
{
	ASSERT_EQ(sizeof(buffer), pread(device, buffer, sizeof(buffer), 10));
	for (size_t i = 0; i < sizeof(buffer); i++)
		ASSERT_EQ('p', buffer[i]);
}

TEST_LIMIT(fault, read, LIMIT)
{
	have_device();
	sweep(&(struct operation) {
		.prepare = put_pattern, .try = try_read,
		.undo = expect_pattern, .opens = 1,
	});
}

static int try_write(void)
{
	memset(buffer, 'p', sizeof(buffer));
	return pwrite(device, buffer, sizeof(buffer), 10) < 0 ? errno : 0;
}

static void check_and_let_go(void)
{
	expect_pattern();
	let_go();
}

TEST_LIMIT(fault, write, LIMIT)
{
	sweep(&(struct operation) {
		.prepare = have_device, .try = try_write,
		.undo = check_and_let_go, .opens = 1,
	});
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		return errno;
	if (!pid)
		_exit(map[0] != 's');
	finish(pid);
	return 0;
}

/*
 * Allocations that may not wait fail, as all of them do now and then where memory is
 * short. Those of the region wait until there is some.
 */
TEST(fault, region_waits_for_memory)
{
	need_fault_injection();
	have_mapping();
	write_to("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "Y");
	write_to("/sys/kernel/debug/fail_page_alloc/task-filter", "Y");
	write_to("/sys/kernel/debug/fail_page_alloc/times", "-1");
	write_to("/proc/self/make-it-fail", "1");
	write_to("/sys/kernel/debug/fail_page_alloc/probability", "100");
	ASSERT_EQ(0, try_write());
	ASSERT_EQ(0, try_populate());
	write_to("/sys/kernel/debug/fail_page_alloc/probability", "0");
}

/* A fork that fails half-way must also remove the copied mappings. */
TEST_LIMIT(fault, fork_of_a_mapping, LIMIT)
{
	have_mapping();
	map[0] = 's';
	sweep(&(struct operation) {
		.try = try_fork, .opens = 1, .mappings = 1,
	});
	ASSERT_EQ(1, attribute("mappings"));
}

/* One split only: with two, the first may be done when the second fails. */
static int try_to_split(void)
{
	return munmap(map + page_size(), (PAGES - 1) * page_size()) ? errno : 0;
}

TEST_LIMIT(fault, partial_munmap, LIMIT)
{
	sweep(&(struct operation) {
		.prepare = have_mapping, .try = try_to_split, .undo = let_go,
		.opens = 1, .mappings = 1,
	});
}
