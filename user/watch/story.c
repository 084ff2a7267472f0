// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the story of a trace. Two passes: whether a semaphore is one that is
 * held, or one that is handed from who posts to who waits, and which of them
 * are the same, is known only at the end of the first.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../grow.h"
#include "story.h"

enum { MOST_PROCESSES = 2000, MOST_SEMS = 1000, DEPTH = 8, PAGE = 4096 };

/* A call of sem_wait and the like that has not ended. */
struct call {
	enum event_kind kind;
	int sem;
};

/* What is known of a process only while the trace is read. */
struct current {
	enum place place;
	int family;		/* that of its address space: shared by forks */
	struct call calls[DEPTH];
	int depth;
	int wait;		/* that goes on; -1: none */
	bool in_futex, in_futex_wait;
	bool early;		/* woken on its way to sleep, while it ran */
	int futex;		/* what it waits on there */
	int held;		/* how many semaphores */
	long since;		/* when it came to this place */
};

/* A page of the device's region, where a process has seen it. */
struct page {
	int process, family;
	unsigned long address;
	long offset;
};

struct teller {
	struct story *story;
	struct current *now;	/* of each process */
	struct page *pages;
	size_t page_count;
	int families;
	int number;		/* of the wakes */
	const struct event *event;
	bool last_pass;
};

static _Noreturn void cannot_be(const struct teller *teller, const char *what)
{
	die("%s:%d: %d %s", teller->story->trace->path, teller->event->line,
	    teller->event->pid, what);
}

/* The youngest with that pid; -1: none that we know of. */
static int find(const struct story *story, int pid)
{
	for (int i = story->process_count - 1; i >= 0; i--)
		if (story->processes[i].pid == pid)
			return story->processes[i].alive ? i : -1;
	return -1;
}

static int add_process(struct teller *teller, int pid, int parent)
{
	struct story *story = teller->story;
	int i = story->process_count;
	struct process *process;

	if (i == MOST_PROCESSES)
		die("%s has more than %d processes", story->trace->path,
		    MOST_PROCESSES);
	story->processes = grow(story->processes, i, sizeof(*process));
	teller->now = grow(teller->now, i, sizeof(*teller->now));
	story->process_count++;
	process = &story->processes[i];
	*process = (struct process) {
		.pid = pid, .parent = parent, .from = teller->event->time,
		.to = teller->event->time, .alive = true,
	};
	teller->now[i] = (struct current) {
		.family = parent >= 0 ? teller->now[parent].family :
					teller->families++,
		.wait = -1, .since = teller->event->time,
	};
	snprintf(process->name, sizeof(process->name), "%s",
		 parent >= 0 ? story->processes[parent].name : "");
	return i;
}

/* What it is turns out: find the one that both are. */
int same_sem(const struct story *story, int sem)
{
	while (sem >= 0 && story->sems[sem].same != sem)
		sem = story->sems[sem].same;
	return sem;
}

/*
 * What a process sees at an address. It may have unmapped there what it had from
 * its parent, and have mapped another page; so its own comes first, then that of
 * who forked it, and so on, and then that of any with its address space, as a
 * thread.
 */
static const struct page *find_page(const struct teller *teller, int process,
				    unsigned long address)
{
	int family = teller->now[process].family;

	for (;; process = teller->story->processes[process].parent) {
		for (int i = teller->page_count - 1; i >= 0; i--) {
			const struct page *page = &teller->pages[i];

			if (page->family == family &&
			    page->address == address &&
			    (process < 0 || page->process == process))
				return page;
		}
		if (process < 0)
			return NULL;
	}
}

/*
 * In the device's region a semaphore is known by its offset, in all processes.
 * Elsewhere only by its address, which a fork leaves as it is.
 */
static int find_sem(struct teller *teller, int process, unsigned long address)
{
	struct story *story = teller->story;
	int family = teller->now[process].family;
	const struct page *page = find_page(teller, process,
					    address & -(unsigned long)PAGE);

	if (page) {
		address = page->offset + address % PAGE;
		family = -1;
	}
	for (size_t i = 0; i < story->sem_count; i++)
		if (story->sems[i].family == family &&
		    story->sems[i].address == address)
			return same_sem(story, i);
	if (story->sem_count == MOST_SEMS)
		die("%s has more than %d semaphores", story->trace->path,
		    MOST_SEMS);
	story->sems = grow(story->sems, story->sem_count, sizeof(*story->sems));
	story->sems[story->sem_count] = (struct sem) {
		.family = family, .address = address,
		.same = story->sem_count, .letter = -1, .is_futex = true,
	};
	return story->sem_count++;
}

static void note_page(struct teller *teller, int process,
		      unsigned long address, long offset)
{
	struct page page = {
		.process = process, .family = teller->now[process].family,
		.address = address, .offset = offset,
	};

	for (size_t i = 0; i < teller->page_count; i++)
		if (teller->pages[i].process == process &&
		    teller->pages[i].family == page.family &&
		    teller->pages[i].address == address) {
			teller->pages[i].offset = offset;
			return;
		}
	teller->pages = grow(teller->pages, teller->page_count, sizeof(page));
	teller->pages[teller->page_count++] = page;
}

static void add_mark(struct teller *teller, int i, enum mark_kind kind)
{
	struct process *process = &teller->story->processes[i];

	process->marks = grow(process->marks, process->mark_count,
			      sizeof(*process->marks));
	process->marks[process->mark_count++] = (struct mark) {
		.time = teller->event->time, .kind = kind,
	};
}

/* Write down the state that a process is in from now on. */
static void note_state(struct teller *teller, int i)
{
	struct process *process = &teller->story->processes[i];
	const struct current *now = &teller->now[i];
	struct span span = {
		.from = teller->event->time,
		.state = {
			.place = process->alive ? now->place : NOWHERE,
			.doing = now->wait >= 0 ? WAITS :
				 now->held	? HOLDS : OUTSIDE,
		},
	};
	struct span *last = process->span_count ?
			    &process->spans[process->span_count - 1] : NULL;

	process->to = span.from;
	if (last && last->state.place == span.state.place &&
	    last->state.doing == span.state.doing)
		return;
	if (last && last->from == span.from) {
		last->state = span.state;
		return;
	}
	process->spans = grow(process->spans, process->span_count,
			      sizeof(span));
	process->spans[process->span_count++] = span;
}

/* It comes to another place; what it did in the last one is added up. */
static void move(struct teller *teller, int i, enum place place)
{
	struct process *process = &teller->story->processes[i];
	struct current *now = &teller->now[i];
	long time = teller->event->time;
	int open;

	if (now->wait >= 0 && now->place == ASLEEP) {
		struct wait *wait = &teller->story->waits[now->wait];
		long from = now->since > wait->from ? now->since : wait->from;

		wait->asleep += time - from;
	}
	open = now->place != RUNS ? now->held : 0;
	for (int h = process->hold_count - 1; open && h >= 0; h--) {
		struct hold *hold = &process->holds[h];

		if (!hold->open)
			continue;
		hold->off += time - (now->since > hold->from ? now->since :
							       hold->from);
		open--;
	}
	now->place = place;
	now->since = time;
	note_state(teller, i);
}

static void begin_wait(struct teller *teller, int i, int sem)
{
	struct story *story = teller->story;
	struct wait *wait;

	/* Again, in the same function: it was woken and did not get it. */
	if (teller->now[i].wait >= 0) {
		wait = &story->waits[teller->now[i].wait];
		if (wait->woken)
			wait->in_vain++;
		wait->woken = false;
		return;
	}
	story->waits = grow(story->waits, story->wait_count, sizeof(*wait));
	story->waits[story->wait_count] = (struct wait) {
		.process = i, .sem = sem, .from = teller->event->time,
		.open = true,
	};
	teller->now[i].wait = story->wait_count++;
	note_state(teller, i);
}

static void end_wait(struct teller *teller, int i, bool took)
{
	struct current *now = &teller->now[i];
	struct wait *wait;

	if (now->wait < 0)
		return;
	/* Adds up the sleep, should it end in one. */
	move(teller, i, now->place);
	wait = &teller->story->waits[now->wait];
	wait->to = teller->event->time;
	wait->open = false;
	wait->took = took;
	now->wait = -1;
	note_state(teller, i);
}

static void begin_hold(struct teller *teller, int i, int sem)
{
	struct process *process = &teller->story->processes[i];

	if (teller->story->sems[sem].handed)
		return;
	process->holds = grow(process->holds, process->hold_count,
			      sizeof(*process->holds));
	process->holds[process->hold_count++] = (struct hold) {
		.sem = sem, .from = teller->event->time, .open = true,
	};
	teller->now[i].held++;
	note_state(teller, i);
}

/* The post begins: from here on it may be another's. */
static void end_hold(struct teller *teller, int i, int sem)
{
	struct process *process = &teller->story->processes[i];

	for (int h = process->hold_count - 1; h >= 0; h--) {
		struct hold *hold = &process->holds[h];

		if (!hold->open || same_sem(teller->story, hold->sem) != sem)
			continue;
		move(teller, i, teller->now[i].place);
		hold->to = teller->event->time;
		hold->posted = hold->to;
		hold->open = false;
		process->held += hold->to - hold->from;
		teller->now[i].held--;
		note_state(teller, i);
		return;
	}
	/* Nobody holds what another may post. */
	teller->story->sems[sem].handed = true;
}

/* Until the post has ended, who waits may have found it taken. */
static void note_posted(struct teller *teller, int i, int sem)
{
	struct process *process = &teller->story->processes[i];

	for (int h = process->hold_count - 1; h >= 0; h--)
		if (process->holds[h].sem == sem) {
			process->holds[h].posted = teller->event->time;
			return;
		}
}

static void begin_call(struct teller *teller, int i)
{
	struct current *now = &teller->now[i];
	int sem = find_sem(teller, i, teller->event->address);

	teller->story->sems[sem].is_futex = false;
	teller->story->processes[i].of_interest = true;
	/* One that was left by a jump, and not by a return, is over. */
	while (now->depth && now->calls[now->depth - 1].kind != EVENT_POST &&
	       teller->event->kind != EVENT_POST) {
		end_wait(teller, i, false);
		now->depth--;
	}
	if (now->depth == DEPTH)
		cannot_be(teller, "calls sem_post in itself too often");
	now->calls[now->depth++] = (struct call) {
		.kind = teller->event->kind, .sem = sem,
	};
	if (teller->event->kind == EVENT_POST)
		end_hold(teller, i, sem);
}

static void end_call(struct teller *teller, int i)
{
	static const struct {
		enum event_kind end, begin;
		const char *what;
	} pairs[] = {
		{ EVENT_WAITED, EVENT_WAIT, "returns from a wait for a semaphore that it never began" },
		{ EVENT_TRIED, EVENT_TRY, "returns from sem_trywait, which it never called" },
		{ EVENT_POSTED, EVENT_POST, "returns from sem_post, which it never called" },
	};
	struct process *process = &teller->story->processes[i];
	struct current *now = &teller->now[i];
	bool waited = now->wait >= 0;
	int pair = 0, sem;

	while (pairs[pair].end != teller->event->kind)
		pair++;
	if (!now->depth || now->calls[now->depth - 1].kind != pairs[pair].begin)
		cannot_be(teller, pairs[pair].what);
	sem = same_sem(teller->story, now->calls[--now->depth].sem);
	if (teller->event->kind == EVENT_POSTED) {
		note_posted(teller, i, sem);
		return;
	}
	end_wait(teller, i, !teller->event->value);
	if (teller->event->value) {
		process->found_taken += !waited;
		return;
	}
	process->taken++;
	process->taken_free += !waited;
	begin_hold(teller, i, sem);
}

static bool is_wait_operation(long operation)
{
	/* WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2 */
	return operation == 0 || operation == 6 || operation == 9 ||
	       operation == 11 || operation == 13;
}

static void begin_futex(struct teller *teller, int i)
{
	struct current *now = &teller->now[i];
	const struct call *call = now->depth ? &now->calls[now->depth - 1] :
					       NULL;

	now->in_futex = true;
	now->in_futex_wait = is_wait_operation(teller->event->value);
	if (!now->in_futex_wait)
		return;
	teller->story->processes[i].of_interest = true;
	begin_wait(teller, i, call && call->kind != EVENT_POST ? call->sem :
		   find_sem(teller, i, teller->event->address));
}

static void end_futex(struct teller *teller, int i)
{
	struct story *story = teller->story;
	struct current *now = &teller->now[i];
	int error = -teller->event->value;

	/* No more than errno goes to; woken too early, too late, by a signal. */
	if (error > 0 && error < 4096 && error != EAGAIN &&
	    error != ETIMEDOUT && error != EINTR) {
		story->failures = grow(story->failures, story->failure_count,
				       sizeof(*story->failures));
		story->failures[story->failure_count++] = (struct failure) {
			.time = teller->event->time, .process = i,
			.error = error,
		};
	}
	/* A wait that no function of a semaphore's explains ends here. */
	if (now->in_futex_wait && !now->depth)
		end_wait(teller, i, true);
	now->in_futex = false;
	now->in_futex_wait = false;
}

/* That a post of the one wakes a waiter for the other shows they are one. */
static void unite(struct story *story, int a, int b)
{
	a = same_sem(story, a);
	b = same_sem(story, b);
	if (a == b)
		return;
	story->sems[a > b ? a : b].same = a > b ? b : a;
	if (story->sems[a].handed || story->sems[b].handed)
		story->sems[a > b ? b : a].handed = true;
}

static void note_wake(struct teller *teller, int from, int to)
{
	struct story *story = teller->story;
	struct current *waker = from >= 0 ? &teller->now[from] : NULL;
	struct wait *wait = &story->waits[teller->now[to].wait];
	const struct call *call = waker && waker->depth ?
				  &waker->calls[waker->depth - 1] : NULL;
	struct wake wake = {
		.time = teller->event->time, .from = from, .to = to,
		.wait = teller->now[to].wait,
		.by_post = call && call->kind == EVENT_POST && waker->in_futex,
	};

	if (wake.by_post)
		unite(story, call->sem, wait->sem);
	if (from >= 0)
		wake.number = ++teller->number;
	if (!wait->wakes++)
		wait->first_wake = story->wake_count;
	wait->woken = true;
	story->wakes = grow(story->wakes, story->wake_count, sizeof(wake));
	story->wakes[story->wake_count++] = wake;
}

static void take_waking(struct teller *teller, int from)
{
	int to = find(teller->story, teller->event->other);

	if (to < 0)
		return;
	if (teller->now[to].wait >= 0 && teller->now[to].in_futex_wait)
		note_wake(teller, teller->event->interrupt ? -1 : from, to);
	if (teller->now[to].place == ASLEEP)
		move(teller, to, READY);
	else if (teller->now[to].place == RUNS)
		teller->now[to].early = true;
}

static void end_process(struct teller *teller, int i)
{
	struct process *process = &teller->story->processes[i];

	end_wait(teller, i, false);
	move(teller, i, teller->now[i].place);
	for (size_t h = 0; h < process->hold_count; h++) {
		struct hold *hold = &process->holds[h];

		if (hold->open) {
			hold->to = teller->event->time;
			hold->posted = hold->to;
			process->held += hold->to - hold->from;
		}
	}
	process->alive = false;
	note_state(teller, i);
}

static void take_switch(struct teller *teller, int from)
{
	int to = find(teller->story, teller->event->other);

	if (from >= 0) {
		bool ready = teller->event->state == 'R' ||
			     teller->now[from].early;

		move(teller, from, ready ? READY : ASLEEP);
		teller->now[from].early = false;
	}
	if (to >= 0)
		move(teller, to, RUNS);
}

static void take_event(struct teller *teller)
{
	const struct event *event = teller->event;
	struct story *story = teller->story;
	int i = find(story, event->pid);

	switch (event->kind) {
	case EVENT_SWITCH:
		take_switch(teller, i);
		return;
	case EVENT_WAKING:
		take_waking(teller, i);
		return;
	default:
		break;
	}
	/* The first that is seen of one says that it runs. */
	if (i < 0) {
		if (event->kind == EVENT_EXIT)
			return;
		i = add_process(teller, event->pid, -1);
	}
	if (teller->now[i].place != RUNS)
		move(teller, i, RUNS);
	/* It goes on, and has not slept. */
	teller->now[i].early = false;
	switch (event->kind) {
	case EVENT_FORK:
		if (find(story, event->other) >= 0)
			cannot_be(teller, "forks a child that is there already");
		move(teller, add_process(teller, event->other, i), READY);
		break;
	case EVENT_EXEC:
		snprintf(story->processes[i].name,
			 sizeof(story->processes[i].name), "%s", event->name);
		teller->now[i].family = teller->families++;
		teller->now[i].depth = 0;
		break;
	case EVENT_EXIT:
		end_process(teller, i);
		break;
	case EVENT_FUTEX:
		begin_futex(teller, i);
		break;
	case EVENT_FUTEX_END:
		end_futex(teller, i);
		break;
	case EVENT_WAIT:
	case EVENT_TRY:
	case EVENT_POST:
		begin_call(teller, i);
		break;
	case EVENT_WAITED:
	case EVENT_TRIED:
	case EVENT_POSTED:
		end_call(teller, i);
		break;
	case EVENT_MMAP:
	case EVENT_FAULT:
		note_page(teller, i, event->address, event->value);
		/* fall through */
	case EVENT_UNMAP:
		story->processes[i].of_interest = true;
		add_mark(teller, i, event->kind == EVENT_MMAP  ? MARK_MMAP :
				    event->kind == EVENT_FAULT ? MARK_FAULT :
								 MARK_UNMAP);
		break;
	case EVENT_PAGE_FAULT:
		add_mark(teller, i, MARK_PAGE_FAULT);
		break;
	default:
		break;
	}
}

static void forget(struct teller *teller)
{
	struct story *story = teller->story;

	for (size_t i = 0; i < story->process_count; i++) {
		free(story->processes[i].spans);
		free(story->processes[i].holds);
		free(story->processes[i].marks);
	}
	free(teller->now);
	free(teller->pages);
	free(story->processes);
	free(story->waits);
	free(story->wakes);
	free(story->failures);
	story->processes = NULL;
	story->waits = NULL;
	story->wakes = NULL;
	story->failures = NULL;
	story->process_count = 0;
	story->wait_count = 0;
	story->wake_count = 0;
	story->failure_count = 0;
	*teller = (struct teller) { .story = story };
}

/* What still goes on when the trace ends. */
static void end_all(struct teller *teller)
{
	struct story *story = teller->story;

	for (size_t i = 0; i < story->process_count; i++) {
		struct process *process = &story->processes[i];

		if (!process->alive)
			continue;
		move(teller, i, teller->now[i].place);
		for (size_t h = 0; h < process->hold_count; h++)
			if (process->holds[h].open) {
				process->holds[h].to = process->to;
				process->holds[h].posted = process->to;
			}
		if (teller->now[i].wait >= 0)
			story->waits[teller->now[i].wait].to = process->to;
	}
}

static void pass(struct teller *teller)
{
	const struct trace *trace = teller->story->trace;

	for (size_t i = 0; i < trace->count; i++) {
		teller->event = &trace->events[i];
		take_event(teller);
	}
	if (trace->count)
		end_all(teller);
}

void tell(struct story *story, const struct trace *trace)
{
	struct teller teller = { .story = story };

	*story = (struct story) { .trace = trace };
	pass(&teller);
	forget(&teller);
	pass(&teller);
	sum_up(story);
	free(teller.now);
	free(teller.pages);
}
