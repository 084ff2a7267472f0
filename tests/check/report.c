// SPDX-License-Identifier: GPL-2.0
/*
 * Merges the results of the parts of make check into one report.
 *
 *   report -k KERNEL -m MODULE -a COMMAND DIRECTORY PART...
 *
 * For each part DIRECTORY/parts/ has PART.list (the tests that it was to run, one a
 * line, written when it began), PART.tap (its output) and PART.status (its exit
 * status); of a guest also PART.verdict, its record. The report goes to DIRECTORY/tap,
 * DIRECTORY/junit.xml and DIRECTORY/json, which name KERNEL and MODULE; COMMAND
 * TESTS='NAME' runs a test again. Standard output gets each failure with its reason;
 * the last line is "N passed, N failed".
 * Exit status: 0 none failed, 1 some did or a file could not be written, 2 usage.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "status.h"

enum { LINES_AT_EACH_END = 10 };

static struct report report;

static size_t lines_of(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Of a long output print the first and the last lines. */
static void print_output(const char *text)
{
	size_t lines = lines_of(text), left_out = 0;

	if (lines > 2 * LINES_AT_EACH_END + 1)
		left_out = lines - 2 * LINES_AT_EACH_END;
	for (size_t i = 0; *text; i++) {
		int length = strcspn(text, "\n");

		if (i < LINES_AT_EACH_END || i >= left_out + LINES_AT_EACH_END)
			printf("  %.*s\n", length, text);
		else if (i == LINES_AT_EACH_END)
			printf("  (%zu lines more are in %s/tap)\n", left_out,
			       report.directory);
		text += length + 1;
	}
}

static void print_failure(const struct test *test)
{
	const char *name = test->name;

	if (test->tally->runs > 1)
		printf("\nfailed: %s (%s), %zu of %zu runs, first as %s\n",
		       test->base, test->part->program, test->tally->failed,
		       test->tally->runs, name);
	else
		printf("\nfailed: %s (%s)\n", name, test->part->name);
	print_output(test->output);
	if (!strstr(test->output, test->reason))
		printf("  %s\n", test->reason);
	printf("  again: %s\n", test->command);
}

static void print_not_run(const struct part *part)
{
	size_t count = count_of(report.tests + part->first, part->count,
				NOT_RUN);

	printf("\nfailed: %zu test%s of %s did not run: %s\n", count,
	       count == 1 ? "" : "s", part->name, part->error);
	print_output(part->output);
	printf("  again: %s\n", command_of(&report, part, NOT_RUN));
}

/* Returns how many failed. */
static size_t print_summary(void)
{
	size_t passed = count_of(report.tests, report.test_count, PASSED);
	size_t skipped = count_of(report.tests, report.test_count, SKIPPED);
	size_t failed = failed_of(report.tests, report.test_count);

	for (size_t i = 0; i < report.test_count; i++) {
		struct test *test = &report.tests[i];

		if (test->result == FAILED && !test->tally->reported) {
			test->tally->reported = true;
			print_failure(test);
		}
	}
	for (size_t i = 0; i < report.part_count; i++)
		if (count_of(report.tests + report.parts[i].first,
			     report.parts[i].count, NOT_RUN))
			print_not_run(&report.parts[i]);
	if (failed)
		printf("\n");
	if (skipped)
		printf("# %zu skipped, each with its reason above\n", skipped);
	printf("%zu passed, %zu failed\n", passed, failed);
	return failed;
}

static bool write_file(const char *name,
		       void (*write)(FILE *file, const struct report *report))
{
	char *path = text_of("%s/%s", report.directory, name);
	FILE *file = fopen(path, "we");
	bool ok = file;

	if (file) {
		write(file, &report);
		ok = !ferror(file);
		ok = !fclose(file) && ok;
	}
	if (!ok)
		fprintf(stderr, "report: cannot write %s: %s\n", path,
			strerror(errno));
	free(path);
	return ok;
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: report -k KERNEL -m MODULE -a COMMAND DIRECTORY PART...\n");
	exit(STATUS_USAGE);
}

static char **parse(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "k:m:a:")) != -1) {
		switch (option) {
		case 'k':
			report.kernel = cleaned(optarg, strlen(optarg));
			break;
		case 'm':
			report.module = cleaned(optarg, strlen(optarg));
			break;
		case 'a':
			report.again = cleaned(optarg, strlen(optarg));
			break;
		default:
			usage();
		}
	}
	if (!report.kernel || !report.module || !report.again || argc - optind < 2)
		usage();
	report.directory = argv[optind];
	return argv + optind + 1;
}

int main(int argc, char *argv[])
{
	char **names = parse(argc, argv);
	bool written = true;

	read_report(&report, names);
	written &= write_file("tap", write_tap);
	written &= write_file("junit.xml", write_junit);
	written &= write_file("json", write_json);
	return print_summary() || !written;
}
