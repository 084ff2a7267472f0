// SPDX-License-Identifier: GPL-2.0
/* The summary: a line for each backing and each lock. */
#include <math.h>
#include <string.h>

#include "../libc.h"
#include "compare.h"

/* The first result that matches; NULL and 0 match all. */
static const struct result *find(const struct comparison *c,
				 const char *question, const char *backing,
				 const char *lock, int processes,
				 const char *what, const char *object)
{
	for (int i = 0; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!strcmp(result->question, question) &&
		    (!backing || !strcmp(result->backing, backing)) &&
		    (!lock || !strcmp(result->lock, lock)) &&
		    (!processes || result->processes == processes) &&
		    (!what || !strcmp(result->what, what)) &&
		    (!object || !strcmp(result->object, object)) &&
		    result->values.count)
			return result;
	}
	return NULL;
}

static double median(const struct result *result)
{
	return result ? quartiles(&result->values).median : NAN;
}

static const struct result *speed_of(const struct comparison *c,
				     const char *backing, const char *lock,
				     int processes)
{
	return find(c, "speed", backing, lock, processes, NULL, NULL);
}

static const char *shown(const struct result *result)
{
	return marked(median(result), result, NULL);
}

static const char *setup_of(const struct comparison *c, const char *backing,
			    const char *object)
{
	const struct result *result = find(c, "setup", backing, NULL, 0,
					   "map+touch+unmap", object);

	return shown(result && result->pages == 1 ? result : NULL);
}

static const char *wake_up(struct comparison *c, const struct backing *backing)
{
	struct object object;
	void *memory = object_acquire(&object, backing, &c->locations,
				      INSTANCE_BYTES);
	int error;

	if (!memory)
		return "-";
	touch(memory, INSTANCE_BYTES);
	error = futex_wake_error(memory);
	object_release(&object, memory);
	return error ? error_name(error) : "0";
}

static void print_backings(struct comparison *c)
{
	fprintf(c->table, "\nsummary: the paths\n\n%-13s %-10s %-13s %6s %8s %8s %8s %8s\n",
		"path", "shared by", "lasts", "wake", "ns at 1", "ns at 2",
		"fresh", "warm");
	for_each_backing(backing, c)
		fprintf(c->table, "%-13s %-10s %-13s %6s %8s %8s %8s %8s\n",
			label(c, backing->name), backing->shared_by, backing->lasts,
			wake_up(c, backing),
			shown(speed_of(c, backing->name, "sem", 1)),
			shown(speed_of(c, backing->name, "sem", 2)),
			setup_of(c, backing->name, "fresh"),
			setup_of(c, backing->name, "warm"));
	fprintf(c->table,
		"\nwake: the answer of FUTEX_WAKE; a contended semaphore needs 0. ns: an increment\n"
		"under a semaphore, by 1 and by 2 processes. fresh, warm: ns to map, touch and\n"
		"unmap a page that is new, and one that exists.\n" MARK_MEANS "\n");
}

static const char *fate(const struct comparison *c, const char *backing,
			const struct lock *lock, const char *what)
{
	for (int i = 0; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!strcmp(result->question, "crash") &&
		    !strcmp(result->backing, backing) &&
		    !strcmp(result->lock, lock->name) &&
		    !strcmp(result->what, what) && result->state == MEASURED)
			return result->values.count ? "yes" : "no";
	}
	return "-";
}

static void print_locks(struct comparison *c, const char *backing)
{
	const struct result *atomic = speed_of(c, backing, "atomic", 2);

	fprintf(c->table, "\nsummary: the locks, on %s\n\n%-9s %8s %8s %9s %7s  %-18s %s\n",
		label(c, backing), "lock", "ns at 1", "ns at 2", "x atomic", "lost",
		"if holder killed:", "what it is");
	for_each_lock(lock, c) {
		const struct result *two = speed_of(c, backing, lock->name, 2);
		double lost = two ? 100.0 * two->lost / two->increments : NAN;
		char after[32];

		snprintf(after, sizeof(after), "%s / %s",
			 fate(c, backing, lock, WAITER_GETS_IT),
			 fate(c, backing, lock, NEWCOMER_GETS_IT));
		fprintf(c->table, "%-9s %8s %8s %9s %6s%s  %-18s %s\n",
			lock->name, shown(speed_of(c, backing, lock->name, 1)),
			shown(two), marked(median(two) / median(atomic), two, atomic),
			marked(lost, two, NULL), isfinite(lost) ? "%" : " ",
			after, lock->help);
	}
	fprintf(c->table,
		"\nns: an increment, by 1 and by 2 processes. If the holder is killed: does a waiter\n"
		"get the lock / does a process that comes later?\n" MARK_MEANS "\n");
}

static bool was_asked(const struct comparison *c, const char *question)
{
	for (int i = 0; i < c->result_count; i++)
		if (!strcmp(c->results[i].question, question))
			return true;
	return false;
}

void print_summary(struct comparison *c)
{
	const char *backing = find(c, "speed", SHMCOUNT_DEVICE, NULL, 0, NULL, NULL) ?
			   SHMCOUNT_DEVICE : "MAP_ANON";

	if (!was_asked(c, "speed") || !was_asked(c, "crash"))
		return;
	print_backings(c);
	print_locks(c, backing);
}
