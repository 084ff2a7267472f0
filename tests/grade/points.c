// SPDX-License-Identifier: GPL-2.0
/*
 * The points file: what a test is worth, and who gets to see it.
 *
 *	PATTERN POINTS visible|hidden
 *
 * A test belongs to the first line that names it, and the points of a line are
 * shared equally by its tests. Those of a line of 0 points, or of none, are not
 * run. The instructor's own tests (hidden_*) are worth a point each where no line
 * names them. An empty line, and what follows a '#', is for the reader.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "grade.h"
#include "mutants/child.h"
#include "report/report.h"

enum { MOST_POINTS = 10000 };

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
	    item->points > MOST_POINTS)
		refuse(line, "is no number of points from 0 to 10000", points);
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

/* The line that a test belongs to, or NULL. */
static struct item *item_of(const char *name)
{
	for (int i = 0; i < item_count; i++)
		if (!fnmatch(items[i].pattern, name, 0))
			return &items[i];
	return NULL;
}

/* A line that stands for nothing is a mistake, and never meant. */
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

/* For the instructor's tests that no line names: a point for each. */
static struct item *default_item(char *names[], int count)
{
	struct item *item = &items[item_count];
	int unnamed = 0;

	for (int n = 0; n < count; n++)
		unnamed += is_instructors(names[n]) && !item_of(names[n]);
	if (!unnamed)
		return NULL;
	*item = (struct item) { "hidden_*", unnamed, true, 0, 0, 0 };
	item_count++;
	return item;
}

/* The names of all tests of the program; returns how many. */
static int list_tests(char *names[MAX_TESTS])
{
	char *args[] = { (char *)variable("GRADED"), "-l", NULL };
	char path[PATH_SIZE], name[256];
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s", report_path("tests"));
	if (run_child(args, path))
		die(STATUS_NOT_GRADED, "%s does not list its tests", args[0]);
	file = fopen(path, "re");
	while (file && count < MAX_TESTS && fscanf(file, "%255s", name) == 1)
		names[count++] = check(strdup(name));
	if (file)
		fclose(file);
	return count;
}

/* Is it one of those that were asked for? */
static bool is_wanted(const char *name)
{
	char *patterns = check(strdup(variable("TESTS")));
	bool wanted = !*patterns || !strncmp(name, "module.", 7);

	for (char *p = strtok(patterns, " "); p; p = strtok(NULL, " "))
		wanted = wanted || !fnmatch(p, name, 0);
	free(patterns);
	return wanted;
}

static void refuse_unknown(char *names[], int count)
{
	char *patterns = check(strdup(variable("TESTS")));

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
	char *names[MAX_TESTS];
	int count = list_tests(names);
	double total = 0;

	file_name = variable("POINTS");
	read_lines();
	refuse_idle(names, count);
	default_item(names, count);
	refuse_unknown(names, count);
	for (int i = 0; i < item_count; i++)
		total += items[i].points;
	if (total <= 0)
		die(STATUS_USAGE, "%s gives no points", file_name);
	for (int n = 0; n < count; n++) {
		struct item *item = item_of(names[n]);
		/* Whether it loads and unloads is asked of all, first. */
		bool probe = !strncmp(names[n], "module.", 7);

		if (!probe && (!item || !(item->points > 0)))
			continue;
		if (is_wanted(names[n]))
			tests[test_count++] = (struct graded) {
				.name = names[n], .item = item, .seconds = -1,
				.output = "",
			};
	}
}

double points_of(const struct item *item)
{
	return item->count ? item->points * item->passed / item->count : 0;
}

/* Where nothing ran, or all was skipped, the points are there to be had. */
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
