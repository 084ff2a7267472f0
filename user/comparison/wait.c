// SPDX-License-Identifier: GPL-2.0
/*
 * wait: how long does a process wait until it has the lock, and how long does a lock
 * take from one process to the next? For several numbers of processes: each lock on the
 * device, and the semaphore on each backing.
 *
 * - wait: from the call that takes the lock until it returns.
 * - handoff: from the call that gives the lock until the call that takes it returns in
 *   another process, all others having been seen asleep in that call. The giver takes
 *   the lock again only after another had it.
 *
 * This is the one question that reads the clock in its loop; what a reading costs is
 * measured at the start of each sample, and taken off. In the counting guest it
 * asks for the instructions of a handoff.
 */
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

static const char common_lock[] = "sem";

/* What a process has measured in a sample, on cache lines of its own. */
struct waiter {
	_Alignas(256) struct histogram times;	/* ns */
	uint64_t clock_cost;	/* ns */
	long longest_run;	/* takes in a row */
	pid_t pid;
	int takes;		/* it is in take(), or about to be */
};

/* What the processes of a sample share. */
struct waits {
	_Alignas(256) int begun;	/* processes in their loop */
	long hold, think;		/* ns */
	/* Their lock protects these: */
	_Alignas(256) long turn;	/* handoffs so far */
	uint64_t given;			/* when, if the others slept; or 0 */
	struct waiter waiters[MAX_PROCESSES];
};

/* What is measured, and the numbers of the results; -1: not measured. */
struct cell {
	const struct backing *backing;
	const struct lock *lock;
	int processes;
	long think;		/* ns */
	int wait, handoff, user;
};

struct plan {
	struct cell *cells;
	int count;
	double seconds, seconds_in_turns;	/* of a sample */
	int wanted;		/* clean samples of each result */
	double budget;		/* seconds */
	const char *home;	/* the path of all locks */
	struct waits *waits;
	struct result clock;
};

static uint64_t clock_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static void stay_busy(long ns)
{
	for (uint64_t end = ns ? clock_ns() + ns : 0; ns && clock_ns() < end;)
		;
}

static void take_nothing(struct lock_instance *instance)
{
	(void)instance;
}

/* The median cost of two readings of the clock around a call that does nothing. */
static uint64_t measure_clock(struct histogram *histogram)
{
	/* The compiler must not see what is called. */
	void (*volatile take)(struct lock_instance *instance) = take_nothing;
	double cost;

	for (int i = 0; i < 101; i++) {
		uint64_t began = clock_ns();

		take(NULL);
		histogram_add(histogram, clock_ns() - began);
	}
	cost = histogram_quantile(histogram, 0.5);
	memset(histogram, 0, sizeof(*histogram));
	return cost;
}

static void add_time(struct waiter *self, uint64_t ns)
{
	histogram_add(&self->times, ns > self->clock_cost ? ns - self->clock_cost : 0);
}

/* Take and give the lock until *stop; count once all do so. */
static long take_and_give(const struct trial *trial, struct lock_instance *instance,
			  const volatile int *stop, int i)
{
	const struct lock *lock = trial->lock;
	struct waits *waits = trial->data;
	struct waiter *self = &waits->waiters[i];
	/* The lock protects the count, and behind it who had the lock last. */
	volatile long *count = instance->count, *owner = count + 1;
	long done = 0, run = 0;

	self->clock_cost = measure_clock(&self->times);
	__atomic_fetch_add(&waits->begun, 1, __ATOMIC_RELAXED);
	for (; !*stop; done++) {
		uint64_t began = clock_ns(), took;

		lock->take(instance);
		took = clock_ns() - began;
		*count = *count + 1;
		run = *owner == i ? run + 1 : 1;
		*owner = i;
		stay_busy(waits->hold);
		lock->give(instance);
		if (__atomic_load_n(&waits->begun, __ATOMIC_RELAXED) < trial->processes)
			run = 0;
		else
			add_time(self, took);
		if (run > self->longest_run)
			self->longest_run = run;
		stay_busy(waits->think);
	}
	return done;
}

/* Wait until all others sleep in take(); returns false if that does not come. */
static bool others_sleep(const struct trial *trial, const volatile int *stop, int i)
{
	struct waits *waits = trial->data;

	for (int j = 0; j < trial->processes; j++) {
		struct waiter *other = &waits->waiters[j];

		while (j != i && !(__atomic_load_n(&other->takes, __ATOMIC_ACQUIRE) &&
				   process_state(other->pid) == 'S')) {
			if (*stop)
				return false;
			sched_yield();
		}
	}
	return true;
}

/* Hand the lock to another until *stop. */
static long hand_over(const struct trial *trial, struct lock_instance *instance,
		      const volatile int *stop, int i)
{
	const struct lock *lock = trial->lock;
	struct waits *waits = trial->data;
	struct waiter *self = &waits->waiters[i];
	long done = 0, turn;
	uint64_t returned;

	self->clock_cost = measure_clock(&self->times);
	self->pid = getpid();
	for (; !*stop; done++) {
		__atomic_store_n(&self->takes, true, __ATOMIC_RELEASE);
		lock->take(instance);
		returned = clock_ns();
		__atomic_store_n(&self->takes, false, __ATOMIC_RELAXED);
		if (waits->given)
			add_time(self, returned - waits->given);
		*instance->count = *instance->count + 1;
		turn = waits->turn + 1;
		__atomic_store_n(&waits->turn, turn, __ATOMIC_RELAXED);
		waits->given = 0;
		if (others_sleep(trial, stop, i))
			waits->given = clock_ns();
		lock->give(instance);
		while (__atomic_load_n(&waits->turn, __ATOMIC_RELAXED) == turn && !*stop)
			sched_yield();
	}
	return done;
}

/* ---- the instructions of a handoff in user mode, counted by single steps ---- */

/* How far the two processes are. */
struct steps {
	volatile int gives, gave, got;
	char why[WHY];
};

static _Noreturn void be_traced(struct lock_instance instance, const struct lock *lock,
				struct steps *steps, bool holds)
{
	instance.why = steps->why;
	if (lock->join)
		lock->join(&instance);
	if (holds)
		lock->take(&instance);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	if (holds) {
		steps->gives = true;
		lock->give(&instance);
		steps->gave = true;
	} else {
		lock->take(&instance);
		steps->got = true;
	}
	for (;;)
		pause();
}

/* Wait until the process stops. Returns false if it sleeps, has ended, or it is late. */
static bool stops(pid_t pid, double deadline)
{
	int status = 0;

	while (!waitpid(pid, &status, WNOHANG)) {
		if (process_state(pid) == 'S' || now() > deadline || interrupted)
			return false;
		sched_yield();
	}
	return WIFSTOPPED(status);
}

static bool step(pid_t pid, double deadline)
{
	return !ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) && stops(pid, deadline);
}

/*
 * The instructions in user mode: of the giver until the other is awake, and of that one
 * until its call returns. NAN if that does not come.
 */
static double count_steps(struct steps *steps, pid_t giver, pid_t taker)
{
	double deadline = now() + 20;
	int count = 0;

	if (!stops(giver, deadline) || !stops(taker, deadline))
		return NAN;
	while (step(taker, deadline))
		;
	if (process_state(taker) != 'S')
		return NAN;
	while (!steps->gives && step(giver, deadline))
		;
	for (; process_state(taker) == 'S'; count++)
		if (steps->gave || !step(giver, deadline))
			return NAN;
	if (!stops(taker, deadline))
		return NAN;
	for (; !steps->got; count++)
		if (!step(taker, deadline))
			return NAN;
	return count;
}

static double user_instructions(struct comparison *c, const struct cell *cell)
{
	struct steps *steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct lock_instance instance;
	struct object object;
	void *memory = object_acquire(&object, cell->backing, &c->locations,
				      INSTANCE_BYTES);
	double count = NAN;
	pid_t pids[2];

	if (steps == MAP_FAILED)
		die("no memory");
	if (memory && lock_init(&instance, cell->lock, memory, steps->why)) {
		for (int i = 0; i < 2; i++) {
			pids[i] = start_child(&c->cpus, i);
			if (!pids[i])
				be_traced(instance, cell->lock, steps, !i);
			/* The first has to be the holder. */
			while (!i && process_state(pids[i]) != 't' && !child_has_ended(pids[i]))
				usleep(1000);
		}
		count = count_steps(steps, pids[0], pids[1]);
		for (int i = 0; i < 2; i++) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
		lock_fini(&instance, cell->lock);
	}
	if (memory)
		object_release(&object, memory);
	munmap(steps, sizeof(*steps));
	return count;
}

/* ---- what is asked ---- */

static struct plan plan_for(const struct comparison *c)
{
	if (c->instructions)
		return (struct plan) {
			.seconds_in_turns = 0.03, .wanted = 3, .budget = 60,
		};
	if (c->quick)
		return (struct plan) {
			.seconds = 0.02, .seconds_in_turns = 0.04, .wanted = 2, .budget = 10,
		};
	return (struct plan) {
		.seconds = 0.08, .seconds_in_turns = 0.12, .wanted = 4, .budget = 130,
	};
}

static int add_result(struct comparison *c, const struct cell *cell, const char *what,
		      const char *why)
{
	struct result *result = result_add(c, (struct result) {
		.question = "wait", .backing = cell->backing->name,
		.lock = cell->lock->name, .what = what,
		.unit = c->instructions ? "instructions" : "ns",
		.processes = cell->processes, .hold = c->hold, .think = cell->think,
		.waits = allocate(1, sizeof(*result->waits)),
		.state = why[0] ? SKIPPED : MEASURED,
	});

	snprintf(result->why, WHY, "%s", why);
	return result - c->results;
}

static void add_cell(struct comparison *c, struct plan *plan, struct cell cell,
		     bool with_handoff, const char *why)
{
	cell.wait = cell.handoff = cell.user = -1;
	if (with_handoff)
		cell.handoff = add_result(c, &cell, "handoff", why);
	if (c->instructions)
		cell.user = add_result(c, &cell, "handoff in user mode", why);
	else
		cell.wait = add_result(c, &cell, "wait", why);
	APPEND(plan->cells, plan->count) = cell;
}

/* A cell for each number of processes and each think time. */
static void add_cells(struct comparison *c, struct plan *plan,
		      const struct backing *backing, const struct lock *lock,
		      const char *why)
{
	for (int i = 0; i < c->process_counts; i++)
		for (int t = 0; t < c->think_count && c->processes[i] > 1; t++)
			add_cell(c, plan, (struct cell) {
				.backing = backing, .lock = lock,
				.processes = c->processes[i], .think = c->think[t],
			/* With a lock of its own no process waits. */
			}, !t && backing->shares, why);
}

static void make_cells(struct comparison *c, struct plan *plan)
{
	char why[WHY];

	plan->home = SHMCOUNT_DEVICE;
	if (!is_wanted(c->only_backings, plan->home) ||
	    !backing_probe(backing_named(plan->home), &c->locations,
			   INSTANCE_BYTES, why))
		plan->home = "MAP_ANON";
	for_each_backing(backing, c) {
		bool all = !strcmp(backing->name, plan->home);

		backing_probe(backing, &c->locations, INSTANCE_BYTES, why);
		for_each_lock(lock, c)
			if (lock->can_hold &&
			    (all || (!c->instructions && !strcmp(lock->name, common_lock))))
				add_cells(c, plan, backing, lock, why);
	}
}

static struct result *result_of(struct comparison *c, int number)
{
	return number < 0 ? NULL : &c->results[number];
}

/* Only clean samples count, unless there is none: as in result_sample(). */
static void take_times(struct plan *plan, struct result *result,
		       const struct trial *trial, bool clean)
{
	struct histogram *all = allocate(1, sizeof(*all));
	double takes = 0, squares = 0;
	long longest_run = 0;

	for (int i = 0; i < trial->processes; i++) {
		const struct waiter *waiter = &plan->waits->waiters[i];

		histogram_merge(all, &waiter->times);
		takes += waiter->times.count;
		squares += (double)waiter->times.count * waiter->times.count;
		if (waiter->longest_run > longest_run)
			longest_run = waiter->longest_run;
		result_sample(&plan->clock, waiter->clock_cost, clean);
	}
	if (!all->count) {
		free(all);
		return;
	}
	if (clean && !result->clean) {
		memset(result->waits, 0, sizeof(*result->waits));
		result->jain.count = result->longest_run = 0;
	}
	if (clean || !result->clean) {
		histogram_merge(result->waits, all);
		series_add(&result->jain, takes * takes / trial->processes / squares);
		if (longest_run > result->longest_run)
			result->longest_run = longest_run;
	}
	result_sample(result, histogram_quantile(all, 0.5), clean);
	free(all);
}

static void sample(struct comparison *c, struct plan *plan, const struct cell *cell,
		   struct result *result,
		   long (*work)(const struct trial *trial, struct lock_instance *instance,
				const volatile int *stop, int i))
{
	struct trial trial = {
		.backing = cell->backing, .locations = &c->locations,
		.lock = cell->lock, .cpus = &c->cpus, .processes = cell->processes,
		.seconds = cell->processes > c->cpus.count ? plan->seconds_in_turns :
							     plan->seconds,
		.patience = 20, .work = work, .data = plan->waits,
	};
	struct outcome outcome;

	if (!result || result->state != MEASURED || interrupted)
		return;
	/* Room for enough waits, where each takes long. */
	trial.seconds += (c->hold + cell->think) * 50e-9;
	memset(plan->waits, 0, offsetof(struct waits, waiters) +
	       trial.processes * sizeof(struct waiter));
	plan->waits->hold = c->hold;
	plan->waits->think = cell->think;
	outcome = trial_run(&trial);
	/* backing_probe() found it before. */
	if (outcome.verdict == NO_BACKING)
		outcome.verdict = BROKEN;
	if (result_outcome(result, &trial, &outcome))
		take_times(plan, result, &trial, outcome.verdict == CLEAN);
}

/* Once is enough; and where nobody sleeps, there is no handoff. */
static void sample_user(struct comparison *c, const struct cell *cell,
			struct result *result)
{
	double count;

	if (!result || result->state != MEASURED || result->values.count || interrupted ||
	    !result_of(c, cell->handoff)->values.count)
		return;
	count = user_instructions(c, cell);
	if (!isnan(count))
		result_sample(result, count, true);
}

static void take_round(struct comparison *c, struct plan *plan)
{
	int order[plan->count];

	random_order(c, order, plan->count);
	for (int i = 0; i < plan->count; i++) {
		const struct cell *cell = &plan->cells[order[i]];

		sample(c, plan, cell, result_of(c, cell->wait), take_and_give);
		sample(c, plan, cell, result_of(c, cell->handoff), hand_over);
		sample_user(c, cell, result_of(c, cell->user));
	}
}

/* nothing: what it means that no sample has a value. */
static void judge(struct result *result, int wanted, enum state nothing, const char *why)
{
	if (!result || result->state != MEASURED)
		return;
	if (!result->values.count && !interrupted)
		result_set(result, nothing, "%s", why);
	result_judge(result, wanted);
}

static void judge_all(struct comparison *c, struct plan *plan)
{
	for (int i = 0; i < plan->count; i++) {
		const struct cell *cell = &plan->cells[i];
		struct result *handoff = result_of(c, cell->handoff);
		bool spins = cell->lock->spins;
		enum state nothing = spins ? SKIPPED : NOISY;
		const char *why = spins ? "nobody was seen asleep: it spins" :
					  "the others were never all asleep";

		judge(result_of(c, cell->wait), plan->wanted, NOISY,
		      "the processes never ran at the same time");
		judge(handoff, plan->wanted, nothing, why);
		judge(result_of(c, cell->user), 1, nothing,
		      handoff && handoff->values.count ? "the steps did not come to its end" : why);
	}
	judge(&plan->clock, 1, SKIPPED, "no sample was taken");
}

/* ---- what is printed ---- */

static void print_tails(struct comparison *c, const struct result *result)
{
	static const double shares[] = { 0.5, 0.9, 0.99, 0.999 };
	static const struct histogram none;
	const struct histogram *waits = result ? result->waits : &none;

	for (size_t i = 0; i < ARRAY_SIZE(shares); i++)
		fprintf(c->table, " %8s", marked(histogram_tail(waits, shares[i]), result, NULL));
	/* NAN is a float. */
	fprintf(c->table, " %9s ",
		marked(waits->count ? (double)waits->longest : (double)NAN, result, NULL));
}

/* One lock on each path, or each lock on one path. */
static void print_cells(struct comparison *c, const struct plan *plan, bool of_backings)
{
	fprintf(c->table, "%-13s %-8s %5s %7s  %8s %8s %8s %8s %9s  %8s %8s %8s %8s %9s  %6s %7s\n",
		"path", "lock", "procs", "think", "p50", "p90", "p99", "p99.9", "longest",
		"handoff", "p90", "p99", "p99.9", "longest", "Jain", "run");
	for (int i = 0; i < plan->count; i++) {
		const struct cell *cell = &plan->cells[i];
		const struct result *wait = result_of(c, cell->wait);
		const struct result *handoff = result_of(c, cell->handoff);

		if (of_backings ? strcmp(cell->lock->name, common_lock) :
				  strcmp(cell->backing->name, plan->home))
			continue;
		fprintf(c->table, "%-13s %-8s %5d %7ld ", label(c, cell->backing->name),
			cell->lock->name, cell->processes, cell->think);
		print_tails(c, wait);
		print_tails(c, handoff);
		fprintf(c->table, " %6s %7s", marked(quartiles(&wait->jain).median, wait, NULL),
			marked_count(wait->longest_run, wait));
		if (handoff && handoff->state != MEASURED && handoff->state != SKIPPED)
			fprintf(c->table, "  handoff %s: %s%s", state_name(handoff->state),
				handoff->why, wait->state == MEASURED ? "" : "; wait");
		note(c, wait);
	}
}

static void print_instructions(struct comparison *c, const struct plan *plan)
{
	fprintf(c->table,
		"\nwait: instructions of a handoff, from the release to the return in the other process\n\n"
		"%-9s %12s %8s %8s %7s %9s\n",
		"lock", "instructions", "p90", "p99", "user", "kernel %");
	for (int i = 0; i < plan->count; i++) {
		const struct cell *cell = &plan->cells[i];
		const struct result *handoff = result_of(c, cell->handoff);
		double all = histogram_tail(handoff->waits, 0.5);
		double user = quartiles(&result_of(c, cell->user)->values).median;

		fprintf(c->table, "%-9s %12s %8s %8s %7s %9s", cell->lock->name,
			marked(all, handoff, NULL),
			marked(histogram_tail(handoff->waits, 0.9), handoff, NULL),
			marked(histogram_tail(handoff->waits, 0.99), handoff, NULL),
			figure(user), figure(100 * (1 - user / all)));
		note(c, handoff);
	}
	fprintf(c->table,
		"\nOne processor. user: of these, those in user mode, counted by single steps.\n");
}

/* Nothing can be asked: say so, like a row. */
static void print_nothing(struct comparison *c)
{
	struct result *result = result_add(c, (struct result) {
		.question = "wait", .backing = "-", .lock = "-", .what = "wait",
	});

	result_set(result, SKIPPED, "it takes 2 processes or more, and a lock that can be held");
	fprintf(c->table, "\nwait:");
	note(c, result);
}

void ask_wait(struct comparison *c)
{
	struct plan plan = plan_for(c);
	double deadline = now() + plan.budget;

	if (c->instructions) {
		c->processes[0] = 2;
		c->process_counts = c->think_count = 1;
	}
	make_cells(c, &plan);
	if (!plan.count) {
		print_nothing(c);
		return;
	}
	plan.clock = (struct result) {
		.question = "wait", .backing = "-", .lock = "-", .what = "reading the clock",
		.unit = c->instructions ? "instructions" : "ns",
	};
	plan.waits = mmap(NULL, sizeof(*plan.waits), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plan.waits == MAP_FAILED)
		die("no memory");
	for (int round = 1; !interrupted && round <= plan.wanted + plan.wanted / 2 &&
	     (now() < deadline || round == 1); round++) {
		progress(c, "wait: round %d of %d or more", round, plan.wanted);
		take_round(c, &plan);
	}
	judge_all(c, &plan);
	result_add(c, plan.clock);
	if (c->instructions) {
		print_instructions(c, &plan);
	} else {
		fprintf(c->table, "\nwait: ns until a process has the semaphore, on each path\n\n");
		print_cells(c, &plan, true);
		fprintf(c->table, "\nwait: ns until a process has the lock\n\n");
		print_cells(c, &plan, false);
		fprintf(c->table,
			"\np50 to longest: of the waits of all processes in the clean samples; a percentile\n"
			"needs 10 waits above it. handoff: from the release to the return in another process that\n"
			"slept. Jain: Jain's index of the takes of each process: 1 if equal, 1/procs if one\n"
			"takes all. run: most takes of one process in a row. think: ns without the lock.\n"
			"The lock is held for %ld ns. " MARK_MEANS "\n", c->hold);
	}
	fprintf(c->table, "Reading the clock, %s %s, is subtracted.\n",
		marked(quartiles(&plan.clock.values).median, &plan.clock, NULL), plan.clock.unit);
	munmap(plan.waits, sizeof(*plan.waits));
	free(plan.cells);
}
