/* SPDX-License-Identifier: GPL-2.0 */
/* What any program of tests/ may need, with the harness or without it. */
#ifndef UTIL_H
#define UTIL_H

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* Seconds on CLOCK_MONOTONIC. */
static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

#endif
