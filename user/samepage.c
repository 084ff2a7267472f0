// SPDX-License-Identifier: GPL-2.0
/*
 * samepage: shared memory is the same physical memory. For each path two
 * processes map it, and each tells the virtual address and the number of the
 * page frame behind it, from /proc/self/pagemap (which says it to root only).
 * For processes that must not be related the program starts itself again, with
 * the number of a path and two pipes as arguments.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "incr.h"

/* Bits of an entry of pagemap: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_FRAME ((1ULL << 55) - 1)
#define PAGEMAP_PRESENT (1ULL << 63)

struct sighting {
	pid_t pid;
	void *address;
	uint64_t frame;		/* 0: the kernel does not say */
};

static void *map_fd(int fd, int flags)
{
	void *page = MAP_FAILED;

	if (fd >= 0) {
		page = mmap(NULL, sysconf(_SC_PAGESIZE),
			    PROT_READ | PROT_WRITE, flags, fd, 0);
		close(fd);
	}
	return page;
}

static void *map_anon(void)
{
	return mmap(NULL, sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANON, -1, 0);
}

static void *map_file(void)
{
	char path[] = "/tmp/samepage.XXXXXX";
	int fd = mkstemp(path);

	if (fd >= 0) {
		unlink(path);
		if (ftruncate(fd, sysconf(_SC_PAGESIZE)))
			return MAP_FAILED;
	}
	return map_fd(fd, MAP_SHARED);
}

static void *map_zero(void)
{
	return map_fd(open("/dev/zero", O_RDWR), MAP_SHARED);
}

static void *map_device(void)
{
	return map_fd(open(SHMCOUNT_DEVICE, O_RDWR), MAP_SHARED);
}

static void *map_device_private(void)
{
	return map_fd(open(SHMCOUNT_DEVICE, O_RDWR), MAP_PRIVATE);
}

static const struct path {
	const char *name;
	void *(*map)(void);
	bool unrelated;		/* two programs of their own, no fork */
	bool same;		/* what the path promises */
	bool write;		/* only so is there a copy */
} paths[] = {
	{ "file", map_file, false, true, false },
	{ "MAP_ANON", map_anon, false, true, false },
	{ "/dev/zero", map_zero, false, true, false },
	{ SHMCOUNT_DEVICE, map_device, false, true, false },
	{ SHMCOUNT_DEVICE ", unrelated", map_device, true, true, false },
	{ SHMCOUNT_DEVICE ", private copy", map_device_private, false, false,
	  true },
	{ "/dev/zero, unrelated", map_zero, true, false, false },
};

/* The name by which the program starts itself. */
static const char unrelated[] = "samepage: unrelated";

enum { PATHS = ARRAY_SIZE(paths) };

/*
 * Where this process has the page. To read it makes it present; what is in a
 * shared one is others', and stays as it is.
 */
static struct sighting look(volatile int *page, bool write)
{
	struct sighting sighting = { getpid(), (void *)page, 0 };
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t index = (uintptr_t)page / sysconf(_SC_PAGESIZE);

	if (write)
		*page = getpid();
	else
		(void)*page;
	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry), index * 8) != sizeof(entry))
		die("cannot read /proc/self/pagemap");
	close(fd);
	if (entry & PAGEMAP_PRESENT)
		sighting.frame = entry & PAGEMAP_FRAME;
	return sighting;
}

static void tell(int fd, struct sighting sighting)
{
	if (write(fd, &sighting, sizeof(sighting)) != sizeof(sighting))
		die("cannot write to a pipe");
}

/*
 * Run body in a process that has no ancestor here: the process between it and
 * us ends at once, so that it is init's child. It keeps its pages until the
 * other side of hold is closed, for a page that is free may be given again.
 */
static void start_unrelated(const char *index, int report, int hold)
{
	char report_arg[12], hold_arg[12];
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (!fork()) {
		setsid();
		snprintf(report_arg, sizeof(report_arg), "%d", report);
		snprintf(hold_arg, sizeof(hold_arg), "%d", hold);
		execl("/proc/self/exe", unrelated, index, report_arg,
		      hold_arg, NULL);
	}
	_exit(0);
}

static void start_child(const struct path *path, volatile int *page,
			int report, const int hold[2])
{
	pid_t pid = fork();
	char byte;

	if (pid < 0)
		die("cannot fork");
	if (pid)
		return;
	close(hold[1]);
	tell(report, look(page, path->write));
	while (read(hold[0], &byte, 1) < 0)
		;
	_exit(0);
}

/* Returns false if the path is not to be had here. */
static bool sight_two(const struct path *path, struct sighting seen[2])
{
	int report[2], hold[2];
	char index[24];
	void *page;
	bool told;

	page = path->map();
	if (page == MAP_FAILED)
		return false;
	if (pipe2(report, 0) || pipe2(hold, 0))
		die("cannot make a pipe");
	fcntl(hold[1], F_SETFD, FD_CLOEXEC);
	snprintf(index, sizeof(index), "%td", path - paths);
	if (path->unrelated) {
		start_unrelated(index, report[1], hold[0]);
		start_unrelated(index, report[1], hold[0]);
	} else {
		start_child(path, page, report[1], hold);
		tell(report[1], look(page, path->write));
	}
	close(report[1]);
	told = read(report[0], &seen[0], sizeof(*seen)) == sizeof(*seen) &&
	       read(report[0], &seen[1], sizeof(*seen)) == sizeof(*seen);
	close(report[0]);
	close(hold[0]);
	close(hold[1]);
	munmap(page, sysconf(_SC_PAGESIZE));
	while (wait(NULL) > 0)
		;
	errno = 0;
	if (!told)
		die("a process that maps %s has failed", path->name);
	return true;
}

static const char *verdict(const struct sighting seen[2])
{
	if (!seen[0].frame || !seen[1].frame)
		return "unknown";
	return seen[0].frame == seen[1].frame ? "same" : "different";
}

/* What start_unrelated() starts: argv as it is there. */
static int look_unrelated(char *argv[])
{
	const struct path *path = &paths[atoi(argv[1])];
	void *page = path->map();
	char byte;

	if (page == MAP_FAILED)
		return EXIT_FAILED;
	tell(atoi(argv[2]), look(page, path->write));
	close(atoi(argv[2]));
	return read(atoi(argv[3]), &byte, 1) ? EXIT_FAILED : 0;
}

int main(int argc, char *argv[])
{
	int status = 0;

	if (!strcmp(argv[0], unrelated))
		return look_unrelated(argv);
	if (argc != 1)
		usage("(no arguments)");

	printf("%-28s %7s  %-14s  %9s  %s\n", "path", "pid", "virtual address",
	       "frame", "physical page");
	for (int i = 0; i < PATHS; i++) {
		struct sighting seen[2];

		if (!sight_two(&paths[i], seen)) {
			printf("%-28s skipped: %s\n", paths[i].name,
			       strerror(errno));
			continue;
		}
		for (int j = 0; j < 2; j++)
			printf("%-28s %7d  %-14p  %9llx%s%s\n",
			       j ? "" : paths[i].name, seen[j].pid,
			       seen[j].address,
			       (unsigned long long)seen[j].frame,
			       j ? "  " : "", j ? verdict(seen) : "");
		if (!seen[0].frame || !seen[1].frame)
			status = EXIT_FAILED;
		else if ((seen[0].frame == seen[1].frame) != paths[i].same)
			status = EXIT_FAILED;
	}
	if (geteuid())
		fprintf(stderr, "samepage: page frames are shown to root only\n");
	return status;
}
