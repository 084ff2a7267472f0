// SPDX-License-Identifier: GPL-2.0
/*
 * incr2: the count is in a file that parent and child map, so there is one
 * count. The semaphore is a named one, outside the mapping.
 */
#include <sys/mman.h>

#include "incr.h"

int main(int argc, char *argv[])
{
	struct counter counter;
	int fd, loops;

	if (argc != 3)
		usage("<file> <#loops>");
	loops = parse_loops(argv[2]);

	counter = (struct counter) { .mutex = open_mutex() };
	fd = open_file(argv[1], sizeof(*counter.count));
	counter.count = mmap(NULL, sizeof(*counter.count),
			     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counter.count == MAP_FAILED)
		die("cannot map %s", argv[1]);

	return count_in_two(&counter, loops, false);
}
