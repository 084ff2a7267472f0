/* SPDX-License-Identifier: GPL-2.0 */
/* What any program of tests/ may need, with the harness or without it. */
#ifndef UTIL_H
#define UTIL_H

#include <time.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Seconds on CLOCK_MONOTONIC. */
static inline double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

#endif
