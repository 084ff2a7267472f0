// SPDX-License-Identifier: GPL-2.0
/* What a guest reports of a batch of modules; see batch_report.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch_report.h"

static void add(char *list, size_t size, const char *name)
{
	size_t length = strlen(list);

	snprintf(list + length, size - length, "%s%s ", length ? "" : " ",
		 name);
}

bool is_listed(const char *list, const char *name)
{
	char wanted[160];

	snprintf(wanted, sizeof(wanted), " %s ", name);
	return strstr(list, wanted);
}

/* A line of the suite's. */
static void take_suite_line(struct batch_result *result, const char *line)
{
	char name[128];

	if (sscanf(line, "# begin %127s", name) == 1)
		strcpy(result->begun, name);
	else if (sscanf(line, "not ok %*d %127s", name) == 1)
		add(result->failed, sizeof(result->failed), name);
	else if (sscanf(line, "ok %*d %127s", name) == 1 &&
		 strstr(line, " # SKIP"))
		add(result->skipped, sizeof(result->skipped), name);
	else if (sscanf(line, "ok %*d %127s", name) == 1)
		add(result->passed, sizeof(result->passed), name);
}

/* "crash: BUG: ..., while NAME was running": the outcome and the name we know. */
static void take_end(struct batch_report *report, const char *why)
{
	char *while_running;

	if (!strncmp(why, "crash: ", 7))
		why += 7;
	else if (!strncmp(why, "hang: ", 6))
		why += 6;
	snprintf(report->end, sizeof(report->end), "%.500s", why);
	while_running = strstr(report->end, ", while ");
	if (while_running)
		*while_running = '\0';
}

/*
 * A module's result counts as long as the guest itself speaks: where it came
 * to no good end the runner gives its own account, and then results for the
 * rest of the plan.
 */
static void take_line(struct batch_report *report, const char *line,
		      bool *runner)
{
	struct batch_result *result = &report->results[report->count];

	if (!strncmp(line, "Bail out! ", 10))
		take_end(report, line + 10);
	else if (!strncmp(line, "# > ", 4))
		take_suite_line(result, line + 4);
	else if (!strcmp(line, "# stuck"))
		result->stuck = true;
	else if (line[0] == '#' && strncmp(line, "# begin ", 8))
		*runner = true;
	else if (!*runner && (!strncmp(line, "ok ", 3) ||
			      !strncmp(line, "not ok ", 7))) {
		result->given = !strstr(line, " # SKIP");
		result->ok = line[0] == 'o';
		report->count += report->count < MAX_BATCH - 1;
	}
}

struct batch_report *read_report(const char *path)
{
	struct batch_report *report = calloc(1, sizeof(*report));
	FILE *file = fopen(path, "re");
	bool runner = false;
	char line[2048];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		take_line(report, line, &runner);
	}
	if (file)
		fclose(file);
	return report;
}
