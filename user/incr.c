// SPDX-License-Identifier: GPL-2.0
/* What the incr programs have in common; incr.h says what each part does. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "incr.h"

enum { PATIENCE_MS = 100, ROUNDS_UNTIL_SAID = 10, ROUNDS_FOR_CHILD = 5 };

/*
 * By this signal a parent ends its child, which handles it even where it was
 * started to ignore it.
 */
enum { END_CHILD = SIGUSR1 };

static pid_t child;				/* 0 when there is none */
static volatile sig_atomic_t child_changed;
static volatile sig_atomic_t ending_signal;	/* 0, or what is to end us */
static const char *made_file;			/* to be removed if we fail */
static const int *counted;			/* and nothing was counted */
static int right_to_speak = -1;			/* a pipe with one byte in it */

/*
 * Before all else. A limit on the size of files is to be an error like any
 * other; and where standard output is closed, so is writing to it: or the
 * file that we map would be opened in its place.
 */
__attribute__((constructor))
static void settle_surroundings(void)
{
	signal(SIGXFSZ, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

/* Let the child end, and be gone: it gives back the mutex if it holds it. */
static void end_child(void)
{
	if (!child)
		return;
	kill(child, END_CHILD);
	kill(child, SIGCONT);
	waitpid(child, NULL, 0);
	child = 0;
}

/* Leave no child behind, nor a file that holds nothing yet. */
static void clean_up(void)
{
	end_child();
	if (made_file && (!counted || !*counted))
		unlink(made_file);
}

_Noreturn static void give_up(void)
{
	clean_up();
	exit(EXIT_FAILED);
}

_Noreturn void die(const char *format, ...)
{
	int error = errno;
	char line[512];
	va_list args;
	char byte;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* Where parent and child fail alike, the first of them says it. */
	if (right_to_speak < 0 || read(right_to_speak, &byte, 1) == 1)
		fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name,
			line, error ? ": " : "", error ? strerror(error) : "");
	give_up();
}

void say(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

_Noreturn void usage(const char *arguments)
{
	fprintf(stderr, "usage: %s %s\n", program_invocation_short_name,
		arguments);
	exit(EXIT_USAGE);
}

void catch_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler }, old;

	if (!sigaction(number, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
}

_Noreturn void end_by(int number)
{
	sigset_t set;

	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	/* The first process of a pid namespace does not die of that. */
	_exit(128 + number);
}

int parse_loops(const char *argument)
{
	char *end;
	long loops;

	errno = 0;
	loops = strtol(argument, &end, 10);
	if (isdigit((unsigned char)argument[0]) && !*end && !errno &&
	    loops <= INT_MAX / 2)
		return loops;
	fprintf(stderr, "%s: '%s' is not a number of loops (0 to %d)\n",
		program_invocation_short_name, argument, INT_MAX / 2);
	exit(EXIT_USAGE);
}

void init_mutex(sem_t *mutex)
{
	if (sem_init(mutex, 1, 1))
		die("cannot make a semaphore");
}

sem_t *open_mutex(void)
{
	char name[64];
	sem_t *mutex;
	int try = 0;

	/* A name of our own; one that a killed run left is passed over. */
	do {
		snprintf(name, sizeof(name), "/%s.%d.%d",
			 program_invocation_short_name, getpid(), try++);
		mutex = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
	} while (mutex == SEM_FAILED && errno == EEXIST);
	if (mutex == SEM_FAILED)
		die("cannot make a named semaphore");
	sem_unlink(name);
	return mutex;
}

/*
 * Open the file, made if need be, and lock it. Returns -1 if, by then, it is
 * not the one of that name any more: who made it has failed, and removed it.
 */
static int open_locked(const char *path, bool *made)
{
	struct stat opened, named;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	*made = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s", path);
	if (fstat(fd, &opened))
		die("cannot look at %s", path);
	errno = 0;
	if (!S_ISREG(opened.st_mode))
		die("%s is not a regular file", path);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		errno = 0;
		die("%s is in use by another run", path);
	}
	if (!stat(path, &named) && named.st_dev == opened.st_dev &&
	    named.st_ino == opened.st_ino)
		return fd;
	close(fd);
	return -1;
}

int open_file(const char *path, long size)
{
	char zero[size];
	struct stat stat;
	bool made;
	int fd, error;

	do
		fd = open_locked(path, &made);
	while (fd < 0);
	if (made)
		made_file = path;
	if (fstat(fd, &stat))
		die("cannot look at %s", path);

	/* Room first: a full disk is an error here, but a SIGBUS in a mapping. */
	error = posix_fallocate(fd, 0, size);
	memset(zero, 0, size);
	if (!error && pwrite(fd, zero, size, 0) != size)
		error = errno;
	if (error) {
		if (ftruncate(fd, stat.st_size))
			error = errno;
		errno = error;
		die("cannot write %ld bytes to %s", size, path);
	}
	return fd;
}

static void note_child(int signal)
{
	(void)signal;
	child_changed = 1;
}

static void note_ending(int signal)
{
	ending_signal = signal;
}

/* End by the signal that was asked for; the mutex must not be held. */
static void end_if_asked(void)
{
	if (!ending_signal)
		return;
	clean_up();
	end_by(ending_signal);
}

/* Take notice of a child that ended; one that did not end well is an end. */
static void check_child(int options)
{
	int status;

	child_changed = 0;
	if (!child || waitpid(child, &status, options) != child)
		return;
	child = 0;
	if (!status)
		return;
	/* Who read what it wrote is our reader, too. */
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)
		ending_signal = SIGPIPE;
	end_if_asked();
	errno = 0;
	if (WIFSIGNALED(status))
		die("child was killed by signal %d (%s)", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	give_up();	/* and it has said why */
}

/* What a waiter sees of the holder, and for how many rounds it was the same. */
struct sight {
	unsigned int word;
	int tally, rounds;
	bool said;
};

/* Of our own parent or child nothing is said, but that it is stopped. */
static bool say_who_holds(const struct claim *holder)
{
	pid_t pid = atomic_load(&holder->pid);

	if (!atomic_load(&holder->word))
		say("the semaphore is taken and no process says that it holds it: one may have died taking it; to start afresh run incr_dev without -a");
	else if (claimant_is_stopped(holder))
		say("%s holds the semaphore and is stopped: waiting until it goes on (kill -CONT %d)",
		    claimant(holder), pid);
	else if (!claimant_is(holder, child) && !claimant_is(holder, getppid()))
		say("%s has held the semaphore for a second: waiting for it",
		    claimant(holder));
	else
		return false;
	return true;
}

/* The mutex was not to be had for a while. */
static void check_holder(const struct counter *counter, struct sight *seen)
{
	const struct claim *holder = counter->holder;
	unsigned int word;
	int tally;

	if (!holder)
		return;
	word = atomic_load(&holder->word);
	tally = atomic_load(counter->tally);
	if (word == CLAIMANT_DIED) {
		/* Of our child check_child() has more to say, in an instant. */
		if (claimant_is(holder, child) &&
		    ++seen->rounds < ROUNDS_FOR_CHILD)
			return;
		errno = 0;
		die("%s died holding the semaphore: start afresh, without -a",
		    claimant(holder));
	}
	if (word != seen->word || tally != seen->tally)
		*seen = (struct sight) { .word = word, .tally = tally };
	else if (++seen->rounds >= ROUNDS_UNTIL_SAID && !seen->said)
		seen->said = say_who_holds(holder);
}

/* As sem_wait(), but for a round at the most. */
static int wait_a_round(sem_t *mutex)
{
	struct timespec until;
	clockid_t clock;

#ifdef __GLIBC__
	clock = CLOCK_MONOTONIC;
#else	/* as musl, which has no sem_clockwait() */
	clock = CLOCK_REALTIME;
#endif
	clock_gettime(clock, &until);
	until.tv_nsec += PATIENCE_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
#ifdef __GLIBC__
	return sem_clockwait(mutex, clock, &until);
#else
	return sem_timedwait(mutex, &until);
#endif
}

void lock_counter(const struct counter *counter)
{
	struct sight seen = { 0 };

	while (sem_trywait(counter->mutex)) {
		if (errno == EAGAIN) {
			if (!wait_a_round(counter->mutex))
				break;
			if (errno == ETIMEDOUT)
				check_holder(counter, &seen);
			else if (errno != EINTR)
				die("cannot wait for the semaphore");
		} else if (errno != EINTR) {
			die("cannot take the semaphore");
		}
		end_if_asked();
		check_child(WNOHANG);
	}
	if (counter->holder)
		claim_take(counter->holder);
}

void unlock_counter(const struct counter *counter)
{
	if (counter->holder)
		claim_drop(counter->holder, 0);
	if (sem_post(counter->mutex))
		die("cannot post the semaphore");
}

/*
 * One line, one write: standard output is unbuffered, as in the notes. Returns
 * false, with errno, if it cannot be written; EINTR if there is something else
 * to see to, without the mutex, and nothing is written yet.
 */
static bool print_count(const char *who, int count)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "%s: %d\n", who, count);
	int done = 0;

	while (done < length) {
		ssize_t n = write(STDOUT_FILENO, line + done, length - done);

		if (n >= 0)
			done += n;
		else if (errno != EINTR || !done)
			return false;
	}
	return true;
}

void count_up(const struct counter *counter, const char *who, int loops)
{
	catch_signal(SIGINT, note_ending);
	catch_signal(SIGTERM, note_ending);
	catch_signal(SIGHUP, note_ending);
	catch_signal(SIGPIPE, note_ending);

	for (int i = 0; i < loops;) {
		bool full, printed;
		int error;

		lock_counter(counter);
		full = *counter->count == INT_MAX;
		printed = !full && print_count(who, *counter->count);
		error = full ? 0 : errno;
		if (printed) {
			(*counter->count)++;
			if (counter->tally)
				atomic_fetch_add(counter->tally, 1);
			i++;
		}
		unlock_counter(counter);

		end_if_asked();
		if (child_changed)
			check_child(WNOHANG);
		errno = error;
		if (full)
			die("the count is full: start afresh, without -a");
		if (!printed && error != EINTR)
			die("cannot write standard output");
	}
}

/* The child is to end with its parent, whatever signals both ignore. */
static void catch_end_of_parent(void)
{
	struct sigaction action = { .sa_handler = note_ending };
	sigset_t set;

	sigaction(END_CHILD, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, END_CHILD);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Returns, in the parent, where the child's count is to be read at its end. */
static int start_child(const struct counter *counter, int loops)
{
	/* Without SA_RESTART, here too. */
	struct sigaction action = { .sa_handler = note_child };
	struct pollfd parent = { 0 };
	int right[2], result[2];

	if (pipe2(right, O_CLOEXEC | O_NONBLOCK) ||
	    write(right[1], "", 1) != 1 || pipe2(result, O_CLOEXEC))
		die("cannot make a pipe");
	right_to_speak = right[0];
	sigaction(SIGCHLD, &action, NULL);
	catch_end_of_parent();
	child = fork();
	if (child < 0) {
		child = 0;
		die("cannot fork");
	}
	if (child) {
		close(result[1]);
		return result[0];
	}

	made_file = NULL;	/* for the parent to remove */
	/*
	 * Without its parent the child would wait for ever. If that is gone by
	 * now nobody can read the pipe; getppid() would not tell, as it is 0
	 * where the child begins a pid namespace.
	 */
	prctl(PR_SET_PDEATHSIG, END_CHILD);
	close(result[0]);
	parent.fd = result[1];
	if (poll(&parent, 1, 0) > 0)
		_exit(EXIT_FAILED);
	if (counter->holder)
		register_claims();
	count_up(counter, "child", loops);
	if (write(result[1], counter->count, sizeof(int)) != sizeof(int))
		die("cannot tell the count");
	_exit(0);
}

int count_in_two(const struct counter *counter, int loops, bool separate)
{
	int expected = separate ? loops : 2 * loops;
	int count, others = 0, child_count = 0, result;
	bool kept;

	counted = counter->count;
	result = start_child(counter, loops);
	count_up(counter, "parent", loops);
	while (child) {
		check_child(0);
		end_if_asked();
	}
	if (read(result, &child_count, sizeof(int)) != sizeof(int))
		die("the child has not told its count");

	lock_counter(counter);
	count = *counter->count;
	if (counter->tally)
		others = atomic_load(counter->tally) - expected;
	unlock_counter(counter);

	kept = count == expected + others && others >= 0;
	fprintf(stderr, "%s: %d increments by 2 processes",
		program_invocation_short_name, 2 * loops);
	if (others)
		fprintf(stderr, " and %d by others", others);
	if (separate) {
		kept = kept && child_count == expected;
		fprintf(stderr, " gave counts %d and %d\n", count, child_count);
	} else {
		fprintf(stderr, " gave count %d\n", count);
	}
	return kept ? 0 : EXIT_FAILED;
}
