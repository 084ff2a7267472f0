// SPDX-License-Identifier: GPL-2.0
/*
 * A submission's reports: student.txt and junit.xml, in which nothing of a
 * hidden test is but its points; instructor.json, with all; results.json, as
 * Gradescope's autograder reads it; and row.csv, its line in grades.csv.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "report/report.h"

enum { STUDENT_LINES = 8, STUDENT_FAILURES = 12 };

const char *const how_names[HOWS] = {
	[NOT_YET] = "not run", [PASS] = "pass", [FAIL] = "fail",
	[SKIP] = "skipped", [CRASH] = "crash", [HANG] = "hang",
};

const char *const verdict_names[VERDICTS] = {
	[TESTED] = "tested", [NO_SOURCES] = "nothing to build",
	[DOES_NOT_BUILD] = "does not build", [WRONG_KERNEL] = "wrong kernel",
	[DOES_NOT_LOAD] = "does not load",
	[DOES_NOT_UNLOAD] = "does not unload", [FORGED] = "forged report",
	[NOT_GRADED] = "not graded",
};

static bool is_hidden(const struct graded *test)
{
	return test->item && test->item->hidden;
}

static int count(enum how how, bool hidden_too)
{
	int n = 0;

	for (int i = 0; i < test_count; i++)
		n += tests[i].how == how && (hidden_too || !is_hidden(&tests[i]));
	return n;
}

/* Points as people write them: 12, 12.5, 12.33. */
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

/* " NAME='value'", as a shell takes it, whatever the value; "" without one. */
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

/* The command that runs a test again; an instructor has tests of his own. */
static char *again(const struct graded *test, bool for_instructor)
{
	const char *points = variable("POINTS");
	char *command = NULL;
	size_t size;
	FILE *file = open_memstream(&command, &size);

	fprintf(file, "make grade");
	put_variable(file, "SRC", submission.path);
	if (for_instructor) {
		put_variable(file, "HIDDEN", getenv("HIDDEN") ?: "");
		put_variable(file, "POINTS",
			     strcmp(points, "tests/grade/points") ? points : "");
	}
	put_variable(file, "TESTS", test->name);
	fclose(file);
	return check(command);
}

static void put_lines(FILE *file, const char *text, const char *before, int most)
{
	int lines = 0;

	for (; *text && lines < most; lines++) {
		int length = strcspn(text, "\n");

		fprintf(file, "%s%.*s\n", before, length, text);
		text += length + !!text[length];
	}
	if (*text)
		fprintf(file, "%s...\n", before);
}

/* What is the matter, in the words of somebody who wants it mended. */
static const char *const explanations[VERDICTS] = {
	[NO_SOURCES] = "There is nothing to build in it",
	[DOES_NOT_BUILD] = "It does not build",
	[WRONG_KERNEL] = "It is a module for another kernel",
	[DOES_NOT_LOAD] = "It builds, but it does not load",
	[DOES_NOT_UNLOAD] = "It loads, but it does not unload",
	[FORGED] = "It wrote where only the tests report, so none of the report is believed. If you do not know how that comes about, ask who grades it",
	[NOT_GRADED] = "It could not be graded, which is not its fault",
};

/*
 * The verdict's reason, for the student. That of a forged report may have the
 * names of hidden tests in it, and whatever the module has made of them.
 */
static const char *reason(void)
{
	return submission.verdict == FORGED ? "" : submission.why;
}

static void put_verdict(FILE *file)
{
	if (submission.verdict == TESTED) {
		fprintf(file, "It builds, loads and unloads. Of %d tests %d passed.\n",
			test_count - count(SKIP, true), count(PASS, true));
	} else {
		fprintf(file, "%s", explanations[submission.verdict]);
		fprintf(file, "%s%s.\n", *reason() ? ": " : "", reason());
		if (submission.verdict == DOES_NOT_BUILD && *submission.said)
			fprintf(file, "The first complaints:\n");
	}
	if (submission.verdict != TESTED)
		put_lines(file, submission.said, "    ", 24);
	else if (*submission.said) {
		fprintf(file, "The compiler warns, and is worth listening to:\n");
		put_lines(file, submission.said, "    ", 6);
	}
	if (submission.ignored[0])
		fprintf(file, "Not used, as only *.c and *.h are, and no *.mod.c: %s\n",
			submission.ignored);
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
				items[i].count, items[i].pattern);
	if (any_hidden)
		fprintf(file, "%6s of %3s             hidden tests\n",
			points(points_reached(true)), points(points_total(true)));
	fprintf(file, "%6s of %3s             in all\n",
		points(points_reached(true) + points_reached(false)),
		points(points_total(true) + points_total(false)));
}

/* Of a report of the kernel's, what it is and where: the rest is in the log. */
static void put_crash(FILE *file, const char *report)
{
	for (int line = 0; *report; line++) {
		int length = strcspn(report, "\n");

		if (!line || !strncmp(report, "RIP: ", 5))
			fprintf(file, "    %.*s\n", length, report);
		report += length + !!report[length];
	}
}

static void put_failure(FILE *file, const struct graded *test)
{
	fprintf(file, "\n  %s: %s\n", test->name, how_names[test->how]);
	if (test->why && !strstr(test->output, test->why))
		put_lines(file, test->why, "    ", 1);
	if (test->how == CRASH)
		put_crash(file, test->output);
	else
		put_lines(file, test->output, "    ", STUDENT_LINES);
	fprintf(file, "    again: %s\n", again(test, false));
}

static void put_failures(FILE *file)
{
	int told = 0;

	for (int i = 0; i < test_count; i++) {
		if (is_hidden(&tests[i]) || tests[i].how == PASS ||
		    tests[i].how == SKIP || tests[i].how == NOT_YET)
			continue;
		if (!told)
			fprintf(file, "\nWhat did not pass, and how to see it again:\n");
		if (told == STUDENT_FAILURES)
			fprintf(file, "\nNor did these (those above may be the reason):\n");
		if (told++ < STUDENT_FAILURES)
			put_failure(file, &tests[i]);
		else
			fprintf(file, "  %s: %s\n", tests[i].name,
				how_names[tests[i].how]);
	}
	if (count(NOT_YET, true) && submission.cut[0])
		fprintf(file, "\n%d tests did not run: %s.\n",
			count(NOT_YET, true), submission.cut);
}

static void write_student(FILE *file)
{
	fprintf(file, "%s: %s of %s points\n", submission.name,
		points(points_reached(true) + points_reached(false)),
		points(points_total(true) + points_total(false)));
	put_verdict(file);
	if (points_reached(true) + points_reached(false) > 0 ||
	    submission.verdict == TESTED)
		put_items(file);
	if (submission.verdict == TESTED)
		put_failures(file);
	if (submission.verdict == TESTED && !count(FAIL, true) &&
	    !count(CRASH, true) && !count(HANG, true) && !count(NOT_YET, true))
		fprintf(file, "\nNothing is left to be done. Well done.\n");
}

/* ---- for machines ---- */

static double points_each(const struct graded *test)
{
	return test->item && test->item->count && test->how != SKIP ?
	       test->item->points / test->item->count : 0;
}

static void write_instructor(FILE *file)
{
	char *path = cleaned(submission.path, strlen(submission.path));

	put_json(file, "{\n\"name\": ", submission.name);
	put_json(file, ",\n\"submission\": ", path);
	put_json(file, ",\n\"verdict\": ", verdict_names[submission.verdict]);
	put_json(file, ",\n\"why\": ", submission.why);
	put_json(file, ",\n\"said\": ", submission.said);
	put_json(file, ",\n\"ignored\": ", submission.ignored);
	put_json(file, ",\n\"cut\": ", submission.cut);
	fprintf(file, ",\n\"points\": %.4f,\n\"of\": %.4f,\n\"guests\": %d,\n\"seconds\": %.1f",
		points_reached(true) + points_reached(false),
		points_total(true) + points_total(false), submission.guests,
		submission.seconds);
	for (int i = 0; i < item_count; i++) {
		put_json(file, i ? ",\n{\"pattern\": " :
			 ",\n\"items\": [\n{\"pattern\": ", items[i].pattern);
		fprintf(file, ", \"points\": %.4f, \"of\": %.4f, \"passed\": %d, \"tests\": %d, \"hidden\": %s}",
			points_of(&items[i]), items[i].points, items[i].passed,
			items[i].count, items[i].hidden ? "true" : "false");
	}
	for (int i = 0; i < test_count; i++) {
		struct graded *test = &tests[i];
		char *command = again(test, true);

		put_json(file, i ? ",\n{\"name\": " :
			 "\n],\n\"tests\": [\n{\"name\": ", test->name);
		put_json(file, ", \"result\": ", how_names[test->how]);
		fprintf(file, ", \"hidden\": %s, \"points\": %.4f, \"of\": %.4f, \"guest\": %d",
			is_hidden(test) ? "true" : "false",
			test->how == PASS ? points_each(test) : 0.0,
			points_each(test), test->guest);
		if (test->seconds >= 0)
			fprintf(file, ", \"seconds\": %.3f", test->seconds);
		if (test->why)
			put_json(file, ", \"reason\": ", test->why);
		if (*test->output)
			put_json(file, ", \"output\": ", test->output);
		put_json(file, ", \"command\": ", command);
		fprintf(file, "}");
		free(command);
	}
	fprintf(file, "\n]\n}\n");
	free(path);
}

/* The score of the whole is given, too: that of the tests would be rounded. */
static void write_results(FILE *file)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	write_student(stream);
	fclose(stream);
	fprintf(file, "{\n\"score\": %.2f,\n\"execution_time\": %.0f",
		points_reached(true) + points_reached(false),
		submission.seconds);
	put_json(file, ",\n\"output\": ", check(text));
	fprintf(file, ",\n\"output_format\": \"text\",\n\"visibility\": \"visible\",\n\"stdout_visibility\": \"hidden\",\n\"tests\": [");
	for (int i = 0, told = 0; i < test_count; i++) {
		struct graded *test = &tests[i];

		if (!test->item)
			continue;
		put_json(file, told++ ? ",\n{\"name\": " : "\n{\"name\": ",
			 test->name);
		fprintf(file, ", \"score\": %.4f, \"max_score\": %.4f, \"status\": \"%s\", \"visibility\": \"%s\"",
			test->how == PASS ? points_each(test) : 0.0,
			points_each(test), test->how == PASS ||
			test->how == SKIP ? "passed" : "failed",
			is_hidden(test) ? "hidden" : "visible");
		if (test->how != PASS) {
			char *output = text_of("%s%s%s\n%s", how_names[test->how],
					       test->why ? ": " : "",
					       test->why ?: "", test->output);

			put_json(file, ", \"output\": ", output);
			free(output);
		}
		fprintf(file, "}");
	}
	fprintf(file, "\n]\n}\n");
	free(text);
}

/* Why no test ran, or this one did not, in a line; or "". */
static char *why_not_run(void)
{
	if (submission.verdict == TESTED)
		return text_of("%s", submission.cut);
	return text_of("%s%s%s", verdict_names[submission.verdict],
		       *reason() ? ": " : "", reason());
}

static void write_xml(FILE *file)
{
	static const enum outcome outcomes[HOWS] = {
		[NOT_YET] = NOT_RUN, [PASS] = PASSED, [SKIP] = SKIPPED,
		[FAIL] = FAILED, [CRASH] = FAILED, [HANG] = FAILED,
	};
	struct part part = { .name = submission.name, .begin = time(NULL) };
	struct test list[MAX_TESTS];
	struct report report = {
		.kernel = variable("KERNEL"), .module = "shmcount.ko",
		.parts = &part, .part_count = 1, .tests = list,
	};

	for (int i = 0; i < test_count; i++) {
		struct graded *test = &tests[i];
		char *why = test->how == NOT_YET ? why_not_run() :
						   test->why ?: "";

		if (is_hidden(test))
			continue;
		list[report.test_count++] = (struct test) {
			.part = &part, .name = test->name,
			.outcome = outcomes[test->how], .seconds = test->seconds,
			.reason = text_of("%s%s%s", how_names[test->how],
					  *why ? ": " : "", why),
			.output = submission.verdict == TESTED ||
				  test->how != NOT_YET ? test->output :
							 submission.said,
			.command = again(test, false),
		};
	}
	part.count = report.test_count;
	write_junit(file, &report);
}

/* As a spreadsheet takes it for text, whatever it begins with. */
static void put_csv(FILE *file, const char *text)
{
	fprintf(file, "\"%s", strchr("=+-@", *text) && *text ? "'" : "");
	for (; *text; text++)
		fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
	fprintf(file, "\"");
}

void put_csv_name(FILE *file, const char *path, const char *fallback)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	char *name = cleaned(base, strlen(base));

	put_csv(file, *name ? name : fallback);
	free(name);
}

static void write_row(FILE *file)
{
	put_csv_name(file, submission.path, submission.name);
	fprintf(file, ",%s,%.2f,%.2f,%d,%d,%d,%d,%d,%d,%d,%.0f\n",
		verdict_names[submission.verdict],
		points_reached(true) + points_reached(false),
		points_total(true) + points_total(false), count(PASS, true),
		count(FAIL, true), count(CRASH, true), count(HANG, true),
		count(SKIP, true), count(NOT_YET, true), submission.guests,
		submission.seconds);
}

static void write_one(const char *name, void (*write)(FILE *file))
{
	FILE *file = fopen(report_path(name), "we");

	if (file)
		write(file);
	if (!file || ferror(file) || fclose(file))
		die(STATUS_NOT_GRADED, "cannot write %s: %s", report_path(name),
		    strerror(errno));
}

/* What each line of the points file has brought. */
static void count_points(void)
{
	for (int i = 0; i < test_count; i++) {
		struct item *item = tests[i].item;

		if (!item || tests[i].how == SKIP)
			continue;
		item->count++;
		item->passed += tests[i].how == PASS;
	}
}

void write_reports(bool quiet)
{
	count_points();
	write_one("student.txt", write_student);
	write_one("instructor.json", write_instructor);
	write_one("results.json", write_results);
	write_one("junit.xml", write_xml);
	write_one("row.csv", write_row);
	if (!quiet)
		write_student(stdout);
}
