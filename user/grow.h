/* SPDX-License-Identifier: GPL-2.0 */
/* An array that grows by one at a time. */
#ifndef GROW_H
#define GROW_H

#include <stdlib.h>

/* The program's own. */
_Noreturn __attribute__((format(printf, 1, 2)))
void die(const char *format, ...);

/*
 * Returns the array of count elements, of so many bytes each, with room for one
 * more; NULL is the array of none. Dies where there is no memory.
 */
static inline void *grow(void *array, size_t count, size_t size)
{
	/* When count is 0 or a power of 2, there is no room for one more. */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array)
		die("no memory");
	return array;
}

#endif
