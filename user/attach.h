/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How unrelated processes come to count together in one region of memory:
 * what is in it, who initialises it, and when it may be begun afresh.
 *
 * Every process that counts holds a shared flock() on its open file of the
 * device, which the kernel drops however the process ends. Beginning afresh
 * takes the lock exclusively, so it is refused while anybody is attached, and
 * never takes the count away under a process that counts.
 *
 * A region that nobody has used yet is all zero. Which of the processes that
 * attach to it initialises it is settled by a compare-and-swap on its state.
 *
 * Who holds the semaphore, and who initialises the region, have a claim there
 * (robust.h): that one of them has died is known from the kernel's mark alone,
 * so the processes may be of several pid and time namespaces, and come by
 * several nodes of the device. What limits remain:
 *
 * - A process that dies in the few instructions between taking the semaphore
 *   and its claim, or between dropping that and the post, leaves no mark. The
 *   others say after a second that nobody says that he holds it, and wait.
 * - The pid in a message is that of the claimant's own pid namespace. That it
 *   is stopped is known only of one of the same namespace, and with /proc.
 * - flock() is of a node. One that comes by another node can begin afresh under
 *   the others: they see by the generation that it did, and say so.
 * - A semaphore is the C library's own: all have to be of the same library and
 *   word size, and are refused otherwise.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "incr.h"

/* The layout of the shared region. */
struct region {
	struct claim initialiser;	/* at last its word is REGION_READY */
	struct claim holder;
	struct shared shared;
	atomic_int tally;
	atomic_int generation;	/* how often it was initialised */
};

/* No pid is as high. It tells kinds of semaphores apart, too. */
enum {
#ifdef __GLIBC__
	REGION_READY = 0x33674300 + sizeof(sem_t)
#else
	REGION_READY = 0x33784300 + sizeof(sem_t)
#endif
};

/*
 * Returns a descriptor of the device, open for reading and writing; exits if
 * there is none, or if its region is too small for what is in it.
 */
int open_region(const char *path);

/*
 * Attach to the region of the open device, or begin afresh with a count of 0.
 * Returns the counter; exits if others are attached (afresh), or if the
 * region holds no usable count (not afresh). Waits for a process that lives and
 * initialises it, and says so after a second.
 */
struct counter attach(int fd, struct region *region, bool afresh);

/*
 * Count in this process alone, together with whatever other processes are
 * attached; each line begins with the pid. Returns the exit status: 0 only
 * when no increment of anybody was lost. After attach().
 */
int count_attached(const struct counter *counter, int loops);

#endif
