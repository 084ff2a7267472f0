// SPDX-License-Identifier: GPL-2.0
/* share: all processes, related or not, share one memory. */
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
	uint64_t *a = load_default_and_map();
	uint64_t *b = map_pages(0, 1, MAP_SHARED);
	uint64_t word = test_word();

	a[100] = word;
	ASSERT_EQ(word, b[100]);
	test_saw(b[100]);
}

TEST(share, unrelated_processes)
{
	int *map;

	load("");
	run_unrelated(add_one_round, NULL);
	map = map_pages(0, 1, MAP_SHARED);
	ASSERT_EQ(2 * ROUNDS, map[0]);
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
	ASSERT_EQ(sizeof(seen), read(fd, seen, sizeof(seen)));
	memcpy(&count, seen, sizeof(count));
	ASSERT_EQ(2 * ROUNDS, count);
}

/* Its inode lacks the shmem data that the kernel reads around it. That in /dev has them. */
TEST(share, node_outside_of_tmpfs_is_refused)
{
	load("");
	open_device(O_RDWR);
	ASSERT_ERRNO(EOPNOTSUPP, open_elsewhere());
}

/* The control: two mappings of /dev/zero are two memories. */
TEST(share, dev_zero_does_not)
{
	char *maps[2];

	for (int i = 0; i < 2; i++) {
		int fd = ASSERT_OK(open("/dev/zero", O_RDWR | O_CLOEXEC));

		maps[i] = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			       MAP_SHARED, fd, 0);
		ASSERT_TRUE(maps[i] != MAP_FAILED);
		close(fd);
	}
	maps[0][0] = 'z';
	ASSERT_EQ(0, maps[1][0]);
}

TEST(share, by_any_node_of_the_device)
{
	static const char node[] = "/dev/shmcount-node";
	struct stat device;
	char *by_name, *by_node;
	int fd;

	load("");
	ASSERT_OK(stat(DEVICE, &device));
	unlink(node);
	ASSERT_OK(mknod(node, S_IFCHR | 0600, device.st_rdev));
	fd = ASSERT_OK(open(node, O_RDWR | O_CLOEXEC));
	by_node = mmap(NULL, page_size(), PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	ASSERT_OK(by_node);
	by_name = map_pages(0, 1, MAP_SHARED);
	by_node[1] = 'n';
	ASSERT_EQ('n', by_name[1]);
	ASSERT_OK(unlink(node));
}

TEST(share, same_frame)
{
	volatile char *a = load_default_and_map();
	volatile char *b = map_pages(0, 1, MAP_SHARED);
	volatile char *private = map_pages(0, 1, MAP_PRIVATE);

	a[0] = b[0];
	ASSERT_EQ(0, private[0]);
	ASSERT_EQ(frame_of((void *)b), frame_of((void *)a));
	ASSERT_EQ(frame_of((void *)private), frame_of((void *)a));
	private[0] = 1;
	ASSERT_TRUE(frame_of((void *)a) != frame_of((void *)private));
}
