// SPDX-License-Identifier: GPL-2.0
/*
 * The TAP harness: main(), and what harness.h says.
 *
 * Usage: PROGRAM [-l] [-r N] [-s K/N] [-e N] [NAME...], a NAME being a test or a
 * pattern ('sync.*'); -l lists, -r runs all that is chosen N times, as NAME.1 to
 * NAME.N, -s takes only each Nth test from the Kth on, so that N processes share
 * the work. -e ends early: after N tests that had no end, or where what a test
 * left cannot be put back. Exit status as in kselftest: 0 passed, 1 failed, 4
 * all skipped; 2 usage.
 *
 * The output is KTAP that other readers of TAP take too: version and plan
 * first, a flat list, "# " before all else. "# begin NAME" goes before each
 * test, so that what was running is known when the kernel stops, and
 * "# took SECONDS s" before its result. In a guest "test: NAME" is in the
 * kernel's log, too, before what the kernel says of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "signals.h"

enum {
	STATUS_FAIL = 1,
	STATUS_USAGE = 2,
	STATUS_SKIP = 4,
	STATUS_INTERRUPTED = 130,
};
enum { REAP_SECONDS = 3, OUTPUT_LINES = 100, REPEAT_MOST = 1000 };

enum outcome { PASSED, FAILED, SKIPPED, TIMED_OUT, UNKILLABLE };

/* Shared with all descendants of a test. */
static struct {
	atomic_int failures;
	atomic_bool returned;	/* the test came to its end */
	char skip_reason[200];
} *shared;

/* The signals that main() waits for: a child's, and those that end us. */
static const int signals[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP };
static sigset_t awaited;	/* these */
static bool interrupted;
static bool spoilt;		/* what a test left could not be put back */

/* Bounds that the linker makes for the section of that name. */
extern const struct test *const __start_tests[];
extern const struct test *const __stop_tests[];

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	atomic_fetch_add(&shared->failures, 1);
	fflush(stdout);
	va_start(args, format);
	dprintf(STDOUT_FILENO, "%s:%d: ", file, line);
	vdprintf(STDOUT_FILENO, format, args);
	dprintf(STDOUT_FILENO, "\n");
	va_end(args);
	_exit(STATUS_FAIL);
}

_Noreturn void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->skip_reason, sizeof(shared->skip_reason), format,
		  args);
	va_end(args);
	_exit(STATUS_SKIP);
}

void test_expect_eq(const char *file, int line, const char *what,
		    long long seen, long long wanted)
{
	if (seen == wanted)
		return;
	if (seen == -1 && errno)
		test_fail(file, line, "%s: expected %lld, saw -1 (%s)", what,
			  wanted, strerrorname_np(errno));
	test_fail(file, line, "%s: expected %lld, saw %lld", what, wanted,
		  seen);
}

void test_expect_str(const char *file, int line, const char *what,
		     const char *seen, const char *wanted)
{
	if (strcmp(seen, wanted))
		test_fail(file, line, "%s: expected \"%s\", saw \"%s\"", what,
			  wanted, seen);
}

intptr_t test_expect_ok(const char *file, int line, const char *what,
			intptr_t result)
{
	if (result == -1)
		test_fail(file, line, "%s: expected success, saw %s", what,
			  strerrorname_np(errno));
	return result;
}

void test_expect_errno(const char *file, int line, const char *what,
		       intptr_t result, int wanted)
{
	if (result != -1)
		test_fail(file, line, "%s: expected %s, saw success (%ld)",
			  what, strerrorname_np(wanted), (long)result);
	if (errno != wanted)
		test_fail(file, line, "%s: expected %s, saw %s", what,
			  strerrorname_np(wanted), strerrorname_np(errno));
}

pid_t start(void (*function)(void *), void *argument)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		FAIL("cannot fork: %s", strerror(errno));
	if (pid)
		return pid;
	function(argument);
	exit(0);
}

void finish(pid_t pid)
{
	int status;

	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		FAIL("child %d killed by signal %d (%s)", pid,
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		FAIL("child %d: exit status %d", pid, WEXITSTATUS(status));
}

void wait_until_asleep(pid_t pid)
{
	char path[32], line[512], *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 5000; i++) {
		file = fopen(path, "r");
		if (!file || !fgets(line, sizeof(line), file))
			FAIL("process %d is gone", pid);
		fclose(file);
		state = strrchr(line, ')');
		if (state && state[2] == 'S')
			return;
		if (state && state[2] == 'Z')
			FAIL("process %d has ended", pid);
		usleep(1000);
	}
	FAIL("process %d does not sleep", pid);
}

/* A kernel that checks itself is slower; whoever boots it says how much. */
static unsigned int limit_of(const struct test *test)
{
	const char *times = getenv("SLOWER");

	return test->limit * (times ? atoi(times) : 1);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* Sleep until a child changes state, but not past the deadline. */
static void await_child(double deadline)
{
	double left = deadline - now();
	struct timespec timeout = { 0 };
	int signal;

	if (left > 0) {
		timeout.tv_sec = left;
		timeout.tv_nsec = (left - timeout.tv_sec) * 1e9;
	}
	signal = sigtimedwait(&awaited, NULL, &timeout);
	if (signal > 0 && signal != SIGCHLD)
		interrupted = true;
}

/* Kill every child; orphans of the test are ours too (subreaper). */
static void kill_children(void)
{
	char path[64];
	FILE *file;
	int pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (!file)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	fclose(file);
}

/* Returns false if a process would not die. */
static bool reap_all(pid_t group)
{
	double deadline = now() + REAP_SECONDS;

	for (;;) {
		pid_t pid;

		kill(-group, SIGKILL);
		kill_children();
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return true;
		if (!pid) {
			if (now() > deadline)
				return false;
			await_child(now() + 0.05);
		}
	}
}

static int remove_entry(const char *path, const struct stat *stat, int type,
			struct FTW *where)
{
	(void)stat;
	(void)type;
	(void)where;
	return remove(path);
}

static pid_t start_group(void (*run)(void), int output, const char *directory)
{
	pid_t parent = getpid(), pid = fork();
	sigset_t none;
	int null;

	if (pid)
		return pid;
	/* nohup, or a shell that has us in the background, may ignore some. */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_FAIL);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	close(null);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	close(output);
	if (chdir(directory))
		FAIL("cannot enter %s: %s", directory, strerror(errno));
	run();
	atomic_store(&shared->returned, true);
	exit(atomic_load(&shared->failures) ? STATUS_FAIL : 0);
}

/* Run in a process of its own, leave nothing of it behind. */
static enum outcome run_apart(void (*run)(void), unsigned int limit,
			      int output, const char *directory)
{
	double deadline = now() + limit;
	int status;
	pid_t pid, seen;

	fflush(stdout);
	pid = start_group(run, output, directory);
	if (pid < 0) {
		dprintf(output, "cannot fork: %s\n", strerror(errno));
		return FAILED;
	}
	while (!(seen = waitpid(pid, &status, WNOHANG)) && now() < deadline) {
		await_child(deadline);
		if (interrupted && deadline > now() + REAP_SECONDS) {
			kill(-pid, SIGTERM);
			deadline = now() + REAP_SECONDS;
		}
	}
	/* Let what it has started tidy up, if it can. */
	while (interrupted && !kill(-pid, 0) && now() < deadline) {
		await_child(now() + 0.05);
		waitpid(-1, NULL, WNOHANG);
	}

	if (!reap_all(pid))
		return UNKILLABLE;
	if (!seen)
		return TIMED_OUT;
	if (seen < 0)
		return FAILED;
	if (WIFSIGNALED(status))
		dprintf(output, "killed by signal %d (%s)\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == STATUS_SKIP && shared->skip_reason[0] &&
		 !shared->failures)
		return SKIPPED;
	else if (!WEXITSTATUS(status) && !shared->failures && shared->returned)
		return PASSED;
	else if (!shared->failures)
		dprintf(output, "exited with status %d before its end\n",
			WEXITSTATUS(status));
	return FAILED;
}

/* Print what the test said as diagnostics, each line with "# ". */
static void print_output(int output)
{
	char line[1024];
	FILE *file;

	file = fdopen(dup(output), "r");
	rewind(file);
	for (int i = 0; fgets(line, sizeof(line), file); i++) {
		line[strcspn(line, "\r\n")] = '\0';
		if (i == OUTPUT_LINES) {
			printf("# (more output left out)\n");
			break;
		}
		printf("# %s\n", line);
	}
	fclose(file);
}

/* Run it and, after it, what puts things back. */
static enum outcome run_and_clean_up(const struct test *test, int output,
				     const char *directory)
{
	enum outcome outcome, cleanup;

	outcome = run_apart(test->run, limit_of(test), output, directory);
	if (!test_cleanup || outcome == UNKILLABLE)
		return outcome;
	shared->failures = 0;
	shared->returned = false;
	cleanup = run_apart(test_cleanup, limit_of(test), output, directory);
	if (cleanup == PASSED)
		return outcome;
	spoilt = true;
	dprintf(output, "and putting things back failed\n");
	return outcome == PASSED || outcome == SKIPPED ||
	       cleanup == UNKILLABLE ? cleanup : outcome;
}

static enum outcome run_test(const struct test *test, const char *name,
			     size_t number)
{
	char directory[] = "/tmp/test.XXXXXX";
	double begin = now();
	enum outcome outcome;
	int output;

	memset(shared, 0, sizeof(*shared));
	printf("# begin %s\n", name);
	output = memfd_create(name, 0);
	if (output < 0 || !mkdtemp(directory)) {
		printf("# no place for it: %s\nnot ok %zu %s\n",
		       strerror(errno), number, name);
		return FAILED;
	}
	fcntl(output, F_SETFL, O_APPEND);
	outcome = run_and_clean_up(test, output, directory);
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (outcome != PASSED && outcome != SKIPPED)
		print_output(output);
	close(output);
	printf("# took %.3f s\n%s %zu %s", now() - begin,
	       outcome == PASSED || outcome == SKIPPED ? "ok" : "not ok",
	       number, name);
	if (outcome == SKIPPED)
		printf(" # SKIP %s", shared->skip_reason);
	if (outcome == TIMED_OUT || outcome == UNKILLABLE)
		printf(" # TIMEOUT %u seconds", limit_of(test));
	printf("\n");
	return outcome;
}

static int compare(const void *a, const void *b)
{
	const struct test *x = *(const struct test *const *)a;
	const struct test *y = *(const struct test *const *)b;
	int order = strcmp(x->file, y->file);

	return order ? order : x->line - y->line;
}

/* Move the tests that a pattern names to the front; returns how many. */
static size_t choose(const struct test **tests, size_t count, char *patterns[])
{
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++)
		for (char **p = patterns; *p; p++)
			if (!fnmatch(*p, tests[i]->name, 0)) {
				tests[chosen++] = tests[i];
				break;
			}
	return chosen;
}

/* What is to be done with the tests: repeated, shared, listed. */
struct order {
	unsigned int repeat;	/* so often */
	unsigned int k, n;	/* each nth of all the runs, from the kth on */
	unsigned int early;	/* end after so many without an end; 0: never */
	bool list;
};

static const char *name_of(const struct test *test, const struct order *order,
			   size_t run)
{
	static char name[128];

	if (order->repeat == 1)
		return test->name;
	snprintf(name, sizeof(name), "%s.%zu", test->name, run);
	return name;
}

/* (Not by dprintf(), which asks for a position, and the log has none.) */
static void log_begin(const char *name)
{
	int fd = getenv("SHMCOUNT_GUEST") ?
		 open("/dev/kmsg", O_WRONLY | O_CLOEXEC) : -1;
	char line[160];
	int length = snprintf(line, sizeof(line), "test: %s\n", name);

	if (fd < 0)
		return;
	if (write(fd, line, length) != length)
		printf("# cannot write to /dev/kmsg: %s\n", strerror(errno));
	close(fd);
}

/* Run them all, then all again; or only list them. Returns the exit status. */
static int run_tests(const struct test **tests, size_t count,
		     const struct order *order)
{
	unsigned int outcomes[UNKILLABLE + 1] = { 0 };
	size_t runs = count * order->repeat, number = 0;
	size_t plan = (runs + order->n - order->k) / order->n;

	if (!order->list)
		printf("TAP version 13\n1..%zu%s\n", plan,
		       plan ? "" : " # SKIP no test is in this share");
	for (size_t i = order->k - 1; i < runs; i += order->n) {
		const struct test *test = tests[i % count];
		const char *name = name_of(test, order, i / count + 1);
		enum outcome outcome;

		if (order->list) {
			puts(name);
			continue;
		}
		log_begin(name);
		outcome = run_test(test, name, ++number);
		outcomes[outcome]++;
		if (interrupted) {
			printf("Bail out! interrupted\n");
			return STATUS_INTERRUPTED;
		}
		if (outcome == UNKILLABLE) {
			printf("Bail out! a process of %s cannot be killed\n",
			       name);
			return STATUS_FAIL;
		}
		if (order->early && spoilt) {
			printf("Bail out! what %s left cannot be put back\n",
			       name);
			return STATUS_FAIL;
		}
		if (order->early && outcomes[TIMED_OUT] >= order->early) {
			printf("Bail out! %u tests did not end\n",
			       outcomes[TIMED_OUT]);
			return STATUS_FAIL;
		}
	}
	if (outcomes[FAILED] || outcomes[TIMED_OUT])
		return STATUS_FAIL;
	return outcomes[SKIPPED] == plan && !order->list ? STATUS_SKIP : 0;
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: %s [-l] [-r N] [-s K/N] [-e N] [test or pattern]...\n",
		program_invocation_short_name);
	exit(STATUS_USAGE);
}

static struct order parse(int argc, char *argv[])
{
	struct order order = { .repeat = 1, .k = 1, .n = 1 };
	int option;
	char rest;

	while ((option = getopt(argc, argv, "lr:s:e:")) != -1) {
		if (option == 'l')
			order.list = true;
		else if (option == 'r' &&
			 sscanf(optarg, "%u%c", &order.repeat, &rest) == 1 &&
			 order.repeat && order.repeat <= REPEAT_MOST)
			continue;
		else if (option == 'e' &&
			 sscanf(optarg, "%u%c", &order.early, &rest) == 1)
			continue;
		else if (option != 's' ||
			 sscanf(optarg, "%u/%u%c", &order.k, &order.n,
				&rest) != 2 || !order.k || order.k > order.n)
			usage();
	}
	return order;
}

static void refuse_unknown(const struct test **tests, size_t count,
			   char *patterns[])
{
	for (; *patterns; patterns++) {
		char *pattern[] = { *patterns, NULL };
		const struct test *copy[count];

		memcpy(copy, tests, sizeof(copy));
		if (choose(copy, count, pattern))
			continue;
		fprintf(stderr, "%s: no test is named '%s'\n",
			program_invocation_short_name, *patterns);
		exit(STATUS_USAGE);
	}
}

/* Returns false, and has said why, where that cannot be had. */
static bool prepare(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGCHLD, SIG_DFL);	/* who started us may have ignored it */
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANON, -1, 0);
	if (shared == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		printf("Bail out! %s\n", strerror(errno));
		return false;
	}
	sigemptyset(&awaited);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!is_ignored(signals[i]))
			sigaddset(&awaited, signals[i]);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	return true;
}

int main(int argc, char *argv[])
{
	/* cppcheck-suppress comparePointers; one array, says the linker */
	size_t count = __stop_tests - __start_tests;
	struct order order = parse(argc, argv);
	const struct test *tests[count];

	memcpy(tests, __start_tests, count * sizeof(tests[0]));
	qsort(tests, count, sizeof(tests[0]), compare);
	refuse_unknown(tests, count, argv + optind);
	if (optind < argc)
		count = choose(tests, count, argv + optind);
	if (!order.list && !prepare())
		return STATUS_FAIL;
	return run_tests(tests, count, &order);
}
