/* SPDX-License-Identifier: GPL-2.0 */
/* Programs as a test runs them: their output, their errors, their end. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdbool.h>
#include <sys/types.h>

/* A program that runs, or has run. */
struct run {
	pid_t pid;
	int out, err;		/* pipes */
	char *output;		/* what it wrote, once it has ended */
	char errors[1024];
	int status;		/* as wait() gives it */
};

/* Start a program, or run it to its end: RUN("incr1", "5"). */
#define START(...) start_args((const char *const[]) { __VA_ARGS__, NULL })
#define RUN(...) run_args((const char *const[]) { __VA_ARGS__, NULL })

struct run start_args(const char *const args[]);

/* Start it; in its process the function is called before. */
struct run start_prepared(void (*prepare)(const void *), const void *argument,
			  const char *const args[]);

/* To prepare it so: it ignores these signals; 0 ends them. */
void ignore_signals(const void *signals);

/* Start it, but let it go on only when nobody can write to the pipe. */
struct run start_behind(const int gate[2], const char *const args[]);
struct run run_args(const char *const args[]);

/*
 * Become the program. A name without a slash is looked for in the directory
 * that PROGRAMS names in the environment, or in /bin.
 */
void exec_program(const char *const args[]);

/*
 * Run it with standard output into a file, or closed if that is NULL; returns
 * its exit status.
 */
int run_into(const char *file, const char *const args[]);

/* Read all that a started program still writes, and how it ends. */
void collect(struct run *run);

/* Run a line of shell, which must succeed silently; returns what it prints. */
char *shell(const char *line);

/* It ended with this exit status; with nothing on standard error, besides. */
void expect_status(const struct run *run, int status);
void expect_silent(const struct run *run, int status);

/* The text is in what was seen. */
void expect_text(const char *seen, const char *text);

/*
 * It ended with this exit status, and with one line on standard error that
 * holds the text. A refusal has nothing on standard output, besides.
 */
void expect_end(const struct run *run, int status, const char *text);
void expect_refusal(struct run run, int status, const char *text);

/*
 * Start a program that is to ignore SIGHUP, SIGINT and SIGTERM, as by nohup:
 * START_DEAF("incr1", "5"); and send it all of them.
 */
#define START_DEAF(...) start_deaf((const char *const[]) { __VA_ARGS__, NULL })
struct run start_deaf(const char *const args[]);
void send_endings(pid_t pid);

int lines_in(const char *text);

/*
 * DIRECTORY/NAME, the directory being a variable of the environment. Without
 * it the test is skipped.
 */
const char *in(const char *variable, const char *name);

/* Wait for the process to have a child, and return it. */
pid_t child_of(pid_t pid);

/*
 * Make the process the holder of the semaphore: nobody reads the pipe out, so
 * the holder is stuck in write(2). If it is another that is stuck, let it go
 * on.
 */
void wait_until_holder(pid_t pid, int out);

/* Seconds on a clock that only goes forward. */
double now(void);

/* True in the guest, where the tests are root and have the module. */
bool is_in_guest(void);

#endif
