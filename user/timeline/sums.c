// SPDX-License-Identifier: GPL-2.0
/* Totals of an analysis, and what each column of its time shows. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis.h"

/* List the processes that held the semaphore during a wait for it. */
static void note_holders(struct analysis *analysis, struct wait *wait)
{
	for (size_t i = 0; i < analysis->process_count; i++) {
		const struct process *process = &analysis->processes[i];
		bool held = false;

		if ((int)i == wait->process)
			continue;
		for (size_t h = 0; h < process->hold_count; h++) {
			const struct hold *hold = &process->holds[h];

			if (hold->from > wait->to)
				break;
			held |= hold->posted >= wait->from &&
				same_sem(analysis, hold->sem) == wait->sem;
		}
		if (held && wait->holder_count < MAX_HOLDERS)
			wait->holders[wait->holder_count++] = i;
	}
}

/* A lane for each process that uses the region, a semaphore or a futex. */
static void find_lanes(struct analysis *analysis)
{
	analysis->lanes = allocate(analysis->process_count + 1, sizeof(int));
	for (size_t i = 0; i < analysis->process_count; i++)
		if (analysis->processes[i].of_interest)
			analysis->lanes[analysis->lane_count++] = i;
	for (int i = 0; i < analysis->lane_count; i++) {
		struct process *process = &analysis->processes[analysis->lanes[i]];
		int parent = process->parent;
		bool has_parent = parent >= 0 &&
				  analysis->processes[parent].of_interest;
		bool has_child = false;

		for (int j = 0; j < analysis->lane_count; j++)
			has_child |= analysis->processes[analysis->lanes[j]].parent ==
				     analysis->lanes[i];
		/* Cut the name, never the pid, if the label is too long. */
		snprintf(process->label, sizeof(process->label), "%.*s %d",
			 MAX_LABEL - 1 - snprintf(NULL, 0, "%d", process->pid),
			 has_parent ? "child" :
			 has_child  ? "parent" : process->name, process->pid);
	}
}

static bool is_of_interest(enum event_kind kind)
{
	return kind >= EVENT_WAIT && kind <= EVENT_UNMAP;
}

/* Extend the time of interest so that it covers this one. */
static void cover(struct analysis *analysis, long from, long to)
{
	if (from < analysis->from)
		analysis->from = from;
	if (to > analysis->to)
		analysis->to = to;
}

/* All events of the region and of semaphores, waits and holds. */
static void find_interest(struct analysis *analysis)
{
	const struct trace *trace = analysis->trace;

	analysis->from = LONG_MAX;
	for (size_t i = 0; i < trace->count; i++)
		if (is_of_interest(trace->events[i].kind))
			cover(analysis, trace->events[i].time,
			      trace->events[i].time);
	for (size_t i = 0; i < analysis->wait_count; i++)
		cover(analysis, analysis->waits[i].from, analysis->waits[i].to);
	for (size_t i = 0; i < analysis->process_count; i++) {
		const struct process *process = &analysis->processes[i];

		for (size_t h = 0; h < process->hold_count; h++)
			cover(analysis, process->holds[h].from,
			      process->holds[h].to);
	}
	/* Without any, the trace has no lane either. */
	if (analysis->from > analysis->to)
		analysis->from = analysis->to;
	if (analysis->to == analysis->from)
		analysis->to++;
}

void finish(struct analysis *analysis)
{
	for (size_t i = 0; i < analysis->wait_count; i++) {
		struct wait *wait = &analysis->waits[i];
		struct process *process = &analysis->processes[wait->process];

		wait->sem = same_sem(analysis, wait->sem);
		note_holders(analysis, wait);
		process->waits++;
		process->waited += wait->to - wait->from;
		process->slept += wait->asleep;
	}
	for (size_t i = 0; i < analysis->sem_count; i++)
		if (analysis->sems[i].same == (int)i)
			analysis->sems[i].letter = analysis->letters++;
	find_lanes(analysis);
	find_interest(analysis);
}

void sample(const struct process *process, long from, long to, int count,
	    struct state *columns)
{
	size_t s = 0;

	for (int c = 0; c < count; c++) {
		long begin = from + (to - from) * c / count;
		long last = from + (to - from) * (c + 1) / count;
		long end = last > begin ? last : begin + 1;
		long spent[STATES] = { 0 };
		int max = 0;

		while (s + 1 < process->span_count &&
		       process->spans[s + 1].from <= begin)
			s++;
		for (size_t i = s; i < process->span_count; i++) {
			const struct span *span = &process->spans[i];
			long stop = i + 1 < process->span_count ?
				    span[1].from : process->to;
			long first = span->from > begin ? span->from : begin;
			int state = span->state.sched * (HOLDING + 1) +
				    span->state.sem;

			if (span->from >= end)
				break;
			stop = stop < end ? stop : end;
			if (span->state.sched != ABSENT && stop > first)
				spent[state] += stop - first;
		}
		for (int i = 1; i < STATES; i++)
			if (spent[i] > spent[max])
				max = i;
		columns[c] = (struct state) {
			.sched = max / (HOLDING + 1),
			.sem = max % (HOLDING + 1),
		};
	}
}
