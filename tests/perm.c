// SPDX-License-Identifier: GPL-2.0
/* perm: what an unprivileged user may do, by the mode of the node. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

enum { NOBODY = 65534, RW = PROT_READ | PROT_WRITE };

/* Drop root for good. */
static void become_nobody(void)
{
	ASSERT_OK(setgroups(0, NULL));
	ASSERT_OK(setresgid(NOBODY, NOBODY, NOBODY));
	ASSERT_OK(setresuid(NOBODY, NOBODY, NOBODY));
}

static void cannot_open(void *unused)
{
	(void)unused;
	become_nobody();
	ASSERT_ERRNO(EACCES, open(DEVICE, O_RDWR));
	ASSERT_ERRNO(EACCES, open(DEVICE, O_RDONLY));
	ASSERT_ERRNO(EACCES, open(DEVICE, O_WRONLY));
}

TEST(perm, mode_0600_is_for_root)
{
	load("mode=0600");
	close(open_device(O_RDWR));
	finish(start(cannot_open, NULL));
}

static void uses_it(void *unused)
{
	char *map;

	(void)unused;
	become_nobody();
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 'n';
	ASSERT_EQ(1, pwrite(open_device(O_RDWR), "o", 1, 1));
	ASSERT_EQ('o', map[1]);
}

TEST(perm, mode_0666_is_for_all)
{
	load("");
	finish(start(uses_it, NULL));
	ASSERT_EQ('n', ((char *)map_pages(0, 1, MAP_SHARED))[0]);
}

static void reads_only(void *unused)
{
	int fd;
	char *map;

	(void)unused;
	become_nobody();
	fd = open_device(O_RDONLY);
	ASSERT_ERRNO(EBADF, write(fd, "x", 1));
	ASSERT_ERRNO(EACCES, mmap(NULL, page_size(), RW, MAP_SHARED, fd, 0));
	map = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_OK(map);
	ASSERT_EQ('r', map[0]);
	ASSERT_ERRNO(EACCES, mprotect(map, page_size(), RW));
	ASSERT_ERRNO(EACCES, mprotect(map, page_size(), PROT_WRITE));
}

static void fill(void)
{
	((char *)map_pages(0, 1, MAP_SHARED))[0] = 'r';
}

TEST(perm, mode_0666_opened_read_only_stays_read_only)
{
	load("");
	fill();
	finish(start(reads_only, NULL));
}

static void may_only_read(void *unused)
{
	(void)unused;
	reads_only(NULL);
	ASSERT_ERRNO(EACCES, open(DEVICE, O_RDWR));
}

TEST(perm, mode_0644_is_for_all_to_read)
{
	load("mode=0644");
	fill();
	finish(start(may_only_read, NULL));
}

static void cannot_unload(void *unused)
{
	(void)unused;
	become_nobody();
	ASSERT_ERROR(EPERM, try_unload());
}

TEST(perm, only_root_unloads)
{
	load("");
	finish(start(cannot_unload, NULL));
}
