// SPDX-License-Identifier: GPL-2.0
/* Draws a timeline for a terminal: a row of characters a process. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

/* By place and by what is done there; a large letter is on a processor. */
static const char glyphs[RUNS + 1][HOLDS + 1] = {
	[NOWHERE] = { ' ', ' ', ' ' },
	[ASLEEP] = { '.', 'w', 'h' },
	[READY] = { ':', '!', '#' },
	[RUNS] = { '=', 'W', 'H' },
};

static const char *const colour[HOLDS + 1] = {
	[OUTSIDE] = "", [WAITS] = "\33[33m", [HOLDS] = "\33[1;36m",
};

static const char mark_glyphs[] = {
	[MARK_PAGE_FAULT] = '\'', [MARK_FAULT] = 'f', [MARK_MMAP] = 'm',
	[MARK_UNMAP] = 'u',
};

enum { LABEL = LONGEST_LABEL + 1, MARGIN = 3 };

/* The column of a time; -1: it is not drawn. */
static int column(const struct view *view, long time, int columns)
{
	if (time < view->from || time > view->to)
		return -1;
	time = (time - view->from) * columns / (view->to - view->from);
	return time < columns ? time : columns - 1;
}

/* Is there room for a text, and between numbers a space? */
static bool has_room(const char *row, int columns, int at, const char *text)
{
	int length = strlen(text);

	if (at < 0 || at + length > columns)
		return false;
	for (int i = at; i < at + length; i++)
		if (row[i] != ' ')
			return false;
	return !isdigit((unsigned char)*text) ||
	       ((!at || !isdigit((unsigned char)row[at - 1])) &&
		!isdigit((unsigned char)row[at + length]));
}

/* Put a text where there is room for it, or nearly; a star if there is none. */
static void put(char *row, int columns, int at, const char *text)
{
	static const int moves[] = { 0, 1, -1, 2 };
	int length = strlen(text);

	if (at < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++)
		if (has_room(row, columns, at + moves[i], text)) {
			memcpy(row + at + moves[i], text, length);
			return;
		}
	row[at] = '*';
}

/* What happens to a process, above what it does. */
static bool fill_marks(const struct view *view, int process, char *row,
		       int columns, bool numbered)
{
	const struct story *story = view->story;
	const struct process *it = &story->processes[process];
	char text[16];
	bool any = false;

	memset(row, ' ', columns);
	row[columns] = '\0';
	for (int rare = 1; rare >= 0; rare--) {
		for (size_t i = 0; i < it->mark_count; i++) {
			const struct mark *mark = &it->marks[i];
			int at = column(view, mark->time, columns);

			if ((mark->kind != MARK_PAGE_FAULT) != rare || at < 0)
				continue;
			snprintf(text, sizeof(text), "%c",
				 mark_glyphs[mark->kind]);
			if (rare)
				put(row, columns, at, text);
			else if (row[at] == ' ')
				row[at] = *text;
			any = true;
		}
		for (size_t i = 0; rare && i < story->wake_count; i++) {
			const struct wake *wake = &story->wakes[i];
			int at;

			if (!wake->number ||
			    (wake->from != process && wake->to != process))
				continue;
			at = column(view, wake->time, columns);
			snprintf(text, sizeof(text), "%d", wake->number);
			if (numbered)
				put(row, columns, at, text);
			else if (at >= 0)
				row[at] = '+';
			any |= at >= 0;
		}
	}
	return any;
}

static void draw_row(const struct process *process, const struct view *view,
		     FILE *file, int columns, bool colours)
{
	struct state *states = calloc(columns, sizeof(*states));
	enum doing last = OUTSIDE;

	if (!states)
		die("no memory");
	sample(process, view->from, view->to, columns, states);
	fprintf(file, "%-*s", LABEL, process->label);
	while (columns && states[columns - 1].place == NOWHERE)
		columns--;
	for (int c = 0; c < columns; c++) {
		if (colours && states[c].doing != last)
			fprintf(file, "\33[0m%s", colour[states[c].doing]);
		last = states[c].doing;
		fputc(glyphs[states[c].place][states[c].doing], file);
	}
	fprintf(file, "%s\n", colours && last != OUTSIDE ? "\33[0m" : "");
	free(states);
}

static void draw_axis(const struct view *view, FILE *file, int columns)
{
	long step = axis_step(view->to - view->from, columns / 9);
	long base = zero(view), tick = (view->from - base) / step * step;
	char *row = malloc(columns + 40);
	int end = 0;

	if (!row)
		die("no memory");
	memset(row, ' ', columns + 40);
	for (; tick + base <= view->to; tick += step) {
		int at = column(view, tick + base, columns), length;
		char text[32];

		length = snprintf(text, sizeof(text), "|%g", tick / 1000.0);
		/* Not over the last, nor over the edge. */
		if (at < 0 || (end && at <= end) ||
		    at + length > columns + MARGIN)
			continue;
		memcpy(row + at, text, length);
		end = at + length;
	}
	row[end] = '\0';
	fprintf(file, "%-*s%s\n", LABEL, "ms", row);
	free(row);
}

/* Numbers that have no room say nothing. */
static bool are_numbered(const struct view *view, int columns)
{
	const struct story *story = view->story;
	int count = 0;

	for (size_t i = 0; i < story->wake_count; i++)
		count += story->wakes[i].number &&
			 column(view, story->wakes[i].time, columns) >= 0;
	return count <= columns / 5;
}

static void draw_legend(FILE *file, bool numbered)
{
	const struct {
		enum doing doing;
		const char *name, *marks;
	} rows[] = {
		{ HOLDS, "holds it", "f page fault in the region, ' elsewhere" },
		{ WAITS, "waits for it", "m mmap, u unmap; * several marks" },
		{ OUTSIDE, "neither", numbered ?
		  "1, 2, ... posts, and whom they wake" :
		  "+ one posts, and wakes the other" },
	};

	fprintf(file, "%-*s runs  ready  asleep     (ready: it has no processor)\n",
		LABEL, "");
	for (int i = 0; i < 3; i++)
		fprintf(file, "%-*s  %c      %c      %c        %s\n", LABEL,
			rows[i].name, glyphs[RUNS][rows[i].doing],
			glyphs[READY][rows[i].doing],
			glyphs[ASLEEP][rows[i].doing], rows[i].marks);
}

static void print_rows(FILE *file, char *marks)
{
	int length = strlen(marks);

	while (length && marks[length - 1] == ' ')
		marks[--length] = '\0';
	fprintf(file, "%-*s%s\n", LABEL, "", marks);
}

void draw_text(const struct view *view, FILE *file, int width, bool colours)
{
	const struct story *story = view->story;
	int columns = width - LABEL;
	bool numbered = are_numbered(view, columns - MARGIN);
	char *marks = malloc(columns + 1);

	if (!marks)
		die("no memory");
	draw_axis(view, file, columns - MARGIN);
	for (int i = 0; i < view->lanes; i++) {
		if (fill_marks(view, story->lanes[i], marks, columns - MARGIN,
			       numbered))
			print_rows(file, marks);
		draw_row(&story->processes[story->lanes[i]], view, file,
			 columns - MARGIN, colours);
	}
	free(marks);
	fprintf(file, "\n");
	draw_legend(file, numbered);
	fprintf(file, "\n");
}
