// SPDX-License-Identifier: GPL-2.0
/* load: parameters, their bounds, the node, and loading again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

static unsigned long half_of_ram(void)
{
	struct sysinfo info;

	EXPECT_OK(sysinfo(&info));
	return info.totalram * info.mem_unit / 2 / page_size() * page_size();
}

/* Load with one parameter, a number; returns 0 or an errno. */
static int try_load_with(const char *name, const char *format,
			 unsigned long value)
{
	char parameters[64], number[40];

	snprintf(number, sizeof(number), format, value);
	snprintf(parameters, sizeof(parameters), "%s=%s", name, number);
	return try_load(parameters);
}

static mode_t node_mode(void)
{
	struct stat stat_buf;

	EXPECT_OK(stat(DEVICE, &stat_buf));
	EXPECT(S_ISCHR(stat_buf.st_mode));
	return stat_buf.st_mode & 07777;
}

/* True if the kernel's log, from its end in fd on, holds the text. */
static bool log_has(int fd, const char *text)
{
	char record[1024];
	ssize_t n;

	while ((n = read(fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		if (strstr(record, text))
			return true;
	}
	return false;
}

static int open_log_at_end(void)
{
	int fd = EXPECT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	EXPECT_OK(lseek(fd, 0, SEEK_END));
	return fd;
}

/* And what is there once is not loaded twice, nor unloaded. */
TEST(load, and_unload_again_and_again)
{
	for (int i = 0; i < 10; i++) {
		load("");
		EXPECT_EQ(try_load(""), EEXIST);
		unload();
		EXPECT_EQ(try_unload(), ENOENT);
	}
}

TEST(load, node_is_for_all_by_default)
{
	load("");
	EXPECT_EQ(node_mode(), 0666);
}

TEST(load, default_is_one_page_for_all)
{
	load("");
	EXPECT_EQ(attribute("size"), page_size());
	EXPECT_EQ(node_mode(), 0666);
	EXPECT_EQ(attribute("opens"), 0);
	EXPECT_EQ(attribute("mappings"), 0);
	EXPECT_EQ(attribute("faults"), 0);
}

TEST(load, size_is_rounded_up_to_pages)
{
	EXPECT_EQ(try_load("size=1"), 0);
	EXPECT_EQ(attribute("size"), page_size());
	unload();
	EXPECT_EQ(try_load_with("size", "%lu", page_size() + 1), 0);
	EXPECT_EQ(attribute("size"), 2 * page_size());
	unload();
	EXPECT_EQ(try_load_with("size", "%lu", 3 * page_size()), 0);
	EXPECT_EQ(attribute("size"), 3 * page_size());
	EXPECT_EQ(number_in("/sys/module/shmcount/parameters/size", ""),
		  3 * page_size());
}

TEST(load, size_zero_is_refused_with_the_bounds)
{
	char bounds[100];
	int log;

	snprintf(bounds, sizeof(bounds), "not between 1 and %lu bytes",
		 half_of_ram());
	load("");
	unload();
	log = open_log_at_end();
	EXPECT_EQ(try_load("size=0"), EINVAL);
	EXPECT(log_has(log, bounds));
	EXPECT_ERRNO(open(DEVICE, O_RDWR), ENOENT);
}

TEST(load, size_is_at_most_half_of_ram)
{
	int log;

	EXPECT_EQ(try_load_with("size", "%lu", half_of_ram() + 1), EINVAL);
	log = open_log_at_end();
	EXPECT_EQ(try_load_with("size", "%lu", ~0UL), EINVAL);
	EXPECT(log_has(log, "size=18446744073709551615 is not"));
	EXPECT_EQ(try_load_with("size", "%lu", ~0UL - page_size()), EINVAL);
}

TEST(load, half_of_ram_is_taken)
{
	EXPECT_EQ(try_load_with("size", "%lu", half_of_ram()), 0);
	EXPECT_EQ(lseek(open_device(O_RDONLY), 0, SEEK_END), half_of_ram());
}

TEST(load, size_must_be_a_number)
{
	EXPECT_EQ(try_load("size=-1"), EINVAL);
	EXPECT_EQ(try_load("size=page"), EINVAL);
	EXPECT_EQ(try_load("size="), EINVAL);
}

/* What it was is what the region is, until the unload. */
TEST(load, size_cannot_be_changed)
{
	static const char size[] = "/sys/module/shmcount/parameters/size";
	struct stat stat_buf;

	load("");
	open_device(O_RDONLY);
	EXPECT_OK(stat(size, &stat_buf));
	EXPECT_EQ(stat_buf.st_mode & 07777, 0444);
}

/* What it was says nothing of a node that was changed since. */
TEST(load, mode_is_not_in_sysfs)
{
	load("mode=0600");
	EXPECT_EQ(node_mode(), 0600);
	EXPECT_ERRNO(access("/sys/module/shmcount/parameters/mode", F_OK),
		     ENOENT);
}

TEST(load, mode_is_that_of_the_node)
{
	static const mode_t modes[] = { 0600, 0640, 0444, 0777, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		EXPECT_EQ(try_load_with("mode", "0%lo", modes[i]), 0);
		EXPECT_EQ(node_mode(), modes[i]);
		unload();
	}
}

TEST(load, mode_is_octal)
{
	EXPECT_EQ(try_load("mode=640"), 0);
	EXPECT_EQ(node_mode(), 0640);
	unload();
	EXPECT_EQ(try_load("mode=680"), EINVAL);
	EXPECT_EQ(try_load("mode=0x1ff"), EINVAL);
}

TEST(load, mode_beyond_permissions_is_refused)
{
	int log;

	load("");
	unload();
	log = open_log_at_end();
	EXPECT_EQ(try_load("mode=01000"), EINVAL);
	EXPECT(log_has(log, "not between 0 and 0777"));
	EXPECT_EQ(try_load("mode=0170666"), EINVAL);
	EXPECT_EQ(try_load("mode=rw"), EINVAL);
}

TEST(load, twice_is_refused)
{
	load("");
	EXPECT_EQ(try_load(""), EEXIST);
	EXPECT_EQ(attribute("size"), page_size());
}

TEST(load, node_goes_with_the_module)
{
	load("");
	close(open_device(O_RDWR));
	unload();
	EXPECT_ERRNO(open(DEVICE, O_RDWR), ENOENT);
	EXPECT_ERRNO(access("/sys/class/misc/shmcount", F_OK), ENOENT);
}

TEST(load, region_is_zero_at_each_load)
{
	for (int i = 0; i < 3; i++) {
		char *map;

		load_pages(16);
		map = map_pages(0, 16, MAP_SHARED);
		for (size_t j = 0; j < 16 * page_size(); j++)
			if (map[j])
				FAIL("load %d: byte %zu is %d", i, j, map[j]);
		memset(map, 0x5a, 16 * page_size());
		munmap(map, 16 * page_size());
		unload();
	}
}

/* So a fault in it does not fail for memory that others were promised too. */
TEST(load, region_is_accounted_for_while_loaded)
{
	long before = number_in("/proc/meminfo", "Committed_AS:");

	load("size=67108864");
	for (int i = 0; i < 3; i++) {
		if (number_in("/proc/meminfo", "Committed_AS:") <
		    before + 32 * 1024)
			FAIL("after %d opens promised memory went from %ld to %ld KiB",
			     i, before,
			     number_in("/proc/meminfo", "Committed_AS:"));
		close(open_device(O_RDWR));
	}
}

/*
 * A region that is lost when misc_register() fails stays accounted for, as
 * memory that the kernel has promised.
 */
TEST(load, failed_registration_leaves_nothing)
{
	static const char promised[] = "Committed_AS:";
	enum { REGION_KIB = 64 * 1024 };
	long before;

	load("");
	unload();
	force_return("misc_register", -EBUSY, 3);
	before = number_in("/proc/meminfo", promised);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(try_load("size=67108864"), EBUSY);
	if (number_in("/proc/meminfo", promised) > before + REGION_KIB / 2)
		FAIL("promised memory went from %ld to %ld KiB", before,
		     number_in("/proc/meminfo", promised));
	EXPECT_ERRNO(open(DEVICE, O_RDWR), ENOENT);
	load("");
	close(open_device(O_RDWR));
}

TEST(load, failed_registration_is_told)
{
	load("");
	unload();
	force_return("misc_register", -EBUSY, 1);
	EXPECT_EQ(try_load(""), EBUSY);
	EXPECT_ERRNO(open(DEVICE, O_RDWR), ENOENT);
	load("");
	close(open_device(O_RDWR));
}

/* And no node is there even for a moment, in which it could be opened. */
TEST(load, region_that_cannot_be_had)
{
	int watch = EXPECT_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	char event[512];

	EXPECT_OK(inotify_add_watch(watch, "/dev", IN_CREATE));
	force_return("shmem_file_setup", -ENOMEM, 1);
	EXPECT_EQ(try_load(""), ENOMEM);
	EXPECT_ERRNO(open(DEVICE, O_RDWR), ENOENT);
	EXPECT_ERRNO(read(watch, event, sizeof(event)), EAGAIN);
	load("");
	EXPECT(read(watch, event, sizeof(event)) > 0);
	close(open_device(O_RDWR));
}
