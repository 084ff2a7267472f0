// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what compare makes of noise. They ask its questions, but play the trials
 * themselves: no process counts, and each sample is what the test says.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Both sides have this function. */
#define now harness_now
#include "harness.h"
#include "program.h"
#undef now
#include "../user/comparison/compare.h"

/* ---- in place of trial.c ---- */

volatile sig_atomic_t interrupted;
double max_disturbance = 0.05;

static struct outcome (*play)(const struct trial *trial);
static bool gate_is_clean = true;
static double played;		/* seconds */

/* The linker puts this in place of now(). */
double __real_now(void);
double __wrap_now(void);
double __wrap_now(void)
{
	return __real_now() + played;
}

struct outcome trial_run(const struct trial *trial)
{
	played += 0.1;
	return play(trial);
}

void trial_pair(const struct trial *trial, struct outcome outcomes[2])
{
	const struct backing *backings[] = { trial->backing, trial->other };

	for (int k = 0; k < 2; k++) {
		struct trial one = *trial;

		one.backing = backings[k];
		outcomes[k] = play(&one);
	}
}

void gate_open(struct gate *gate)
{
	(void)gate;
}

bool gate_close(struct gate *gate)
{
	(void)gate;
	return gate_is_clean;
}

/* ---- a run of compare ---- */

static char *table;

/* A quick run on a file in place of the device, and on these paths. */
static struct comparison *begin(const char *paths, const char *locks)
{
	static struct comparison c;
	static size_t length;

	c = (struct comparison) {
		.quick = true, .locations = { "region", ".", "." }, .seed = 1,
		.cpus = { .count = 2, .pin = true },
		.processes = { 1, 2 }, .process_counts = 2, .random = 88172645463325252ULL,
		.only_backings = paths, .only_locks = locks,
		.table = open_memstream(&table, &length),
	};
	ASSERT_TRUE(c.table);
	write_text("region", "");
	ASSERT_OK(truncate("region", 2 << 20));
	return &c;
}

/* Everything that compare writes, in one text. */
static const char *end(struct comparison *c)
{
	FILE *csv, *json;

	print_summary(c);
	print_targets(c);
	fclose(c->table);
	csv = fopen("results.csv", "we");
	json = fopen("results.json", "we");
	ASSERT_TRUE(csv && json);
	write_csv(c, csv);
	write_json(c, json);
	fclose(csv);
	fclose(json);
	return text_of("%s%s%s", table, read_text("results.csv"),
		       read_text("results.json"));
}

static const struct result *result_with(const struct comparison *c, const char *question,
					const char *backing, const char *lock, int processes)
{
	for (int i = 0; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!strcmp(result->question, question) &&
		    !strcmp(result->backing, backing) && !strcmp(result->lock, lock) &&
		    result->processes == processes)
			return result;
	}
	FAIL("no result of %s, %s, %s, %d", question, backing, lock, processes);
}

static struct outcome outcome(enum verdict verdict, double ns, double fairness)
{
	return (struct outcome) {
		.verdict = verdict, .wall = ns * 1e-9 * 1000, .done = 1000,
		.fairness = fairness, .switches = fairness / 10,
	};
}

/* ---- rejected samples ---- */

/* Rejected samples before, between and after the clean ones. */
static struct outcome play_some_noise(const struct trial *trial)
{
	static int calls;

	(void)trial;
	return calls++ % 3 == 1 ? outcome(CLEAN, 100, 0.9) :
				  outcome(DISTURBED, 5000, 0.1);
}

TEST(compare, rejected_samples_count_for_nothing)
{
	struct comparison *c = begin("MAP_ANON", "sem");
	const struct result *result;

	play = play_some_noise;
	c->process_counts = 1;
	ask_speed(c);
	end(c);
	result = result_with(c, "speed", "MAP_ANON", "sem", 1);
	ASSERT_EQ(2, result->clean);
	ASSERT_EQ(3, result->rejected);
	ASSERT_STREQ("measured", state_name(result->state));
	ASSERT_EQ(2, result->values.count);
	ASSERT_EQ(2, result->fairness.count);
	ASSERT_EQ(2, result->switches.count);
	ASSERT_EQ(900, lround(1000 * quartiles(&result->fairness).median));
	ASSERT_EQ(90, lround(1000 * quartiles(&result->switches).median));
}

static struct outcome play_noise(const struct trial *trial)
{
	(void)trial;
	return outcome(DISTURBED, 100, 0.5);
}

static struct outcome play_well(const struct trial *trial)
{
	return outcome(CLEAN, 100 * trial->processes, 0.5);
}

/* The line that begins with these words. */
static char *line_of(const char *text, const char *words)
{
	const char *found = strstr(text, text_of("\n%s", words));

	if (!found)
		FAIL("no line begins with \"%s\" in:\n%s", words, text);
	return strndup(found + 1, strcspn(found + 1, "\n"));
}

/* Each figure of the line from this column on has a star, or none has. */
static void expect_marks(const char *words, int column, int figures, bool marked)
{
	char *line = line_of(table, words), *rest = line, *word;
	int seen = 0;

	for (int i = 0; seen < figures && (word = strsep(&rest, " "));) {
		if (!*word || i++ < column || !strcmp(word, "-"))
			continue;
		if ((strchr(word, '*') != NULL) != marked)
			FAIL("\"%s\" in \"%s\", where all is %s", word,
			     line_of(table, words), marked ? "noisy" : "clean");
		seen++;
	}
	ASSERT_EQ(figures, seen);
}

/* Ask everything that has a table, and end with the summary. */
static const char *ask_all(struct comparison *c)
{
	ask_speed(c);
	ask_pairs(c);
	ask_setup(c);
	ask_stevens(c);
	/* The summary has this, too. */
	result_add(c, (struct result) {
		.question = "crash", .backing = SHMCOUNT_DEVICE, .lock = "sem",
		.what = WAITER_GETS_IT,
	});
	return end(c);
}

/* No figure is the word that printf() makes of what is no number. */
static void expect_numbers(const char *text)
{
	static const char *const words[] = { "nan", "inf" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (const char *p = text; (p = strstr(p, words[i])); p += 3)
			if (!isalpha(p[-1]) && !isalpha(p[3]))
				FAIL("%s in \"%.40s\"", words[i], p - 20);
}

static void ask_with_noise(bool noisy)
{
	const char *text;

	play = noisy ? play_noise : play_well;
	gate_is_clean = !noisy;
	text = ask_all(begin("MAP_ANON," SHMCOUNT_DEVICE, "sem,atomic"));
	expect_numbers(text);
	/* --device=FILE is what the rows are of. */
	ASSERT_TRUE(!strstr(text, SHMCOUNT_DEVICE));
}

TEST_LIMIT(compare, noise_is_marked_in_every_table, 60)
{
	for (int noisy = 0; noisy <= 1; noisy++) {
		ask_with_noise(noisy);
		/* Setup really maps memory: without noise, too, it may be unstable. */
		expect_marks("MAP_ANON      fork", 5, noisy ? 3 : 2, noisy);
		expect_marks("region        name", 5, noisy ? 3 : 2, noisy);
		expect_marks("atomic ", 1, 4, noisy);
		expect_marks("sem      ", 1, 6, noisy);
		if (noisy)
			expect_marks("MAP_ANON      fresh", 3, 4, noisy);
		for (int n = 1; n <= 2; n++)
			ASSERT_EQ(noisy, strstr(line_of(table, text_of("region            %d", n)),
						"noisy: clean samples: 0") != NULL);
		ASSERT_EQ(noisy, strstr(line_of(table, "region        sem"), "noisy") != NULL);
		ASSERT_EQ(noisy, !strstr(table, "\nTargets"));
	}
}

/* Waits are whole ns, which files hold exactly, and their median may be 0. */
TEST(compare, waits_of_nothing_are_stable)
{
	static const struct {
		double values[4];
		const char *state, *why;
	} cases[] = {
		{ { 0, 0, 0, 1 }, "measured", "" },
		{ { 3, 3, 5, 5 }, "measured", "" },
		{ { 0, 0, 0, 100 }, "unstable", "quartiles 0 and 25" },
		{ { 100, 100, 200, 200 }, "unstable", "quartiles 67 % apart" },
	};
	struct comparison *c = begin(NULL, NULL);
	static struct histogram waits = { .count = 1, .longest = 12345678901 };
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct result *result = result_add(c, (struct result) {
			.question = "wait", .unit = "ns", .waits = &waits, .increments = 987654321,
		});

		for (int k = 0; k < 4; k++)
			result_sample(result, cases[i].values[k], true);
		result_judge(result, 4);
		ASSERT_STREQ(cases[i].state, state_name(result->state));
		ASSERT_STREQ(cases[i].why, result->why);
	}
	text = end(c);
	expect_text(text, ",12345678901,");
	expect_text(text, ",987654321,");
}

/* ---- pictures ---- */

/* Draw results.csv; how often does the pattern stand in the picture? */
static int drawn(const char *picture, const char *pattern)
{
	return atoi(shell(text_of("grep -v '255, 255, 255\\|#FFFFFF' %s.svg | grep -c \"%s\" || :",
				  picture, pattern)));
}

#define FILLED "gpPt[0-9]*[02468]' transform='translate"
#define HOLLOW "gpPt[0-9]*[13579]' transform='translate"

static void draw(void)
{
	ASSERT_STREQ("", shell("gnuplot $TOP/user/comparison/pictures.gp 2>&1"));
}

TEST_LIMIT(compare, noise_is_hollow_in_every_picture, 60)
{
	if (is_in_guest())
		test_skip("needs gnuplot, which the host has");
	for (int noisy = 0; noisy <= 1; noisy++) {
		ask_with_noise(noisy);
		draw();
		/* Two paths or locks by two numbers of processes; and the key. */
		ASSERT_EQ(noisy ? 2 : 4 + 2, drawn("speed-paths", FILLED));
		ASSERT_EQ(noisy ? 4 + 1 : 0, drawn("speed-paths", HOLLOW));
		ASSERT_EQ(noisy ? 2 : 4 + 2, drawn("speed-locks", FILLED));
		ASSERT_EQ(noisy ? 4 + 1 : 0, drawn("speed-locks", HOLLOW));
		/* Of the published times, of ours, and the key. */
		ASSERT_EQ(noisy ? 5 + 2 : 5 + 5 + 2, drawn("stevens", FILLED));
		ASSERT_EQ(noisy ? 5 + 1 : 0, drawn("stevens", HOLLOW));
		ASSERT_TRUE(strstr(read_text("speed-locks.svg"), "on region"));
	}
	/* Two rows of three boxes; the colours of the three are in the key. */
	ASSERT_EQ(6 + 1, drawn("setup", "polygon.*fill-opacity = '0.0"));
	ASSERT_EQ(3, drawn("setup", "polygon.*fill-opacity = '0.85"));
}

/* Far more by one process, and far less by several. */
static struct outcome play_extremes(const struct trial *trial)
{
	return outcome(CLEAN, trial->processes == 1 ? 4e7 : 0.003, 1);
}

TEST(compare, axes_hold_what_is_drawn)
{
	if (is_in_guest())
		test_skip("needs gnuplot, which the host has");
	play = play_extremes;
	ask_all(begin("MAP_ANON," SHMCOUNT_DEVICE, "sem,atomic"));
	draw();
	ASSERT_EQ(4 + 2, drawn("speed-paths", FILLED));
	ASSERT_EQ(4 + 2, drawn("speed-locks", FILLED));
	ASSERT_EQ(5 + 5 + 2, drawn("stevens", FILLED));
}

/* ---- targets and pairs ---- */

TEST(compare, target_of_few_pairs_has_no_interval)
{
	struct comparison *c = begin(NULL, NULL);
	struct series none = { 0 }, three = { 0 };

	for (int i = 0; i < 3; i++)
		series_add(&three, 1.01);
	target_add(c, 1.03, NULL, &three, "three");
	target_add(c, 1.03, NULL, &none, "none");
	expect_numbers(end(c));
	expect_text(table, "\n1.010      - to     -  1.03  undecided  three\n"
		    "    -      - to     -  1.03  undecided  none\n");
}

/* The ratio of a pair varies by so much; the device costs so many times MAP_ANON. */
static double spread, device_cost;
static uint64_t random_state;

static double uniform(void)
{
	random_state = random_state * 6364136223846793005U + 1442695040888963407U;
	return ((random_state >> 12) + 0.5) / (1ULL << 52);
}

static struct outcome play_pair(const struct trial *trial)
{
	bool device = trial->backing == backing_named(SHMCOUNT_DEVICE);
	/* Normal, by Box and Muller; a ratio has two of these. */
	double normal = sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());

	return outcome(CLEAN, 100 * exp(spread / sqrt(2) * normal) *
		       (device ? device_cost : 1), 1);
}

/* Pairs of one process, where the device costs this. */
static struct comparison *take_pairs(double cost)
{
	struct comparison *c = begin(NULL, NULL);

	play = play_pair;
	device_cost = cost;
	c->quick = false;
	c->process_counts = 1;
	ask_pairs(c);
	fclose(c->table);
	ASSERT_EQ(1, c->target_count);
	return c;
}

/* Where pairs have the lock, and how large each memory is. */
static bool placed[64 * 65536 / INSTANCE_BYTES];
static size_t places;

static struct outcome play_places(const struct trial *trial)
{
	ASSERT_EQ(0, trial->offset % INSTANCE_BYTES);
	places = trial->size / INSTANCE_BYTES;
	ASSERT_TRUE(trial->offset / INSTANCE_BYTES < places && places <= ARRAY_SIZE(placed));
	placed[trial->offset / INSTANCE_BYTES] = true;
	return outcome(CLEAN, 100, 1);
}

/* An increment costs more at one address than at another: chance has to choose. */
TEST(compare, pairs_are_all_over_the_region)
{
	static const int pages[] = { 512, 24, 1 }, used[] = { 64, 16, 1 };

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
		struct comparison *c = begin(NULL, NULL);
		size_t seen = 0;

		ASSERT_OK(truncate("region", pages[i] * page_size()));
		memset(placed, 0, sizeof(placed));
		play = play_places;
		c->process_counts = 1;
		c->pairs = 1000;
		ask_pairs(c);
		end(c);
		ASSERT_EQ(used[i] * page_size() / INSTANCE_BYTES, places);
		for (size_t k = 0; k < places; k++)
			seen += placed[k];
		/* 1010 tries leave some 70 of 512 out; with pages of 16 KiB there are more. */
		ASSERT_TRUE(seen >= 0.9 * places * (1 - exp(-1010.0 / places)));
	}
}

/* One pair of four. */
static struct outcome play_few_pairs(const struct trial *trial)
{
	static int calls;

	(void)trial;
	return outcome(calls++ / 2 % 4 ? DISTURBED : CLEAN, 100, 1);
}

TEST(compare, too_few_pairs_are_told)
{
	struct comparison *c = begin(NULL, NULL);

	play = play_few_pairs;
	c->process_counts = 1;
	c->pairs = 2;
	ask_pairs(c);
	end(c);
	/* MAP_ANON shows no spread that tells how many are wanted. */
	expect_text(table, "\nregion            1    1.000   1.000   1.000       1       -      -"
		    "  noisy: clean samples: 1, rejected: 3\n");
	expect_text(table, "\n1.000*     - to     -  1.03  undecided  increment");
	expect_text(table, "\n" MARK_MEANS "\n");
}

/* Sampling until a target is met would meet any target. */
TEST(compare, pairs_are_fixed_before_the_first)
{
	static const struct {
		double cost;
		int verdict;
	} cases[] = { { 0.9, MET }, { 1.0, MET }, { 1.06, NOT_MET }, { 1.3, NOT_MET } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct comparison *c;
		struct quartiles q;
		double deviation;

		random_state = 7;
		spread = 0.1;
		c = take_pairs(cases[i].cost);
		q = quartiles(&result_with(c, "pairs", "MAP_ANON", "sem", 1)->values);
		deviation = log(q.high / q.low) / 1.349;
		/* (1.96 + 1.2816) standard errors of a median fit between 1.01 and 1.03. */
		ASSERT_EQ(ceil(pow(3.2416 * 1.2533 * deviation / log(1.03 / 1.01), 2)),
			  c->targets[0].samples);
		ASSERT_EQ(cases[i].verdict, c->targets[0].verdict);
	}
}

/* The power of 90 %, and the 95 % of its interval. */
TEST_LIMIT(compare, pairs_decide_as_often_as_they_say, 60)
{
	int met[2] = { 0 };

	random_state = 1;
	spread = 0.06;
	for (int i = 0; i < 50; i++) {
		met[0] += take_pairs(1.01)->targets[0].verdict == MET;
		met[1] += take_pairs(1.0301)->targets[0].verdict == MET;
	}
	if (met[0] < 40 || met[0] > 49)
		FAIL("a ratio of 1.01 was met %d times of 50", met[0]);
	if (met[1] > 3)
		FAIL("a ratio over 1.03 was met %d times of 50", met[1]);
}
