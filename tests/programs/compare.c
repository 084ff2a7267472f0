// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of compare. Each lock keeps the count, and the controls lose it;
 * compare reports what goes wrong, in words and by its exit status; its files
 * can be read; and it leaves nothing behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../user/comparison/histogram.h"
#include "device.h"
#include "harness.h"
#include "program.h"

enum { COLUMNS = 36 };

/* The columns that the tests read. */
enum column {
	ANY = -1, PATH = 1, LOCK = 2, PROCESSES = 3, WHAT = 6, MEDIAN = 8, INCREMENTS = 20,
	LOST = 21, THINK = 25, WAITS = 26, P50 = 27, P999 = 30, STATE = 34, WHY = 35,
};

/* A line of results.csv; only the last field can have a comma in it. */
struct line {
	char text[1024];
	const char *field[COLUMNS];
};

static const char *without_quotes(char *field)
{
	size_t length = strlen(field);

	if (field[0] != '"' || length < 2)
		return field;
	field[length - 1] = '\0';
	return field + 1;
}

/* Returns false at the end of the file, and closes it. */
static bool read_line(FILE *file, struct line *line)
{
	char *rest;

	if (!fgets(line->text, sizeof(line->text), file)) {
		fclose(file);
		return false;
	}
	rest = line->text;
	line->text[strcspn(line->text, "\n")] = '\0';
	for (int i = 0; i < COLUMNS; i++) {
		ASSERT_TRUE(rest);
		line->field[i] = without_quotes(i < WHY ? strsep(&rest, ",") :
							  rest);
	}
	return true;
}

static FILE *results(void)
{
	FILE *file = fopen("out/results.csv", "re");
	struct line names = { 0 };

	ASSERT_TRUE(file);
	ASSERT_TRUE(read_line(file, &names));
	ASSERT_STREQ("state", names.field[STATE]);
	return file;
}

#define for_each_result(line) \
	for (FILE *file = results(); read_line(file, line);)

static bool is(const struct line *line, enum column column, const char *text)
{
	return column == ANY || !strcmp(line->field[column], text);
}

/* How many lines match both; ANY matches all. */
static int lines_with(enum column column, const char *text,
		      enum column other, const char *other_text)
{
	struct line line;
	int found = 0;

	for_each_result(&line)
		found += is(&line, column, text) && is(&line, other, other_text);
	return found;
}

static int files_named(const char *directory, const char *start)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int found = 0;

	ASSERT_TRUE(dir);
	while ((entry = readdir(dir)))
		found += !strncmp(entry->d_name, start, strlen(start));
	closedir(dir);
	return found;
}

/* System V objects on this system: each file lists them below one heading. */
static int sysv_objects(void)
{
	static const char *const lists[] = {
		"/proc/sysvipc/sem", "/proc/sysvipc/shm",
	};
	char line[512];
	int found = -2;

	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(lists[i], "re");

		ASSERT_TRUE(file);
		while (fgets(line, sizeof(line), file))
			found++;
		fclose(file);
	}
	return found;
}

/* Run compare, which must be silent and end with the status. */
#define COMPARE(status, ...) compare_ended(RUN("compare", __VA_ARGS__), status)

static struct run compare_ended(struct run run, int status)
{
	expect_silent(&run, status);
	return run;
}

/* What compare --list prints; a lock with a star recovers from a killed holder. */
struct lists {
	const char *text;
	int paths, locks;
};

static struct lists lists(void)
{
	struct run run = COMPARE(0, "--list");
	struct lists lists = { .text = run.output };
	int *count = NULL;

	for (const char *line = run.output; *line;
	     line = strchr(line, '\n') + 1) {
		if (!strncmp(line, "paths", 5))
			count = &lists.paths;
		else if (!strncmp(line, "locks", 5))
			count = &lists.locks;
		else if (count)
			++*count;
	}
	return lists;
}

static bool recovers(const struct lists *lists, const char *lock)
{
	return strstr(lists->text, text_of("\n* %s ", lock));
}

static void expect_nothing_left(void)
{
	ASSERT_EQ(0, files_named(".", "compare."));
	ASSERT_EQ(0, files_named("/dev/shm", "compare."));
	ASSERT_EQ(0, files_named("/dev/shm", "sem.compare."));
	ASSERT_EQ(0, sysv_objects());
}

static void prepare(void)
{
	if (is_in_guest())
		load("");
	else if (!access(DEVICE, F_OK))
		test_skip("the host has the device: it may be in use");
}

TEST_LIMIT(compare, every_lock_is_exact_on_every_path, 150)
{
	struct lists listed = lists();
	struct line line;
	int seen = 0;

	prepare();
	COMPARE(0, "exact", "--loops=300", "-o", "out");
	for_each_result(&line) {
		bool on_device = is(&line, PATH, DEVICE);

		seen++;
		if (is(&line, PATH, "file") || (on_device && !is_in_guest()))
			continue;
		ASSERT_STREQ("measured", line.field[STATE]);
		ASSERT_STREQ("900", line.field[INCREMENTS]);
		if (is(&line, PATH, "private"))
			ASSERT_STREQ("900", line.field[LOST]);
		else if (!is(&line, LOCK, "none"))
			ASSERT_STREQ("0", line.field[LOST]);
	}
	ASSERT_EQ(listed.locks * listed.paths, seen);
	expect_nothing_left();
}

TEST_LIMIT(compare, controls_lose_updates, 60)
{
	struct line line;

	prepare();
	COMPARE(0, "speed", "-q", "--locks=none,atomic,sem", "-n", "2",
		"--paths=private,MAP_ANON", "-o", "out");
	for_each_result(&line) {
		long made = atol(line.field[INCREMENTS]);
		long lost = atol(line.field[LOST]);

		ASSERT_TRUE(made > 0);
		if (is(&line, PATH, "private"))
			ASSERT_EQ(made, lost);
		else if (is(&line, LOCK, "none"))
			ASSERT_TRUE(lost > 0);
		else
			ASSERT_EQ(0, lost);
	}
}

TEST_LIMIT(compare, lost_updates_are_an_error, 60)
{
	struct run run;

	needs_guest();
	ASSERT_EQ(0, try_load_file("/lib/own_pages.ko", ""));
	run = COMPARE(1, "speed", "-q", "--locks=futex", "-n", "2",
		      "--paths=" DEVICE, "-o", "out");
	expect_text(run.output, "failed: updates were lost under a lock");
	ASSERT_EQ(1, lines_with(STATE, "failed", ANY, ""));
	run = COMPARE(1, "exact", "--paths=" DEVICE, "-o", "out",
		      "--locks=none,futex,mutex,named,pipe");
	/* All but none, which promises nothing. */
	ASSERT_EQ(4, lines_with(STATE, "failed", LOST, "1500"));
	run = COMPARE(1, "stevens", "-l", "100", "-o", "out", "--locks=named");
	ASSERT_EQ(5, lines_with(STATE, "failed", ANY, ""));
}

TEST_LIMIT(compare, device_of_pages_that_nothing_owns, 60)
{
	struct run run;

	needs_guest();
	ASSERT_EQ(0, try_load_file("/lib/textbook.ko", ""));
	run = COMPARE(1, "speed", "crash", "-q", "--locks=sem,pipe", "-n", "2",
		      "--paths=" DEVICE, "-o", "out");
	expect_text(run.output, "killed by signal 6 (Aborted)");
	expect_text(run.output, "EFAULT");
	ASSERT_EQ(1, lines_with(LOCK, "sem", STATE, "failed"));
	/* A lock outside of that memory still works. */
	ASSERT_EQ(0, lines_with(LOCK, "pipe", STATE, "failed"));
	expect_nothing_left();
}

TEST_LIMIT(compare, what_a_host_lacks_is_said, 60)
{
	struct run run;

	if (!access(DEVICE, F_OK))
		test_skip("needs no device");
	run = COMPARE(0, "-q", "-n", "1", "--locks=sem,robust",
		      "--paths=tmpfs," DEVICE, "--tmpfs=/proc", "-o", "out");
	ASSERT_TRUE(strstr(run.output, "skipped: cannot open " DEVICE ": No such file"));
	expect_text(run.output, "skipped: /proc is not a tmpfs");
	/* speed: 2 locks; setup: 6 figures of 3 sizes; crash: 2 of 2 locks. */
	ASSERT_EQ(1, lines_with(PATH, "tmpfs", LOCK, "sem"));
	ASSERT_EQ(2 + 3 * 6 + 2 * 2 + 1,
		  lines_with(PATH, DEVICE, STATE, "skipped"));
	ASSERT_EQ(0, lines_with(STATE, "skipped", WHY, ""));
}

TEST_LIMIT(compare, who_recovers_from_a_killed_holder, 60)
{
	const char *path = is_in_guest() ? DEVICE : "MAP_ANON";
	struct lists listed = lists();
	struct line line;
	int seen = 0;

	prepare();
	ASSERT_TRUE(!strstr(COMPARE(0, "crash", "-q", "-o", "out",
				    text_of("--paths=%s", path)).output, "wrong"));
	for_each_result(&line) {
		bool should_recover = recovers(&listed, line.field[LOCK]);

		ASSERT_STREQ(path, line.field[PATH]);
		seen++;
		if (is(&line, LOCK, "none") || is(&line, LOCK, "atomic")) {
			ASSERT_STREQ("skipped", line.field[STATE]);
			continue;
		}
		ASSERT_STREQ("measured", line.field[STATE]);
		ASSERT_STREQ(should_recover ? "0" : "", line.field[LOST]);
		if (should_recover)
			ASSERT_TRUE(atof(line.field[MEDIAN]) > 0);
		else
			ASSERT_TRUE(line.field[WHY][0]);
	}
	/* Each with a waiter, and with a process that comes later. */
	ASSERT_EQ(2 * listed.locks, seen);
	expect_nothing_left();
}

TEST_LIMIT(compare, stevens_has_all_his_rows, 60)
{
	prepare();
	COMPARE(0, "stevens", "--loops=50", "-o", "out");
	ASSERT_EQ(is_in_guest() ? 0 : 1, lines_with(STATE, "skipped", ANY, ""));
	ASSERT_EQ(7 * 5, lines_with(WHAT, "million increments each", ANY, ""));
	ASSERT_EQ(1, lines_with(LOCK, "undo", INCREMENTS, "750"));
}

TEST(compare, mistakes_get_one_sentence)
{
	static const struct {
		const char *argument, *says;
	} mistakes[] = {
		{ "spead", "'spead' is not a question" },
		{ "--bad", "'--bad' is not an option" },
		{ "--loops=0", "'0' is not a number from 1" },
		{ "--loops=12x", "'12x' is not a number" },
		{ "--pairs=0", "--pairs: '0' is not a number from 1" },
		{ "--disturbance=101", "'101' is not a number from 0 to 100" },
		{ "--processes=1,,2", "'' is not a number" },
		{ "--processes=65", "'65' is not a number from 1 to 64" },
		{ "--hold=-1", "--hold: '-1' is not a number from 0" },
		{ "--think=0,,1", "--think: '' is not a number" },
		{ "--think=0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0",
		  "--think: more than 32" },
		{ "--paths=MAP_ANON,disk", "there is no path 'disk'" },
		{ "--locks=semaphore", "there is no lock 'semaphore'" },
		{ "--locks=", "there is no lock ''" },
		{ "--output", "lacks its value" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++)
		expect_refusal(RUN("compare", mistakes[i].argument), 2,
			       mistakes[i].says);
	expect_refusal(RUN("compare", "-o", "/dev/null"), 1,
		       "cannot write to /dev/null");
	expect_refusal(RUN("compare", "-o", "/proc/none"), 1,
		       "cannot make /proc/none");
}

TEST(compare, help_and_list)
{
	static const char *const recover[] = { "robust", "undo", "fcntl", "ofd" };
	struct run run = COMPARE(0, "--help");
	struct lists listed = lists();

	expect_text(run.output, "usage: compare ");
	expect_text(run.output, "wait has 2 processes then");
	ASSERT_EQ(listed.locks + listed.paths + 2, lines_in(listed.text));
	expect_text(listed.text, "  private ");
	expect_text(listed.text, "  " DEVICE " ");
	expect_text(listed.text, "  none ");
	for (size_t i = 0; i < ARRAY_SIZE(recover); i++)
		ASSERT_TRUE(recovers(&listed, recover[i]));
	ASSERT_TRUE(!recovers(&listed, "sem"));
}

/* Whenever it is interrupted, it reports what it has done and cleans up. */
TEST_LIMIT(compare, interrupt_keeps_what_is_done, 90)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	static const char *const questions[] = {
		"speed", "setup", "stevens", "crash", "wait",
	};
	int over = 0;

	prepare();
	for (int i = 0; i < 15; i++) {
		const char *question = questions[i % ARRAY_SIZE(questions)];
		struct run run = START("compare", question, "-o", "out",
				       "--progress");
		char text[16];

		unlink("out/results.csv");
		/* Let it get somewhere. */
		ASSERT_TRUE(read(run.err, text, sizeof(text)) > 0);
		usleep(30000 * i);
		ASSERT_OK(kill(run.pid, signals[i % ARRAY_SIZE(signals)]));
		collect(&run);
		if (!run.status && over++ < 3)
			continue;	/* it had already ended */
		expect_status(&run, 130);
		expect_text(run.output, "Interrupted");
		ASSERT_TRUE(!strstr(run.output, "failed"));
		ASSERT_TRUE(!strstr(run.output, "wrong"));
		ASSERT_TRUE(!strstr(run.output, "hung"));
		ASSERT_TRUE(strstr(run.output, question));
		ASSERT_TRUE(lines_with(ANY, "", ANY, "") > 0);
		ASSERT_OK(access("out/results.json", R_OK));
		expect_nothing_left();
	}
}

TEST(compare, ignored_signals_stay_ignored)
{
	struct run run;
	char text[16];

	prepare();
	run = START_DEAF("compare", "exact", "-o", "out", "--progress",
			 "--locks=mutex", "--paths=MAP_ANON", "-l", "1000000");
	ASSERT_TRUE(read(run.err, text, sizeof(text)) > 0);
	send_endings(run.pid);
	expect_status(collect(&run), 0);
	ASSERT_TRUE(!strstr(run.output, "Interrupted"));
	expect_nothing_left();
}

/* It reports a killed process, and leaves nothing behind then, too. */
TEST_LIMIT(compare, killed_worker_is_told, 60)
{
	const char *const *question;
	pid_t child;
	static const char *const questions[] = { "stevens", "exact", NULL };

	prepare();
	for (question = questions; *question; question++) {
		struct run run = START("compare", *question, "-o", "out",
				       "--loops=100000000", "--locks=undo");

		child = child_of(run.pid);
		ASSERT_OK(kill(child, SIGKILL));
		/* Wait until compare has reaped it. */
		while (!kill(child, 0))
			usleep(1000);
		kill(run.pid, SIGINT);
		collect(&run);
		ASSERT_TRUE(WIFEXITED(run.status));
		expect_text(run.output, "killed by signal 9 (Killed)");
		ASSERT_TRUE(lines_with(STATE, "failed", ANY, "") >= 1);
		expect_nothing_left();
	}
}

TEST(compare, region_of_others_is_left_alone)
{
	struct run run, other;
	char byte;

	needs_guest();
	load("");
	expect_success(RUN("incr_dev", "-a", "5"), "gave count 5");
	COMPARE(0, "exact", "--paths=" DEVICE, "-l", "10");
	expect_success(RUN("incr_dev", "-a", "5"), "of 10 by all, gave count 10");

	other = START("incr_dev", "-a", "1000000000");
	ASSERT_EQ(1, read(other.out, &byte, 1));
	run = COMPARE(0, "exact", "--paths=" DEVICE, "-l", "10");
	ASSERT_TRUE(strstr(run.output, "skipped: " DEVICE " is in use"));
	ASSERT_OK(kill(other.pid, SIGKILL));
	collect(&other);
}

/* Every sample is rejected, at last: by trials that really run. */
TEST_LIMIT(compare, noise_is_told, 90)
{
	const char *path = is_in_guest() ? DEVICE : "MAP_ANON";
	struct run run;

	prepare();
	run = COMPARE(0, "speed", "setup", "stevens", "overhead", "-q", "-l", "100",
		      "-n", "1,2", "--locks=sem", "--disturbance=0", "-o", "out",
		      text_of("--paths=%s", path));
	expect_text(run.output, "noisy: clean samples: 0, rejected: ");
	ASSERT_EQ(0, lines_with(STATE, "measured", PATH, path));
	ASSERT_TRUE(lines_with(STATE, "noisy", PATH, path) >= 2 + 4 + 5);
	expect_nothing_left();
}

/* A pair of one process on a processor of its own is always clean at 100 %. */
TEST_LIMIT(compare, pairs_are_taken_in_turns, 60)
{
	struct run run;
	struct line line;

	needs_guest();
	load("");
	run = COMPARE(0, "pairs", "-q", "-n", "1", "--pairs=3", "--disturbance=100",
		      "-o", "out");
	expect_text(run.output, "undecided  increment under a semaphore, 1 process");
	ASSERT_EQ(2, lines_with(WHAT, "increment", LOST, "0"));
	for_each_result(&line)
		ASSERT_TRUE(atof(line.field[MEDIAN]) > 0 &&
			    atol(line.field[INCREMENTS]) > 0);
	expect_nothing_left();
}

/* The rows of another file say which. */
TEST_LIMIT(compare, device_may_be_another_file, 60)
{
	struct run run;

	write_text("region", "");
	ASSERT_OK(truncate("region", 2 << 20));
	run = COMPARE(0, "speed", "pairs", "setup", "stevens", "crash", "exact", "-q",
		      "-l", "100", "-n", "1", "--pairs=1", "--locks=sem,mutex",
		      "--paths=MAP_ANON," DEVICE, "--device=region", "-o", "out");
	ASSERT_TRUE(!strstr(run.output, DEVICE));
	ASSERT_EQ(0, lines_with(PATH, DEVICE, ANY, ""));
	ASSERT_TRUE(lines_with(PATH, "region", ANY, "") > 20);
	expect_text(run.output, "summary: the locks, on region");
}

TEST_LIMIT(compare, silent_in_a_pipe, 60)
{
	struct run run;

	prepare();
	run = COMPARE(0, "speed", "-q", "--paths=MAP_ANON", "--locks=sem", "-n",
		      "1");
	ASSERT_TRUE(!strchr(run.output, '\r'));
	run = RUN("compare", "speed", "-q", "--paths=MAP_ANON", "--locks=sem",
		  "-n", "1", "--progress");
	expect_text(run.errors, "speed: round 1");
}

TEST_LIMIT(compare, overhead_is_told, 60)
{
	struct run run = COMPARE(0, "overhead", "-q", "-l", "1000", "-o", "out");

	/* The result depends on the load of the host. */
	ASSERT_EQ(1,
		  lines_with(STATE, "measured", ANY, "") +
		  lines_with(STATE, "noisy", ANY, "") +
		  lines_with(STATE, "unstable", ANY, ""));
	expect_text(run.output, "in a loop written by hand");
}

/* Random numbers of all sizes, the same in each run. */
static uint64_t random_time(void)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005U + 1442695040888963407U;
	return state >> 24 >> (state >> 20) % 40;
}

TEST(compare, histogram_puts_each_time_into_its_bucket)
{
	static struct histogram histogram;

	ASSERT_TRUE(isnan(histogram_quantile(&histogram, 0.5)));
	for (int i = 0; i < BUCKETS - 1; i++) {
		ASSERT_EQ(i, bucket_of(bucket_start(i)));
		ASSERT_EQ(i, bucket_of(bucket_start(i + 1) - 1));
	}
	ASSERT_EQ(BUCKETS - 1, bucket_of(UINT64_MAX));
	for (int i = 0; i < 1000; i++) {
		uint64_t time = random_time();
		double seen;

		memset(&histogram, 0, sizeof(histogram));
		histogram_add(&histogram, time);
		seen = histogram_quantile(&histogram, 0.5);
		if (time < 1024 ? seen != time : fabs(seen - time) > time / 1024.0)
			FAIL("%llu became %f", (unsigned long long)time, seen);
		ASSERT_EQ(time, histogram.longest);
	}
	/* Half of a bucket is still empty: no wait is over the longest. */
	memset(&histogram, 0, sizeof(histogram));
	for (int i = 0; i < 51; i++)
		histogram_add(&histogram, 1048576 + (i >= 21));
	ASSERT_EQ(1048577, histogram_quantile(&histogram, 0.5));
}

TEST(compare, histogram_tells_a_tail_only_of_enough_times)
{
	static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
	static const int enough[] = { 20, 100, 1000, 10000 };
	static struct histogram histogram;

	for (int i = 0; i < 4; i++) {
		while ((int)histogram.count < enough[i] - 1)
			histogram_add(&histogram, 100);
		ASSERT_TRUE(isnan(histogram_tail(&histogram, shares[i])));
		histogram_add(&histogram, 5000);
		ASSERT_EQ(100, histogram_tail(&histogram, shares[i]));
	}
	/* 10 of 10000 are longer than the 99.9 %. */
	for (int i = 0; i < 6; i++)
		histogram_add(&histogram, 7000000);
	ASSERT_EQ(100, histogram_tail(&histogram, 0.999));
	histogram_add(&histogram, 7000000);
	ASSERT_TRUE(histogram_tail(&histogram, 0.999) > 4990);
	ASSERT_EQ(7000000, histogram.longest);
}

TEST(compare, histograms_merge_exactly)
{
	static struct histogram parts[3], merged, whole;

	for (int i = 0; i < 30000; i++) {
		uint64_t time = random_time();

		histogram_add(&parts[i % 7 % 3], time);
		histogram_add(&whole, time);
	}
	for (int i = 0; i < 3; i++)
		histogram_merge(&merged, &parts[i]);
	ASSERT_EQ(30000, merged.count);
	ASSERT_EQ(0, memcmp(&merged, &whole, sizeof(whole)));
}

/* The line of this lock and this kind of time. */
static struct line line_of(const char *lock, const char *what)
{
	struct line line, found = { 0 };
	int seen = 0;

	for_each_result(&line)
		if (is(&line, LOCK, lock) && is(&line, WHAT, what)) {
			/* The fields point into the text. */
			for (int i = 0; i < COLUMNS; i++)
				found.field[i] = strdup(line.field[i]);
			seen++;
		}
	ASSERT_EQ(1, seen);
	return found;
}

TEST_LIMIT(compare, wait_tells_what_it_cannot, 60)
{
	struct run run;
	struct line line;
	int rows = 0;

	prepare();
	run = COMPARE(0, "wait", "-q", "--paths=MAP_ANON,private", "--locks=spin,sem,atomic",
		"-n", "1,3", "--think=0,1000", "-o", "out");
	/* Both tables have the semaphore. */
	for (const char *p = run.output; (p = strstr(p, "\nMAP_ANON      sem ")); p++)
		rows++;
	ASSERT_EQ(2 * 2, rows);
	/* A lock that spins hands over to nobody who sleeps. */
	line = line_of("spin", "handoff");
	ASSERT_STREQ("skipped", line.field[STATE]);
	ASSERT_STREQ("nobody was seen asleep: it spins", line.field[WHY]);
	ASSERT_STREQ("", line.field[P50]);
	/* Two locks and private, with two think times; handoffs of sem and spin. */
	ASSERT_EQ(6, lines_with(WHAT, "wait", ANY, ""));
	ASSERT_EQ(3, lines_with(WHAT, "wait", THINK, "1000"));
	ASSERT_EQ(2, lines_with(WHAT, "handoff", ANY, ""));
	ASSERT_EQ(0, lines_with(LOCK, "atomic", ANY, ""));
	ASSERT_EQ(1, lines_with(WHAT, "reading the clock", ANY, ""));
	for_each_result(&line) {
		if (is(&line, WHAT, "wait") && atol(line.field[WAITS]) < 10000)
			ASSERT_STREQ("", line.field[P999]);
		if (is(&line, LOST, "") || is(&line, PATH, "private"))
			continue;
		ASSERT_STREQ("0", line.field[LOST]);
	}
	expect_nothing_left();
	run = COMPARE(0, "wait", "-n", "1", "--paths=MAP_ANON");
	expect_text(run.output, "\nwait:  skipped: it takes 2 processes or more");
	ASSERT_TRUE(!strstr(run.output, "p50"));
}

/* As many as it takes, with a lock that lets others overtake and with one that does not. */
TEST_LIMIT(compare, wait_takes_64_processes, 60)
{
	static const char *const locks[] = { "sem", "ticket" };
	struct line line;

	if (is_in_guest())
		test_skip("emulated, a sample ends before all of them have begun");
	prepare();
	COMPARE(0, "wait", "-q", "--paths=MAP_ANON", "--locks=sem,ticket", "-n", "64",
		"--disturbance=100", "-o", "out");
	for (size_t i = 0; i < ARRAY_SIZE(locks); i++) {
		line = line_of(locks[i], "wait");
		ASSERT_STREQ("64", line.field[PROCESSES]);
		ASSERT_STREQ("0", line.field[LOST]);
		ASSERT_TRUE(atol(line.field[WAITS]) > 0);
	}
	expect_nothing_left();
}

TEST_LIMIT(compare, wait_marks_noise, 60)
{
	struct run run;

	prepare();
	run = COMPARE(0, "wait", "-q", "--disturbance=0", "--paths=MAP_ANON", "--locks=sem",
		      "-n", "2", "-o", "out");
	ASSERT_EQ(1, lines_with(WHAT, "wait", STATE, "noisy"));
	ASSERT_EQ(1, lines_with(WHAT, "handoff", STATE, "noisy"));
	ASSERT_TRUE(strstr(run.output, "* ") && strstr(run.output, "*  handoff noisy: clean samples: 0"));
	expect_text(run.output, "; wait  noisy: clean samples: 0");
	/* So are the readings of the clock that were rejected. */
	ASSERT_EQ(1, lines_with(WHAT, "reading the clock", STATE, "noisy"));
	expect_text(run.output, "* ns, is subtracted.");
}

static void draw(void)
{
	static const char *const pictures[] = {
		"speed-locks", "speed-paths", "setup", "stevens", "wait-locks", "wait-knee",
	};

	ASSERT_STREQ("",
		     shell("cd out && gnuplot $TOP/user/comparison/pictures.gp"));
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++) {
		ASSERT_STREQ("PNG</svg>\n",
			     shell(text_of("head -c 4 out/%1$s.png | tail -c 3; grep -o '</svg>' out/%1$s.svg",
					   pictures[i])));
		ASSERT_TRUE(atoi(shell(text_of("wc -c <out/%s.png", pictures[i]))) > 10000);
	}
}

TEST_LIMIT(compare, files_parse_and_pictures_are_drawn, 60)
{
	if (is_in_guest())
		test_skip("needs sqlite3 and gnuplot, which the host has");
	COMPARE(0, "-q", "--locks=sem,none,sysv", "-n", "1,2", "--think=0,1000", "-o", "out");
	ASSERT_STREQ("1\n",
		     shell("sqlite3 :memory: \"select json_valid(readfile('out/results.json'))\""));
	/* Both files have the same lines and figures; each median is that of its samples. */
	ASSERT_STREQ("1|1|0|0|0|0|0\n",
		     shell("sqlite3 :memory: -cmd '.import --csv out/results.csv csv' \""
			   "select count(*) > 100,"
			   " count(*) = json_array_length(readfile('out/results.json'), '\\$[0].results'),"
			   " sum(c.path is not v->>'path'),"
			   " sum(c.state is not v->>'state'),"
			   " sum(c.median <> '' and c.median <> (v->'median')),"
			   " sum((c.median = '') <> (json_array_length(v, '\\$.samples') = 0)),"
			   " sum((select max(sum(value < 0.999999 * (v->>'median')),"
			   " sum(value > 1.000001 * (v->>'median'))) * 2 > count(*)"
			   " from json_each(v, '\\$.samples'))) "
			   "from (select row_number() over () n, * from csv) c "
			   "join (select row_number() over () n, value v from json_each("
			   "readfile('out/results.json'), '\\$[0].results')) using (n)\""));
	draw();
	/* What a guest counted is not drawn among ns. */
	ASSERT_STREQ("", shell("cd out && cp wait-locks.svg clock.svg && "
			       "awk -F, -v OFS=, '{ print } /^\"wait\"/ && sub(/\"ns\"/, \"\\\"counted\\\"\") "
			       "{ $32 = $32 \"000\"; sub(/\"measured\"/, \"\\\"noisy\\\"\"); print }' "
			       "results.csv >both.csv && mv both.csv results.csv && "
			       "grep -q '\"counted\"' results.csv || echo nothing was added"));
	draw();
	ASSERT_STREQ("", shell("cd out && cmp clock.svg wait-locks.svg"));
}
