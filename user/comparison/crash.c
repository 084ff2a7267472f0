// SPDX-License-Identifier: GPL-2.0
/*
 * crash: a process is killed with SIGKILL while it holds the lock. Who gets
 * the lock afterwards, one that waited for it then, and one that comes later
 * when nobody waits; how long it takes; and is the count right.
 */
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compare.h"

/* How often each of the two counts, the last time of the holder included. */
enum { COUNTS = 1000 };

/* Seconds for what has to come, on a slow host under checkers as well. */
enum { PATIENCE = 30 };

/* What there is to say of one that did not get it in time. */
static const char locked[] = "stays locked: after";

static double limit_of(const struct comparison *c)
{
	return c->quick ? 0.2 : 0.5;	/* seconds */
}

struct scene {
	volatile int holds;		/* the holder does */
	volatile double got;		/* when the other one did; 0: not */
	volatile int done;		/* so often did the other one count */
	char why[WHY];
};

static _Noreturn void hold(const struct lock *lock, struct guard *guard,
			   struct scene *scene)
{
	const int go_on = 0;

	guard->why = scene->why;
	if (lock->join)
		lock->join(guard);
	lock->run(guard, &go_on, COUNTS - 1);
	lock->take(guard);
	*guard->count = *guard->count + 1;
	scene->holds = 1;
	for (;;)
		pause();
}

static _Noreturn void follow(const struct lock *lock, struct guard *guard,
			     struct scene *scene)
{
	const int go_on = 0;

	guard->why = scene->why;
	if (lock->join)
		lock->join(guard);
	lock->take(guard);
	scene->got = now();
	*guard->count = *guard->count + 1;
	lock->give(guard);
	scene->done = 1 + lock->run(guard, &go_on, COUNTS - 1);
	_exit(0);
}

/* Until it sleeps in the kernel, or for a while if it waits otherwise. */
static void let_it_wait(pid_t pid)
{
	double deadline = now() + 0.05;
	char path[32], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'S' && now() < deadline) {
		usleep(1000);
		file = fopen(path, "re");
		if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (file)
			fclose(file);
	}
}

/* Returns seconds until the other had the lock; NAN if it did not get it. */
static double play(struct comparison *c, struct result *result,
		   const struct lock *lock, struct guard *guard,
		   struct scene *scene, bool waits, double limit)
{
	pid_t holder, follower = 0;
	double killed, deadline = now() + PATIENCE;
	bool in_time;
	int status;

	memset(scene, 0, sizeof(*scene));
	holder = start_child(&c->cpus, 0);
	if (!holder)
		hold(lock, guard, scene);
	while (!scene->holds && now() < deadline && !interrupted)
		usleep(200);
	if (waits && scene->holds) {
		follower = start_child(&c->cpus, 1);
		if (!follower)
			follow(lock, guard, scene);
		let_it_wait(follower);
	}
	killed = now();
	kill(holder, SIGKILL);
	waitpid(holder, &status, 0);
	if (interrupted && follower) {
		kill(follower, SIGKILL);
		waitpid(follower, &status, 0);
	}
	if (interrupted)
		return NAN;
	if (!scene->holds) {
		result->state = FAILED;
		snprintf(result->why, WHY, "%s", scene->why[0] ? scene->why :
			 "the holder did not get the lock");
		return NAN;
	}
	if (!waits) {
		killed = now();
		follower = start_child(&c->cpus, 1);
		if (!follower)
			follow(lock, guard, scene);
	}
	deadline = now() + limit;
	while (!scene->got && !interrupted && !child_has_ended(follower) &&
	       now() < deadline)
		usleep(500);
	/* Once it has the lock it may take its time for the rest. */
	in_time = scene->got;
	if (!child_ends(follower, in_time ? now() + PATIENCE : 0, &status) &&
	    (interrupted || !in_time))
		return NAN;
	if (in_time && scene->got < killed) {
		result->state = FAILED;
		snprintf(result->why, WHY, "it got the lock while another held it");
		return NAN;
	}
	if (!in_time) {
		/* No failure of ours: so it is with that lock. */
		snprintf(result->why, WHY, "%s", WIFSIGNALED(status) ?
			 strsignal(WTERMSIG(status)) : scene->why);
		return NAN;
	}
	result->increments += COUNTS + scene->done;
	result->lost += COUNTS + scene->done - *guard->count;
	return scene->got - killed;
}

static void ask(struct comparison *c, int number, const struct path *path,
		const struct lock *lock, bool waits)
{
	struct result *result = &c->results[number];
	/* Of one that recovers it is to be told how long it takes. */
	double limit = lock->recovers ? PATIENCE : limit_of(c);
	int times = c->quick ? 1 : 5;
	struct scene *scene;
	struct object object;
	struct guard guard;
	void *memory;

	if (!lock->can_hold) {
		result->state = SKIPPED;
		snprintf(result->why, WHY, "there is no holder to be killed");
		return;
	}
	memory = object_acquire(&object, path, &c->places);
	if (!memory) {
		result->state = SKIPPED;
		memcpy(result->why, object.why, WHY);
		return;
	}
	scene = mmap(NULL, sizeof(*scene), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (scene == MAP_FAILED)
		die("no memory");
	for (int i = 0; i < times && !interrupted; i++) {
		double seconds;

		if (!guard_init(&guard, lock, memory, result->why)) {
			result->state = SKIPPED;
			break;
		}
		seconds = play(c, result, lock, &guard, scene, waits, limit);
		guard_fini(&guard, lock);
		if (isnan(seconds) || interrupted)
			break;
		result_sample(result, seconds * 1e3, true);
	}
	munmap(scene, sizeof(*scene));
	object_release(&object, memory);

	if (result->state == MEASURED && interrupted && !result->values.count) {
		result_judge(result, 0);
	} else if (result->state == MEASURED && !result->values.count &&
		   !result->why[0]) {
		snprintf(result->why, WHY, "%s %.2f s", locked, limit);
	} else if (result->state == MEASURED && !interrupted &&
		   result->values.count && result->values.count < times) {
		result->state = FAILED;
		snprintf(result->why, WHY, "recovered %d times, and then not",
			 result->values.count);
	} else if (result->lost) {
		result->state = FAILED;
		snprintf(result->why, WHY, "the count is off by %lld",
			 result->lost);
	}
	c->failures += result->state == FAILED;
}

static void print_outcome(struct comparison *c, const struct result *result)
{
	char text[24];

	if (result->state != MEASURED)
		fprintf(c->table, "  %-22s", state_name(result->state));
	else if (!strncmp(result->why, locked, sizeof(locked) - 1))
		fprintf(c->table, "  %-22s", "stays locked");
	else if (result->why[0])
		fprintf(c->table, "  ends: %-16s", result->why);
	else
		fprintf(c->table, "  gets it in %8s ms",
			figure(text, quartiles(&result->values).median));
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

		fprintf(c->table, "%-13s %-8s", result->path, result->lock);
		print_outcome(c, &result[0]);
		print_outcome(c, &result[1]);
		fprintf(c->table, "  %s", !counted ? "-" :
			wrong ? "wrong" : "right");
		note(c, result[0].state > result[1].state ? &result[0] :
							   &result[1]);
	}
	fprintf(c->table,
		"\nms: from the kill, or from when the later one starts, to its having the lock.\n"
		"stays locked: for %.2f s, which is how long was waited (%d s where it is to\n"
		"go on). count: after %d increments by each, one of them by the holder in the\n"
		"end.\n",
		limit_of(c), PATIENCE, COUNTS);
}

void ask_crash(struct comparison *c)
{
	static const char *const of[] = { SHMCOUNT_DEVICE, "MAP_ANON" };
	int first = c->result_count;

	for (size_t i = 0; i < ARRAY_SIZE(of); i++) {
		const struct path *path = path_named(of[i]);

		if (!is_wanted(c->only_paths, path->name))
			continue;
		for (int j = 0; j < lock_count; j++) {
			if (!is_wanted(c->only_locks, locks[j].name))
				continue;
			progress(c, "crash: %s on %s", locks[j].name,
				 path->name);
			for (int waits = 1; waits >= 0; waits--) {
				int number = c->result_count;

				result_add(c, (struct result) {
					.question = "crash",
					.path = path->name,
					.lock = locks[j].name, .unit = "ms",
					.what = waits ? "waiter gets it" :
						"newcomer gets it",
				});
				ask(c, number, path, &locks[j], waits);
			}
		}
	}
	print_results(c, first);
}
