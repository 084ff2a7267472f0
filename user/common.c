// SPDX-License-Identifier: GPL-2.0
/* What the programs of user/ share; common.h describes each function. */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

void (*on_failure)(void);

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
	char line[512];

	vsnprintf(line, sizeof(line), format, args);
	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, line,
		error ? ": " : "", error ? strerror(error) : "");
}

_Noreturn void exit_failed(void)
{
	if (on_failure)
		on_failure();
	exit(EXIT_FAILED);
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

void catch_signal(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler }, old;

	if (!sigaction(number, NULL, &old) && old.sa_handler != SIG_IGN)
		sigaction(number, &action, NULL);
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
	_exit(128 + number);
}

double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}
