// SPDX-License-Identifier: GPL-2.0
/*
 * Checks modules by the steps of the lab (make lab): a guest runs the tests of each
 * step with each module, and a line for each step says whether they pass.
 *
 * Usage: lab [-a] [-r COMMAND] [-s STEP] DIR STEPS MODULE...
 *
 * It runs in the tree. DIR gets the files of the last guest, guest.* (guest/run.h).
 * STEPS is the table (kmod/lab/steps). lab stops at the first step that does not pass,
 * and says what comes next. -a checks all steps with each module, in as many guests as
 * that takes: a crash costs its step and no other. -s checks one step. -r is the
 * command that started lab, without STEP= (make lab).
 *
 * Exit status 0: all passed; 1: some did not; 2: usage, or a wrong table; 125: no
 * guest; 130: interrupted.
 */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "guest/batch_report.h"
#include "guest/run.h"
#include "guest/verdict.h"
#include "steps.h"
#include "util.h"

static const char usage[] =
	"usage: lab [-a] [-r COMMAND] [-s STEP] DIR STEPS MODULE...";

static struct steps steps;
static char **modules;
static int module_count;
static bool take_all;		/* -a */
static const char *again = "make lab";	/* -r */

/* The steps to check with each module. */
static int first_step, step_count;

/* All there is to check: module by module, the steps of each in order. */
static int done;		/* so many of them */
static unsigned int *passes;	/* the steps that each module passes, as bits */
static bool failed;		/* some step of some module */
static bool crashed;		/* or it hangs */

static char *guest_files;	/* DIR/guest: see guest/run.h */
static FILE *report_file;
static struct batch_report *report;	/* of the guest that runs */

static int total(void)
{
	return module_count * step_count;
}

static const char *module_of(int n)
{
	return modules[n / step_count];
}

static const struct step *step_of(int n)
{
	return &steps.steps[first_step + n % step_count];
}

/* The name of a module, without its directory and ".ko". */
static const char *name_of(const char *module)
{
	static char name[128];
	const char *slash = strrchr(module, '/');

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : module);
	if (strstr(name, ".ko"))
		*strstr(name, ".ko") = '\0';
	return name;
}

/* The runner puts one module into the guest as shmcount.ko, in place of ours. */
static bool is_in_place(const char *module)
{
	return module_count == 1 || !strcmp(name_of(module), "shmcount");
}

static const char *guest_name_of(const char *module)
{
	return is_in_place(module) ? "shmcount" : name_of(module);
}

/* How many names a list of batch_report.h has: a space is before and after each. */
static int count_of(const char *list)
{
	int spaces = 0;

	for (; *list; list++)
		spaces += *list == ' ';
	return spaces ? spaces - 1 : 0;
}

static void say(int n, const char *how, const char *format, ...)
{
	va_list args;

	if (take_all)
		printf("%s: ", name_of(module_of(n)));
	printf("step %d, %s: %s", step_of(n)->number, step_of(n)->title, how);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

static void conclude(int n, bool ok)
{
	unsigned int bit = 1U << step_of(n)->number;

	failed = failed || !ok;
	if (ok)
		passes[n / step_count] |= bit;
	else
		passes[n / step_count] &= ~bit;
}

/* Print for each module the steps that it passes. */
static void sum_up(void)
{
	for (int m = 0; m < module_count; m++) {
		printf("%s passes", name_of(modules[m]));
		for (int i = 1; i <= steps.count; i++)
			if (passes[m] & 1U << i)
				printf(" %d", i);
		printf("%s\n", passes[m] ? "" : " none");
	}
}

/* The failure whose test comes first in the table: it says most. */
static const struct batch_failure *first_of(const struct step *step,
					    const struct batch_result *result)
{
	for (int t = 0; t < step->test_count; t++)
		for (int i = 0; i < result->failure_count; i++)
			if (!fnmatch(step->tests[t], result->failures[i].name,
				     0))
				return &result->failures[i];
	return &result->failures[0];
}

/* Judge one module and step by the guest's own report. */
static void judge(int n, const struct batch_result *result)
{
	const struct batch_failure *first = first_of(step_of(n), result);
	int wrong = count_of(result->failed);
	int right = count_of(result->passed);

	if (wrong)
		say(n, "not yet", ": %s: %s (%d of %d tests pass)",
		    first->name, first->why, right, right + wrong);
	else if (result->stuck)
		say(n, "not yet", ": the module cannot be unloaded any more");
	else if (!right)
		say(n, "not yet", ": none of its tests can run on this kernel");
	else
		say(n, "passed", "");
	conclude(n, right && !wrong && !result->stuck);
}

/* The kernel crashed, or the guest hangs. */
static void judge_end(int n, const struct vm_record *record, const char *when)
{
	say(n, record->status == STATUS_CRASH ? "crash" : "hang", ": %s: %s",
	    when, record->reason);
	crashed = true;
	conclude(n, false);
}

/* The test that the guest began last. */
static const char *begun(void)
{
	const char *test = report->results[report->count].begun;

	return test[0] ? test : "before the first test";
}

/* The suite must have every test of the table. */
static void check_tests(void)
{
	char *args[MAX_STEP_TESTS + 3] = { "build/guest/suite", "-l" };

	for (int i = 0; i < steps.count; i++) {
		int status;

		memcpy(args + 2, steps.steps[i].tests, sizeof(steps.steps[i].tests));
		start_child(args, "/dev/null", NULL);
		await_child(&status, NULL);
		if (status)
			die(STATUS_USAGE, "step %d of the table names a test that does not exist",
			    steps.steps[i].number);
	}
}

/* With commas between. */
static char *tests_of(const struct step *step)
{
	char *tests = NULL;
	size_t size;
	FILE *file = open_memstream(&tests, &size);

	for (int i = 0; i < step->test_count; i++)
		fprintf(file, "%s%s", i ? "," : "", step->tests[i]);
	fclose(file);
	return tests;
}

/* Start a guest for all there is to check from..to. */
static void start_lab_guest(int from, int to)
{
	char *args[MAX_GUEST_ARGS] = { "tests/guest/vm.sh" }, *module = modules[0];
	int count = 1;

	for (int i = 0; i < module_count; i++) {
		if (is_in_place(modules[i])) {
			module = modules[i];
			continue;
		}
		args[count++] = "-f";
		args[count++] = modules[i];
	}
	args[count++] = "-m";
	args[count++] = module;
	args[count++] = "tap";
	args[count++] = "batch";
	if (!take_all)
		args[count++] = "-x";
	for (int n = from; n < to; n++) {
		args[count++] = strdup(guest_name_of(module_of(n)));
		args[count++] = tests_of(step_of(n));
	}
	start_guest(guest_files, 240 + 30 * (to - from), args);
}

/* There was no guest, or it could not do its work: print its errors, and exit. */
static _Noreturn void end_without_guest(int status)
{
	FILE *errors = fopen(guest_file(guest_files, "err"), "re");
	bool told = false;
	char line[1024];

	while (errors && fgets(line, sizeof(line), errors)) {
		fputs(line, stderr);
		told = true;
	}
	if (told && status == STATUS_INFRASTRUCTURE)
		exit(status);
	die(STATUS_INFRASTRUCTURE, "no guest started, or it did not finish (exit status %d)",
	    status);
}

/* The guest ended within a step, or after the last one. */
static void judge_bad_end(int to, const struct vm_record *record)
{
	if (done < to)
		judge_end(done++, record, begun());
	else
		judge_end(done - 1, record, "when its tests had ended");
}

/* Take the lines of the report that are there by now. */
static void take_lines(void)
{
	static char *line;
	static size_t size;
	ssize_t length;

	clearerr(report_file);
	while ((length = getline(&line, &size, report_file)) > 0) {
		int count = report->count;

		if (line[length - 1] != '\n') {
			/* The runner is still writing it. */
			fseek(report_file, -length, SEEK_CUR);
			return;
		}
		line[length - 1] = '\0';
		take_report_line(report, line);
		if (report->count > count && report->results[count].given)
			judge(done++, &report->results[count]);
	}
}

/* Check what is left in one guest, as far as it comes. */
static void run_guest(void)
{
	int from = done, to = total(), status;
	struct vm_record record;

	if (to > from + MAX_BATCH - 1)
		to = from + MAX_BATCH - 1;
	report = calloc(1, sizeof(*report));
	report_file = fopen(guest_file(guest_files, "tap"), "w+e");
	if (!report || !report_file)
		die(STATUS_INFRASTRUCTURE, "cannot write %s.tap: %s", guest_files,
		    strerror(errno));
	start_lab_guest(from, to);
	await_child(&status, take_lines);
	take_lines();
	fclose(report_file);
	read_record(&record, guest_file(guest_files, "verdict"));
	if (record.status == STATUS_CRASH || record.status == STATUS_HANG)
		judge_bad_end(to, &record);
	else if (status > STATUS_FAILED || done == from)
		end_without_guest(status);
	free(report);
}

static void say_what_is_next(const struct step *step)
{
	int passed = __builtin_popcount(passes[0]);

	if (passed == 1)
		printf("A good start: it loads and unloads.");
	else
		printf("%d of %d steps pass.", passed, steps.count);
	printf(" Next is step %d, %s: see kmod/lab/README.md;\n%s STEP=%d checks just that.\n",
	       step->number, step->title, again, step->number);
}

/* Tell a student how far they are, and where to go on. */
static void encourage(void)
{
	const struct step *step = step_of(done - 1);

	if (crashed)
		printf("The kernel's last words are in %s.log.\n", guest_files);
	if (!failed && step_count > 1)
		printf("All %d steps pass. Well done.\n",
		       steps.count);
	else if (!failed)
		printf("Step %d passes.\n", step->number);
	else if (step_count == 1)
		printf("Step %d is not there yet; kmod/lab/README.md has what to read for it.\n",
		       step->number);
	else
		say_what_is_next(step);
}

static void choose_step(const char *text)
{
	unsigned long number;

	step_count = steps.count;
	if (!*text)
		return;
	if (!parse_number(text, 1, steps.count, &number))
		die(STATUS_USAGE, "there is no step %s: they are 1 to %d", text,
		    steps.count);
	first_step = number - 1;
	step_count = 1;
}

int main(int argc, char *argv[])
{
	const char *step = "";
	int option;

	while ((option = getopt(argc, argv, "ar:s:")) != -1) {
		if (option == 'a')
			take_all = true;
		else if (option == 'r')
			again = optarg;
		else if (option == 's')
			step = optarg;
		else
			die(STATUS_USAGE, "%s", usage);
	}
	argv += optind;
	module_count = argc - optind - 2;
	if (module_count < 1 || (module_count > 1 && !take_all))
		die(STATUS_USAGE, "%s", usage);
	prepare_for_children();
	guest_files = text_of("%s/guest", argv[0]);
	if (!read_steps(&steps, argv[1]))
		die(STATUS_USAGE, "%s: %s", argv[1], steps.wrong);
	modules = argv + 2;
	passes = calloc(module_count, sizeof(*passes));
	choose_step(step);
	check_tests();
	setvbuf(stdout, NULL, _IOLBF, 0);

	while (done < total() && (take_all || !failed))
		run_guest();
	if (take_all)
		sum_up();
	else
		encourage();
	return failed ? STATUS_FAILED : 0;
}
