// SPDX-License-Identifier: GPL-2.0
/* What the incr programs share; incr.h describes each function. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "alive.h"
#include "common.h"

static const int *counted;	/* the count, once count_with_child() runs */

int parse_loops(const char *argument)
{
	long loops = parse_long(argument, INT_MAX / 2);

	if (loops >= 0)
		return loops;
	warning("'%s' is not a number of loops (0 to %d)", argument,
		INT_MAX / 2);
	exit(EXIT_USAGE);
}

void init_semaphore(sem_t *semaphore)
{
	if (sem_init(semaphore, 1, 1))
		die("cannot make a semaphore");
}

sem_t *open_semaphore(void)
{
	char name[64];
	sem_t *semaphore;
	int try = 0;

	/* A killed run may have left the name that we try. */
	do {
		snprintf(name, sizeof(name), "/%s.%d.%d",
			 program_invocation_short_name, getpid(), try++);
		semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	} while (semaphore == SEM_FAILED && errno == EEXIST);
	if (semaphore == SEM_FAILED)
		die("cannot make a named semaphore");
	sem_unlink(name);
	return semaphore;
}

/* As sem_wait(), for WAIT_MS at most. */
static int wait_a_while(sem_t *semaphore)
{
	struct timespec until;
	clockid_t clock;

#ifdef __GLIBC__
	clock = CLOCK_MONOTONIC;
#else	/* musl has no sem_clockwait(). */
	clock = CLOCK_REALTIME;
#endif
	clock_gettime(clock, &until);
	until.tv_nsec += WAIT_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
#ifdef __GLIBC__
	return sem_clockwait(semaphore, clock, &until);
#else
	return sem_timedwait(semaphore, &until);
#endif
}

void lock_counter(const struct counter *counter)
{
	struct holder_state seen = { 0 };

	while (sem_trywait(counter->semaphore)) {
		if (errno == EAGAIN) {
			if (!wait_a_while(counter->semaphore))
				break;
			if (errno == ETIMEDOUT)
				check_holder(counter, &seen);
			else if (errno != EINTR)
				die("cannot wait for the semaphore");
		} else if (errno != EINTR) {
			die("cannot take the semaphore");
		}
		check_alive(true);
	}
	if (counter->holder)
		robust_acquire(counter->holder);
}

void unlock_counter(const struct counter *counter)
{
	if (counter->holder)
		robust_release(counter->holder, 0);
	if (sem_post(counter->semaphore))
		die("cannot post the semaphore");
}

/*
 * One line is one write(), as standard output is unbuffered in Stevens'
 * programs. Returns false, with errno, on failure. EINTR means that nothing is
 * written yet and that a signal is to be handled without the semaphore.
 */
static bool print_count(const char *who, int count)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%s: %d\n", who, count);
	int done = 0;

	while (done < length) {
		ssize_t n = write(STDOUT_FILENO, line + done, length - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR || !done)
			return false;
	}
	return true;
}

void count_up(const struct counter *counter, const char *who, int loops)
{
	catch_end_signals(note_end_signal);
	for (int i = 0; i < loops;) {
		bool full, printed;
		int error;

		lock_counter(counter);
		full = *counter->count == INT_MAX;
		printed = !full && print_count(who, *counter->count);
		error = errno;
		if (printed) {
			(*counter->count)++;
			if (counter->total)
				atomic_fetch_add(counter->total, 1);
			i++;
		}
		unlock_counter(counter);

		check_alive(false);
		errno = error;
		if (full)
			diex("the count is full: start afresh, without -a");
		if (!printed && error != EINTR)
			die("cannot write standard output");
	}
}

static void clean_up(void)
{
	end_child();
	if (!*counted)
		remove_new_file();
}

int count_with_child(const struct counter *counter, int loops, bool separate)
{
	int expected = separate ? loops : 2 * loops;
	int count, others = 0, child_count = 0, result;
	bool correct;

	counted = counter->count;
	on_failure = clean_up;
	if (start_child(&result)) {
		if (counter->holder)
			robust_register();
		count_up(counter, "child", loops);
		if (write(result, counter->count, sizeof(int)) != sizeof(int))
			die("cannot report the count");
		_exit(0);
	}
	count_up(counter, "parent", loops);
	wait_for_child();
	if (read(result, &child_count, sizeof(int)) != sizeof(int))
		die("the child has not reported its count");

	lock_counter(counter);
	count = *counter->count;
	if (counter->total)
		others = atomic_load(counter->total) - expected;
	unlock_counter(counter);

	correct = count == expected + others && others >= 0;
	fprintf(stderr, "%s: %d increments by 2 processes",
		program_invocation_short_name, 2 * loops);
	if (others)
		fprintf(stderr, " and %d by others", others);
	if (separate) {
		correct = correct && child_count == expected;
		fprintf(stderr, " gave counts %d and %d\n", count, child_count);
	} else {
		fprintf(stderr, " gave count %d\n", count);
	}
	return correct ? 0 : EXIT_FAILED;
}
