// SPDX-License-Identifier: GPL-2.0
/* Run programs from a test; see program.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

bool is_in_guest(void)
{
	return getenv("SHMCOUNT_GUEST");
}

void needs_guest(void)
{
	if (!is_in_guest())
		test_skip("needs the guest, and root there");
}

void exec_program(const char *const args[])
{
	execv(strchr(args[0], '/') ? args[0] : in("PROGRAMS", args[0]),
	      (char *const *)args);
	dprintf(STDERR_FILENO, "cannot run %s\n", args[0]);
	_exit(127);
}

static int pipe_size;	/* 0: the kernel's default */

void use_small_pipes(void)
{
	pipe_size = 1;		/* the kernel makes a page of it */
}

struct run start_prepared(void (*prepare)(const void *), const void *argument,
			  const char *const args[])
{
	struct run run = { 0 };
	int out[2], err[2];

	ASSERT_OK(pipe2(out, O_CLOEXEC));
	ASSERT_OK(pipe2(err, O_CLOEXEC));
	if (pipe_size)
		ASSERT_OK(fcntl(out[1], F_SETPIPE_SZ, pipe_size));
	run.pid = fork();
	ASSERT_OK(run.pid);
	if (!run.pid) {
		if (prepare)
			prepare(argument);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		exec_program(args);
	}
	close(out[1]);
	close(err[1]);
	run.out = out[0];
	run.err = err[0];
	return run;
}

void ignore_signals(const void *signals)
{
	for (const int *number = signals; *number; number++)
		ASSERT_TRUE(signal(*number, SIG_IGN) != SIG_ERR);
}

static void pass_gate(const void *gate)
{
	const int *ends = gate;
	char byte;

	close(ends[1]);
	ASSERT_EQ(0, read(ends[0], &byte, 1));
}

void run_at_once(struct run *runs, int count, const char *const args[])
{
	int gate[2];

	ASSERT_OK(pipe2(gate, O_CLOEXEC));
	for (int i = 0; i < count; i++)
		runs[i] = start_prepared(pass_gate, gate, args);
	close(gate[0]);
	close(gate[1]);
	for (int i = 0; i < count; i++)
		collect(&runs[i]);
}

struct run start_args(const char *const args[])
{
	return start_prepared(NULL, NULL, args);
}

static const int endings[] = { SIGHUP, SIGINT, SIGTERM, 0 };

struct run start_deaf(const char *const args[])
{
	return start_prepared(ignore_signals, endings, args);
}

void send_endings(pid_t pid)
{
	for (int i = 0; endings[i]; i++)
		ASSERT_OK(kill(pid, endings[i]));
}

struct run *collect(struct run *run)
{
	struct pollfd fds[] = {
		{ .fd = run->out, .events = POLLIN },
		{ .fd = run->err, .events = POLLIN },
	};
	size_t output = 0, errors = 0;

	run->output = NULL;
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		ssize_t n;

		ASSERT_OK(poll(fds, 2, -1));
		if (fds[0].revents) {
			run->output = realloc(run->output, output + 65536);
			n = read(run->out, run->output + output, 65535);
			output += n > 0 ? n : 0;
			if (n <= 0)
				fds[0].fd = -1;
		}
		if (fds[1].revents) {
			n = read(run->err, run->errors + errors,
				 sizeof(run->errors) - 1 - errors);
			errors += n > 0 ? n : 0;
			if (n <= 0)
				fds[1].fd = -1;
		}
	}
	if (run->output)
		run->output[output] = '\0';
	run->errors[errors] = '\0';
	close(run->out);
	close(run->err);
	ASSERT_EQ(run->pid, waitpid(run->pid, &run->status, 0));
	return run;
}

struct run run_args(const char *const args[])
{
	struct run run = start_args(args);

	return *collect(&run);
}

void wait_for_output(const struct run *run)
{
	char byte;

	ASSERT_EQ(1, read(run->out, &byte, 1));
}

void lose_reader(struct run *run)
{
	close(run->out);
	run->out = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void kill_and_collect(pid_t pid, struct run *run)
{
	double killed = now();

	ASSERT_OK(kill(pid, SIGKILL));
	collect(run);
	if (now() - killed > 1)
		FAIL("process %d ended %.2f s after the kill", run->pid,
		     now() - killed);
}

int run_into(const char *file, const char *const args[])
{
	pid_t pid = fork();
	int status;

	ASSERT_OK(pid);
	if (!pid) {
		close(STDOUT_FILENO);
		if (file)
			ASSERT_EQ(STDOUT_FILENO, open(file, O_WRONLY));
		exec_program(args);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	return WEXITSTATUS(status);
}

int lines_in(const char *text)
{
	int lines = 0;

	for (; text && *text; text++)
		lines += *text == '\n';
	return lines;
}

void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ASSERT_TRUE(file && fputs(text, file) >= 0 && !fclose(file));
}

char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = calloc(1, 1000000);

	ASSERT_TRUE(file && text);
	text[fread(text, 1, 999999, file)] = '\0';
	fclose(file);
	return text;
}

void write_script(const char *path, const char *text)
{
	write_text(path, text);
	ASSERT_OK(chmod(path, 0755));
}

void wait_for_file(const char *path)
{
	for (int i = 0; access(path, F_OK); i++) {
		if (i == 1000)
			FAIL("there is no %s", path);
		usleep(10000);
	}
}

char *shell(const char *line)
{
	struct run run = RUN("/bin/sh", "-c", line);

	if (run.status || run.errors[0])
		FAIL("%s: wait status %#x\n%s", line, run.status, run.errors);
	return run.output;
}

void expect_status(const struct run *run, int status)
{
	if (!WIFEXITED(run->status) || WEXITSTATUS(run->status) != status)
		FAIL("expected exit status %d, saw wait status %#x\n%s%s",
		     status, run->status, run->output, run->errors);
}

void expect_end_by(const struct run *run, int number)
{
	if (!WIFSIGNALED(run->status) || WTERMSIG(run->status) != number)
		FAIL("expected signal %d, saw wait status %#x\n%s%s", number,
		     run->status, run->output, run->errors);
}

void expect_text(const char *seen, const char *text)
{
	if (!strstr(seen, text))
		FAIL("expected \"%s\", saw \"%s\"", text, seen);
}

void expect_silent(const struct run *run, int status)
{
	ASSERT_STREQ("", run->errors);
	expect_status(run, status);
}

struct run must_end(struct run run, int status)
{
	expect_status(&run, status);
	return run;
}

struct run must_end_silently(struct run run, int status)
{
	expect_silent(&run, status);
	return run;
}

void expect_end(const struct run *run, int status, const char *text)
{
	expect_status(run, status);
	if (!strstr(run->errors, text))
		FAIL("expected \"%s\" on standard error, saw \"%s\"", text,
		     run->errors);
	ASSERT_EQ(1, lines_in(run->errors));
}

void expect_refusal(struct run run, int status, const char *text)
{
	expect_end(&run, status, text);
	ASSERT_STREQ("", run.output);
}

void expect_success(struct run run, const char *text)
{
	expect_end(&run, 0, text);
}

pid_t child_of(pid_t pid)
{
	char path[64];
	pid_t child = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	for (int i = 0; i < 5000 && !child; i++) {
		FILE *file = fopen(path, "re");

		if (!file)
			FAIL("process %d is gone", pid);
		if (fscanf(file, "%d", &child) != 1)
			child = 0;
		fclose(file);
		if (!child)
			usleep(1000);
	}
	ASSERT_TRUE(child);
	return child;
}

/* The number of the system call that a process is in, by /proc; -1: none. */
static int system_call_of(pid_t pid)
{
	char path[64], text[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	file = fopen(path, "re");
	if (!file || !fgets(text, sizeof(text), file))
		FAIL("cannot read %s", path);
	fclose(file);
	return isdigit((unsigned char)text[0]) ? atoi(text) : -1;
}

void wait_until_holder(pid_t pid, int out)
{
	int size = ASSERT_OK(fcntl(out, F_GETPIPE_SZ)), filled;
	char bytes[size];

	for (int i = 0; i < 10000; i++) {
		int call = system_call_of(pid);

		usleep(2000);
		if (call == SYS_write && system_call_of(pid) == SYS_write)
			return;
		/*
		 * It waits for the holder, which waits for us. A line never goes across
		 * two pages, so each page has some bytes left.
		 */
		ASSERT_OK(ioctl(out, FIONREAD, &filled));
		if (call >= 0 && call != SYS_write && filled > size / 16 * 15)
			ASSERT_TRUE(read(out, bytes, size) > 0);
	}
	FAIL("process %d never holds the semaphore", pid);
}

const char *in(const char *variable, const char *name)
{
	const char *directory = getenv(variable);

	if (!directory)
		test_skip("needs %s, which make check sets for a kernel that has one",
			  variable);
	return text_of("%s%s%s", directory, *name ? "/" : "", name);
}
