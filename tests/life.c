// SPDX-License-Identifier: GPL-2.0
/* life: the module stays while it is in use, and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

enum { KIB = 1024, BIG_PAGES = 4096, SLACK_KIB = 1024 };

/* The shmem memory of the whole guest, in KiB. */
static long shmem(void)
{
	return number_in("/proc/meminfo", "Shmem:");
}

TEST(life, unload_is_refused_while_open)
{
	int fd;

	load("");
	fd = open_device(O_RDONLY);
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	close(fd);
	unload();
}

TEST(life, unload_is_refused_while_mapped)
{
	char *map = load_default_and_map();	/* its descriptor is closed */

	map[0] = 'm';
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	ASSERT_EQ('m', map[0]);
	ASSERT_OK(munmap(map, page_size()));
	unload();
}

TEST(life, unload_is_refused_while_part_is_mapped)
{
	char *map = load_and_map(3);

	ASSERT_OK(munmap(map, page_size()));
	ASSERT_OK(munmap(map + 2 * page_size(), page_size()));
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	ASSERT_OK(munmap(map + page_size(), page_size()));
	unload();
}

TEST(life, unload_is_refused_while_a_private_copy_is_mapped)
{
	char *map;

	load("");
	map = map_pages(0, 1, MAP_PRIVATE);
	map[0] = 1;
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	ASSERT_OK(munmap(map, page_size()));
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
	void *map = load_default_and_map();
	pid_t child;

	child = start(sleep_for_ever, NULL);
	ASSERT_OK(munmap(map, page_size()));
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	kill_and_wait(child);
	unload();
}

TEST_LIMIT(life, fifty_reloads, 60)
{
	long before = number_in("/proc/meminfo", "Committed_AS:");

	for (int i = 0; i < 50; i++) {
		char *map;

		load("size=4194304");
		map = map_pages(0, 1, MAP_SHARED);
		ASSERT_EQ(0, map[0]);
		map[0] = 1;
		ASSERT_OK(munmap(map, page_size()));
		unload();
	}
	/* Each region that is lost stays accounted for, with 4 MiB. */
	expect_growth_below("Committed_AS:", before, 100 * KIB);
}

/* The kernel accounts for a private mapping in advance, as each page may be copied. */
TEST(life, private_mappings_give_back_what_was_accounted_for)
{
	long before;

	load("size=67108864");
	before = number_in("/proc/meminfo", "Committed_AS:");
	for (int i = 0; i < 4; i++) {
		char *map = try_map(0, 64 * KIB * KIB, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE, O_RDWR);

		ASSERT_OK(map);
		map[0] = 1;
		ASSERT_OK(munmap(map, 64 * KIB * KIB));
	}
	expect_growth_below("Committed_AS:", before, 32 * KIB);
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
	long before = shmem();

	load_pages(pages);
	for (int i = 0; i < MAPPERS; i++)
		mappers[i] = start(map_all_and_sleep, &pages);
	while (attribute("mappings") < 2 * MAPPERS)
		usleep(1000);
	ASSERT_ERROR(EWOULDBLOCK, try_unload());
	for (int i = 0; i < MAPPERS; i++)
		ASSERT_OK(kill(mappers[i], SIGKILL));
	for (int i = 0; i < MAPPERS; i++)
		ASSERT_EQ(mappers[i], waitpid(mappers[i], NULL, 0));
	ASSERT_EQ(0, attribute("mappings"));
	ASSERT_EQ(0, attribute("opens"));
	unload();
	expect_growth_below("Shmem:", before, SLACK_KIB);
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
	ASSERT_OK(munmap(map, BIG_PAGES * page_size()));
	if (loaded > before + SLACK_KIB)
		FAIL("loading took %ld KiB", loaded - before);
	if (touched < before + size - SLACK_KIB)
		FAIL("touching %ld KiB took %ld", size, touched - before);
	if (shmem() < before + size - SLACK_KIB)
		FAIL("the last munmap took the pages away");
	unload();
	expect_growth_below("Shmem:", before, SLACK_KIB);
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
		/* Leave the module unused half of the time. */
		usleep((now() - begun) * 1e6);
	}
}

TEST_LIMIT(life, load_and_unload_under_use, 60)
{
	double end = now() + 1;
	pid_t users[2];
	int loads = 0;

	for (int i = 0; i < 2; i++)
		users[i] = start(open_and_map_for_ever, NULL);
	while (loads <= 2 || now() < end) {
		int error = try_load("");

		ASSERT_TRUE(!error || error == EEXIST);
		loads += !error;
		error = try_unload();
		ASSERT_TRUE(!error || error == EWOULDBLOCK);
	}
	for (int i = 0; i < 2; i++)
		kill_and_wait(users[i]);
}
