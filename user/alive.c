// SPDX-License-Identifier: GPL-2.0
/* Who is alive: the child, the parent, and the holder of the semaphore. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alive.h"
#include "common.h"

enum { WAITS_UNTIL_WARNING = 10, WAITS_FOR_CHILD = 5 };

/* The parent ends the child by this signal; the child never ignores it. */
enum { END_CHILD = SIGUSR1 };

static pid_t child;				/* 0: there is none */
static volatile sig_atomic_t child_changed;
static volatile sig_atomic_t end_signal;	/* 0: none has come */

static void note_child(int signal)
{
	(void)signal;
	child_changed = 1;
}

void note_end_signal(int signal)
{
	end_signal = signal;
}

static void check_signals(void)
{
	if (end_signal)
		exit_by_signal(end_signal);
}

static void check_child(int options)
{
	int status;

	child_changed = 0;
	if (!child || waitpid(child, &status, options) != child)
		return;
	child = 0;
	if (!status)
		return;
	/* The child's standard output is ours: nobody reads that any more. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		end_signal = SIGPIPE;
	check_signals();
	if (WIFSIGNALED(status))
		diex("child was killed by signal %d (%s)", WTERMSIG(status),
		     strsignal(WTERMSIG(status)));
	exit_failed();		/* The child has printed why. */
}

void check_alive(bool force)
{
	check_signals();
	if (force || child_changed)
		check_child(WNOHANG);
}

void wait_for_child(void)
{
	while (child) {
		check_child(0);
		check_signals();
	}
}

void end_child(void)
{
	if (!child)
		return;
	kill(child, END_CHILD);
	kill(child, SIGCONT);
	waitpid(child, NULL, 0);
	child = 0;
}

/* Also unblock END_CHILD, which the program may have inherited blocked. */
static void catch_end_child(void)
{
	struct sigaction action = { .sa_handler = note_end_signal };
	sigset_t set;

	sigaction(END_CHILD, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, END_CHILD);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

bool start_child(int *result)
{
	/* No SA_RESTART: SIGCHLD must interrupt the wait for the semaphore. */
	struct sigaction action = { .sa_handler = note_child };
	int ends[2];

	die_once();
	if (pipe2(ends, O_CLOEXEC))
		die("cannot make a pipe");
	sigaction(SIGCHLD, &action, NULL);
	catch_end_child();
	child = fork_child(END_CHILD);
	*result = ends[!child];
	close(ends[!!child]);
	if (child)
		return false;
	on_failure = NULL;
	return true;
}

/* Warn about our own parent or child only if it is stopped. */
static bool warn_of_holder(const struct owner *holder)
{
	if (!atomic_load(&holder->word))
		warning("the semaphore is taken but no process claims it: one may have died taking it; to start afresh, run incr_dev without -a");
	else if (owner_is_stopped(holder))
		warning("%s holds the semaphore and is stopped: waiting until it continues (kill -CONT %u)",
			owner_name(holder), atomic_load(&holder->pid));
	else if (!owner_is(holder, child) && !owner_is(holder, getppid()))
		warning("%s has held the semaphore for a second: waiting for it",
			owner_name(holder));
	else
		return false;
	return true;
}

void check_holder(const struct counter *counter, struct holder_state *seen)
{
	const struct owner *holder = counter->holder;
	unsigned int word;
	int total;

	if (!holder)
		return;
	word = atomic_load(&holder->word);
	total = atomic_load(counter->total);
	if (word == OWNER_DIED) {
		/* Give check_child() time to say how our child has died. */
		if (owner_is(holder, child) && ++seen->waits < WAITS_FOR_CHILD)
			return;
		diex("%s died holding the semaphore: start afresh, without -a",
		     owner_name(holder));
	}
	if (word != seen->word || total != seen->total)
		*seen = (struct holder_state) { .word = word, .total = total };
	else if (++seen->waits >= WAITS_UNTIL_WARNING && !seen->warned)
		seen->warned = warn_of_holder(holder);
}
