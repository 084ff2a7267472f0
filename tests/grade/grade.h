/* SPDX-License-Identifier: GPL-2.0 */
/* A submission and its grade; see grade.c. */
#ifndef GRADE_H
#define GRADE_H

#include <stdint.h>

#include "command.h"
#include "guest/run.h"
#include "util.h"

/* NAME_SIZE is less than NAME_MAX: we add a prefix and a suffix. */
enum { MAX_ITEMS = 256, PATH_SIZE = 4096, NAME_SIZE = 200 };

extern const char *const result_names[TEST_RESULTS];

/* The result of a submission as a whole. */
enum submission_verdict {
	TESTED,
	NO_SOURCES,		/* no C file, or something that is refused */
	DOES_NOT_BUILD,
	WRONG_KERNEL,
	DOES_NOT_LOAD,
	DOES_NOT_UNLOAD,
	FORGED,			/* not only the tests wrote the report */
	NOT_GRADED,		/* the grader or the host failed */
	VERDICTS
};

extern const char *const verdict_names[VERDICTS];

/* A line of the points file, or a step of the lab. */
struct item {
	char *title;		/* what the reports call it: its patterns, if no step */
	char **patterns;
	int pattern_count;
	double points;
	bool hidden;
	int line;		/* in the file; 0: the default item, or a step */
	int count, passed;	/* tests of it, without skipped ones */
};

struct submission {
	const char *path;	/* what was handed in */
	char name[NAME_SIZE + 8];	/* of the directory of its reports */
	char directory[PATH_SIZE];	/* for its reports until they are complete */
	uint64_t fingerprint;		/* fingerprint_of() computes it here */

	enum submission_verdict verdict;
	char why[1024];		/* why this verdict, one sentence, or "" */
	char *said;		/* lines of the compiler or of the kernel */
	char ignored[512];	/* names of files that are not used, or "" */
	char notes[2048];	/* what else became of its files, in lines, or "" */
	char look[1024];	/* why one should look at it, or "" */
	bool of_lab;		/* it has the Makefile of make lab-start */
	char cut[256];		/* why some tests did not run, or "" */
	int guests;
	double seconds;
};

extern struct submission submission;
extern struct item items[MAX_ITEMS];
extern int item_count;
extern struct result tests[MAX_GUEST_TESTS];
extern int test_count;

/* What the command line gives, or the default. */
extern struct options {
	char *kernel;	/* -k: the Debian suite whose kernel is used */
	char *built;	/* -b: build, or where it has what guests of another machine run */
	char *graded;	/* -g: build/..., the guest's program with the tests */
	char *points;	/* -p: the points file, or "lab": the steps of the lab */
	char *tests;	/* -t: patterns, with spaces between; "": all that have points */
	char *hidden;	/* -i: the directory of the instructor's own tests, or "" */
	char *grades;	/* -o: the directory of all reports */
	char *control_seconds;	/* -s: the time that the control took, or "0" */
} options;

/* The program that runs a guest. */
#define RUNNER "build/tests/vm"

/*
 * The path of a file in the directory of reports. The fourth call after this one
 * overwrites it.
 */
const char *report_path(const char *name);

/* ---- points.c ---- */

/* Read the points file, and assign its items to the tests of options.graded. */
void read_points(void);

/* The path of what options.points names. */
const char *points_file(void);

/* Are the points those of the lab? */
bool is_by_steps(void);

/* The test of this name, or NULL. */
struct result *test_named(const char *name);

/* The line of the file that a test belongs to, or NULL. */
struct item *item_of(const char *name);

/* The points reached by an item; of all items that are hidden or not. */
double points_of(const struct item *item);
double points_total(bool hidden);
double points_reached(bool hidden);

/* ---- taken.c ---- */

/*
 * Choose what is built of a directory or a C file, and add to the fingerprint all that
 * decides it. With copy, the copies are in build/src/, and build/submission.mk is what
 * our Kbuild includes. Returns false if the submission is refused.
 */
bool take_sources(const char *path, bool copy);

/*
 * Read a plain file, and leave its length and a byte for a '\0'. Anything else, or one
 * with more than max bytes, is refused by its path: then this returns NULL.
 */
char *read_plain(int dir, const char *name, const char *path, off_t max, size_t *length);

void add_to_fingerprint(const void *data, size_t length);

/* Where the last dot of a name is, or its end. */
const char *end_of(const char *name);

/* Is it the name of an archive that is unpacked, or of one that is not? */
bool is_archive(const char *name);
bool is_foreign_archive(const char *name);

/*
 * Canvas puts all files of all students into one folder, as NAME_USER_UPLOAD_FILE, with
 * numbers for USER and UPLOAD. Returns the length of NAME_USER, or 0. A path that ends
 * with it is a submission, too.
 */
size_t canvas_name(const char *name);
bool is_submission_there(const char *path);

/* ---- source.c ---- */

/*
 * Run a command in the jail, on the copies of a directory's files; it may bring out one
 * file. Returns its status.
 */
int run_in_jail(const char *directory, const char *file, char *const command[],
		const char *log);

/* Read the debug information of the module, in the jail (guest/where.h). */
const char *addr2line_in_jail(const char *module, char *const command[]);

/* Copy a file of the project. */
void copy_ours(const char *from, const char *name);

/* Write a file in report_path("build"), or make a folder there if there is none. */
void write_copy(const char *name, const char *data, size_t length);
void make_folder(const char *name);

/*
 * Build the module, or copy one that is built, as report_path("shmcount.ko").
 * Returns false if that fails, and sets the verdict.
 */
bool make_module(void);

/* A hash of everything that the grade of a submission depends on. */
uint64_t fingerprint_of(const char *path);

/* ---- guests.c ---- */

/* What a guest runs for this program of build/: the same, or one of its architecture. */
char *in_guest(const char *program);

/* Run the tests; sets the verdict. */
void run_tests(void);

/* ---- look.c ---- */

/* Note reasons to look at the submission: of its module, of a guest. */
void look_at_module(void);
void look_at_guest(const struct guest_run *run);

/*
 * The same of the results, beside those of the control. A test that the control skips
 * becomes skipped: it could not be run, so it counts for nobody.
 */
void compare_with_control(void);

/* The results of the tests, for comparison with those of the control. */
void write_times(FILE *file);

/* ---- write.c ---- */

/* Must a student see nothing of it? */
bool is_hidden(const struct result *test);

/* Write all reports; print that of the student, too, unless quiet. */
void write_reports(bool quiet);

/* Write the name of a submission as a field of the CSV; "" becomes fallback. */
void put_csv_name(FILE *file, const char *path, const char *fallback);

/* Of all items; of one test: its share of an item, and what it has of that. */
double all_points(void);
double all_points_reached(void);
double points_each(const struct result *test);
double points_reached_by(const struct result *test);

/* What became of a test and why, in one line; and what it printed. */
char *summary_of(const struct result *test);
char *output_of(const struct result *test);

void write_student(FILE *file);

/* Close a file; returns false if not all is in it that was written. */
bool close_written(FILE *file);

/* Write a file of this name in the directory of reports. */
void write_one(const char *name, void (*write)(FILE *file));

/* ---- publish.c ---- */

/* Write the reports in the formats of Gradescope, Classroom 50 and CTRF. */
void publish(void);

/* ---- grade.c ---- */

/* Set the verdict and why, a sentence; returns false. */
__attribute__((format(printf, 2, 3)))
bool reject(enum submission_verdict verdict, const char *format, ...);

/* Say what goes on, on a line of its own, unless -q. */
__attribute__((format(printf, 1, 2)))
void progress(const char *format, ...);

/* Remove a directory and what is in it. */
void remove_directory(const char *path);

/* The name of the directory of reports for a submission. */
void name_of(char name[NAME_SIZE], const char *path);

/* Has the directory the reports of a submission with this fingerprint? */
bool is_graded(const char *directory, uint64_t fingerprint);

/* ---- unpack.c ---- */

/* Unpack an archive of submissions; returns the directory with them. */
char *unpack_all_submissions(const char *path);

/* ---- moodle.c ---- */

/*
 * A file that Moodle has put into no folder of its student's: its path in the folder that
 * it else makes, or NULL. For free().
 */
char *path_of_moodle(const char *path);

/* Add a submission to what Moodle gets, if its name is one of Moodle's; write that. */
void tell_moodle(const char *path, const char *reports, double points, double of);
void end_moodle(void);

/* ---- all.c ---- */

/* The control: a submission that must get all points, in grades/.control/. */
#define CONTROL "kmod"

/* Grade each submission of a directory; returns the exit status. */
int grade_all(const char *dir, bool force);

#endif
