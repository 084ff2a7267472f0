// SPDX-License-Identifier: GPL-2.0
/*
 * Checks modules by the steps of the lab (make lab): each step has a guest of its own,
 * which runs the tests of the step, and a line for each says whether they pass. If a
 * test crashes, or leaves the module loaded, another guest goes on after it.
 *
 * Usage: lab [-a] [-m MISTAKES] [-r COMMAND] [-s STEP[-STEP]] DIR STEPS MODULE...
 *
 * It runs in the tree. DIR gets the files of the guests of the last step, guest.*,
 * guest-2.*, ... (guest/run.h). STEPS is the table (kmod/lab/steps). lab stops at the
 * first step that does not pass, lists what failed there, and says what comes next. -a
 * checks all steps with each module, and lists nothing. -s checks one step, or from one
 * to another. -m is the table of frequent mistakes (kmod/lab/mistakes), which has a
 * question about some of the failures. -r is the command that starts lab, up to the
 * number of a step (make lab STEP=).
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
#include "guest/where.h"
#include "log.h"
#include "mistakes.h"
#include "steps.h"
#include "util.h"

static const char usage[] =
	"usage: lab [-a] [-m MISTAKES] [-r COMMAND] [-s STEP[-STEP]] DIR STEPS MODULE...";

/* Guests that may crash in a step. What hangs takes long: after it none is started. */
enum { MAX_CRASHES = 4 };

static char *suite[MAX_GUEST_TESTS];	/* all its tests */
static int suite_count;
static struct steps steps;
static char **modules;
static int module_count;
static bool take_all;		/* -a */
static const char *mistakes = "";	/* -m */
static const char *again = "make lab STEP=";	/* -r */

/* The steps to check with each module. */
static int first_step, step_count;

/* All there is to check: module by module, the steps of each in order. */
static int done;		/* so many of them */
static unsigned int *passes;	/* the steps that each module passes, as bits */
static bool failed;		/* some step of some module */
static const char *last_words;	/* the log of the first guest that crashed, or NULL */
static const char *log_of_first;	/* that of the failure that is shown first, or NULL */

static const char *directory;	/* DIR */
static struct guest_run run;	/* the last guest */
static struct result tests[MAX_GUEST_TESTS];	/* of the step */
static char *told[MAX_GUEST_TESTS];	/* what the kernel's log has of each (log.h), or NULL */
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

	snprintf(name, sizeof(name), "%s", basename(module));
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

static bool has_ended_guest(const struct result *test)
{
	return test->result == CRASHED || (run.ended && test == run.last);
}

/* What failed in the step: crashes first, then as in the table, where the first says most. */
static struct result *wrong[MAX_GUEST_TESTS];
static int wrong_count;

static void list_wrong(void)
{
	const struct step *step = step_of(done);

	wrong_count = 0;
	for (int t = 0; t < test_count; t++)
		if (has_ended_guest(&tests[t]))
			wrong[wrong_count++] = &tests[t];
	for (int p = 0; p < step->test_count; p++)
		for (int t = 0; t < test_count; t++) {
			bool listed = !has_failed(&tests[t]) || has_ended_guest(&tests[t]) ||
				      !is_in(step, p, tests[t].name);

			for (int w = 0; w < wrong_count && !listed; w++)
				listed = wrong[w] == &tests[t];
			if (!listed)
				wrong[wrong_count++] = &tests[t];
		}
}

/* Why it failed, without the line of the test that says so. */
static const char *reason_of(const struct result *test)
{
	const char *reason = strncmp(test->why, "tests/", 6) ? NULL : strstr(test->why, ": ");

	return reason ?: test->why;
}

/* Crashes and hangs are the same in the same line of the module, whatever the address. */
static bool are_alike(const struct result *a, const struct result *b)
{
	size_t line = a->where ? strcspn(a->where, "\n") : 0;

	if (a->result != b->result)
		return false;
	if (line && b->where)
		return strcspn(b->where, "\n") == line && !strncmp(a->where, b->where, line);
	return !strcmp(reason_of(a), reason_of(b));
}

/* What the log has of a failure, in its order: what came before a crash may be its cause. */
static char *seen_in_log(const struct result *test)
{
	return text_of("%s%s", told[test - tests] ?: "", test->where ?: "");
}

static void put_lines(const char *lines)
{
	for (const char *c = lines; *c; c += strcspn(c, "\n") + 1)
		printf("    %.*s\n", (int)strcspn(c, "\n"), c);
}

/* The other tests that failed as this one did; forget them. Returns false if there are none. */
static bool put_alike(const struct result *test, const char *before, const char *between)
{
	bool any = false;

	for (int w = 0; w < wrong_count; w++)
		if (wrong[w] && wrong[w] != test && are_alike(test, wrong[w])) {
			printf("%s%s", before, wrong[w]->name);
			before = between;
			wrong[w] = NULL;
			any = true;
		}
	return any;
}

/* If this failure is a frequent one, ask what leads to its reason. */
static void ask_about(const struct result *test)
{
	const char *question = question_about(mistakes, test->name,
					      text_of("%s\n%s", test->why, seen_in_log(test)));

	if (question)
		printf("    %s\n", question);
}

/* The first failure stands in the line of the step; tell the others. */
static void put_others(int not_run)
{
	put_lines(seen_in_log(wrong[0]));
	ask_about(wrong[0]);
	if (put_alike(wrong[0], "    the same: ", ", "))
		printf("\n");
	for (int w = 1; w < wrong_count; w++) {
		const struct result *test = wrong[w];

		if (!test)
			continue;
		printf("  also %s", test->name);
		put_alike(test, ", ", ", ");
		printf(": %s\n", test->why);
		put_lines(seen_in_log(test));
		ask_about(test);
	}
	if (not_run)
		printf("  %d more %s not run\n", not_run, not_run == 1 ? "test was" : "tests were");
}

static char *files_of_guest(int number)
{
	return number == 1 ? text_of("%s/guest", directory) :
			     text_of("%s/guest-%d", directory, number);
}

/* Say how the step went; returns true if it passed. */
static bool judge(void)
{
	int right = 0, skipped = 0, not_run = 0;
	const char *why = "";

	for (int t = 0; t < test_count; t++) {
		right += tests[t].result == PASSED;
		not_run += tests[t].result == NOT_RUN;
		if (tests[t].result == SKIPPED && !skipped++ && tests[t].why)
			why = text_of(": %s", tests[t].why);
	}
	list_wrong();
	if (!wrong_count && !right) {
		say("not yet", ": none of its tests can run on this kernel");
		return false;
	}
	if (!wrong_count) {
		if (skipped)
			say("passed", ", but %d of its tests cannot run in this guest%s",
			    skipped, why);
		else
			say("passed", "");
		return true;
	}
	if (has_ended_guest(wrong[0]))
		say(wrong[0]->result == CRASHED ? "crash" : "hang", ": %s: %s",
		    wrong[0]->name, wrong[0]->why);
	else
		say("not yet", ": %s: %s (%d of %d tests pass)", wrong[0]->name,
		    wrong[0]->why, right, test_count - skipped);
	log_of_first = guest_file(files_of_guest(wrong[0]->guest), "log");
	if (!take_all)
		put_others(not_run);
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

/* The module is one that was built on this machine, or by whom runs this. */
static const char *run_addr2line_here(const char *module, char *const command[])
{
	char *args[32] = { NULL };
	char *output = text_of("%s/lines", directory);

	for (size_t i = 0; i < ARRAY_SIZE(args) - 1 && command[i]; i++)
		args[i] = strcmp(command[i], "MODULE") ? command[i] : (char *)module;
	return run_child(args, output) ? NULL : output;
}

static const struct addr2line addr2line = { run_addr2line_here };

/* Those of an earlier step, or of an earlier run, would be taken for this one's. */
static void remove_files_of_guests(void)
{
	static const char *const ends[] = { "tap", "err", "log", "verdict" };
	bool removed = false;

	/* A run that was interrupted may have removed those of the first. */
	for (int number = 1; removed || number <= 2; number++) {
		removed = false;
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
			removed |= !unlink(guest_file(files_of_guest(number), ends[i]));
	}
}

/* Read in its log what the tests that failed made the module say. */
static void read_log(void)
{
	for (int t = 0; t < test_count; t++)
		if ((has_failed(&tests[t]) || has_ended_guest(&tests[t])) &&
		    tests[t].guest == run.number)
			told[t] = told_by_log(guest_file(run.files, "log"), tests[t].name,
					      module_of(done));
}

/* Run the tests that are chosen. */
static void run_guest(void)
{
	/* One test without end is enough. */
	char *args[] = {
		"tests/guest/vm.sh", "-m", module_of(done), "tap", "suite", "-e", "1",
		NULL
	};
	int status;

	run.files = files_of_guest(++run.number);
	start_guest(&run, 240, args);
	await_child(&status);
	read_guest(&run);
	if (is_early_end(&run))
		end_without_guest(status);
	if (!take_all) {
		locate(&run, module_of(done), &addr2line);
		read_log();
	}
	if (run.ended && !last_words)
		last_words = guest_file(run.files, "log");
}

/* Choose those of the first so many tests of the step that have no result yet. */
static bool choose_tests(int count)
{
	run.count = 0;
	for (int t = 0; t < count; t++)
		if (tests[t].result == NOT_RUN)
			run.tests[run.count++] = &tests[t];
	return run.count;
}

/* Run them in as many guests as it takes; returns false if one has failed. */
static bool run_guests(int count)
{
	int crashes = 0;
	bool passed = true, go_on = true;

	while (go_on && choose_tests(count)) {
		run_guest();
		go_on = run.stuck || (run.ended && run.last->result == CRASHED &&
				      ++crashes < MAX_CRASHES && !take_all);
	}
	for (int t = 0; t < count; t++)
		passed = passed && (tests[t].result == PASSED || tests[t].result == SKIPPED);
	return passed;
}

static void add_tests(const struct step *step, int first_pattern, int patterns)
{
	for (int t = 0; t < suite_count; t++)
		for (int p = first_pattern; p < patterns; p++) {
			bool is_new = is_in(step, p, suite[t]);

			for (int i = 0; i < test_count && is_new; i++)
				is_new = strcmp(tests[i].name, suite[t]);
			if (is_new)
				tests[test_count++] = (struct result) { .name = suite[t] };
		}
}

static void check_step(void)
{
	const struct step *step = step_of(done);
	int alone = 0;

	test_count = 0;
	memset(told, 0, sizeof(told));
	run.number = 0;
	remove_files_of_guests();
	if (step->begins_alone) {
		add_tests(step, 0, 1);
		alone = test_count;
	}
	add_tests(step, 0, step->test_count);
	if (!alone || run_guests(alone))
		run_guests(test_count);
	if (judge())
		passes[done / step_count] |= 1U << step->number;
	else
		failed = true;
	done++;
}

/* The length of the command that checks all steps. */
static int length_of_again(void)
{
	const char *step = strstr(again, " STEP=");
	size_t length = strlen(again);

	if (step && !step[6])
		return step - again;
	return length && again[length - 1] == ' ' ? length - 1 : length;
}

/* Tell a student how far they are, and where to go on. */
static void encourage(void)
{
	const struct step *last = step_of(done - 1), *next = failed ? last : last + 1;
	int passed = __builtin_popcount(passes[0]);

	if (last_words)
		printf("The kernel's last words are in %s.\n", last_words);
	else if (log_of_first)
		printf("The kernel's log of it is %s.\n", log_of_first);
	if (!failed && step_count == steps.count) {
		printf("All %d steps pass. Well done.\n", steps.count);
		return;
	}
	if (failed && step_count == 1) {
		printf("Step %d is not there yet; kmod/lab/README.md has what to read for it.\n",
		       last->number);
		return;
	}
	if (step_count == steps.count && passed == 1)
		printf("A good start: it loads and unloads.");
	else if (step_count == steps.count)
		printf("%d of %d steps pass.", passed, steps.count);
	else if (step_count == 1)
		printf("Step %d passes.", last->number);
	else
		printf("%d of these %d steps pass.", passed, step_count);
	if (first_step == 1)
		printf(" Step 1 was not run.");
	else if (first_step)
		printf(" The steps 1 to %d were not run.", first_step);
	if (!failed && last->number == steps.count)
		printf(" That was the last one: %.*s checks all of them.\n", length_of_again(), again);
	else
		printf(" Next is step %d, %s: see kmod/lab/README.md;\n%s%d checks just that.\n",
		       next->number, next->title, again, next->number);
}

/* "4", "2-4", or "" for all. */
static void choose_steps(const char *text)
{
	char *from = text_of("%s", text), *to = from;
	unsigned long first, last;

	strsep(&to, "-");
	step_count = steps.count;
	if (!*text)
		return;
	if (!parse_number(from, 1, steps.count, &first) ||
	    !parse_number(to ?: from, first, steps.count, &last))
		die(STATUS_USAGE, "there is no step %s: they are 1 to %d, and 2-4 is three of them",
		    text, steps.count);
	first_step = first - 1;
	step_count = last - first + 1;
}

int main(int argc, char *argv[])
{
	const char *step = "";
	int option;

	while ((option = getopt(argc, argv, "am:r:s:")) != -1) {
		if (option == 'a')
			take_all = true;
		else if (option == 'm')
			mistakes = optarg;
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
	directory = argv[0];
	if (!read_steps(&steps, argv[1]))
		die(STATUS_USAGE, "%s: %s", argv[1], steps.wrong);
	modules = argv + 2;
	passes = calloc(module_count, sizeof(*passes));
	choose_steps(step);
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
