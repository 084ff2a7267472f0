// SPDX-License-Identifier: GPL-2.0
/*
 * The points file: the points of each test, and whether the student sees it.
 *
 *	PATTERN... POINTS visible|hidden
 *
 * A test belongs to the first line with a pattern that matches, and the tests of a line
 * share its points equally. Tests with 0 points or without a line do not run. An
 * instructor's own tests (hidden_*) that no line matches are worth a point each.
 * Empty lines and text after a '#' are ignored.
 *
 * "lab" stands for the table of the lab's steps, which has their points, too.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "grade.h"
#include "lab/steps.h"

enum { MAX_POINTS = 10000, MAX_LINE = 4096, MAX_WORDS = 128 };

static const char *file_name;

bool is_by_steps(void)
{
	return !strcmp(options.points, "lab");
}

const char *points_file(void)
{
	return is_by_steps() ? "kmod/lab/steps" : options.points;
}

static _Noreturn void refuse(int line, const char *what, const char *word)
{
	die(STATUS_USAGE, "%s:%d: %s%s%s%s", file_name, line, *word ? "'" : "",
	    word, *word ? "' " : "", what);
}

static struct item *add_item(char *title, char **patterns, int count)
{
	struct item *item = &items[item_count++];

	*item = (struct item) {
		.title = title, .patterns = patterns, .pattern_count = count,
	};
	return item;
}

static bool parse_points(const char *text, double *points)
{
	char *end;

	*points = strtod(text, &end);
	return !*end && end > text && *points >= 0 && *points <= MAX_POINTS;
}

static void take_line(char *text, int line)
{
	char *words[MAX_WORDS], *title, *rest;
	bool hidden, visible, is_number;
	struct item *item;
	int count = 0;
	double points;

	text[strcspn(text, "#\n")] = '\0';
	title = check(strdup(text));
	for (char *word = strtok_r(check(strdup(text)), " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		if (count == MAX_WORDS)
			refuse(line, "there are too many patterns", "");
		words[count++] = word;
	}
	if (!count)
		return;
	hidden = !strcmp(words[count - 1], "hidden");
	visible = !strcmp(words[count - 1], "visible");
	is_number = count > 1 && parse_points(words[count - 2], &points);
	if (count < 3 || !(hidden || visible || is_number))
		refuse(line, "a line is: PATTERN POINTS visible|hidden, or more patterns", "");
	if (item_count == MAX_ITEMS - 1)
		refuse(line, "there are too many lines", "");
	if (!is_number)
		refuse(line, "has to be a number from 0 to 10000", words[count - 2]);
	if (!hidden && !visible)
		refuse(line, "has to be visible or hidden", words[count - 1]);
	item = add_item(title, check(malloc(sizeof(words))), count - 2);
	memcpy(item->patterns, words, sizeof(words));
	item->points = points;
	item->hidden = hidden;
	item->line = line;
	/* The reports call it by its patterns. */
	*title = '\0';
	for (int i = 0; i < item->pattern_count; i++)
		sprintf(title + strlen(title), "%s%s", i ? " " : "", words[i]);
}

/* The steps of the lab. */
static void read_lab(void)
{
	static struct steps steps;

	if (!read_steps(&steps, file_name))
		die(STATUS_USAGE, "%s: %s", file_name, steps.wrong);
	for (int i = 0; i < steps.count; i++) {
		struct step *step = &steps.steps[i];

		add_item(text_of("step %d, %s", step->number, step->title), step->tests,
			 step->test_count)->points = step->points;
	}
}

static void read_lines(void)
{
	FILE *file = fopen(file_name, "re");
	char line[MAX_LINE];

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

static bool names(const struct item *item, const char *name)
{
	for (int i = 0; i < item->pattern_count; i++)
		if (!fnmatch(item->patterns[i], name, 0))
			return true;
	return false;
}

struct result *test_named(const char *name)
{
	for (int i = 0; i < test_count; i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

struct item *item_of(const char *name)
{
	for (int i = 0; i < item_count; i++)
		if (names(&items[i], name))
			return &items[i];
	return NULL;
}

/* A pattern without a test of its own must be a mistake. */
static void refuse_idle_pattern(const struct item *item, const char *pattern,
				char *names[], int count)
{
	bool named = false, first = false;

	for (int n = 0; n < count; n++) {
		if (fnmatch(pattern, names[n], 0))
			continue;
		named = true;
		first = first || item_of(names[n]) == item;
	}
	if (!named)
		refuse(item->line, strncmp(pattern, "hidden_", 7) ? "names no test" :
		       "names no test (they come with HIDDEN=)", pattern);
	if (!first)
		refuse(item->line, "names only tests that lines above name", pattern);
}

static void refuse_idle(char *names[], int count)
{
	for (int i = 0; i < item_count; i++)
		for (int p = 0; p < items[i].pattern_count; p++)
			refuse_idle_pattern(&items[i], items[i].patterns[p], names, count);
}

/* Add an item for the instructor's tests that no line matches: a point each. */
static void add_default_item(char *names[], int count)
{
	static char *pattern = "hidden_*";
	struct item *item;
	int unnamed = 0;

	for (int n = 0; n < count; n++)
		unnamed += is_instructors(names[n]) && !item_of(names[n]);
	if (!unnamed)
		return;
	item = add_item(pattern, &pattern, 1);
	item->points = unnamed;
	item->hidden = true;
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

	file_name = points_file();
	if (is_by_steps())
		read_lab();
	else
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
