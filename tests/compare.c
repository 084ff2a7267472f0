// SPDX-License-Identifier: GPL-2.0
/*
 * compare: what its users rely on. That every lock keeps the count, and the
 * controls do not; that what goes wrong is told, and by the exit status; that
 * its files can be read; and that nothing is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

enum { LOCKS = 17, PATHS = 9, COLUMNS = 26 };

/* The columns that the tests look at. */
enum column {
	ANY = -1, PATH = 1, LOCK = 2, WHAT = 6, MEDIAN = 8, INCREMENTS = 20,
	LOST = 21, STATE = 24, WHY = 25,
};

/* A line of results.csv; no text of ours has a comma in it but the last. */
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

/* Returns false at the end of the file. */
static bool read_line(FILE *file, struct line *line)
{
	char *rest;

	if (!fgets(line->text, sizeof(line->text), file))
		return false;
	rest = line->text;
	line->text[strcspn(line->text, "\n")] = '\0';
	for (int i = 0; i < COLUMNS; i++) {
		EXPECT(rest);
		line->field[i] = without_quotes(i < WHY ? strsep(&rest, ",") :
							  rest);
	}
	return true;
}

static FILE *results(void)
{
	FILE *file = fopen("out/results.csv", "re");
	struct line names = { 0 };

	EXPECT(file);
	EXPECT(read_line(file, &names));
	EXPECT_STR(names.field[STATE], "state");
	return file;
}

static bool is(const struct line *line, enum column column, const char *text)
{
	return column == ANY || !strcmp(line->field[column], text);
}

/* How many lines are so. */
static int lines_with(enum column column, const char *text,
		      enum column other, const char *other_text)
{
	FILE *file = results();
	struct line line;
	int found = 0;

	while (read_line(file, &line))
		found += is(&line, column, text) &&
			 is(&line, other, other_text);
	fclose(file);
	return found;
}

static int files_named(const char *directory, const char *start)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int found = 0;

	EXPECT(dir);
	while ((entry = readdir(dir)))
		found += !strncmp(entry->d_name, start, strlen(start));
	closedir(dir);
	return found;
}

/* System V objects on this system: each is a line after the first. */
static int sysv_objects(void)
{
	static const char *const lists[] = {
		"/proc/sysvipc/sem", "/proc/sysvipc/shm",
	};
	char line[512];
	int found = -2;

	for (int i = 0; i < 2; i++) {
		FILE *file = fopen(lists[i], "re");

		EXPECT(file);
		while (fgets(line, sizeof(line), file))
			found++;
		fclose(file);
	}
	return found;
}

static void expect_nothing_left(void)
{
	EXPECT_EQ(files_named(".", "compare."), 0);
	EXPECT_EQ(files_named("/dev/shm", "compare."), 0);
	EXPECT_EQ(files_named("/dev/shm", "sem.compare."), 0);
	EXPECT_EQ(sysv_objects(), 0);
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
	struct line line;
	struct run run;
	FILE *file;
	int seen = 0;

	prepare();
	run = RUN("compare", "exact", "--loops=300", "-o", "out");
	expect_silent(&run, 0);
	file = results();
	for (; read_line(file, &line); seen++) {
		bool on_device = is(&line, PATH, DEVICE);

		if (is(&line, PATH, "file") || (on_device && !is_in_guest()))
			continue;
		EXPECT_STR(line.field[STATE], "measured");
		EXPECT_STR(line.field[INCREMENTS], "900");
		if (is(&line, PATH, "private"))
			EXPECT_STR(line.field[LOST], "900");
		else if (!is(&line, LOCK, "none"))
			EXPECT_STR(line.field[LOST], "0");
	}
	fclose(file);
	EXPECT_EQ(seen, LOCKS * PATHS);
	expect_nothing_left();
}

TEST_LIMIT(compare, controls_lose_updates, 60)
{
	struct line line;
	struct run run;
	FILE *file;

	prepare();
	run = RUN("compare", "speed", "-q", "--locks=none,atomic,sem", "-n",
		  "2", "--paths=private,MAP_ANON", "-o", "out");
	expect_silent(&run, 0);
	file = results();
	while (read_line(file, &line)) {
		long made = atol(line.field[INCREMENTS]);
		long lost = atol(line.field[LOST]);

		EXPECT(made > 0);
		if (is(&line, PATH, "private"))
			EXPECT_EQ(lost, made);
		else if (is(&line, LOCK, "none"))
			EXPECT(lost > 0);
		else
			EXPECT_EQ(lost, 0);
	}
	fclose(file);
}

TEST_LIMIT(compare, lost_updates_are_an_error, 60)
{
	struct run run;

	if (!is_in_guest())
		test_skip("needs the guest");
	EXPECT_EQ(try_load_file("/lib/own_pages.ko", ""), 0);
	run = RUN("compare", "speed", "-q", "--locks=futex", "-n", "2",
		  "--paths=" DEVICE, "-o", "out");
	expect_silent(&run, 1);
	expect_text(run.output, "failed: updates were lost under a lock");
	EXPECT_EQ(lines_with(STATE, "failed", ANY, ""), 1);
	run = RUN("compare", "exact", "--paths=" DEVICE, "-o", "out",
		  "--locks=none,futex,mutex,named,pipe");
	expect_silent(&run, 1);
	/* All but the lock that promises nothing. */
	EXPECT_EQ(lines_with(STATE, "failed", LOST, "1500"), 4);
	run = RUN("compare", "stevens", "-l", "100", "-o", "out",
		  "--locks=named");
	expect_silent(&run, 1);
	EXPECT_EQ(lines_with(STATE, "failed", ANY, ""), 5);
}

TEST_LIMIT(compare, device_of_pages_that_nothing_owns, 60)
{
	struct run run;

	if (!is_in_guest())
		test_skip("needs the guest");
	EXPECT_EQ(try_load_file("/lib/textbook.ko", ""), 0);
	run = RUN("compare", "speed", "crash", "-q", "--locks=sem,pipe", "-n",
		  "2", "--paths=" DEVICE, "-o", "out");
	expect_silent(&run, 1);
	expect_text(run.output, "killed by signal 6 (Aborted)");
	expect_text(run.output, "EFAULT");
	EXPECT_EQ(lines_with(LOCK, "sem", STATE, "failed"), 1);
	/* A lock that is elsewhere is none the worse. */
	EXPECT_EQ(lines_with(LOCK, "pipe", STATE, "failed"), 0);
	expect_nothing_left();
}

TEST_LIMIT(compare, what_a_host_lacks_is_said, 60)
{
	struct run run;

	if (!access(DEVICE, F_OK))
		test_skip("needs no device");
	run = RUN("compare", "-q", "-n", "1", "--locks=sem,robust",
		  "--paths=tmpfs," DEVICE, "--tmpfs=/proc", "-o", "out");
	expect_silent(&run, 0);
	EXPECT(strstr(run.output, "skipped: cannot open " DEVICE ": No such file"));
	expect_text(run.output, "skipped: /proc is not a tmpfs");
	/* Of speed 2 locks, of setup 3 sizes and 6 figures, of crash 2 by 2. */
	EXPECT_EQ(lines_with(PATH, "tmpfs", LOCK, "sem"), 1);
	EXPECT_EQ(lines_with(PATH, DEVICE, STATE, "skipped"), 2 + 3 * 6 + 2 * 2 + 1);
	EXPECT_EQ(lines_with(STATE, "skipped", WHY, ""), 0);
}

TEST_LIMIT(compare, who_recovers_from_a_killed_holder, 60)
{
	static const char *const recover[] = { "robust", "undo", "fcntl", "ofd" };
	const char *path = is_in_guest() ? DEVICE : "MAP_ANON";
	struct line line;
	struct run run;
	FILE *file;
	int seen = 0;

	prepare();
	run = RUN("compare", "crash", "-q", "-o", "out");
	expect_silent(&run, 0);
	EXPECT(!strstr(run.output, "wrong"));
	file = results();
	while (read_line(file, &line)) {
		bool recovers = false;

		if (!is(&line, PATH, path))
			continue;
		seen++;
		if (is(&line, LOCK, "none") || is(&line, LOCK, "atomic")) {
			EXPECT_STR(line.field[STATE], "skipped");
			continue;
		}
		for (size_t i = 0; i < ARRAY_SIZE(recover); i++)
			recovers |= is(&line, LOCK, recover[i]);
		EXPECT_STR(line.field[STATE], "measured");
		EXPECT_STR(line.field[LOST], recovers ? "0" : "");
		if (recovers)
			EXPECT(atof(line.field[MEDIAN]) > 0);
		else
			EXPECT(line.field[WHY][0]);
	}
	fclose(file);
	/* Each with one that waits, and one that comes later. */
	EXPECT_EQ(seen, 2 * LOCKS);
	expect_nothing_left();
}

TEST_LIMIT(compare, stevens_has_all_his_rows, 60)
{
	struct run run;

	prepare();
	run = RUN("compare", "stevens", "--loops=50", "-o", "out");
	expect_silent(&run, 0);
	EXPECT_EQ(lines_with(STATE, "skipped", ANY, ""), is_in_guest() ? 0 : 1);
	EXPECT_EQ(lines_with(WHAT, "million increments each", ANY, ""), 7 * 5);
	EXPECT_EQ(lines_with(LOCK, "undo", INCREMENTS, "750"), 1);
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
		{ "--processes=1,,2", "'' is not a number" },
		{ "--processes=17", "'17' is not a number from 1 to 16" },
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
	struct run run = RUN("compare", "--help");

	expect_silent(&run, 0);
	expect_text(run.output, "usage: compare ");
	run = RUN("compare", "--list");
	expect_silent(&run, 0);
	EXPECT_EQ(lines_in(run.output), LOCKS + PATHS + 2);
}

/* At any time, it reports what it has done and takes its things away. */
TEST_LIMIT(compare, interrupt_keeps_what_is_done, 90)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	static const char *const questions[] = {
		"speed", "setup", "stevens", "crash",
	};
	int over = 0;

	prepare();
	for (int i = 0; i < 12; i++) {
		const char *question = questions[i % ARRAY_SIZE(questions)];
		struct run run = START("compare", question, "-o", "out",
				       "--progress");
		char text[16];

		unlink("out/results.csv");
		/* Some way into it. */
		EXPECT(read(run.err, text, sizeof(text)) > 0);
		usleep(30000 * i);
		EXPECT_OK(kill(run.pid, signals[i % ARRAY_SIZE(signals)]));
		collect(&run);
		if (!run.status && over++ < 3)
			continue;	/* it had come to its end */
		expect_status(&run, 130);
		expect_text(run.output, "Interrupted");
		EXPECT(!strstr(run.output, "failed"));
		EXPECT(!strstr(run.output, "wrong"));
		EXPECT(!strstr(run.output, "hung"));
		EXPECT(strstr(run.output, question));
		EXPECT(lines_with(ANY, "", ANY, "") > 0);
		EXPECT_OK(access("out/results.json", R_OK));
		expect_nothing_left();
	}
}

TEST(compare, ignored_signals_stay_ignored)
{
	struct run run;
	char text[16];

	prepare();
	run = START_DEAF("compare", "exact", "-o", "out", "--progress",
			 "--locks=mutex", "--paths=MAP_ANON", "-l", "5000000");
	EXPECT(read(run.err, text, sizeof(text)) > 0);
	send_endings(run.pid);
	collect(&run);
	expect_status(&run, 0);
	EXPECT(!strstr(run.output, "Interrupted"));
	expect_nothing_left();
}

/* Who kills one of its processes is told so, and finds nothing left either. */
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
		EXPECT_OK(kill(child, SIGKILL));
		/* Until it is seen that it has ended. */
		while (!kill(child, 0))
			usleep(1000);
		kill(run.pid, SIGINT);
		collect(&run);
		EXPECT(WIFEXITED(run.status));
		expect_text(run.output, "killed by signal 9 (Killed)");
		EXPECT(lines_with(STATE, "failed", ANY, "") >= 1);
		expect_nothing_left();
	}
}

TEST(compare, region_of_others_is_left_alone)
{
	struct run run, other;
	char byte;

	if (!is_in_guest())
		test_skip("needs the guest");
	load("");
	run = RUN("incr_dev", "-a", "5");
	expect_end(&run, 0, "gave count 5");
	run = RUN("compare", "exact", "--paths=" DEVICE, "-l", "10");
	expect_silent(&run, 0);
	run = RUN("incr_dev", "-a", "5");
	expect_end(&run, 0, "of 10 by all, gave count 10");

	other = START("incr_dev", "-a", "1000000000");
	EXPECT_EQ(read(other.out, &byte, 1), 1);
	run = RUN("compare", "exact", "--paths=" DEVICE, "-l", "10");
	expect_silent(&run, 0);
	EXPECT(strstr(run.output, "skipped: " DEVICE " is in use"));
	EXPECT_OK(kill(other.pid, SIGKILL));
	collect(&other);
}

TEST_LIMIT(compare, silent_in_a_pipe, 60)
{
	struct run run;

	prepare();
	run = RUN("compare", "speed", "-q", "--paths=MAP_ANON", "--locks=sem",
		  "-n", "1");
	expect_silent(&run, 0);
	EXPECT(!strchr(run.output, '\r'));
	run = RUN("compare", "speed", "-q", "--paths=MAP_ANON", "--locks=sem",
		  "-n", "1", "--progress");
	expect_text(run.errors, "speed: round 1");
}

TEST_LIMIT(compare, overhead_is_told, 60)
{
	struct run run = RUN("compare", "overhead", "-o", "out");

	expect_silent(&run, 0);
	/* In how far the host left it alone is not for a test to say. */
	EXPECT_EQ(lines_with(STATE, "measured", ANY, "") +
		  lines_with(STATE, "noisy", ANY, "") +
		  lines_with(STATE, "unstable", ANY, ""), 1);
	expect_text(run.output, "in one written by hand");
}

static void draw(void)
{
	static const char *const pictures[] = {
		"speed-locks", "speed-paths", "setup", "stevens",
	};

	EXPECT_STR(shell("cd out && gnuplot $TOP/user/comparison/pictures.gp"),
		   "");
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++) {
		char command[200];

		snprintf(command, sizeof(command),
			 "head -c 4 out/%s.png | tail -c 3; grep -o '</svg>' out/%s.svg",
			 pictures[i], pictures[i]);
		EXPECT_STR(shell(command), "PNG</svg>\n");
		snprintf(command, sizeof(command), "wc -c <out/%s.png",
			 pictures[i]);
		EXPECT(atoi(shell(command)) > 10000);
	}
}

TEST_LIMIT(compare, files_parse_and_pictures_are_drawn, 60)
{
	struct run run;

	if (is_in_guest())
		test_skip("needs sqlite3 and gnuplot, which the host has");
	run = RUN("compare", "-q", "--locks=sem,none,sysv", "-n", "1,2", "-o",
		  "out");
	expect_silent(&run, 0);
	EXPECT_STR(shell("sqlite3 :memory: \"select json_valid(readfile('out/results.json'))\""),
		   "1\n");
	/* Line by line the same, and each median that of its samples. */
	EXPECT_STR(shell("sqlite3 :memory: -cmd '.import --csv out/results.csv csv' \""
			 "select count(*) > 100,"
			 " count(*) = json_array_length(readfile('out/results.json'), '\\$[0].results'),"
			 " sum(c.path is not v->>'path'),"
			 " sum(c.state is not v->>'state'),"
			 " sum(c.median <> '' and abs(c.median - (v->>'median')) > 0),"
			 " sum((c.median = '') <> (json_array_length(v, '\\$.samples') = 0)),"
			 " sum((select max(sum(value < 0.999999 * (v->>'median')),"
			 " sum(value > 1.000001 * (v->>'median'))) * 2 > count(*)"
			 " from json_each(v, '\\$.samples'))) "
			 "from (select row_number() over () n, * from csv) c "
			 "join (select row_number() over () n, value v from json_each("
			 "readfile('out/results.json'), '\\$[0].results')) using (n)\""),
		   "1|1|0|0|0|0|0\n");
	draw();
}
