// SPDX-License-Identifier: GPL-2.0
/*
 * incr_anon: no file at all. MAP_ANON gives memory that is zero and that has
 * no name, so only a child can share it.
 */
#include <sys/mman.h>

#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int loops;

	if (argc != 2)
		usage("<#loops>");
	loops = parse_loops(argv[1]);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANON, -1, 0);
	if (shared == MAP_FAILED)
		die("cannot map anonymous memory");

	init_mutex(&shared->mutex);
	counter = (struct counter) {
		.mutex = &shared->mutex,
		.count = &shared->count,
	};
	return count_in_two(&counter, loops, false);
}
