// SPDX-License-Identifier: GPL-2.0
/*
 * Checks modules by the steps of the lab (make lab): has a guest run the tests
 * of each step with each module, and says in a line for each whether they pass.
 *
 * Usage: lab [-a] [-s STEP] STEPS MODULE...
 *
 * STEPS is the table (kmod/lab/steps). It stops at the first step that does not
 * pass, and says what comes next; with -a it takes all of them, each module in
 * turn, in as many guests as it takes: a crash costs its step and no other. -s
 * is for one step only. AGAIN in the environment is the command that this was
 * started by, but for STEP=.
 *
 * Exit status 0: all passed; 1: some did not; 2: usage, or a table that is
 * wrong; 125: no guest; 130: interrupted.
 */
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mutants/batch_report.h"
#include "runner/vm.h"
#include "steps.h"

enum {
	STATUS_NOT_YET = 1,
	STATUS_USAGE = 2,
	STATUS_NO_GUEST = 125,
	STATUS_INTERRUPTED = 130,
};

static const char usage[] = "usage: lab [-a] [-s STEP] STEPS MODULE...";

static struct steps steps;
static char **modules;
static int module_count;
static bool take_all;		/* -a */

/* The steps to do, for each module: from the first on, so many. */
static int first_step, step_count;

/* What a guest was given: module by module, the steps of each in order. */
static int done;		/* of all that is to do */
static unsigned int *passes;	/* of each module the steps, as bits */
static bool failed;		/* some step of some module */
static bool crashed;		/* or it hangs */
static sighandler_t interrupt;	/* what it does to whoever we start */

static _Noreturn __attribute__((format(printf, 2, 3)))
void die(int status, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "lab: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(status);
}

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

/* The runner puts one into the guest as shmcount.ko, in place of ours. */
static bool is_in_place(const char *module)
{
	return module_count == 1 || !strcmp(name_of(module), "shmcount");
}

static const char *guest_name_of(const char *module)
{
	return is_in_place(module) ? "shmcount" : name_of(module);
}

/* How many names are in a list of batch_report.h: a space before and behind each. */
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

/* For each module a line with the steps that it passes. */
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

/* Of what failed, that which the table has first: it says most. */
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

/* What the guest itself has said of one module and step. */
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

/* The kernel came to its end, or the guest stands still. */
static void judge_end(int n, const struct batch_report *report, int status,
		      const char *when)
{
	say(n, status == VM_STATUS_CRASH ? "crash" : "hang", ": %s: %s", when,
	    report->end);
	crashed = true;
	conclude(n, false);
}

/* What the guest was at, in its own words. */
static const char *begun(const struct batch_report *report)
{
	const char *test = report->results[report->count].begun;

	return test[0] ? test : "before the first test";
}

/* Every test of the table has to be one: the suite knows. */
static void check_tests(void)
{
	char *args[MAX_STEP_TESTS + 3] = { "build/guest/suite", "-l" };

	for (int i = 0; i < steps.count; i++) {
		const struct step *step = &steps.steps[i];
		int status;
		pid_t pid = fork();

		if (!pid) {
			memcpy(args + 2, step->tests, sizeof(step->tests));
			if (!freopen("/dev/null", "w", stdout))
				_exit(127);
			execv(args[0], args);
			perror(args[0]);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			die(STATUS_USAGE, "step %d of the table has a test that is none",
			    step->number);
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

static _Noreturn void become_guest(int from, int to)
{
	char *args[5 + 2 * MAX_BATCH] = {
		getenv("GUEST_RUNNER") ?: "tests/vm.sh", "tap", "batch",
	};
	char *files = NULL, limit[16];
	size_t size;
	FILE *stream = open_memstream(&files, &size);
	int count = 3;

	if (!take_all)
		args[count++] = "-x";
	for (int n = from; n < to; n++) {
		args[count++] = strdup(guest_name_of(module_of(n)));
		args[count++] = tests_of(step_of(n));
	}
	setenv("KMOD", modules[0], 1);
	for (int i = 0; i < module_count; i++)
		if (is_in_place(modules[i]))
			setenv("KMOD", modules[i], 1);
		else
			fprintf(stream, "%s ", modules[i]);
	fclose(stream);
	setenv("FILES", files, 1);
	snprintf(limit, sizeof(limit), "%d", 240 + 30 * (to - from));
	setenv("LIMIT", limit, 1);
	execvp(args[0], args);
	perror(args[0]);
	_exit(127);
}

/* Start it with its report into a pipe; what it says besides is kept apart. */
static FILE *start_guest(int from, int to, FILE *errors, pid_t *pid)
{
	int report[2];

	if (pipe(report))
		die(STATUS_NO_GUEST, "cannot make a pipe");
	fflush(stdout);
	*pid = fork();
	if (*pid < 0)
		die(STATUS_NO_GUEST, "cannot fork");
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		signal(SIGINT, interrupt);
		dup2(report[1], STDOUT_FILENO);
		dup2(fileno(errors), STDERR_FILENO);
		close(report[0]);
		close(report[1]);
		become_guest(from, to);
	}
	close(report[1]);
	return fdopen(report[0], "r");
}

/* The guest could not do its work: say so in its words, and end. */
static _Noreturn void end_without_guest(FILE *errors, int status)
{
	bool told = false;
	char line[1024];

	if (status == STATUS_INTERRUPTED)
		die(status, "interrupted");
	rewind(errors);
	while (fgets(line, sizeof(line), errors)) {
		fputs(line, stderr);
		told = true;
	}
	if (told && status == STATUS_NO_GUEST)
		exit(status);
	die(STATUS_NO_GUEST, "the guest could not be had, or did not come to its end (exit status %d)",
	    status);
}

/* In the step that was not done yet; or after all of them. */
static void judge_bad_end(int to, const struct batch_report *report, int status)
{
	if (done < to)
		judge_end(done++, report, status, begun(report));
	else
		judge_end(done - 1, report, status,
			  "when its tests had ended");
}

/* Take what is to do from here on through one guest, as far as that comes. */
static void run_guest(void)
{
	struct batch_report *report = calloc(1, sizeof(*report));
	FILE *errors = tmpfile(), *stream;
	int from = done, to = total(), status;
	char line[4096];
	pid_t pid;

	if (to > from + MAX_BATCH - 1)
		to = from + MAX_BATCH - 1;
	stream = start_guest(from, to, errors, &pid);
	while (fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		take_report_line(report, line);
		if (done - from < report->count &&
		    report->results[done - from].given) {
			judge(done, &report->results[done - from]);
			done++;
		}
	}
	fclose(stream);
	waitpid(pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_INTERRUPTED;
	if (status == VM_STATUS_CRASH || status == VM_STATUS_HANG)
		judge_bad_end(to, report, status);
	else if (status > 1 || done == from)
		end_without_guest(errors, status);
	fclose(errors);
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
	       step->number, step->title, getenv("AGAIN") ?: "make lab",
	       step->number);
}

/* For a student: how far they are, and where to go on. */
static void encourage(void)
{
	const struct step *step = step_of(done - 1);

	if (crashed && getenv("CONSOLE"))
		printf("The kernel's last words are in %s.\n",
		       getenv("CONSOLE"));
	if (!failed && step_count > 1)
		printf("All %d steps pass: that is the whole of it. Well done.\n",
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
	char *end;
	long number = strtol(text, &end, 10);

	step_count = steps.count;
	if (!*text)
		return;
	if (*end || number < 1 || number > steps.count)
		die(STATUS_USAGE, "there is no step %s: they are 1 to %d", text,
		    steps.count);
	first_step = number - 1;
	step_count = 1;
}

int main(int argc, char *argv[])
{
	const char *step = "";
	int option;

	while ((option = getopt(argc, argv, "as:")) != -1) {
		if (option == 'a')
			take_all = true;
		else if (option == 's')
			step = optarg;
		else
			die(STATUS_USAGE, "%s", usage);
	}
	if (argc - optind < 2 || (argc - optind > 2 && !take_all))
		die(STATUS_USAGE, "%s", usage);
	if (!read_steps(&steps, argv[optind]))
		die(STATUS_USAGE, "%s: %s", argv[optind], steps.wrong);
	modules = argv + optind + 1;
	module_count = argc - optind - 1;
	passes = calloc(module_count, sizeof(*passes));
	choose_step(step);
	check_tests();
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* The guest's: it ends, and so do we. */
	interrupt = signal(SIGINT, SIG_IGN);

	while (done < total() && (take_all || !failed))
		run_guest();
	if (take_all)
		sum_up();
	else
		encourage();
	return failed ? STATUS_NOT_YET : 0;
}
