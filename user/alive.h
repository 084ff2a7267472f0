/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is alive: the child, the parent, and the holder of the semaphore. A
 * function that may end this process is called without the semaphore.
 */
#ifndef ALIVE_H
#define ALIVE_H

#include "incr.h"

/* For catch_end_signals(): the process ends only in check_alive(). */
void note_end_signal(int signal);

/*
 * Fork. Returns true in the child, with the pipe that takes its count, and
 * false in the parent, with the pipe that gives it. The child ends when its
 * parent does, even if they ignore signals.
 */
bool start_child(int *result);

/* End the child, if there is one. It releases the semaphore first. */
void end_child(void);

/*
 * End if an end signal has come or the child has failed. Without force, look at
 * the child only after a SIGCHLD.
 */
void check_alive(bool force);

/* Wait for the end of the child; otherwise as check_alive(). */
void wait_for_child(void);

/* What a process that waits for the semaphore sees of the holder. */
struct holder_state {
	unsigned int word;
	int total;
	int waits;		/* how often both were the same */
	bool warned;
};

/*
 * Call this each time that the semaphore has not come for WAIT_MS. Dies if the
 * holder has died. After a second, warns once which process holds it.
 */
enum { WAIT_MS = 100 };
void check_holder(const struct counter *counter, struct holder_state *seen);

#endif
