/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a trace tells: who ran, who held which semaphore, who waited for whom.
 * Times are in us.
 */
#ifndef STORY_H
#define STORY_H

#include "trace.h"

/* Where a process is, and what it has to do with a semaphore meanwhile. */
enum place { NOWHERE, ASLEEP, READY, RUNS };
enum doing { OUTSIDE, WAITS, HOLDS };

struct state {
	enum place place;
	enum doing doing;
};

enum { STATES = (RUNS + 1) * (HOLDS + 1) };

/* A state lasts until the next span of the same process begins. */
struct span {
	long from;
	struct state state;
};

/* As it is known: from the end of taking to the begin of posting it. */
struct hold {
	int sem;
	long from, to;
	long posted;		/* it was free then at the latest */
	bool open;		/* it never was posted */
	long off;		/* how long its holder was on no processor */
};

enum { MOST_HOLDERS = 16 };

/* From the first call of futex to the end of the function that called it. */
struct wait {
	int process;		/* its index */
	int sem;
	long from, to;
	long asleep;
	bool took;		/* and not: ended without it */
	bool open;		/* it never ended */
	size_t first_wake;	/* of its wakes; others may be among them */
	int wakes;
	int in_vain;		/* of the wakes */
	bool woken;		/* by the last of them, and has not slept since */
	int holders[MOST_HOLDERS];	/* their indices */
	int holder_count;
};

/* That one process wakes another that waits. */
struct wake {
	long time;
	int from, to;		/* their indices; from -1: a timer, a signal */
	int wait;
	bool by_post;
	int number;		/* from 1; 0: by no process */
};

/* A call of futex that failed, and not as such calls may. */
struct failure {
	long time;
	int process;		/* its index */
	int error;
};

enum mark_kind { MARK_PAGE_FAULT, MARK_FAULT, MARK_MMAP, MARK_UNMAP };

struct mark {
	long time;
	enum mark_kind kind;
};

struct sem {
	int family;		/* -1: the device's, at an offset */
	unsigned long address;
	int same;		/* the index of the one that it turned out to be */
	bool handed;		/* posted by others than who took it */
	int letter;		/* from 0, of those that are used; -1 */
	bool is_futex;		/* and no sem_t that we know of */
};

enum { LONGEST_LABEL = 12 };	/* for which a lane has room */

struct process {
	int pid;
	int parent;		/* an index, or -1 */
	char name[32];
	long from, to;
	bool alive, of_interest;
	char label[32];
	int taken, taken_free, found_taken;
	long held, waited, slept;	/* all in all */
	int waits;

	struct span *spans;
	size_t span_count;
	struct hold *holds;
	size_t hold_count;
	struct mark *marks;
	size_t mark_count;
};

struct story {
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
	int *lanes;		/* the processes of interest, by when they began */
	int lane_count;
	long from, to;		/* of what is of interest */
};

/* Make the story of a trace; one that cannot be ends the program. */
void tell(struct story *story, const struct trace *trace);

/* The index of the one that a semaphore turned out to be. */
int same_sem(const struct story *story, int sem);

/* What is known when all of a story is told: sums, lanes, who waited for whom. */
void sum_up(struct story *story);

/* What the semaphore is called in what is printed. */
void name_sem(const struct story *story, int sem, char *name, size_t size);

/*
 * For count columns of equal length from a time to another, the state that a
 * process was in for most of each.
 */
void sample(const struct process *process, long from, long to, int count,
	    struct state *columns);

#endif
