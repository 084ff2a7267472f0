// SPDX-License-Identifier: GPL-2.0
/* io: read, write and seek, as on a file of fixed size. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

enum { PAGES = 2, RANDOM_OPERATIONS = 2000 };

TEST(io, what_is_written_is_read)
{
	char text[] = "shared memory", seen[sizeof(text)];
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	EXPECT_EQ(write(fd, text, sizeof(text)), sizeof(text));
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), sizeof(text));
	EXPECT_EQ(lseek(fd, 0, SEEK_SET), 0);
	EXPECT_EQ(read(fd, seen, sizeof(seen)), sizeof(seen));
	EXPECT_STR(seen, text);
	EXPECT_EQ(pwrite(fd, "M", 1, 7), 1);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), 0), sizeof(seen));
	EXPECT_STR(seen, "shared Memory");
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), sizeof(text));
}

TEST(io, new_region_reads_as_zero_to_its_end)
{
	size_t size = PAGES * page_size();
	char *seen = malloc(size + 1);
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDONLY);
	memset(seen, 1, size + 1);
	EXPECT_EQ(read(fd, seen, size + 1), size);
	for (size_t i = 0; i < size; i++)
		EXPECT_EQ(seen[i], 0);
	EXPECT_EQ(seen[size], 1);
	EXPECT_EQ(read(fd, seen, 1), 0);
}

TEST(io, read_ends_with_the_region)
{
	size_t size = PAGES * page_size();
	char seen[16];
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDONLY);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), size - 5), 5);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), size), 0);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), size + 1), 0);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), 1L << 62), 0);
	EXPECT_EQ(pread(fd, seen, 0, 0), 0);
	EXPECT_ERRNO(pread(fd, seen, 1, -1), EINVAL);
}

TEST(io, write_is_cut_at_the_end)
{
	size_t size = PAGES * page_size();
	char *bytes = calloc(1, size + 1), seen[5];
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	memset(bytes, 'w', size + 1);
	EXPECT_EQ(pwrite(fd, bytes, 16, size - 5), 5);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), size - 5), 5);
	EXPECT_EQ(memcmp(seen, bytes, 5), 0);
	EXPECT_EQ(pwrite(fd, "zz", 2, size - 1), 1);
	EXPECT_EQ(pread(fd, seen, sizeof(seen), size - 1), 1);
	EXPECT_EQ(seen[0], 'z');
	EXPECT_EQ(write(fd, bytes, size + 1), size);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), size);
}

TEST(io, write_past_the_end_has_no_space)
{
	size_t size = PAGES * page_size();
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	EXPECT_ERRNO(pwrite(fd, "x", 1, size), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, "x", 1, size + 1), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, "x", 1, 1L << 62), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, "x", 1, -1), EINVAL);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), size);
	EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
	EXPECT_EQ(write(fd, "x", 0), 0);
	EXPECT_EQ(pwrite(fd, "x", 0, size + 1), 0);
}

TEST(io, append_writes_at_the_end_where_no_space_is)
{
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR | O_APPEND);
	EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
	EXPECT_EQ(write(fd, "x", 0), 0);
}

TEST(io, seek)
{
	long size = PAGES * page_size();
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDONLY);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), size);
	EXPECT_EQ(lseek(fd, -1, SEEK_END), size - 1);
	EXPECT_EQ(lseek(fd, 1, SEEK_CUR), size);
	EXPECT_EQ(lseek(fd, 10, SEEK_SET), 10);
	EXPECT_EQ(lseek(fd, -10, SEEK_CUR), 0);
	EXPECT_ERRNO(lseek(fd, -1, SEEK_SET), EINVAL);
	EXPECT_ERRNO(lseek(fd, -1, SEEK_CUR), EINVAL);
	EXPECT_ERRNO(lseek(fd, size + 1, SEEK_SET), EINVAL);
	EXPECT_ERRNO(lseek(fd, 1, SEEK_END), EINVAL);
	EXPECT_ERRNO(lseek(fd, 0, 99), EINVAL);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

static void expect_pages(size_t wanted, const char *parameters)
{
	int fd;

	load(parameters);
	fd = open_device(O_RDONLY);
	EXPECT_EQ(lseek(fd, 0, SEEK_END), wanted * page_size());
	close(fd);
	unload();
}

TEST(io, size_is_rounded_up_to_pages)
{
	char parameters[32];

	expect_pages(1, "");
	for (size_t pages = 1; pages <= 3; pages++) {
		snprintf(parameters, sizeof(parameters), "size=%zu",
			 pages * page_size());
		expect_pages(pages, parameters);
		snprintf(parameters, sizeof(parameters), "size=%zu",
			 (pages - 1) * page_size() + 1);
		expect_pages(pages, parameters);
	}
}

TEST(io, mapping_and_read_agree)
{
	char *map, seen[8];
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	map = map_pages(0, PAGES, MAP_SHARED);
	memcpy(map + page_size() - 4, "straddle", 8);
	EXPECT_EQ(pread(fd, seen, 8, page_size() - 4), 8);
	EXPECT_EQ(memcmp(seen, "straddle", 8), 0);
	EXPECT_EQ(pwrite(fd, "DDLE", 4, page_size()), 4);
	EXPECT_EQ(memcmp(map + page_size() - 4, "straDDLE", 8), 0);
}

TEST(io, pieces)
{
	size_t size = PAGES * page_size();
	char a[3] = "ab", b[3] = "cd", seen[4];
	struct iovec in[] = { { a, 2 }, { b, 2 } };
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	EXPECT_EQ(pwritev(fd, in, 2, 0), 4);
	EXPECT_EQ(pread(fd, seen, 4, 0), 4);
	EXPECT_EQ(memcmp(seen, "abcd", 4), 0);
	EXPECT_EQ(pwritev(fd, in, 2, size - 3), 3);
	EXPECT_EQ(preadv(fd, in, 2, size - 3), 3);
	EXPECT_EQ(memcmp(a, "ab", 2), 0);
	EXPECT_EQ(b[0], 'c');
}

TEST(io, bad_address)
{
	void *gone;
	int fd;

	load_pages(PAGES);
	gone = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANON, -1,
		    0);
	EXPECT_OK(munmap(gone, page_size()));
	fd = open_device(O_RDWR);
	EXPECT_ERRNO(read(fd, gone, 8), EFAULT);
	EXPECT_ERRNO(write(fd, gone, 8), EFAULT);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 0);
}

/* A write from, and a read into, the very page that it is of. */
TEST(io, buffer_in_the_region_itself)
{
	char *map;
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	map = map_pages(0, PAGES, MAP_SHARED);
	memcpy(map, "self", 4);
	EXPECT_EQ(pwrite(fd, map, 4, page_size() + 8), 4);
	EXPECT_EQ(memcmp(map + page_size() + 8, "self", 4), 0);
	EXPECT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	EXPECT_EQ(pwrite(fd, map, 4, 8), 4);
	EXPECT_EQ(memcmp(map + 8, "self", 4), 0);
	EXPECT_EQ(pread(fd, map + 100, 4, 0), 4);
	EXPECT_EQ(memcmp(map + 100, "self", 4), 0);
}

TEST(io, access_mode_of_the_open)
{
	char byte;

	load_pages(PAGES);
	EXPECT_ERRNO(write(open_device(O_RDONLY), "x", 1), EBADF);
	EXPECT_ERRNO(read(open_device(O_WRONLY), &byte, 1), EBADF);
	EXPECT_EQ(write(open_device(O_WRONLY), "x", 1), 1);
}

TEST(io, fsync_succeeds)
{
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	EXPECT_OK(fsync(fd));
	EXPECT_OK(fdatasync(fd));
}

TEST(io, opens_have_positions_of_their_own)
{
	char byte;
	int a, b;

	load_pages(PAGES);
	a = open_device(O_RDWR);
	b = open_device(O_RDWR);
	EXPECT_EQ(write(a, "12", 2), 2);
	EXPECT_EQ(read(b, &byte, 1), 1);
	EXPECT_EQ(byte, '1');
	EXPECT_EQ(lseek(a, 0, SEEK_CUR), 2);
	EXPECT_EQ(lseek(b, 0, SEEK_CUR), 1);
}

/* Against a model: an array, and the same operations on it. */
TEST(io, agrees_with_a_model)
{
	size_t size = PAGES * page_size();
	char *model = calloc(1, size), *map, *data = malloc(size);
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	map = map_pages(0, PAGES, MAP_SHARED);
	srandom(1);
	for (int i = 0; i < RANDOM_OPERATIONS; i++) {
		size_t offset = random() % (size + 100);
		size_t length = random() % 300;
		ssize_t fits = offset >= size ? 0 :
			       offset + length > size ? size - offset : length;

		memset(data, random(), length);
		switch (random() % 3) {
		case 0:
			if (offset >= size && length)
				EXPECT_ERRNO(pwrite(fd, data, length, offset),
					     ENOSPC);
			else
				EXPECT_EQ(pwrite(fd, data, length, offset),
					  fits);
			memcpy(model + offset, data, fits);
			break;
		case 1:
			EXPECT_EQ(pread(fd, data, length, offset), fits);
			EXPECT_EQ(memcmp(data, model + offset, fits), 0);
			break;
		case 2:
			memcpy(map + offset, data, fits);
			memcpy(model + offset, data, fits);
			break;
		}
	}
	EXPECT_EQ(memcmp(map, model, size), 0);
}

/* All three ways to see bytes of the region agree on them. */
static void expect_bytes(int fd, const char *map, long offset,
			 const char *wanted)
{
	size_t length = strlen(wanted);
	char seen[32] = "";

	EXPECT_EQ(pread(fd, seen, length, offset), length);
	EXPECT_STR(seen, wanted);
	memset(seen, 0, sizeof(seen));
	EXPECT_EQ(lseek(fd, offset, SEEK_SET), offset);
	EXPECT_EQ(read(fd, seen, length), length);
	EXPECT_STR(seen, wanted);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), offset + length);
	EXPECT_EQ(memcmp(map + offset, wanted, length), 0);
}

/* Write so that the bytes end at, cross, and lie beyond an offset. */
static void write_around(int fd, const char *map, long boundary)
{
	EXPECT_EQ(pwrite(fd, "before", 6, boundary - 7), 6);
	expect_bytes(fd, map, boundary - 7, "before");
	EXPECT_EQ(pwrite(fd, "!", 1, boundary - 1), 1);
	expect_bytes(fd, map, boundary - 7, "before!");
	EXPECT_EQ(pwrite(fd, "at", 2, boundary), 2);
	expect_bytes(fd, map, boundary - 1, "!at");
	EXPECT_EQ(pwrite(fd, "crossing", 8, boundary - 4), 8);
	expect_bytes(fd, map, boundary - 7, "befcrossing");

	EXPECT_EQ(lseek(fd, boundary - 3, SEEK_SET), boundary - 3);
	EXPECT_EQ(write(fd, "CROSS", 5), 5);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), boundary + 2);
	EXPECT_EQ(write(fd, "beyond", 6), 6);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), boundary + 8);
	expect_bytes(fd, map, boundary - 7, "befcCROSSbeyond");
}

/* A write in one call of pages before and behind an offset. */
static void write_pages_across(int fd, const char *map, long boundary)
{
	size_t size = 2 * page_size();
	char *pages = malloc(size), *seen = malloc(size);

	for (size_t i = 0; i < size; i++)
		pages[i] = i % 251;
	EXPECT_EQ(pwrite(fd, pages, size, boundary - page_size()), size);
	EXPECT_EQ(pread(fd, seen, size, boundary - page_size()), size);
	EXPECT_EQ(memcmp(seen, pages, size), 0);
	EXPECT_EQ(memcmp(map + boundary - page_size(), pages, size), 0);
}

/* At the end a write is cut, and after it there is no space. */
static void write_at_the_end(int fd, const char *map, long size)
{
	EXPECT_EQ(pwrite(fd, "the end", 7, size - 3), 3);
	expect_bytes(fd, map, size - 3, "the");
	EXPECT_EQ(lseek(fd, size - 2, SEEK_SET), size - 2);
	EXPECT_EQ(write(fd, "HEAD", 4), 2);
	EXPECT_EQ(lseek(fd, 0, SEEK_CUR), size);
	expect_bytes(fd, map, size - 3, "tHE");
	EXPECT_EQ(lseek(fd, 0, SEEK_END), size);
	EXPECT_ERRNO(write(fd, "x", 1), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, "x", 1, size), ENOSPC);
	EXPECT_ERRNO(pwrite(fd, "x", 1, 2 * size), ENOSPC);
}

/*
 * The region ends two pages beyond the boundary. The test touches few of its
 * pages, so that the guest takes little of the host's memory.
 */
static void expect_region_beyond(long boundary, int guest_gib)
{
	size_t pages = boundary / page_size() + 2;
	long size = pages * page_size();
	struct sysinfo info;
	char *map;
	int fd;

	EXPECT_OK(sysinfo(&info));
	if (info.totalram * info.mem_unit / 2 < (size_t)size)
		test_skip("needs a guest of %d GiB: MEMORY=%d", guest_gib,
			  guest_gib * 1024);
	load_pages(pages);
	fd = open_device(O_RDWR);
	map = map_pages(0, pages, MAP_SHARED);
	write_around(fd, map, boundary);
	write_pages_across(fd, map, boundary);
	memcpy(map + boundary - 5, "by the map", 10);
	expect_bytes(fd, map, boundary - 5, "by the map");
	write_at_the_end(fd, map, size);
	/* An offset that lost its high bits would be in one of these. */
	for (size_t i = 0; i < 2 * page_size(); i++)
		EXPECT_EQ(map[i], 0);
}

TEST(io, region_beyond_2_gib)
{
	expect_region_beyond(2L << 30, 5);
}

TEST(io, region_beyond_4_gib)
{
	expect_region_beyond(4L << 30, 10);
}
