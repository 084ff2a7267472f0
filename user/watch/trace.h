/* SPDX-License-Identifier: GPL-2.0 */
/* What record leaves, as events. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum event_kind {
	EVENT_FORK,	/* other: the child */
	EVENT_EXEC,	/* name: of the program */
	EVENT_EXIT,
	EVENT_SWITCH,	/* from pid, which is left in state, to other */
	EVENT_WAKING,	/* other: who is woken */
	EVENT_FUTEX,	/* address, value: the operation */
	EVENT_FUTEX_END,	/* value: the result */
	EVENT_WAIT, EVENT_TRY, EVENT_POST,		/* address */
	EVENT_WAITED, EVENT_TRIED, EVENT_POSTED,	/* value: the result */
	EVENT_MMAP, EVENT_FAULT, EVENT_UNMAP,	/* address, value: offset */
	EVENT_PAGE_FAULT,	/* any other's; address */
};

struct event {
	long time;		/* us */
	enum event_kind kind;
	int line;		/* of the file */
	int cpu;
	int pid;		/* who was on the processor */
	bool interrupt;		/* but it was no doing of its own */
	int other;
	char state;
	unsigned long address;
	long value;
	char name[32];
};

struct trace {
	const char *path;
	char command[400];
	int pace;		/* ms */
	char programs[400];	/* those whose semaphores are seen */
	int status;		/* the command's */
	bool untraced;		/* the module has no tracepoints */
	int processors;
	long dropped;		/* events that there was no room for */
	struct event *events;
	size_t count;
};

/*
 * Read the whole file; what is no trace, or not all of one, ends the program
 * with one sentence. Where events were dropped, the trace is cut at the first.
 */
void read_trace(struct trace *trace, const char *path);

/* Say "timeline: ..." and end with status 1. */
_Noreturn __attribute__((format(printf, 1, 2)))
void die(const char *format, ...);

#endif
