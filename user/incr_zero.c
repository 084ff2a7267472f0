// SPDX-License-Identifier: GPL-2.0
/*
 * incr_zero: /dev/zero, SVR4's way before there was MAP_ANON. It has a name,
 * but each mmap() of it gives new memory, so again only a child can share it.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "common.h"
#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int fd, loops;

	init_process();
	if (argc != 2)
		die_usage("<#loops>");
	loops = parse_loops(argv[1]);

	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("cannot open /dev/zero");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("cannot map /dev/zero");

	init_semaphore(&shared->semaphore);
	counter = (struct counter) {
		.semaphore = &shared->semaphore,
		.count = &shared->count,
	};
	return count_with_child(&counter, loops, false);
}
