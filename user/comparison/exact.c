// SPDX-License-Identifier: GPL-2.0
/*
 * exact: does every lock keep the count on every path? No times; each of some
 * processes counts so many times, and the count has to be their sum.
 */
#include <string.h>

#include "compare.h"

enum { PROCESSES = 3, LOOPS = 500 };

static void check(struct comparison *c, struct result *result,
		  const struct path *path, const struct lock *lock)
{
	struct job job = {
		.path = path, .places = &c->places, .lock = lock,
		.cpus = &c->cpus, .processes = PROCESSES,
		.loops = result->loops, .patience = 20,
	};
	struct outcome outcome = job_run(&job);

	result->increments = outcome.done;
	result->lost = outcome.lost;
	memcpy(result->why, outcome.why, WHY);
	if (outcome.verdict == STOPPED)
		snprintf(result->why, WHY, "interrupted");
	if (outcome.verdict == STOPPED || outcome.verdict == NO_PATH ||
	    outcome.verdict == NO_LOCK)
		result->state = SKIPPED;
	if (outcome.verdict == BROKEN ||
	    (lock->excludes && path->shares && outcome.lost) ||
	    (!path->shares && outcome.lost != outcome.done))
		result->state = FAILED;
	c->failures += result->state == FAILED;
}

/* The same path, skipped for the same reason, is on the list already. */
static bool is_said(const struct comparison *c, int first, int number)
{
	const struct result *result = &c->results[number];

	for (int i = first; i < number && result->state == SKIPPED; i++)
		if (c->results[i].path == result->path &&
		    !strcmp(c->results[i].why, result->why))
			return true;
	return false;
}

static void print_results(struct comparison *c, int first)
{
	fprintf(c->table,
		"\nexact: increments that were lost of those that %d processes made\n\n%-9s",
		PROCESSES, "lock");
	for (int i = 0; i < path_count; i++)
		if (is_wanted(c->only_paths, paths[i].name))
			fprintf(c->table, " %13s", paths[i].name);
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

		if (!result->why[0] || is_said(c, first, i))
			continue;
		fprintf(c->table, "%s, %s", result->path, result->lock);
		note(c, result);
	}
	fprintf(c->table,
		"Each made %ld. private has to lose all: nothing is shared. With no lock the\n"
		"count may be lost, with any other it may not.\n",
		c->loops ?: LOOPS);
}

void ask_exact(struct comparison *c)
{
	int first = c->result_count;

	for (int i = 0; i < lock_count && !interrupted; i++) {
		if (!is_wanted(c->only_locks, locks[i].name))
			continue;
		progress(c, "exact: %s", locks[i].name);
		for (int j = 0; j < path_count && !interrupted; j++)
			if (is_wanted(c->only_paths, paths[j].name))
				check(c, result_add(c, (struct result) {
					.question = "exact",
					.path = paths[j].name,
					.lock = locks[i].name,
					.what = "increments each",
					.processes = PROCESSES,
					.loops = c->loops ?: LOOPS,
				}), &paths[j], &locks[i]);
	}
	print_results(c, first);
}
