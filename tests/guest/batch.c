// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: runs tests of the suite with one module after another, and
 * reports for each module whether they passed.
 *
 * Usage: batch [-x] [MODULE TESTS]...
 *
 * MODULE is a file in /lib without its ".ko"; TESTS are names or patterns, with
 * commas between. -x skips the modules after the first that does not pass.
 *
 * The report is TAP in which each test is a module. "# > LINE" is a line of the
 * suite. "# stuck" is a module that cannot be unloaded: the modules after it are
 * skipped.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "status.h"

enum { MAX_TESTS = 256 };

static _Noreturn void become_suite(const char *module, char *tests)
{
	char file[256], *args[MAX_TESTS + 2] = { "suite" };
	int n = 1;

	snprintf(file, sizeof(file), "/lib/%s.ko", module);
	setenv("KMOD", file, 1);
	for (char *test = strtok(tests, ","); test && n <= MAX_TESTS;
	     test = strtok(NULL, ","))
		args[n++] = test;
	execvp(args[0], args);
	perror(args[0]);
	_exit(127);
}

/* Run the tests with the module; returns true if none failed. */
static bool passes(const char *module, char *tests)
{
	char line[1024];
	int fds[2], status;
	bool bailed = false;
	FILE *report;
	pid_t pid;

	if (pipe(fds)) {
		perror("pipe");
		exit(STATUS_FAILED);
	}
	pid = fork();
	if (!pid) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		become_suite(module, tests);
	}
	close(fds[1]);
	report = fdopen(fds[0], "r");
	while (fgets(line, sizeof(line), report)) {
		line[strcspn(line, "\n")] = '\0';
		printf("# > %s\n", line);
		if (!strncmp(line, "Bail out!", 9)) {
			puts(line);
			bailed = true;
			break;
		}
	}
	fclose(report);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return false;
	/* The suite's status says why it gave up, and so does ours. */
	if (bailed)
		exit(WEXITSTATUS(status));
	return !WEXITSTATUS(status) || WEXITSTATUS(status) == STATUS_SKIPPED;
}

int main(int argc, char *argv[])
{
	bool first_only = argc > 1 && !strcmp(argv[1], "-x");
	bool stuck = false, failed = false;
	int count;

	argv += first_only;
	count = (argc - 1 - first_only) / 2;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..%d\n", count);
	for (int i = 1; i <= count; i++) {
		const char *module = argv[2 * i - 1];
		bool ok;

		printf("# begin %s\n", module);
		if (stuck || (first_only && failed)) {
			printf("ok %d %s # SKIP %s\n", i, module, stuck ?
			       "the module before it is stuck" : "one before it failed");
			continue;
		}
		ok = passes(module, argv[2 * i]);
		stuck = !access("/sys/module/shmcount", F_OK);
		if (stuck)
			printf("# stuck\n");
		printf("%s %d %s\n", ok ? "ok" : "not ok", i, module);
		failed = failed || !ok;
	}
	return failed;
}
