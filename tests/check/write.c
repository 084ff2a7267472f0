// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a report as KTAP, as JUnit XML and as JSON; see report.h.
 *
 * The XML uses only what both Jenkins and GitLab read: testsuites, a testsuite for
 * each part, a testcase for each test, with failure or skipped in it.
 */
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"

/* ---- KTAP ---- */

static void put_notes(FILE *file, const char *text)
{
	while (*text) {
		int length = strcspn(text, "\n");

		fprintf(file, "# %.*s\n", length, text);
		text += length + !!text[length];
	}
}

static void write_tap_test(FILE *file, const struct test *test, size_t number)
{
	fprintf(file, "# begin %s\n", test->name);
	put_notes(file, test->output);
	if (test->result == NOT_RUN)
		put_notes(file, test->reason);
	if (test->seconds >= 0)
		fprintf(file, "# took %.3f s\n", test->seconds);
	fprintf(file, "%s %zu %s%s%s\n",
		test->result == PASSED || test->result == SKIPPED ?
		"ok" : "not ok", number, test->name,
		*test->directive ? " # " : "", test->directive);
}

void write_tap(FILE *file, const struct report *report)
{
	fprintf(file, "TAP version 13\n1..%zu\n", report->test_count);
	fprintf(file, "# kernel %s\n# module %s\n", report->kernel,
		report->module);
	for (size_t i = 0; i < report->test_count; i++)
		write_tap_test(file, &report->tests[i], i + 1);
}

/* ---- JUnit ---- */

static void put_xml(FILE *file, const char *text)
{
	/* In an attribute a plain tab would become a space. */
	static const char *const entities[] = {
		['&'] = "&amp;", ['<'] = "&lt;", ['>'] = "&gt;",
		['"'] = "&quot;", ['\t'] = "&#9;",
	};

	for (; *text; text++) {
		unsigned char c = *text;

		if (c < ARRAY_SIZE(entities) && entities[c])
			fputs(entities[c], file);
		else
			putc(c, file);
	}
}

static void put_attribute(FILE *file, const char *name, const char *value)
{
	fprintf(file, " %s=\"", name);
	put_xml(file, value);
	putc('"', file);
}

static double seconds_of(const struct test *tests, size_t count)
{
	double seconds = 0;

	for (size_t i = 0; i < count; i++)
		if (tests[i].seconds > 0)
			seconds += tests[i].seconds;
	return seconds;
}

static void put_totals(FILE *file, const struct test *tests, size_t count)
{
	fprintf(file, " tests=\"%zu\" failures=\"%zu\" errors=\"0\" time=\"%.3f\"",
		count, failed_of(tests, count), seconds_of(tests, count));
}

static void put_result(FILE *file, const struct test *test)
{
	if (test->result == PASSED) {
		fprintf(file, "/>\n");
		return;
	}
	fprintf(file, ">\n      <%s", test->result == SKIPPED ? "skipped" :
								 "failure");
	put_attribute(file, "message", test->reason);
	if (test->result == SKIPPED) {
		fprintf(file, "/>\n    </testcase>\n");
		return;
	}
	putc('>', file);
	put_xml(file, *test->output ? test->output : "no output\n");
	fputs("again: ", file);
	put_xml(file, test->command);
	fprintf(file, "</failure>\n    </testcase>\n");
}

static void write_testcase(FILE *file, const struct test *test)
{
	char *group = text_of("%.*s", (int)strcspn(test->name, "."),
			      test->name);

	fputs("    <testcase", file);
	put_attribute(file, "classname", group);
	put_attribute(file, "name", test->name + strlen(group) +
		      (test->name[strlen(group)] == '.'));
	if (test->seconds >= 0)
		fprintf(file, " time=\"%.3f\"", test->seconds);
	put_result(file, test);
	free(group);
}

static void write_testsuite(FILE *file, const struct report *report,
			    const struct part *part)
{
	const struct test *tests = report->tests + part->first;
	char begin[32];

	strftime(begin, sizeof(begin), "%Y-%m-%dT%H:%M:%S",
		 gmtime(&part->begin));
	fputs("  <testsuite", file);
	put_attribute(file, "name", part->name);
	put_totals(file, tests, part->count);
	fprintf(file, " skipped=\"%zu\" timestamp=\"%s\">\n    <properties>\n",
		count_of(tests, part->count, SKIPPED), begin);
	fputs("      <property name=\"kernel\"", file);
	put_attribute(file, "value", report->kernel);
	fputs("/>\n      <property name=\"module\"", file);
	put_attribute(file, "value", report->module);
	fputs("/>\n    </properties>\n", file);
	for (size_t i = 0; i < part->count; i++)
		write_testcase(file, &tests[i]);
	fputs("  </testsuite>\n", file);
}

void write_junit(FILE *file, const struct report *report)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	      "<testsuites name=\"shmcount\"", file);
	put_totals(file, report->tests, report->test_count);
	fputs(">\n", file);
	for (size_t i = 0; i < report->part_count; i++)
		write_testsuite(file, report, &report->parts[i]);
	fputs("</testsuites>\n", file);
}

/* ---- JSON ---- */

static void write_json_part(struct json *json, const struct part *part)
{
	json_open(json, NULL, '{');
	json_string(json, "name", part->name);
	json_number(json, "status", 0, part->status);
	if (part->error)
		json_string(json, "error", part->error);
	json_close(json, '}');
}

static void write_json_test(struct json *json, const struct test *test)
{
	json_open(json, NULL, '{');
	json_string(json, "name", test->name);
	json_string(json, "part", test->part->name);
	json_string(json, "result", test->result == PASSED ? "passed" :
		    test->result == SKIPPED ? "skipped" : "failed");
	if (test->seconds >= 0)
		json_number(json, "seconds", 3, test->seconds);
	if (test->result != PASSED)
		json_string(json, "reason", test->reason);
	if (*test->output)
		json_string(json, "output", test->output);
	json_string(json, "command", test->command);
	json_close(json, '}');
}

static time_t begin_of(const struct report *report)
{
	time_t begin = report->parts[0].begin;

	for (size_t i = 0; i < report->part_count; i++)
		if (report->parts[i].begin < begin)
			begin = report->parts[i].begin;
	return begin;
}

void write_json(FILE *file, const struct report *report)
{
	const struct test *tests = report->tests;
	struct json json = { .file = file };
	time_t begin = begin_of(report);
	size_t count = report->test_count;
	char when[32];

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&begin));
	json_open(&json, NULL, '{');
	json_string(&json, "kernel", report->kernel);
	json_string(&json, "module", report->module);
	json_string(&json, "when", when);
	json_open(&json, "totals", '{');
	json_number(&json, "passed", 0, count_of(tests, count, PASSED));
	json_number(&json, "failed", 0, failed_of(tests, count));
	json_number(&json, "skipped", 0, count_of(tests, count, SKIPPED));
	json_close(&json, '}');
	json_open(&json, "parts", '[');
	for (size_t i = 0; i < report->part_count; i++)
		write_json_part(&json, &report->parts[i]);
	json_close(&json, ']');
	json_open(&json, "tests", '[');
	for (size_t i = 0; i < count; i++)
		write_json_test(&json, &tests[i]);
	json_close(&json, ']');
	json_close(&json, '}');
}
