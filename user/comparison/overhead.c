// SPDX-License-Identifier: GPL-2.0
/*
 * overhead: what does the measuring loop cost, compared with the same loop
 * written by hand? One process takes a semaphore in MAP_ANON memory and runs
 * both loops in turns.
 */
#include <semaphore.h>

#include "compare.h"

enum { PAIRS = 301, QUICK_PAIRS = 31, LOOPS = 100000 };

__attribute__((noinline))
static double by_hand(sem_t *mutex, volatile long *count, long loops)
{
	double began = now();

	for (long i = 0; i < loops; i++) {
		if (sem_wait(mutex))
			die("cannot wait for the semaphore");
		*count = *count + 1;
		if (sem_post(mutex))
			die("cannot post the semaphore");
	}
	return now() - began;
}

static double by_table(const struct lock *lock, struct lock_instance *instance,
		       long loops)
{
	double began = now();
	const int go_on = 0;

	lock->loop(instance, &go_on, loops);
	return now() - began;
}

void ask_overhead(struct comparison *c)
{
	const struct lock *lock = lock_named("sem");
	int pairs = c->quick ? QUICK_PAIRS : PAIRS;
	long loops = c->loops ?: LOOPS;
	struct result *result = result_add(c, (struct result) {
		.question = "overhead", .backing = "MAP_ANON", .lock = "sem",
		.processes = 1, .what = "increment", .unit = "ns",
		.loops = loops, .ratio_to = "by hand",
	});
	struct object object;
	struct lock_instance instance;
	void *memory = object_acquire(&object, backing_named("MAP_ANON"),
				      &c->locations, INSTANCE_BYTES);

	if (!memory || !lock_init(&instance, lock, memory, result->why))
		die("no memory");
	for (int i = 0; i < pairs && !interrupted; i++) {
		bool first = random_below(c, 2), clean;
		double table, hand;
		struct gate gate;

		progress(c, "overhead: pair %d of %d", i + 1, pairs);
		gate_open(&gate);
		table = first ? by_table(lock, &instance, loops) : 0;
		hand = by_hand(instance.memory, instance.count, loops);
		table = first ? table : by_table(lock, &instance, loops);
		clean = gate_close(&gate);
		result_sample(result, table / loops * 1e9, clean);
		if (clean)
			series_add(&result->ratios, table / hand);
	}
	lock_fini(&instance, lock);
	object_release(&object, memory);
	result_judge(result, 1);
	target_add(c, 1.02, result, &result->ratios,
		   "increment in the measuring loop / in a loop written by hand");
}
