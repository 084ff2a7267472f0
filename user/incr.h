/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the incr programs have in common: arguments, messages, the semaphore,
 * and two processes that count together. Where the count and the semaphore
 * live is what the programs are about, and stands in each of them.
 */
#ifndef INCR_H
#define INCR_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "robust.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define SHMCOUNT_DEVICE "/dev/shmcount"

/* Exit statuses beside 0: the input was wrong, or something else was. */
enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* What two processes share when the semaphore is in the mapping too. */
struct shared {
	sem_t mutex;
	int count;
};

/* Where the parts of one counter are, for the process that uses it. */
struct counter {
	sem_t *mutex;
	int *count;
	/*
	 * Only where unrelated processes meet (see attach.h), else NULL: which
	 * process holds the mutex, and the increments counted once more,
	 * atomically, to hold the count against.
	 */
	struct claim *holder;
	atomic_int *tally;
};

/*
 * Print "NAME: MESSAGE: ERROR" (the error only where errno is not 0) as one
 * line on standard error and exit with EXIT_FAILED. Of a parent and child that
 * both do, only the first prints; a child that counts is ended first.
 */
_Noreturn __attribute__((format(printf, 1, 2)))
void die(const char *format, ...);

/* Print "NAME: MESSAGE" as one line on standard error, and go on. */
__attribute__((format(printf, 1, 2)))
void say(const char *format, ...);

/* Print "usage: NAME ARGUMENTS" on standard error, exit with EXIT_USAGE. */
_Noreturn void usage(const char *arguments);

/*
 * Handle a signal by the function, without SA_RESTART; but one that the program
 * was started to ignore, as SIGHUP by nohup, stays ignored.
 */
void catch_signal(int number, void (*handler)(int));

/* End by this signal, as if it had not been handled; for handlers, too. */
_Noreturn void end_by(int number);

/*
 * Returns the number of loops that the argument says, 0 to INT_MAX / 2, so
 * that two processes' increments fit an int. Exits with EXIT_USAGE otherwise.
 */
int parse_loops(const char *argument);

/* Make it an unnamed, process-shared semaphore of value 1; exits if it can't. */
void init_mutex(sem_t *mutex);

/*
 * Returns a named semaphore of value 1, open in this process and its children
 * to be, whose name is gone already: nothing is left behind however they end.
 */
sem_t *open_mutex(void);

/*
 * Returns a descriptor of the file, made where there is none, locked against
 * other runs, with its first size bytes zero and room for them on the disk.
 * Exits if that fails. A file that it made is removed by any die() before the
 * counting starts, and one that was there has its old length.
 */
int open_file(const char *path, long size);

/*
 * Take and give back the mutex. Taking it exits when another process that is
 * counted with has died holding it. It waits for one that lives, and after a
 * second says once which one it is, and whether it is stopped.
 */
void lock_counter(const struct counter *counter);
void unlock_counter(const struct counter *counter);

/*
 * Increment loops times under the mutex, each time printing "WHO: COUNT" (the
 * count before) on standard output. A SIGINT, SIGTERM, SIGHUP or SIGPIPE ends
 * the process as ever, but not while it holds the mutex; one that it was started
 * to ignore, as by nohup, is ignored.
 */
void count_up(const struct counter *counter, const char *who, int loops);

/*
 * Count in this process, "parent", and in a child of it, "child", loops times
 * each; separate says that each has a count of its own. Prints on standard
 * error what came of it. Returns the exit status: 0 only when the count is
 * what was promised. Never waits for a child that was killed. Where the reader
 * of standard output goes away, both end by SIGPIPE.
 */
int count_in_two(const struct counter *counter, int loops, bool separate);

#endif
