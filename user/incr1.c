// SPDX-License-Identifier: GPL-2.0
/*
 * incr1: a fork does not share memory. The count is an ordinary global
 * variable, so parent and child each count in a copy of their own, although a
 * semaphore, which they do share, lets only one of them count at a time.
 */
#include "incr.h"

static int count;

int main(int argc, char *argv[])
{
	struct counter counter = { .count = &count };
	int loops;

	if (argc != 2)
		usage("<#loops>");
	loops = parse_loops(argv[1]);

	counter.mutex = open_mutex();
	return count_in_two(&counter, loops, true);
}
