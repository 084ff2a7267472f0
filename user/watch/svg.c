// SPDX-License-Identifier: GPL-2.0
/* Draws a timeline as a picture: a bar a process, and arrows from who wakes. */
#include <stdlib.h>
#include <string.h>

#include "draw.h"

enum {
	WIDTH = 1200, LEFT = 130, RIGHT = 1180,
	TOP = 150,		/* of the lanes; above are title and legend */
	ABOVE = 44, TALL = 30, LOW = 15, THIN = 4, BELOW = 12,
	LANE = ABOVE + TALL + BELOW,
	LINE = 19,		/* of the text below */
	HALVES = 2,		/* columns that a pixel has */
	MOST_FAULTS = 300, MOST_ARROWS = 80, LINE_LENGTH = 165, MOST_TITLE = 64,
};

/* Colours that stay apart in print and for the colour-blind (Okabe and Ito). */
static const char *const colours[HOLDS + 1] = {
	[OUTSIDE] = "#8a8a8a", [WAITS] = "#e69f00", [HOLDS] = "#0072b2",
};

static const char *const names[HOLDS + 1] = {
	[OUTSIDE] = "outside", [WAITS] = "waits", [HOLDS] = "holds",
};

static const char *const place_names[] = {
	[NOWHERE] = "", [ASLEEP] = "asleep", [READY] = "ready",
	[RUNS] = "on a processor",
};

static void print_escaped(FILE *file, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", file);
		else if (*text == '<')
			fputs("&lt;", file);
		else if (*text == '>')
			fputs("&gt;", file);
		else
			fputc(*text < ' ' || *text > '~' ? '?' : *text, file);
	}
}

static double x_of(const struct view *view, long time)
{
	return LEFT + (double)(time - view->from) * (RIGHT - LEFT) /
	       (view->to - view->from);
}

static bool is_drawn(const struct view *view, long time)
{
	return time >= view->from && time <= view->to;
}

/* The lower edge of a lane's bars. */
static int base_of(int lane)
{
	return TOP + lane * LANE + ABOVE + TALL;
}

static int lane_of(const struct view *view, int process)
{
	for (int i = 0; i < view->lanes; i++)
		if (view->story->lanes[i] == process)
			return i;
	return -1;
}

static int height_of(struct state state)
{
	return state.place == RUNS ? TALL :
	       state.place == ASLEEP && state.doing == OUTSIDE ? THIN : LOW;
}

static void draw_bar(FILE *file, double x, double width, int base,
		     struct state state)
{
	int height = height_of(state);

	fprintf(file, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"",
		x, base - height, width, height);
	if (state.place == READY)
		fprintf(file, "url(#ready-%s)", names[state.doing]);
	else
		fputs(colours[state.doing], file);
	fprintf(file, "\"><title>%s, %s</title></rect>\n", names[state.doing],
		place_names[state.place]);
}

static void write_in_bar(FILE *file, double x, double width, int base,
			 struct state state)
{
	if (width < 40 || state.doing == OUTSIDE || state.place == READY)
		return;
	fprintf(file, "<text x=\"%.1f\" y=\"%d\" class=\"in\" fill=\"%s\">%s</text>\n",
		x + width / 2, base - height_of(state) / 2 + 4,
		state.doing == HOLDS ? "white" : "black", names[state.doing]);
}

static void draw_lane(const struct view *view, FILE *file, int lane)
{
	const struct process *process =
		&view->story->processes[view->story->lanes[lane]];
	int count = (RIGHT - LEFT) * HALVES, base = base_of(lane), from = 0;
	struct state *states = calloc(count, sizeof(*states));

	if (!states)
		die("no memory");
	sample(process, view->from, view->to, count, states);
	fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-weight=\"bold\">",
		LEFT - 10, base - 8);
	print_escaped(file, process->label);
	fprintf(file, "</text>\n");
	for (int i = 1; i <= count; i++) {
		if (i < count && states[i].place == states[from].place &&
		    states[i].doing == states[from].doing)
			continue;
		if (states[from].place != NOWHERE) {
			double x = LEFT + (double)from / HALVES;
			double width = (double)(i - from) / HALVES;

			draw_bar(file, x, width, base, states[from]);
			write_in_bar(file, x, width, base, states[from]);
		}
		from = i;
	}
	free(states);
}

/* mmap: a triangle that stands, unmap: one that hangs, a fault: a diamond. */
static void draw_mark(FILE *file, enum mark_kind kind, double x, int y)
{
	switch (kind) {
	case MARK_MMAP:
		fprintf(file, "<path d=\"M%.1f %dl5 -9l5 9z\" fill=\"white\" stroke=\"black\"/>\n",
			x - 5, y);
		break;
	case MARK_UNMAP:
		fprintf(file, "<path d=\"M%.1f %dl5 9l5 -9z\" fill=\"white\" stroke=\"black\"/>\n",
			x - 5, y - 9);
		break;
	case MARK_FAULT:
		fprintf(file, "<path d=\"M%.1f %dl5 -5l5 5l-5 5z\" fill=\"#d55e00\" stroke=\"black\"/>\n",
			x - 5, y - 5);
		break;
	case MARK_PAGE_FAULT:
		fprintf(file, "<path d=\"M%.1f %dv-5\" stroke=\"#555555\"/>\n",
			x, y);
		break;
	}
}

static void draw_marks(const struct view *view, FILE *file, int lane)
{
	static const char *const what[] = {
		[MARK_PAGE_FAULT] = "page fault", [MARK_FAULT] = "fault in the region",
		[MARK_MMAP] = "mmap", [MARK_UNMAP] = "unmap",
	};
	const struct process *process =
		&view->story->processes[view->story->lanes[lane]];
	int y = base_of(lane) - TALL - 3, drawn = 0;
	double named = 0;	/* where the last name ends */

	for (int rare = 0; rare <= 1; rare++)
		for (size_t i = 0; i < process->mark_count; i++) {
			const struct mark *mark = &process->marks[i];
			double x = x_of(view, mark->time);

			if ((mark->kind != MARK_PAGE_FAULT) != rare ||
			    !is_drawn(view, mark->time) ||
			    drawn++ >= MOST_FAULTS)
				continue;
			draw_mark(file, mark->kind, x, y);
			if (x > RIGHT - 18)
				x = RIGHT - 18;
			if (!rare || x - 14 < named)
				continue;
			named = x + 20;
			fprintf(file, "<text x=\"%.1f\" y=\"%d\" class=\"mark\">%s</text>\n",
				x, y - 12, mark->kind == MARK_FAULT ? "fault" :
				what[mark->kind]);
		}
}

/*
 * From who posts to who is woken by it, with the number that the text has: where
 * it begins, at level 0; where it ends, at level 1, as another is near; or none.
 * The numbers lie above all of the arrows, and above the names of marks.
 */
static void draw_arrow(const struct view *view, FILE *file,
		       const struct wake *wake, int level, bool number)
{
	int from = lane_of(view, wake->from), to = lane_of(view, wake->to);
	double x = x_of(view, wake->time);
	bool down = to > from;
	int start, end, y;

	if (from < 0 || to < 0)
		return;
	start = base_of(from) - (down ? 0 : TALL);
	end = base_of(to) - (down ? LOW : 0);
	y = level ? end + (down ? -20 : 20) : start + (down ? 14 : -33);
	if (!number)
		fprintf(file, "<path d=\"M%.1f %dV%d\" class=\"wake\" marker-end=\"url(#head)\"/>\n",
			x, start, end + (down ? -2 : 2));
	else if (level <= 1)
		fprintf(file, "<circle cx=\"%.1f\" cy=\"%d\" r=\"9\" fill=\"white\" stroke=\"black\"/><text x=\"%.1f\" y=\"%d\" class=\"mark\" font-weight=\"bold\">%d</text>\n",
			x, y, x, y + 4, wake->number);
}

static void draw_arrows(const struct view *view, FILE *file)
{
	const struct story *story = view->story;
	int count = 0;

	for (size_t i = 0; i < story->wake_count; i++)
		count += story->wakes[i].number &&
			 is_drawn(view, story->wakes[i].time);
	for (int number = 0; number <= 1; number++) {
		double last = -100;
		int level = 0;

		for (size_t i = 0; i < story->wake_count; i++) {
			const struct wake *wake = &story->wakes[i];
			double x = x_of(view, wake->time);

			if (!wake->number || !is_drawn(view, wake->time) ||
			    (count > MOST_ARROWS && x - last < 3))
				continue;
			level = x - last > 19 ? 0 : level + 1;
			draw_arrow(view, file, wake, level, number);
			last = x;
		}
	}
}

static void draw_axis(const struct view *view, FILE *file)
{
	long step = axis_step(view->to - view->from, 14);
	long base = zero(view), tick = (view->from - base) / step * step;
	int bottom = TOP + view->lanes * LANE;

	for (; tick + base <= view->to; tick += step) {
		double x = x_of(view, tick + base);

		if (tick + base < view->from)
			continue;
		fprintf(file, "<path d=\"M%.1f %dV%d\" stroke=\"#dddddd\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n",
			x, TOP, bottom, x, TOP - 6, tick / 1000.0);
	}
	fprintf(file, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">ms</text>\n",
		LEFT - 10, TOP - 6);
}

static void draw_legend(FILE *file)
{
	static const struct {
		enum doing doing;
		const char *text;
	} columns[] = {
		{ HOLDS, "holds the semaphore" }, { WAITS, "waits for it" },
		{ OUTSIDE, "does neither" },
	};
	static const struct {
		enum mark_kind kind;
		const char *text;
	} marks[] = {
		{ MARK_MMAP, "mmap" }, { MARK_FAULT, "page fault in the region" },
		{ MARK_UNMAP, "unmap" }, { MARK_PAGE_FAULT, "other page fault" },
	};
	static const int x_marks[] = { 20, 96, 290, 374 };
	static const struct {
		enum place place;
		const char *text;
	} places[] = {
		{ RUNS, "tall: on a processor" },
		{ READY, "striped: could run, has no processor" },
		{ ASLEEP, "low: asleep" },
	};
	static const int x_places[] = { 490, 680, 985 };
	int x = 20;

	for (int i = 0; i < 3; i++) {
		fprintf(file, "<rect x=\"%d\" y=\"61\" width=\"24\" height=\"15\" fill=\"%s\"/><text x=\"%d\" y=\"73\">%s</text>\n",
			x, colours[columns[i].doing], x + 31, columns[i].text);
		x += i == 0 ? 190 : i == 1 ? 135 : 0;
	}
	for (int i = 0; i < 3; i++) {
		struct state state = {
			.place = places[i].place, .doing = OUTSIDE,
		};

		draw_bar(file, x_places[i], 24, 80, state);
		fprintf(file, "<text x=\"%d\" y=\"73\">%s</text>\n",
			x_places[i] + 31, places[i].text);
	}
	for (int i = 0; i < 4; i++) {
		draw_mark(file, marks[i].kind, x_marks[i] + 8, 106);
		fprintf(file, "<text x=\"%d\" y=\"106\">%s</text>\n",
			x_marks[i] + 20, marks[i].text);
	}
	fprintf(file, "<circle cx=\"531\" cy=\"101\" r=\"9\" fill=\"white\" stroke=\"black\"/><text x=\"531\" y=\"105\" class=\"mark\" font-weight=\"bold\">1</text><path d=\"M543 101H563\" class=\"wake\" marker-end=\"url(#head)\"/><text x=\"572\" y=\"106\">post 1 wakes the process that the arrow ends at</text>\n");
}

/* The same words as below the text. */
static int write_list(const struct view *view, FILE *file, int y)
{
	char *text = NULL, *rest;
	size_t size;
	FILE *list = open_memstream(&text, &size);

	if (!list)
		die("no memory");
	list_waits(view, list, LINE_LENGTH, false);
	for (int i = 0; i < view->note_count; i++)
		fprintf(list, "(%s)\n", view->notes[i]);
	fclose(list);
	rest = text;
	for (char *line; (line = strsep(&rest, "\n")) && *line; y += LINE) {
		int indent = strspn(line, " ");

		fprintf(file, "<text x=\"%d\" y=\"%d\">", 20 + 8 * indent, y);
		print_escaped(file, line + indent);
		fprintf(file, "</text>\n");
	}
	free(text);
	return y;
}

static void draw_head(const struct view *view, FILE *file, int height)
{
	const char *command = view->story->trace->command;
	char title[MOST_TITLE + 4];

	snprintf(title, sizeof(title), "%.*s%s", MOST_TITLE, command,
		 strlen(command) > MOST_TITLE ? "..." : "");
	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		WIDTH, height, WIDTH, height);
	fprintf(file, "<style>text{font-family:\"DejaVu Sans\",Verdana,Helvetica,sans-serif;font-size:13px}.in{font-size:11px;text-anchor:middle}.mark{font-size:11px;text-anchor:middle}.wake{stroke:black;stroke-width:1.3;fill:none}</style>\n<defs>\n");
	for (int i = 0; i <= HOLDS; i++)
		fprintf(file, "<pattern id=\"ready-%s\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"white\"/><rect width=\"2.5\" height=\"5\" fill=\"%s\"/></pattern>\n",
			names[i], colours[i]);
	fprintf(file, "<marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker>\n</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
		WIDTH, height);
	fprintf(file, "<text x=\"20\" y=\"32\" style=\"font-size:18px\" font-weight=\"bold\">");
	print_escaped(file, title);
	fprintf(file, "</text>\n<text x=\"%d\" y=\"32\" text-anchor=\"end\">time in ms of an emulated guest with %d processors</text>\n",
		RIGHT, view->story->trace->processors);
}

void draw_svg(const struct view *view, FILE *file)
{
	int below = TOP + view->lanes * LANE + 30, height;
	char *body = NULL;
	size_t size;
	FILE *part = open_memstream(&body, &size);

	if (!part)
		die("no memory");
	draw_legend(part);
	draw_axis(view, part);
	for (int i = 0; i < view->lanes; i++) {
		draw_lane(view, part, i);
		draw_marks(view, part, i);
	}
	draw_arrows(view, part);
	height = write_list(view, part, below);
	fclose(part);
	draw_head(view, file, height);
	fputs(body, file);
	fprintf(file, "</svg>\n");
	free(body);
}
