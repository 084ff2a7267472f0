// SPDX-License-Identifier: GPL-2.0
/*
 * incr_zero: /dev/zero, as SVR4 had it before MAP_ANON. It has a name, but
 * each mmap of it gives new memory, so again only a child can share it.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "incr.h"

int main(int argc, char *argv[])
{
	struct shared *shared;
	struct counter counter;
	int fd, loops;

	if (argc != 2)
		usage("<#loops>");
	loops = parse_loops(argv[1]);

	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("cannot open /dev/zero");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("cannot map /dev/zero");

	init_mutex(&shared->mutex);
	counter = (struct counter) {
		.mutex = &shared->mutex,
		.count = &shared->count,
	};
	return count_in_two(&counter, loops, false);
}
