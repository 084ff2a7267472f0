// SPDX-License-Identifier: GPL-2.0
/*
 * Grades a submission, or a folder of them (make grade, make grade-all).
 *
 *   grade [-q] [-n NAME] one PATH    a folder of C files, a C file, or a module
 *   grade [-f] all DIR               each such thing in DIR
 *
 * -q says nothing where all is well; -f grades again what is graded already.
 * GRADES/NAME/ has the reports; NAME is made of PATH's last part if it is not
 * given. That is for "all", which keeps GRADES to itself, to give.
 * What the environment has to say is in grade.h.
 *
 * Exit status: 0: it is graded, whatever its points; 1 for all: some could not be;
 * 2: usage, or a mistake in the points file; 125: not graded; 130: interrupted.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdarg.h>
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
#include "mutants/child.h"

enum { MOST_OF_A_FILE = 32 << 20 };

struct submission submission;
struct item items[MAX_ITEMS];
int item_count;
struct graded tests[MAX_TESTS];
int test_count;

void die(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "grade: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(status);
}

const char *variable(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		die(STATUS_USAGE, "%s is not set: make grade sets it", name);
	return value;
}

/* As a user knows it: below the tree, if it is there. */
const char *grades(void)
{
	const char *top = variable("TOP"), *path = variable("GRADES");
	size_t length = strlen(top);

	return !strncmp(path, top, length) && path[length] == '/' ?
	       path + length + 1 : path;
}

const char *report_path(const char *name)
{
	static char paths[4][PATH_SIZE + 300];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", submission.folder, name);
	return path;
}

/*
 * Any name as one that no shell, no make and no path minds: letters and digits,
 * of whatever alphabet, stay. Those with a first dot, or a '+', are left for us; so
 * is that of the table.
 */
void name_of(char name[NAME_SIZE], const char *path)
{
	size_t length = strlen(path), n = 0, bytes;
	const char *base;

	while (length && path[length - 1] == '/')
		length--;
	base = path + length;
	while (base > path && base[-1] != '/')
		base--;
	for (; base < path + length && n + MB_LEN_MAX < NAME_SIZE; base += bytes) {
		mbstate_t state = { 0 };
		wchar_t c;

		bytes = mbrtowc(&c, base, path + length - base, &state);
		if (bytes > MB_LEN_MAX) {	/* an error: it is no text */
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
	if (!n || !strcmp(name, "grades.csv"))
		snprintf(name, NAME_SIZE, "_%s", n ? "grades_csv" : "");
}

static void remove_folder(const char *path)
{
	pid_t pid = fork();

	if (!pid) {
		execlp("rm", "rm", "-rf", "--", path, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}

/* Of what does not come to its end only a grader's own trouble is kept. */
static void remove_unfinished(void)
{
	if (submission.verdict != NOT_GRADED)
		remove_folder(submission.folder);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* What was graded before, with all of it the same, is graded. */
bool is_graded(const char *folder, uint64_t print)
{
	char path[PATH_SIZE + 8];
	unsigned long long seen = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/print", folder);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%llx", &seen) != 1)
			seen = 0;
		fclose(file);
	}
	return seen && seen == print;
}

static void leave_print(uint64_t print)
{
	FILE *file = fopen(report_path("print"), "we");

	if (!file || fprintf(file, "%llx\n",
			     (unsigned long long)print) < 0 ||
	    fclose(file))
		die(STATUS_NOT_GRADED, "cannot write %s: %s",
		    report_path("print"), strerror(errno));
}

/*
 * A guest may write without end, to its log or to the report: whoever keeps that
 * is ended by the limit. What a runner has in TMPDIR goes with build/.
 */
static void bound_files(void)
{
	struct rlimit limit = { MOST_OF_A_FILE, MOST_OF_A_FILE };

	if (setrlimit(RLIMIT_FSIZE, &limit))
		die(STATUS_NOT_GRADED, "cannot limit files: %s",
		    strerror(errno));
	if (mkdir(report_path("build"), 0755))
		die(STATUS_NOT_GRADED, "cannot make %s: %s",
		    report_path("build"), strerror(errno));
	setenv("TMPDIR", report_path("build"), 1);
}

/* The folder of reports appears whole, or not at all. */
static int grade_one(const char *path, const char *name, bool quiet)
{
	char folder[PATH_SIZE - 16];
	double begun = now();
	uint64_t print;

	submission.path = path;
	if (access(path, F_OK))
		die(STATUS_USAGE, "cannot read %s: %s", path, strerror(errno));
	name_of(submission.name, path);
	if (name)
		snprintf(submission.name, NAME_SIZE, "%s", name);
	if (*variable("TESTS"))
		strcat(submission.name, "+tests");
	snprintf(folder, sizeof(folder), "%s/%s", variable("GRADES"),
		 submission.name);
	snprintf(submission.folder, sizeof(submission.folder), "%s/.%s.tmp",
		 variable("GRADES"), submission.name);
	print = print_of(path);

	atexit(remove_unfinished);
	remove_folder(submission.folder);
	if (mkdir(submission.folder, 0755))
		die(STATUS_NOT_GRADED, "cannot make %s: %s", submission.folder,
		    strerror(errno));
	bound_files();
	read_points();
	if (make_module())
		run_tests();
	submission.seconds = now() - begun;
	write_reports(quiet);
	if (submission.verdict == NOT_GRADED)
		die(STATUS_NOT_GRADED, "%s is not graded: %s (see %s)",
		    submission.name, submission.why, submission.folder);
	remove_folder(report_path("build"));
	leave_print(print);
	remove_folder(folder);
	if (rename(submission.folder, folder))
		die(STATUS_NOT_GRADED, "cannot make %s: %s", folder,
		    strerror(errno));
	if (!quiet)
		printf("\nThe reports are in %s/%s/.\n", grades(),
		       submission.name);
	return 0;
}

/* Two of us would take one another's folders for left over ones. */
static void keep_to_ourselves(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return;		/* the lock goes with the process */
	if (fd >= 0 && errno == EWOULDBLOCK)
		die(STATUS_NOT_GRADED, "another make grade or grade-all is at work in %s: wait until it has ended",
		    grades());
	die(STATUS_NOT_GRADED, "cannot lock %s: %s", path, strerror(errno));
}

static _Noreturn void usage(void)
{
	die(STATUS_USAGE, "usage: grade [-f] [-q] [-n NAME] one|all PATH");
}

int main(int argc, char *argv[])
{
	bool quiet = false, force = false;
	const char *name = NULL;
	char path[PATH_SIZE];
	int option;

	while ((option = getopt(argc, argv, "fqn:")) != -1) {
		if (option == 'f')
			force = true;
		else if (option == 'q')
			quiet = true;
		else if (option == 'n')
			name = optarg;
		else
			usage();
	}
	if (argc - optind != 2 || !*argv[optind + 1])
		usage();
	setvbuf(stdout, NULL, _IOLBF, 0);
	setlocale(LC_CTYPE, "C.UTF-8");	/* without it letters are ASCII's */
	prepare_for_children();
	snprintf(path, sizeof(path), "%s", variable("GRADES"));
	if (mkdir(path, 0755) && errno != EEXIST)
		die(STATUS_NOT_GRADED, "cannot make %s: %s", path,
		    strerror(errno));
	if (!name)
		keep_to_ourselves(path);
	if (!strcmp(argv[optind], "one"))
		return grade_one(argv[optind + 1], name, quiet);
	if (!strcmp(argv[optind], "all"))
		return grade_all(argv[optind + 1], force);
	usage();
}
