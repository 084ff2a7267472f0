/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One submission on its way to a grade: see grade.c. From the environment, for
 * all of it: TOP, the tree; KERNEL, the Debian suite that is graded on; GRADED,
 * the guest's program with the tests; POINTS, the points file; TESTS, patterns
 * of tests, with spaces between, or "" for all that have points; HIDDEN, if set,
 * the folder that GRADED's other tests are from; GRADES, the folder of all
 * reports; CONTROL_SECONDS, if set, what the control took; GUEST and JAIL, in place
 * of the runner and of build/tests/jail, for tests.
 */
#ifndef GRADE_H
#define GRADE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* NAME_SIZE leaves room in a file's name for what we put before and behind. */
enum { MAX_TESTS = 512, MAX_ITEMS = 256, PATH_SIZE = 4096, NAME_SIZE = 200 };

/* How a test has come out. */
enum how { NOT_YET, PASS, FAIL, SKIP, CRASH, HANG, HOWS };

extern const char *const how_names[HOWS];

/* What is said of a submission as a whole. */
enum verdict {
	TESTED,
	NO_SOURCES,		/* nothing in it that could be built */
	DOES_NOT_BUILD,
	WRONG_KERNEL,
	DOES_NOT_LOAD,
	DOES_NOT_UNLOAD,
	FORGED,			/* the report is not that of the tests */
	NOT_GRADED,		/* through no fault of its own */
	VERDICTS
};

extern const char *const verdict_names[VERDICTS];

/* A line of the points file. */
struct item {
	char *pattern;
	double points;
	bool hidden;
	int line;		/* of the file; 0: none, it is our default */
	int count, passed;	/* tests that count (skipped ones do not) */
};

struct graded {
	char *name;
	struct item *item;
	enum how how;
	double seconds;		/* -1: unknown */
	char *why;		/* in a line, or NULL */
	char *output;		/* "" or lines */
	int guest;		/* the guest that it ran in, from 1 */
};

struct submission {
	const char *path;	/* what was handed in */
	char name[NAME_SIZE + 8];	/* of the folder of its reports */
	char folder[PATH_SIZE];	/* of its reports, while they are made */
	uint64_t print;		/* while print_of() makes it */

	enum verdict verdict;
	char why[1024];		/* the verdict in a sentence, or "" */
	char *said;		/* lines that explain it: compiler, kernel */
	char ignored[512];	/* names of files that were not used, or "" */
	char cut[256];		/* why some tests did not run, or "" */
	int guests;
	double seconds;
};

extern struct submission submission;
extern struct item items[MAX_ITEMS];
extern int item_count;
extern struct graded tests[MAX_TESTS];
extern int test_count;

/* One sentence, "grade: " before it, and the end with this status. */
enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_NOT_GRADED = 125 };
_Noreturn __attribute__((format(printf, 2, 3)))
void die(int status, const char *format, ...);

/* An environment variable, which has to be there. */
const char *variable(const char *name);

/* The path of a file in the folder of reports. It stands until the fourth
 * such call after it.
 */
const char *report_path(const char *name);

/* ---- points.c ---- */

/* Read the points file, and share out the tests that the program lists. */
void read_points(void);

/* The points a line of it has brought, of all tests, or of those shown only. */
double points_of(const struct item *item);
double points_total(bool hidden);
double points_reached(bool hidden);

/* ---- source.c ---- */

/*
 * Have the module built, or taken, into report_path("shmcount.ko"). Returns
 * false if there is none then; the verdict says why.
 */
bool make_module(void);

/* A number for all that a submission's grade depends on, or 0. */
uint64_t print_of(const char *path);

/* ---- guests.c ---- */

/* The program that runs a guest. */
char *runner_path(void);

/* Run the tests; sets the verdict. */
void run_tests(void);

/* ---- write.c ---- */

/* All reports into the folder, and the student's to standard output as well. */
void write_reports(bool quiet);

/* What a submission is called in a row of the CSV; fallback is for no name. */
void put_csv_name(FILE *file, const char *path, const char *fallback);

/* ---- grade.c ---- */

/* The folder of all reports, for a message. */
const char *grades(void);

/* The name of the folder of reports for a submission. */
void name_of(char name[NAME_SIZE], const char *path);

/* Are there reports in it that were made of all the same? */
bool is_graded(const char *folder, uint64_t print);

/* ---- all.c ---- */

/* Grade each submission of a folder; returns the exit status. */
int grade_all(const char *dir, bool force);

#endif
