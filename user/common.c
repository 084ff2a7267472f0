// SPDX-License-Identifier: GPL-2.0
/* What the programs of user/ share; common.h describes each function. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

void (*on_failure)(void);
int failure_status = EXIT_FAILED;

static int die_token = -1;	/* a pipe that holds one byte */

void init_process(void)
{
	signal(SIGXFSZ, SIG_IGN);
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

static void print_line(const char *format, va_list args, int error)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, line,
		error ? ": " : "", error ? strerror(error) : "");
}

_Noreturn void exit_failed(void)
{
	if (on_failure)
		on_failure();
	exit(failure_status);
}

_Noreturn void die(const char *format, ...)
{
	int error = errno;
	va_list args;
	char byte;

	va_start(args, format);
	if (die_token < 0 || read(die_token, &byte, 1) == 1)
		print_line(format, args, error);
	va_end(args);
	exit_failed();
}

void die_once(void)
{
	int token[2];

	if (pipe2(token, O_CLOEXEC | O_NONBLOCK) || write(token[1], "", 1) != 1)
		die("cannot make a pipe");
	die_token = token[0];
}

void warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_line(format, args, 0);
	va_end(args);
}

_Noreturn void die_usage(const char *arguments)
{
	fprintf(stderr, "usage: %s %s\n", program_invocation_short_name,
		arguments);
	exit(EXIT_USAGE);
}

void catch_end_signals(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };
	struct sigaction action = { .sa_handler = handler }, old;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (!sigaction(signals[i], NULL, &old) &&
		    old.sa_handler != SIG_IGN)
			sigaction(signals[i], &action, NULL);
}

_Noreturn void exit_by_signal(int number)
{
	sigset_t set;

	if (on_failure)
		on_failure();
	signal(number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(number);
	/* The signal does not end the first process of a pid namespace. */
	_exit(EXIT_SIGNAL + number);
}

pid_t fork_child(int number)
{
	struct pollfd parent = {
		.fd = syscall(SYS_pidfd_open, getpid(), 0), .events = POLLIN,
	};
	pid_t pid = fork();

	if (pid < 0)
		die("cannot fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, number);
		/*
		 * The parent may have ended before that. getppid() cannot tell:
		 * it returns 0 in the first process of a pid namespace.
		 */
		if (poll(&parent, 1, 0) > 0)
			_exit(EXIT_FAILED);
	}
	close(parent.fd);
	return pid;
}

char process_state(pid_t pid)
{
	char path[40], line[300], *state;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
	fclose(file);
	/* The state follows the name, which may contain any character. */
	state = strrchr(line, ')');
	return state && state[1] ? state[2] : 0;
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count, size);

	if (!memory)
		die("no memory");
	return memory;
}
