// SPDX-License-Identifier: GPL-2.0
/*
 * timeline: draws a trace of record. A lane for each process shows when it
 * runs, faults, waits for a semaphore and holds it; a list says who waited for
 * whom.
 */
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "draw.h"

static const char help[] =
"usage: timeline [option]... TRACE\n"
"\n"
"Draws a trace of make timeline as text.\n"
"\n"
"  --svg=FILE   write a picture to FILE, too\n"
"  --perfetto=FILE\n"
"               write a trace for Perfetto (ui.perfetto.dev) to FILE, too\n"
"  --raw=DIR    add the waits and holds to the buffers that record left in DIR, as\n"
"               lines of trace_marker\n"
"  --from=MS    start at this time on the axis\n"
"  --to=MS      end at this time\n"
"  --all        draw the whole trace, from the start of the first process to the\n"
"               end of the last. By default the drawing covers the use of the\n"
"               semaphore, and ends when it was held for the 60th time\n"
"  --list       list each wait, even if there are many\n"
"  --width=N    columns of the text, at least 78 (the terminal's, or 80)\n"
"\n"
"Exit status: 0; 1 if the trace is missing or cut off; 2 if an argument is\n"
"wrong.\n";

enum { FEW_HOLDS = 60, MIN_WIDTH = 78, MAX_WIDTH = 500 };

static struct {
	const char *svg, *perfetto, *raw;
	double from, to;
	int all, each;		/* set by getopt_long() */
	int width;
} options = { .from = NAN, .to = NAN };

static _Noreturn void usage(FILE *file, int status)
{
	fputs(help, file);
	exit(status);
}

static double number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= min && value <= max)) {
		warning("'%s' is not a number from %g to %g", text, min, max);
		exit(EXIT_USAGE);
	}
	return value;
}

static int terminal_width(void)
{
	struct winsize size = { .ws_col = 0 };
	int width = parse_long(getenv("COLUMNS") ?: "", INT_MAX);

	if (width <= 0 && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		width = size.ws_col;
	if (width <= 0)
		return 80;
	return width < MIN_WIDTH ? MIN_WIDTH :
	       width > MAX_WIDTH  ? MAX_WIDTH : width;
}

static const char *parse(int argc, char *argv[])
{
	static const struct option names[] = {
		{ "svg", required_argument, NULL, 's' },
		{ "perfetto", required_argument, NULL, 'p' },
		{ "raw", required_argument, NULL, 'r' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "all", no_argument, &options.all, true },
		{ "list", no_argument, &options.each, true },
		{ "width", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	options.width = terminal_width();
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 0:
			break;
		case 's':
			options.svg = optarg;
			break;
		case 'p':
			options.perfetto = optarg;
			break;
		case 'r':
			options.raw = optarg;
			break;
		case 'f':
			options.from = number(optarg, -1e6, 1e9);
			break;
		case 't':
			options.to = number(optarg, -1e6, 1e9);
			break;
		case 'w':
			options.width = number(optarg, MIN_WIDTH, MAX_WIDTH);
			break;
		case 'h':
			usage(stdout, 0);
		default:
			usage(stderr, EXIT_USAGE);
		}
	}
	if (argc - optind != 1)
		usage(stderr, EXIT_USAGE);
	return argv[optind];
}

static __attribute__((format(printf, 2, 3)))
void note(struct view *view, const char *format, ...)
{
	va_list args;

	if (view->note_count == ARRAY_SIZE(view->notes))
		return;
	va_start(args, format);
	vsnprintf(view->notes[view->note_count++], sizeof(view->notes[0]),
		  format, args);
	va_end(args);
}

static int compare_times(const void *a, const void *b)
{
	long first = *(const long *)a, second = *(const long *)b;

	return (first > second) - (first < second);
}

/* When semaphores had been released count times, or the end. */
static long end_of_holds(const struct analysis *analysis, int count)
{
	long *ends, end = analysis->to;
	size_t all = 0, n = 0;

	for (size_t i = 0; i < analysis->process_count; i++)
		all += analysis->processes[i].hold_count;
	ends = allocate(all + 1, sizeof(*ends));
	for (size_t i = 0; i < analysis->process_count; i++)
		for (size_t h = 0; h < analysis->processes[i].hold_count; h++)
			ends[n++] = analysis->processes[i].holds[h].posted;
	qsort(ends, all, sizeof(*ends), compare_times);
	if (all > (size_t)count)
		end = ends[count - 1];
	free(ends);
	return end;
}

static void choose_part(struct view *view)
{
	const struct analysis *analysis = view->analysis;
	const struct trace *trace = analysis->trace;
	long base = analysis->from, last;

	view->from = base;
	view->to = end_of_holds(analysis, FEW_HOLDS);
	if (options.all) {
		view->from = trace->events[0].time;
		view->to = trace->events[trace->count - 1].time;
	}
	if (!isnan(options.from))
		view->from = base + options.from * 1000;
	if (!isnan(options.to))
		view->to = base + options.to * 1000;
	if (view->to <= view->from)
		diex("there is nothing to draw from %g to %g ms",
		     (view->from - base) / 1000.0, (view->to - base) / 1000.0);
	last = trace->events[trace->count - 1].time;
	if (view->from > last || view->to < trace->events[0].time)
		diex("the trace covers %g to %g ms",
		     (trace->events[0].time - base) / 1000.0,
		     (last - base) / 1000.0);
	if (!options.all && (view->to < analysis->to || view->from > base))
		note(view, "this is %s to %s of %s ms; --from=MS, --to=MS or --all draws another part",
		     ms(view->from - base), ms(view->to - base),
		     ms(analysis->to - base));
}

/* The number of semaphores that processes hold. */
static int count_sems(const struct analysis *analysis)
{
	int count = 0;

	for (size_t i = 0; i < analysis->sem_count; i++)
		count += analysis->sems[i].letter >= 0 &&
			 !analysis->sems[i].is_futex && !analysis->sems[i].handed;
	return count;
}

static void make_view(struct view *view, const struct analysis *analysis)
{
	int others = analysis->process_count - analysis->lane_count;
	int sems = count_sems(analysis);

	*view = (struct view) { .analysis = analysis, .lanes = analysis->lane_count };
	choose_part(view);
	if (view->lanes > MAX_LANES) {
		view->lanes = MAX_LANES;
		note(view, "%d more processes are not drawn",
		     analysis->lane_count - MAX_LANES);
	}
	if (sems > 1)
		note(view, "%d semaphores: a lane does not show which of them it holds",
		     sems);
	if (others)
		note(view, "%d other process%s, such as a shell, used neither region nor lock",
		     others, others > 1 ? "es" : "");
	if (analysis->trace->untraced)
		note(view, "this module has no tracepoints: m, f and u are of every shared mapping of a file");
	if (analysis->trace->dropped)
		note(view, "the buffer was full: events after %s ms are missing",
		     ms(analysis->trace->events[analysis->trace->count - 1].time -
			analysis->from));
}

static void write_to(const char *path, void (*draw)(const struct view *, FILE *),
		     const struct view *view)
{
	FILE *file = fopen(path, "we");

	if (!file)
		die("cannot write %s", path);
	draw(view, file);
	if (fclose(file))
		die("cannot write %s", path);
}

int main(int argc, char *argv[])
{
	const char *path = parse(argc, argv);
	struct analysis analysis;
	struct trace trace;
	struct view view;

	read_trace(&trace, path);
	if (!trace.count)
		diex("%s has no event: nothing ran, or nothing was traced",
		     path);
	analyse(&analysis, &trace);
	if (!analysis.lane_count)
		diex("no process of this trace maps /dev/shmcount, uses a semaphore (looked for semaphores in: %s) or waits in futex",
		     trace.programs[0] ? trace.programs : "no program");
	make_view(&view, &analysis);

	if ((int)strlen(trace.command) > options.width)
		printf("%.*s...\n", options.width - 3, trace.command);
	else
		printf("%s\n", trace.command);
	draw_text(&view, stdout, options.width, isatty(STDOUT_FILENO) &&
		  !getenv("NO_COLOR"));
	list_processes(&view, stdout);
	list_waits(&view, stdout, options.width, options.each);
	for (int i = 0; i < view.note_count; i++)
		printf("  (%s)\n", view.notes[i]);
	if (fflush(stdout))
		die("cannot write");
	if (options.svg)
		write_to(options.svg, draw_svg, &view);
	if (options.perfetto)
		write_to(options.perfetto, draw_perfetto, &view);
	if (options.raw)
		mark_buffers(&analysis, options.raw);
	return 0;
}
