// SPDX-License-Identifier: GPL-2.0
/*
 * incr_anon: no file. MAP_ANON gives zeroed memory without a name, so only a
 * child can share it.
 */
#include <sys/mman.h>

#include "common.h"
#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int loops;

	init_process();
	if (argc != 2)
		die_usage("<#loops>");
	loops = parse_loops(argv[1]);

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANON, -1, 0);
	if (shared == MAP_FAILED)
		die("cannot map anonymous memory");

	init_semaphore(&shared->semaphore);
	counter = (struct counter) {
		.semaphore = &shared->semaphore,
		.count = &shared->count,
	};
	return count_with_child(&counter, loops, false);
}
