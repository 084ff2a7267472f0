// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that count together. All are there before any begins; each tells
 * when it began and ended, how much it did, and whether it had its processor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

/* The share of a sample for which all must have run at the same time. */
static const double least_overlap = 0.9, least_overlap_in_turns = 0.5;

/* What a process tells its parent; on cache lines of its own. */
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

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void nap(double seconds)
{
	struct timespec time = {
		.tv_sec = seconds, .tv_nsec = (seconds - (long)seconds) * 1e9,
	};

	nanosleep(&time, NULL);
}

pid_t start_child(const struct cpus *cpus, int i)
{
	pid_t parent = getpid(), pid = fork();
	cpu_set_t set;
	int null;

	if (pid < 0)
		die("cannot fork");
	if (pid)
		return pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILED);
	/* On a terminal Ctrl-C is for all, and the parent sees to it. */
	signal(SIGINT, SIG_IGN);
	/* The parent says how we end, glibc need not. */
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(null, STDERR_FILENO);
	if (cpus && cpus->pin) {
		CPU_ZERO(&set);
		CPU_SET(cpus->number[i % cpus->count], &set);
		sched_setaffinity(0, sizeof(set), &set);
	}
	return 0;
}

/* Sleep until a child has ended, a signal came, or the deadline. */
static void await_child(double deadline)
{
	double left = deadline - now();
	struct timespec timeout = { 0 };
	sigset_t child;

	/* Not too long: a signal just before this does not cut it short. */
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

/* Seconds on a processor and waiting for one, as the scheduler counts them. */
static void read_schedule(int fd, double *ran, double *waited)
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

/* The parent sleeps meanwhile: to wake up it would need a processor. */
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

static _Noreturn void count_in_child(const struct job *job,
				     struct guard *guard,
				     struct control *control, int i)
{
	struct slot *slot = &control->slots[i];
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	double ran, waited;
	struct rusage before, after;

	guard->why = slot->why;
	if (job->lock->join)
		job->lock->join(guard);
	touch(guard->place, GUARD_BYTES);

	__atomic_fetch_add(&control->arrived, 1, __ATOMIC_RELEASE);
	/* Until all are there; if one dies, the parent ends the others. */
	while (!job->held && __atomic_load_n(&control->arrived,
					     __ATOMIC_ACQUIRE) < job->processes)
		sched_yield();

	if (job->seconds && !i)
		stop_after(job->seconds, &control->stop);
	getrusage(RUSAGE_SELF, &before);
	read_schedule(fd, &ran, &waited);
	slot->start = now();
	slot->done = job->lock->run(guard, &control->stop,
				    job->seconds ? LONG_MAX : job->loops);
	slot->end = now();
	read_schedule(fd, &slot->ran, &slot->waited);
	getrusage(RUSAGE_SELF, &after);
	slot->ran -= ran;
	slot->waited -= waited;
	slot->switches = after.ru_nvcsw - before.ru_nvcsw;
	_exit(0);
}

/*
 * The share of the time for which others had the processors. Of k processes on
 * one processor each waits while the other k - 1 run, at the most; what they
 * waited beyond that was not for one another.
 */
static double disturbance(const struct job *job, const struct slot *slots,
			  double wall)
{
	int cpus = job->cpus->count, sharing;
	double worst = 0;

	if (cpus > job->processes)
		cpus = job->processes;
	for (int cpu = 0; cpu < cpus; cpu++) {
		double ran = 0, waited = 0, others;

		sharing = 0;
		for (int i = cpu; i < job->processes; i += cpus) {
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

static void judge(const struct job *job, const struct slot *slots,
		  long count, struct outcome *outcome)
{
	double first = slots[0].start, last = slots[0].end;
	double all_from = first, all_until = last, overlap;
	long least = LONG_MAX, most = 0, switches = 0;
	bool in_turns = job->processes > job->cpus->count;

	for (int i = 0; i < job->processes; i++) {
		const struct slot *slot = &slots[i];

		first = slot->start < first ? slot->start : first;
		last = slot->end > last ? slot->end : last;
		all_from = slot->start > all_from ? slot->start : all_from;
		all_until = slot->end < all_until ? slot->end : all_until;
		least = slot->done < least ? slot->done : least;
		most = slot->done > most ? slot->done : most;
		outcome->done += slot->done;
		switches += slot->switches;
	}
	outcome->wall = last - first;
	outcome->fairness = most ? (double)least / most : 0;
	outcome->switches = (double)switches / (outcome->done ?: 1);
	outcome->lost = outcome->done - count;

	overlap = (all_until - all_from) / outcome->wall;
	if (overlap < (in_turns ? least_overlap_in_turns : least_overlap))
		outcome->verdict = APART;
	if (disturbance(job, slots, outcome->wall) > most_disturbed)
		outcome->verdict = DISTURBED;
}

static void tell_end(int status, const struct slot *slot,
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

enum { GONE = -2 };		/* no pid, nor what waitpid() answers */

/*
 * When one ends badly the others are ended too: it may have held the lock. What
 * comes to an end after an interrupt does so because of it.
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
				tell_end(status, &slots[i], outcome);
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

/* Let all come to the lock, or one end before. */
static void all_arrive(const struct job *job, const struct control *control,
		       double deadline)
{
	while (__atomic_load_n(&control->arrived, __ATOMIC_ACQUIRE) <
	       job->processes) {
		if (interrupted || now() > deadline || child_has_ended(0))
			return;
		nap(0.0001);
	}
}

static struct outcome run_under(const struct job *job, struct guard *guard)
{
	struct outcome outcome = { .verdict = CLEAN };
	double deadline = now() + job->patience, released = 0;
	pid_t pids[MAX_PROCESSES];
	struct control *control;

	control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (control == MAP_FAILED)
		die("no memory");
	touch(control, sizeof(*control));
	*guard->count = 0;
	if (job->held)
		job->lock->take(guard);
	for (int i = 0; i < job->processes; i++) {
		pids[i] = start_child(job->cpus, i);
		if (!pids[i])
			count_in_child(job, guard, control, i);
	}
	if (job->held) {
		all_arrive(job, control, deadline);
		released = now();
		job->lock->give(guard);
	}
	reap(pids, job->processes, control->slots, deadline, &outcome);
	if (interrupted && outcome.verdict == CLEAN)
		outcome.verdict = STOPPED;
	if (outcome.verdict == CLEAN)
		judge(job, control->slots, *guard->count, &outcome);
	/* His clock is the parent's. */
	if (job->held)
		outcome.wall = now() - released;
	munmap(control, sizeof(*control));
	return outcome;
}

struct outcome job_run(const struct job *job)
{
	struct outcome outcome = { .verdict = NO_PATH };
	struct object object;
	struct guard guard;
	void *memory = object_acquire(&object, job->path, job->places);

	if (!memory) {
		/* What is made may have been cut short (EINTR). */
		if (interrupted)
			outcome.verdict = STOPPED;
		memcpy(outcome.why, object.why, WHY);
		return outcome;
	}
	if (guard_init(&guard, job->lock, memory, outcome.why)) {
		outcome = run_under(job, &guard);
		guard_fini(&guard, job->lock);
	} else {
		outcome.verdict = NO_LOCK;
	}
	object_release(&object, memory);
	return outcome;
}
