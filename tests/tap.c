// SPDX-License-Identifier: GPL-2.0
/* A strict reader of the KTAP that the harness writes; see tap.h. */
#include <stdio.h>
#include <string.h>

#include "tap.h"

static void wrong(struct tap *tap, const char *what, const char *line)
{
	if (!tap->error[0])
		snprintf(tap->error, sizeof(tap->error), "%s: %.150s", what,
			 line);
}

static void result(struct tap *tap, const char *line)
{
	bool ok = line[0] == 'o';
	char name[128];
	int number;

	if (sscanf(line, ok ? "ok %d %127s" : "not ok %d %127s", &number,
		   name) != 2)
		wrong(tap, "not a result", line);
	else if (number != tap->seen + 1 || number > tap->plan)
		wrong(tap, "a result out of order", line);
	else if (strcmp(name, tap->running))
		wrong(tap, "the result of a test that did not run", line);
	tap->seen++;
	tap->failed += !ok;
	tap->running[0] = '\0';
}

void tap_line(struct tap *tap, const char *line)
{
	char rest[2];

	tap->lines++;
	if (tap->lines == 1) {
		if (strcmp(line, "TAP version 13"))
			wrong(tap, "not the first line of TAP", line);
	} else if (tap->lines == 2) {
		if (sscanf(line, "1..%d%1s", &tap->plan, rest) != 1 ||
		    tap->plan < 1)
			wrong(tap, "not a plan", line);
	} else if (!strncmp(line, "# begin ", 8)) {
		if (tap->running[0])
			wrong(tap, "a test within a test", line);
		snprintf(tap->running, sizeof(tap->running), "%s", line + 8);
	} else if (!strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7)) {
		result(tap, line);
	} else if (!strncmp(line, "Bail out!", 9)) {
		tap->bailed = true;
		snprintf(tap->bail, sizeof(tap->bail), "%s",
			 line[9] ? line + 10 : "no reason");
	} else if (line[0] != '#') {
		wrong(tap, "not a line of TAP", line);
	}
}

bool tap_complete(const struct tap *tap)
{
	return tap->plan && tap->seen == tap->plan && !tap->error[0] &&
	       !tap->bailed;
}
