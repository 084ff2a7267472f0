// SPDX-License-Identifier: GPL-2.0
/*
 * incr3: as incr2, but the semaphore is unnamed, process-shared, and in the
 * mapped file, next to the count that it protects.
 */
#include <sys/mman.h>

#include "common.h"
#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int fd, loops;

	init_process();
	if (argc != 3)
		die_usage("<file> <#loops>");
	loops = parse_loops(argv[2]);

	fd = open_file(argv[1], sizeof(*shared));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("cannot map %s", argv[1]);

	init_semaphore(&shared->semaphore);
	counter = (struct counter) {
		.semaphore = &shared->semaphore,
		.count = &shared->count,
	};
	return count_with_child(&counter, loops, false);
}
