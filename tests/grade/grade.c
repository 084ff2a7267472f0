// SPDX-License-Identifier: GPL-2.0
/*
 * Grades a submission, or a directory of them (make grade, make grade-all).
 *
 *   grade [-q] [-n NAME] [OPTION]... one PATH   a directory of C files, a C file, an
 *                                               archive, or a module
 *   grade [-f] [OPTION]... all DIR              each submission in DIR, or in an archive
 *
 * It runs in the tree. -q prints nothing but errors; -f grades again what is graded
 * already. build/grade/NAME/ gets the reports; by default the last component of PATH
 * gives NAME. "all" gives -n to the processes that it starts: with -n that directory is
 * not locked. struct options in grade.h has the other options.
 *
 * Exit status: 0: graded, whatever the points; 1: "all" could not grade some;
 * 2: usage, or a mistake in the points file; 125: not graded; 130: interrupted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

#include "grade.h"
#include "child.h"

enum { MAX_FILE_SIZE = 32 << 20 };

static bool quiet;		/* -q */

struct submission submission;
struct item items[MAX_ITEMS];
int item_count;
struct result tests[MAX_GUEST_TESTS];
int test_count;

struct options options = {
	.built = "build", .graded = "build/grading/graded", .points = "tests/grade/points", .tests = "",
	.hidden = "", .grades = "build/grade", .control_seconds = "0",
};

bool reject(enum submission_verdict verdict, const char *format, ...)
{
	va_list args;

	submission.verdict = verdict;
	va_start(args, format);
	vsnprintf(submission.why, sizeof(submission.why), format, args);
	va_end(args);
	return false;
}

void progress(const char *format, ...)
{
	va_list args;

	if (quiet)
		return;
	va_start(args, format);
	printf("%s: ", submission.name);
	vprintf(format, args);
	putchar('\n');
	va_end(args);
}

const char *report_path(const char *name)
{
	static char paths[4][PATH_SIZE + 300];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", submission.directory, name);
	return path;
}

/*
 * A name in which no character is special to a shell, to make or in a path: letters
 * and digits of every alphabet stay. Names with a leading dot or a '+' are for us, as
 * is the name of the table.
 */
void name_of(char name[NAME_SIZE], const char *path)
{
	size_t length = strlen(path), n = 0, bytes;
	unsigned int hash = 2166136261;
	const char *base;

	while (length && path[length - 1] == '/')
		length--;
	base = path + length;
	while (base > path && base[-1] != '/')
		base--;
	if (base + strspn(base, ".") >= path + length) {
		/* The folder that "." stands for has a name. */
		char *real = realpath(path, NULL);
		bool other = real && strcmp(real, path);

		if (other)
			name_of(name, real);
		free(real);
		if (other)
			return;
	}
	for (; base < path + length && n + MB_LEN_MAX + 10 < NAME_SIZE; base += bytes) {
		mbstate_t state = { 0 };
		wchar_t c;

		bytes = mbrtowc(&c, base, path + length - base, &state);
		if (bytes > MB_LEN_MAX) {	/* an error: not UTF-8 */
			bytes = 1;
			c = L'?';
		}
		if (iswalnum(c) || (n && wcschr(L"._-", c))) {
			memcpy(name + n, base, bytes);
			n += bytes;
		} else {
			name[n++] = '_';
		}
	}
	name[n] = '\0';
	/* Names of which this is the same are still two. */
	for (; base < path + length; base++)
		hash = (hash ^ (unsigned char)*base) * 16777619;
	if (hash != 2166136261)
		sprintf(name + n, "_%08x", hash);
	if (!n || !strcmp(name, "grades.csv"))
		snprintf(name, NAME_SIZE, "_%s", n ? "grades_csv" : "");
}

void remove_directory(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", "--", path, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Keep unfinished reports only if the grader itself failed. */
static void remove_unfinished(void)
{
	if (submission.verdict != NOT_GRADED)
		remove_directory(submission.directory);
}

bool is_graded(const char *directory, uint64_t fingerprint)
{
	char path[PATH_SIZE + 8];
	unsigned long long seen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/fingerprint", directory);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%llx", &seen) != 1)
			seen = 0;
		fclose(file);
	}
	return seen && seen == fingerprint;
}

static void leave_fingerprint(uint64_t fingerprint)
{
	FILE *file = fopen(report_path("fingerprint"), "we");

	if (!file || fprintf(file, "%llx\n",
			     (unsigned long long)fingerprint) < 0 ||
	    fclose(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %s",
		    report_path("fingerprint"), strerror(errno));
}

/*
 * A guest may write to its log or to the report without end; the limit ends the
 * process that stores it. The runner's temporary files are removed with build/.
 */
static void bound_files(void)
{
	/* The runner saves a guest, which takes more, before anything of this runs. */
	struct rlimit limit = { MAX_FILE_SIZE, RLIM_INFINITY };

	if (setrlimit(RLIMIT_FSIZE, &limit))
		die(STATUS_INFRASTRUCTURE, "cannot limit files: %s",
		    strerror(errno));
	if (mkdir(report_path("build"), 0755))
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s",
		    report_path("build"), strerror(errno));
	setenv("TMPDIR", realpath(report_path("build"), NULL), 1);
}

/* rename() makes the directory of reports appear complete or not at all. */
static int grade_one(const char *path, const char *name)
{
	char directory[PATH_SIZE - 16];
	double begun = now();
	uint64_t fingerprint;

	submission.path = path;
	if (!is_submission_there(path))
		die(STATUS_USAGE, "cannot read %s: %s", path, strerror(errno));
	name_of(submission.name, path);
	if (name)
		snprintf(submission.name, NAME_SIZE, "%s", name);
	if (*options.tests)
		strcat(submission.name, "+tests");
	snprintf(directory, sizeof(directory), "%s/%s", options.grades,
		 submission.name);
	snprintf(submission.directory, sizeof(submission.directory), "%s/.%s.tmp",
		 options.grades, submission.name);
	fingerprint = fingerprint_of(path);

	atexit(remove_unfinished);
	remove_directory(submission.directory);
	if (mkdir(submission.directory, 0755))
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", submission.directory,
		    strerror(errno));
	bound_files();
	read_points();
	if (make_module()) {
		look_at_module();
		run_tests();
	}
	compare_with_control();
	submission.seconds = now() - begun;
	write_reports(quiet);
	if (submission.verdict == NOT_GRADED)
		die(STATUS_INFRASTRUCTURE, "%s is not graded: %s (see %s)",
		    submission.name, submission.why, submission.directory);
	remove_directory(report_path("build"));
	leave_fingerprint(fingerprint);
	remove_directory(directory);
	if (rename(submission.directory, directory))
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", directory,
		    strerror(errno));
	if (!quiet)
		printf("\nThe reports are in %s/%s/.\n", options.grades,
		       submission.name);
	return 0;
}

/* Two graders would remove each other's directories as left-overs. */
static void keep_to_ourselves(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return;		/* the lock goes with the process */
	if (fd >= 0 && errno == EWOULDBLOCK)
		die(STATUS_INFRASTRUCTURE, "another make grade or grade-all works in %s: wait until it ends",
		    path);
	die(STATUS_INFRASTRUCTURE, "cannot lock %s: %s", path, strerror(errno));
}

static _Noreturn void usage(void)
{
	die(STATUS_USAGE, "usage: grade [-f] [-q] [-n NAME] [OPTION]... -k KERNEL one|all PATH");
}

int main(int argc, char *argv[])
{
	bool force = false;
	char *name = NULL;
	char **const texts[] = {
		['n'] = &name, ['k'] = &options.kernel, ['g'] = &options.graded,
		['b'] = &options.built,
		['p'] = &options.points, ['t'] = &options.tests,
		['i'] = &options.hidden, ['o'] = &options.grades,
		['s'] = &options.control_seconds,
	};
	int option;

	while ((option = getopt(argc, argv, "fqn:k:b:g:p:t:i:o:s:")) != -1) {
		if (option == 'f')
			force = true;
		else if (option == 'q')
			quiet = true;
		else if (option != '?')
			*texts[option] = optarg;
		else
			usage();
	}
	if (argc - optind != 2 || !*argv[optind + 1] || !options.kernel)
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_CTYPE, "C.UTF-8");	/* for iswalnum() */
	prepare_for_children();
	if (mkdir(options.grades, 0755) && errno != EEXIST)
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", options.grades,
		    strerror(errno));
	if (!name)
		keep_to_ourselves(options.grades);
	if (!strcmp(argv[optind], "one"))
		return grade_one(argv[optind + 1], name);
	if (!strcmp(argv[optind], "all"))
		return grade_all(argv[optind + 1], force);
	usage();
}
