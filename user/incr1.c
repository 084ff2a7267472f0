// SPDX-License-Identifier: GPL-2.0
/*
 * incr1: fork() does not share memory. The count is an ordinary global
 * variable, so parent and child each count in their own copy, although they
 * share a semaphore that lets only one of them count at a time.
 */
#include "common.h"
#include "incr.h"

static int count;

int main(int argc, char *argv[])
{
	struct counter counter = { .count = &count };
	int loops;

	init_process();
	if (argc != 2)
		die_usage("<#loops>");
	loops = parse_loops(argv[1]);

	counter.semaphore = open_semaphore();
	return count_with_child(&counter, loops, true);
}
