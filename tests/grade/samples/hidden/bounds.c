// SPDX-License-Identifier: GPL-2.0
/* An instructor's own tests: make grade SRC=... HIDDEN=this directory. */
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
	ASSERT_EQ(1, pread(fd, bytes, 2, 3 * page_size() - 1));
	ASSERT_EQ(0, pread(fd, bytes, 2, 3 * page_size()));
}

TEST(hidden_bounds, page_behind_the_region_is_not_mapped)
{
	int fd;

	load_pages(2);
	fd = open_device(O_RDWR);
	ASSERT_ERRNO(EINVAL,
		     mmap(NULL, 2 * page_size(), PROT_READ, MAP_SHARED, fd,
			  page_size()));
}
