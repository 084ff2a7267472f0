// SPDX-License-Identifier: GPL-2.0
/* Draws a timeline as a picture: a bar for each process, an arrow for each wake. */
#include <stdlib.h>
#include <string.h>

#include "draw.h"

enum {
	WIDTH = 1200, LEFT = 130, RIGHT = 1180,
	TOP = 150,		/* of the lanes, below title and legend */
	ABOVE = 44, TALL = 30, LOW = 15, THIN = 4, BELOW = 12,
	LANE = ABOVE + TALL + BELOW,
	LINE = 19,		/* of the text below */
	HALVES = 2,		/* columns of a pixel */
	MAX_FAULTS = 300, MAX_ARROWS = 80, LINE_LENGTH = 165, MAX_TITLE = 64,
};

/* Colours that stay apart in print and for the colour-blind (Okabe and Ito). */
static const char *const colours[HOLDING + 1] = {
	[OUTSIDE] = "#8a8a8a", [WAITING] = "#e69f00", [HOLDING] = "#0072b2",
};

static const char *const names[HOLDING + 1] = {
	[OUTSIDE] = "outside", [WAITING] = "waits", [HOLDING] = "holds",
};

static const char *const sched_names[] = {
	[ABSENT] = "", [ASLEEP] = "asleep", [READY] = "ready",
	[RUNNING] = "on a processor",
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

static void draw_label(FILE *file, int x, int y, const char *attributes,
		       const char *text)
{
	fprintf(file, "<text x=\"%d\" y=\"%d\"%s>", x, y, attributes);
	print_escaped(file, text);
	fprintf(file, "</text>\n");
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
		if (view->analysis->lanes[i] == process)
			return i;
	return -1;
}

static int height_of(struct state state)
{
	return state.sched == RUNNING ? TALL :
	       state.sched == ASLEEP && state.sem == OUTSIDE ? THIN : LOW;
}

static void draw_bar(FILE *file, double x, double width, int base,
		     struct state state)
{
	int height = height_of(state);

	fprintf(file, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"",
		x, base - height, width, height);
	if (state.sched == READY)
		fprintf(file, "url(#ready-%s)", names[state.sem]);
	else
		fputs(colours[state.sem], file);
	fprintf(file, "\"><title>%s, %s</title></rect>\n", names[state.sem],
		sched_names[state.sched]);
}

static void write_in_bar(FILE *file, double x, double width, int base,
			 struct state state)
{
	if (width < 40 || state.sem == OUTSIDE || state.sched == READY)
		return;
	fprintf(file, "<text x=\"%.1f\" y=\"%d\" class=\"in\" fill=\"%s\">%s</text>\n",
		x + width / 2, base - height_of(state) / 2 + 4,
		state.sem == HOLDING ? "white" : "black", names[state.sem]);
}

static void draw_lane(const struct view *view, FILE *file, int lane)
{
	const struct process *process =
		&view->analysis->processes[view->analysis->lanes[lane]];
	int count = (RIGHT - LEFT) * HALVES, base = base_of(lane), from = 0;
	struct state *states = allocate(count, sizeof(*states));

	sample(process, view->from, view->to, count, states);
	draw_label(file, LEFT - 10, base - 8,
		   " text-anchor=\"end\" font-weight=\"bold\"", process->label);
	for (int i = 1; i <= count; i++) {
		if (i < count && states[i].sched == states[from].sched &&
		    states[i].sem == states[from].sem)
			continue;
		if (states[from].sched != ABSENT) {
			double x = LEFT + (double)from / HALVES;
			double width = (double)(i - from) / HALVES;

			draw_bar(file, x, width, base, states[from]);
			write_in_bar(file, x, width, base, states[from]);
		}
		from = i;
	}
	free(states);
}

/* A triangle points up for mmap, down for unmap; a fault is a diamond. */
static void draw_mark(FILE *file, enum event_kind kind, double x, int y)
{
	static const char *const shapes[] = {
		[EVENT_MMAP] = "l5 -9l5 9z\" fill=\"white\" stroke=\"black",
		[EVENT_UNMAP] = "m0 -9l5 9l5 -9z\" fill=\"white\" stroke=\"black",
		[EVENT_FAULT] = "m0 -5l5 -5l5 5l-5 5z\" fill=\"#d55e00\" stroke=\"black",
		[EVENT_PAGE_FAULT] = "m5 0v-5\" stroke=\"#555555",
	};

	fprintf(file, "<path d=\"M%.1f %d%s\"/>\n", x - 5, y, shapes[kind]);
}

static void draw_marks(const struct view *view, FILE *file, int lane)
{
	static const char *const mark_names[] = {
		[EVENT_FAULT] = "fault", [EVENT_MMAP] = "mmap", [EVENT_UNMAP] = "unmap",
	};
	const struct process *process =
		&view->analysis->processes[view->analysis->lanes[lane]];
	int y = base_of(lane) - TALL - 3, drawn = 0;
	double named = 0;	/* the end of the last name */

	for (int rare = 0; rare <= 1; rare++)
		for (size_t i = 0; i < process->mark_count; i++) {
			const struct mark *mark = &process->marks[i];
			double x = x_of(view, mark->time);

			if ((mark->kind != EVENT_PAGE_FAULT) != rare ||
			    !is_drawn(view, mark->time) ||
			    drawn++ >= MAX_FAULTS)
				continue;
			draw_mark(file, mark->kind, x, y);
			if (x > RIGHT - 18)
				x = RIGHT - 18;
			if (!rare || x - 14 < named)
				continue;
			named = x + 20;
			fprintf(file, "<text x=\"%.1f\" y=\"%d\" class=\"mark\">%s</text>\n",
				x, y - 12, mark_names[mark->kind]);
		}
}

/*
 * Draw an arrow from the process that posts to the one that wakes up, or its
 * number: at its start if level is 0, at its end if it is 1 as another arrow is
 * near, and not at all above that. Numbers are drawn after all arrows and marks.
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
	const struct analysis *analysis = view->analysis;
	int count = 0;

	for (size_t i = 0; i < analysis->wake_count; i++)
		count += analysis->wakes[i].number &&
			 is_drawn(view, analysis->wakes[i].time);
	for (int number = 0; number <= 1; number++) {
		double last = -100;
		int level = 0;

		for (size_t i = 0; i < analysis->wake_count; i++) {
			const struct wake *wake = &analysis->wakes[i];
			double x = x_of(view, wake->time);

			if (!wake->number || !is_drawn(view, wake->time) ||
			    (count > MAX_ARROWS && x - last < 3))
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
	long base = view->analysis->from, tick = (view->from - base) / step * step;
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
		int x;
		enum sem_state sem;
		const char *text;
	} colour_legend[] = {
		{ 20, HOLDING, "holds the semaphore" },
		{ 210, WAITING, "waits for it" },
		{ 345, OUTSIDE, "does neither" },
	};
	static const struct {
		int x;
		enum sched_state sched;
		const char *text;
	} shapes[] = {
		{ 490, RUNNING, "tall: on a processor" },
		{ 680, READY, "striped: could run, has no processor" },
		{ 985, ASLEEP, "low: asleep" },
	};
	static const struct {
		int x;
		enum event_kind kind;
		const char *text;
	} marks[] = {
		{ 20, EVENT_MMAP, "mmap" },
		{ 96, EVENT_FAULT, "page fault in the region" },
		{ 290, EVENT_UNMAP, "unmap" },
		{ 374, EVENT_PAGE_FAULT, "other page fault" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(colour_legend); i++)
		fprintf(file, "<rect x=\"%d\" y=\"61\" width=\"24\" height=\"15\" fill=\"%s\"/><text x=\"%d\" y=\"73\">%s</text>\n",
			colour_legend[i].x, colours[colour_legend[i].sem],
			colour_legend[i].x + 31, colour_legend[i].text);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		draw_bar(file, shapes[i].x, 24, 80,
			 (struct state) { shapes[i].sched, OUTSIDE });
		fprintf(file, "<text x=\"%d\" y=\"73\">%s</text>\n",
			shapes[i].x + 31, shapes[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(marks); i++) {
		draw_mark(file, marks[i].kind, marks[i].x + 8, 106);
		fprintf(file, "<text x=\"%d\" y=\"106\">%s</text>\n",
			marks[i].x + 20, marks[i].text);
	}
	fprintf(file, "<circle cx=\"531\" cy=\"101\" r=\"9\" fill=\"white\" stroke=\"black\"/><text x=\"531\" y=\"105\" class=\"mark\" font-weight=\"bold\">1</text><path d=\"M543 101H563\" class=\"wake\" marker-end=\"url(#head)\"/><text x=\"572\" y=\"106\">post 1 wakes the process at the end of the arrow</text>\n");
}

/* The same list as below the text. */
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

		draw_label(file, 20 + 8 * indent, y, "", line + indent);
	}
	free(text);
	return y;
}

static void draw_head(const struct view *view, FILE *file, int height)
{
	const struct trace *trace = view->analysis->trace;
	const char *command = trace->command;
	char title[MAX_TITLE + 4];

	snprintf(title, sizeof(title), "%.*s%s", MAX_TITLE, command,
		 strlen(command) > MAX_TITLE ? "..." : "");
	fprintf(file, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
		WIDTH, height, WIDTH, height);
	fprintf(file, "<style>text{font-family:\"DejaVu Sans\",Verdana,Helvetica,sans-serif;font-size:13px}.in{font-size:11px;text-anchor:middle}.mark{font-size:11px;text-anchor:middle}.wake{stroke:black;stroke-width:1.3;fill:none}</style>\n<defs>\n");
	for (int i = 0; i <= HOLDING; i++)
		fprintf(file, "<pattern id=\"ready-%s\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"white\"/><rect width=\"2.5\" height=\"5\" fill=\"%s\"/></pattern>\n",
			names[i], colours[i]);
	fprintf(file, "<marker id=\"head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker>\n</defs>\n<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
		WIDTH, height);
	draw_label(file, 20, 32, " style=\"font-size:18px\" font-weight=\"bold\"", title);
	fprintf(file, "<text x=\"%d\" y=\"32\" text-anchor=\"end\">", RIGHT);
	print_escaped(file, trace->machine);
	fprintf(file, "%s%d processors; time in ms</text>\n", *trace->machine ? ", " : "",
		trace->processors);
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
