// SPDX-License-Identifier: GPL-2.0
/*
 * large: a region past 2 and past 4 GiB, where a number of 32 bits is too small. Only a
 * guest with twice as much memory can have one (vm.sh -l). The tests touch few pages, so
 * that the guest takes little of the host's memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

#define GIB (1L << 30)

/* Skip the test where no region can end two pages past the boundary; returns its size. */
static long size_past(long boundary)
{
	long size = boundary + 2 * page_size(), gib = boundary / GIB * 5 / 2;

	if (half_of_ram() < (size_t)size)
		test_skip("needs a guest of %ld GiB: MEMORY=%ld", gib, gib * 1024);
	return size;
}

static long load_past(long boundary)
{
	long size = size_past(boundary);

	load_pages(size / page_size());
	return size;
}

/* pread(), read() and the mapping must show the same bytes. */
static void expect_bytes(int fd, const char *map, long offset,
			 const char *expected)
{
	size_t length = strlen(expected);
	char seen[32] = "";

	ASSERT_EQ(length, pread(fd, seen, length, offset));
	ASSERT_STREQ(expected, seen);
	memset(seen, 0, sizeof(seen));
	ASSERT_EQ(offset, lseek(fd, offset, SEEK_SET));
	ASSERT_EQ(length, read(fd, seen, length));
	ASSERT_STREQ(expected, seen);
	ASSERT_EQ(offset + length, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(0, memcmp(map + offset, expected, length));
}

/* Write bytes that end at, cross, and lie beyond an offset. */
static void write_around(int fd, const char *map, long boundary)
{
	ASSERT_EQ(6, pwrite(fd, "before", 6, boundary - 7));
	expect_bytes(fd, map, boundary - 7, "before");
	ASSERT_EQ(1, pwrite(fd, "!", 1, boundary - 1));
	expect_bytes(fd, map, boundary - 7, "before!");
	ASSERT_EQ(2, pwrite(fd, "at", 2, boundary));
	expect_bytes(fd, map, boundary - 1, "!at");
	ASSERT_EQ(8, pwrite(fd, "crossing", 8, boundary - 4));
	expect_bytes(fd, map, boundary - 7, "befcrossing");

	ASSERT_EQ(boundary - 3, lseek(fd, boundary - 3, SEEK_SET));
	ASSERT_EQ(5, write(fd, "CROSS", 5));
	ASSERT_EQ(boundary + 2, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(6, write(fd, "beyond", 6));
	ASSERT_EQ(boundary + 8, lseek(fd, 0, SEEK_CUR));
	expect_bytes(fd, map, boundary - 7, "befcCROSSbeyond");
}

/* Write the pages before and after an offset in one call. */
static void write_pages_across(int fd, const char *map, long boundary)
{
	size_t size = 2 * page_size();
	char *pages = malloc(size), *seen = malloc(size);

	for (size_t i = 0; i < size; i++)
		pages[i] = i % 251;
	ASSERT_EQ(size, pwrite(fd, pages, size, boundary - page_size()));
	ASSERT_EQ(size, pread(fd, seen, size, boundary - page_size()));
	ASSERT_EQ(0, memcmp(seen, pages, size));
	ASSERT_EQ(0, memcmp(map + boundary - page_size(), pages, size));
}

/* A write is cut at the end; after the end there is no space. */
static void write_at_the_end(int fd, const char *map, long size)
{
	ASSERT_EQ(3, pwrite(fd, "the end", 7, size - 3));
	expect_bytes(fd, map, size - 3, "the");
	ASSERT_EQ(size - 2, lseek(fd, size - 2, SEEK_SET));
	ASSERT_EQ(2, write(fd, "HEAD", 4));
	ASSERT_EQ(size, lseek(fd, 0, SEEK_CUR));
	expect_bytes(fd, map, size - 3, "tHE");
	ASSERT_EQ(size, lseek(fd, 0, SEEK_END));
	ASSERT_ERRNO(ENOSPC, write(fd, "x", 1));
	ASSERT_ERRNO(ENOSPC, pwrite(fd, "x", 1, size));
	ASSERT_ERRNO(ENOSPC, pwrite(fd, "x", 1, 2 * size));
}

static void expect_io_past(long boundary)
{
	long size = load_past(boundary);
	int fd = open_device(O_RDWR);
	char *map = map_pages(0, size / page_size(), MAP_SHARED);

	write_around(fd, map, boundary);
	write_pages_across(fd, map, boundary);
	memcpy(map + boundary - 5, "by the map", 10);
	expect_bytes(fd, map, boundary - 5, "by the map");
	write_at_the_end(fd, map, size);
	/* A write whose offset lost its high bits would be here. */
	for (size_t i = 0; i < 2 * page_size(); i++)
		ASSERT_EQ(0, map[i]);
}

TEST(large, io_past_2_gib)
{
	expect_io_past(2 * GIB);
}

TEST(large, io_past_4_gib)
{
	expect_io_past(4 * GIB);
}

/* What is left of the region from here on has no more than 32 bits, or just one more. */
TEST(large, io_with_4_gib_left)
{
	long size = load_past(4 * GIB), page = page_size();
	char *pages = malloc(3 * page), *seen = malloc(3 * page);
	int fd = open_device(O_RDWR);

	memset(pages, 'l', 3 * page);
	for (long offset = 0; offset <= 3 * page; offset += page) {
		ASSERT_EQ(3 * page, pwrite(fd, pages, 3 * page, offset));
		ASSERT_EQ(3 * page, pread(fd, seen, 3 * page, offset));
		ASSERT_EQ(0, memcmp(seen, pages, 3 * page));
	}
	ASSERT_ERRNO(ENOSPC, write(open_device(O_WRONLY | O_APPEND), "x", 1));
	ASSERT_EQ(size, lseek(fd, 0, SEEK_END));
}

TEST(large, bound_of_size_past_4_gib)
{
	int fd;

	size_past(4 * GIB);
	ASSERT_ERROR(0, try_load(text_of("size=%zu", half_of_ram())));
	fd = open_device(O_RDONLY);
	ASSERT_EQ(half_of_ram(), lseek(fd, 0, SEEK_END));
	close(fd);
	unload();
	ASSERT_ERROR(EINVAL, try_load(text_of("size=%zu", half_of_ram() + 1)));
}

TEST(large, size_past_4_gib)
{
	long size = load_past(4 * GIB);

	ASSERT_EQ(size, number_in("/sys/module/shmcount/parameters/size", ""));
	ASSERT_EQ(size, attribute("size"));
}

TEST(large, bounds_past_4_gib)
{
	long size = load_past(4 * GIB), page = page_size();
	const struct { long offset, length; } inside[] = {
		{ 0, size }, { 4 * GIB - page, 3 * page }, { 4 * GIB, 2 * page },
		{ 4 * GIB + page, page }, { page, 4 * GIB },
	}, outside[] = {
		{ 0, size + page }, { 4 * GIB, 3 * page }, { size, page },
		{ size + page, page }, { 2 * page, 4 * GIB + page }, { 8 * GIB, page },
	};

	for (size_t i = 0; i < ARRAY_SIZE(inside); i++)
		ASSERT_OK(try_map(inside[i].offset, inside[i].length, PROT_READ,
				  MAP_SHARED, O_RDONLY));
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++)
		ASSERT_ERRNO(EINVAL,
			     try_map(outside[i].offset, outside[i].length, PROT_READ,
				     MAP_SHARED, O_RDONLY));
}

TEST(large, pages_past_4_gib)
{
	long size = load_past(4 * GIB), page = page_size();
	int fd = open_device(O_RDWR);

	for (long offset = 4 * GIB - page; offset < size; offset += page) {
		char *map = map_pages(offset / page, 1, MAP_SHARED), byte;

		ASSERT_EQ(0, map[0]);
		map[0] = 'a' + offset / page % 16;
		ASSERT_EQ(1, pread(fd, &byte, 1, offset));
		ASSERT_EQ(map[0], byte);
	}
}

TEST(large, trace_past_4_gib)
{
	static const char *const events[] = { "vma_open", "fault", "vma_close" };
	static char trace[1 << 16];
	long page = page_size();
	char *map;

	load_past(4 * GIB);
	start_tracing();
	map = map_pages(4 * GIB / page - 1, 2, MAP_SHARED);
	map[page] = 1;
	ASSERT_OK(munmap(map, 2 * page));
	ASSERT_TRUE(fread(trace, 1, sizeof(trace) - 1, end_of_trace()) > 0);
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		int second = i == 1;

		if (!strstr(trace, text_of("shmcount_%s: pid=%d address=0x%lx offset=%ld\n",
					   events[i], getpid(), (long)map + second * page,
					   4 * GIB - page + second * page)))
			FAIL("no right shmcount_%s in:\n%s", events[i], trace);
	}
}
