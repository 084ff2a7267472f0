/* SPDX-License-Identifier: GPL-2.0 */
/* The signals that end a program, for programs that wait for signals or fork. */
#ifndef SIGNALS_H
#define SIGNALS_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "status.h"

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

static inline void unblock_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * fork(); the signal ends the child when this process ends. If this process has ended
 * before prctl(), its pidfd is readable. getppid() cannot tell: it returns 0 in the
 * first process of a pid namespace.
 */
static inline pid_t fork_bound(int signal)
{
	struct pollfd parent = {
		.fd = syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN,
	};
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, signal);
		if (poll(&parent, 1, 0) > 0)
			_exit(STATUS_FAILED);
	}
	if (parent.fd >= 0)
		close(parent.fd);
	return pid;
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
