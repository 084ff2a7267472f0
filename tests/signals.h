/* SPDX-License-Identifier: GPL-2.0 */
/* Signals that whoever started us wants to be ignored. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>

/*
 * nohup has SIGHUP ignored, a shell SIGINT and SIGQUIT of what it runs in the
 * background. Who catches such a signal, or waits for it, dies by it all the
 * same: the kernel drops an ignored signal only where it is not blocked either.
 */
static inline bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) &&
	       action.sa_handler == SIG_IGN;
}

#endif
