// SPDX-License-Identifier: GPL-2.0
/*
 * Checks modules by the steps of the lab (make lab): each step has a guest of its own,
 * which runs the tests of the step, and a line for each says whether they pass. If a
 * test leaves the module loaded, another guest goes on after it.
 *
 * Usage: lab [-a] [-r COMMAND] [-s STEP] DIR STEPS MODULE...
 *
 * It runs in the tree. DIR gets the files of the last guest, guest.* (guest/run.h).
 * STEPS is the table (kmod/lab/steps). lab stops at the first step that does not pass,
 * and says what comes next. -a checks all steps with each module. -s checks one step.
 * -r is the command that starts lab, up to the number of a step (make lab STEP=).
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
#include "guest/run.h"
#include "steps.h"
#include "util.h"

static const char usage[] =
	"usage: lab [-a] [-r COMMAND] [-s STEP] DIR STEPS MODULE...";

static char *suite[MAX_GUEST_TESTS];	/* all its tests */
static int suite_count;
static struct steps steps;
static char **modules;
static int module_count;
static bool take_all;		/* -a */
static const char *again = "make lab STEP=";	/* -r */

/* The steps to check with each module. */
static int first_step, step_count;

/* All there is to check: module by module, the steps of each in order. */
static int done;		/* so many of them */
static unsigned int *passes;	/* the steps that each module passes, as bits */
static bool failed;		/* some step of some module */
static bool crashed;		/* or it hangs */

static struct guest_run run;	/* the last guest; its files are DIR/guest */
static struct result tests[MAX_GUEST_TESTS];	/* of the step */
static int test_count;

static char *module_of(int n)
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

static void say(const char *how, const char *format, ...)
{
	va_list args;

	if (take_all)
		printf("%s: ", name_of(module_of(done)));
	printf("step %d, %s: %s", step_of(done)->number, step_of(done)->title, how);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
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

static bool is_in(const struct step *step, int pattern, const char *name)
{
	return !fnmatch(step->tests[pattern], name, 0);
}

static bool has_failed(const struct result *test)
{
	return test->result == FAILED || test->result == HUNG;
}

/* The failure whose test comes first in the table: it says most. */
static const struct result *first_failure(void)
{
	const struct step *step = step_of(done);

	for (int p = 0; p < step->test_count; p++)
		for (int t = 0; t < test_count; t++)
			if (has_failed(&tests[t]) && is_in(step, p, tests[t].name))
				return &tests[t];
	return NULL;
}

/* Say how the step went; returns true if it passed. */
static bool judge(void)
{
	const struct result *first = first_failure();
	int wrong = 0, right = 0, skipped = 0;

	for (int t = 0; t < test_count; t++) {
		wrong += has_failed(&tests[t]);
		right += tests[t].result == PASSED;
		skipped += tests[t].result == SKIPPED;
	}
	if (run.ended) {
		crashed = true;
		say(run.last->result == CRASHED ? "crash" : "hang", ": %s: %s",
		    run.last->name, run.last->why);
	} else if (wrong) {
		say("not yet", ": %s: %s (%d of %d tests pass)", first->name, first->why,
		    right, test_count - skipped);
	} else if (!right) {
		say("not yet", ": none of its tests can run on this kernel");
	} else {
		if (skipped)
			say("passed", ", but %d of its tests cannot run in this guest", skipped);
		else
			say("passed", "");
		return true;
	}
	return false;
}

/* The tests of each step are in the suite. */
static void check_tests(void)
{
	suite_count = list_tests("build/guest/suite", suite);
	for (int i = 0; i < steps.count; i++) {
		const struct step *step = &steps.steps[i];

		for (int p = 0; p < step->test_count; p++) {
			bool found = false;

			for (int t = 0; t < suite_count; t++)
				found = found || is_in(step, p, suite[t]);
			if (!found)
				die(STATUS_USAGE, "step %d of the table names a test that does not exist: %s",
				    step->number, step->tests[p]);
		}
	}
}

/* There was no guest, or it could not do its work: print its errors, and exit. */
static _Noreturn void end_without_guest(int status)
{
	FILE *errors = fopen(guest_file(run.files, "err"), "re");
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

/* Run the tests of the step that have no result yet. */
static void run_guest(void)
{
	/* One test without end is enough. */
	char *args[] = {
		"tests/guest/vm.sh", "-m", module_of(done), "tap", "suite", "-e", "1",
		NULL
	};
	int status;

	run.count = 0;
	for (int t = 0; t < test_count; t++)
		if (tests[t].result == NOT_RUN)
			run.tests[run.count++] = &tests[t];
	start_guest(&run, 240, args);
	await_child(&status);
	read_guest(&run);
	if (is_early_end(&run))
		end_without_guest(status);
}

static void check_step(void)
{
	const struct step *step = step_of(done);

	test_count = 0;
	for (int t = 0; t < suite_count; t++)
		for (int p = 0; p < step->test_count; p++)
			if (is_in(step, p, suite[t])) {
				tests[test_count++] = (struct result) { .name = suite[t] };
				break;
			}
	do {
		run_guest();
	} while (run.stuck && run.last != run.tests[run.count - 1]);
	if (judge())
		passes[done / step_count] |= 1U << step->number;
	else
		failed = true;
	done++;
}

static void say_what_is_next(const struct step *step)
{
	int passed = __builtin_popcount(passes[0]);

	if (passed == 1)
		printf("A good start: it loads and unloads.");
	else
		printf("%d of %d steps pass.", passed, steps.count);
	printf(" Next is step %d, %s: see kmod/lab/README.md;\n%s%d checks just that.\n",
	       step->number, step->title, again, step->number);
}

/* Tell a student how far they are, and where to go on. */
static void encourage(void)
{
	const struct step *step = step_of(done - 1);

	if (crashed)
		printf("The kernel's last words are in %s.log.\n", run.files);
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
	run.files = text_of("%s/guest", argv[0]);
	if (!read_steps(&steps, argv[1]))
		die(STATUS_USAGE, "%s: %s", argv[1], steps.wrong);
	modules = argv + 2;
	passes = calloc(module_count, sizeof(*passes));
	choose_step(step);
	check_tests();
	setvbuf(stdout, NULL, _IOLBF, 0);

	while (done < module_count * step_count && (take_all || !failed))
		check_step();
	if (take_all)
		sum_up();
	else
		encourage();
	return failed ? STATUS_FAILED : 0;
}
