// SPDX-License-Identifier: GPL-2.0
/* As an instructor would add tests: make grade SRC=... HIDDEN=this folder. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

TEST(hidden_bounds, last_byte_is_read_and_none_after_it)
{
	char bytes[2];
	int fd;

	load_pages(3);
	fd = open_device(O_RDONLY);
	EXPECT_EQ(pread(fd, bytes, 2, 3 * page_size() - 1), 1);
	EXPECT_EQ(pread(fd, bytes, 2, 3 * page_size()), 0);
}

TEST(hidden_bounds, page_behind_the_region_is_not_mapped)
{
	int fd;

	load_pages(2);
	fd = open_device(O_RDWR);
	EXPECT_ERRNO(mmap(NULL, 2 * page_size(), PROT_READ, MAP_SHARED, fd,
			  page_size()), EINVAL);
}
