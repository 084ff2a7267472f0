// SPDX-License-Identifier: GPL-2.0
/*
 * speed: nanoseconds an increment, for several numbers of processes: the
 * semaphore on each backing, and each lock on the device and on MAP_ANON. Each
 * round takes one sample of each, in random order, so that a change of the
 * machine's speed affects all of them alike.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const char baseline[] = "MAP_ANON";
static const char common_lock[] = "sem";

struct cell {
	const struct backing *backing;
	const struct lock *lock;
	int result, base;	/* numbers of results; base -1: none */
	double latest;		/* clean, of this round, or NAN */
};

struct plan {
	struct cell *cells;
	int count;
	double seconds, seconds_in_turns;	/* of a sample */
	int wanted;		/* clean samples of each cell */
	double budget;		/* seconds */
};

static struct plan plan_for(const struct comparison *c)
{
	if (c->quick)
		return (struct plan) {
			.seconds = 0.004, .seconds_in_turns = 0.03,
			.wanted = 2, .budget = 8,
		};
	return (struct plan) {
		.seconds = 0.01, .seconds_in_turns = 0.04,
		.wanted = 9, .budget = 100,
	};
}

static struct result *result_of(struct comparison *c, const struct cell *cell)
{
	return &c->results[cell->result];
}

static void add_cells(struct comparison *c, struct plan *plan,
		      const struct backing *backing, const struct lock *lock,
		      const char *why)
{
	for (int i = 0; i < c->process_counts; i++) {
		struct result *result = result_add(c, (struct result) {
			.question = "speed", .backing = backing->name,
			.lock = lock->name, .what = "increment", .unit = "ns",
			.processes = c->processes[i],
			.state = why[0] ? SKIPPED : MEASURED,
		});

		APPEND(plan->cells, plan->count) = (struct cell) {
			.backing = backing, .lock = lock,
			.result = result - c->results, .base = -1,
		};
		snprintf(result->why, WHY, "%s", why);
	}
}

static void make_cells(struct comparison *c, struct plan *plan)
{
	char why[WHY];

	for_each_backing(backing, c) {
		bool all = !strcmp(backing->name, baseline) ||
			   !strcmp(backing->name, SHMCOUNT_DEVICE);

		backing_probe(backing, &c->locations, INSTANCE_BYTES, why);
		for_each_lock(lock, c)
			if (all || !strcmp(lock->name, common_lock))
				add_cells(c, plan, backing, lock, why);
	}
	for (int i = 0; i < plan->count; i++) {
		struct result *result = result_of(c, &plan->cells[i]);

		for (int j = 0; j < plan->count; j++) {
			struct result *base = result_of(c, &plan->cells[j]);

			if (!strcmp(base->backing, baseline) &&
			    base->lock == result->lock &&
			    base->processes == result->processes)
				plan->cells[i].base = j;
		}
		if (plan->cells[i].base >= 0)
			result->ratio_to = baseline;
	}
}

static void take_outcome(struct comparison *c, struct cell *cell,
			 const struct trial *trial, struct outcome *outcome)
{
	struct result *result = result_of(c, cell);
	double value = outcome->wall * 1e9 / (outcome->done ?: 1);

	/* backing_probe() found it before. */
	if (outcome->verdict == NO_BACKING)
		outcome->verdict = BROKEN;
	if (!result_outcome(result, trial, outcome))
		return;
	if (result_sample(result, value, outcome->verdict == CLEAN)) {
		series_add(&result->fairness, outcome->fairness);
		series_add(&result->switches, outcome->switches);
	}
	if (outcome->verdict == CLEAN)
		cell->latest = value;
}

static void sample(struct comparison *c, const struct plan *plan,
		   struct cell *cell)
{
	struct result *result = result_of(c, cell);
	struct trial trial = {
		.backing = cell->backing, .locations = &c->locations,
		.lock = cell->lock, .cpus = &c->cpus,
		.processes = result->processes, .patience = 10,
		.seconds = result->processes > c->cpus.count ?
			   plan->seconds_in_turns : plan->seconds,
	};
	struct outcome outcome;

	cell->latest = NAN;
	if (result->state != MEASURED || interrupted)
		return;
	outcome = trial_run(&trial);
	take_outcome(c, cell, &trial, &outcome);
}

static void add_ratio(struct comparison *c, const struct plan *plan,
		      const struct cell *cell)
{
	const struct cell *base = cell->base < 0 ? cell :
				  &plan->cells[cell->base];

	if (cell->base >= 0 && !isnan(cell->latest) && !isnan(base->latest))
		series_add(&result_of(c, cell)->ratios,
			   cell->latest / base->latest);
}

static void take_round(struct comparison *c, const struct plan *plan)
{
	int order[plan->count];

	random_order(c, order, plan->count);
	for (int i = 0; i < plan->count; i++)
		sample(c, plan, &plan->cells[order[i]]);
	for (int i = 0; i < plan->count; i++)
		add_ratio(c, plan, &plan->cells[i]);
}

static bool all_have_enough(struct comparison *c, const struct plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		const struct result *result = result_of(c, &plan->cells[i]);

		if (result->state == MEASURED && result->clean < plan->wanted)
			return false;
	}
	return true;
}

static void judge(struct comparison *c, const struct plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		const struct cell *cell = &plan->cells[i];
		struct result *result = result_of(c, cell);

		result_judge(result, plan->wanted);
		/* With too few samples the control may lose nothing by chance. */
		if (!cell->lock->excludes && result->processes > 1 &&
		    c->cpus.count > 1 && result->clean >= plan->wanted &&
		    !result->lost)
			result_set(result, FAILED,
				   "the control lost nothing: the processes never overlapped");
	}
}

static void print_cells(struct comparison *c, const struct plan *plan,
			bool of_backings)
{
	fprintf(c->table, "%-13s %-8s %5s  %8s %8s %8s  %7s %7s %7s %5s %8s  %s\n",
		"path", "lock", "procs", "ns", "q1", "q3", "/ANON", "q1", "q3",
		"fair", "switches", "lost");
	for (int i = 0; i < plan->count; i++) {
		const struct result *result = result_of(c, &plan->cells[i]);
		struct quartiles q = quartiles(&result->values);
		struct quartiles r = quartiles(&result->ratios);
		char lost[32] = "-";

		if (of_backings != !strcmp(result->lock, common_lock))
			continue;
		if (result->increments && result->lost)
			snprintf(lost, sizeof(lost), "%.1f %%",
				 100.0 * result->lost / result->increments);
		else if (result->increments)
			snprintf(lost, sizeof(lost), "0");
		fprintf(c->table, "%-13s %-8s %5d  %8s %8s %8s  %7s %7s %7s %5s %8s  %s",
			label(c, result->backing), result->lock, result->processes,
			figure(q.median), figure(q.low), figure(q.high),
			figure(r.median), figure(r.low), figure(r.high),
			figure(quartiles(&result->fairness).median),
			figure(quartiles(&result->switches).median), lost);
		note(c, result);
	}
}

void ask_speed(struct comparison *c)
{
	struct plan plan = plan_for(c);
	double deadline = now() + plan.budget;
	int round = 0;

	make_cells(c, &plan);
	while (!interrupted && !all_have_enough(c, &plan) &&
	       (now() < deadline || !round)) {
		progress(c, "speed: round %d of %d or more", ++round,
			 plan.wanted);
		take_round(c, &plan);
	}
	judge(c, &plan);

	fprintf(c->table, "\nspeed: the semaphore on each path\n\n");
	print_cells(c, &plan, true);
	fprintf(c->table, "\nspeed: each lock on the device, and on %s\n\n",
		baseline);
	print_cells(c, &plan, false);
	fprintf(c->table,
		"\nns: wall-clock time / increments of all processes. /ANON: ratio to the same on\n"
		"MAP_ANON in the same round. fair: fewest increments of a process / most.\n"
		"switches: voluntary context switches, an increment. Medians and quartiles are of\n"
		"%d or more samples, except where the row says noisy.\n",
		plan.wanted);
	free(plan.cells);
}
