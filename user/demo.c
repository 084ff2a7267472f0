// SPDX-License-Identifier: GPL-2.0
/*
 * demo: runs the six incr programs, shows the first lines of each, and prints
 * a table: where the count and the semaphore are, who can share them, and
 * whether the count was right.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum { FIRST_LINES = 2, ARGS = 4 };

static const char loops[] = "1000";
static const char file[] = "count";
static char scratch[] = "/tmp/incr.XXXXXX";	/* our working directory */
static volatile pid_t running;			/* 0: no program runs */

static const struct program {
	const char *args[ARGS];
	const char *count_in;
	const char *semaphore;
	const char *shared_by;
} programs[] = {
	{ { "incr1", loops }, "global variable", "named", "nobody" },
	{ { "incr2", file, loops }, "file", "named", "anyone, by name" },
	{ { "incr3", file, loops }, "file", "in the file", "anyone, by name" },
	{ { "incr_anon", loops }, "MAP_ANON", "in the mapping", "fork only" },
	{ { "incr_zero", loops }, "/dev/zero", "in the mapping", "fork only" },
	{ { "incr_dev", loops }, SHMCOUNT_DEVICE, "in the region",
	  "anyone, by name" },
};

enum { PROGRAMS = ARRAY_SIZE(programs) };

struct result {
	int status;		/* wait status */
	char summary[200];	/* the last line of standard error */
};

static void clean_up(void)
{
	unlink(file);
	rmdir(scratch);
}

static void handle_end_signal(int number)
{
	if (running > 0) {
		kill(running, SIGKILL);
		waitpid(running, NULL, 0);
	}
	clean_up();
	exit_by_signal(number);
}

/* Start a program from the directory; out is its two outputs. */
static pid_t start(const char *directory, const char *const args[], FILE *out[2])
{
	char *path;
	int pipes[2][2];
	pid_t pid;

	if (pipe(pipes[0]) || pipe(pipes[1]))
		die("cannot make a pipe");
	pid = fork_child(SIGKILL);
	if (!pid) {
		for (int i = 0; i < 2; i++) {
			dup2(pipes[i][1], STDOUT_FILENO + i);
			close(pipes[i][0]);
			close(pipes[i][1]);
		}
		if (asprintf(&path, "%s/%s", directory, args[0]) < 0)
			_exit(EXIT_FAILED);
		execv(path, (char *const *)args);
		warning("cannot run %s: %s", path, strerror(errno));
		_exit(EXIT_FAILED);
	}
	for (int i = 0; i < 2; i++) {
		close(pipes[i][1]);
		out[i] = fdopen(pipes[i][0], "r");
		if (!out[i])
			die("cannot read a pipe");
	}
	return pid;
}

/* Print the first lines, and those where the other process first takes over. */
static void show_lines(FILE *out)
{
	char line[200], before[200] = "";
	bool switched = false;
	int lines = 0;

	while (fgets(line, sizeof(line), out)) {
		if (lines < FIRST_LINES) {
			fputs(line, stdout);
		} else if (!switched && line[0] != before[0]) {
			printf("...\n%s%s", before, line);
			switched = true;
		}
		memcpy(before, line, sizeof(line));
		lines++;
	}
	if (lines > FIRST_LINES)
		printf("... (%d lines)\n", lines);
}

static struct result run(const char *directory, const struct program *program)
{
	struct result result = { 0 };
	char line[200];
	FILE *out[2];

	printf("$");
	for (int i = 0; i < ARGS && program->args[i]; i++)
		printf(" %s", program->args[i]);
	printf("\n");
	fflush(stdout);

	running = start(directory, program->args, out);
	show_lines(out[0]);
	while (fgets(line, sizeof(line), out[1])) {
		fputs(line, stdout);
		memcpy(result.summary, line, sizeof(line));
	}
	fclose(out[0]);
	fclose(out[1]);
	waitpid(running, &result.status, 0);
	running = 0;
	printf("\n");
	return result;
}

/* The count or counts in the summary; "-" if it has none. */
static const char *count_of(struct result *result)
{
	char *count = strstr(result->summary, " gave count");

	if (!count)
		return "-";
	count += strcspn(count, "0123456789");
	count[strcspn(count, "\n")] = '\0';
	return count;
}

static const char *verdict(int status)
{
	static char text[40];

	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed by signal %d",
			 WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(text, sizeof(text), "failed, exit status %d",
			 WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text), "ok");
	return text;
}

int main(int argc, char *argv[])
{
	struct result results[PROGRAMS];
	char directory[4096];
	int failed = 0;
	ssize_t length;

	(void)argv;
	init_process();
	if (argc != 1)
		die_usage("(no arguments)");
	signal(SIGCHLD, SIG_DFL);	/* if ignored, waitpid() would fail */
	length = readlink("/proc/self/exe", directory, sizeof(directory) - 1);
	if (length < 0)
		die("cannot find the programs");
	directory[length] = '\0';
	*strrchr(directory, '/') = '\0';
	if (!mkdtemp(scratch) || chdir(scratch))
		die("cannot make a directory in /tmp");
	atexit(clean_up);
	catch_end_signals(handle_end_signal);

	for (int i = 0; i < PROGRAMS; i++)
		results[i] = run(directory, &programs[i]);
	printf("%-9s  %-15s  %-14s  %-15s  %-13s  %s\n", "program",
	       "count in", "semaphore", "shared by", "count", "result");
	for (int i = 0; i < PROGRAMS; i++) {
		printf("%-9s  %-15s  %-14s  %-15s  %-13s  %s\n",
		       programs[i].args[0], programs[i].count_in,
		       programs[i].semaphore, programs[i].shared_by,
		       count_of(&results[i]), verdict(results[i].status));
		failed += results[i].status != 0;
	}
	/* The guest's init describes the guest here. */
	if (getenv("SHMCOUNT_GUEST"))
		printf("\n%s\n", getenv("SHMCOUNT_GUEST"));
	return failed ? EXIT_FAILED : 0;
}
