/* SPDX-License-Identifier: GPL-2.0 */
/* What any program of tests/ may need, with the harness or without it. */
#ifndef UTIL_H
#define UTIL_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* printf() into allocated memory. */
static inline __attribute__((format(printf, 1, 2)))
char *text_of(const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0) {
		perror(program_invocation_short_name);
		exit(EXIT_FAILURE);
	}
	va_end(args);
	return text;
}

/* Is the test "map.x" of this group, "map", or of that of another test, "map.y"? */
static inline bool is_of_group(const char *test, const char *group)
{
	size_t length = strcspn(group, ".");

	return !strncmp(test, group, length) && test[length] == '.';
}

/*
 * Write a line into the kernel's log; returns false if it cannot. (Not with dprintf():
 * it asks for the file position, and /dev/kmsg has none.)
 */
static inline bool log_to_kernel(const char *line)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	ssize_t length = strlen(line);
	bool written = fd >= 0 && write(fd, line, length) == length;

	if (fd >= 0)
		close(fd);
	return written;
}

/* Seconds on CLOCK_MONOTONIC. */
static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

#endif
