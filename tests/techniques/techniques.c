// SPDX-License-Identifier: GPL-2.0
/*
 * Runs in a guest: what can a device do that maps its memory by each technique
 * of kmod/techniques/?
 *
 * Usage: techniques [-d DISK] MODULE TECHNIQUE...
 *
 * Prints CSV: a line for each technique, a column for each probe. DISK is a
 * directory on a file system that has O_DIRECT. Exit status: 0, 1 if a
 * technique cannot be loaded or unloaded, 2 usage.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module.h"
#include "probe.h"
#include "status.h"

static const char *module;

static bool load(const char *technique)
{
	char parameters[64];
	int error;

	snprintf(parameters, sizeof(parameters), "technique=%s", technique);
	error = module_load(module, parameters);
	if (error)
		fprintf(stderr, "techniques: cannot load %s with %s: %s\n",
			module, parameters, strerror(error));
	return !error;
}

/* A killed process may pin the module for another moment. */
static bool unload(const char *name)
{
	int error = 0;

	for (int i = 0; i < 500; i++) {
		error = module_unload(name);
		if (!error || error == ENOENT)
			return true;
		usleep(10000);
	}
	fprintf(stderr, "techniques: cannot unload %s: %s\n", name,
		strerror(error));
	return false;
}

/* The last probe may have unloaded the module: that is no error. */
static bool row(const char *technique)
{
	if (!load(technique))
		return false;
	printf("%s", technique);
	for (const struct probe *probe = probes; probe->what; probe++)
		printf(",%s", ask(probe).text);
	printf("\n");
	return unload(module_name);
}

int main(int argc, char *argv[])
{
	static char name[64];
	int option;

	while ((option = getopt(argc, argv, "d:")) == 'd')
		disk = optarg;
	if (option != -1 || argc - optind < 2) {
		fprintf(stderr, "usage: techniques [-d DISK] MODULE TECHNIQUE...\n");
		return STATUS_USAGE;
	}
	module = argv[optind++];
	module_name = name;
	if (!module_name_of(module, name, sizeof(name))) {
		fprintf(stderr, "techniques: no module in %s: %s\n", module,
			strerror(errno));
		return STATUS_FAILED;
	}
	/* The guest has loaded shmcount, whose node has the same name. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!unload("shmcount"))
		return STATUS_FAILED;
	printf("technique");
	for (const struct probe *probe = probes; probe->what; probe++)
		printf(",%s", probe->what);
	printf("\n");
	for (; optind < argc; optind++)
		if (!row(argv[optind]))
			return STATUS_FAILED;
	return 0;
}
