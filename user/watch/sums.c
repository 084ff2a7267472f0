// SPDX-License-Identifier: GPL-2.0
/* What is to be known of a story as a whole, and of columns of its time. */
#include <stdio.h>
#include <stdlib.h>

#include "story.h"

/* Who held the semaphore while a process waited for it. */
static void note_holders(struct story *story, struct wait *wait)
{
	for (size_t i = 0; i < story->process_count; i++) {
		const struct process *process = &story->processes[i];
		bool held = false;

		if ((int)i == wait->process)
			continue;
		for (size_t h = 0; h < process->hold_count; h++) {
			const struct hold *hold = &process->holds[h];

			if (hold->from > wait->to)
				break;
			held |= hold->posted >= wait->from &&
				same_sem(story, hold->sem) == wait->sem;
		}
		if (held && wait->holder_count < MOST_HOLDERS)
			wait->holders[wait->holder_count++] = i;
	}
}

/* Those that have to do with the region, a semaphore or a futex. */
static void find_lanes(struct story *story)
{
	story->lanes = calloc(story->process_count + 1, sizeof(int));
	if (!story->lanes)
		die("no memory");
	for (size_t i = 0; i < story->process_count; i++)
		if (story->processes[i].of_interest)
			story->lanes[story->lane_count++] = i;
	for (int i = 0; i < story->lane_count; i++) {
		struct process *process = &story->processes[story->lanes[i]];
		int parent = process->parent;
		bool has_parent = parent >= 0 &&
				  story->processes[parent].of_interest;
		bool has_child = false;

		for (int j = 0; j < story->lane_count; j++)
			has_child |= story->processes[story->lanes[j]].parent ==
				     story->lanes[i];
		/* Where there is no room, it is the name that is cut. */
		snprintf(process->label, sizeof(process->label), "%.*s %d",
			 LONGEST_LABEL - 1 - snprintf(NULL, 0, "%d", process->pid),
			 has_parent ? "child" :
			 has_child  ? "parent" : process->name, process->pid);
	}
}

static bool is_of_interest(enum event_kind kind)
{
	return kind >= EVENT_WAIT && kind <= EVENT_UNMAP;
}

/* From the first to the last that has to do with shared memory or a lock. */
static void find_interest(struct story *story)
{
	const struct trace *trace = story->trace;
	bool any = false;

	for (size_t i = 0; i < trace->count; i++) {
		bool is = is_of_interest(trace->events[i].kind);

		if (!any && is)
			story->from = trace->events[i].time;
		if (is)
			story->to = trace->events[i].time;
		any |= is;
	}
	for (size_t i = 0; i < story->wait_count; i++) {
		const struct wait *wait = &story->waits[i];

		if (!any || wait->from < story->from)
			story->from = wait->from;
		if (!any || wait->to > story->to)
			story->to = wait->to;
		any = true;
	}
	for (size_t i = 0; i < story->process_count; i++)
		for (size_t h = 0; h < story->processes[i].hold_count; h++)
			if (story->processes[i].holds[h].to > story->to)
				story->to = story->processes[i].holds[h].to;
	if (story->to <= story->from)
		story->to = story->from + 1;
}

void sum_up(struct story *story)
{
	for (size_t i = 0; i < story->wait_count; i++) {
		struct wait *wait = &story->waits[i];
		struct process *process = &story->processes[wait->process];

		wait->sem = same_sem(story, wait->sem);
		note_holders(story, wait);
		process->waits++;
		process->waited += wait->to - wait->from;
		process->slept += wait->asleep;
	}
	for (size_t i = 0; i < story->sem_count; i++)
		if (story->sems[i].same == (int)i)
			story->sems[i].letter = story->letters++;
	find_lanes(story);
	find_interest(story);
}

void name_sem(const struct story *story, int sem, char *name, size_t size)
{
	const struct sem *it = &story->sems[sem];

	if (it->family < 0)
		snprintf(name, size, "%s at offset %lu of /dev/shmcount",
			 it->is_futex ? "futex" : "semaphore", it->address);
	else
		snprintf(name, size, "%s at 0x%lx",
			 it->is_futex ? "futex" : "semaphore", it->address);
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
		int most = 0;

		while (s + 1 < process->span_count &&
		       process->spans[s + 1].from <= begin)
			s++;
		for (size_t i = s; i < process->span_count; i++) {
			const struct span *span = &process->spans[i];
			long stop = i + 1 < process->span_count ?
				    span[1].from : process->to;
			long first = span->from > begin ? span->from : begin;
			int state = span->state.place * (HOLDS + 1) +
				    span->state.doing;

			if (span->from >= end)
				break;
			stop = stop < end ? stop : end;
			if (span->state.place != NOWHERE && stop > first)
				spent[state] += stop - first;
		}
		for (int i = 1; i < STATES; i++)
			if (spent[i] > spent[most])
				most = i;
		columns[c] = (struct state) {
			.place = most / (HOLDS + 1),
			.doing = most % (HOLDS + 1),
		};
	}
}
