// SPDX-License-Identifier: GPL-2.0
/*
 * exact: does each lock keep the count on each backing? It measures no time:
 * the count must be the sum of what the processes counted.
 */
#include <string.h>

#include "compare.h"

enum { PROCESSES = 3, LOOPS = 500 };

static void ask(struct comparison *c, struct result *result,
		const struct backing *backing, const struct lock *lock)
{
	struct trial trial = {
		.backing = backing, .locations = &c->locations, .lock = lock,
		.cpus = &c->cpus, .processes = PROCESSES,
		.loops = result->loops, .patience = 20,
	};
	struct outcome outcome = trial_run(&trial);

	result_outcome(result, &trial, &outcome);
	if (outcome.verdict == STOPPED)
		result_set(result, SKIPPED, "interrupted");
}

/* Was this backing listed before, skipped for the same reason? */
static bool is_listed(const struct comparison *c, int first, int number)
{
	const struct result *result = &c->results[number];

	for (int i = first; i < number && result->state == SKIPPED; i++)
		if (c->results[i].backing == result->backing &&
		    !strcmp(c->results[i].why, result->why))
			return true;
	return false;
}

static void print_results(struct comparison *c, int first)
{
	fprintf(c->table,
		"\nexact: increments lost, of those that %d processes made\n\n%-9s",
		PROCESSES, "lock");
	for_each_backing(backing, c)
		fprintf(c->table, " %13s", label(c, backing->name));
	for (int i = first; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (i == first || result->lock != result[-1].lock)
			fprintf(c->table, "\n%-9s", result->lock);
		if (result->state == MEASURED)
			fprintf(c->table, " %13lld", result->lost);
		else
			fprintf(c->table, " %13s", state_name(result->state));
	}
	fprintf(c->table, "\n\n");
	for (int i = first; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!result->why[0] || is_listed(c, first, i))
			continue;
		fprintf(c->table, "%s, %s", label(c, result->backing),
			result->lock);
		note(c, result);
	}
	fprintf(c->table,
		"Each process made %ld. private must lose all, as it shares nothing. Without a\n"
		"lock (none) increments may be lost; with any lock none may be.\n",
		c->loops ?: LOOPS);
}

void ask_exact(struct comparison *c)
{
	int first = c->result_count;

	for_each_lock(lock, c) {
		progress(c, "exact: %s", lock->name);
		for_each_backing(backing, c) {
			if (interrupted)
				break;
			ask(c, result_add(c, (struct result) {
				.question = "exact", .backing = backing->name,
				.lock = lock->name, .what = "increments each",
				.processes = PROCESSES,
				.loops = c->loops ?: LOOPS,
			}), backing, lock);
		}
	}
	print_results(c, first);
}
