// SPDX-License-Identifier: GPL-2.0
/* A guest's report on a batch of modules; see batch_report.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/batch_report.h"

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

static void take_failure(struct batch_result *result, const char *name,
			 const char *line)
{
	const char *timeout = strstr(line, " # TIMEOUT ");
	struct batch_failure *failure;

	add(result->failed, sizeof(result->failed), name);
	if (result->failure_count == MAX_FAILURES)
		return;
	failure = &result->failures[result->failure_count++];
	strcpy(failure->name, name);
	if (timeout)
		snprintf(failure->why, sizeof(failure->why), "no end after %s",
			 timeout + strlen(" # TIMEOUT "));
	else
		strcpy(failure->why, result->said);
	failure->vague = timeout || strstr(line, " # NOT_LOADED");
}

/* Take a line of the suite. */
static void take_suite_line(struct batch_result *result, const char *line)
{
	char name[128];

	if (sscanf(line, "# begin %127s", name) == 1) {
		strcpy(result->begun, name);
		result->said[0] = '\0';
	} else if (sscanf(line, "not ok %*d %127s", name) == 1) {
		take_failure(result, name, line);
	} else if (sscanf(line, "ok %*d %127s", name) == 1 &&
		   strstr(line, " # SKIP")) {
		add(result->skipped, sizeof(result->skipped), name);
	} else if (sscanf(line, "ok %*d %127s", name) == 1) {
		add(result->passed, sizeof(result->passed), name);
	} else if (!result->said[0] && !strncmp(line, "# ", 2) &&
		   strncmp(line, "# took ", 7)) {
		snprintf(result->said, sizeof(result->said), "%s", line + 2);
	}
}

/*
 * Results count only before the runner's own lines: if the guest ends badly, the
 * runner adds a failure for each module that has no result.
 */
void take_report_line(struct batch_report *report, const char *line)
{
	struct batch_result *result = &report->results[report->count];

	if (!strncmp(line, "# > ", 4))
		take_suite_line(result, line + 4);
	else if (!strcmp(line, "# stuck"))
		result->stuck = true;
	else if (line[0] == '#' && strncmp(line, "# begin ", 8))
		report->runner = true;
	else if (!report->runner && (!strncmp(line, "ok ", 3) ||
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
	char line[2048];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		take_report_line(report, line);
	}
	if (file)
		fclose(file);
	return report;
}
