/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a trace tells: who ran, who held which semaphore, who waited for whom.
 * Times are in us.
 */
#ifndef ANALYSIS_H
#define ANALYSIS_H

#include "trace.h"

/* What the scheduler does with a process, and what that does with a semaphore. */
enum sched_state { ABSENT, ASLEEP, READY, RUNNING };
enum sem_state { OUTSIDE, WAITING, HOLDING };

struct state {
	enum sched_state sched;
	enum sem_state sem;
};

enum { STATES = (RUNNING + 1) * (HOLDING + 1) };

/* A state lasts until the next span of the same process begins. */
struct span {
	long from;
	struct state state;
};

/* As far as the trace shows: from the return of sem_wait() to sem_post(). */
struct hold {
	int sem;
	long from, to;
	long posted;		/* when sem_post() returned */
	bool open;		/* it was never posted */
	long off;		/* how long the holder had no processor */
};

enum { MAX_HOLDERS = 16 };

/* From the first call of futex to the return of the function that called it. */
struct wait {
	int process;		/* its index */
	int sem;
	long from, to;
	long asleep;
	bool took;		/* it ended with the semaphore */
	bool open;		/* it never ended */
	size_t first_wake;	/* of its wakes; others' wakes may follow */
	int wakes;
	int in_vain;		/* wakes after which it had to wait again */
	bool woken;		/* by the last wake, and not asleep since */
	int holders[MAX_HOLDERS];	/* their indices */
	int holder_count;
};

/* One process wakes another that waits. */
struct wake {
	long time;
	int from, to;		/* their indices; from -1: a timer, a signal */
	int wait;
	bool by_post;
	int number;		/* from 1; 0: not by a process */
};

/* A call of futex that failed in an unexpected way. */
struct failure {
	long time;
	int process;		/* its index */
	int error;
};

/* A mapping, its end, or a page fault. */
struct mark {
	long time;
	enum event_kind kind;
};

struct sem {
	int mm;			/* -1: in the device's region, at an offset */
	unsigned long address;
	int same;		/* the index of the semaphore that it really is */
	bool handed;		/* some post it without having taken it */
	int letter;		/* from 0, of those in use; -1 */
	bool is_futex;		/* no call shows that it is a sem_t */
};

enum { MAX_LABEL = 12 };	/* what fits beside a lane */

struct process {
	int pid;
	int parent;		/* an index, or -1 */
	char name[32];
	long from, to;
	bool alive, of_interest;
	char label[32];
	int taken, taken_free, found_taken;
	long waited, slept;	/* totals */
	int waits;

	struct span *spans;
	size_t span_count;
	struct hold *holds;
	size_t hold_count;
	struct mark *marks;
	size_t mark_count;
};

struct analysis {
	const struct trace *trace;
	struct process *processes;
	size_t process_count;
	struct sem *sems;
	size_t sem_count;
	int letters;
	struct wait *waits;
	size_t wait_count;
	struct wake *wakes;
	size_t wake_count;
	struct failure *failures;
	size_t failure_count;
	int *lanes;		/* the processes of interest, oldest first */
	int lane_count;
	long from, to;		/* the time of interest */
};

/* Analyse a trace. If the trace contradicts itself, end the program. */
void analyse(struct analysis *analysis, const struct trace *trace);

/* The index of the semaphore that this one really is. */
int same_sem(const struct analysis *analysis, int sem);

/* Compute what takes the whole trace: totals, lanes, who waited for whom. */
void finish(struct analysis *analysis);

/*
 * Divide the time into count columns; each gets the state in which the process
 * spent most of it.
 */
void sample(const struct process *process, long from, long to, int count,
	    struct state *columns);

#endif
