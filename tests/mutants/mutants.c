// SPDX-License-Identifier: GPL-2.0
/*
 * Do the tests notice wrong modules? (make mutants) Builds the module with each
 * patch of a directory (mutant.h), has guests run the tests that the patch names
 * (guests.c), and reports whether they noticed it in the way that its header says.
 *
 *   mutants COMMAND PATCHES BUILT [NAME or pattern]...
 *
 * It runs in the tree. COMMAND makes the files BUILT/NAME/NAME.ko that are appended to
 * it; BUILT has the reports, too. SAMPLE, which a user may set, is the number of mutants
 * to take, evenly spread.
 *
 * The last line is "N passed, N failed". Exit status: 0: none failed; 1: some did;
 * 2: usage; 4: all skipped; 125: the modules cannot be built; 130: interrupted.
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
#include "command.h"
#include "mutants.h"

struct entry list[MAX_MUTANTS];
int count;
char *suite[MAX_GUEST_TESTS];
int suite_count;
const char *built;

static const char *build_command, *patches;
static int results[TEST_RESULTS];

void set_result(int i, enum test_result result, const char *format, ...)
{
	va_list args;

	printf("%s %s%s", result == FAILED ? "not ok" : "ok", list[i].mutant.name,
	       result == SKIPPED ? " # SKIP " : ": ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	if (result != SKIPPED)
		printf(": %s", list[i].mutant.what);
	printf("\n");
	list[i].state = DONE;
	results[result]++;
}

static int is_patch(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && !strcmp(end, ".patch");
}

/* Read the names of all patches, sorted; returns how many. */
static int read_names(char *names[MAX_MUTANTS])
{
	struct dirent **entries;
	int n = scandir(patches, &entries, is_patch, alphasort);

	if (n < 0)
		die(STATUS_USAGE, "cannot open %s: %s", patches, strerror(errno));
	if (n > MAX_MUTANTS)
		die(STATUS_USAGE, "there are more than %d patches in %s", MAX_MUTANTS,
		    patches);
	for (int i = 0; i < n; i++)
		names[i] = strndup(entries[i]->d_name,
				   strlen(entries[i]->d_name) - strlen(".patch"));
	return n;
}

/* Keep the wanted names, or all if no pattern is given; returns how many. */
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
	char *names[MAX_MUTANTS];
	long n = choose(names, read_names(names), wanted);
	long take = n;

	if (*sample)
		take = get_number("SAMPLE=", sample, 1, MAX_MUTANTS);
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

/* A pattern would not tell which test has to notice, so it is no test. */
static bool is_test(const char *name)
{
	for (int t = 0; t < suite_count; t++)
		if (!strcmp(suite[t], name))
			return true;
	return false;
}

static void check_headers(const char *release)
{
	suite_count = list_tests("build/guest/suite", suite);
	for (int i = 0; i < count; i++) {
		struct mutant *mutant = &list[i].mutant;

		for (int t = 0; t < mutant->test_count; t++)
			list[i].tests[t].name = mutant->tests[t];
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
 * Read the first line of a file in BUILT/NAME that contains the text, from the text
 * on if a "FILE:LINE:" is before it; else the first line. Returns false if there is
 * no file.
 */
static bool read_line(char *line, size_t size, int i, const char *name,
		      const char *text)
{
	char path[PATH_SIZE], next[1024], *found = NULL;
	FILE *file;

	line[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s/%s", built, list[i].mutant.name,
		 name);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (!found && fgets(next, sizeof(next), file)) {
		found = strstr(next, text);
		next[strcspn(next, "\n")] = '\0';
		if (found || !line[0])
			snprintf(line, size, "%.250s",
				 found && memchr(next, ':', found - next) ?
				 found : next);
	}
	fclose(file);
	return true;
}

/* Build all modules that are waiting; returns the status of the command. */
static int run_build(const char *log)
{
	char *command = NULL, *args[] = { "/bin/sh", "-c", NULL, NULL };
	char path[PATH_SIZE];
	size_t size;
	FILE *file = open_memstream(&command, &size);
	int status;

	fprintf(file, "exec %s", build_command);
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

/* A mutant that cannot be built has failed; the log of the last step says why. */
static void build(void)
{
	char log[PATH_SIZE], path[PATH_SIZE], why[256];
	int status, failed = results[FAILED];
	bool missing = false;

	snprintf(log, sizeof(log), "%s/build.log", built);
	status = run_build(log);
	for (int i = 0; i < count; i++) {
		module_path(path, i);
		if (list[i].state != WAITING || !access(path, R_OK))
			continue;
		if (read_line(why, sizeof(why), i, "build.log", "error: "))
			fail(i, "does not build (%s)", why);
		else if (read_line(why, sizeof(why), i, "apply.log", "FAILED"))
			fail(i, "does not apply (%s)", why);
		else
			missing = true;
	}
	if (missing || (status && results[FAILED] == failed))
		die(STATUS_INFRASTRUCTURE, "the modules cannot be built, see %s",
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
		die(STATUS_INFRASTRUCTURE, "no release in %s", path);
	fclose(file);
	return release;
}

int main(int argc, char *argv[])
{
	char command[2 * PATH_SIZE], *args[] = { "/bin/sh", "-c", command, NULL };
	time_t begun = time(NULL);
	int guests;

	if (argc < 4)
		die(STATUS_USAGE, "usage: mutants COMMAND PATCHES BUILT [NAME or pattern]...");
	build_command = argv[1];
	patches = argv[2];
	built = argv[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_for_children();
	read_list(argv + 4);
	snprintf(command, sizeof(command), "mkdir -p '%s'", built);
	if (run_child(args, "/dev/null"))
		die(STATUS_INFRASTRUCTURE, "cannot make %s", built);
	check_headers(kernel_release());
	build();
	/* The last reports of guests stay until there are new guests. */
	snprintf(command, sizeof(command),
		 "rm -rf '%s/guests' && mkdir '%s/guests'", built, built);
	if (results[FAILED] + results[SKIPPED] < count && run_child(args, "/dev/null"))
		die(STATUS_INFRASTRUCTURE, "cannot make %s/guests", built);
	guests = run_mutants();
	printf("# %d mutants in %d guests, %ld seconds\n", count, guests,
	       (long)(time(NULL) - begun));
	if (results[SKIPPED])
		printf("# %d skipped, each with its reason above\n",
		       results[SKIPPED]);
	printf("%d passed, %d failed\n", results[PASSED], results[FAILED]);
	return results[FAILED] ? STATUS_FAILED :
	       results[PASSED] ? 0 : STATUS_SKIPPED;
}
