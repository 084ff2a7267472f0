// SPDX-License-Identifier: GPL-2.0
/*
 * Trials: processes that count together. None starts before all are ready.
 * Each reports when it started and ended, how often it counted, and how long
 * it waited for a processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

/* All must run at the same time for at least this share of a sample. */
static const double min_overlap = 0.9, min_overlap_in_turns = 0.5;

/* What a process reports to its parent, on cache lines of its own. */
struct slot {
	double start, end;	/* seconds */
	double ran, waited;	/* seconds on a processor, and for one */
	long done, switches;
	char why[WHY];
} __attribute__((aligned(256)));

/* What parent and processes share; process 0 writes stop. */
struct control {
	_Alignas(128) int arrived;
	_Alignas(128) int stop[TURNS];
	struct slot slots[TURNS][MAX_PROCESSES];
};

/*
 * What a turn counts in: 0, 0, 1, 1, 0. The first turn warms up the processes;
 * of the others, a steady drift cancels out, and each memory follows itself as
 * often as the other.
 */
static int memory_of(int turn)
{
	return turn / 2 % 2;
}

volatile sig_atomic_t interrupted;
double max_disturbance = 0.05;

pid_t start_child(const struct cpus *cpus, int i)
{
	pid_t pid = fork_child(SIGKILL);
	cpu_set_t set;
	int null;

	if (pid)
		return pid;
	/* Ctrl-C on a terminal reaches all; the parent handles it. */
	signal(SIGINT, SIG_IGN);
	/* The parent reports how we end; drop glibc's message on abort. */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDERR_FILENO);
	if (cpus && cpus->pin) {
		CPU_ZERO(&set);
		CPU_SET(cpus->number[i % cpus->count], &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	return 0;
}

/* Sleep until a child ends, a signal comes, or the deadline passes. */
static void await_child(double deadline)
{
	double left = deadline - now();
	struct timespec timeout = { 0 };
	sigset_t child;

	/* Poll: a signal that comes just before this cannot wake it. */
	if (left > 0)
		timeout.tv_nsec = (left < 0.2 ? left : 0.2) * 1e9;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &timeout);
}

bool child_has_ended(pid_t pid)
{
	siginfo_t ended = { 0 };

	return !waitid(pid ? P_PID : P_ALL, pid, &ended,
		       WEXITED | WNOHANG | WNOWAIT) && ended.si_pid;
}

bool child_ends(pid_t pid, double deadline, int *status)
{
	while (waitpid(pid, status, WNOHANG) != pid) {
		if (interrupted || now() > deadline) {
			kill(pid, SIGKILL);
			waitpid(pid, status, 0);
			return false;
		}
		await_child(deadline);
	}
	return true;
}

static int open_schedstat(void)
{
	return open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
}

/* Seconds on a processor, and waiting for one; both are 0 if it cannot be read. */
static void read_schedstat(int fd, double *ran, double *waited)
{
	char text[64] = "";
	long long on = 0, wait = 0;

	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%lld %lld", &on, &wait);
	*ran = on / 1e9;
	*waited = wait / 1e9;
}

void gate_open(struct gate *gate)
{
	double ran;

	gate->fd = open_schedstat();
	read_schedstat(gate->fd, &ran, &gate->waited);
	gate->began = now();
}

bool gate_close(struct gate *gate)
{
	double ran, waited, took = now() - gate->began;

	read_schedstat(gate->fd, &ran, &waited);
	close(gate->fd);
	return waited - gate->waited < max_disturbance * took;
}

static int *stop_word;

static void stop_all(int signal)
{
	(void)signal;
	__atomic_store_n(stop_word, 1, __ATOMIC_RELAXED);
}

/* A child stops all: the parent would need a processor to wake up in time. */
static void stop_after(double seconds, int *stop)
{
	struct sigaction action = {
		.sa_handler = stop_all, .sa_flags = SA_RESTART,
	};
	struct itimerval timer = {
		.it_value.tv_sec = seconds,
		.it_value.tv_usec = (seconds - (long)seconds) * 1e6,
	};

	stop_word = stop;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void count(const struct trial *trial, struct lock_instance *instance,
		  const int *stop, int i, int schedstat, struct slot *slot)
{
	double ran, waited;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	read_schedstat(schedstat, &ran, &waited);
	slot->start = now();
	slot->done = trial->work ? trial->work(trial, instance, stop, i) :
		     trial->lock->loop(instance, stop,
				       trial->seconds ? LONG_MAX : trial->loops);
	slot->end = now();
	read_schedstat(schedstat, &slot->ran, &slot->waited);
	getrusage(RUSAGE_SELF, &after);
	slot->ran -= ran;
	slot->waited -= waited;
	slot->switches = after.ru_nvcsw - before.ru_nvcsw;
}

static _Noreturn void count_in_child(const struct trial *trial,
				     struct lock_instance *instances, int turns,
				     struct control *control, int i)
{
	int fd = open_schedstat();

	for (int k = 0; k < 2 && k < turns; k++) {
		instances[k].why = control->slots[0][i].why;
		if (trial->lock->join)
			trial->lock->join(&instances[k]);
		touch(instances[k].memory, INSTANCE_BYTES);
	}
	for (int turn = 0; turn < turns; turn++) {
		__atomic_fetch_add(&control->arrived, 1, __ATOMIC_RELEASE);
		/* If one dies before it arrives, the parent kills the others. */
		while (!trial->held &&
		       __atomic_load_n(&control->arrived, __ATOMIC_ACQUIRE) <
		       (turn + 1) * trial->processes)
			sched_yield();
		if (trial->seconds && !i)
			stop_after(trial->seconds, &control->stop[turn]);
		count(trial, &instances[memory_of(turn)], &control->stop[turn],
		      i, fd, &control->slots[turn][i]);
	}
	_exit(0);
}

/*
 * The share of the time for which other programs had the processors. With k
 * processes on n processors, where k exceeds n, each may wait while the other
 * k - n run. If they wait longer than that, they do not wait for one another.
 * Pinned processes are judged processor by processor.
 */
static double disturbance(const struct trial *trial, const struct slot *slots,
			  double wall)
{
	int cpus = trial->cpus->count, groups;
	double worst = 0;

	if (cpus > trial->processes)
		cpus = trial->processes;
	groups = trial->cpus->pin ? cpus : 1;
	for (int group = 0; group < groups; group++) {
		double ran = 0, waited = 0, others;
		int sharing = 0;

		for (int i = group; i < trial->processes; i += groups) {
			ran += slots[i].ran;
			waited += slots[i].waited;
			sharing++;
		}
		others = (waited - (sharing * groups / (double)cpus - 1) * ran) /
			 sharing / wall;
		if (others > worst)
			worst = others;
	}
	return worst;
}

/* Add a turn to the outcome of its memory. */
static void judge(const struct trial *trial, const struct slot *slots,
		  struct outcome *outcome)
{
	double first = slots[0].start, last = slots[0].end;
	double all_from = first, all_until = last, fairness, overlap;
	long min = LONG_MAX, max = 0;
	bool in_turns = trial->processes > trial->cpus->count;

	for (int i = 0; i < trial->processes; i++) {
		const struct slot *slot = &slots[i];

		first = slot->start < first ? slot->start : first;
		last = slot->end > last ? slot->end : last;
		all_from = slot->start > all_from ? slot->start : all_from;
		all_until = slot->end < all_until ? slot->end : all_until;
		min = slot->done < min ? slot->done : min;
		max = slot->done > max ? slot->done : max;
		outcome->done += slot->done;
		outcome->switches += slot->switches;
	}
	outcome->wall += last - first;
	fairness = max ? (double)min / max : 0;
	outcome->fairness = fairness < outcome->fairness ? fairness :
							   outcome->fairness;
	overlap = (all_until - all_from) / (last - first);
	if (overlap < (in_turns ? min_overlap_in_turns : min_overlap))
		outcome->verdict = APART;
	if (disturbance(trial, slots, last - first) >= max_disturbance)
		outcome->verdict = DISTURBED;
}

static void describe_end(int status, const struct slot *slot,
		     struct outcome *outcome)
{
	outcome->verdict = BROKEN;
	if (WIFSIGNALED(status))
		snprintf(outcome->why, WHY,
			 "a process was killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(outcome->why, WHY, "%s", slot->why);
}

enum { GONE = -2 };		/* neither a pid nor an answer of waitpid() */

/*
 * Wait for all. If one fails, kill the others: it may have held the lock. An
 * interrupt explains whatever ends after it.
 */
static void reap(pid_t *pids, int count, const struct slot *slots,
		 double deadline, struct outcome *outcome)
{
	int left = count, status;

	while (left) {
		bool stopped = interrupted;
		pid_t pid = waitpid(-1, &status, WNOHANG);
		bool late = !pid && (stopped || now() > deadline);

		left -= pid > 0;
		for (int i = 0; i < count; i++) {
			if (pids[i] != pid)
				continue;
			pids[i] = GONE;
			if (status && outcome->verdict == CLEAN && !stopped)
				describe_end(status, &slots[i], outcome);
		}
		if (late && outcome->verdict == CLEAN && !stopped) {
			outcome->verdict = BROKEN;
			snprintf(outcome->why, WHY, "a process hung");
		}
		if (late || (pid > 0 && status))
			for (int i = 0; i < count; i++)
				if (pids[i] != GONE)
					kill(pids[i], SIGKILL);
		if (!pid)
			await_child(late ? now() + 1 : deadline);
	}
}

/* Wait until all are about to take the lock, or one has ended. */
static void await_arrival(const struct trial *trial,
			  const struct control *control, double deadline)
{
	while (__atomic_load_n(&control->arrived, __ATOMIC_ACQUIRE) <
	       trial->processes) {
		if (interrupted || now() > deadline || child_has_ended(0))
			return;
		usleep(100);
	}
}

/* Count in the first instance, or in both by turns. */
static void run_processes(const struct trial *trial,
			  struct lock_instance *instances, int memories,
			  struct outcome *outcomes)
{
	struct outcome end = { .verdict = CLEAN, .fairness = 1 };
	double deadline = now() + trial->patience, released = 0;
	int turns = memories == 1 ? 1 : TURNS;
	pid_t pids[MAX_PROCESSES];
	struct control *control;

	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (control == MAP_FAILED)
		die("no memory");
	touch(control, sizeof(*control));
	if (trial->held)
		trial->lock->take(instances);
	for (int i = 0; i < trial->processes; i++) {
		pids[i] = start_child(trial->cpus, i);
		if (!pids[i])
			count_in_child(trial, instances, turns, control, i);
	}
	if (trial->held) {
		await_arrival(trial, control, deadline);
		released = now();
		trial->lock->give(instances);
	}
	reap(pids, trial->processes, control->slots[0], deadline, &end);
	if (interrupted && end.verdict == CLEAN)
		end.verdict = STOPPED;
	for (int k = 0; k < memories; k++)
		outcomes[k] = end;
	for (int turn = 0; turn < turns && end.verdict == CLEAN; turn++) {
		struct outcome *outcome = &outcomes[memory_of(turn)];

		for (int i = 0; i < trial->processes; i++)
			outcome->lost += control->slots[turn][i].done;
		if (turn || turns == 1)
			judge(trial, control->slots[turn], outcome);
	}
	for (int k = 0; k < memories && end.verdict == CLEAN; k++) {
		outcomes[k].lost -= *instances[k].count;
		outcomes[k].switches /= outcomes[k].done ?: 1;
	}
	/* Stevens measures by the parent's clock. */
	if (trial->held)
		outcomes[0].wall = now() - released;
	munmap(control, sizeof(*control));
}

/* A memory of the trial, with a lock in it. */
struct place {
	struct object object;
	void *memory;
};

/* Returns false if this host lacks one of both; outcome says why. */
static bool acquire(const struct trial *trial, const struct backing *backing,
		    struct place *place, struct lock_instance *instance,
		    struct outcome *outcome)
{
	size_t size = trial->size ?: INSTANCE_BYTES;

	place->memory = object_acquire(&place->object, backing, trial->locations,
				       size);
	if (!place->memory) {
		/* The signal may have failed a system call (EINTR). */
		outcome->verdict = interrupted ? STOPPED : NO_BACKING;
		memcpy(outcome->why, place->object.why, WHY);
		return false;
	}
	touch(place->memory, size);
	if (lock_init(instance, trial->lock,
		      (char *)place->memory + trial->offset, outcome->why))
		return true;
	outcome->verdict = NO_LOCK;
	object_release(&place->object, place->memory);
	return false;
}

void trial_pair(const struct trial *trial, struct outcome outcomes[2])
{
	const struct backing *backings[] = { trial->backing, trial->other };
	struct lock_instance instances[2];
	struct place places[2];
	int wanted = trial->other ? 2 : 1, got = 0;

	for (int k = 0; k < wanted; k++)
		outcomes[k] = (struct outcome) { .verdict = STOPPED };
	while (got < wanted && acquire(trial, backings[got], &places[got],
				       &instances[got], &outcomes[got]))
		got++;
	if (got == wanted)
		run_processes(trial, instances, got, outcomes);
	while (got--) {
		lock_fini(&instances[got], trial->lock);
		object_release(&places[got].object, places[got].memory);
	}
}

struct outcome trial_run(const struct trial *trial)
{
	struct outcome outcomes[2];

	trial_pair(trial, outcomes);
	return outcomes[0];
}
