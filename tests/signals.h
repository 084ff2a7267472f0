/* SPDX-License-Identifier: GPL-2.0 */
/* The signals that end a program, for one that waits for them. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * True if the signal is ignored, as whoever started us may want it: nohup, or a
 * shell that has us in the background.
 */
static inline bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

/* Add SIGINT, SIGTERM and SIGHUP to the set, but for those that are ignored. */
static inline void add_endings(sigset_t *set)
{
	static const int endings[] = { SIGINT, SIGTERM, SIGHUP };

	for (int i = 0; i < 3; i++)
		if (!is_ignored(endings[i]))
			sigaddset(set, endings[i]);
}

#endif
