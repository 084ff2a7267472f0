// SPDX-License-Identifier: GPL-2.0
/*
 * Grades a directory of submissions, two at a time: each directory, C file, archive
 * and module in it is one, and all files together that Canvas names by one student. A
 * process for each leaves complete reports or none, so the reports survive an interrupt.
 * The next run grades a submission again only if it, the tests or the points have
 * changed.
 *
 * The first submission is the control, the unmodified module: unless all tests pass with
 * it, the instructor's own as well, nothing is graded.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "grade.h"
#include "child.h"

enum { AT_ONCE = 2, MAX_SUBMISSIONS = 4096, MAX_ROW = 8192 };

static struct entry {
	char *path, name[NAME_SIZE], directory[PATH_SIZE];
	pid_t pid;
	time_t begun;
	bool done, failed;
} *entries;

/* The fields that we read back from a row of write.c. */
struct row {
	char verdict[64];
	double points, of, seconds;
	int crashed, hung;
};

static int count, finished, failed;
static const char csv_head[] =
	"name,verdict,points,of,passed,failed,crashed,hung,skipped,not run,guests,seconds,look\n";

/* Print what is left out: its author may think that it is a submission. */
static bool is_submission(const char *path, const char *name)
{
	const char *end = end_of(name);
	struct stat stat_buf;
	bool link;

	if (name[0] == '.' || !strcmp(name, "__MACOSX") || lstat(path, &stat_buf))
		return false;
	if (S_ISDIR(stat_buf.st_mode) || (S_ISREG(stat_buf.st_mode) &&
	    (!strcasecmp(end, ".c") || !strcmp(end, ".ko") || is_archive(name) ||
	     canvas_name(name))))
		return true;
	link = S_ISLNK(stat_buf.st_mode);
	fprintf(stderr, "grade: %s is %s\n", cleaned(path, strlen(path)), link ?
		"a link, and links are not followed" :
		"no submission: a directory, .c, .zip, .tar.gz or .ko file is one");
	return false;
}

static void add(char *path)
{
	struct entry *entry = &entries[count++];

	entry->path = path;
	name_of(entry->name, path);
	snprintf(entry->directory, sizeof(entry->directory), "%s/%s",
		 options.grades, entry->name);
}

/* The file for the errors of its process. */
static const char *errors_of(const struct entry *entry)
{
	static char path[PATH_SIZE];

	snprintf(path, sizeof(path), "%s/.%s.err", options.grades,
		 entry->name);
	return path;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name,
		      ((const struct entry *)b)->name);
}

/* Canvas made this file: cut the path to that of the student. Do we have that one? */
static bool is_of_student(char *path, const char *name)
{
	size_t length = canvas_name(name);
	char *end = path + strlen(path) - strlen(name) + length;
	struct stat stat_buf;

	if (!length || lstat(path, &stat_buf) || !S_ISREG(stat_buf.st_mode))
		return false;
	*end = '\0';
	if (!access(path, F_OK)) {
		*end = '_';
		return false;
	}
	for (int i = 0; i < count; i++)
		if (!strcmp(entries[i].path, path))
			return true;
	return false;
}

static void read_entries(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;

	if (!stream)
		die(STATUS_USAGE, "cannot open %s: %s", dir, strerror(errno));
	entries = check(calloc(MAX_SUBMISSIONS, sizeof(*entries)));
	while ((entry = readdir(stream))) {
		char *path = text_of("%s/%s", dir, entry->d_name);

		if (!is_submission(path, entry->d_name) ||
		    is_of_student(path, entry->d_name))
			continue;
		if (count == MAX_SUBMISSIONS)
			die(STATUS_USAGE, "there are more than %d submissions in %s",
			    MAX_SUBMISSIONS, dir);
		add(path);
	}
	closedir(stream);
	if (!count)
		die(STATUS_USAGE, "there is no submission in %s: each directory, .c, .zip, .tar.gz and .ko file in it is one",
		    dir);
	qsort(entries, count, sizeof(*entries), by_name);
	for (int i = 1; i < count; i++)
		if (!strcmp(entries[i].name, entries[i - 1].name))
			die(STATUS_USAGE, "%s and %s would both be %s here: rename one",
			    cleaned(entries[i - 1].path,
				    strlen(entries[i - 1].path)),
			    cleaned(entries[i].path, strlen(entries[i].path)),
			    entries[i].name);
}

/* After an interrupt: its process may have completed the reports. */
static void look_once_more(struct entry *entry)
{
	if (!entry->pid)
		return;
	entry->done = is_graded(entry->directory, fingerprint_of(entry->path));
	unlink(errors_of(entry));
}

/* A row without numbers, so that nobody takes them for a grade. */
static void put_failed(FILE *file, const struct entry *entry)
{
	put_csv_name(file, entry->path, entry->name);
	fprintf(file, ",%s,,,,,,,,,,,\n", verdict_names[NOT_GRADED]);
}

/* Read its row, or "" if there is none. */
static void read_line(const struct entry *entry, char line[MAX_ROW])
{
	char *name = text_of("%s/row.csv", entry->directory);
	FILE *file = fopen(name, "re");

	free(name);
	if (!file || !fgets(line, MAX_ROW, file))
		line[0] = '\0';
	if (file)
		fclose(file);
}

/* The part of a row after the quoted name, in which quotes are doubled. */
static const char *behind_name(const char *line)
{
	const char *quote = *line == '"' ? strchr(line + 1, '"') : NULL;

	while (quote && quote[1] == '"')
		quote = strchr(quote + 2, '"');
	return quote ? quote + 1 : "";
}

/* Returns false if there is no valid row. */
static bool read_row(const struct entry *entry, struct row *row)
{
	char line[MAX_ROW];

	read_line(entry, line);
	return sscanf(behind_name(line),
		      ",%63[^,],%lf,%lf,%*d,%*d,%d,%d,%*d,%*d,%*d,%lf",
		      row->verdict, &row->points, &row->of, &row->crashed,
		      &row->hung, &row->seconds) == 6;
}

/* Write the rows of all that were graded; at exit, after an interrupt, too. */
static void write_csv(void)
{
	char *path = text_of("%s/grades.csv", options.grades);
	char *next = text_of("%s/.grades.csv.tmp", options.grades);
	FILE *file = fopen(next, "we");
	char line[MAX_ROW];
	struct row row;

	if (!file) {
		fprintf(stderr, "grade: cannot write %s: %s\n", next,
			strerror(errno));
		return;
	}
	fputs(csv_head, file);
	for (int i = 0; i < count; i++) {
		look_once_more(&entries[i]);
		if (entries[i].done) {
			read_line(&entries[i], line);
			fputs(line, file);
			if (read_row(&entries[i], &row))
				tell_moodle(entries[i].path, entries[i].directory,
					    row.points, row.of);
		} else if (entries[i].failed) {
			put_failed(file, &entries[i]);
		}
	}
	end_moodle();
	if (!close_written(file) || rename(next, path))
		fprintf(stderr, "grade: cannot write %s: %s\n", path,
			strerror(errno));
}

static void print_row(const struct entry *entry, const char *time_left)
{
	struct row row = { 0 };

	if (!read_row(entry, &row))
		strcpy(row.verdict, "?");
	printf("[%*d/%d] %-24s %6.2f of %g  %s", count > 99 ? 3 : 2, finished,
	       count, entry->name, row.points, row.of, row.verdict);
	if (row.crashed)
		printf(", %d crash%s", row.crashed, row.crashed == 1 ? "" : "es");
	if (row.hung)
		printf(", %d hang%s", row.hung, row.hung == 1 ? "" : "s");
	printf(", %s\n", time_left);
}

static void start(struct entry *entry)
{
	/* argv[0] may be a name without a directory. */
	char *args[] = {
		realpath("/proc/self/exe", NULL), "-q", "-n", entry->name,
		"-k", options.kernel, "-b", options.built, "-g", options.graded,
		"-p", options.points, "-i", options.hidden, "-o", options.grades,
		"-s", options.control_seconds, "--", "one", entry->path, NULL
	};

	unlink(errors_of(entry));
	entry->begun = time(NULL);
	entry->pid = start_child(args, "/dev/null", errors_of(entry));
}

/* The first error of a process of ours, without its "grade: ". */
static const char *first_error(const struct entry *entry)
{
	static char line[1024];
	FILE *file = fopen(errors_of(entry), "re");

	if (!file || !fgets(line, sizeof(line), file))
		strcpy(line, "no reason is given");
	if (file)
		fclose(file);
	line[strcspn(line, "\n")] = '\0';
	return strncmp(line, "grade: ", 7) ? line : line + 7;
}

static void end(struct entry *entry, int status, time_t begun, int before)
{
	char time_left[64];
	int left;

	entry->pid = 0;
	finished++;
	if (status) {
		failed++;
		entry->failed = true;
		printf("[%*d/%d] %-24s not graded (status %d): %s\n",
		       count > 99 ? 3 : 2, finished, count, entry->name, status,
		       first_error(entry));
		if (status == STATUS_USAGE)
			exit(STATUS_USAGE);
		return;
	}
	unlink(errors_of(entry));
	entry->done = true;
	left = (time(NULL) - begun) * (count - finished) /
	       (finished - before);
	snprintf(time_left, sizeof(time_left), "%ld s; %d:%02d to go",
		 (long)(time(NULL) - entry->begun), left / 60, left % 60);
	print_row(entry, time_left);
}

/*
 * The unmodified module must get all points. If it does not, the next run grades it again:
 * on a busy host a test may fail by chance.
 */
static void check_control(bool force)
{
	struct entry control = { .path = CONTROL };
	struct row row;
	int status;

	snprintf(control.name, sizeof(control.name), ".control");
	snprintf(control.directory, sizeof(control.directory), "%s/.control",
		 options.grades);
	if (force || !is_graded(control.directory, fingerprint_of(control.path)) ||
	    !read_row(&control, &row) || row.points < row.of) {
		printf("control: the unmodified module, which must pass all tests\n");
		/* It measures how fast this host is, so give it more time. */
		options.control_seconds = "60";
		start(&control);
		await_child(&status);
		if (status)
			die(status, "%s", first_error(&control));
		unlink(errors_of(&control));
		if (!read_row(&control, &row))
			die(STATUS_INFRASTRUCTURE, "the control has no row in %s",
			    control.directory);
	}
	if (row.points < row.of)
		die(STATUS_INFRASTRUCTURE, "the control, the unmodified module, has %.2f of %g points, so the tests cannot be trusted: see %s/.control/student.txt and instructor.json",
		    row.points, row.of, options.grades);
	options.control_seconds = text_of("%.0f", row.seconds);
}

int grade_all(const char *dir, bool force)
{
	struct stat stat_buf;
	time_t begun;
	int before = 0, next = 0, running = 0, of_lab = 0;

	if (*options.tests)
		die(STATUS_USAGE, "TESTS= is for make grade: make grade-all runs all tests");
	if (is_archive(dir) && !stat(dir, &stat_buf) && S_ISREG(stat_buf.st_mode))
		dir = unpack_all_submissions(dir);
	read_entries(dir);
	check_control(force);
	for (int i = 0; i < count; i++) {
		entries[i].done = is_graded(entries[i].directory,
					    fingerprint_of(entries[i].path)) && !force;
		before += entries[i].done;
		of_lab += submission.of_lab;
	}
	finished = before;
	if (before)
		printf("%d of %d are graded already (FORCE=1 grades them again)\n",
		       before, count);
	if (of_lab && !is_by_steps())
		printf("%d of %d have the Makefile of make lab-start: POINTS=lab grades by the steps of the lab\n",
		       of_lab, count);
	atexit(write_csv);
	begun = time(NULL);
	while (next < count || running) {
		int status;
		pid_t pid;

		if (next < count && running < AT_ONCE) {
			if (!entries[next].done) {
				start(&entries[next]);
				running++;
			}
			next++;
			continue;
		}
		pid = await_child(&status);
		for (int i = 0; i < count; i++)
			if (entries[i].pid == pid)
				end(&entries[i], status, begun, before);
		running--;
	}
	printf("%d graded, %d not; %s/grades.csv has them all (%ld s)\n",
	       count - failed, failed, options.grades, (long)(time(NULL) - begun));
	return failed ? STATUS_FAILED : 0;
}
