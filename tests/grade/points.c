// SPDX-License-Identifier: GPL-2.0
/*
 * The points file: the points of each test, and whether the student sees it.
 *
 *	PATTERN POINTS visible|hidden
 *
 * A test belongs to the first line whose pattern matches, and the tests of a line
 * share its points equally. Tests with 0 points or without a line do not run. An
 * instructor's own tests (hidden_*) that no line matches are worth a point each.
 * Empty lines and text after a '#' are ignored.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "grade.h"

enum { MAX_POINTS = 10000 };

static const char *file_name;

static _Noreturn void refuse(int line, const char *what, const char *word)
{
	die(STATUS_USAGE, "%s:%d: %s%s%s%s", file_name, line, *word ? "'" : "",
	    word, *word ? "' " : "", what);
}

static void take_line(char *text, int line)
{
	struct item *item = &items[item_count];
	char pattern[128], points[32], who[32], rest[2], *end;
	int words;

	text[strcspn(text, "#\n")] = '\0';
	words = sscanf(text, "%127s %31s %31s %1s", pattern, points, who, rest);
	if (words <= 0)
		return;
	if (words != 3)
		refuse(line, "a line is: PATTERN POINTS visible|hidden", "");
	if (item_count == MAX_ITEMS - 1)
		refuse(line, "there are too many lines", "");
	item->points = strtod(points, &end);
	if (*end || end == points || !(item->points >= 0) ||
	    item->points > MAX_POINTS)
		refuse(line, "has to be a number from 0 to 10000", points);
	item->hidden = !strcmp(who, "hidden");
	if (!item->hidden && strcmp(who, "visible"))
		refuse(line, "has to be visible or hidden", who);
	item->pattern = check(strdup(pattern));
	item->line = line;
	item_count++;
}

static void read_lines(void)
{
	FILE *file = fopen(file_name, "re");
	char line[512];

	if (!file)
		die(STATUS_USAGE, "cannot open the points file %s: %s",
		    file_name, strerror(errno));
	for (int number = 1; fgets(line, sizeof(line), file); number++) {
		if (!strchr(line, '\n') && !feof(file))
			refuse(number, "the line is too long", "");
		take_line(line, number);
	}
	if (ferror(file))
		die(STATUS_USAGE, "cannot read the points file %s", file_name);
	fclose(file);
}

static bool is_instructors(const char *name)
{
	return !strncmp(name, "hidden_", 7);
}

struct item *item_of(const char *name)
{
	for (int i = 0; i < item_count; i++)
		if (!fnmatch(items[i].pattern, name, 0))
			return &items[i];
	return NULL;
}

/* A line without a test of its own must be a mistake. */
static void refuse_idle(char *names[], int count)
{
	for (int i = 0; i < item_count; i++) {
		bool named = false, first = false;

		for (int n = 0; n < count; n++) {
			if (fnmatch(items[i].pattern, names[n], 0))
				continue;
			named = true;
			first = first || item_of(names[n]) == &items[i];
		}
		if (!named)
			refuse(items[i].line, strncmp(items[i].pattern, "hidden_", 7) ?
			       "names no test" :
			       "names no test (they come with HIDDEN=)",
			       items[i].pattern);
		if (!first)
			refuse(items[i].line,
			       "names only tests that lines above name",
			       items[i].pattern);
	}
}

/* Add an item for the instructor's tests that no line matches: a point each. */
static void add_default_item(char *names[], int count)
{
	int unnamed = 0;

	for (int n = 0; n < count; n++)
		unnamed += is_instructors(names[n]) && !item_of(names[n]);
	if (unnamed)
		items[item_count++] = (struct item) { "hidden_*", unnamed, true, 0, 0, 0 };
}

/* Does -t ask for it? */
static bool is_wanted(const char *name)
{
	char *patterns = check(strdup(options.tests));
	bool wanted = !*patterns || !strncmp(name, "module.", 7);

	for (char *p = strtok(patterns, " "); p; p = strtok(NULL, " "))
		wanted = wanted || !fnmatch(p, name, 0);
	free(patterns);
	return wanted;
}

static void refuse_unknown(char *names[], int count)
{
	char *patterns = check(strdup(options.tests));

	for (char *p = strtok(patterns, " "); p; p = strtok(NULL, " ")) {
		bool found = false;

		for (int n = 0; n < count; n++) {
			struct item *item = item_of(names[n]);

			found = found || (!fnmatch(p, names[n], 0) && item &&
					  item->points > 0);
		}
		if (!found)
			die(STATUS_USAGE, "no test that counts is named '%s'", p);
	}
	free(patterns);
}

void read_points(void)
{
	char *names[MAX_GUEST_TESTS];
	int count = list_tests(options.graded, names);
	double total = 0;

	file_name = options.points;
	read_lines();
	refuse_idle(names, count);
	add_default_item(names, count);
	refuse_unknown(names, count);
	for (int i = 0; i < item_count; i++)
		total += items[i].points;
	if (total <= 0)
		die(STATUS_USAGE, "%s gives no points", file_name);
	for (int n = 0; n < count; n++) {
		const struct item *item = item_of(names[n]);
		/* These run first, for every submission. */
		bool probe = !strncmp(names[n], "module.", 7);

		if (!probe && (!item || !(item->points > 0)))
			continue;
		if (!is_wanted(names[n]))
			continue;
		tests[test_count].name = names[n];
		forget(&tests[test_count++]);
	}
}

double points_of(const struct item *item)
{
	return item->count ? item->points * item->passed / item->count : 0;
}

double points_total(bool hidden)
{
	double total = 0;

	for (int i = 0; i < item_count; i++)
		if (items[i].hidden == hidden && items[i].count)
			total += items[i].points;
	return total;
}

double points_reached(bool hidden)
{
	double reached = 0;

	for (int i = 0; i < item_count; i++)
		if (items[i].hidden == hidden)
			reached += points_of(&items[i]);
	return reached;
}
