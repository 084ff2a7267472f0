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

/* Be an ordinary user from here on. */
static void become_nobody(void)
{
	EXPECT_OK(setgroups(0, NULL));
	EXPECT_OK(setresgid(NOBODY, NOBODY, NOBODY));
	EXPECT_OK(setresuid(NOBODY, NOBODY, NOBODY));
}

static void cannot_open(void *unused)
{
	(void)unused;
	become_nobody();
	EXPECT_ERRNO(open(DEVICE, O_RDWR), EACCES);
	EXPECT_ERRNO(open(DEVICE, O_RDONLY), EACCES);
	EXPECT_ERRNO(open(DEVICE, O_WRONLY), EACCES);
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
	EXPECT_EQ(pwrite(open_device(O_RDWR), "o", 1, 1), 1);
	EXPECT_EQ(map[1], 'o');
}

TEST(perm, mode_0666_is_for_all)
{
	load("");
	finish(start(uses_it, NULL));
	EXPECT_EQ(((char *)map_pages(0, 1, MAP_SHARED))[0], 'n');
}

static void reads_only(void *unused)
{
	int fd;
	char *map;

	(void)unused;
	become_nobody();
	fd = open_device(O_RDONLY);
	EXPECT_ERRNO(write(fd, "x", 1), EBADF);
	EXPECT_ERRNO(mmap(NULL, page_size(), RW, MAP_SHARED, fd, 0), EACCES);
	map = mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(map != MAP_FAILED);
	EXPECT_EQ(map[0], 'r');
	EXPECT_ERRNO(mprotect(map, page_size(), RW), EACCES);
	EXPECT_ERRNO(mprotect(map, page_size(), PROT_WRITE), EACCES);
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
	EXPECT_ERRNO(open(DEVICE, O_RDWR), EACCES);
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
	EXPECT_EQ(try_unload(), EPERM);
}

TEST(perm, only_root_unloads)
{
	load("");
	finish(start(cannot_unload, NULL));
}
