// SPDX-License-Identifier: GPL-2.0
/* Reads the headers of mutants; see mutant.h. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutant.h"

const char *const outcome_names[OUTCOMES] = {
	[FAIL] = "fail", [STUCK] = "stuck", [CRASH] = "crash", [HANG] = "hang",
};

static void take_tests(struct mutant *mutant, char *names)
{
	mutant->any = !strcmp(names, "any");
	if (mutant->any)
		return;
	for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
		if (mutant->test_count == MAX_CAUGHT_BY)
			mutant->wrong = "names too many tests";
		else
			mutant->tests[mutant->test_count++] = strdup(name);
	}
}

static void take_outcomes(struct mutant *mutant, char *names)
{
	for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
		int i = 0;

		while (i < OUTCOMES && strcmp(name, outcome_names[i]))
			i++;
		if (i == OUTCOMES)
			mutant->wrong = "has an unknown outcome";
		mutant->outcomes |= 1 << i;
	}
}

static void take_field(struct mutant *mutant, char *line)
{
	char *value = strstr(line, ": ");

	if (!value) {
		mutant->wrong = "has a line that is no field";
		return;
	}
	*value = '\0';
	value += 2;
	if (!strcmp(line, "Caught-by"))
		take_tests(mutant, value);
	else if (!strcmp(line, "Outcome"))
		take_outcomes(mutant, value);
	else if (!strcmp(line, "Equivalent"))
		mutant->equivalent = strdup(value);
	else if (!strcmp(line, "Kernels"))
		mutant->kernels = strdup(value);
	else
		mutant->wrong = "has an unknown field";
}

static void check(struct mutant *mutant)
{
	if (mutant->wrong)
		return;
	if (!mutant->what[0])
		mutant->wrong = "does not say what is wrong";
	else if (!mutant->test_count && !mutant->any && !mutant->equivalent)
		mutant->wrong = "has neither Caught-by nor Equivalent";
	else if (mutant->equivalent && (mutant->test_count || mutant->any || mutant->outcomes))
		mutant->wrong = "is Equivalent and has a Caught-by or Outcome";
	else if (mutant->test_count && !mutant->outcomes)
		mutant->wrong = "has no Outcome";
	else if (!strcmp(mutant->name, "shmcount"))
		mutant->wrong = "has the name of the unmodified module";
}

bool read_mutant(struct mutant *mutant, const char *dir, const char *name)
{
	char path[4096], line[1024];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.patch", dir, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	*mutant = (struct mutant) { 0 };
	while (fgets(line, sizeof(line), file) && strncmp(line, "--- ", 4)) {
		line[strcspn(line, "\n")] = '\0';
		if (!mutant->what)
			mutant->what = strdup(line);
		else if (line[0])
			take_field(mutant, line);
	}
	fclose(file);
	mutant->name = strdup(name);
	if (!mutant->what)
		mutant->what = strdup("");
	check(mutant);
	return true;
}

const char *outcomes_of(const struct mutant *mutant)
{
	static char text[64];

	text[0] = '\0';
	for (int i = 0; i < OUTCOMES; i++) {
		if (!(mutant->outcomes & 1 << i))
			continue;
		if (text[0])
			strcat(text, " or ");
		strcat(text, outcome_names[i]);
	}
	return text;
}

bool is_for_kernel(const struct mutant *mutant, const char *release)
{
	char *patterns;
	bool found = false;

	if (!mutant->kernels)
		return true;
	patterns = strdup(mutant->kernels);
	for (char *p = strtok(patterns, " "); p; p = strtok(NULL, " "))
		found = found || !fnmatch(p, release, 0);
	free(patterns);
	return found;
}
