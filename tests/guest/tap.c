// SPDX-License-Identifier: GPL-2.0
/* A strict reader of the KTAP that the harness writes; see tap.h. */
#include <stdio.h>
#include <string.h>

#include "tap.h"

static bool wrong(struct tap *tap, const char *what, const char *line)
{
	if (!tap->error[0])
		snprintf(tap->error, sizeof(tap->error), "%s: %.150s", what,
			 line);
	return false;
}

static bool is_sound(struct tap *tap, const char *line)
{
	char name[128];
	int number;

	if (sscanf(line, tap->ok ? "ok %d %127s" : "not ok %d %127s", &number,
		   name) != 2)
		return wrong(tap, "not a result", line);
	if (number != tap->seen + 1 || number > tap->plan)
		return wrong(tap, "a result out of order", line);
	if (strcmp(name, tap->running))
		return wrong(tap, "the result of a test that did not run",
			     line);
	return true;
}

static void result(struct tap *tap, const char *line)
{
	const char *directive = strstr(line, " # ");

	tap->ok = line[0] == 'o';
	tap->sound = is_sound(tap, line);
	snprintf(tap->directive, sizeof(tap->directive), "%s",
		 directive ? directive + 3 : "");
	tap->seen++;
	tap->failed += !tap->ok;
	tap->running[0] = '\0';
}

static void begin(struct tap *tap, const char *line)
{
	if (tap->running[0])
		wrong(tap, "a test within a test", line);
	snprintf(tap->running, sizeof(tap->running), "%s", line + 8);
	strcpy(tap->begun, tap->running);
}

enum tap_kind tap_line(struct tap *tap, const char *line)
{
	enum tap_kind kind = TAP_OTHER;
	char rest[2];

	tap->lines++;
	if (!strncmp(line, "Bail out!", 9)) {
		tap->bailed = true;
		snprintf(tap->bail, sizeof(tap->bail), "%s",
			 line[9] ? line + 10 : "no reason");
	} else if (tap->lines == 1) {
		if (strcmp(line, "TAP version 13"))
			wrong(tap, "not the first line of TAP", line);
	} else if (tap->lines == 2) {
		if (sscanf(line, "1..%d%1s", &tap->plan, rest) != 1 ||
		    tap->plan < 1)
			wrong(tap, "not a plan", line);
	} else if (!strncmp(line, "# begin ", 8)) {
		begin(tap, line);
		kind = TAP_BEGIN;
	} else if (!strncmp(line, "ok ", 3) || !strncmp(line, "not ok ", 7)) {
		result(tap, line);
		kind = TAP_RESULT;
	} else if (line[0] == '#') {
		kind = TAP_NOTE;
	} else {
		wrong(tap, "not a line of TAP", line);
	}
	return kind;
}

bool tap_complete(const struct tap *tap)
{
	return tap->plan && tap->seen == tap->plan && !tap->error[0] &&
	       !tap->bailed;
}
