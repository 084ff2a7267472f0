/* SPDX-License-Identifier: GPL-2.0 */
/* For programs that have a command line: errors that end them, and numbers. */
#ifndef COMMAND_H
#define COMMAND_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "status.h"

/* Print "PROGRAM: " and the message, where %m is errno, and exit with this status. */
static inline _Noreturn __attribute__((format(printf, 2, 3)))
void die(int status, const char *format, ...)
{
	int error = errno;
	va_list args;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	errno = error;
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(status);
}

/* Returns true if the text is a decimal number from min to max, and no more. */
static inline bool parse_number(const char *text, unsigned long min,
				unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno &&
	       *value >= min && *value <= max;
}

/*
 * Returns the number. If the text is not a number, exits with STATUS_USAGE and a
 * message that begins with the name, such as "-n " or "SAMPLE=".
 */
static inline unsigned long get_number(const char *name, const char *text,
				       unsigned long min, unsigned long max)
{
	unsigned long value;

	if (!parse_number(text, min, max, &value))
		die(STATUS_USAGE, "%s%s: it has to be a number from %lu to %lu",
		    name, text, min, max);
	return value;
}

/* SLOWER=N in the environment: each time limit is to be N times as long. */
static inline unsigned int slower_by(void)
{
	const char *text = getenv("SLOWER") ?: "";

	return *text ? get_number("SLOWER=", text, 1, 1000) : 1;
}

#endif
