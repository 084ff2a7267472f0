// SPDX-License-Identifier: GPL-2.0
/* How unrelated processes count together; see attach.h. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"
#include "common.h"

/* What this process is attached to, and the generation that it joined. */
static struct region *attached;
static int generation;

enum { POLL_US = 1000, MAX_POLLS = 2000, POLLS_UNTIL_WARNING = 1000 };

int open_region(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat stat;
	long size;

	if (fd < 0 && errno == ENOENT)
		diex("%s is missing: load the module first (make load, or insmod shmcount.ko)",
		     path);
	if (fd < 0 || fstat(fd, &stat))
		die("cannot open %s", path);
	/* A device such as /dev/zero has no size, so any size will do. */
	size = lseek(fd, 0, SEEK_END);
	if ((size > 0 || S_ISREG(stat.st_mode)) &&
	    size < (long)sizeof(struct region))
		diex("the region of %s is too small: %ld bytes, not %zu", path,
		     size, sizeof(struct region));
	return fd;
}

/* Called by the initialiser. */
static void initialise(struct region *region)
{
	init_semaphore(&region->shared.semaphore);
	region->shared.count = 0;
	atomic_store(&region->holder.word, 0);
	atomic_store(&region->total, 0);
	atomic_fetch_add(&region->generation, 1);
	robust_release(&region->initialiser, REGION_READY);
}

static void warn_of_initialiser(const struct owner *initialiser)
{
	if (owner_is_stopped(initialiser))
		warning("%s initialises the region and is stopped: waiting until it continues (kill -CONT %u)",
			owner_name(initialiser), atomic_load(&initialiser->pid));
	else
		warning("%s has been initialising the region for a second: waiting for it; to start afresh, run incr_dev without -a",
			owner_name(initialiser));
}

/* Initialise the region, or wait until another process has. */
static void wait_until_ready(struct region *region)
{
	struct owner *initialiser = &region->initialiser;

	for (int polls = 0;; polls++) {
		unsigned int word = atomic_load(&initialiser->word);

		if (word == REGION_READY)
			return;
		if ((!word || word == OWNER_DIED) &&
		    robust_try_acquire(initialiser, word)) {
			initialise(region);
			return;
		}
		if (word != OWNER_DIED && word > MAX_PID)
			diex("the region is not a count: start afresh, without -a");
		if (polls == POLLS_UNTIL_WARNING)
			warn_of_initialiser(initialiser);
		usleep(POLL_US);
	}
}

struct counter attach(int fd, struct region *region, bool afresh)
{
	robust_register();
	if (afresh) {
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno != EWOULDBLOCK)
				die("cannot lock the device");
			diex("other processes are attached: join them with -a, or wait for their end");
		}
		/* If we die before the end, the next process starts over. */
		robust_acquire(&region->initialiser);
		initialise(region);
	}
	for (int i = 0; flock(fd, LOCK_SH | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == MAX_POLLS)
			die("cannot attach while another process starts afresh");
		usleep(POLL_US);
	}
	wait_until_ready(region);
	attached = region;
	generation = atomic_load(&region->generation);
	return (struct counter) {
		.semaphore = &region->shared.semaphore,
		.count = &region->shared.count,
		.holder = &region->holder,
		.total = &region->total,
	};
}

int count_attached(const struct counter *counter, int loops)
{
	char who[16];
	int count, total;

	snprintf(who, sizeof(who), "%d", getpid());
	count_up(counter, who, loops);

	lock_counter(counter);
	count = *counter->count;
	total = atomic_load(counter->total);
	unlock_counter(counter);

	if (atomic_load(&attached->generation) != generation)
		diex("the count was started afresh through another node");
	fprintf(stderr, "%s: %d increments by process %s, of %d by all, gave count %d\n",
		program_invocation_short_name, loops, who, total, count);
	return count == total ? 0 : EXIT_FAILED;
}
