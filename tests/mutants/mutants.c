// SPDX-License-Identifier: GPL-2.0
/*
 * Do the tests notice? Builds the module with each patch of a directory
 * (mutant.h), has guests run the tests that the patch names (batches.c), and
 * says for each whether they noticed, and as its header promises (make
 * mutants).
 *
 * Usage: mutants PATCHES BUILT [NAME or pattern]...
 *
 * BUILT is the directory for modules and reports, below TOP, the tree. From
 * the environment, too: BUILD, the command that makes BUILT/NAME/NAME.ko;
 * GUEST, in place of tests/vm.sh; SAMPLE, how many to take of those that are
 * named, evenly spread.
 *
 * The last line is "N passed, N failed". Exit status 0: none failed; 1: some
 * did; 2: usage; 125: the modules cannot be built; 130: interrupted.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "mutants.h"

enum {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_SKIPPED = 4,		/* all of them */
	STATUS_NO_MODULES = 125,
};

struct entry list[MAX_MUTANTS];
int count;
const char *built;

static const char *patches;
static int passed, failed, skipped;

static _Noreturn __attribute__((format(printf, 2, 3)))
void die(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "mutants: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(status);
}

static void say(int i, const char *how, const char *format, va_list args)
{
	printf("%s %s: ", how, list[i].mutant.name);
	vprintf(format, args);
	printf(": %s\n", list[i].mutant.what);
	list[i].state = DONE;
}

void pass(int i, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(i, "ok", format, args);
	va_end(args);
	passed++;
}

void fail(int i, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(i, "not ok", format, args);
	va_end(args);
	failed++;
}

void skip(int i, const char *format, ...)
{
	va_list args;

	printf("ok %s # SKIP ", list[i].mutant.name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	list[i].state = DONE;
	skipped++;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of all patches, in order; returns how many. */
static int read_names(char *names[MAX_MUTANTS])
{
	DIR *dir = opendir(patches);
	struct dirent *entry;
	int n = 0;

	if (!dir)
		die(STATUS_USAGE, "cannot open %s: %s", patches,
		    strerror(errno));
	while ((entry = readdir(dir)) && n < MAX_MUTANTS) {
		char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".patch"))
			continue;
		*end = '\0';
		names[n++] = strdup(entry->d_name);
	}
	closedir(dir);
	qsort(names, n, sizeof(names[0]), by_name);
	return n;
}

/* Keep those that are wanted, all if none is named; returns how many. */
static int choose(char *names[], int n, char *const wanted[])
{
	int chosen = 0;

	for (char *const *w = wanted; *w; w++) {
		bool found = false;

		for (int i = 0; i < n; i++)
			found = found || !fnmatch(*w, names[i], 0);
		if (!found)
			die(STATUS_USAGE, "no mutant is named '%s'", *w);
	}
	for (int i = 0; i < n; i++) {
		bool take = !*wanted;

		for (char *const *w = wanted; *w; w++)
			take = take || !fnmatch(*w, names[i], 0);
		if (take)
			names[chosen++] = names[i];
	}
	return chosen;
}

static void read_list(char *const wanted[])
{
	const char *sample = getenv("SAMPLE") ?: "";
	char *names[MAX_MUTANTS], *end;
	int n = choose(names, read_names(names), wanted);
	long take = *sample ? strtol(sample, &end, 10) : n;

	if (*sample && (*end || take < 1))
		die(STATUS_USAGE, "SAMPLE=%s is not a number of mutants",
		    sample);
	if (!n)
		die(STATUS_USAGE, "there are no patches in %s", patches);
	if (take > n)
		take = n;
	for (long i = 0; i < take; i++) {
		const char *name = names[i * n / take];

		if (!read_mutant(&list[count].mutant, patches, name))
			die(STATUS_USAGE, "cannot read %s/%s.patch: %s",
			    patches, name, strerror(errno));
		count++;
	}
}

/* A pattern may not do for a test: which one noticed would not be known. */
static bool is_test(char *name)
{
	char *args[] = { "build/guest/suite", "-l", name, NULL };

	return !strpbrk(name, "*?[,") && !run_child(args, "/dev/null");
}

static void check_headers(const char *release)
{
	for (int i = 0; i < count; i++) {
		struct mutant *mutant = &list[i].mutant;

		if (mutant->wrong)
			fail(i, "its header %s", mutant->wrong);
		else if (!is_for_kernel(mutant, release))
			skip(i, "it makes no difference on %s (Kernels: %s)",
			     release, mutant->kernels);
		for (int t = 0; t < mutant->test_count; t++)
			if (list[i].state == WAITING &&
			    !is_test(mutant->tests[t]))
				fail(i, "no test is named %s",
				     mutant->tests[t]);
	}
}

void module_path(char path[PATH_SIZE], int i)
{
	snprintf(path, PATH_SIZE, "%s/%s/%s.ko", built, list[i].mutant.name,
		 list[i].mutant.name);
}

/*
 * The first line of a file of BUILT, or the first that holds the text, without
 * the "FILE:LINE:" before it; "" if there is no such file.
 */
static void read_line(char *line, size_t size, int i, const char *name,
		      const char *text)
{
	char path[PATH_SIZE], next[1024];
	FILE *file;

	line[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s", built, list[i].mutant.name,
		 name);
	file = fopen(path, "re");
	while (file && fgets(next, sizeof(next), file)) {
		char *place = strstr(next, text);

		next[strcspn(next, "\n")] = '\0';
		if (place || !line[0])
			snprintf(line, size, "%.250s",
				 place && memchr(next, ':', place - next) ?
				 place : next);
		if (place)
			break;
	}
	if (file)
		fclose(file);
}

/* Have all that wait built; returns the status of the command. */
static int run_build(const char *log)
{
	char *command = NULL, *args[] = { "/bin/sh", "-c", NULL, NULL };
	char path[PATH_SIZE];
	size_t size;
	FILE *file = open_memstream(&command, &size);
	int status;

	fprintf(file, "exec %s", getenv("BUILD"));
	for (int i = 0; i < count; i++) {
		module_path(path, i);
		if (list[i].state == WAITING)
			fprintf(file, " %s", path);
	}
	fclose(file);
	args[2] = command;
	status = run_child(args, log);
	free(command);
	return status;
}

/* Those that cannot be built have failed, and left a word why. */
static void build(void)
{
	char log[PATH_SIZE], path[PATH_SIZE], what[256], why[256];
	bool explained = false, missing = false;
	int status;

	snprintf(log, sizeof(log), "%s/build.log", built);
	status = run_build(log);
	for (int i = 0; i < count; i++) {
		if (list[i].state != WAITING)
			continue;
		module_path(path, i);
		read_line(what, sizeof(what), i, "failed", "");
		read_line(why, sizeof(why), i, "log",
			  strstr(what, "apply") ? "FAILED" : "error: ");
		if (*what) {
			fail(i, "%s (%s)", what, why);
			explained = true;
		} else if (access(path, R_OK)) {
			missing = true;
		}
	}
	if (missing || (status && !explained))
		die(STATUS_NO_MODULES, "the modules cannot be built, see %s",
		    log);
}

/* The release of the kernel that BUILT is for. */
static const char *kernel_release(void)
{
	static char release[128];
	const char *name = strrchr(built, '/');
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "build/kernel/%s/release",
		 name ? name + 1 : built);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%127s", release) != 1)
		die(STATUS_NO_MODULES, "no release in %s", path);
	fclose(file);
	return release;
}

int main(int argc, char *argv[])
{
	char command[2 * PATH_SIZE], *args[] = { "/bin/sh", "-c", command, NULL };
	time_t begun = time(NULL);
	int guests;

	if (argc < 3)
		die(STATUS_USAGE, "usage: mutants PATCHES BUILT [NAME or pattern]...");
	patches = argv[1];
	built = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_for_children();
	if (!getenv("TOP") || chdir(getenv("TOP")) || !getenv("BUILD"))
		die(STATUS_USAGE, "TOP and BUILD say where and how: make mutants sets them");

	read_list(argv + 3);
	snprintf(command, sizeof(command), "mkdir -p '%s'", built);
	if (run_child(args, "/dev/null"))
		die(STATUS_NO_MODULES, "cannot make %s", built);
	check_headers(kernel_release());
	build();
	/* What the guests said last time stays until there are new ones. */
	snprintf(command, sizeof(command),
		 "rm -rf '%s/guests' && mkdir '%s/guests'", built, built);
	if (failed + skipped < count && run_child(args, "/dev/null"))
		die(STATUS_NO_MODULES, "cannot make %s/guests", built);
	guests = run_batches();
	printf("# %d mutants in %d guests, %ld seconds\n", count, guests,
	       (long)(time(NULL) - begun));
	if (skipped)
		printf("# %d skipped, each with its reason above\n", skipped);
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? STATUS_FAILED : passed ? 0 : STATUS_SKIPPED;
}
