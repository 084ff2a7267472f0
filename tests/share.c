// SPDX-License-Identifier: GPL-2.0
/* share: one memory for all, related or not; what /dev/zero does not give. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

enum { ROUNDS = 1000 };

static void add_one_round(void *unused)
{
	int *map = map_pages(0, 1, MAP_SHARED);

	(void)unused;
	for (int i = 0; i < ROUNDS; i++)
		__atomic_fetch_add(&map[0], 1, __ATOMIC_SEQ_CST);
}

TEST(share, separate_opens)
{
	char *a, *b;

	load("");
	a = map_pages(0, 1, MAP_SHARED);
	b = map_pages(0, 1, MAP_SHARED);
	a[100] = 'a';
	EXPECT_EQ(b[100], 'a');
}

TEST(share, unrelated_processes)
{
	int *map;

	load("");
	run_unrelated(add_one_round, NULL);
	map = map_pages(0, 1, MAP_SHARED);
	EXPECT_EQ(map[0], 2 * ROUNDS);
}

TEST(share, count_is_kept_when_nobody_is_there)
{
	char seen[4];
	int count, fd;

	load("");
	run_unrelated(add_one_round, NULL);
	while (attribute("opens") || attribute("mappings"))
		usleep(1000);
	fd = open_device(O_RDONLY);
	EXPECT_EQ(read(fd, seen, sizeof(seen)), sizeof(seen));
	memcpy(&count, seen, sizeof(count));
	EXPECT_EQ(count, 2 * ROUNDS);
}

/* Its inode has not what the kernel would look for there. */
TEST(share, node_outside_of_tmpfs_is_refused)
{
	load("");
	EXPECT_ERRNO(open_elsewhere(), EOPNOTSUPP);
}

/* The control: the same of /dev/zero is two memories. */
TEST(share, dev_zero_does_not)
{
	char *maps[2];

	for (int i = 0; i < 2; i++) {
		int fd = EXPECT_OK(open("/dev/zero", O_RDWR | O_CLOEXEC));

		maps[i] = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			       MAP_SHARED, fd, 0);
		EXPECT(maps[i] != MAP_FAILED);
		close(fd);
	}
	maps[0][0] = 'z';
	EXPECT_EQ(maps[1][0], 0);
}

TEST(share, by_any_node_of_the_device)
{
	static const char node[] = "/dev/shmcount-node";
	struct stat device;
	char *by_name, *by_node;
	int fd;

	load("");
	EXPECT_OK(stat(DEVICE, &device));
	unlink(node);
	EXPECT_OK(mknod(node, S_IFCHR | 0600, device.st_rdev));
	fd = EXPECT_OK(open(node, O_RDWR | O_CLOEXEC));
	by_node = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	EXPECT(by_node != MAP_FAILED);
	by_name = map_pages(0, 1, MAP_SHARED);
	by_node[1] = 'n';
	EXPECT_EQ(by_name[1], 'n');
	EXPECT_OK(unlink(node));
}

TEST(share, same_frame)
{
	volatile char *a, *b, *private;

	load("");
	a = map_pages(0, 1, MAP_SHARED);
	b = map_pages(0, 1, MAP_SHARED);
	private = map_pages(0, 1, MAP_PRIVATE);
	a[0] = b[0];
	EXPECT_EQ(private[0], 0);
	EXPECT_EQ(frame_of((void *)a), frame_of((void *)b));
	EXPECT_EQ(frame_of((void *)a), frame_of((void *)private));
	private[0] = 1;
	EXPECT(frame_of((void *)a) != frame_of((void *)private));
}
