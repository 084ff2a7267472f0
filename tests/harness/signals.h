/* SPDX-License-Identifier: GPL-2.0 */
/* The signals that end a program, for programs that wait for signals. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <time.h>

/* Whoever started us may ignore it: nohup, or a shell with us in the background. */
static inline bool is_ignored(int signal)
{
	struct sigaction action;

	return !sigaction(signal, NULL, &action) && action.sa_handler == SIG_IGN;
}

/*
 * Block the signals that a program with children waits for, and return the set:
 * SIGCHLD, and SIGINT, SIGTERM and SIGHUP except those that are ignored.
 */
static inline sigset_t block_signals(void)
{
	static const int endings[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;

	signal(SIGCHLD, SIG_DFL);	/* the caller may have ignored it */
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (int i = 0; i < 3; i++)
		if (!is_ignored(endings[i]))
			sigaddset(&set, endings[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return set;
}

/*
 * Wait until a child changes state, but no longer than some seconds. Returns true
 * if another signal of the set came: an interrupt.
 */
static inline bool is_interrupted(const sigset_t *set, double seconds)
{
	struct timespec limit = { 0 };
	int signal;

	if (seconds > 0) {
		limit.tv_sec = seconds;
		limit.tv_nsec = (seconds - limit.tv_sec) * 1e9;
	}
	signal = sigtimedwait(set, NULL, &limit);
	return signal > 0 && signal != SIGCHLD;
}

#endif
