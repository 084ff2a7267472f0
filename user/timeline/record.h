/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of record; see record.c. */
#ifndef RECORD_H
#define RECORD_H

#include <stdio.h>

#include "../common.h"

#define TRACING "/sys/kernel/tracing"
#define OURS TRACING "/instances/timeline"

/*
 * Find the functions of an ELF file that take or post semaphores. Write a line
 * to the file for each event to define: one at the call and one at the return,
 * wait_N and waited_N, try_N and tried_N, or post_N and posted_N, where N
 * continues from *number. Returns the number of functions; 0 if the file is no
 * ELF file, or has no such functions, or no names for them.
 */
int define_probes(const char *path, int *number, FILE *file);

/*
 * Leave the format of an event, or of each of a group of events, in dir, under its
 * name in tracefs. Dies if it cannot.
 */
void leave_format(const char *dir, const char *event);

/*
 * Leave the buffer of each processor in dir, as cpu0000 and so on, and with it what
 * trace-cmd restore needs of tracefs. It takes the events out of the buffers. Dies if it
 * cannot.
 */
void leave_buffers(const char *dir);

#endif
