// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the reports of a submission: student.txt and junit.xml, which show nothing
 * of a hidden test but its points; instructor.json with everything; and row.csv, its
 * line in grades.csv. (publish.c has the formats of others.)
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "check/json.h"

enum { STUDENT_LINES = 8, STUDENT_FAILURES = 12 };

const char *const result_names[TEST_RESULTS] = {
	[NOT_RUN] = "not run", [PASSED] = "pass", [FAILED] = "fail",
	[SKIPPED] = "skipped", [CRASHED] = "crash", [HUNG] = "hang",
};

const char *const verdict_names[VERDICTS] = {
	[TESTED] = "tested", [NO_SOURCES] = "nothing to build",
	[DOES_NOT_BUILD] = "does not build", [WRONG_KERNEL] = "wrong kernel",
	[DOES_NOT_LOAD] = "does not load",
	[DOES_NOT_UNLOAD] = "does not unload", [FORGED] = "forged report",
	[NOT_GRADED] = "not graded",
};

/* Did the tests run, as far as they can? */
static bool was_tested(void)
{
	return submission.verdict == TESTED || submission.verdict == DOES_NOT_UNLOAD;
}

static bool on_terminal;	/* of whoever grades: not in a file for the student */

bool is_hidden(const struct result *test)
{
	const struct item *item = item_of(test->name);

	return item && item->hidden;
}

static int count(enum test_result result, bool hidden_too)
{
	int n = 0;

	for (int i = 0; i < test_count; i++)
		n += tests[i].result == result && (hidden_too || !is_hidden(&tests[i]));
	return n;
}

double all_points(void)
{
	return points_total(true) + points_total(false);
}

double all_points_reached(void)
{
	return points_reached(true) + points_reached(false);
}

/* Points without trailing zeros: 12, 12.5, 12.33. */
static const char *points(double value)
{
	static char texts[4][32];
	static int next;
	char *text = texts[next++ % 4], *end;

	snprintf(text, 32, "%.2f", value);
	end = text + strlen(text) - 1;
	while (*end == '0')
		end--;
	end[*end != '.'] = '\0';
	return text;
}

/* Write " NAME='value'", quoted for a shell; nothing if the value is "". */
static void put_variable(FILE *file, const char *name, const char *value)
{
	char *text = cleaned(value, strlen(value));

	if (*text)
		fprintf(file, " %s='", name);
	for (char *c = text; *c; c++)
		fprintf(file, *c == '\'' ? "'\\''" : "%c", *c);
	if (*text)
		fprintf(file, "'");
	free(text);
}

/*
 * The command to run a test again; only the instructor has the hidden tests. A student
 * has the submission, but not where the instructor keeps it.
 */
static char *again(const struct result *test, bool for_instructor)
{
	const char *base = basename(submission.path);
	const char *own = *base ? base : submission.name;
	char *command = NULL;
	size_t size;
	FILE *file = open_memstream(&command, &size);

	fprintf(file, "make grade");
	if (strcmp(options.built, "build"))
		put_variable(file, "ARCH", basename(options.built));
	put_variable(file, "SRC", for_instructor || on_terminal ? submission.path : own);
	if (for_instructor)
		put_variable(file, "HIDDEN", options.hidden);
	/* Whoever has the project has the points of the lab. */
	if (for_instructor || is_by_steps())
		put_variable(file, "POINTS",
			     strcmp(options.points, "tests/grade/points") ?
			     options.points : "");
	put_variable(file, "TESTS", test->name);
	fclose(file);
	return check(command);
}

double points_each(const struct result *test)
{
	const struct item *item = item_of(test->name);

	return item && item->count && test->result != SKIPPED ?
	       item->points / item->count : 0;
}

/* What the tests that did not run have cost. */
static double points_not_run(void)
{
	double sum = 0;

	for (int i = 0; i < test_count; i++)
		if (tests[i].result == NOT_RUN)
			sum += points_each(&tests[i]);
	return sum;
}

static void put_lines(FILE *file, const char *text, const char *before, int max)
{
	int lines = 0;

	for (; *text && lines < max; lines++) {
		int length = strcspn(text, "\n");

		fprintf(file, "%s%.*s\n", before, length, text);
		text += length + !!text[length];
	}
	if (*text)
		fprintf(file, "%s...\n", before);
}

static const char *const explanations[VERDICTS] = {
	[TESTED] = "It builds, loads and unloads",
	[NO_SOURCES] = "There is nothing to build in it",
	[DOES_NOT_BUILD] = "It does not build",
	[WRONG_KERNEL] = "It is a module for another kernel",
	[DOES_NOT_LOAD] = "It builds, but it does not load",
	[DOES_NOT_UNLOAD] = "It builds and loads, but it does not unload",
	[FORGED] = "It wrote where only the tests report, so the report proves nothing. If you do not know why, ask your instructor",
	[NOT_GRADED] = "It could not be graded, through no fault of its own",
};

/*
 * Why this verdict, for the student. A forged report may contain hidden test names and
 * any text from the module, so do not show it.
 */
static const char *reason(void)
{
	return submission.verdict == FORGED ? "" : submission.why;
}

static void put_verdict(FILE *file)
{
	fprintf(file, "%s%s%s.", explanations[submission.verdict],
		*reason() ? ": " : "", reason());
	if (submission.verdict == DOES_NOT_UNLOAD)
		fprintf(file, "\nSo each test ran in a guest of its own, and what needs no unload counts.");
	if (was_tested())
		fprintf(file, " Of %d tests %d passed.",
			test_count - count(SKIPPED, true), count(PASSED, true));
	putc('\n', file);
	if (submission.verdict == DOES_NOT_BUILD && *submission.said)
		fprintf(file, "The first complaints:\n");
	if (submission.verdict != TESTED)
		put_lines(file, submission.said, "    ", 24);
	else if (*submission.said) {
		fprintf(file, "The compiler warns; its warnings are worth reading:\n");
		put_lines(file, submission.said, "    ", 6);
	}
	if (submission.ignored[0])
		fprintf(file, "Not used (only *.c and *.h are, and no *.mod.c): %s\n",
			submission.ignored);
	put_lines(file, submission.notes, "", 40);
}

static void put_items(FILE *file)
{
	bool any_hidden = points_total(true) > 0;

	fprintf(file, "\n%13s  %8s\n", "points", "tests");
	for (int i = 0; i < item_count; i++)
		if (!items[i].hidden && items[i].count)
			fprintf(file, "%6s of %3s  %3d of %2d  %s\n",
				points(points_of(&items[i])),
				points(items[i].points), items[i].passed,
				items[i].count, items[i].title);
	if (any_hidden)
		fprintf(file, "%6s of %3s             hidden tests\n",
			points(points_reached(true)), points(points_total(true)));
	fprintf(file, "%6s of %3s             in all\n",
		points(all_points_reached()), points(all_points()));
}

/*
 * Show only the first line of a kernel report and where it was; the log has the rest. The
 * runner says before it what ran the guest.
 */
static void put_crash(FILE *file, const char *report)
{
	bool first = true;

	while (*report) {
		int length = strcspn(report, "\n");

		if (strncmp(report, "guest under ", 12)) {
			if (first || !strncmp(report, "RIP: ", 5) ||
			    !strncmp(report, "pc : ", 5))
				fprintf(file, "    %.*s\n", length, report);
			first = false;
		}
		report += length + !!report[length];
	}
}

static void put_failure(FILE *file, const struct result *test)
{
	fprintf(file, "\n  %s: %s\n", test->name, result_names[test->result]);
	if (test->why && !strstr(test->output, test->why))
		put_lines(file, test->why, "    ", 1);
	if (test->result == CRASHED)
		put_crash(file, test->output);
	else
		put_lines(file, test->output, "    ", STUDENT_LINES);
	put_lines(file, test->where ?: "", "    ", STUDENT_LINES);
	fprintf(file, "    again: %s\n", again(test, false));
}

static void put_failures(FILE *file)
{
	int told = 0;

	for (int i = 0; i < test_count; i++) {
		if (is_hidden(&tests[i]) || tests[i].result == PASSED ||
		    tests[i].result == SKIPPED || tests[i].result == NOT_RUN)
			continue;
		if (!told)
			fprintf(file, "\nWhat did not pass, and how to see it again:\n");
		if (told == STUDENT_FAILURES)
			fprintf(file, "\nThese did not pass, either (perhaps for the same reasons):\n");
		if (told++ < STUDENT_FAILURES)
			put_failure(file, &tests[i]);
		else
			fprintf(file, "  %s: %s\n", tests[i].name,
				result_names[tests[i].result]);
	}
	if (count(NOT_RUN, true) && submission.cut[0])
		fprintf(file, "\n%d tests did not run: %s. They are worth %s points.\n",
			count(NOT_RUN, true), submission.cut, points(points_not_run()));
}

void write_student(FILE *file)
{
	fprintf(file, "%s: %s of %s points\n", submission.name,
		points(all_points_reached()), points(all_points()));
	put_verdict(file);
	if (all_points_reached() > 0 || was_tested())
		put_items(file);
	if (was_tested())
		put_failures(file);
	if (submission.verdict == TESTED && !count(FAILED, true) &&
	    !count(CRASHED, true) && !count(HUNG, true) && !count(NOT_RUN, true))
		fprintf(file, "\nNothing is left to do. Well done.\n");
}

/* ---- for machines ---- */

double points_reached_by(const struct result *test)
{
	return test->result == PASSED ? points_each(test) : 0;
}

static void write_item(struct json *json, const struct item *item)
{
	json_open(json, NULL, '{');
	json_string(json, "pattern", item->title);
	json_number(json, "points", 4, points_of(item));
	json_number(json, "of", 4, item->points);
	json_number(json, "passed", 0, item->passed);
	json_number(json, "tests", 0, item->count);
	json_bool(json, "hidden", item->hidden);
	json_close(json, '}');
}

static void write_test(struct json *json, const struct result *test)
{
	char *command = again(test, true);

	json_open(json, NULL, '{');
	json_string(json, "name", test->name);
	json_string(json, "result", result_names[test->result]);
	json_bool(json, "hidden", is_hidden(test));
	json_number(json, "points", 4, points_reached_by(test));
	json_number(json, "of", 4, points_each(test));
	json_number(json, "guest", 0, test->guest);
	if (test->seconds >= 0)
		json_number(json, "seconds", 3, test->seconds);
	if (test->why)
		json_string(json, "reason", test->why);
	if (*test->output)
		json_string(json, "output", test->output);
	if (test->where && *test->where)
		json_string(json, "where", test->where);
	json_string(json, "command", command);
	json_close(json, '}');
	free(command);
}

static void write_instructor(FILE *file)
{
	char *path = cleaned(submission.path, strlen(submission.path));
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	json_string(&json, "name", submission.name);
	json_string(&json, "submission", path);
	json_string(&json, "verdict", verdict_names[submission.verdict]);
	json_string(&json, "why", submission.why);
	json_string(&json, "said", submission.said);
	json_string(&json, "ignored", submission.ignored);
	json_string(&json, "notes", submission.notes);
	json_string(&json, "cut", submission.cut);
	json_string(&json, "look", submission.look);
	json_number(&json, "points_not_run", 4, points_not_run());
	json_number(&json, "points", 4, all_points_reached());
	json_number(&json, "of", 4, all_points());
	json_number(&json, "guests", 0, submission.guests);
	json_number(&json, "seconds", 1, submission.seconds);
	json_open(&json, "items", '[');
	for (int i = 0; i < item_count; i++)
		write_item(&json, &items[i]);
	json_close(&json, ']');
	json_open(&json, "tests", '[');
	for (int i = 0; i < test_count; i++)
		write_test(&json, &tests[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	free(path);
}

/* Why this test did not run, one line; or "". */
static char *why_not_run(void)
{
	if (was_tested())
		return text_of("%s", submission.cut);
	return text_of("%s%s%s", verdict_names[submission.verdict],
		       *reason() ? ": " : "", reason());
}

char *summary_of(const struct result *test)
{
	char *why = test->result == NOT_RUN ? why_not_run() : test->why ?: "";

	return text_of("%s%s%s", result_names[test->result], *why ? ": " : "", why);
}

char *output_of(const struct result *test)
{
	return was_tested() || test->result != NOT_RUN ?
	       text_of("%s%s", test->output, test->where ?: "") :
	       text_of("%s%s", submission.said, submission.notes);
}

static void write_xml(FILE *file)
{
	struct part part = { .name = submission.name, .begin = time(NULL) };
	struct test list[MAX_GUEST_TESTS];
	struct report report = {
		.kernel = options.kernel, .module = "shmcount.ko",
		.parts = &part, .part_count = 1, .tests = list,
	};

	for (int i = 0; i < test_count; i++) {
		struct result *test = &tests[i];

		if (is_hidden(test))
			continue;
		list[report.test_count++] = (struct test) {
			.part = &part, .name = test->name,
			.result = test->result, .seconds = test->seconds,
			.reason = summary_of(test), .output = output_of(test),
			.command = again(test, false),
		};
	}
	part.count = report.test_count;
	write_junit(file, &report);
}

/* A leading apostrophe keeps a spreadsheet from evaluating a formula. */
static void put_csv(FILE *file, const char *text)
{
	fprintf(file, "\"%s", strchr("=+-@", *text) && *text ? "'" : "");
	for (; *text; text++)
		fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
	fprintf(file, "\"");
}

void put_csv_name(FILE *file, const char *path, const char *fallback)
{
	const char *base = basename(path);
	char *name = cleaned(base, strlen(base));

	put_csv(file, *name ? name : fallback);
	free(name);
}

static void write_row(FILE *file)
{
	put_csv_name(file, submission.path, submission.name);
	fprintf(file, ",%s,%.2f,%.2f,%d,%d,%d,%d,%d,%d,%d,%.0f,",
		verdict_names[submission.verdict],
		all_points_reached(), all_points(), count(PASSED, true),
		count(FAILED, true), count(CRASHED, true), count(HUNG, true),
		count(SKIPPED, true), count(NOT_RUN, true), submission.guests,
		submission.seconds);
	put_csv(file, submission.look);
	fprintf(file, "\n");
}

bool close_written(FILE *file)
{
	bool bad = ferror(file);

	return !fclose(file) && !bad;
}

void write_one(const char *name, void (*write)(FILE *file))
{
	FILE *file = fopen(report_path(name), "we");

	if (file)
		write(file);
	if (!file || !close_written(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %s", report_path(name),
		    strerror(errno));
}

/* Count the tests of each item, and those that passed. */
static void count_points(void)
{
	for (int i = 0; i < test_count; i++) {
		struct item *item = item_of(tests[i].name);

		if (!item || tests[i].result == SKIPPED)
			continue;
		item->count++;
		item->passed += tests[i].result == PASSED;
	}
}

void write_reports(bool quiet)
{
	count_points();
	write_one("student.txt", write_student);
	write_one("instructor.json", write_instructor);
	write_one("junit.xml", write_xml);
	write_one("row.csv", write_row);
	write_one("times", write_times);
	publish();
	on_terminal = true;
	if (!quiet)
		write_student(stdout);
}
