// SPDX-License-Identifier: GPL-2.0
/*
 * incr_dev: /dev/shmcount has a name, and each mmap() of it gives the same
 * memory. By default it counts from 0 with a child, as the others do. With -a
 * it attaches and continues the count, together with all processes that count
 * there.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "attach.h"
#include "common.h"

static const char arguments[] = "[-a] [-d device] <#loops>";

int main(int argc, char *argv[])
{
	const char *device = SHMCOUNT_DEVICE;
	struct region *region;
	struct counter counter;
	bool afresh = true;
	int fd, loops, option;

	init_process();
	opterr = 0;
	while ((option = getopt(argc, argv, "+ad:")) != -1) {
		if (option == 'a')
			afresh = false;
		else if (option == 'd')
			device = optarg;
		else
			die_usage(arguments);
	}
	if (argc - optind != 1)
		die_usage(arguments);
	loops = parse_loops(argv[optind]);

	fd = open_region(device);
	region = mmap(NULL, sizeof(*region), PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (region == MAP_FAILED)
		die("cannot map %s", device);

	counter = attach(fd, region, afresh);
	if (afresh)
		return count_with_child(&counter, loops, false);
	return count_attached(&counter, loops);
}
