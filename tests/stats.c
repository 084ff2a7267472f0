// SPDX-License-Identifier: GPL-2.0
/* stats: the numbers in sysfs, and the tracepoints that tell of each event. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

#define TRACING "/sys/kernel/tracing/"

enum { PAGES = 4 };

static void close_and_end(void *fd)
{
	EXPECT_OK(close(*(int *)fd));
	EXPECT_EQ(attribute("opens"), 2);
}

/* Not descriptors: a copy of one, and a child's, are of the same open file. */
TEST(stats, opens_are_open_files)
{
	int a, b;

	load("");
	a = open_device(O_RDWR);
	b = open_device(O_RDONLY);
	EXPECT_EQ(attribute("opens"), 2);
	close(EXPECT_OK(dup(a)));
	EXPECT_EQ(attribute("opens"), 2);
	finish(start(close_and_end, &a));
	EXPECT_EQ(attribute("opens"), 2);
	close(b);
	EXPECT_EQ(attribute("opens"), 1);
	close(a);
	EXPECT_EQ(attribute("opens"), 0);
}

/* By a node on no tmpfs, where ours refuses to be opened. */
TEST(stats, refused_opens_are_not_counted)
{
	int fd;

	load("");
	fd = open_elsewhere();
	EXPECT_EQ(attribute("opens"), fd >= 0);
}

static void expect_two_more(void *unused)
{
	(void)unused;
	EXPECT_EQ(attribute("mappings"), 4);
}

TEST(stats, mappings_are_live_areas)
{
	char *map;

	load_pages(PAGES);
	EXPECT_EQ(attribute("mappings"), 0);
	map = map_pages(0, PAGES, MAP_SHARED);
	map_pages(0, 1, MAP_PRIVATE);
	EXPECT_EQ(attribute("mappings"), 2);
	finish(start(expect_two_more, NULL));
	EXPECT_EQ(attribute("mappings"), 2);
	EXPECT_OK(munmap(map + page_size(), page_size()));
	EXPECT_EQ(attribute("mappings"), 3);
	EXPECT_OK(munmap(map, PAGES * page_size()));
	EXPECT_EQ(attribute("mappings"), 1);
}

static void read_pages(void *map)
{
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(((volatile char *)map)[i * page_size()], 'f');
}

TEST(stats, faults_are_pages_given)
{
	char *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	EXPECT_EQ(attribute("faults"), 0);
	for (int i = 0; i < PAGES; i++) {
		map[i * page_size()] = 'f';
		EXPECT_EQ(attribute("faults"), i + 1);
		map[i * page_size() + 1] = 'f';
	}
	EXPECT_EQ(attribute("faults"), PAGES);
	/* A child of a shared mapping gets no page tables, so it faults too. */
	finish(start(read_pages, map));
	EXPECT_EQ(attribute("faults"), 2 * PAGES);
}

TEST(stats, refused_mappings_are_not_counted)
{
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	EXPECT_ERRNO(mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd,
			  PAGES * page_size()), EINVAL);
	EXPECT_ERRNO(mmap(NULL, page_size(), PROT_READ | PROT_EXEC,
			  MAP_SHARED, fd, 0), EPERM);
	EXPECT_EQ(attribute("mappings"), 0);
}

static const char *const names[] = { "size", "opens", "mappings", "faults" };

TEST(stats, each_number_is_a_line)
{
	load("");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64], seen[32] = "", wanted[32];
		int fd;

		snprintf(path, sizeof(path), "/sys/class/misc/shmcount/%s",
			 names[i]);
		snprintf(wanted, sizeof(wanted), "%ld\n", attribute(names[i]));
		fd = EXPECT_OK(open(path, O_RDONLY));
		EXPECT_OK(read(fd, seen, sizeof(seen) - 1));
		EXPECT_STR(seen, wanted);
		close(fd);
	}
}

TEST(stats, numbers_cannot_be_written)
{
	load("");
	EXPECT_EQ(attribute("size"), page_size());
	EXPECT(access("/sys/class/misc/shmcount/size", R_OK) == 0);
	/* Root may open it for writing all the same; the kernel refuses. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/sys/class/misc/shmcount/%s",
			 names[i]);
		fd = open(path, O_WRONLY);
		if (fd >= 0)
			EXPECT_ERRNO(write(fd, "9", 1), EIO);
		else
			EXPECT_EQ(errno, EACCES);
	}
}

/* The next event of the trace must be this one. */
static void expect_event(FILE *trace, const char *event, pid_t pid,
			 const void *address, long offset)
{
	char line[512], wanted[200];

	while (fgets(line, sizeof(line), trace)) {
		char *seen = strstr(line, "shmcount_");

		if (line[0] == '#' || !seen)
			continue;
		snprintf(wanted, sizeof(wanted),
			 "%s: pid=%d address=0x%lx offset=%ld\n", event, pid,
			 (long)address, offset);
		EXPECT_STR(seen, wanted);
		return;
	}
	FAIL("no more events, expected %s", event);
}

static void touch(void *map)
{
	*(volatile char *)map = 1;
	exit(0);
}

static void load_traced(void)
{
	if (access(TRACING, F_OK))
		test_skip("this kernel has no tracing");
	load_pages(PAGES);
	write_to(TRACING "events/shmcount/enable", "1");
	write_to(TRACING "tracing_on", "1");
}

static FILE *end_of_trace(void)
{
	FILE *trace;

	write_to(TRACING "events/shmcount/enable", "0");
	trace = fopen(TRACING "trace", "re");
	EXPECT(trace);
	return trace;
}

TEST(stats, trace_tells_the_life_of_a_mapping)
{
	long page = page_size();
	char *map;
	FILE *trace;
	pid_t child;

	load_traced();
	map = map_pages(1, 2, MAP_SHARED);
	map[page] = 1;
	child = start(touch, map);
	finish(child);
	EXPECT_OK(munmap(map, 2 * page));

	trace = end_of_trace();
	expect_event(trace, "shmcount_mmap", getpid(), map, page);
	expect_event(trace, "shmcount_fault", getpid(), map + page, 2 * page);
	expect_event(trace, "shmcount_mmap", getpid(), map, page);
	expect_event(trace, "shmcount_fault", child, map, page);
	expect_event(trace, "shmcount_unmap", child, map, page);
	expect_event(trace, "shmcount_unmap", getpid(), map, page);
	fclose(trace);
}

/* Count an event, whoever makes it, on one processor; returns a descriptor. */
static int perf_counter(const char *event, int processor)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_period = 1, .disabled = 1,
	};
	char path[100];
	int fd;

	snprintf(path, sizeof(path), TRACING "events/shmcount/%s/id", event);
	attr.config = number_in(path, "");
	fd = syscall(SYS_perf_event_open, &attr, -1, processor, -1,
		     PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && errno == ENOSYS)
		test_skip("this kernel has no perf events");
	EXPECT_OK(fd);
	EXPECT_OK(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	return fd;
}

/* A process's own counter would have the scheduler patched: see init.c. */
TEST(stats, perf_counts_the_events)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	int counters[processors];
	long long seen = 0;
	char *map;

	load_pages(PAGES);
	if (access(TRACING "events/shmcount", F_OK))
		test_skip("this kernel has no tracing");
	for (int i = 0; i < processors; i++)
		counters[i] = perf_counter("shmcount_fault", i);
	map = map_pages(0, PAGES, MAP_SHARED);
	for (int i = 0; i < PAGES; i++)
		map[i * page_size()] = 'p';
	for (int i = 0; i < processors; i++) {
		long long count;

		EXPECT_EQ(read(counters[i], &count, sizeof(count)),
			  sizeof(count));
		seen += count;
	}
	EXPECT_EQ(seen, PAGES);
}

static void *touch_in_thread(void *map)
{
	EXPECT(gettid() != getpid());
	*(volatile char *)map = 1;
	EXPECT_OK(munmap(map, page_size()));
	return NULL;
}

TEST(stats, trace_names_the_process)
{
	pthread_t thread;
	char *map;
	FILE *trace;

	load_traced();
	map = map_pages(0, 1, MAP_SHARED);
	EXPECT_EQ(pthread_create(&thread, NULL, touch_in_thread, map), 0);
	EXPECT_EQ(pthread_join(thread, NULL), 0);
	trace = end_of_trace();
	expect_event(trace, "shmcount_mmap", getpid(), map, 0);
	expect_event(trace, "shmcount_fault", getpid(), map, 0);
	expect_event(trace, "shmcount_unmap", getpid(), map, 0);
	fclose(trace);
}
