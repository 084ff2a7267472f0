// SPDX-License-Identifier: GPL-2.0
/*
 * timeline: draws what record saw: a lane for each process, with when it runs,
 * waits for a semaphore, holds it and faults; and who waited for whom.
 */
#include <errno.h>
#include <getopt.h>
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
"Draws a trace that make watch has left, as text.\n"
"\n"
"  --svg=FILE   draw it as a picture, too\n"
"  --from=MS    only from then, in ms as on the axis\n"
"  --to=MS      only until then\n"
"  --all        all of it, from the first process's begin to the last's end,\n"
"               and not only what has to do with the semaphore, nor only the\n"
"               first 60 times that it was held\n"
"  --list       tell of each wait, and not only if there are few\n"
"  --width=N    columns of the text, from 78 (those of the terminal; else 80)\n"
"\n"
"Exit status: 0; 1: no such trace, or not all of it; 2: usage.\n";

enum { FEW_HOLDS = 60, LEAST_WIDTH = 78, MOST_WIDTH = 500 };

static struct {
	const char *svg;
	double from, to;
	bool all, each;
	int width;
} options = { .from = NAN, .to = NAN };

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "timeline: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(1);
}

static _Noreturn void usage(void)
{
	fputs(help, stderr);
	exit(2);
}

static double number(const char *text, double least, double most)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end || !(value >= least && value <= most)) {
		fprintf(stderr, "timeline: '%s' is not a number from %g to %g\n",
			text, least, most);
		exit(2);
	}
	return value;
}

static int terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size = { .ws_col = 0 };
	int width = columns ? atoi(columns) : 0;

	if (!width && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		width = size.ws_col;
	if (!width)
		return 80;
	return width < LEAST_WIDTH ? LEAST_WIDTH :
	       width > MOST_WIDTH  ? MOST_WIDTH : width;
}

static const char *parse(int argc, char *argv[])
{
	static const struct option names[] = {
		{ "svg", required_argument, NULL, 's' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "all", no_argument, NULL, 'a' },
		{ "list", no_argument, NULL, 'l' },
		{ "width", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	options.width = terminal_width();
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 's':
			options.svg = optarg;
			break;
		case 'f':
			options.from = number(optarg, -1e6, 1e9);
			break;
		case 't':
			options.to = number(optarg, -1e6, 1e9);
			break;
		case 'a':
			options.all = true;
			break;
		case 'l':
			options.each = true;
			break;
		case 'w':
			options.width = number(optarg, LEAST_WIDTH, MOST_WIDTH);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			usage();
		}
	}
	if (argc - optind != 1)
		usage();
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

/* When the semaphores were let go for so many times; the end if never. */
static long end_of_holds(const struct story *story, int count)
{
	long *ends, end = story->to;
	size_t all = 0, n = 0;

	for (size_t i = 0; i < story->process_count; i++)
		all += story->processes[i].hold_count;
	ends = calloc(all + 1, sizeof(*ends));
	if (!ends)
		die("no memory");
	for (size_t i = 0; i < story->process_count; i++)
		for (size_t h = 0; h < story->processes[i].hold_count; h++)
			ends[n++] = story->processes[i].holds[h].posted;
	qsort(ends, all, sizeof(*ends), compare_times);
	if (all > (size_t)count)
		end = ends[count - 1];
	free(ends);
	return end;
}

static void choose_part(struct view *view)
{
	const struct story *story = view->story;
	const struct trace *trace = story->trace;
	long base = story->from, last;

	view->from = base;
	view->to = end_of_holds(story, FEW_HOLDS);
	if (options.all) {
		view->from = trace->events[0].time;
		view->to = trace->events[trace->count - 1].time;
	}
	if (!isnan(options.from))
		view->from = base + options.from * 1000;
	if (!isnan(options.to))
		view->to = base + options.to * 1000;
	if (view->to <= view->from)
		die("from %g to %g ms there is nothing to draw",
		    (view->from - base) / 1000.0, (view->to - base) / 1000.0);
	last = trace->events[trace->count - 1].time;
	if (view->from > last || view->to < trace->events[0].time)
		die("the trace is from %g to %g ms",
		    (trace->events[0].time - base) / 1000.0,
		    (last - base) / 1000.0);
	if (!options.all && (view->to < story->to || view->from > base))
		note(view, "drawn is %s to %s of %s ms; --from=MS, --to=MS or --all: another part",
		     ms(view->from - base), ms(view->to - base),
		     ms(story->to - base));
}

/* Those that can be held. */
static int count_sems(const struct story *story)
{
	int count = 0;

	for (size_t i = 0; i < story->sem_count; i++)
		count += story->sems[i].letter >= 0 &&
			 !story->sems[i].is_futex && !story->sems[i].handed;
	return count;
}

static void look(struct view *view, const struct story *story)
{
	int others = story->process_count - story->lane_count;
	int sems = count_sems(story);

	*view = (struct view) { .story = story, .lanes = story->lane_count };
	choose_part(view);
	if (view->lanes > MOST_LANES) {
		view->lanes = MOST_LANES;
		note(view, "%d more processes are not drawn",
		     story->lane_count - MOST_LANES);
	}
	if (sems > 1)
		note(view, "%d semaphores: a lane does not tell which of them is held",
		     sems);
	if (others)
		note(view, "%d other process%s, as a shell, used neither region nor lock",
		     others, others > 1 ? "es" : "");
	if (story->trace->untraced)
		note(view, "this module has no tracepoints: its mmap, faults and unmap are not seen");
	if (story->trace->dropped)
		note(view, "there was no room for all events: what came later than %s ms is not seen",
		     ms(story->trace->events[story->trace->count - 1].time -
			story->from));
}

int main(int argc, char *argv[])
{
	const char *path = parse(argc, argv);
	struct story story;
	struct trace trace;
	struct view view;
	FILE *file;

	read_trace(&trace, path);
	if (!trace.count)
		die("%s has no event: nothing was run, or nothing was seen",
		    path);
	tell(&story, &trace);
	if (!story.lane_count)
		die("no process of this trace maps /dev/shmcount, uses a semaphore that can be seen (looked for in: %s) or waits in futex",
		    trace.programs[0] ? trace.programs : "no program");
	look(&view, &story);

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
		die("cannot write: %s", strerror(errno));
	if (options.svg) {
		file = fopen(options.svg, "we");
		if (!file)
			die("cannot write %s: %s", options.svg,
			    strerror(errno));
		draw_svg(&view, file);
		if (fclose(file))
			die("cannot write %s: %s", options.svg,
			    strerror(errno));
	}
	return 0;
}
