// SPDX-License-Identifier: GPL-2.0
/* The summary: on one sheet, what each path and each lock is like. */
#include <math.h>
#include <string.h>

#include "../libc.h"
#include "compare.h"

/* The first result that is so; NULL stands for any. */
static const struct result *find(const struct comparison *c,
				 const char *question, const char *path,
				 const char *lock, int processes,
				 const char *what, const char *object)
{
	for (int i = 0; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!strcmp(result->question, question) &&
		    (!path || !strcmp(result->path, path)) &&
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

static double speed_of(const struct comparison *c, const char *path,
		       const char *lock, int processes)
{
	return median(find(c, "speed", path, lock, processes, NULL, NULL));
}

static double setup_of(const struct comparison *c, const char *path,
		       const char *object)
{
	const struct result *result = find(c, "setup", path, NULL, 0,
					   "map+touch+unmap", object);

	return result && result->pages == 1 ? median(result) : NAN;
}

static const char *wake_up(struct comparison *c, const struct path *path)
{
	struct object object;
	void *memory = object_acquire(&object, path, &c->places);
	int error;

	if (!memory)
		return "-";
	touch(memory, GUARD_BYTES);
	error = futex_wake_error(memory);
	object_release(&object, memory);
	return error ? error_name(error) : "0";
}

static void print_paths(struct comparison *c)
{
	fprintf(c->table, "\nsummary: the paths\n\n%-13s %-10s %-13s %6s %8s %8s %8s %8s\n",
		"path", "shared by", "lasts until", "wake", "ns at 1", "ns at 2",
		"fresh", "warm");
	for (int i = 0; i < path_count; i++) {
		const char *name = paths[i].name;
		char text[4][24];

		if (!is_wanted(c->only_paths, name))
			continue;
		fprintf(c->table, "%-13s %-10s %-13s %6s %8s %8s %8s %8s\n", name,
			paths[i].shared_by, paths[i].lasts,
			wake_up(c, &paths[i]),
			figure(text[0], speed_of(c, name, "sem", 1)),
			figure(text[1], speed_of(c, name, "sem", 2)),
			figure(text[2], setup_of(c, name, "fresh")),
			figure(text[3], setup_of(c, name, "warm")));
	}
	fprintf(c->table,
		"\nwake: what FUTEX_WAKE answers there; a semaphore that has to wait needs 0.\n"
		"ns: an increment under a semaphore, by 1 and by 2 processes. fresh, warm: ns to\n"
		"map a page, touch and unmap it, where it is new and where it is there.\n");
}

static const char *fate(const struct comparison *c, const char *path,
			const struct lock *lock, const char *what)
{
	for (int i = 0; i < c->result_count; i++) {
		const struct result *result = &c->results[i];

		if (!strcmp(result->question, "crash") &&
		    !strcmp(result->path, path) &&
		    !strcmp(result->lock, lock->name) &&
		    !strcmp(result->what, what) && result->state == MEASURED)
			return result->values.count ? "yes" : "no";
	}
	return "-";
}

static void print_locks(struct comparison *c, const char *path)
{
	double atomic = speed_of(c, path, "atomic", 2);

	fprintf(c->table, "\nsummary: the locks, on %s\n\n%-9s %8s %8s %9s %7s  %-18s %s\n",
		path, "lock", "ns at 1", "ns at 2", "x atomic", "lost",
		"if holder killed:", "what it is");
	for (int i = 0; i < lock_count; i++) {
		const char *name = locks[i].name;
		const struct result *two = find(c, "speed", path, name, 2,
					       NULL, NULL);
		char text[4][24], after[32];

		if (!is_wanted(c->only_locks, name))
			continue;
		snprintf(after, sizeof(after), "%s / %s",
			 fate(c, path, &locks[i], "waiter gets it"),
			 fate(c, path, &locks[i], "newcomer gets it"));
		fprintf(c->table, "%-9s %8s %8s %9s %6s%s  %-18s %s\n", name,
			figure(text[0], speed_of(c, path, name, 1)),
			figure(text[1], median(two)),
			figure(text[2], median(two) / atomic),
			figure(text[3], two ? 100.0 * two->lost / two->increments : NAN),
			two ? "%" : " ", after, locks[i].help);
	}
	fprintf(c->table,
		"\nns: an increment, by 1 and by 2 processes. If the holder is killed, does one that\n"
		"waits get the lock / does one that comes later?\n");
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
	const char *path = find(c, "speed", SHMCOUNT_DEVICE, NULL, 0, NULL, NULL) ?
			   SHMCOUNT_DEVICE : "MAP_ANON";

	if (!was_asked(c, "speed") || !was_asked(c, "crash"))
		return;
	print_paths(c);
	print_locks(c, path);
}
