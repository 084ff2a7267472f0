// SPDX-License-Identifier: GPL-2.0
/*
 * crash: SIGKILL ends a process while it holds the lock. Does another process
 * get the lock, one that waits for it at that time, and one that comes later?
 * How long does that take, and is the count right?
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compare.h"

/* Increments of each of the two processes; the holder dies after its last. */
enum { COUNTS = 1000 };

/* Seconds for what must happen, even on a slow host with sanitizers. */
enum { PATIENCE = 30 };

/* The outcome if nobody gets the lock in time, and how its reason begins. */
#define LOCKED "stays locked"

static double limit_of(const struct comparison *c)
{
	return c->quick ? 0.05 : 0.5;	/* seconds */
}

/*
 * What the processes tell one another. Whoever sees that one holds the lock must see
 * that it is taken, too, in whatever order a processor makes stores visible.
 */
struct shared_state {
	_Atomic double got;		/* when the other one got it; 0: not yet */
	atomic_int holds;		/* the holder has the lock */
	atomic_int done;		/* increments of the other one */
	char why[WHY];
};

/* A lock, and who takes it. */
struct crash {
	const struct lock *lock;
	struct lock_instance instance;
	struct shared_state *state;
	bool waits;		/* the other one waits when the holder dies */
	double limit;		/* seconds for the other one to get the lock */
};

static void join(struct crash *crash)
{
	crash->instance.why = crash->state->why;
	if (crash->lock->join)
		crash->lock->join(&crash->instance);
}

static _Noreturn void hold(struct crash *crash)
{
	const int go_on = 0;

	join(crash);
	crash->lock->loop(&crash->instance, &go_on, COUNTS - 1);
	crash->lock->take(&crash->instance);
	*crash->instance.count = *crash->instance.count + 1;
	crash->state->holds = 1;
	for (;;)
		pause();
}

static pid_t start_other(struct comparison *c, struct crash *crash)
{
	pid_t pid = start_child(&c->cpus, 1);
	const int go_on = 0;

	if (pid)
		return pid;
	join(crash);
	crash->lock->take(&crash->instance);
	crash->state->got = now();
	*crash->instance.count = *crash->instance.count + 1;
	crash->lock->give(&crash->instance);
	crash->state->done = 1 + crash->lock->loop(&crash->instance, &go_on,
						   COUNTS - 1);
	_exit(0);
}

/* Wait until it sleeps in the kernel; a spinning waiter gets 50 ms. */
static void let_it_wait(pid_t pid)
{
	double deadline = now() + 0.05;

	do
		usleep(1000);
	while (process_state(pid) != 'S' && now() < deadline);
}

/* Returns the seconds until the other got the lock; NAN if it did not. */
static double kill_holder(struct comparison *c, struct result *result,
			  struct crash *crash)
{
	struct shared_state *state = crash->state;
	double killed, deadline = now() + PATIENCE;
	pid_t holder, other = 0;
	bool in_time;
	int status;

	memset(state, 0, sizeof(*state));
	holder = start_child(&c->cpus, 0);
	if (!holder)
		hold(crash);
	while (!state->holds && now() < deadline && !interrupted)
		usleep(200);
	if (crash->waits && state->holds) {
		other = start_other(c, crash);
		let_it_wait(other);
	}
	killed = now();
	kill(holder, SIGKILL);
	waitpid(holder, &status, 0);
	if (interrupted) {
		if (other)
			child_ends(other, 0, &status);
		return NAN;
	}
	if (!state->holds) {
		result_set(result, FAILED, "%s", state->why[0] ? state->why :
			   "the holder did not get the lock");
		return NAN;
	}
	if (!crash->waits) {
		killed = now();
		other = start_other(c, crash);
	}
	deadline = now() + crash->limit;
	while (!state->got && !interrupted && !child_has_ended(other) &&
	       now() < deadline)
		usleep(500);
	/* Once it has the lock, it may take longer for the rest. */
	in_time = state->got;
	if (!child_ends(other, in_time ? now() + PATIENCE : 0, &status) &&
	    (interrupted || !in_time))
		return NAN;
	if (in_time && state->got < killed) {
		result_set(result, FAILED, "it got the lock while another held it");
		return NAN;
	}
	if (!in_time) {
		/* Not an error of ours: the lock behaves like this. */
		snprintf(result->why, WHY, "%s", WIFSIGNALED(status) ?
			 strsignal(WTERMSIG(status)) : state->why);
		return NAN;
	}
	result->increments += COUNTS + state->done;
	result->lost += COUNTS + state->done - *crash->instance.count;
	return state->got - killed;
}

static void repeat(struct comparison *c, struct result *result,
		   const struct backing *backing, struct crash *crash)
{
	int times = c->quick ? 1 : 5;
	struct object object;
	void *memory = object_acquire(&object, backing, &c->locations,
				      INSTANCE_BYTES);

	if (!memory) {
		result_set(result, SKIPPED, "%s", object.why);
		return;
	}
	for (int i = 0; i < times && !interrupted; i++) {
		double seconds;

		if (!lock_init(&crash->instance, crash->lock, memory,
			       result->why)) {
			result->state = SKIPPED;
			break;
		}
		seconds = kill_holder(c, result, crash);
		lock_fini(&crash->instance, crash->lock);
		if (isnan(seconds) || interrupted)
			break;
		result_sample(result, seconds * 1e3, true);
	}
	object_release(&object, memory);

	if (result->state == MEASURED && interrupted && !result->values.count)
		result_judge(result, 0);
	else if (result->state == MEASURED && !result->values.count &&
		 !result->why[0])
		snprintf(result->why, WHY, LOCKED ": after %.2f s", crash->limit);
	else if (result->state == MEASURED && !interrupted &&
		 result->values.count && result->values.count < times)
		result_set(result, FAILED, "recovered %d times, and then not",
			   result->values.count);
	else if (result->lost)
		result_set(result, FAILED, "the count is off by %lld",
			   result->lost);
}

static void ask(struct comparison *c, const struct backing *backing,
		const struct lock *lock, bool waits)
{
	struct result *result = result_add(c, (struct result) {
		.question = "crash", .backing = backing->name,
		.lock = lock->name, .unit = "ms",
		.what = waits ? WAITER_GETS_IT : NEWCOMER_GETS_IT,
	});
	struct crash crash = {
		.lock = lock, .waits = waits,
		/* If it recovers, measure how long that takes. */
		.limit = lock->recovers ? PATIENCE : limit_of(c),
	};

	if (!lock->can_hold) {
		result_set(result, SKIPPED, "nobody ever holds this lock");
		return;
	}
	crash.state = mmap(NULL, sizeof(*crash.state), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crash.state == MAP_FAILED)
		die("no memory");
	repeat(c, result, backing, &crash);
	munmap(crash.state, sizeof(*crash.state));
}

static void print_outcome(struct comparison *c, const struct result *result)
{
	if (result->state != MEASURED)
		fprintf(c->table, "  %-22s", state_name(result->state));
	else if (!strncmp(result->why, LOCKED, strlen(LOCKED)))
		fprintf(c->table, "  %-22s", LOCKED);
	else if (result->why[0])
		fprintf(c->table, "  ends: %-16s", result->why);
	else
		fprintf(c->table, "  gets it in %8s ms",
			figure(quartiles(&result->values).median));
}

static void print_results(struct comparison *c, int first)
{
	fprintf(c->table,
		"\ncrash: the holder is killed with SIGKILL while it holds the lock\n\n"
		"%-13s %-8s  %-22s  %-22s  %s\n", "path", "lock",
		"one that waits", "one that comes later", "count");
	for (int i = first; i + 1 < c->result_count; i += 2) {
		const struct result *result = &c->results[i];
		long long counted = result[0].increments + result[1].increments;
		bool wrong = result[0].lost || result[1].lost;

		fprintf(c->table, "%-13s %-8s", label(c, result->backing),
			result->lock);
		print_outcome(c, &result[0]);
		print_outcome(c, &result[1]);
		fprintf(c->table, "  %s", !counted ? "-" :
			wrong ? "wrong" : "right");
		note(c, result[0].state > result[1].state ? &result[0] :
							   &result[1]);
	}
	fprintf(c->table,
		"\nms: from the kill, or the start of the later one, until it has the lock.\n"
		LOCKED ": nobody got the lock within %.2f s (within %d s if the lock should\n"
		"recover). count: after %d increments by each process; the holder is killed\n"
		"after its last one.\n",
		limit_of(c), PATIENCE, COUNTS);
}

void ask_crash(struct comparison *c)
{
	static const char *const names[] = { SHMCOUNT_DEVICE, "MAP_ANON" };
	int first = c->result_count;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct backing *backing = backing_named(names[i]);

		if (!is_wanted(c->only_backings, backing->name))
			continue;
		for_each_lock(lock, c) {
			progress(c, "crash: %s on %s", lock->name,
				 backing->name);
			ask(c, backing, lock, true);
			ask(c, backing, lock, false);
		}
	}
	print_results(c, first);
}
