// SPDX-License-Identifier: GPL-2.0
/* life: the module stays while it is used, and leaves nothing when it goes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

enum { KIB = 1024, BIG_PAGES = 4096, SLACK_KIB = 1024 };

/* Memory of shmem in all the guest, in KiB. */
static long shmem(void)
{
	return number_in("/proc/meminfo", "Shmem:");
}

TEST(life, unload_is_refused_while_open)
{
	int fd;

	load("");
	fd = open_device(O_RDONLY);
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	close(fd);
	unload();
}

TEST(life, unload_is_refused_while_mapped)
{
	char *map;

	load("");
	map = map_pages(0, 1, MAP_SHARED);	/* its descriptor is closed */
	map[0] = 'm';
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	EXPECT_EQ(map[0], 'm');
	EXPECT_OK(munmap(map, page_size()));
	unload();
}

TEST(life, unload_is_refused_while_part_is_mapped)
{
	char *map;

	load_pages(3);
	map = map_pages(0, 3, MAP_SHARED);
	EXPECT_OK(munmap(map, page_size()));
	EXPECT_OK(munmap(map + 2 * page_size(), page_size()));
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	EXPECT_OK(munmap(map + page_size(), page_size()));
	unload();
}

TEST(life, unload_is_refused_while_a_private_copy_is_mapped)
{
	char *map;

	load("");
	map = map_pages(0, 1, MAP_PRIVATE);
	map[0] = 1;
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	EXPECT_OK(munmap(map, page_size()));
	unload();
}

static void sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

TEST(life, unload_is_refused_while_a_child_has_the_mapping)
{
	void *map;
	pid_t child;

	load("");
	map = map_pages(0, 1, MAP_SHARED);
	child = start(sleep_for_ever, NULL);
	EXPECT_OK(munmap(map, page_size()));
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	EXPECT_OK(kill(child, SIGKILL));
	EXPECT_EQ(waitpid(child, NULL, 0), child);
	unload();
}

TEST_LIMIT(life, two_hundred_reloads, 60)
{
	long before = number_in("/proc/meminfo", "Committed_AS:");

	for (int i = 0; i < 200; i++) {
		char *map;

		load("size=1048576");
		map = map_pages(0, 1, MAP_SHARED);
		EXPECT_EQ(map[0], 0);
		map[0] = 1;
		EXPECT_OK(munmap(map, page_size()));
		unload();
	}
	/* A region that is lost stays accounted for: 1 MiB at each. */
	if (number_in("/proc/meminfo", "Committed_AS:") > before + 100 * KIB)
		FAIL("promised memory went from %ld to %ld KiB", before,
		     number_in("/proc/meminfo", "Committed_AS:"));
}

static void map_all_and_sleep(void *pages)
{
	size_t count = *(size_t *)pages;

	memset(map_pages(0, count, MAP_SHARED), 1, count * page_size());
	memset(map_pages(0, count, MAP_PRIVATE), 2, page_size());
	sleep_for_ever(NULL);
}

TEST(life, killed_mappers_leave_nothing)
{
	enum { MAPPERS = 8 };
	size_t pages = BIG_PAGES;
	pid_t mappers[MAPPERS];
	long before;

	before = shmem();
	load_pages(pages);
	for (int i = 0; i < MAPPERS; i++)
		mappers[i] = start(map_all_and_sleep, &pages);
	while (attribute("mappings") < 2 * MAPPERS)
		usleep(1000);
	EXPECT_EQ(try_unload(), EWOULDBLOCK);
	for (int i = 0; i < MAPPERS; i++)
		EXPECT_OK(kill(mappers[i], SIGKILL));
	for (int i = 0; i < MAPPERS; i++)
		EXPECT_EQ(waitpid(mappers[i], NULL, 0), mappers[i]);
	EXPECT_EQ(attribute("mappings"), 0);
	EXPECT_EQ(attribute("opens"), 0);
	unload();
	if (shmem() > before + SLACK_KIB)
		FAIL("Shmem went from %ld to %ld KiB", before, shmem());
}

TEST(life, pages_are_there_when_touched_and_gone_at_unload)
{
	long before = shmem(), loaded, touched;
	long size = BIG_PAGES * page_size() / KIB;
	void *map;

	load_pages(BIG_PAGES);
	loaded = shmem();
	map = map_pages(0, BIG_PAGES, MAP_SHARED);
	memset(map, 1, BIG_PAGES * page_size());
	touched = shmem();
	EXPECT_OK(munmap(map, BIG_PAGES * page_size()));
	if (loaded > before + SLACK_KIB)
		FAIL("loading took %ld KiB", loaded - before);
	if (touched < before + size - SLACK_KIB)
		FAIL("touching %ld KiB took %ld", size, touched - before);
	if (shmem() < before + size - SLACK_KIB)
		FAIL("the last munmap took the pages away");
	unload();
	if (shmem() > before + SLACK_KIB)
		FAIL("Shmem went from %ld to %ld KiB", before, shmem());
}

static void open_and_map_for_ever(void *unused)
{
	(void)unused;
	for (;;) {
		double begun = now();
		int fd = open(DEVICE, O_RDWR);
		char *map;

		if (fd < 0)
			continue;
		map = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
		close(fd);
		if (map == MAP_FAILED)
			continue;
		map[0]++;
		munmap(map, page_size());
		/* However slow a kernel is, there are moments without use. */
		usleep((now() - begun) * 1e6);
	}
}

TEST_LIMIT(life, load_and_unload_under_use, 60)
{
	time_t end = time(NULL) + 2;
	pid_t users[2];
	int loads = 0;

	for (int i = 0; i < 2; i++)
		users[i] = start(open_and_map_for_ever, NULL);
	while (loads <= 2 || time(NULL) < end) {
		int error = try_load("");

		EXPECT(!error || error == EEXIST);
		loads += !error;
		error = try_unload();
		EXPECT(!error || error == EWOULDBLOCK);
	}
	for (int i = 0; i < 2; i++) {
		EXPECT_OK(kill(users[i], SIGKILL));
		EXPECT_EQ(waitpid(users[i], NULL, 0), users[i]);
	}
}
