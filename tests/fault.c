// SPDX-License-Identifier: GPL-2.0
/*
 * fault: each allocation of an operation, and each copy from or to user space,
 * fails in turn. The operation must then answer with an error that says so, or
 * succeed; leave nothing behind; and work when it is tried again.
 *
 * Needs a kernel with fault injection (make check KERNEL=debug). How many
 * places there are to fail differs from boot to boot, so nothing here counts
 * on it. What an error path loses is found when the guest looks for leaks.
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

/* One operation; where one is NULL there is nothing to do. */
struct operation {
	void (*prepare)(void);	/* before each try, and nothing in it fails */
	int (*try)(void);	/* returns 0 or an errno */
	void (*undo)(void);	/* after one that worked */
	long opens, mappings;	/* that there are when it has failed */
	int also;		/* an errno that may come, too */
};

static int device = -1;
static char *map, buffer[64];

/*
 * Write N to have the Nth place from now on fail, in this thread and once; what
 * is read is 0 when that has been. (Documentation/fault-injection)
 */
static int fail_nth = -1;

/* Allocations that may sleep are to fail too, and the log need not tell. */
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
	char path[100];

	fail_nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail_nth < 0)
		test_skip("this kernel cannot make allocations fail: make check KERNEL=debug has one that can");
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 attributes[i][0]);
		write_to(path, attributes[i][1]);
	}
}

static void arm(int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%d", nth);

	EXPECT_EQ(pwrite(fail_nth, text, length, 0), length);
}

/* True if a place has failed since arm(). To ask is a place of its own. */
static bool disarm(void)
{
	char text[16] = "";
	bool failed = pread(fail_nth, text, sizeof(text) - 1, 0) > 0 &&
		      !atoi(text);

	while (pwrite(fail_nth, "0", 1, 0) != 1)
		EXPECT_EQ(errno, EFAULT);
	return failed;
}

static void expect_clean(const struct operation *operation, int nth, int error)
{
	if (error != ENOMEM && error != EFAULT && error != operation->also)
		FAIL("place %d failed: expected ENOMEM or EFAULT, saw %s", nth,
		     strerrorname_np(error));
	if (access(DEVICE, F_OK))
		return;
	EXPECT_EQ(attribute("opens"), operation->opens);
	EXPECT_EQ(attribute("mappings"), operation->mappings);
}

static void sweep(const struct operation *operation)
{
	int nth = 0, errors = 0, past = 0;

	need_fault_injection();
	/* One try may have fewer places than another: is that really the end? */
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
			EXPECT(failed);
			errors++;
			expect_clean(operation, nth, error);
			EXPECT_EQ(operation->try(), 0);
		}
		if (operation->undo)
			operation->undo();
	}
	/* Else nothing was injected, or nobody was told. */
	EXPECT(errors > 0);
}

static void have_device(void)
{
	load_pages(PAGES);
	device = open_device(O_RDWR);
}

static void have_mapping(void)
{
	have_device();
	map = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
		   MAP_SHARED, device, 0);
	EXPECT(map != MAP_FAILED);
}

static void let_go(void)
{
	if (map)
		EXPECT_OK(munmap(map, PAGES * page_size()));
	map = NULL;
	EXPECT_OK(close(device));
	unload();
}

static int try_to_load(void)
{
	return try_load("size=16384 mode=0640");
}

TEST_LIMIT(fault, load, LIMIT)
{
	static const struct operation operation = {
		.try = try_to_load, .undo = unload,
		.also = ENOSPC,	/* shmem, of an inode that cannot be had */
	};

	need_fault_injection();
	/* The kernel warns where it cannot define the fields of an event. */
	EXPECT_EQ(try_load_file("/lib/spare.ko",
				"function=event_define_fields"), 0);
	/* Once without, for what is remembered of the module's file. */
	load("");
	unload();
	sweep(&operation);
}

static int try_open(void)
{
	device = open(DEVICE, O_RDWR | O_CLOEXEC);
	return device < 0 ? errno : 0;
}

static void close_device(void)
{
	EXPECT_OK(close(device));
}

TEST_LIMIT(fault, open, LIMIT)
{
	static const struct operation operation = {
		.try = try_open, .undo = close_device,
	};

	load_pages(PAGES);
	sweep(&operation);
}

static int try_mmap(void)
{
	map = mmap(NULL, PAGES * page_size(), PROT_READ | PROT_WRITE,
		   MAP_SHARED, device, 0);
	return map == MAP_FAILED ? errno : 0;
}

static void unmap(void)
{
	EXPECT_OK(munmap(map, PAGES * page_size()));
}

TEST_LIMIT(fault, mmap, LIMIT)
{
	static const struct operation operation = {
		.try = try_mmap, .undo = unmap, .opens = 1,
	};

	have_device();
	sweep(&operation);
}

static int try_populate(void)
{
	return madvise(map, PAGES * page_size(), MADV_POPULATE_WRITE) ?
	       errno : 0;
}

/* The pages are new, so the region has to grow, too. */
TEST_LIMIT(fault, page_fault, LIMIT)
{
	static const struct operation operation = {
		.prepare = have_mapping, .try = try_populate, .undo = let_go,
		.opens = 1, .mappings = 1,
	};

	sweep(&operation);
}

static void forget_pages(void)
{
	EXPECT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
}

static int touch_pages(void)
{
	for (int i = 0; i < PAGES; i++)
		map[i * page_size()]++;
	return 0;
}

/*
 * A process that only touches its memory hears of no error: the kernel has it
 * fault until there is a page.
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
			EXPECT_EQ(map[i * page_size()], (char)nth);
	}
}

static int try_read(void)
{
	return pread(device, buffer, sizeof(buffer), 10) < 0 ? errno : 0;
}

static void put_pattern(void)
{
	memset(buffer, 'p', sizeof(buffer));
	EXPECT_EQ(pwrite(device, buffer, sizeof(buffer), 10), sizeof(buffer));
	memset(buffer, 0, sizeof(buffer));
}

static void expect_pattern(void)
{
	EXPECT_EQ(pread(device, buffer, sizeof(buffer), 10), sizeof(buffer));
	for (size_t i = 0; i < sizeof(buffer); i++)
		EXPECT_EQ(buffer[i], 'p');
}

TEST_LIMIT(fault, read, LIMIT)
{
	static const struct operation operation = {
		.prepare = put_pattern, .try = try_read,
		.undo = expect_pattern, .opens = 1,
	};

	have_device();
	sweep(&operation);
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
	static const struct operation operation = {
		.prepare = have_device, .try = try_write,
		.undo = check_and_let_go, .opens = 1,
	};

	sweep(&operation);
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

/* A child that was begun and could not be takes its mappings with it. */
TEST_LIMIT(fault, fork_of_a_mapping, LIMIT)
{
	static const struct operation operation = {
		.try = try_fork, .opens = 1, .mappings = 1,
	};

	have_mapping();
	map[0] = 's';
	sweep(&operation);
	EXPECT_EQ(attribute("mappings"), 1);
}

/* In one place: of two the first may be done when the second fails. */
static int try_to_split(void)
{
	return munmap(map + page_size(), (PAGES - 1) * page_size()) ? errno : 0;
}

TEST_LIMIT(fault, partial_munmap, LIMIT)
{
	static const struct operation operation = {
		.prepare = have_mapping, .try = try_to_split, .undo = let_go,
		.opens = 1, .mappings = 1,
	};

	sweep(&operation);
}
