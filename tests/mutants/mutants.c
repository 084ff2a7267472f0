// SPDX-License-Identifier: GPL-2.0
/*
 * Do the tests notice wrong modules? (make mutants) Builds the module with each
 * patch of a directory (mutant.h), has guests run the tests that the patch names
 * (guests.c), and reports whether they noticed it in the way that its header says.
 *
 *   mutants [-u UNSEEN] [-s SEED] COMMAND PATCHES BUILT [NAME or pattern]...
 *
 * It runs in the tree. COMMAND makes the files BUILT/NAME/NAME.ko that are appended to
 * it; BUILT has the reports, too. SAMPLE, which a user may set, is the number of mutants
 * to take, evenly spread.
 *
 * With -u (make mutants-all) the mutants are those of mutate.c. A sample is random, by
 * SEED. One that does not build, or has the code of the module or of another mutant, is
 * only counted. UNSEEN has all that survive: lines of names or patterns, each followed by
 * lines that begin with a tab and say why nobody can see them. A mutant that was caught
 * stays so (BUILT/NAME/caught) until the module changes.
 *
 * The last line is "N passed, N failed". Exit status: 0: none failed; 1: some did;
 * 2: usage; 4: all skipped; 125: the modules cannot be built; 130: interrupted.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "mutants.h"
#include "util.h"

struct entry list[MAX_MUTANTS];
int count;
char *suite[MAX_GUEST_TESTS];
int suite_count;
const char *built;

static const char *build_command, *patches, *unseen_file;
static int results[TEST_RESULTS];
static int unbuilt, equal;

/* A reason why nobody can see what the pattern names. */
static struct unseen {
	char *pattern, *reason;
	bool survives;
} unseen[MAX_MUTANTS];
static int unseen_count;

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

void complain(const char *name, const char *format, ...)
{
	va_list args;

	printf("not ok %s: ", name);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	results[FAILED]++;
}

static struct unseen *find_unseen(const char *name)
{
	for (int u = 0; u < unseen_count; u++)
		if (!fnmatch(unseen[u].pattern, name, 0))
			return &unseen[u];
	return NULL;
}

void notice(int i, const char *by, const char *how)
{
	const char *name = list[i].mutant.name;
	struct unseen *found = find_unseen(name);
	FILE *file = fopen(text_of("%s/%s/caught", built, name), "we");

	if (!file || fprintf(file, "%s %s\n", by, how) < 0 || fclose(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s/%s/caught: %m", built, name);
	if (found) {
		found->survives = true;		/* told once is enough */
		fail(i, "%s says that nobody can see it, but %s does (%s)",
		     unseen_file, by, how);
	} else {
		pass(i, "caught by %s (%s)", by, how);
	}
}

void survive(int i, const char *skipped)
{
	struct unseen *found = find_unseen(list[i].mutant.name);

	if (found) {
		found->survives = true;
		pass(i, "unseen, as %s", found->reason);
	} else if (skipped) {
		skip(i, "%s is skipped in this guest", skipped);
	} else {
		fail(i, "survived all tests of the module");
	}
}

static void read_unseen(void)
{
	FILE *file = fopen(unseen_file, "re");
	char line[1024];
	int named = 0;		/* these have a reason */

	if (!file)
		die(STATUS_USAGE, "cannot open %s: %m", unseen_file);
	while (fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '\t' && named == unseen_count)
			die(STATUS_USAGE, "%s: a reason of nothing: %s", unseen_file, line + 1);
		while (*line == '\t' && named < unseen_count)
			unseen[named++].reason = strdup(line + 1);
		if (*line == '\t' || *line == '#')
			continue;
		for (char *p = strtok(line, " "); p && unseen_count < MAX_MUTANTS;
		     p = strtok(NULL, " "))
			unseen[unseen_count++].pattern = strdup(p);
	}
	fclose(file);
	if (named < unseen_count)
		die(STATUS_USAGE, "%s: no reason for %s", unseen_file, unseen[named].pattern);
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

/* Move so many of them to the front, at random. */
static void shuffle(char *names[], long n, long take, unsigned int seed)
{
	printf("# SEED=%u\n", seed);
	for (long i = 0; i < take; i++) {
		long other = i + rand_r(&seed) % (n - i);
		char *name = names[i];

		names[i] = names[other];
		names[other] = name;
	}
}

static void read_list(char *const wanted[], const char *seed)
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
	if (unseen_file && take < n)
		shuffle(names, n, take, *seed ? get_number("SEED=", seed, 0, UINT_MAX) :
						(unsigned int)(time(NULL) ^ getpid()));
	for (long i = 0; i < take; i++) {
		const char *name = names[unseen_file ? i : i * n / take];

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

		list[i].tests = check(calloc(MAX_CAUGHT_BY, sizeof(struct result)));
		list[i].test_count = mutant->test_count;
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

static bool has_line(int i, const char *name, const char *text)
{
	char line[1024];

	return read_line(line, sizeof(line), i, name, text) && strstr(line, text);
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
		/* kbuild finds fault with what the compiler takes. */
		if (list[i].mutant.any && (has_line(i, "build.log", "error: ") ||
					   has_line(i, "build.log", "ERROR: "))) {
			list[i].state = DONE;
			unbuilt++;
			continue;
		}
		if (read_line(why, sizeof(why), i, "build.log", "error: "))
			fail(i, "does not build (%s)", why);
		else if (read_line(why, sizeof(why), i, "apply.log", "FAILED"))
			fail(i, "does not apply (%s)", why);
		else
			missing = true;
	}
	if (missing || (status && results[FAILED] == failed && !unbuilt))
		die(STATUS_INFRASTRUCTURE, "the modules cannot be built, see %s",
		    log);
}

/* The code that the compiler made of it, without what a debugger needs; NULL: none. */
static char *code_of(const char *directory, size_t *size)
{
	FILE *file = fopen(text_of("%s/code", directory), "re");
	char *code = NULL;
	FILE *copy;

	if (!file)
		return NULL;
	copy = check(open_memstream(&code, size));
	for (int c; (c = getc(file)) != EOF;)
		putc(c, copy);
	fclose(copy);
	fclose(file);
	return code;
}

/* Nothing can tell a mutant from another that has the same code. */
static void drop_equal(void)
{
	static char *codes[MAX_MUTANTS + 1];
	static size_t sizes[MAX_MUTANTS + 1];

	codes[count] = code_of(built, &sizes[count]);
	for (int i = 0; i < count; i++) {
		if (list[i].state != WAITING)
			continue;
		codes[i] = code_of(text_of("%s/%s", built, list[i].mutant.name), &sizes[i]);
		for (int j = count; list[i].state == WAITING && (j == count || j < i);
		     j = j == count ? 0 : j + 1)
			if (codes[i] && codes[j] && sizes[j] == sizes[i] &&
			    !memcmp(codes[j], codes[i], sizes[i])) {
				struct unseen *found = find_unseen(list[i].mutant.name);

				if (found)
					found->survives = true;
				list[i].state = DONE;
				equal++;
			}
	}
	for (int i = 0; i <= count; i++)
		free(codes[i]);
}

/* Those that an earlier run has caught. */
static void recall(void)
{
	char by[256], *how;

	for (int i = 0; i < count; i++) {
		if (list[i].state != WAITING || !list[i].mutant.any ||
		    !read_line(by, sizeof(by), i, "caught", " "))
			continue;
		how = strchr(by, ' ');
		if (!how)
			continue;
		*how = '\0';
		notice(i, by, how + 1);
	}
}

/* Each reason is one of a survivor. Some lines only an older kernel compiles. */
static void check_reasons(bool older)
{
	for (int u = 0; u < unseen_count; u++) {
		bool made = older;

		for (int i = 0; i < count; i++)
			made = made || !fnmatch(unseen[u].pattern, list[i].mutant.name, 0);
		if (made && !unseen[u].survives)
			complain(unseen[u].pattern, "%s has a reason, but no such mutant survives",
				 unseen_file);
	}
}

/* The release of the kernel that BUILT is for. */
static const char *kernel_release(void)
{
	static char release[128];
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "build/kernel/%s/release", basename(built));
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
	const char *seed = "";
	int guests, option;

	while ((option = getopt(argc, argv, "+u:s:")) != -1) {
		if (option == 'u')
			unseen_file = optarg;
		else if (option == 's')
			seed = optarg;
		else
			argc = 0;
	}
	argv += optind;
	if (argc - optind < 3)
		die(STATUS_USAGE, "usage: mutants [-u UNSEEN] [-s SEED] COMMAND PATCHES BUILT [NAME or pattern]...");
	build_command = argv[0];
	patches = argv[1];
	built = argv[2];
	setvbuf(stdout, NULL, _IOLBF, 0);
	prepare_for_children();
	if (unseen_file)
		read_unseen();
	read_list(argv + 3, seed);
	snprintf(command, sizeof(command), "mkdir -p '%s'", built);
	if (run_child(args, "/dev/null"))
		die(STATUS_INFRASTRUCTURE, "cannot make %s", built);
	check_headers(kernel_release());
	build();
	if (unseen_file) {
		drop_equal();
		recall();
	}
	/* The last reports of guests stay until there are new guests. */
	snprintf(command, sizeof(command),
		 "rm -rf '%s/guests' && mkdir '%s/guests'", built, built);
	if (results[FAILED] + results[SKIPPED] < count && run_child(args, "/dev/null"))
		die(STATUS_INFRASTRUCTURE, "cannot make %s/guests", built);
	guests = run_mutants();
	if (unseen_file && !argv[3] && !*(getenv("SAMPLE") ?: ""))
		check_reasons(strncmp(kernel_release(), "6.1.", 4) == 0);
	printf("# %d mutants in %d guests, %ld seconds\n", count, guests,
	       (long)(time(NULL) - begun));
	if (unseen_file)
		printf("# of these %d do not build, and %d have the code of the module or of another\n",
		       unbuilt, equal);
	if (results[SKIPPED])
		printf("# %d skipped, each with its reason above\n",
		       results[SKIPPED]);
	printf("%d passed, %d failed\n", results[PASSED], results[FAILED]);
	return results[FAILED] ? STATUS_FAILED :
	       results[PASSED] ? 0 : STATUS_SKIPPED;
}
