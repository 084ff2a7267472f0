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
 * Processes know each other by their pids, so they have to be of one pid
 * namespace; and flock() is of a node, so they have to come by the same one.
 * One that comes by another node can begin afresh under the others: they see
 * by the generation that it did, and say so.
 */
#ifndef ATTACH_H
#define ATTACH_H

#include "incr.h"

/* The layout of the shared region. */
struct region {
	/* 0: never used; an identity: who initialises it; REGION_READY */
	atomic_llong state;
	atomic_llong holder;
	atomic_int tally;
	atomic_int generation;	/* how often it was initialised */
	struct shared shared;
};

enum { REGION_READY = -0x5348434e };

/*
 * Returns a descriptor of the device, open for reading and writing; exits if
 * there is none, or if its region is too small for what is in it.
 */
int open_region(const char *path);

/*
 * Attach to the region of the open device, or begin afresh with a count of 0.
 * Returns the counter; exits if others are attached (afresh), or if the
 * region holds no usable count (not afresh).
 */
struct counter attach(int fd, struct region *region, bool afresh);

/*
 * Count in this process alone, together with whatever other processes are
 * attached; each line begins with the pid. Returns the exit status: 0 only
 * when no increment of anybody was lost. After attach().
 */
int count_attached(const struct counter *counter, int loops);

#endif
