// SPDX-License-Identifier: GPL-2.0
/* Results: samples, their statistics, and what these say about a target. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../libc.h"
#include "compare.h"

/* A result whose quartiles are further apart, by the median, is not ranked. */
static const double max_spread = 0.25;

/* Waits are whole ns: so near to one another they do not differ. */
static const double least_spread = 2;

bool is_wanted(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *item = list; item; item = strchr(item, ',')) {
		item += *item == ',';
		if (!strncmp(item, name, length) &&
		    (!item[length] || item[length] == ','))
			return true;
	}
	return !list;
}

const struct backing *wanted_backing(const struct comparison *c,
				     const struct backing *backing)
{
	for (; backing < backings + backing_count; backing++)
		if (is_wanted(c->only_backings, backing->name))
			return backing;
	return NULL;
}

const struct lock *wanted_lock(const struct comparison *c,
			       const struct lock *lock)
{
	for (; lock < locks + lock_count; lock++)
		if (is_wanted(c->only_locks, lock->name))
			return lock;
	return NULL;
}

int random_below(struct comparison *c, int limit)
{
	/* G. Marsaglia's xorshift, 64 bits (2003). */
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % limit;
}

void random_order(struct comparison *c, int *order, int count)
{
	for (int i = 0; i < count; i++) {
		int j = random_below(c, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

void series_add(struct series *series, double value)
{
	APPEND(series->value, series->count) = value;
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value that this share of the sorted values is below. */
static double quantile(const double *sorted, int count, double share)
{
	double at = share * (count - 1);
	int below = at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

static double *sorted_copy(const struct series *series)
{
	double *sorted = allocate(series->count, sizeof(double));

	memcpy(sorted, series->value, series->count * sizeof(double));
	qsort(sorted, series->count, sizeof(double), compare_values);
	return sorted;
}

struct quartiles quartiles(const struct series *series)
{
	struct quartiles q = { NAN, NAN, NAN, NAN };
	double *sorted;

	if (!series->count)
		return q;
	sorted = sorted_copy(series);
	q.min = sorted[0];
	q.low = quantile(sorted, series->count, 0.25);
	q.median = quantile(sorted, series->count, 0.5);
	q.high = quantile(sorted, series->count, 0.75);
	free(sorted);
	return q;
}

struct result *result_add(struct comparison *c, struct result result)
{
	APPEND(c->results, c->result_count) = result;
	return &c->results[c->result_count - 1];
}

void result_set(struct result *result, enum state state, const char *format,
		...)
{
	va_list args;

	result->state = state;
	va_start(args, format);
	vsnprintf(result->why, WHY, format, args);
	va_end(args);
}

bool result_sample(struct result *result, double value, bool clean)
{
	if (!clean) {
		result->rejected++;
		if (result->clean)
			return false;
	} else if (!result->clean++) {
		result->values.count = 0;
		result->fairness.count = 0;
		result->switches.count = 0;
	}
	series_add(&result->values, value);
	return true;
}

bool result_outcome(struct result *result, const struct trial *trial,
		    const struct outcome *outcome)
{
	bool shares = trial->backing->shares;

	switch (outcome->verdict) {
	case STOPPED:
		return false;
	case NO_BACKING:
	case NO_LOCK:
		result_set(result, SKIPPED, "%s", outcome->why);
		return false;
	case BROKEN:
		result_set(result, FAILED, "%s", outcome->why);
		return false;
	default:
		break;
	}
	result->increments += outcome->done;
	result->lost += outcome->lost;
	if (shares && trial->lock->excludes && outcome->lost)
		result_set(result, FAILED, "updates were lost under a lock");
	else if (!shares && outcome->lost != outcome->done)
		result_set(result, FAILED, "private memory was shared");
	return true;
}

void result_judge(struct result *result, int wanted)
{
	struct quartiles q = quartiles(&result->values);
	double spread = q.high - q.low;

	if (result->state != MEASURED)
		return;
	if (!result->values.count)
		result_set(result, SKIPPED, "%s before it was measured",
			   interrupted ? "interrupted" : "the time was up");
	else if (result->clean < wanted)
		result_set(result, NOISY, "clean samples: %d, rejected: %d",
			   result->clean, result->rejected);
	else if (result->waits && spread <= least_spread)
		return;
	else if (spread > max_spread * q.median && !q.median)
		result_set(result, UNSTABLE, "quartiles %g and %g", q.low, q.high);
	else if (spread > max_spread * q.median)
		result_set(result, UNSTABLE, "quartiles %.0f %% apart",
			   100 * spread / q.median);
}

static struct target make_target(double max, const struct series *ratios)
{
	int n = ratios->count, rank;
	struct target target = {
		.max = max, .samples = n, .verdict = UNDECIDED,
		.median = NAN, .low = NAN, .high = NAN,
	};
	double *sorted;

	if (!n)
		return target;
	target.median = quartiles(ratios).median;
	/* The range of fewer samples contains the median by less than 95 %. */
	if (n < 6)
		return target;
	/* The number of samples below the median has a binomial distribution. */
	rank = n / 2.0 - 0.98 * sqrt(n);
	sorted = sorted_copy(ratios);
	target.low = sorted[rank];
	target.high = sorted[n - 1 - rank];
	free(sorted);
	if (target.high <= max)
		target.verdict = MET;
	else if (target.low > max)
		target.verdict = NOT_MET;
	return target;
}

void target_add(struct comparison *c, double max, const struct result *result,
		const struct series *ratios, const char *format, ...)
{
	struct target target = make_target(max, ratios);
	va_list args;

	target.doubtful = result && result->state != MEASURED;
	va_start(args, format);
	vsnprintf(target.what, sizeof(target.what), format, args);
	va_end(args);
	APPEND(c->targets, c->target_count) = target;
}
