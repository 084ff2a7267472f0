// SPDX-License-Identifier: GPL-2.0
/*
 * incr2: parent and child map a file that holds the count, so there is one
 * count. The semaphore is named and outside the mapping.
 */
#include <sys/mman.h>

#include "common.h"
#include "incr.h"

int main(int argc, char *argv[])
{
	struct counter counter;
	int fd, loops;

	init_process();
	if (argc != 3)
		die_usage("<file> <#loops>");
	loops = parse_loops(argv[2]);

	counter = (struct counter) { .semaphore = open_semaphore() };
	fd = open_file(argv[1], sizeof(*counter.count));
	counter.count = mmap(NULL, sizeof(*counter.count),
			     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counter.count == MAP_FAILED)
		die("cannot map %s", argv[1]);

	return count_with_child(&counter, loops, false);
}
