/* SPDX-License-Identifier: GPL-2.0 */
/* A trace, as record writes it: a list of events. */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "../common.h"

enum event_kind {
	EVENT_FORK,	/* other: the child */
	EVENT_EXEC,	/* name: of the program */
	EVENT_EXIT,
	EVENT_SWITCH,	/* from pid to other; state: that of pid now */
	EVENT_WAKING,	/* pid wakes other */
	EVENT_FUTEX,	/* address, value: the operation and its flags */
	EVENT_FUTEX_END,	/* value: the result */
	EVENT_WAIT, EVENT_TRY, EVENT_POST,		/* address */
	EVENT_WAITED, EVENT_TRIED, EVENT_POSTED,	/* value: the result */
	EVENT_MMAP, EVENT_FAULT, EVENT_UNMAP,	/* address, value: offset */
	EVENT_PAGE_FAULT,	/* anywhere; address */
	/* Calls of mmap and munmap, of a module that has no tracepoints. */
	EVENT_CALL_MMAP,	/* address: the bytes; value: offset, -1: not shared */
	EVENT_MMAPPED,		/* value: the address, or -errno */
	EVENT_CALL_MUNMAP,	/* address */
};

struct event {
	long time;		/* us */
	enum event_kind kind;
	int line;		/* of the file */
	int cpu;
	int pid;		/* of the process on the processor */
	bool interrupt;		/* it interrupted that process */
	int other;
	char state;
	unsigned long address;
	long value;
	char name[32];
};

struct trace {
	const char *path;
	char command[400];
	char programs[400];	/* those with probes at their semaphores */
	char machine[100];	/* what ran it; "": it does not say */
	bool untraced;		/* the module has no tracepoints */
	int processors;
	unsigned long page;	/* bytes of one, where it was recorded */
	long dropped;		/* events that did not fit into the buffer */
	struct event *events;
	size_t count;
};

/*
 * Read the whole file. If it is no trace, or cut off, end the program with one
 * sentence. If events were dropped, cut the trace at the first of them.
 */
void read_trace(struct trace *trace, const char *path);

#endif
