// SPDX-License-Identifier: GPL-2.0
/* How unrelated processes come to count together; see attach.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attach.h"

/* What this process is attached to, and as of which beginning. */
static struct region *attached;
static int generation;

enum { NAP_US = 1000, NAPS = 2000, NAPS_UNTIL_SAID = 1000 };

int open_region(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat stat;
	long size;

	if (fd < 0 && errno == ENOENT) {
		errno = 0;
		die("%s is missing: load the module first (make load, or insmod shmcount.ko)",
		    path);
	}
	if (fd < 0 || fstat(fd, &stat))
		die("cannot open %s", path);
	/* A device that cannot say its size, as /dev/zero, may be any size. */
	size = lseek(fd, 0, SEEK_END);
	if ((size > 0 || S_ISREG(stat.st_mode)) &&
	    size < (long)sizeof(struct region)) {
		errno = 0;
		die("the region of %s is too small: %ld bytes, not %zu", path,
		    size, sizeof(struct region));
	}
	return fd;
}

/* To be called, and ended, with the claim to do so. */
static void initialise(struct region *region)
{
	init_mutex(&region->shared.mutex);
	region->shared.count = 0;
	atomic_store(&region->holder.word, 0);
	atomic_store(&region->tally, 0);
	atomic_fetch_add(&region->generation, 1);
	claim_drop(&region->initialiser, REGION_READY);
}

static void say_who_initialises(const struct claim *initialiser)
{
	if (claimant_is_stopped(initialiser))
		say("%s initialises the region and is stopped: waiting until it goes on (kill -CONT %u)",
		    claimant(initialiser), atomic_load(&initialiser->pid));
	else
		say("%s has been initialising the region for a second: waiting for it; to start afresh run incr_dev without -a",
		    claimant(initialiser));
}

/* Initialise the region, or see that another process has. */
static void settle(struct region *region)
{
	struct claim *initialiser = &region->initialiser;

	for (int naps = 0;; naps++) {
		unsigned int word = atomic_load(&initialiser->word);

		if (word == REGION_READY)
			return;
		/* Nobody has begun, or who had begun has died since. */
		if ((!word || word == CLAIMANT_DIED) &&
		    claim_try(initialiser, word)) {
			initialise(region);
			return;
		}
		if (word != CLAIMANT_DIED && word > MOST_PID) {
			errno = 0;
			die("the region is not a count: start afresh, without -a");
		}
		if (naps == NAPS_UNTIL_SAID)
			say_who_initialises(initialiser);
		usleep(NAP_US);
	}
}

struct counter attach(int fd, struct region *region, bool afresh)
{
	register_claims();
	if (afresh) {
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			if (errno != EWOULDBLOCK)
				die("cannot lock the device");
			errno = 0;
			die("other processes are attached: join them with -a, or wait for their end");
		}
		/* Should we die in the middle, the next one begins anew. */
		claim_take(&region->initialiser);
		initialise(region);
	}
	for (int i = 0; flock(fd, LOCK_SH | LOCK_NB); i++) {
		if (errno != EWOULDBLOCK || i == NAPS)
			die("cannot attach while another process starts afresh");
		usleep(NAP_US);
	}
	settle(region);
	attached = region;
	generation = atomic_load(&region->generation);
	return (struct counter) {
		.mutex = &region->shared.mutex,
		.count = &region->shared.count,
		.holder = &region->holder,
		.tally = &region->tally,
	};
}

int count_attached(const struct counter *counter, int loops)
{
	char who[16];
	int count, tally;

	snprintf(who, sizeof(who), "%d", getpid());
	count_up(counter, who, loops);

	lock_counter(counter);
	count = *counter->count;
	tally = atomic_load(counter->tally);
	unlock_counter(counter);

	errno = 0;
	if (atomic_load(&attached->generation) != generation)
		die("the count was begun afresh by way of another node");
	fprintf(stderr, "%s: %d increments by process %s, of %d by all, gave count %d\n",
		program_invocation_short_name, loops, who, tally, count);
	return count == tally ? 0 : EXIT_FAILED;
}
