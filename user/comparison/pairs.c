// SPDX-License-Identifier: GPL-2.0
/*
 * pairs: does an increment under a semaphore cost more on the device than on
 * MAP_ANON? The same processes count on both in turns, so that neither they nor
 * the machine differ. MAP_ANON is paired with itself first: its ratio must be 1,
 * and the spread of that ratio says how many pairs can decide. Their number is
 * fixed before the first pair of the device: taking pairs until a target is met
 * would meet any target.
 *
 * An increment costs more at one address than at another: with two processes
 * and the lock always in the region's first page, runs of 1000 pairs said 0.979
 * to 1.030. So in each pair chance places it; then they say 0.995 to 1.003.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

static const char baseline[] = "MAP_ANON";
static const char common_lock[] = "sem";

/* The limit, and a true ratio that has to be found to meet it. */
static const double max_ratio = 1.03, good_ratio = 1.01;

/* The chance to find it, as a quantile of the normal distribution: 90 %. */
static const double z_power = 1.2816;

/* Of the interval that must not exceed the limit: 95 %. */
static const double z_interval = 1.96;

enum { MIN_PAIRS = 6 };		/* for that interval */

struct plan {
	double seconds, seconds_in_turns;	/* of a turn */
	int pilot;		/* pairs of the baseline with itself */
	double budget;		/* seconds for all */
	size_t size;		/* of each memory, bytes */
};

static struct plan plan_for(const struct comparison *c)
{
	struct plan plan = {
		.seconds = 0.004, .seconds_in_turns = 0.04,
		.pilot = c->quick ? 10 : 100, .budget = c->quick ? 8 : 360,
	};

	if (c->pairs && c->pairs < plan.pilot)
		plan.pilot = c->pairs;
	return plan;
}

/*
 * From a good ratio to the limit, in standard errors of the median of so many
 * pairs. The quartiles give the standard deviation of a normal distribution.
 */
static double distance(const struct quartiles *q, double pairs)
{
	double deviation = log(q->high / q->low) / 1.349;

	return log(max_ratio / good_ratio) * sqrt(pairs) / (1.2533 * deviation);
}

static double pairs_wanted(const struct quartiles *q)
{
	return ceil(pow((z_interval + z_power) / distance(q, 1), 2));
}

static double power(const struct quartiles *q, int pairs)
{
	return erfc((z_interval - distance(q, pairs)) / sqrt(2)) / 2;
}

static double cost(const struct outcome *outcome)
{
	return outcome->wall / (outcome->done ?: 1);
}

/* Add the ratio of the result's backing to the baseline. */
static void take_pair(struct comparison *c, const struct plan *plan,
		      struct result *result)
{
	const struct backing *backing = backing_named(result->backing);
	const struct backing *base = backing_named(baseline);
	/* Chance decides which is mapped first, and begins. */
	int at = random_below(c, 2);
	struct trial trial = {
		.backing = at ? base : backing, .other = at ? backing : base,
		.locations = &c->locations, .lock = lock_named(result->lock),
		.cpus = &c->cpus, .processes = result->processes, .patience = 10,
		.seconds = result->processes > c->cpus.count ?
			   plan->seconds_in_turns : plan->seconds,
		.size = plan->size,
		.offset = INSTANCE_BYTES *
			  (size_t)random_below(c, plan->size / INSTANCE_BYTES),
	};
	struct outcome outcomes[2];
	const struct outcome *one = &outcomes[at], *other = &outcomes[!at];

	trial_pair(&trial, outcomes);
	if (result_outcome(result, &trial, other) &&
	    result_outcome(result, &trial, one))
		result_sample(result, cost(one) / cost(other),
			      one->verdict == CLEAN && other->verdict == CLEAN);
}

/* Rejected pairs are taken again, in the same time; returns its seconds a try. */
static double take_pairs(struct comparison *c, const struct plan *plan,
			 struct result *result, int pairs, double seconds)
{
	double began = now();
	int tries = 0;

	while (result->clean < pairs && tries < 2 * pairs &&
	       result->state == MEASURED && !interrupted &&
	       now() - began < seconds) {
		progress(c, "pairs: %d process%s, %s, %d of %d",
			 result->processes, result->processes == 1 ? "" : "es",
			 result->backing, result->clean + 1, pairs);
		take_pair(c, plan, result);
		tries++;
	}
	result_judge(result, pairs < MIN_PAIRS ? pairs : MIN_PAIRS);
	return (now() - began) / (tries ?: 1);
}

static struct result *add_row(struct comparison *c, const char *backing,
			      int processes)
{
	return result_add(c, (struct result) {
		.question = "pairs", .backing = backing, .lock = common_lock,
		.processes = processes, .what = "increment", .unit = "ratio",
		.ratio_to = baseline,
	});
}

static void print_row(struct comparison *c, const struct result *result,
		      double wanted, double chance)
{
	struct quartiles q = quartiles(&result->values);

	fprintf(c->table, "%-13s %5d  %7s %7s %7s  %6d %7s %6s",
		label(c, result->backing), result->processes,
		ratio_figure(q.median), ratio_figure(q.low), ratio_figure(q.high), result->clean,
		figure(wanted), figure(chance));
	note(c, result);
}

static void ask(struct comparison *c, const struct plan *plan, int processes,
		double seconds)
{
	struct quartiles itself = { NAN, NAN, NAN, NAN };
	struct result *result = add_row(c, baseline, processes);
	double each, wanted, began = now();
	int pairs;

	each = take_pairs(c, plan, result, plan->pilot, seconds / 2);
	print_row(c, result, NAN, NAN);
	if (result->clean >= MIN_PAIRS)
		itself = quartiles(&result->values);
	wanted = fmax(plan->pilot, pairs_wanted(&itself));
	seconds -= now() - began;
	pairs = c->pairs ?: fmin(wanted, seconds / each);

	result = add_row(c, SHMCOUNT_DEVICE, processes);
	take_pairs(c, plan, result, pairs, seconds);
	/* Without a spread of the first row nobody knows. */
	print_row(c, result, isnan(itself.median) ? NAN : wanted,
		  power(&itself, result->clean));
	if (result->clean)
		target_add(c, max_ratio, result, &result->values,
			   "increment under a semaphore, %d process%s, device / %s",
			   processes, processes == 1 ? "" : "es", baseline);
}

/* 64 pages, or as many as the region has; why is empty if there is one. */
static size_t room(const struct comparison *c, char why[WHY])
{
	const struct backing *device = backing_named(SHMCOUNT_DEVICE);
	size_t size = 64 * page_size();

	while (!backing_probe(device, &c->locations, size, why) && size > page_size())
		size /= 2;
	return size;
}

void ask_pairs(struct comparison *c)
{
	struct plan plan = plan_for(c);
	double deadline = now() + plan.budget;
	char why[WHY] = "";

	if (!is_wanted(c->only_backings, SHMCOUNT_DEVICE) ||
	    !is_wanted(c->only_backings, baseline) ||
	    !is_wanted(c->only_locks, common_lock))
		return;
	fprintf(c->table, "\npairs: the semaphore on the device, and on %s, in turns\n\n"
		"%-13s %5s  %7s %7s %7s  %6s %7s %6s\n", baseline,
		"path", "procs", "/ANON", "q1", "q3", "pairs", "wanted", "power");
	plan.size = room(c, why);
	if (why[0])
		result_set(add_row(c, SHMCOUNT_DEVICE, 0), SKIPPED, "%s", why);
	for (int i = 0; i < c->process_counts && !why[0] && !interrupted; i++)
		ask(c, &plan, c->processes[i],
		    c->pairs ? HUGE_VAL : (deadline - now()) / (c->process_counts - i));
	if (why[0])
		print_row(c, &c->results[c->result_count - 1], NAN, NAN);
	fprintf(c->table,
		"\n/ANON: ratio to %s, of which the first row of each number is a pair, too.\n"
		"wanted: the pairs that find a true ratio of %.2f to be at most %.2f, with a chance\n"
		"of %.0f %%, by the spread of the first row. power: that chance, with those taken.\n",
		baseline, good_ratio, max_ratio, 50 * erfc(-z_power / sqrt(2)));
}
