// SPDX-License-Identifier: GPL-2.0
/* Children that an interrupt ends; see child.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "signals.h"
#include "status.h"

static pid_t children[MAX_CHILDREN];
static sigset_t awaited;

void prepare_for_children(void)
{
	awaited = block_signals();
}

/* The entry of this child; 0 finds a free one. */
static pid_t *entry_of(pid_t pid)
{
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (children[i] == pid)
			return &children[i];
	fprintf(stderr, "%s: too many children\n", program_invocation_short_name);
	abort();
}

static void open_as(int fd, const char *path, int flags)
{
	int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	if (file < 0 || dup2(file, fd) < 0)
		_exit(127);
}

pid_t start_child(char *const args[], const char *output, const char *errors)
{
	pid_t *entry = entry_of(0);
	pid_t pid;

	fflush(stdout);
	pid = fork_bound(SIGTERM);
	if (pid < 0) {
		perror("fork");
		abort();
	}
	*entry = pid;
	if (pid)
		return pid;
	unblock_signals();
	open_as(STDOUT_FILENO, output, O_TRUNC | O_APPEND);
	if (errors)
		open_as(STDERR_FILENO, errors, O_APPEND);
	execvp(args[0], args);
	perror(args[0]);
	_exit(127);
}

static _Noreturn void interrupt(void)
{
	for (int i = 0; i < MAX_CHILDREN; i++)
		if (children[i])
			kill(children[i], SIGTERM);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	fprintf(stderr, "%s: interrupted\n", program_invocation_short_name);
	exit(STATUS_INTERRUPTED);
}

pid_t await_child(int *status)
{
	int wait_status;
	pid_t pid;

	while (!(pid = waitpid(-1, &wait_status, WNOHANG)))
		if (is_interrupted(&awaited, 60))
			interrupt();
	*entry_of(pid) = 0;
	*status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) :
					   128 + WTERMSIG(wait_status);
	/* Ctrl-C reaches the child as well, and it may have heard it first. */
	if (*status == STATUS_INTERRUPTED)
		interrupt();
	return pid;
}

int run_child(char *const args[], const char *output)
{
	int status;

	start_child(args, output, output);
	await_child(&status);
	return status;
}
