// SPDX-License-Identifier: GPL-2.0
/*
 * In the guest: runs tests of the suite with one module after another, and
 * says for each module whether they passed.
 *
 * Usage: batch [-x] [MODULE TESTS]..., MODULE being one of /lib, without ".ko", and
 * TESTS names of tests or patterns, with commas between. With -x it ends with the
 * first that does not pass.
 *
 * The report is TAP, with modules for tests. What the suite says stands in it
 * as "# > LINE". A module that cannot be unloaded is "# stuck"; those after it
 * are then skipped, as are those that -x leaves out.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TESTS = 256, ALL_SKIPPED = 4 };

static _Noreturn void become_suite(const char *module, char *tests)
{
	char file[256], *args[MAX_TESTS + 2] = { "suite" };
	int n = 1;

	snprintf(file, sizeof(file), "/lib/%s.ko", module);
	setenv("MODULE", file, 1);
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
	FILE *report;
	pid_t pid;

	if (pipe(fds)) {
		perror("pipe");
		exit(1);
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
			exit(1);
		}
	}
	fclose(report);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       (!WEXITSTATUS(status) || WEXITSTATUS(status) == ALL_SKIPPED);
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
			       "the guest is spoilt" : "one before it failed");
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
