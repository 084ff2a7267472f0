/* SPDX-License-Identifier: GPL-2.0 */
/* Run programs from a test, and check their output and exit status. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "util.h"

/* An architecture that is not this machine's, as Debian calls it. */
#ifdef __aarch64__
#define OTHER_ARCH "amd64"
#else
#define OTHER_ARCH "arm64"
#endif

/* A program that runs or has ended. */
struct run {
	pid_t pid;
	int out, err;		/* pipes */
	char *output;		/* of standard output, once it has ended */
	char errors[1024];
	int status;		/* as wait() gives it */
};

/* Start a program, or run it to its end: RUN("incr1", "5"). */
#define START(...) start_args((const char *const[]) { __VA_ARGS__, NULL })
#define RUN(...) run_args((const char *const[]) { __VA_ARGS__, NULL })

struct run start_args(const char *const args[]);

/* Start it; the function runs in the new process before execv(). */
struct run start_prepared(void (*prepare)(const void *), const void *argument,
			  const char *const args[]);

/*
 * From now on the standard output of each program that is started holds one page: the
 * program soon waits for the test to read it.
 */
void use_small_pipes(void);

/* For start_prepared(): ignore these signals, a list that ends with 0. */
void ignore_signals(const void *signals);

struct run run_args(const char *const args[]);

/* Run the program count times, all started at the same instant. */
void run_at_once(struct run *runs, int count, const char *const args[]);

/* execv(); a name without a slash is in PROGRAMS. */
void exec_program(const char *const args[]);

/* Run it with standard output into a file (NULL: closed); returns its exit status. */
int run_into(const char *file, const char *const args[]);

/* Read the rest of its output, and wait for it to end. Returns the run. */
struct run *collect(struct run *run);

/* Wait for the first byte of its standard output; or close that. */
void wait_for_output(const struct run *run);
void lose_reader(struct run *run);

/* Kill the process; within a second the run must end, and close its output. */
void kill_and_collect(pid_t pid, struct run *run);

/* Run a shell command; it must succeed with no error output. Returns its output. */
char *shell(const char *line);

/* It ended with this exit status; expect_silent(): and empty standard error. */
void expect_status(const struct run *run, int status);
void expect_silent(const struct run *run, int status);

/* Expect the same of it, and return it: run = must_end(RUN("incr1", "5"), 0). */
struct run must_end(struct run run, int status);
struct run must_end_silently(struct run run, int status);

/* This signal ended it. */
void expect_end_by(const struct run *run, int number);

/* The output contains the text. */
void expect_text(const char *seen, const char *text);

/*
 * It ended with this exit status and one line on standard error, which contains
 * the text. A refusal leaves standard output empty, too; a success has exit
 * status 0.
 */
void expect_end(const struct run *run, int status, const char *text);
void expect_refusal(struct run run, int status, const char *text);
void expect_success(struct run run, const char *text);

/* Start a program with SIGHUP, SIGINT and SIGTERM ignored; send it all three. */
#define START_DEAF(...) start_deaf((const char *const[]) { __VA_ARGS__, NULL })
struct run start_deaf(const char *const args[]);
void send_endings(pid_t pid);

int lines_in(const char *text);

/* Write a file; or one with mode 0755. */
void write_text(const char *path, const char *text);
void write_script(const char *path, const char *text);

/* Returns the text of a file, up to 1 MB of it. */
char *read_text(const char *path);

/* Wait up to 10 s for somebody to make the file. */
void wait_for_file(const char *path);

/*
 * The path of a file in the directory that the environment variable names; "" is
 * the variable's value. Skips the test if it is not set. The harness sets, for the
 * tests' lines of shell as well:
 *
 *	PROGRAMS	the directory of this program: build/tests, build/guest, /bin
 *	TOP		the tree, but not in a guest
 *	GUEST_KERNEL	the name in build/kernel/ that -k gives
 */
const char *in(const char *variable, const char *name);

/* Wait for the process to have a child, and return it. */
pid_t child_of(pid_t pid);

/*
 * Wait until the process holds the semaphore. The holder blocks in write(2), since
 * nobody reads the pipe "out". While another process blocks there, read some bytes,
 * so that it goes on.
 */
void wait_until_holder(pid_t pid, int out);

/* True in the guest: the tests are root and the module can be loaded. */
bool is_in_guest(void);

/* Skip the test outside the guest. */
void needs_guest(void);

#endif
