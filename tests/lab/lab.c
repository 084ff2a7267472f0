// SPDX-License-Identifier: GPL-2.0
/*
 * Checks modules by the steps of the lab (make lab): a guest runs the tests of each
 * step with each module, and a line for each step says whether they pass.
 *
 * Usage: lab [-a] [-c FILE] [-r COMMAND] [-s STEP] STEPS MODULE...
 *
 * It runs in the tree. STEPS is the table (kmod/lab/steps). lab stops at the first step that does not
 * pass, and says what comes next. -a checks all steps with each module, in as many
 * guests as that takes: a crash costs its step and no other. -s checks one step.
 * -c names the file for the kernel's log. -r is the command that started lab, without
 * STEP= (make lab).
 *
 * Exit status 0: all passed; 1: some did not; 2: usage, or a wrong table; 125: no
 * guest; 130: interrupted.
 */
#include <fnmatch.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "guest/verdict.h"
#include "mutants/batch_report.h"
#include "steps.h"

static const char usage[] =
	"usage: lab [-a] [-c FILE] [-r COMMAND] [-s STEP] STEPS MODULE...";

static struct steps steps;
static char **modules;
static int module_count;
static bool take_all;		/* -a */
static char *log_path;		/* -c */
static const char *again = "make lab";	/* -r */

/* The steps to check with each module. */
static int first_step, step_count;

/* All there is to check: module by module, the steps of each in order. */
static int done;		/* so many of them */
static unsigned int *passes;	/* the steps that each module passes, as bits */
static bool failed;		/* some step of some module */
static bool crashed;		/* or it hangs */
static char record_path[32];	/* of the last guest's verdict */
static bool hears_interrupt;	/* we were not started to ignore SIGINT */

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
static const char *begun(const struct batch_report *report)
{
	const char *test = report->results[report->count].begun;

	return test[0] ? test : "before the first test";
}

/* The suite must have every test of the table. */
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
			die(STATUS_USAGE, "step %d of the table names a test that does not exist",
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
	char *module = modules[0], limit[16];
	char *args[13 + 2 * module_count + 2 * MAX_BATCH];
	int count = 0;

	snprintf(limit, sizeof(limit), "%d", 240 + 30 * (to - from));
	args[count++] = "tests/guest/vm.sh";
	if (log_path) {
		args[count++] = "-c";
		args[count++] = log_path;
	}
	args[count++] = "-r";
	args[count++] = record_path;
	args[count++] = "-t";
	args[count++] = limit;
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
	args[count] = NULL;
	execvp(args[0], args);
	perror(args[0]);
	_exit(127);
}

/* Start it; its report goes to a pipe, its errors to a file. */
static FILE *start_guest(int from, int to, FILE *errors, pid_t *pid)
{
	int report[2];

	if (pipe(report))
		die(STATUS_INFRASTRUCTURE, "cannot make a pipe");
	fflush(stdout);
	*pid = fork();
	if (*pid < 0)
		die(STATUS_INFRASTRUCTURE, "cannot fork");
	if (!*pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (hears_interrupt)
			signal(SIGINT, SIG_DFL);
		dup2(report[1], STDOUT_FILENO);
		dup2(fileno(errors), STDERR_FILENO);
		close(report[0]);
		close(report[1]);
		become_guest(from, to);
	}
	close(report[1]);
	return fdopen(report[0], "r");
}

/* There was no guest, or it could not do its work: print its errors, and exit. */
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
	if (told && status == STATUS_INFRASTRUCTURE)
		exit(status);
	die(STATUS_INFRASTRUCTURE, "no guest started, or it did not finish (exit status %d)",
	    status);
}

/* The guest ended within a step, or after the last one. */
static void judge_bad_end(int to, const struct batch_report *report,
			  const struct vm_record *record)
{
	if (done < to)
		judge_end(done++, record, begun(report));
	else
		judge_end(done - 1, record, "when its tests had ended");
}

/* Check what is left in one guest, as far as it comes. */
static void run_guest(void)
{
	struct batch_report *report = calloc(1, sizeof(*report));
	FILE *errors = tmpfile(), *record = tmpfile(), *stream;
	int from = done, to = total(), status;
	struct vm_record end;
	char line[4096];
	pid_t pid;

	if (!errors || !record)
		die(STATUS_INFRASTRUCTURE, "cannot make a temporary file");
	if (to > from + MAX_BATCH - 1)
		to = from + MAX_BATCH - 1;
	snprintf(record_path, sizeof(record_path), "/dev/fd/%d", fileno(record));
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
	read_record(&end, record_path);
	if (end.status == STATUS_CRASH || end.status == STATUS_HANG)
		judge_bad_end(to, report, &end);
	else if (status > 1 || done == from)
		end_without_guest(errors, status);
	fclose(errors);
	fclose(record);
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

	if (crashed && log_path)
		printf("The kernel's last words are in %s.\n", log_path);
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

	while ((option = getopt(argc, argv, "ac:r:s:")) != -1) {
		if (option == 'a')
			take_all = true;
		else if (option == 'c')
			log_path = optarg;
		else if (option == 'r')
			again = optarg;
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
	/* An interrupt ends the guest, and then us. */
	hears_interrupt = signal(SIGINT, SIG_IGN) != SIG_IGN;

	while (done < total() && (take_all || !failed))
		run_guest();
	if (take_all)
		sum_up();
	else
		encourage();
	return failed ? STATUS_FAILED : 0;
}
