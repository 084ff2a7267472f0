// SPDX-License-Identifier: GPL-2.0
/*
 * Analyses a trace, in two passes. Only at the end of the first pass is it
 * known which semaphores are the same, and which are not held by anybody, as
 * one process takes them and another posts them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis.h"

enum { MAX_PROCESSES = 2000, MAX_SEMS = 1000, DEPTH = 8 };

/* A call of sem_wait() or the like that has not returned. */
struct call {
	enum event_kind kind;
	int sem;
};

/* The state of a process at the current event. */
struct task {
	enum sched_state sched;
	int mm;			/* its address space; a child keeps this number */
	struct call calls[DEPTH];
	int depth;
	int wait;		/* the index of the current wait; -1: none */
	bool in_futex, in_futex_wait;
	bool early;		/* woken before it was switched off */
	int held;		/* the number of semaphores */
	long since;		/* when it got into this sched state */
	unsigned long map_length;	/* of the call of mmap that it is in */
	long map_offset;		/* -1: it shares no file */
};

/* A shared mapping of a file, where the module tells of none. */
struct area {
	int mm;
	unsigned long from, to;
	long offset;
};

/* Where a process has mapped a page of the device's region. */
struct page {
	int process, mm;
	unsigned long address;
	long offset;
};

struct analyser {
	struct analysis *analysis;
	struct task *tasks;	/* of each process */
	struct page *pages;
	size_t page_count;
	struct area *areas;
	size_t area_count;
	int mm_count;
	int number;		/* of the last wake */
	const struct event *event;
};

static _Noreturn void cannot_be(const struct analyser *analyser, const char *what)
{
	diex("%s:%d: %d %s", analyser->analysis->trace->path, analyser->event->line,
	     analyser->event->pid, what);
}

/* The last process with that pid, alive or not; -1: none known. */
static int find_last(const struct analysis *analysis, int pid)
{
	int i = analysis->process_count - 1;

	while (i >= 0 && analysis->processes[i].pid != pid)
		i--;
	return i;
}

/* The living process with that pid; -1: none known. */
static int find(const struct analysis *analysis, int pid)
{
	int i = find_last(analysis, pid);

	return i >= 0 && analysis->processes[i].alive ? i : -1;
}

static int add_process(struct analyser *analyser, int pid, int parent)
{
	struct analysis *analysis = analyser->analysis;
	int i = analysis->process_count;

	if (i == MAX_PROCESSES)
		diex("%s has more than %d processes", analysis->trace->path,
		     MAX_PROCESSES);
	analyser->tasks = grow(analyser->tasks, i, sizeof(*analyser->tasks));
	APPEND(analysis->processes, analysis->process_count) = (struct process) {
		.pid = pid, .parent = parent, .from = analyser->event->time,
		.to = analyser->event->time, .alive = true,
	};
	analyser->tasks[i] = (struct task) {
		.mm = parent >= 0 ? analyser->tasks[parent].mm :
					analyser->mm_count++,
		.wait = -1, .since = analyser->event->time, .map_offset = -1,
	};
	if (parent >= 0)
		memcpy(analysis->processes[i].name,
		       analysis->processes[parent].name,
		       sizeof(analysis->processes[i].name));
	return i;
}

int same_sem(const struct analysis *analysis, int sem)
{
	while (sem >= 0 && analysis->sems[sem].same != sem)
		sem = analysis->sems[sem].same;
	return sem;
}

/*
 * The page that a process has mapped at an address: the process may have
 * replaced a page that it inherited. So look at its own pages, then at those of
 * its parent and further ancestors, then at those of any process with the same
 * address space, such as another thread.
 */
static const struct page *find_page(const struct analyser *analyser, int process,
				    unsigned long address)
{
	int mm = analyser->tasks[process].mm;

	for (;; process = analyser->analysis->processes[process].parent) {
		for (int i = analyser->page_count - 1; i >= 0; i--) {
			const struct page *page = &analyser->pages[i];

			if (page->mm == mm &&
			    page->address == address &&
			    (process < 0 || page->process == process))
				return page;
		}
		if (process < 0)
			return NULL;
	}
}

static unsigned long page_of(const struct analyser *analyser, unsigned long address)
{
	return address & -analyser->analysis->trace->page;
}

/*
 * A semaphore in the device's region is identified by its offset, in all
 * processes; any other by its address, which fork() does not change.
 */
static int find_sem(struct analyser *analyser, int process, unsigned long address)
{
	struct analysis *analysis = analyser->analysis;
	int mm = analyser->tasks[process].mm;
	const struct page *page = find_page(analyser, process,
					    page_of(analyser, address));
	size_t i;

	if (page) {
		address = page->offset + address % analysis->trace->page;
		mm = -1;
	}
	for (i = 0; i < analysis->sem_count; i++)
		if (analysis->sems[i].mm == mm &&
		    analysis->sems[i].address == address)
			return same_sem(analysis, i);
	if (analysis->sem_count == MAX_SEMS)
		diex("%s has more than %d semaphores", analysis->trace->path,
		     MAX_SEMS);
	APPEND(analysis->sems, analysis->sem_count) = (struct sem) {
		.mm = mm, .address = address,
		.same = i, .letter = -1, .is_futex = true,
	};
	return i;
}

static void note_page(struct analyser *analyser, int process,
		      unsigned long address, long offset)
{
	struct page page = {
		.process = process, .mm = analyser->tasks[process].mm,
		.address = address, .offset = offset,
	};

	for (size_t i = 0; i < analyser->page_count; i++)
		if (analyser->pages[i].process == process &&
		    analyser->pages[i].mm == page.mm &&
		    analyser->pages[i].address == address) {
			analyser->pages[i].offset = offset;
			return;
		}
	APPEND(analyser->pages, analyser->page_count) = page;
}

static void add_mark(struct analyser *analyser, int i, enum event_kind kind)
{
	struct process *process = &analyser->analysis->processes[i];

	process->of_interest |= kind != EVENT_PAGE_FAULT;
	APPEND(process->marks, process->mark_count) = (struct mark) {
		.time = analyser->event->time, .kind = kind,
	};
}

static const struct area *find_area(const struct analyser *analyser, int process,
				    unsigned long address)
{
	for (size_t i = analyser->area_count; i--;) {
		const struct area *area = &analyser->areas[i];

		if (area->mm == analyser->tasks[process].mm && address >= area->from &&
		    address < area->to)
			return area;
	}
	return NULL;
}

/* mmap has returned. */
static void add_area(struct analyser *analyser, int i)
{
	const struct task *task = &analyser->tasks[i];
	unsigned long from = analyser->event->value;

	if (task->map_offset < 0 || !task->map_length || analyser->event->value < 0)
		return;
	APPEND(analyser->areas, analyser->area_count) = (struct area) {
		.mm = task->mm, .from = from, .to = from + task->map_length,
		.offset = task->map_offset,
	};
	add_mark(analyser, i, EVENT_MMAP);
}

/* A page fault; in the region, if the module tells of none. */
static void note_fault(struct analyser *analyser, int i)
{
	unsigned long page = page_of(analyser, analyser->event->address);
	const struct area *area = find_area(analyser, i, page);

	if (area)
		note_page(analyser, i, page,
			  (unsigned long)area->offset + (page - area->from));
	add_mark(analyser, i, area ? EVENT_FAULT : EVENT_PAGE_FAULT);
}

/* Record the state that a process is in from now on. */
static void note_state(struct analyser *analyser, int i)
{
	struct process *process = &analyser->analysis->processes[i];
	const struct task *task = &analyser->tasks[i];
	struct span span = {
		.from = analyser->event->time,
		.state = {
			.sched = process->alive ? task->sched : ABSENT,
			.sem = task->wait >= 0 ? WAITING :
				 task->held	? HOLDING : OUTSIDE,
		},
	};
	struct span *last = process->span_count ?
			    &process->spans[process->span_count - 1] : NULL;

	process->to = span.from;
	if (last && last->state.sched == span.state.sched &&
	    last->state.sem == span.state.sem)
		return;
	if (last && last->from == span.from) {
		last->state = span.state;
		return;
	}
	APPEND(process->spans, process->span_count) = span;
}

/* Change the sched state, and account for the time in the old one. */
static void set_sched(struct analyser *analyser, int i, enum sched_state sched)
{
	struct process *process = &analyser->analysis->processes[i];
	struct task *task = &analyser->tasks[i];
	long time = analyser->event->time;
	int open;

	if (task->wait >= 0 && task->sched == ASLEEP) {
		struct wait *wait = &analyser->analysis->waits[task->wait];
		long from = task->since > wait->from ? task->since : wait->from;

		wait->asleep += time - from;
	}
	open = task->sched != RUNNING ? task->held : 0;
	for (int h = process->hold_count - 1; open && h >= 0; h--) {
		struct hold *hold = &process->holds[h];

		if (!hold->open)
			continue;
		hold->off += time - (task->since > hold->from ? task->since :
							       hold->from);
		open--;
	}
	task->sched = sched;
	task->since = time;
	note_state(analyser, i);
}

static void begin_wait(struct analyser *analyser, int i, int sem)
{
	struct analysis *analysis = analyser->analysis;
	struct wait *wait;

	/* A second call in the same function: it was woken in vain. */
	if (analyser->tasks[i].wait >= 0) {
		wait = &analysis->waits[analyser->tasks[i].wait];
		if (wait->woken)
			wait->in_vain++;
		wait->woken = false;
		return;
	}
	analyser->tasks[i].wait = analysis->wait_count;
	APPEND(analysis->waits, analysis->wait_count) = (struct wait) {
		.process = i, .sem = sem, .from = analyser->event->time,
		.open = true,
	};
	note_state(analyser, i);
}

static void end_wait(struct analyser *analyser, int i, bool took)
{
	struct task *task = &analyser->tasks[i];
	struct wait *wait;

	if (task->wait < 0)
		return;
	/* Account for the sleep, if it is asleep. */
	set_sched(analyser, i, task->sched);
	wait = &analyser->analysis->waits[task->wait];
	wait->to = analyser->event->time;
	wait->open = false;
	wait->took = took;
	task->wait = -1;
	note_state(analyser, i);
}

static void begin_hold(struct analyser *analyser, int i, int sem)
{
	struct process *process = &analyser->analysis->processes[i];

	if (analyser->analysis->sems[sem].handed)
		return;
	APPEND(process->holds, process->hold_count) = (struct hold) {
		.sem = sem, .from = analyser->event->time, .open = true,
	};
	analyser->tasks[i].held++;
	note_state(analyser, i);
}

/* sem_post() begins: from here on another process may take it. */
static void end_hold(struct analyser *analyser, int i, int sem)
{
	struct process *process = &analyser->analysis->processes[i];

	for (int h = process->hold_count - 1; h >= 0; h--) {
		struct hold *hold = &process->holds[h];

		if (!hold->open || same_sem(analyser->analysis, hold->sem) != sem)
			continue;
		set_sched(analyser, i, analyser->tasks[i].sched);
		hold->to = analyser->event->time;
		hold->posted = hold->to;
		hold->open = false;
		analyser->tasks[i].held--;
		note_state(analyser, i);
		return;
	}
	/* A process posted what it had not taken: nobody holds this one. */
	analyser->analysis->sems[sem].handed = true;
}

/* Until sem_post() returns, a waiter may have found it taken. */
static void note_posted(struct analyser *analyser, int i, int sem)
{
	struct process *process = &analyser->analysis->processes[i];

	for (int h = process->hold_count - 1; h >= 0; h--)
		if (process->holds[h].sem == sem) {
			process->holds[h].posted = analyser->event->time;
			return;
		}
}

static void begin_call(struct analyser *analyser, int i)
{
	struct task *task = &analyser->tasks[i];
	int sem = find_sem(analyser, i, analyser->event->address);

	analyser->analysis->sems[sem].is_futex = false;
	analyser->analysis->processes[i].of_interest = true;
	/* A call that was left by longjmp() never returns. */
	while (task->depth && task->calls[task->depth - 1].kind != EVENT_POST &&
	       analyser->event->kind != EVENT_POST) {
		end_wait(analyser, i, false);
		task->depth--;
	}
	if (task->depth == DEPTH)
		cannot_be(analyser, "nests too many calls of sem_post");
	task->calls[task->depth++] = (struct call) {
		.kind = analyser->event->kind, .sem = sem,
	};
	if (analyser->event->kind == EVENT_POST)
		end_hold(analyser, i, sem);
}

static void end_call(struct analyser *analyser, int i)
{
	static const struct {
		enum event_kind end, begin;
		const char *what;
	} pairs[] = {
		{ EVENT_WAITED, EVENT_WAIT, "returns from a wait for a semaphore, which it never called" },
		{ EVENT_TRIED, EVENT_TRY, "returns from sem_trywait, which it never called" },
		{ EVENT_POSTED, EVENT_POST, "returns from sem_post, which it never called" },
	};
	struct process *process = &analyser->analysis->processes[i];
	struct task *task = &analyser->tasks[i];
	bool waited = task->wait >= 0;
	int pair = 0, sem;

	while (pairs[pair].end != analyser->event->kind)
		pair++;
	if (!task->depth || task->calls[task->depth - 1].kind != pairs[pair].begin)
		cannot_be(analyser, pairs[pair].what);
	sem = same_sem(analyser->analysis, task->calls[--task->depth].sem);
	if (analyser->event->kind == EVENT_POSTED) {
		note_posted(analyser, i, sem);
		return;
	}
	end_wait(analyser, i, !analyser->event->value);
	if (analyser->event->value) {
		process->found_taken += !waited;
		return;
	}
	process->taken++;
	process->taken_free += !waited;
	begin_hold(analyser, i, sem);
}

/* The operation is without its flags, FUTEX_PRIVATE_FLAG and the like. */
static bool is_wait_operation(long operation)
{
	/* FUTEX_WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI, LOCK_PI2 */
	return operation == 0 || operation == 6 || operation == 9 ||
	       operation == 11 || operation == 13;
}

static void begin_futex(struct analyser *analyser, int i)
{
	struct task *task = &analyser->tasks[i];
	const struct call *call = task->depth ? &task->calls[task->depth - 1] :
					       NULL;

	task->in_futex = true;
	task->in_futex_wait = is_wait_operation(analyser->event->value & 0x7f);
	if (!task->in_futex_wait)
		return;
	analyser->analysis->processes[i].of_interest = true;
	begin_wait(analyser, i, call && call->kind != EVENT_POST ? call->sem :
		   find_sem(analyser, i, analyser->event->address));
}

static void end_futex(struct analyser *analyser, int i)
{
	struct analysis *analysis = analyser->analysis;
	struct task *task = &analyser->tasks[i];
	int error = -analyser->event->value;

	/* An errno; but these three are part of every futex wait. */
	if (error > 0 && error < 4096 && error != EAGAIN &&
	    error != ETIMEDOUT && error != EINTR)
		APPEND(analysis->failures, analysis->failure_count) =
			(struct failure) { analyser->event->time, i, error };
	/* A wait outside of semaphore functions ends here. */
	if (task->in_futex_wait && !task->depth)
		end_wait(analyser, i, true);
	task->in_futex = false;
	task->in_futex_wait = false;
}

/* A post of one woke a waiter for the other: they are the same. */
static void merge_sems(struct analysis *analysis, int a, int b)
{
	a = same_sem(analysis, a);
	b = same_sem(analysis, b);
	if (a == b)
		return;
	analysis->sems[a > b ? a : b].same = a > b ? b : a;
	if (analysis->sems[a].handed || analysis->sems[b].handed)
		analysis->sems[a > b ? b : a].handed = true;
}

static void note_wake(struct analyser *analyser, int from, int to)
{
	struct analysis *analysis = analyser->analysis;
	struct task *waker = from >= 0 ? &analyser->tasks[from] : NULL;
	struct wait *wait = &analysis->waits[analyser->tasks[to].wait];
	const struct call *call = waker && waker->depth ?
				  &waker->calls[waker->depth - 1] : NULL;
	struct wake wake = {
		.time = analyser->event->time, .from = from, .to = to,
		.wait = analyser->tasks[to].wait,
		.by_post = call && call->kind == EVENT_POST && waker->in_futex,
	};

	if (wake.by_post)
		merge_sems(analysis, call->sem, wait->sem);
	if (from >= 0)
		wake.number = ++analyser->number;
	if (!wait->wakes++)
		wait->first_wake = analysis->wake_count;
	wait->woken = true;
	APPEND(analysis->wakes, analysis->wake_count) = wake;
}

static void handle_waking(struct analyser *analyser, int from)
{
	int to = find(analyser->analysis, analyser->event->other);

	if (to < 0)
		return;
	if (analyser->tasks[to].wait >= 0 && analyser->tasks[to].in_futex_wait)
		note_wake(analyser, analyser->event->interrupt ? -1 : from, to);
	if (analyser->tasks[to].sched == ASLEEP)
		set_sched(analyser, to, READY);
	else if (analyser->tasks[to].sched == RUNNING)
		analyser->tasks[to].early = true;
}

/* Holds that no post ends: the process, or the trace, ends here. */
static void end_open_holds(struct analyser *analyser, int i)
{
	struct process *process = &analyser->analysis->processes[i];

	set_sched(analyser, i, analyser->tasks[i].sched);
	for (size_t h = 0; h < process->hold_count; h++)
		if (process->holds[h].open) {
			process->holds[h].to = process->to;
			process->holds[h].posted = process->to;
		}
}

static void end_process(struct analyser *analyser, int i)
{
	end_wait(analyser, i, false);
	end_open_holds(analyser, i);
	analyser->analysis->processes[i].alive = false;
	note_state(analyser, i);
}

static void handle_switch(struct analyser *analyser, int from)
{
	int to = find(analyser->analysis, analyser->event->other);

	if (from >= 0) {
		bool ready = analyser->event->state == 'R' ||
			     analyser->tasks[from].early;

		set_sched(analyser, from, ready ? READY : ASLEEP);
		analyser->tasks[from].early = false;
	}
	if (to >= 0)
		set_sched(analyser, to, RUNNING);
}

static void handle_event(struct analyser *analyser)
{
	const struct event *event = analyser->event;
	struct analysis *analysis = analyser->analysis;
	int i = find(analysis, event->pid);

	switch (event->kind) {
	case EVENT_SWITCH:
		handle_switch(analyser, i);
		return;
	case EVENT_WAKING:
		handle_waking(analyser, i);
		return;
	default:
		break;
	}
	/* The first event of a process shows that it runs. */
	if (i < 0) {
		int ended = find_last(analysis, event->pid);

		/* Linux 7.2 tells of the end of a process before that of its memory. */
		if (ended >= 0 && event->kind == EVENT_UNMAP)
			add_mark(analyser, ended, event->kind);
		if (ended >= 0 || event->kind == EVENT_EXIT)
			return;
		i = add_process(analyser, event->pid, -1);
	}
	if (analyser->tasks[i].sched != RUNNING)
		set_sched(analyser, i, RUNNING);
	/* It goes on: it did not sleep. */
	analyser->tasks[i].early = false;
	switch (event->kind) {
	case EVENT_FORK:
		if (find(analysis, event->other) >= 0)
			cannot_be(analyser, "forks a child that already exists");
		set_sched(analyser, add_process(analyser, event->other, i), READY);
		break;
	case EVENT_EXEC:
		snprintf(analysis->processes[i].name,
			 sizeof(analysis->processes[i].name), "%s", event->name);
		analyser->tasks[i].mm = analyser->mm_count++;
		analyser->tasks[i].depth = 0;
		break;
	case EVENT_EXIT:
		end_process(analyser, i);
		break;
	case EVENT_FUTEX:
		begin_futex(analyser, i);
		break;
	case EVENT_FUTEX_END:
		end_futex(analyser, i);
		break;
	case EVENT_WAIT:
	case EVENT_TRY:
	case EVENT_POST:
		begin_call(analyser, i);
		break;
	case EVENT_WAITED:
	case EVENT_TRIED:
	case EVENT_POSTED:
		end_call(analyser, i);
		break;
	case EVENT_MMAP:
	case EVENT_FAULT:
		note_page(analyser, i, event->address, event->value);
		/* fall through */
	case EVENT_UNMAP:
		add_mark(analyser, i, event->kind);
		break;
	case EVENT_PAGE_FAULT:
		note_fault(analyser, i);
		break;
	case EVENT_CALL_MMAP:
		analyser->tasks[i].map_length = event->address;
		analyser->tasks[i].map_offset = event->value;
		break;
	case EVENT_MMAPPED:
		add_area(analyser, i);
		break;
	case EVENT_CALL_MUNMAP:
		if (find_area(analyser, i, event->address))
			add_mark(analyser, i, EVENT_UNMAP);
		break;
	default:
		break;
	}
}

/* Forget all but the semaphores, before the second pass. */
static void reset(struct analyser *analyser)
{
	struct analysis *analysis = analyser->analysis;

	for (size_t i = 0; i < analysis->process_count; i++) {
		free(analysis->processes[i].spans);
		free(analysis->processes[i].holds);
		free(analysis->processes[i].marks);
	}
	free(analyser->tasks);
	free(analyser->pages);
	free(analyser->areas);
	/* The arrays stay: grow() starts anew when the count is 0. */
	analysis->process_count = 0;
	analysis->wait_count = 0;
	analysis->wake_count = 0;
	analysis->failure_count = 0;
	*analyser = (struct analyser) { .analysis = analysis };
}

/* Close what is still open when the trace ends. */
static void end_all(struct analyser *analyser)
{
	struct analysis *analysis = analyser->analysis;

	for (size_t i = 0; i < analysis->process_count; i++) {
		if (!analysis->processes[i].alive)
			continue;
		end_open_holds(analyser, i);
		if (analyser->tasks[i].wait >= 0)
			analysis->waits[analyser->tasks[i].wait].to =
				analyser->event->time;
	}
}

static void pass(struct analyser *analyser)
{
	const struct trace *trace = analyser->analysis->trace;

	for (size_t i = 0; i < trace->count; i++) {
		analyser->event = &trace->events[i];
		handle_event(analyser);
	}
	if (trace->count)
		end_all(analyser);
}

void analyse(struct analysis *analysis, const struct trace *trace)
{
	struct analyser analyser = { .analysis = analysis };

	*analysis = (struct analysis) { .trace = trace };
	pass(&analyser);
	reset(&analyser);
	pass(&analyser);
	finish(analysis);
	free(analyser.tasks);
	free(analyser.pages);
	free(analyser.areas);
}
