// SPDX-License-Identifier: GPL-2.0
/* load: parameters, their bounds, the node, and loading again. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

static mode_t node_mode(void)
{
	struct stat stat_buf;

	ASSERT_OK(stat(DEVICE, &stat_buf));
	ASSERT_TRUE(S_ISCHR(stat_buf.st_mode));
	return stat_buf.st_mode & 07777;
}

/* The next record of the kernel's log that has the text; if there is none, it fails. */
static const char *expect_in_log(int fd, const char *text)
{
	static char record[1024];
	char *seen = "nothing";
	ssize_t n;

	while ((n = read(fd, record, sizeof(record) - 1)) > 0) {
		char *begin = strchr(record, ';');

		record[n] = '\0';
		if (strstr(record, text))
			return record;
		if (begin && !strstr(begin, "taint"))
			seen = text_of("\"%.*s\"", (int)strcspn(begin + 1, "\n"), begin + 1);
	}
	FAIL("the log has no \"%s\": it has %s", text, seen);
}

static int open_log_at_end(void)
{
	int fd = ASSERT_OK(open("/dev/kmsg", O_RDONLY | O_NONBLOCK));

	ASSERT_OK(lseek(fd, 0, SEEK_END));
	return fd;
}

/* A second load or unload fails. */
TEST(load, and_unload_again_and_again)
{
	for (int i = 0; i < 10; i++) {
		load("");
		ASSERT_ERROR(EEXIST, try_load(""));
		unload();
		ASSERT_ERROR(ENOENT, try_unload());
	}
}

TEST(load, node_is_for_all_by_default)
{
	load("");
	ASSERT_MODE(0666, node_mode());
}

TEST(load, default_is_one_page_for_all)
{
	load("");
	ASSERT_EQ(page_size(), attribute("size"));
	ASSERT_MODE(0666, node_mode());
	ASSERT_EQ(0, attribute("opens"));
	ASSERT_EQ(0, attribute("mappings"));
	ASSERT_EQ(0, attribute("faults"));
}

TEST(load, size_is_rounded_up_to_pages)
{
	ASSERT_ERROR(0, try_load("size=1"));
	ASSERT_EQ(page_size(), attribute("size"));
	unload();
	ASSERT_ERROR(0, try_load(text_of("size=%lu", page_size() + 1)));
	ASSERT_EQ(2 * page_size(), attribute("size"));
	unload();
	ASSERT_ERROR(0, try_load(text_of("size=%lu", 3 * page_size())));
	ASSERT_EQ(3 * page_size(), attribute("size"));
	ASSERT_EQ(3 * page_size(),
		  number_in("/sys/module/shmcount/parameters/size", ""));
}

TEST(load, size_zero_is_refused_with_the_bounds)
{
	int log;

	load("");
	unload();
	log = open_log_at_end();
	ASSERT_ERROR(EINVAL, try_load("size=0"));
	expect_in_log(log, text_of("not between 1 and %lu bytes", half_of_ram()));
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
}

TEST(load, size_is_at_most_half_of_ram)
{
	int log;

	ASSERT_ERROR(EINVAL, try_load(text_of("size=%lu", half_of_ram() + 1)));
	log = open_log_at_end();
	ASSERT_ERROR(EINVAL, try_load(text_of("size=%lu", ~0UL)));
	expect_in_log(log, "size=18446744073709551615 is not");
	ASSERT_ERROR(EINVAL, try_load(text_of("size=%lu", ~0UL - page_size())));
}

TEST(load, half_of_ram_is_taken)
{
	ASSERT_ERROR(0, try_load(text_of("size=%lu", half_of_ram())));
	ASSERT_EQ(half_of_ram(), lseek(open_device(O_RDONLY), 0, SEEK_END));
}

/* The kernel's parser answers ERANGE where a number has more bits than it wants. */
static void expect_too_wide(const char *parameter)
{
	int error = try_load(parameter);

	ASSERT_TRUE(error == EINVAL || error == ERANGE);
}

TEST(load, size_must_be_a_number)
{
	ASSERT_ERROR(EINVAL, try_load("size=-1"));
	ASSERT_ERROR(EINVAL, try_load("size=page"));
	ASSERT_ERROR(EINVAL, try_load("size="));
	ASSERT_ERROR(EINVAL, try_load("size=4096x"));
	expect_too_wide("size=18446744073709555712");	/* 4096 in 64 bits */
}

/* The region keeps its size, so the parameter must not change. */
TEST(load, size_cannot_be_changed)
{
	static const char size[] = "/sys/module/shmcount/parameters/size";
	struct stat stat_buf;

	load("");
	open_device(O_RDONLY);
	ASSERT_OK(stat(size, &stat_buf));
	ASSERT_MODE(0444, stat_buf.st_mode & 07777);
}

/* The node may have another mode by now, so sysfs must not show this one. */
TEST(load, mode_is_not_in_sysfs)
{
	load("mode=0600");
	ASSERT_MODE(0600, node_mode());
	ASSERT_ERRNO(ENOENT,
		     access("/sys/module/shmcount/parameters/mode", F_OK));
}

TEST(load, mode_is_that_of_the_node)
{
	static const mode_t modes[] = { 0600, 0640, 0444, 0777, 0 };

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		ASSERT_ERROR(0, try_load(text_of("mode=0%o", modes[i])));
		ASSERT_MODE(modes[i], node_mode());
		unload();
	}
}

TEST(load, mode_is_octal)
{
	ASSERT_ERROR(0, try_load("mode=640"));
	ASSERT_MODE(0640, node_mode());
	unload();
	ASSERT_ERROR(EINVAL, try_load("mode=680"));
	ASSERT_ERROR(EINVAL, try_load("mode=0x1ff"));
}

TEST(load, mode_beyond_permissions_is_refused)
{
	int log;

	load("");
	unload();
	log = open_log_at_end();
	ASSERT_ERROR(EINVAL, try_load("mode=01000"));
	expect_in_log(log, "not between 0 and 0777");
	ASSERT_ERROR(EINVAL, try_load("mode=0170666"));
	ASSERT_ERROR(EINVAL, try_load("mode=rw"));
	/* Of 16 and of 32 bits only the 0666 would be left. */
	expect_too_wide("mode=0200666");
	expect_too_wide("mode=040000000666");
}

/* A record is "LEVEL,NUMBER,TIME,FLAGS;TEXT". */
TEST(load, refusal_is_an_error_in_our_name)
{
	static const struct { const char *parameter, *text; } refused[] = {
		{ "size=0", "shmcount: size=0 is not between 1 and " },
		{ "mode=01000", "shmcount: mode=01000 is not between 0 and 0777" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		int log = open_log_at_end();

		ASSERT_ERROR(EINVAL, try_load(refused[i].parameter));
		ASSERT_EQ(LOG_ERR, atoi(expect_in_log(log, text_of(";%s", refused[i].text))));
	}
}

TEST(load, version_is_in_sysfs)
{
	int major, minor;
	FILE *version;
	char end;

	load("");
	version = fopen("/sys/module/shmcount/version", "re");
	ASSERT_TRUE(version);
	ASSERT_EQ(3, fscanf(version, "%d.%d%c", &major, &minor, &end));
	ASSERT_EQ('\n', end);
	fclose(version);
}

static dev_t device_number(void)
{
	struct stat stat_buf;

	ASSERT_OK(stat(DEVICE, &stat_buf));
	return stat_buf.st_rdev;
}

/* Another device takes the minor that was the first free one. */
TEST(load, minor_is_a_dynamic_one)
{
	dev_t first;

	load("");
	first = device_number();
	unload();
	ASSERT_ERROR(0, try_load_file("/lib/own_pages.ko", "name=taker"));
	load("");
	ASSERT_TRUE(device_number() != first);
}

TEST(load, twice_is_refused)
{
	load("");
	ASSERT_ERROR(EEXIST, try_load(""));
	ASSERT_EQ(page_size(), attribute("size"));
}

TEST(load, node_goes_with_the_module)
{
	load("");
	close(open_device(O_RDWR));
	unload();
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
	ASSERT_ERRNO(ENOENT, access("/sys/class/misc/shmcount", F_OK));
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

/* Memory of vmalloc() is in one field, that of a shmem file in the other. */
TEST(load, region_goes_with_the_module)
{
	enum { REGION_KIB = 64 * 1024 };
	long virtual = number_in("/proc/meminfo", "VmallocUsed:");
	long committed = number_in("/proc/meminfo", "Committed_AS:");

	for (int i = 0; i < 3; i++) {
		load("size=67108864");
		unload();
	}
	expect_growth_below("VmallocUsed:", virtual, REGION_KIB / 2);
	expect_growth_below("Committed_AS:", committed, REGION_KIB / 2);
}

/* Accounting keeps faults in the region from failing when memory is short. */
TEST(load, region_is_accounted_for_while_loaded)
{
	long before = number_in("/proc/meminfo", "Committed_AS:");

	load("size=67108864");
	for (int i = 0; i < 3; i++) {
		long after = number_in("/proc/meminfo", "Committed_AS:");

		if (after < before + 32 * 1024)
			FAIL("after %d opens committed memory went from %ld to %ld KiB",
			     i, before, after);
		close(open_device(O_RDWR));
	}
}

/* A region that is lost when misc_register() fails stays accounted for. */
TEST(load, failed_registration_leaves_nothing)
{
	enum { REGION_KIB = 64 * 1024 };
	long before;

	load("");
	unload();
	force_return("misc_register", -EBUSY, 3);
	before = number_in("/proc/meminfo", "Committed_AS:");
	for (int i = 0; i < 3; i++)
		ASSERT_ERROR(EBUSY, try_load("size=67108864"));
	expect_growth_below("Committed_AS:", before, REGION_KIB / 2);
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
	load("");
	close(open_device(O_RDWR));
}

TEST(load, failed_registration_is_told)
{
	load("");
	unload();
	force_return("misc_register", -EBUSY, 1);
	ASSERT_ERROR(EBUSY, try_load(""));
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
	load("");
	close(open_device(O_RDWR));
}

/* The node must not appear even for a moment, when somebody could open it. */
TEST(load, region_that_cannot_be_had)
{
	int watch = ASSERT_OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	char event[512];

	ASSERT_OK(inotify_add_watch(watch, "/dev", IN_CREATE));
	force_return("shmem_file_setup", -ENOMEM, 1);
	ASSERT_ERROR(ENOMEM, try_load(""));
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
	ASSERT_ERRNO(EAGAIN, read(watch, event, sizeof(event)));
	load("");
	ASSERT_TRUE(read(watch, event, sizeof(event)) > 0);
	close(open_device(O_RDWR));
}
