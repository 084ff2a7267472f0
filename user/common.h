/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of user/ share. */
#ifndef COMMON_H
#define COMMON_H

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define SHMCOUNT_DEVICE "/dev/shmcount"

/*
 * The exit statuses of all programs of user/; 0 is success. A number means the
 * same in tests/harness/status.h.
 */
enum {
	EXIT_FAILED = 1,	/* whatever is not below */
	EXIT_USAGE = 2,		/* bad arguments */
	EXIT_INFRASTRUCTURE = 125,	/* record: the command cannot be traced */
	EXIT_SIGNAL = 128,	/* plus the number of the signal */
	EXIT_INTERRUPTED = 130,	/* EXIT_SIGNAL + SIGINT */
};

/*
 * Ignore SIGXFSZ, so that write() fails with EFBIG at the file size limit. Open
 * each closed standard descriptor in the wrong mode, so that using it still
 * fails with EBADF, and no file of the program gets its number. A program that
 * needs this calls it first in main().
 */
void init_process(void);

/*
 * Print "NAME: MESSAGE: ERROR" (the error only if errno is not 0) as one line
 * on standard error, call on_failure() and exit with failure_status.
 */
_Noreturn __attribute__((format(printf, 1, 2)))
void die(const char *format, ...);

/* As die(), without the error; like errx(3). */
#define diex(...) (errno = 0, die(__VA_ARGS__))

/* As die(), without a message. */
_Noreturn void exit_failed(void);

/* Cleans up before any of these or exit_by_signal() ends us, unless NULL. */
extern void (*on_failure)(void);

/* EXIT_FAILED, unless the program sets another. */
extern int failure_status;

/* Of this process and its future children, only the first die() prints. */
void die_once(void);

/* Print "NAME: MESSAGE" as one line on standard error. */
__attribute__((format(printf, 1, 2)))
void warning(const char *format, ...);

/* Print "usage: NAME ARGUMENTS" on standard error, exit with EXIT_USAGE. */
_Noreturn void die_usage(const char *arguments);

/*
 * Handle SIGINT, SIGTERM, SIGHUP and SIGPIPE without SA_RESTART. A signal that
 * the program was started to ignore, as by nohup, stays ignored.
 */
void catch_end_signals(void (*handler)(int));

/*
 * Call on_failure() and end by the default action of the signal. Async-signal-
 * safe if on_failure() is.
 */
_Noreturn void exit_by_signal(int number);

/*
 * Fork, or die. Returns as fork(2). The child gets the signal when the parent
 * ends.
 */
pid_t fork_child(int number);

/* Returns the state of the process in /proc, such as 'S'; 0 if it has none. */
char process_state(pid_t pid);

/* Bytes of a page of this machine: 4096, or more where its kernel says so. */
size_t page_size(void);

/* Seconds on CLOCK_MONOTONIC. */
double now(void);

/* Returns zeroed memory for an array, or dies. */
void *allocate(size_t count, size_t size);

/* Returns the decimal number, 0 to max; -1 if the text is anything else. */
static inline long parse_long(const char *text, long max)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno &&
	       value <= max ? value : -1;
}

/*
 * Returns the array of count elements of this size with room for one more;
 * NULL is the empty array. Dies if there is no memory.
 */
static inline void *grow(void *array, size_t count, size_t size)
{
	/* The array is full when count is 0 or a power of 2. */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array)
		die("no memory");
	return array;
}

/* Append an element to the array of count elements: an lvalue to assign to. */
#define APPEND(array, count)						\
	(*((array) = grow((array), (count), sizeof(*(array))),		\
	   &(array)[(count)++]))

#endif
