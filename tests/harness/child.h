/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Children of a program that an interrupt ends, together with the program. The
 * program waits for SIGINT, SIGTERM and SIGHUP, so that it misses none. A signal
 * that it was started to ignore stays ignored, in its children as well.
 */
#ifndef CHILD_H
#define CHILD_H

#include <sys/types.h>

enum { MAX_CHILDREN = 8 };

/* Call this once, before all else. */
void prepare_for_children(void);

/*
 * Start a command; its output and its errors go to files, which may be the same. If
 * errors is NULL, they go where ours go.
 */
pid_t start_child(char *const args[], const char *output, const char *errors);

/*
 * Wait for a child to end and return it; leaves its exit status, or 128 + the
 * signal that ended it. An interrupt ends all children, and the program.
 */
pid_t await_child(int *status);

/* Run a command to its end while no other child runs; returns its status. */
int run_child(char *const args[], const char *output);

#endif
