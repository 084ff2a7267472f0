// SPDX-License-Identifier: GPL-2.0
/* Draws a timeline for a terminal: a row of characters for each process. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

/* Capital letters are on a processor. */
static const char glyphs[RUNNING + 1][HOLDING + 1] = {
	[ABSENT] = { ' ', ' ', ' ' },
	[ASLEEP] = { '.', 'w', 'h' },
	[READY] = { ':', '!', '#' },
	[RUNNING] = { '=', 'W', 'H' },
};

static const char *const colour[HOLDING + 1] = {
	[OUTSIDE] = "", [WAITING] = "\33[33m", [HOLDING] = "\33[1;36m",
};

static const char mark_glyphs[] = {
	[EVENT_PAGE_FAULT] = '\'', [EVENT_FAULT] = 'f', [EVENT_MMAP] = 'm',
	[EVENT_UNMAP] = 'u',
};

enum { LABEL = MAX_LABEL + 1, MARGIN = 3 };

/* The column of a time; -1: outside of the view. */
static int column(const struct view *view, long time, int columns)
{
	if (time < view->from || time > view->to)
		return -1;
	time = (time - view->from) * columns / (view->to - view->from);
	return time < columns ? time : columns - 1;
}

/* Is there room for a text, with a space between two numbers? */
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

/* Put a text there, or close to it; without room, put a star. */
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

/* Fill the row above a process: its faults, mappings and wakes. */
static bool fill_marks(const struct view *view, int process, char *row,
		       int columns, bool numbered)
{
	const struct analysis *analysis = view->analysis;
	const struct process *it = &analysis->processes[process];
	char text[16];
	bool any = false;

	memset(row, ' ', columns);
	row[columns] = '\0';
	for (int rare = 1; rare >= 0; rare--) {
		for (size_t i = 0; i < it->mark_count; i++) {
			const struct mark *mark = &it->marks[i];
			int at = column(view, mark->time, columns);

			if ((mark->kind != EVENT_PAGE_FAULT) != rare || at < 0)
				continue;
			snprintf(text, sizeof(text), "%c",
				 mark_glyphs[mark->kind]);
			if (rare)
				put(row, columns, at, text);
			else if (row[at] == ' ')
				row[at] = *text;
			any = true;
		}
		for (size_t i = 0; rare && i < analysis->wake_count; i++) {
			const struct wake *wake = &analysis->wakes[i];
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
	struct state *states = allocate(columns, sizeof(*states));
	enum sem_state last = OUTSIDE;

	sample(process, view->from, view->to, columns, states);
	fprintf(file, "%-*s", LABEL, process->label);
	while (columns && states[columns - 1].sched == ABSENT)
		columns--;
	for (int c = 0; c < columns; c++) {
		if (colours && states[c].sem != last)
			fprintf(file, "\33[0m%s", colour[states[c].sem]);
		last = states[c].sem;
		fputc(glyphs[states[c].sched][states[c].sem], file);
	}
	fprintf(file, "%s\n", colours && last != OUTSIDE ? "\33[0m" : "");
	free(states);
}

static void draw_axis(const struct view *view, FILE *file, int columns)
{
	long step = axis_step(view->to - view->from, columns / 9);
	long base = view->analysis->from, tick = (view->from - base) / step * step;
	char *row = allocate(columns + 40, 1);
	int end = 0;

	memset(row, ' ', columns + 40);
	for (; tick + base <= view->to; tick += step) {
		int at = column(view, tick + base, columns), length;
		char text[32];

		length = snprintf(text, sizeof(text), "|%g", tick / 1000.0);
		/* Overwrite neither the last text nor the edge. */
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

/* Number the wakes only if most numbers have room. */
static bool are_numbered(const struct view *view, int columns)
{
	const struct analysis *analysis = view->analysis;
	int count = 0;

	for (size_t i = 0; i < analysis->wake_count; i++)
		count += analysis->wakes[i].number &&
			 column(view, analysis->wakes[i].time, columns) >= 0;
	return count <= columns / 5;
}

static void draw_legend(FILE *file, bool numbered)
{
	const struct {
		enum sem_state sem;
		const char *name, *marks;
	} rows[] = {
		{ HOLDING, "holds it", "f page fault in the region, ' elsewhere" },
		{ WAITING, "waits for it", "m mmap, u unmap; * several marks" },
		{ OUTSIDE, "neither", numbered ?
		  "1, 2, ... a post, and whom it wakes" :
		  "+ one posts, and wakes the other" },
	};

	fprintf(file, "%-*s runs  ready  asleep     (ready: it has no processor)\n",
		LABEL, "");
	for (int i = 0; i < 3; i++)
		fprintf(file, "%-*s  %c      %c      %c        %s\n", LABEL,
			rows[i].name, glyphs[RUNNING][rows[i].sem],
			glyphs[READY][rows[i].sem],
			glyphs[ASLEEP][rows[i].sem], rows[i].marks);
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
	const struct analysis *analysis = view->analysis;
	int columns = width - LABEL;
	bool numbered = are_numbered(view, columns - MARGIN);
	char *marks = allocate(columns + 1, 1);

	draw_axis(view, file, columns - MARGIN);
	for (int i = 0; i < view->lanes; i++) {
		if (fill_marks(view, analysis->lanes[i], marks, columns - MARGIN,
			       numbered))
			print_rows(file, marks);
		draw_row(&analysis->processes[analysis->lanes[i]], view, file,
			 columns - MARGIN, colours);
	}
	free(marks);
	fprintf(file, "\n");
	draw_legend(file, numbered);
	fprintf(file, "\n");
}
