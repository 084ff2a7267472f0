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

/* What parent and processes share; the parent writes stop. */
struct control {
	_Alignas(128) int arrived;
	_Alignas(128) int stop;
	struct slot slots[MAX_PROCESSES];
};

volatile sig_atomic_t interrupted;

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

void read_schedstat(int fd, double *ran, double *waited)
{
	char text[64] = "";
	long long on = 0, wait = 0;

	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		sscanf(text, "%lld %lld", &on, &wait);
	*ran = on / 1e9;
	*waited = wait / 1e9;
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

static _Noreturn void count_in_child(const struct trial *trial,
				     struct lock_instance *instance,
				     struct control *control, int i)
{
	struct slot *slot = &control->slots[i];
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	double ran, waited;
	struct rusage before, after;

	instance->why = slot->why;
	if (trial->lock->join)
		trial->lock->join(instance);
	touch(instance->memory, INSTANCE_BYTES);

	__atomic_fetch_add(&control->arrived, 1, __ATOMIC_RELEASE);
	/* If one dies before it arrives, the parent kills the others. */
	while (!trial->held && __atomic_load_n(&control->arrived,
					     __ATOMIC_ACQUIRE) < trial->processes)
		sched_yield();

	if (trial->seconds && !i)
		stop_after(trial->seconds, &control->stop);
	getrusage(RUSAGE_SELF, &before);
	read_schedstat(fd, &ran, &waited);
	slot->start = now();
	slot->done = trial->work ?
		trial->work(trial, instance, &control->stop, i) :
		trial->lock->loop(instance, &control->stop,
				  trial->seconds ? LONG_MAX : trial->loops);
	slot->end = now();
	read_schedstat(fd, &slot->ran, &slot->waited);
	getrusage(RUSAGE_SELF, &after);
	slot->ran -= ran;
	slot->waited -= waited;
	slot->switches = after.ru_nvcsw - before.ru_nvcsw;
	_exit(0);
}

/*
 * The share of the time for which other programs had the processors. With k
 * processes on one processor, each may wait while the other k - 1 run. If they
 * wait longer than that, they do not wait for one another.
 */
static double disturbance(const struct trial *trial, const struct slot *slots,
			  double wall)
{
	int cpus = trial->cpus->count, sharing;
	double worst = 0;

	if (cpus > trial->processes)
		cpus = trial->processes;
	for (int cpu = 0; cpu < cpus; cpu++) {
		double ran = 0, waited = 0, others;

		sharing = 0;
		for (int i = cpu; i < trial->processes; i += cpus) {
			ran += slots[i].ran;
			waited += slots[i].waited;
			sharing++;
		}
		others = (waited - (sharing - 1) * ran) / sharing / wall;
		if (others > worst)
			worst = others;
	}
	return worst;
}

static void judge(const struct trial *trial, const struct slot *slots,
		  long count, struct outcome *outcome)
{
	double first = slots[0].start, last = slots[0].end;
	double all_from = first, all_until = last, overlap;
	long min = LONG_MAX, max = 0, switches = 0;
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
		switches += slot->switches;
	}
	outcome->wall = last - first;
	outcome->fairness = max ? (double)min / max : 0;
	outcome->switches = (double)switches / (outcome->done ?: 1);
	outcome->lost = outcome->done - count;

	overlap = (all_until - all_from) / outcome->wall;
	if (overlap < (in_turns ? min_overlap_in_turns : min_overlap))
		outcome->verdict = APART;
	if (disturbance(trial, slots, outcome->wall) > max_disturbance)
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

static struct outcome run_processes(const struct trial *trial,
				    struct lock_instance *instance)
{
	struct outcome outcome = { .verdict = CLEAN };
	double deadline = now() + trial->patience, released = 0;
	pid_t pids[MAX_PROCESSES];
	struct control *control;

	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (control == MAP_FAILED)
		die("no memory");
	touch(control, sizeof(*control));
	*instance->count = 0;
	if (trial->held)
		trial->lock->take(instance);
	for (int i = 0; i < trial->processes; i++) {
		pids[i] = start_child(trial->cpus, i);
		if (!pids[i])
			count_in_child(trial, instance, control, i);
	}
	if (trial->held) {
		await_arrival(trial, control, deadline);
		released = now();
		trial->lock->give(instance);
	}
	reap(pids, trial->processes, control->slots, deadline, &outcome);
	if (interrupted && outcome.verdict == CLEAN)
		outcome.verdict = STOPPED;
	if (outcome.verdict == CLEAN)
		judge(trial, control->slots, *instance->count, &outcome);
	/* Stevens measures by the parent's clock. */
	if (trial->held)
		outcome.wall = now() - released;
	munmap(control, sizeof(*control));
	return outcome;
}

struct outcome trial_run(const struct trial *trial)
{
	struct outcome outcome = { .verdict = NO_BACKING };
	struct object object;
	struct lock_instance instance;
	void *memory = object_acquire(&object, trial->backing, trial->locations);

	if (!memory) {
		/* The signal may have failed a system call (EINTR). */
		if (interrupted)
			outcome.verdict = STOPPED;
		memcpy(outcome.why, object.why, WHY);
		return outcome;
	}
	if (lock_init(&instance, trial->lock, memory, outcome.why)) {
		outcome = run_processes(trial, &instance);
		lock_fini(&instance, trial->lock);
	} else {
		outcome.verdict = NO_LOCK;
	}
	object_release(&object, memory);
	return outcome;
}
