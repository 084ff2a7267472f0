// SPDX-License-Identifier: GPL-2.0
/*
 * samepage: shared memory is the same physical memory. For each kind of memory
 * two processes map a page and report its virtual address and its page frame
 * number, from /proc/self/pagemap (which shows that only to root). To get
 * unrelated processes the program executes itself, with the index of a backing
 * as its argument and two pipes as its standard input and output.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

/* Bits of a pagemap entry: Documentation/admin-guide/mm/pagemap.rst. */
#define PAGEMAP_FRAME ((1ULL << 55) - 1)
#define PAGEMAP_PRESENT (1ULL << 63)

struct location {
	pid_t pid;
	void *address;
	uint64_t frame;		/* 0: the kernel does not show it */
};

static const char new_file[] = "/tmp/samepage.XXXXXX";

static const struct backing {
	const char *name;
	const char *file;	/* NULL: none */
	int flags;		/* of mmap() */
	bool unrelated;		/* processes that no fork relates */
	bool same;		/* the page frame must be the same */
	bool write;		/* write first, to cause a private copy */
} backings[] = {
	{ "file", new_file, MAP_SHARED, false, true, false },
	{ "MAP_ANON", NULL, MAP_SHARED | MAP_ANON, false, true, false },
	{ "/dev/zero", "/dev/zero", MAP_SHARED, false, true, false },
	{ SHMCOUNT_DEVICE, SHMCOUNT_DEVICE, MAP_SHARED, false, true, false },
	{ SHMCOUNT_DEVICE ", unrelated", SHMCOUNT_DEVICE, MAP_SHARED, true,
	  true, false },
	{ SHMCOUNT_DEVICE ", private copy", SHMCOUNT_DEVICE, MAP_PRIVATE, false,
	  false, true },
	{ "/dev/zero, unrelated", "/dev/zero", MAP_SHARED, true, false, false },
};

/* Returns a descriptor of a file of one page without a name, or -1. */
static int make_file(void)
{
	char path[sizeof(new_file)];
	int fd;

	memcpy(path, new_file, sizeof(path));
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	unlink(path);
	return ftruncate(fd, page_size()) ? -1 : fd;
}

static void *map(const struct backing *backing)
{
	int fd = !backing->file ? -1 : backing->file == new_file ? make_file() :
		 open(backing->file, O_RDWR);
	void *page = MAP_FAILED;

	if (fd >= 0 || !backing->file)
		page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
			    backing->flags, fd, 0);
	if (fd >= 0)
		close(fd);
	return page;
}

/* argv[0] when the program executes itself. */
static const char unrelated[] = "samepage: unrelated";

/* Reading makes the page present and leaves a shared count alone. */
static struct location locate(volatile int *page, bool write)
{
	struct location location = { getpid(), (void *)page, 0 };
	uint64_t entry = 0;
	int fd = open("/proc/self/pagemap", O_RDONLY);
	off_t index = (uintptr_t)page / page_size();

	if (write)
		*page = getpid();
	else
		(void)*page;
	if (fd < 0 ||
	    pread(fd, &entry, sizeof(entry), index * 8) != sizeof(entry))
		die("cannot read /proc/self/pagemap");
	close(fd);
	if (entry & PAGEMAP_PRESENT)
		location.frame = entry & PAGEMAP_FRAME;
	return location;
}

static void report(int fd, struct location location)
{
	if (write(fd, &location, sizeof(location)) != sizeof(location))
		die("cannot write to a pipe");
}

/*
 * Execute ourselves in a child of init: the process in between ends at once.
 * The new process keeps its page until the other end of hold is closed, or the
 * kernel could give the freed page to the second process.
 */
static void start_unrelated(const char *index, int result, int hold)
{
	pid_t pid = fork_child(SIGKILL);

	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	if (!fork()) {
		setsid();
		dup2(hold, STDIN_FILENO);
		dup2(result, STDOUT_FILENO);
		execl("/proc/self/exe", unrelated, index, NULL);
	}
	_exit(0);
}

static void start_child(const struct backing *backing, volatile int *page,
			int result, const int hold[2])
{
	char byte;

	if (fork_child(SIGKILL))
		return;
	close(hold[1]);
	report(result, locate(page, backing->write));
	while (read(hold[0], &byte, 1) < 0)
		;
	_exit(0);
}

/* Returns false if this host lacks the backing. */
static bool locate_two(const struct backing *backing, struct location seen[2])
{
	int result[2], hold[2];
	char index[24];
	void *page;
	bool complete;

	page = map(backing);
	if (page == MAP_FAILED)
		return false;
	if (pipe2(result, O_CLOEXEC) || pipe2(hold, O_CLOEXEC))
		die("cannot make a pipe");
	snprintf(index, sizeof(index), "%td", backing - backings);
	if (backing->unrelated) {
		start_unrelated(index, result[1], hold[0]);
		start_unrelated(index, result[1], hold[0]);
	} else {
		start_child(backing, page, result[1], hold);
		report(result[1], locate(page, backing->write));
	}
	close(result[1]);
	complete = read(result[0], &seen[0], sizeof(*seen)) == sizeof(*seen) &&
		   read(result[0], &seen[1], sizeof(*seen)) == sizeof(*seen);
	close(result[0]);
	close(hold[0]);
	close(hold[1]);
	munmap(page, page_size());
	while (wait(NULL) > 0)
		;
	if (!complete)
		diex("a process that maps %s has failed", backing->name);
	return true;
}

static const char *verdict(const struct location seen[2])
{
	if (!seen[0].frame || !seen[1].frame)
		return "unknown";
	return seen[0].frame == seen[1].frame ? "same" : "different";
}

/* The process that start_unrelated() executes. */
static int locate_unrelated(const char *index)
{
	const struct backing *backing =
		&backings[parse_long(index, ARRAY_SIZE(backings) - 1)];
	void *page = map(backing);
	char byte;

	if (page == MAP_FAILED)
		return EXIT_FAILED;
	report(STDOUT_FILENO, locate(page, backing->write));
	close(STDOUT_FILENO);
	return read(STDIN_FILENO, &byte, 1) ? EXIT_FAILED : 0;
}

int main(int argc, char *argv[])
{
	int status = 0;

	init_process();
	if (!strcmp(argv[0], unrelated))
		return locate_unrelated(argv[1]);
	if (argc != 1)
		die_usage("(no arguments)");

	printf("%-28s %7s  %-14s  %9s  %s\n", "path", "pid", "virtual address",
	       "frame", "physical page");
	for (size_t i = 0; i < ARRAY_SIZE(backings); i++) {
		struct location seen[2];

		if (!locate_two(&backings[i], seen)) {
			printf("%-28s skipped: %s\n", backings[i].name,
			       strerror(errno));
			continue;
		}
		for (int j = 0; j < 2; j++)
			printf("%-28s %7d  %-14p  %9llx%s%s\n",
			       j ? "" : backings[i].name, seen[j].pid,
			       seen[j].address,
			       (unsigned long long)seen[j].frame,
			       j ? "  " : "", j ? verdict(seen) : "");
		if (!seen[0].frame || !seen[1].frame ||
		    (seen[0].frame == seen[1].frame) != backings[i].same)
			status = EXIT_FAILED;
	}
	if (geteuid())
		warning("the kernel shows page frames only to root");
	return status;
}
