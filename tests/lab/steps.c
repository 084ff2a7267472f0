// SPDX-License-Identifier: GPL-2.0
/* Reads the table of the lab's steps; see steps.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "steps.h"

static __attribute__((format(printf, 2, 3)))
bool wrong(struct steps *steps, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(steps->wrong, sizeof(steps->wrong), format, args);
	va_end(args);
	return false;
}

/* The step of a line, perhaps the same as that of the line before. */
static struct step *step_of(struct steps *steps, const char *text, const char *name)
{
	struct step *step = &steps->steps[steps->count];
	unsigned long number;
	char title[sizeof(step->title)];

	snprintf(title, sizeof(title), "%s", name);
	for (char *dash = title; (dash = strchr(dash, '-'));)
		*dash = ' ';
	if (!parse_number(text, 1, MAX_STEPS, &number))
		return NULL;
	if (number == (unsigned long)steps->count &&
	    !strcmp(step[-1].title, title))
		return step - 1;
	if (number != steps->count + 1UL)
		return NULL;
	step->number = ++steps->count;
	strcpy(step->title, title);
	return step;
}

static bool take_line(struct steps *steps, int line, char *text)
{
	char *number = strtok(text, " \t"), *name = strtok(NULL, " \t");
	char *test = strtok(NULL, " \t");
	struct step *step;

	if (!test)
		return wrong(steps, "line %d is not STEP NAME TEST...", line);
	step = step_of(steps, number, name);
	if (!step)
		return wrong(steps, "line %d: step %s, %s does not follow what is above",
			     line, number, name);
	for (; test; test = strtok(NULL, " \t")) {
		if (!strncmp(test, "points=", 7)) {
			if (!parse_number(test + 7, 0, MAX_STEP_POINTS, &step->points))
				return wrong(steps, "line %d: %s has to be a number up to %d",
					     line, test, MAX_STEP_POINTS);
			continue;
		}
		if (step->test_count == MAX_STEP_TESTS)
			return wrong(steps, "line %d: too many tests", line);
		step->tests[step->test_count++] = strdup(test);
	}
	return true;
}

bool read_steps(struct steps *steps, const char *path)
{
	FILE *file = fopen(path, "re");
	char text[1024];
	bool ok = true;

	*steps = (struct steps) { 0 };
	if (!file)
		return wrong(steps, "%s", strerror(errno));
	for (int line = 1; ok && fgets(text, sizeof(text), file); line++) {
		text[strcspn(text, "#\n")] = '\0';
		if (text[strspn(text, " \t")])
			ok = take_line(steps, line, text);
	}
	fclose(file);
	if (ok && !steps->count)
		return wrong(steps, "there is no step in it");
	return ok;
}
