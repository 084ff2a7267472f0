/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How unrelated processes count together in one region of memory: what is in
 * it, who initialises it, and when it may start afresh.
 *
 * Every process that counts holds a shared flock() on its open file of the
 * device; the kernel drops it however the process ends. A fresh start takes the
 * lock exclusively. So it is refused while others are attached, and never
 * resets the count under a process that counts.
 *
 * An unused region is all zero. A compare-and-swap on its state decides which
 * of the attaching processes initialises it.
 *
 * The region records its initialiser and the holder of the semaphore as owners
 * (robust.h). Only the kernel's mark says that one of them has died, so the
 * processes may be in several pid and time namespaces and use several nodes of
 * the device. The remaining limits:
 *
 * - A process that dies in the few instructions between taking the semaphore
 *   and becoming the owner, or between releasing the owner and the post, leaves
 *   no mark. After a second the others say that no process claims the
 *   semaphore, and wait.
 * - The pid in a message is that of the owner's own pid namespace. A process
 *   sees that the owner is stopped only in its own pid namespace, with /proc.
 * - flock() locks a node. A process with another node can start afresh while
 *   others are attached; the generation tells them, and they die saying so.
 * - A semaphore is private to its C library. All processes need the same
 *   library and word size; others are refused.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "incr.h"

/* The layout of the region. */
struct region {
	struct owner initialiser;	/* its word becomes REGION_READY */
	struct owner holder;
	struct shared shared;
	atomic_int total;
	atomic_int generation;	/* how often it was initialised */
};

/* Above MAX_PID. It also identifies the kind of semaphore. */
enum {
#ifdef __GLIBC__
	REGION_READY = 0x33674300 + sizeof(sem_t)
#else
	REGION_READY = 0x33784300 + sizeof(sem_t)
#endif
};

/*
 * Returns a descriptor of the device, open for reading and writing. Dies if
 * there is none, or if it is too small for the region.
 */
int open_region(const char *path);

/*
 * Attach to the region of the open device, or start it afresh with a count of
 * 0, and return its counter. A fresh start dies if others are attached;
 * attaching dies if the region holds no usable count. While another process
 * initialises the region, waits for it, and says so after a second.
 */
struct counter attach(int fd, struct region *region, bool afresh);

/*
 * After attach(), count in this process alone, together with whatever other
 * processes are attached; each line begins with the pid. Returns the exit
 * status: 0 only if no process has lost an increment.
 */
int count_attached(const struct counter *counter, int loops);

#endif
