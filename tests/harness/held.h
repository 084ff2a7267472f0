/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel tells of a process, and whether it keeps it for itself. */
#ifndef HELD_H
#define HELD_H

#include <stdbool.h>
#include <sys/types.h>

/* From /proc/PID/stat; times are in clock ticks. */
struct process {
	char state;
	int group;
	long user, system;
};

/* Returns false if there is no such process. */
bool read_process(struct process *process, pid_t pid);

/*
 * Look at all processes of the group; call this again and again. Returns true if one of
 * them has been in the kernel for so many seconds: asleep and not to be disturbed (D), or
 * computing without going to sleep and without any time outside of the kernel. One that
 * computes has to have had the processor for that time, too, as a busy host may not let
 * it. Threads other than the first are not seen. group 0 forgets what was seen.
 */
bool is_held_by_kernel(pid_t group, double seconds);

/*
 * Write into the kernel's log where each process of the group is in the kernel
 * (guest/where.h reads that). Only root in a guest may.
 */
void log_where_held(pid_t group);

#endif
