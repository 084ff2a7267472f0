// SPDX-License-Identifier: GPL-2.0
/*
 * overhead: what the loop that measures costs over the same one written by
 * hand, for a semaphore in MAP_ANON memory. One process, both loops in turns.
 */
#include <semaphore.h>

#include "compare.h"

enum { PAIRS = 301, LOOPS = 100000 };

__attribute__((noinline))
static double by_hand(sem_t *mutex, volatile long *count)
{
	double began = now();

	for (long i = 0; i < LOOPS; i++) {
		if (sem_wait(mutex))
			die("cannot wait for the semaphore");
		*count = *count + 1;
		if (sem_post(mutex))
			die("cannot post the semaphore");
	}
	return now() - began;
}

static double by_table(const struct lock *lock, struct guard *guard)
{
	double began = now();
	const int go_on = 0;

	lock->run(guard, &go_on, LOOPS);
	return now() - began;
}

void ask_overhead(struct comparison *c)
{
	const struct lock *lock = lock_named("sem");
	struct result *result = result_add(c, (struct result) {
		.question = "overhead", .path = "MAP_ANON", .lock = "sem",
		.processes = 1, .what = "increment", .unit = "ns",
		.loops = LOOPS, .ratio_to = "by hand",
	});
	struct object object;
	struct guard guard;
	void *memory = object_acquire(&object, path_named("MAP_ANON"),
				      &c->places);

	if (!memory || !guard_init(&guard, lock, memory, result->why))
		die("no memory");
	for (int i = 0; i < PAIRS && !interrupted; i++) {
		bool first = random_below(c, 2);
		double table, hand;

		progress(c, "overhead: pair %d of %d", i + 1, PAIRS);
		table = first ? by_table(lock, &guard) : 0;
		hand = by_hand(guard.place, guard.count);
		table = first ? table : by_table(lock, &guard);
		result_sample(result, table / LOOPS * 1e9, true);
		series_add(&result->ratios, table / hand);
	}
	guard_fini(&guard, lock);
	object_release(&object, memory);
	result_judge(result, 1);
	target_add(c, 1.02, &result->ratios,
		   "increment in the measuring loop / in one written by hand");
}
