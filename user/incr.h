/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the incr programs share: the number of loops, the semaphore, the file,
 * and two processes that count together. Each program itself shows where its
 * count and its semaphore are.
 */
#ifndef INCR_H
#define INCR_H

#include <semaphore.h>
#include <stdatomic.h>

#include "robust.h"

/* What two processes share if the semaphore is in the mapping, too. */
struct shared {
	sem_t semaphore;
	int count;
};

/* Where the parts of one counter are, for the process that uses it. */
struct counter {
	sem_t *semaphore;
	int *count;
	/*
	 * NULL unless unrelated processes meet (see attach.h): which process
	 * holds the semaphore, and the increments of all processes, counted
	 * atomically to check the count against.
	 */
	struct owner *holder;
	atomic_int *total;
};

/*
 * Returns the number of loops in the argument, 0 to INT_MAX / 2, so that the
 * increments of two processes fit an int. Exits with EXIT_USAGE otherwise.
 */
int parse_loops(const char *argument);

/* Make it an unnamed, process-shared semaphore of value 1, or die. */
void init_semaphore(sem_t *semaphore);

/*
 * Returns a named semaphore of value 1, open in this process and its future
 * children. Its name is removed already, so nothing is left however they end.
 */
sem_t *open_semaphore(void);

/*
 * Returns a descriptor of the file, created if need be, locked against other
 * runs, with its first size bytes zero and allocated. If that fails, dies; an
 * existing file then keeps its length. If die() comes later, before anything is
 * counted, remove_new_file() removes a file that open_file() has created.
 */
int open_file(const char *path, long size);
void remove_new_file(void);

/*
 * Take and release the semaphore. Taking it dies if another process died
 * holding it. While the holder lives, it waits, and after a second warns once
 * which process that is, and whether it is stopped.
 */
void lock_counter(const struct counter *counter);
void unlock_counter(const struct counter *counter);

/*
 * Increment loops times under the semaphore, each time printing "WHO: COUNT"
 * (the count before) on standard output. SIGINT, SIGTERM, SIGHUP and SIGPIPE
 * end the process only after it has released the semaphore. A signal that it
 * was started to ignore, as by nohup, stays ignored.
 */
void count_up(const struct counter *counter, const char *who, int loops);

/*
 * Count loops times in this process, "parent", and loops times in a child,
 * "child"; separate says that each has a count of its own. Prints the outcome
 * on standard error. Returns the exit status: 0 only if the count is right.
 * Never waits for a child that was killed. Both end by SIGPIPE when standard
 * output loses its reader.
 */
int count_with_child(const struct counter *counter, int loops, bool separate);

#endif
