// SPDX-License-Identifier: GPL-2.0
/*
 * stevens: the measurement of W. R. Stevens, UNIX Network Programming, vol. 2,
 * 2nd ed., appendix A. Each of 1 to 5 processes increments a count a million
 * times under one lock. The parent holds the lock while it forks, then starts
 * the clock and releases it. A time is the mean of three.
 *
 * The published times, in seconds, are the plot data in the book's sources
 * (bench/graph.2: threads, figure A.6, on Solaris 2.6). Computers differ, so
 * each row is compared by its ratios to its own first column.
 */
#include <math.h>
#include <string.h>

#include "compare.h"

enum { MAX_PROCS = 5, TIMES = 3, LOOPS = 1000000, MIN_LOOPS = 100 };

static const struct row {
	const char *lock;
	double published[MAX_PROCS];	/* seconds; 0: none */
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

/*
 * Returns the seconds for a million increments of each process, or NAN. In his
 * measurement the processes need not run at the same time.
 */
static double repeat(struct comparison *c, struct result *result,
		     const struct lock *lock, long loops, double seconds,
		     bool *clean)
{
	const struct cpus unpinned = { .count = c->cpus.count };
	struct trial trial = {
		.backing = backing_named(result->backing), .locations = &c->locations,
		.lock = lock, .cpus = &unpinned,
		.processes = result->processes, .loops = loops,
		.seconds = seconds, .held = !seconds, .patience = 120,
	};
	struct outcome outcome = trial_run(&trial);

	if (!result_outcome(result, &trial, &outcome) ||
	    result->state == FAILED)
		return NAN;
	*clean = outcome.verdict != DISTURBED;
	return outcome.wall / outcome.done * result->processes * 1e6;
}

/* As many loops as fit into the budget, by the speed of a short trial. */
static long choose_loops(struct comparison *c, struct result *result,
			 const struct lock *lock, double budget)
{
	double max;
	bool clean;

	if (c->loops)
		return c->loops;
	max = 1e6 * budget / TIMES /
	       repeat(c, result, lock, 0, c->quick ? 0.01 : 0.05, &clean);
	if (isnan(max))
		return 0;
	result->increments = 0;	/* that trial is no sample */
	return max > LOOPS ? LOOPS : max < MIN_LOOPS ? MIN_LOOPS : max;
}

static void measure(struct comparison *c, struct result *result,
		    const struct lock *lock, double budget)
{
	if (!interrupted)
		result->loops = choose_loops(c, result, lock, budget);
	for (int i = 0; i < TIMES && result->state == MEASURED && !interrupted; i++) {
		bool clean;
		double value = repeat(c, result, lock, result->loops, 0, &clean);

		if (isnan(value))
			break;
		result_sample(result, value, clean);
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

static void print_rows(struct comparison *c, int first, const char *backing)
{
	const struct result *result = &c->results[first];

	fprintf(c->table,
		"\nstevens: seconds for a million increments of each process, on %s,\n"
		"and their ratios to one process: here, and as published (Solaris 2.6)\n\n",
		label(c, backing));
	fprintf(c->table, "%-8s", "lock");
	for (int n = 1; n <= MAX_PROCS; n++)
		fprintf(c->table, " %7d", n);
	for (int n = 1; n <= MAX_PROCS; n++)
		fprintf(c->table, "  %5d %5s", n, "1998");
	fprintf(c->table, "   loops\n");
	for (int row = 0; row < ROWS; row++, result += MAX_PROCS) {
		const struct result *worst = result;
		long min = result->loops;

		if (!is_wanted(c->only_locks, rows[row].lock)) {
			result -= MAX_PROCS;
			continue;
		}
		fprintf(c->table, "%-8s", rows[row].lock);
		for (int i = 0; i < MAX_PROCS; i++) {
			if (result[i].state > worst->state)
				worst = &result[i];
			if (result[i].loops < min)
				min = result[i].loops;
			fprintf(c->table, " %7s",
				marked(mean(&result[i].values), &result[i], NULL));
		}
		for (int i = 0; i < MAX_PROCS; i++)
			fprintf(c->table, "  %5s %5s",
				marked(quartiles(&result[i].ratios).median,
				       &result[i], result),
				figure(quartiles(&result[i].published).median));
		fprintf(c->table, " %7ld", min);
		note(c, worst);
	}
	fprintf(c->table,
		"\nMeans of %d times. Processes are not pinned; the parent holds the lock while it\n"
		"forks. loops: increments of each process, the minimum of the row; if a million\n"
		"take too long, compare makes fewer and scales their time up.\n"
		MARK_MEANS "\n", TIMES);
}

/* The device; without one, say so, and take MAP_ANON. */
static const char *choose_backing(struct comparison *c)
{
	struct result result = {
		.question = "stevens", .backing = SHMCOUNT_DEVICE,
		.state = SKIPPED,
	};

	if (!is_wanted(c->only_backings, SHMCOUNT_DEVICE))
		return "MAP_ANON";
	if (backing_probe(backing_named(SHMCOUNT_DEVICE), &c->locations,
			  INSTANCE_BYTES, result.why))
		return SHMCOUNT_DEVICE;
	fprintf(c->table, "\nstevens: on %s", c->locations.device);
	note(c, result_add(c, result));
	return "MAP_ANON";
}

void ask_stevens(struct comparison *c)
{
	const char *backing = choose_backing(c);
	double budget = (c->quick ? 2.5 : 65.0) / (ROWS * MAX_PROCS);
	int first = c->result_count;

	for (int row = 0; row < ROWS; row++) {
		const struct row *r = &rows[row];
		double alone = NAN;

		if (!is_wanted(c->only_locks, r->lock))
			continue;
		for (int n = 1; n <= MAX_PROCS; n++) {
			struct result *result = result_add(c, (struct result) {
				.question = "stevens", .backing = backing,
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
	print_rows(c, first, backing);
}
