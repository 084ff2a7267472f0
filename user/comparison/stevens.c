// SPDX-License-Identifier: GPL-2.0
/*
 * stevens: the measurement of W. R. Stevens, UNIX Network Programming, vol. 2,
 * 2nd ed., appendix A: some processes increment a count a million times each,
 * under one lock; the parent holds it while it forks, then starts the clock
 * and lets go. The mean of three times. What was published is the plot data
 * that comes with the book's sources (bench/graph.2: threads, figure A.6, on
 * Solaris 2.6), in seconds; as computers differ, what compares is the shape:
 * each row by its own first column.
 */
#include <math.h>
#include <string.h>

#include "compare.h"

enum { MOST = 5, TIMES = 3, LOOPS = 1000000, LEAST = 100 };

static const struct row {
	const char *lock;
	double published[MOST];		/* seconds; 0 where there is none */
} rows[] = {
	{ "mutex", { 0.7, 1.5, 2.2, 2.9, 3.7 } },
	{ "rwlock", { 2.0, 5.4, 7.5, 13.7, 19.7 } },
	{ "sem", { 4.5, 9.0, 14.4, 18.2, 22.8 } },
	{ "named", { 15.4, 31.1, 46.5, 62.5, 76.8 } },
	{ "sysv", { 16.3, 31.5, 48.3, 65.8, 81.8 } },
	{ "undo", { 21.1, 37.5, 57.7, 75.8, 90.0 } },
	{ "fcntl", { 89.4 } },
};

enum { ROWS = ARRAY_SIZE(rows) };

/* What one repetition gave: seconds a million increments of each process. */
static double repeat(struct comparison *c, struct result *result,
		     const struct lock *lock, long loops, double seconds)
{
	const struct cpus unpinned = { .count = c->cpus.count };
	struct job job = {
		.path = path_named(result->path), .places = &c->places,
		.lock = lock, .cpus = &unpinned,
		.processes = result->processes, .loops = loops,
		.seconds = seconds, .held = !seconds, .patience = 120,
	};
	struct outcome outcome = job_run(&job);

	if (outcome.verdict == STOPPED)
		return NAN;
	if (outcome.verdict == NO_PATH || outcome.verdict == NO_LOCK) {
		result->state = SKIPPED;
		memcpy(result->why, outcome.why, WHY);
		return NAN;
	}
	if (outcome.verdict == BROKEN || outcome.lost) {
		result->state = FAILED;
		snprintf(result->why, WHY, "%s", outcome.lost ?
			 "updates were lost under a lock" : outcome.why);
		c->failures++;
		return NAN;
	}
	return outcome.wall / outcome.done * result->processes * 1e6;
}

/* As many loops as fit, by a short look at how fast it goes. */
static long choose_loops(struct comparison *c, struct result *result,
			 const struct lock *lock, double budget)
{
	double most;

	if (c->loops)
		return c->loops;
	most = 1e6 * budget / TIMES /
	       repeat(c, result, lock, 0, c->quick ? 0.01 : 0.05);
	if (isnan(most))
		return 0;	/* interrupted, or it cannot be had */
	return most > LOOPS ? LOOPS : most < LEAST ? LEAST : most;
}

static void measure(struct comparison *c, struct result *result,
		    const struct lock *lock, double budget)
{
	result->loops = choose_loops(c, result, lock, budget);
	for (int i = 0; i < TIMES && result->state == MEASURED; i++) {
		double value = repeat(c, result, lock, result->loops, 0);

		if (isnan(value))
			break;
		result_sample(result, value, true);
		result->increments += result->loops * result->processes;
	}
	result_judge(result, TIMES);
}

static double mean(const struct series *series)
{
	double sum = 0;

	for (int i = 0; i < series->count; i++)
		sum += series->value[i];
	return sum / series->count;
}

static void print_rows(struct comparison *c, int first, const char *path)
{
	const struct result *result = &c->results[first];

	fprintf(c->table,
		"\nstevens: seconds a million increments of each process, on %s,\n"
		"and each row by its own first column: here, and as published (Solaris 2.6)\n\n",
		path);
	fprintf(c->table, "%-8s", "lock");
	for (int n = 1; n <= MOST; n++)
		fprintf(c->table, " %7d", n);
	for (int n = 1; n <= MOST; n++)
		fprintf(c->table, "  %5d %5s", n, "1998");
	fprintf(c->table, "   loops\n");
	for (int row = 0; row < ROWS; row++, result += MOST) {
		const struct result *worst = result;
		long least = result->loops;
		char text[24];

		if (!is_wanted(c->only_locks, rows[row].lock)) {
			result -= MOST;
			continue;
		}
		fprintf(c->table, "%-8s", rows[row].lock);
		for (int i = 0; i < MOST; i++) {
			if (result[i].state > worst->state)
				worst = &result[i];
			if (result[i].loops < least)
				least = result[i].loops;
			fprintf(c->table, " %7s",
				figure(text, mean(&result[i].values)));
		}
		for (int i = 0; i < MOST; i++) {
			fprintf(c->table, "  %5s",
				figure(text, quartiles(&result[i].ratios).median));
			fprintf(c->table, " %5s",
				figure(text, quartiles(&result[i].published).median));
		}
		fprintf(c->table, " %7ld", least);
		note(c, worst);
	}
	fprintf(c->table,
		"\nMeans of %d, not pinned, the parent holding the lock while it forks. loops: of\n"
		"each process, the least of the row; where a million take too long there are\n"
		"fewer, and their time is scaled up.\n", TIMES);
}

/* The device; where there is none, that is said, and it is another path. */
static const char *choose_path(struct comparison *c)
{
	struct result result = {
		.question = "stevens", .path = SHMCOUNT_DEVICE,
		.state = SKIPPED,
	};

	if (!is_wanted(c->only_paths, SHMCOUNT_DEVICE))
		return "MAP_ANON";
	if (path_probe(path_named(SHMCOUNT_DEVICE), &c->places, result.why))
		return SHMCOUNT_DEVICE;
	fprintf(c->table, "\nstevens: on %s", SHMCOUNT_DEVICE);
	note(c, result_add(c, result));
	return "MAP_ANON";
}

void ask_stevens(struct comparison *c)
{
	const char *path = choose_path(c);
	double budget = (c->quick ? 2.5 : 65.0) / (ROWS * MOST);
	int first = c->result_count;

	for (int row = 0; row < ROWS; row++) {
		const struct row *r = &rows[row];
		double alone = NAN;

		if (!is_wanted(c->only_locks, r->lock))
			continue;
		for (int n = 1; n <= MOST; n++) {
			struct result *result = result_add(c, (struct result) {
				.question = "stevens", .path = path,
				.lock = r->lock, .processes = n,
				.what = "million increments each", .unit = "s",
				.ratio_to = "1 process",
			});

			progress(c, "stevens: %s, %d process%s", r->lock, n,
				 n == 1 ? "" : "es");
			measure(c, result, lock_named(r->lock), budget);
			if (n == 1)
				alone = mean(&result->values);
			if (result->values.count)
				series_add(&result->ratios,
					   mean(&result->values) / alone);
			if (r->published[n - 1])
				series_add(&result->published,
					   r->published[n - 1] / r->published[0]);
		}
	}
	print_rows(c, first, path);
}
