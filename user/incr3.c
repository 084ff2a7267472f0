// SPDX-License-Identifier: GPL-2.0
/*
 * incr3: as incr2, but the semaphore is in the mapped file too, next to the
 * count that it guards: unnamed, and process-shared.
 */
#include <sys/mman.h>

#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int fd, loops;

	if (argc != 3)
		usage("<file> <#loops>");
	loops = parse_loops(argv[2]);

	fd = open_file(argv[1], sizeof(*shared));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("cannot map %s", argv[1]);

	init_mutex(&shared->mutex);
	counter = (struct counter) {
		.mutex = &shared->mutex,
		.count = &shared->count,
	};
	return count_in_two(&counter, loops, false);
}
