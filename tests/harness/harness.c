// SPDX-License-Identifier: GPL-2.0
/*
 * The TAP harness: main() and the functions of harness.h.
 *
 *   PROGRAM [-l] [-r N] [-s K/N] [-e N] [-f] [-g] [-a] [-n] [-q N] [-t N] [-k KERNEL]
 *           [NAME or pattern]...
 *
 * -l    list the tests instead of running them
 * -r N  run the chosen tests N times, as NAME.1 to NAME.N
 * -s K/N  take every Nth test from the Kth on: N processes share the tests
 * -e N  end early: after N timeouts, or when test_cleanup() fails; and a test that the
 *       kernel holds (held.h) for a quarter of its time limit has reached it
 * -f    end early: after the first test that did not pass
 * -g    end early: after a group in which a test did not pass
 * -a    ask the host for words, and whether to run a test again (guest/decoys.c)
 * -n    do not call test_cleanup(): for a single test in a guest
 * -q N  after N timeouts a quarter of each time limit has to do
 * -t N  multiply the time limits by N
 * -k KERNEL  the kernel of the guests, a name in build/kernel/
 *
 * Tests run file by file in link order, and in a file from top to bottom. Exit
 * status as in kselftest: 0 passed, 1 failed, 4 all skipped; 2 usage.
 *
 * The output is KTAP in the subset that other TAP readers accept: version and plan
 * first, a flat list, "# " before everything else. "# begin NAME" comes before
 * each test, so that a reader knows what was running when the kernel stopped, and
 * "# took SECONDS s" before its result. In a guest the kernel's log has
 * "test: NAME" before anything that the test makes the kernel print.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "harness.h"
#include "held.h"
#include "signals.h"

enum { HELD_SHARE = 4, QUICKER = 4, OUTPUT_LINES = 100, MAX_REPEAT = 1000 };

enum test_result { PASSED, FAILED, SKIPPED, TIMED_OUT, UNKILLABLE };

/* Memory shared with every descendant of a test. */
static struct {
	atomic_int failures;
	atomic_bool returned;	/* the test function returned */
	char skip_reason[200];
	bool not_loaded;
	pid_t leader;		/* of the test's processes */
	uint64_t words[2];	/* of the host: they differ if this is a decoy */
	uint64_t seen;		/* what the test has seen of the first */
	bool has_word;		/* the test says by itself what it has seen */
} *shared;

/* main() waits for these: SIGCHLD and the signals that end us. */
static sigset_t awaited;
static bool interrupted;
static bool cleanup_failed;
static bool ends_early;		/* -e */
static bool keeps_all;		/* -n */
static unsigned int full_limits = UINT_MAX;	/* -q, less the timeouts so far */
static bool held;		/* the kernel held the test that runs */
static int from_host = -1, to_host = -1;	/* -a: descriptors */

/* A debug kernel is slower, or a host. In a guest SLOWER= is of its command line. */
static unsigned int slower;

#define REAP_SECONDS (3 * slower)

/* The linker defines these bounds of the section "tests". */
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
	_exit(STATUS_FAILED);
}

_Noreturn void test_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->skip_reason, sizeof(shared->skip_reason), format,
		  args);
	va_end(args);
	_exit(STATUS_SKIPPED);
}

void test_not_loaded(void)
{
	shared->not_loaded = true;
}

static char with[200];	/* the values that test_with() was given last */

void test_with(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(with, sizeof(with), format, args);
	va_end(args);
}

void test_with_range(size_t length, off_t offset)
{
	test_with("length %zu, offset %lld", length, (long long)offset);
}

void test_forget(void)
{
	with[0] = '\0';
	errno = 0;
}

/* The text of an assertion with the program's own names as what they are. */
static char *spelled(const char *what)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	while (file && *what) {
		const struct test_word *word = test_words;
		size_t length = 0;

		while (isalnum((unsigned char)what[length]) || what[length] == '_')
			length++;
		while (word && word->name && (strlen(word->name) != length ||
					      strncmp(word->name, what, length)))
			word++;
		length += !length;
		if (word && word->name)
			fputs(word->text, file);
		else
			fprintf(file, "%.*s", (int)length, what);
		what += length;
	}
	if (file)
		fclose(file);
	return text;
}

static _Noreturn void test_differs(const char *file, int line, const char *what,
				   const char *expected, const char *seen)
{
	char *call = spelled(what);

	if (strstr(call, with))		/* the source has no less to say */
		test_fail(file, line, "%s: expected %s, saw %s", call, expected, seen);
	test_fail(file, line, "%s (%s): expected %s, saw %s", call, with, expected, seen);
}

static char *error_name(int error)
{
	return text_of("%s", error ? strerrorname_np(error) ?: text_of("errno %d", error) :
		       "success");
}

/* Read a line of what the host sends; returns false at the end. */
static bool read_answer(char *line, size_t size)
{
	size_t length = 0;
	ssize_t n;

	while ((n = read(from_host, line + length, 1)) == 1 || (n < 0 && errno == EINTR)) {
		if (n == 1 && line[length] == '\n')
			break;
		length += n == 1 && length + 1 < size;
	}
	line[length] = '\0';
	return n == 1;
}

/* Only one process asks, so that nobody reads the other's answer. */
void test_ask(void)
{
	static const char question[] = "# ask\n";
	char answer[64];

	if (from_host >= 0 && !shared->words[0] && getpid() == shared->leader &&
	    write(to_host, question, sizeof(question) - 1) > 0 &&
	    read_answer(answer, sizeof(answer)))
		sscanf(answer, "%lx %lx", &shared->words[0], &shared->words[1]);
}

uint64_t test_word(void)
{
	test_ask();
	shared->has_word = true;
	return shared->words[0];
}

void test_saw(uint64_t word)
{
	shared->seen = word;
}

/*
 * Equal, as the host has it: in a decoy nothing is. A child of the test that failed
 * would leave others waiting, so it is the test itself that fails.
 */
static bool is_equal(long long seen, long long wanted)
{
	if (getpid() != shared->leader)
		return seen == wanted;
	return (seen ^ shared->words[0]) == (wanted ^ shared->words[1]);
}

void test_assert_eq(const char *file, int line, const char *what,
		    long long seen, long long wanted)
{
	if (!is_equal(seen, wanted))
		test_differs(file, line, what, text_of("%lld", wanted),
			     seen == -1 && errno ? text_of("-1 (%s)", error_name(errno)) :
						   text_of("%lld", seen));
}

void test_assert_mode(const char *file, int line, const char *what,
		      unsigned int seen, unsigned int wanted)
{
	if (!is_equal(seen, wanted))
		test_differs(file, line, what, text_of("0%o", wanted), text_of("0%o", seen));
}

void test_assert_error(const char *file, int line, const char *what,
		       int seen, int wanted)
{
	if (!is_equal(seen, wanted))
		test_differs(file, line, what, error_name(wanted), error_name(seen));
}

void test_assert_streq(const char *file, int line, const char *what,
		       const char *seen, const char *wanted)
{
	if (strcmp(seen, wanted))
		test_differs(file, line, what, text_of("\"%s\"", wanted),
			     text_of("\"%s\"", seen));
}

intptr_t test_assert_ok(const char *file, int line, const char *what,
			intptr_t result)
{
	if (result == -1)
		test_differs(file, line, what, "success",
			     errno ? error_name(errno) : "-1 and no errno");
	return result;
}

void test_assert_errno(const char *file, int line, const char *what,
		       intptr_t result, int wanted)
{
	if (result != -1)
		test_differs(file, line, what, error_name(wanted),
			     text_of(result > INT32_MAX ? "success (0x%lx)" : "success (%ld)",
				     (long)result));
	if (!is_equal(errno, wanted))
		test_differs(file, line, what, error_name(wanted),
			     errno ? error_name(errno) : "-1 and no errno");
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

	pid = ASSERT_OK(waitpid(pid, &status, 0));
	if (WIFSIGNALED(status))
		FAIL("child %d killed by signal %d (%s)", pid,
		     WTERMSIG(status), strsignal(WTERMSIG(status)));
	if (WEXITSTATUS(status))
		FAIL("child %d: exit status %d", pid, WEXITSTATUS(status));
}

char state_of(pid_t pid, long *ticks)
{
	struct process process;

	if (!read_process(&process, pid))
		return 'X';
	if (ticks)
		*ticks = process.user + process.system;
	return process.state;
}

/* It has ended; it may be no child of ours, and then nobody knows how. */
static _Noreturn void fail_awake(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		FAIL("process %d has ended", pid);
	if (info.si_code == CLD_EXITED)
		FAIL("process %d has ended before it slept: exit status %d", pid, info.si_status);
	FAIL("process %d has ended before it slept: killed by signal %d (%s)", pid,
	     info.si_status, strsignal(info.si_status));
}

void wait_until_asleep(pid_t pid)
{
	for (int i = 0; i < 5000; i++) {
		char state = state_of(pid, NULL);

		if (state == 'S')
			return;
		if (state == 'X')
			FAIL("process %d is gone", pid);
		if (state == 'Z')
			fail_awake(pid);
		usleep(1000);
	}
	FAIL("process %d does not sleep", pid);
}

static unsigned int limit_of(const struct test *test)
{
	unsigned int limit = test->limit * slower;

	return full_limits ? limit : (limit + QUICKER - 1) / QUICKER;
}

/* Sleep until a child changes state, but not past the deadline. */
static void await_child(double deadline)
{
	if (is_interrupted(&awaited, deadline - now()))
		interrupted = true;
}

/* Kill every child. As a subreaper we are the parent of the orphans, too. */
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

static bool opened;

/* Without root, a directory of mode 0 can be emptied only after chmod(). */
static int open_directory(const char *path, const struct stat *stat, int type,
		       struct FTW *where)
{
	(void)where;
	if ((type == FTW_D || type == FTW_DNR) && (stat->st_mode & 0700) != 0700 &&
	    !chmod(path, 0700))
		opened = true;
	return 0;
}

static int remove_entry(const char *path, const struct stat *stat, int type,
			struct FTW *where)
{
	(void)stat;
	(void)type;
	(void)where;
	return remove(path);
}

static void remove_all(const char *directory)
{
	do {
		opened = false;
		nftw(directory, open_directory, 16, FTW_PHYS | FTW_MOUNT);
	} while (opened);
	nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static pid_t start_group(void (*run)(void), int output, const char *directory)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	pid_t pid = fork_bound(SIGKILL);
	int null;

	if (pid)
		return pid;
	shared->leader = getpid();
	/* A test must get the signals that the harness was started to ignore. */
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i], SIG_DFL);
	setpgid(0, 0);
	unblock_signals();
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
	exit(atomic_load(&shared->failures) ? STATUS_FAILED : 0);
}

/* Run the function in a process group of its own, and reap all of it. */
static enum test_result run_apart(void (*run)(void), unsigned int limit,
			      int output, const char *directory)
{
	double deadline = now() + limit;
	bool looks = ends_early && full_limits, in_kernel = false;
	int status;
	pid_t pid, seen;

	fflush(stdout);
	pid = start_group(run, output, directory);
	if (pid < 0) {
		dprintf(output, "cannot fork: %s\n", strerror(errno));
		return FAILED;
	}
	is_held_by_kernel(0, 0);
	while (!(seen = waitpid(pid, &status, WNOHANG)) && now() < deadline && !in_kernel) {
		await_child(looks && deadline > now() + 1 ? now() + 1 : deadline);
		in_kernel = looks && is_held_by_kernel(pid, (double)limit / HELD_SHARE);
		if (interrupted && deadline > now() + REAP_SECONDS) {
			kill(-pid, SIGTERM);
			deadline = now() + REAP_SECONDS;
		}
	}
	/* Give the children of the test time to clean up. */
	while (interrupted && !kill(-pid, 0) && now() < deadline) {
		await_child(now() + 0.05);
		waitpid(-1, NULL, WNOHANG);
	}

	held = in_kernel;
	if (!seen && !interrupted && getenv("SHMCOUNT_GUEST"))
		log_where_held(pid);
	if (!reap_all(pid))
		return UNKILLABLE;
	if (!seen)
		return TIMED_OUT;
	if (seen < 0)
		return FAILED;
	if (WIFSIGNALED(status))
		dprintf(output, "killed by signal %d (%s)\n", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == STATUS_SKIPPED && shared->skip_reason[0] &&
		 !shared->failures)
		return SKIPPED;
	else if (!WEXITSTATUS(status) && !shared->failures && shared->returned)
		return PASSED;
	else if (!shared->failures)
		dprintf(output, "exited with status %d before its end\n",
			WEXITSTATUS(status));
	return FAILED;
}

/* Print the output of the test as diagnostics. */
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

static const struct test *judged;	/* the test that runs */

/* Run it, and have a decoy fail in any case. */
static void run_judged(void)
{
	judged->run();
	test_ask();
	/* What has failed is told already. */
	if (!atomic_load(&shared->failures))
		ASSERT_EQ(0, atomic_load(&shared->failures));
	if (!shared->has_word)
		test_saw(shared->words[0]);
}

/* Run the test, then test_cleanup() if there is one. */
static enum test_result run_and_clean_up(const struct test *test, int output,
				     const char *directory)
{
	enum test_result result, cleanup;
	bool test_held;

	judged = test;
	result = run_apart(run_judged, limit_of(test), output, directory);
	if (!test_cleanup || test->keeps || keeps_all || result == UNKILLABLE)
		return result;
	test_held = held;
	shared->failures = 0;
	shared->returned = false;
	shared->words[1] = shared->words[0];
	cleanup = run_apart(test_cleanup, limit_of(test), output, directory);
	cleanup_failed = cleanup != PASSED;
	if (cleanup_failed)
		dprintf(output, "test_cleanup() failed\n");
	if (cleanup_failed && (result == PASSED || result == SKIPPED ||
			       cleanup == UNKILLABLE))
		return cleanup;
	held = test_held;
	return result;
}

static enum test_result run_test(const struct test *test, const char *name,
			     size_t number)
{
	char directory[] = "/tmp/test.XXXXXX";
	double begin = now();
	enum test_result result;
	int output;

	memset(shared, 0, sizeof(*shared));
	if (from_host < 0 && getrandom(&shared->words[0], sizeof(shared->words[0]), 0) > 0)
		shared->words[1] = shared->words[0];
	held = false;
	printf("# begin %s\n", name);
	output = memfd_create(name, 0);
	if (output < 0 || !mkdtemp(directory)) {
		printf("# no memory or no directory for it: %s\nnot ok %zu %s\n",
		       strerror(errno), number, name);
		return FAILED;
	}
	fcntl(output, F_SETFL, O_APPEND);
	result = run_and_clean_up(test, output, directory);
	remove_all(directory);
	if (result != PASSED && result != SKIPPED)
		print_output(output);
	close(output);
	if (from_host >= 0)
		printf("# saw %lx\n", shared->seen);
	printf("# took %.3f s\n%s %zu %s", now() - begin,
	       result == PASSED || result == SKIPPED ? "ok" : "not ok",
	       number, name);
	if (result == SKIPPED)
		printf(" # SKIP %s", shared->skip_reason);
	if (result == FAILED && shared->not_loaded)
		printf(" # NOT_LOADED");
	if (result == TIMED_OUT || result == UNKILLABLE)
		printf(held ? " # TIMEOUT %u seconds in the kernel" :
			      " # TIMEOUT %u seconds",
		       limit_of(test) / (held ? HELD_SHARE : 1));
	printf("\n");
	return result;
}

/* The host has read the result: does it want another one? */
static bool is_to_run_again(void)
{
	char answer[64] = "";

	/* A test that was killed may have left an answer of its own. */
	while (from_host >= 0 && read_answer(answer, sizeof(answer)) &&
	       strcmp(answer, "next") && strcmp(answer, "more"))
		;
	return !strcmp(answer, "more");
}

static int compare_lines(const void *a, const void *b)
{
	const struct test *x = *(const struct test *const *)a;
	const struct test *y = *(const struct test *const *)b;

	return x->line - y->line;
}

/*
 * The linker keeps the files in link order and the tests of a file together, but
 * the compiler may emit the tests of a file in any order.
 */
static void sort_by_line(const struct test **tests, size_t count)
{
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count; n++)
			if (strcmp(tests[i + n]->file, tests[i]->file))
				break;
		qsort(tests + i, n, sizeof(tests[0]), compare_lines);
	}
}

/* Move the tests that match a pattern to the front; returns how many. */
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

struct options {
	unsigned int repeat;
	unsigned long k, n;	/* every nth of all runs, from the kth on */
	unsigned int max_timeouts;	/* 0: no limit */
	bool asks;		/* -a */
	bool by_group, first;	/* end after a group, or a test, that has failed */
	const char *kernel;	/* or NULL */
	bool list;
};

static const char *name_of(const struct test *test, const struct options *options,
			   size_t run)
{
	static char name[128];

	if (options->repeat == 1)
		return test->name;
	snprintf(name, sizeof(name), "%s.%zu", test->name, run);
	return name;
}

/* Run or list all tests, REPEAT times. Returns the exit status. */
static int run_tests(const struct test **tests, size_t count,
		     const struct options *options)
{
	unsigned int results[UNKILLABLE + 1] = { 0 };
	size_t runs = count * options->repeat, number = 0;
	size_t plan = (runs + options->n - options->k) / options->n;
	const struct test *failed = NULL;	/* the last one */

	if (!options->list)
		printf("TAP version 13\n1..%zu%s\n", plan,
		       plan ? "" : " # SKIP no test is in this share");
	for (size_t i = options->k - 1; i < runs; i += options->n) {
		const struct test *test = tests[i % count];
		const char *name = name_of(test, options, i / count + 1);
		enum test_result result;

		if (options->list) {
			puts(name);
			continue;
		}
		if (options->by_group && failed && !is_of_group(failed->name, test->name)) {
			printf("Bail out! not all tests of this group passed\n");
			return STATUS_GROUP;
		}
		if (options->first && failed) {
			printf("Bail out! %s has failed\n", failed->name);
			return STATUS_GROUP;
		}
		number++;
		do {
			if (getenv("SHMCOUNT_GUEST") && !log_to_kernel(text_of("test: %s\n", name)))
				printf("# cannot write to /dev/kmsg: %s\n", strerror(errno));
			result = run_test(test, name, number);
		} while (result != UNKILLABLE && is_to_run_again() && !cleanup_failed);
		results[result]++;
		full_limits -= result == TIMED_OUT && full_limits;
		if (result != PASSED && result != SKIPPED)
			failed = test;
		if (interrupted) {
			printf("Bail out! interrupted\n");
			return STATUS_INTERRUPTED;
		}
		if (result == UNKILLABLE) {
			printf("Bail out! a process of %s cannot be killed\n",
			       name);
			return STATUS_UNKILLABLE;
		}
		if (options->max_timeouts && cleanup_failed) {
			printf("Bail out! cannot restore what %s changed\n",
			       name);
			return STATUS_NOT_RESTORED;
		}
		if (options->max_timeouts && results[TIMED_OUT] >= options->max_timeouts) {
			printf("Bail out! %u tests did not end\n",
			       results[TIMED_OUT]);
			return STATUS_TIMEOUTS;
		}
	}
	if (results[FAILED] || results[TIMED_OUT])
		return STATUS_FAILED;
	return results[SKIPPED] == plan && !options->list ? STATUS_SKIPPED : 0;
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: %s [-l] [-r N] [-s K/N] [-e N] [-f] [-g] [-a] [-n] [-q N] [-t N] [-k KERNEL] [test or pattern]...\n",
		program_invocation_short_name);
	exit(STATUS_USAGE);
}

static bool parse_share(char *text, struct options *options)
{
	const char *k = strsep(&text, "/");

	return text && parse_number(text, 1, UINT_MAX, &options->n) &&
	       parse_number(k, 1, options->n, &options->k);
}

static struct options parse(int argc, char *argv[])
{
	struct options options = { .repeat = 1, .k = 1, .n = 1 };
	int option;

	slower = slower_by();
	while ((option = getopt(argc, argv, "lr:s:e:fganq:t:k:")) != -1) {
		if (option == 'l')
			options.list = true;
		else if (option == 'r')
			options.repeat = get_number("-r ", optarg, 1, MAX_REPEAT);
		else if (option == 'e')
			options.max_timeouts = get_number("-e ", optarg, 0, UINT_MAX);
		else if (option == 'f')
			options.first = true;
		else if (option == 'g')
			options.by_group = true;
		else if (option == 'a')
			options.asks = true;
		else if (option == 'n')
			keeps_all = true;
		else if (option == 'q')
			full_limits = get_number("-q ", optarg, 0, UINT_MAX);
		else if (option == 't')
			slower = slower_by() * get_number("-t ", optarg, 1, MAX_REPEAT);
		else if (option == 'k')
			options.kernel = optarg;
		else if (option != 's' || !parse_share(optarg, &options))
			usage();
	}
	return options;
}

/* For in() and the tests' lines of shell. A guest has no tree. */
static void set_variables(const char *kernel)
{
	char path[PATH_MAX] = "";

	unsetenv("GUEST_KERNEL");
	if (kernel)
		setenv("GUEST_KERNEL", kernel, 1);
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return;
	setenv("PROGRAMS", dirname(path), 1);
	if (!strcmp(strrchr(dirname(path), '/'), "/build"))
		setenv("TOP", dirname(path), 1);
}

static void refuse_unknown(const struct test **tests, size_t count,
			   char *patterns[])
{
	for (; *patterns; patterns++) {
		size_t i = 0;

		while (i < count && fnmatch(*patterns, tests[i]->name, 0))
			i++;
		if (i == count)
			die(STATUS_USAGE, "no test is named '%s'", *patterns);
	}
}

/* Returns false if the harness cannot run here, after a "Bail out!". */
static bool prepare(bool asks)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANON, -1, 0);
	if (shared == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		printf("Bail out! %s\n", strerror(errno));
		return false;
	}
	awaited = block_signals();
	if (asks) {
		from_host = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
		to_host = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	}
	return true;
}

int main(int argc, char *argv[])
{
	/* cppcheck-suppress comparePointers; they bound one array */
	size_t count = __stop_tests - __start_tests;
	struct options options = parse(argc, argv);
	const struct test *tests[count];

	ends_early = options.max_timeouts;
	set_variables(options.kernel);
	memcpy(tests, __start_tests, count * sizeof(tests[0]));
	sort_by_line(tests, count);
	refuse_unknown(tests, count, argv + optind);
	if (optind < argc)
		count = choose(tests, count, argv + optind);
	if (!options.list && !prepare(options.asks))
		return STATUS_FAILED;
	return run_tests(tests, count, &options);
}
