// SPDX-License-Identifier: GPL-2.0
/* stats: the numbers in sysfs, and the tracepoints. */
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "harness.h"

enum { PAGES = 4 };

static void close_and_end(void *fd)
{
	ASSERT_OK(close(*(int *)fd));
	ASSERT_EQ(2, attribute("opens"));
}

/* dup() and fork() copy descriptors, but the open file stays one. */
TEST(stats, opens_are_open_files)
{
	int a, b;

	load("");
	a = open_device(O_RDWR);
	b = open_device(O_RDONLY);
	ASSERT_EQ(2, attribute("opens"));
	close(ASSERT_OK(dup(a)));
	ASSERT_EQ(2, attribute("opens"));
	finish(start(close_and_end, &a));
	ASSERT_EQ(2, attribute("opens"));
	close(b);
	ASSERT_EQ(1, attribute("opens"));
	close(a);
	ASSERT_EQ(0, attribute("opens"));
}

/* shmcount refuses an open by a node outside tmpfs. */
TEST(stats, refused_opens_are_not_counted)
{
	int fd;

	load("");
	fd = open_elsewhere();
	ASSERT_EQ(fd >= 0, attribute("opens"));
}

static void expect_two_more(void *unused)
{
	(void)unused;
	ASSERT_EQ(4, attribute("mappings"));
}

TEST(stats, mappings_are_live_areas)
{
	char *map;

	load_pages(PAGES);
	ASSERT_EQ(0, attribute("mappings"));
	map = map_pages(0, PAGES, MAP_SHARED);
	map_pages(0, 1, MAP_PRIVATE);
	ASSERT_EQ(2, attribute("mappings"));
	finish(start(expect_two_more, NULL));
	ASSERT_EQ(2, attribute("mappings"));
	ASSERT_OK(munmap(map + page_size(), page_size()));
	ASSERT_EQ(3, attribute("mappings"));
	ASSERT_OK(munmap(map, PAGES * page_size()));
	ASSERT_EQ(1, attribute("mappings"));
}

static void read_pages(void *map)
{
	for (int i = 0; i < PAGES; i++)
		ASSERT_EQ('f', ((volatile char *)map)[i * page_size()]);
}

TEST(stats, faults_are_pages_given)
{
	char *map = load_and_map(PAGES);

	ASSERT_EQ(0, attribute("faults"));
	for (int i = 0; i < PAGES; i++) {
		map[i * page_size()] = 'f';
		ASSERT_EQ(i + 1, attribute("faults"));
		map[i * page_size() + 1] = 'f';
	}
	ASSERT_EQ(PAGES, attribute("faults"));
	/* fork() copies no page tables of a shared mapping: a child faults. */
	finish(start(read_pages, map));
	ASSERT_EQ(2 * PAGES, attribute("faults"));
	/* The count is since load: neither the last close nor an open clears it. */
	ASSERT_OK(munmap(map, PAGES * page_size()));
	ASSERT_EQ(0, attribute("opens"));
	ASSERT_EQ(2 * PAGES, attribute("faults"));
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 'f';
	ASSERT_EQ(2 * PAGES + 1, attribute("faults"));
}

enum {
	ROUNDS = 200,
	ENOUGH = 20,		/* each loses one count or two where counting is wrong */
	PAGES_EACH = 64,
	TURNS = 10,
};

/* For two processes: how often they took turns, the round that may begin, and how many met. */
static struct {
	atomic_long turns, round, met;
} *meeting;

/*
 * Wait until both processes run at the same instant. On a busy host the guest's processors
 * may run one after the other: they would not count at once, and no count could be lost.
 * Turns that take no time show that both run. If they do not, both sleep for a moment, after
 * which the host may give them different processors. A host that never does is not waited
 * for any longer than until give_up.
 */
static void meet(int me, long round, double give_up)
{
	/* On one processor they take 80 ms. */
	const double at_once = 50e-6 * TURNS * (slower_by() < 20 ? slower_by() : 20);
	double began = now();

	while (me && meeting->round < round) {
		if (meeting->turns % 2) {
			meeting->turns++;
			began = now();
		} else if (now() - began > at_once + 0.005) {
			usleep(20000);
		}
	}
	if (me || meeting->round > round)
		return;
	for (int tries = 1;; tries++) {
		began = now();
		for (int i = 0; i < TURNS; i++) {
			meeting->turns++;
			while (meeting->turns % 2)
				;
		}
		if (now() - began < at_once || now() > give_up)
			break;
		if (tries % 4 == 0)
			usleep(20000);
	}
	meeting->met += now() < give_up;
	meeting->round = now() < give_up ? round : ROUNDS + 1;
}

/* Each process has pages of its own: those who fault on one page take turns. */
static void open_map_and_fault(void *number)
{
	double give_up = now() + 20 * slower_by();
	size_t length = PAGES_EACH * page_size();
	int me = *(int *)number;

	for (int i = 1; i <= ROUNDS; i++) {
		void *map;
		int fd;

		meet(me, i, give_up);
		fd = open_device(O_RDWR);
		map = mmap(NULL, length, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, me * length);
		ASSERT_OK(map);
		ASSERT_OK(close(fd));
		ASSERT_OK(munmap(map, length));
	}
}

/*
 * Two processors that count at the same instant must not lose a count. The limit is for a
 * kernel that watches its memory accesses (KCSAN).
 */
TEST_LIMIT(stats, exact_on_two_processors_at_once, 60)
{
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		test_skip("this machine has one processor");
	meeting = mmap(NULL, sizeof(*meeting), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_OK(meeting);
	load_pages(2 * PAGES_EACH);
	for (int i = 0; i < 2; i++)
		start(open_map_and_fault, &i);
	for (int i = 0; i < 2; i++)
		finish(-1);
	ASSERT_EQ(2 * ROUNDS * PAGES_EACH, attribute("faults"));
	ASSERT_EQ(0, attribute("mappings"));
	ASSERT_EQ(0, attribute("opens"));
	if (meeting->met < ENOUGH)
		test_skip("the two processors hardly ever ran at the same instant: %ld times",
			  meeting->met);
}

TEST(stats, refused_mappings_are_not_counted)
{
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_ERRNO(EINVAL,
		     mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd,
			  PAGES * page_size()));
	ASSERT_ERRNO(EPERM,
		     mmap(NULL, page_size(), PROT_READ | PROT_EXEC,
			  MAP_SHARED, fd, 0));
	ASSERT_EQ(0, attribute("mappings"));
}

static const char *const names[] = { "size", "opens", "mappings", "faults" };

static int open_attribute(const char *name, int flags)
{
	return open(text_of("/sys/class/misc/shmcount/%s", name), flags);
}

TEST(stats, each_number_is_a_line)
{
	load("");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = ASSERT_OK(open_attribute(names[i], O_RDONLY));
		char seen[32] = "";

		ASSERT_OK(read(fd, seen, sizeof(seen) - 1));
		ASSERT_STREQ(text_of("%ld\n", attribute(names[i])), seen);
		close(fd);
	}
}

TEST(stats, numbers_are_for_all_to_read)
{
	struct stat stat_buf;

	load("");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ASSERT_OK(stat(text_of("/sys/class/misc/shmcount/%s", names[i]),
			       &stat_buf));
		ASSERT_MODE(0444, stat_buf.st_mode & 07777);
	}
}

TEST(stats, numbers_cannot_be_written)
{
	load("");
	ASSERT_EQ(page_size(), attribute("size"));
	ASSERT_TRUE(access("/sys/class/misc/shmcount/size", R_OK) == 0);
	/* Root may open it for writing all the same; the write then fails. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int fd = open_attribute(names[i], O_WRONLY);

		if (fd >= 0)
			ASSERT_ERRNO(EIO, write(fd, "9", 1));
		else
			ASSERT_ERROR(EACCES, errno);
	}
}

/* The next event of the trace, or "". */
static char *next_event(FILE *trace)
{
	char line[512];

	while (fgets(line, sizeof(line), trace)) {
		char *seen = strstr(line, "shmcount_");

		if (line[0] != '#' && seen)
			return text_of("%s", seen);
	}
	return "";
}

static char *event_text(const char *event, pid_t pid, const void *address, long offset)
{
	return text_of("%s: pid=%d address=0x%lx offset=%ld\n", event, pid,
		       (long)address, offset);
}

/* The next event of the trace must be this one. */
static void expect_event(FILE *trace, const char *event, pid_t pid,
			 const void *address, long offset)
{
	ASSERT_STREQ(event_text(event, pid, address, offset), next_event(trace));
}

static void touch(void *map)
{
	*(volatile char *)map = 1;
	exit(0);
}

static void load_traced(void)
{
	load_pages(PAGES);
	start_tracing();
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
	ASSERT_OK(munmap(map, 2 * page));

	trace = end_of_trace();
	expect_event(trace, "shmcount_vma_open", getpid(), map, page);
	expect_event(trace, "shmcount_fault", getpid(), map + page, 2 * page);
	expect_event(trace, "shmcount_vma_open", getpid(), map, page);
	expect_event(trace, "shmcount_fault", child, map, page);
	expect_event(trace, "shmcount_vma_close", child, map, page);
	expect_event(trace, "shmcount_vma_close", getpid(), map, page);
	fclose(trace);
}

/*
 * An munmap of a part splits the mapping: one half is new, and the kernel's version
 * decides which. Then the part goes.
 */
static void expect_partial_munmap(FILE *trace, char *part, long offset, char *rest,
				  long rest_offset)
{
	char *opened = next_event(trace);

	if (strcmp(opened, event_text("shmcount_vma_open", getpid(), part, offset)))
		ASSERT_STREQ(event_text("shmcount_vma_open", getpid(), rest,
					rest_offset), opened);
	expect_event(trace, "shmcount_vma_close", getpid(), part, offset);
}

TEST(stats, trace_tells_what_a_partial_munmap_leaves)
{
	long page = page_size();
	FILE *trace;
	char *map;

	load_traced();
	map = map_pages(1, 3, MAP_SHARED);
	ASSERT_OK(munmap(map, page));
	ASSERT_OK(munmap(map + 2 * page, page));
	ASSERT_OK(munmap(map + page, page));

	trace = end_of_trace();
	expect_event(trace, "shmcount_vma_open", getpid(), map, page);
	expect_partial_munmap(trace, map, page, map + page, 2 * page);
	expect_partial_munmap(trace, map + 2 * page, 3 * page, map + page, 2 * page);
	expect_event(trace, "shmcount_vma_close", getpid(), map + page, 2 * page);
	fclose(trace);
}

TEST(stats, trace_has_nothing_of_what_failed)
{
	long page = page_size();
	FILE *trace;
	char *map;
	int fd;

	load_traced();
	fd = open_device(O_RDWR);
	ASSERT_ERRNO(EINVAL, mmap(NULL, page, PROT_READ, MAP_SHARED, fd, PAGES * page));
	ASSERT_ERRNO(EPERM, mmap(NULL, page, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0));
	map = map_pages(0, 1, MAP_SHARED);
	/* The kernel itself touches the page, so no signal. */
	force_return("shmem_read_mapping_page_gfp", -EIO, 1000);
	ASSERT_ERRNO(EFAULT, access(map, F_OK));
	stop_forcing();
	ASSERT_ERRNO(ENOENT, access(map, F_OK));

	trace = end_of_trace();
	expect_event(trace, "shmcount_vma_open", getpid(), map, 0);
	expect_event(trace, "shmcount_fault", getpid(), map, 0);
	ASSERT_STREQ("", next_event(trace));
	fclose(trace);
}

/* Count an event of all processes on one processor; returns a descriptor. */
static int perf_counter(const char *event, int processor)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr),
		.sample_period = 1, .disabled = 1,
	};
	int fd;

	attr.config = number_in(text_of(TRACING "events/shmcount/%s/id", event), "");
	fd = syscall(SYS_perf_event_open, &attr, -1, processor, -1,
		     PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && errno == ENOSYS)
		test_skip("this kernel has no perf events");
	ASSERT_OK(fd);
	ASSERT_OK(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
	return fd;
}

/* A counter of one process would patch the scheduler: see init.c. */
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

		ASSERT_EQ(sizeof(count),
			  read(counters[i], &count, sizeof(count)));
		seen += count;
	}
	ASSERT_EQ(PAGES, seen);
}

static void *touch_in_thread(void *map)
{
	ASSERT_TRUE(gettid() != getpid());
	*(volatile char *)map = 1;
	ASSERT_OK(munmap(map, page_size()));
	return NULL;
}

TEST(stats, trace_names_the_process)
{
	pthread_t thread;
	char *map;
	FILE *trace;

	load_traced();
	map = map_pages(0, 1, MAP_SHARED);
	ASSERT_ERROR(0, pthread_create(&thread, NULL, touch_in_thread, map));
	ASSERT_ERROR(0, pthread_join(thread, NULL));
	trace = end_of_trace();
	expect_event(trace, "shmcount_vma_open", getpid(), map, 0);
	expect_event(trace, "shmcount_fault", getpid(), map, 0);
	expect_event(trace, "shmcount_vma_close", getpid(), map, 0);
	fclose(trace);
}
