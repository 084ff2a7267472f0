// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the reports in the formats of others, as a table of formats. Where students see
 * the file, no hidden test is in it but the sum of their points.
 *
 *   results.json   Gradescope, which hides a test that says "hidden"
 *   ctrf.json      Common Test Report Format 1.0.0
 *   result.json    classroom50/result/v1: whole points, a row for each line of the points
 *                  file. Its identity is from the environment of Classroom 50's runner.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "check/json.h"

/* An object with an array "tests", which has the tests or other rows. */
static const struct format {
	const char *file;
	const char *needs;	/* written only where this variable is set */
	bool always;		/* written even if nothing could be graded */
	bool hidden;		/* has the hidden tests */
	void (*head)(struct json *json);
	void (*test)(struct json *json, const struct result *test);
	void (*rows)(struct json *json);
	void (*tail)(struct json *json);
} *format;

static bool is_graded_at_all(void)
{
	return submission.verdict != NOT_GRADED;
}

/* Is it in the format? A test of the grader's own that no line names is not. */
static bool has_test(const struct result *test)
{
	return item_of(test->name) && (format->hidden || !is_hidden(test));
}

/* ---- Gradescope ---- */

/* Gradescope would add up the rounded scores of the tests, so give the total. */
static void gradescope_head(struct json *json)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	if (is_graded_at_all())
		write_student(stream);
	else
		fprintf(stream, "%s could not be graded, through no fault of its own. Your instructor can have it graded again.\n",
			submission.name);
	fclose(stream);
	json_number(json, "score", 2, is_graded_at_all() ? all_points_reached() : 0);
	json_number(json, "execution_time", 0, submission.seconds);
	json_string(json, "output", check(text));
	json_string(json, "output_format", "text");
	json_string(json, "visibility", "visible");
	json_string(json, "stdout_visibility", "hidden");
	free(text);
}

static void gradescope_test(struct json *json, const struct result *test)
{
	char *output = text_of("%s%s%s\n%s%s", result_names[test->result],
			       test->why ? ": " : "", test->why ?: "",
			       test->output, test->where ?: "");

	json_string(json, "name", test->name);
	json_number(json, "score", 4, points_reached_by(test));
	json_number(json, "max_score", 4, points_each(test));
	json_string(json, "status", test->result == PASSED || test->result == SKIPPED ?
		    "passed" : "failed");
	json_string(json, "visibility", is_hidden(test) ? "hidden" : "visible");
	if (test->result != PASSED)
		json_string(json, "output", output);
	free(output);
}

/* ---- CTRF ---- */

/* A test that did not run has no points, so it has failed. */
static const char *ctrf_status(const struct result *test)
{
	return test->result == PASSED ? "passed" :
	       test->result == SKIPPED ? "skipped" : "failed";
}

static void ctrf_head(struct json *json)
{
	static const char *const counted[] = {
		"passed", "failed", "skipped", "pending", "other",
	};
	double stop = time(NULL) * 1000.0;
	int counts[ARRAY_SIZE(counted)] = { 0 }, all = 0;

	for (int i = 0; i < test_count; i++) {
		if (!has_test(&tests[i]))
			continue;
		all++;
		for (size_t c = 0; c < ARRAY_SIZE(counted); c++)
			counts[c] += !strcmp(counted[c], ctrf_status(&tests[i]));
	}
	json_string(json, "reportFormat", "CTRF");
	json_string(json, "specVersion", "1.0.0");
	json_string(json, "generatedBy", "shmcount make grade");
	json_open(json, "results", '{');
	json_open(json, "tool", '{');
	json_string(json, "name", "shmcount");
	json_close(json, '}');
	json_open(json, "summary", '{');
	json_number(json, "tests", 0, all);
	for (size_t c = 0; c < ARRAY_SIZE(counted); c++)
		json_number(json, counted[c], 0, counts[c]);
	json_number(json, "start", 0, stop - submission.seconds * 1000);
	json_number(json, "stop", 0, stop);
	json_close(json, '}');
	json_open(json, "extra", '{');
	json_string(json, "verdict", verdict_names[submission.verdict]);
	json_number(json, "points", 2, all_points_reached());
	json_number(json, "of", 2, all_points());
	json_close(json, '}');
}

static void ctrf_test(struct json *json, const struct result *test)
{
	char *summary = summary_of(test);

	json_string(json, "name", test->name);
	json_string(json, "status", ctrf_status(test));
	json_string(json, "rawStatus", result_names[test->result]);
	json_number(json, "duration", 0, test->seconds > 0 ? test->seconds * 1000 : 0);
	if (test->result != PASSED) {
		json_string(json, "message", summary);
		json_string(json, "trace", output_of(test));
	}
	free(summary);
}

static void ctrf_tail(struct json *json)
{
	json_close(json, '}');
}

/* ---- Classroom 50 ---- */

static struct {
	double reached, of;
	int score, max;
} whole;

/* Rounded down; a third of a point, three times, is one. */
static int whole_points(double points)
{
	return points + 0.00001;
}

/*
 * A row of whole points, and what is below one goes on to the next row, so that the sum
 * of the rows is the grade, rounded down. A row has all of its points only if all of its
 * tests pass.
 */
static void put_row(struct json *json, const char *name, double reached, double of,
		    const char *output)
{
	bool passed = reached > of - 0.00001;
	int max, score;

	whole.reached += reached;
	whole.of += of;
	max = whole_points(whole.of) - whole.max;
	score = whole_points(whole.reached) - whole.score;
	if (score >= max && !passed)
		score = max - 1;
	score = score < 0 ? 0 : score > max ? max : score;
	whole.score += score;
	whole.max += max;
	json_open(json, NULL, '{');
	json_string(json, "test-name", name);
	json_bool(json, "passed", passed);
	json_number(json, "score", 0, score);
	json_number(json, "max-score", 0, max);
	if (*output)
		json_string(json, "output", output);
	json_close(json, '}');
}

static void put_variable(struct json *json, const char *name, const char *variable,
			 const char *other)
{
	const char *value = getenv(variable);

	if (!value || !*value)
		value = getenv(other) ?: "";
	json_string(json, name, cleaned(value, strlen(value)));
}

static void classroom_head(struct json *json)
{
	time_t seconds = time(NULL);
	char now[32];

	strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime(&seconds));
	json_string(json, "schema", "classroom50/result/v1");
	put_variable(json, "classroom", "CLASSROOM", "");
	put_variable(json, "assignment", "ASSIGNMENT", "");
	put_variable(json, "assignment_type", "ASSIGNMENT_TYPE", "");
	put_variable(json, "owner", "OWNER", "USERNAME");
	put_variable(json, "submission", "SUBMISSION_TAG", "");
	put_variable(json, "commit", "COMMIT_URL", "");
	put_variable(json, "release", "RELEASE_URL", "");
	put_variable(json, "review", "REVIEW_URL", "COMMIT_URL");
	json_string(json, "datetime", now);
	json_string(json, "graded_at", now);
}

/* The tests of an item that did not pass. */
static char *failures_of(const struct item *item)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	for (int i = 0; i < test_count; i++)
		if (item_of(tests[i].name) == item && tests[i].result != PASSED &&
		    tests[i].result != SKIPPED)
			fprintf(stream, "%s: %s\n", tests[i].name,
				result_names[tests[i].result]);
	fclose(stream);
	return check(text);
}

static void classroom_rows(struct json *json)
{
	for (int i = 0; i < item_count; i++)
		if (!items[i].hidden && items[i].count)
			put_row(json, items[i].title, points_of(&items[i]),
				items[i].points, failures_of(&items[i]));
	if (points_total(true) > 0)
		put_row(json, "hidden tests", points_reached(true), points_total(true), "");
}

static void classroom_tail(struct json *json)
{
	json_number(json, "score", 0, whole.score);
	json_number(json, "max-score", 0, whole.max);
}

/* ---- all of them ---- */

static const struct format formats[] = {
	{
		.file = "results.json", .always = true, .hidden = true,
		.head = gradescope_head, .test = gradescope_test,
	}, {
		.file = "ctrf.json",
		.head = ctrf_head, .test = ctrf_test, .tail = ctrf_tail,
	}, {
		.file = "result.json", .needs = "SUBMISSION_TAG",
		.head = classroom_head, .rows = classroom_rows, .tail = classroom_tail,
	},
};

static void write_tests(struct json *json)
{
	for (int i = 0; i < test_count; i++) {
		if (!has_test(&tests[i]))
			continue;
		json_open(json, NULL, '{');
		format->test(json, &tests[i]);
		json_close(json, '}');
	}
}

static void write_format(FILE *file)
{
	struct json json = { .file = file };

	json_open(&json, NULL, '{');
	format->head(&json);
	json_open(&json, "tests", '[');
	if (format->rows)
		format->rows(&json);
	else if (is_graded_at_all())
		write_tests(&json);
	json_close(&json, ']');
	if (format->tail)
		format->tail(&json);
	json_close(&json, '}');
}

void publish(void)
{
	for (format = formats; format < formats + ARRAY_SIZE(formats); format++)
		if ((is_graded_at_all() || format->always) &&
		    (!format->needs || *(getenv(format->needs) ?: "")))
			write_one(format->file, write_format);
}
