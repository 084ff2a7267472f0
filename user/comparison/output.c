// SPDX-License-Identifier: GPL-2.0
/*
 * Output: the frame of the table, results.csv (RFC 4180) and results.json
 * (RFC 8259). One writer makes both files, so they have the same columns.
 */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../libc.h"
#include "compare.h"

static const char *format(double value, int decimals, const char *mark)
{
	static char texts[16][24];
	static int next;
	char *text = texts[next++ % 16];

	if (!isfinite(value))
		return "-";
	snprintf(text, sizeof(texts[0]), "%.*f%s", decimals, value, mark);
	return text;
}

static int decimals(double value)
{
	return value >= 100 || value == 0 ? 0 : value >= 10 ? 1 :
	       value >= 1 ? 2 : 3;
}

const char *figure(double value)
{
	return format(value, decimals(value), "");
}

const char *ratio_figure(double value)
{
	return format(value, 3, "");
}

const char *marked(double value, const struct result *result,
		   const struct result *other)
{
	bool doubtful = (result && result->state != MEASURED) ||
			(other && other->state != MEASURED);

	return format(value, decimals(value), doubtful ? "*" : "");
}

const char *marked_count(long count, const struct result *result)
{
	return format(count ? (double)count : (double)NAN, 0,
		      result->state == MEASURED ? "" : "*");
}

const char *label(const struct comparison *c, const char *backing)
{
	return strcmp(backing, SHMCOUNT_DEVICE) ? backing : c->locations.device;
}

const char *state_name(enum state state)
{
	static const char *const names[] = {
		[MEASURED] = "measured", [NOISY] = "noisy",
		[UNSTABLE] = "unstable", [SKIPPED] = "skipped",
		[FAILED] = "failed",
	};

	return names[state];
}

void note(struct comparison *c, const struct result *result)
{
	if (result->state != MEASURED)
		fprintf(c->table, "  %s: %s", state_name(result->state),
			result->why);
	fprintf(c->table, "\n");
}

void progress(const struct comparison *c, const char *format, ...)
{
	va_list args;

	if (!c->progress)
		return;
	fprintf(stderr, "\r\033[K");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fflush(stderr);
}

/* ---- the writer: it places commas, quotes and line breaks ---- */

struct writer {
	FILE *file;
	enum { HEADER, NAMES, CSV, JSON } as;
	bool first;		/* no comma before the next field */
};

/* Returns false if the writer writes only the names of fields. */
static bool begin_field(struct writer *w, const char *name)
{
	if (!w->first)
		fputc(',', w->file);
	w->first = false;
	if (w->as == NAMES && name)
		fputs(name, w->file);
	else if (w->as == JSON && name)
		fprintf(w->file, "\"%s\":", name);
	return w->as != NAMES;
}

/* In JSON, a field that is an array or an object; the latter on a new line. */
static void open_field(struct writer *w, const char *name, char bracket)
{
	begin_field(w, name);
	fprintf(w->file, "%s%c", bracket == '{' ? "\n" : "", bracket);
	w->first = true;
}

static void close_field(struct writer *w, char bracket)
{
	fputc(bracket, w->file);
	w->first = false;
}

static void write_text(struct writer *w, const char *name, const char *text)
{
	bool json = w->as == JSON;

	if (!begin_field(w, name))
		return;
	if (!text) {
		fprintf(w->file, "%s", json ? "null" : "");
		return;
	}
	fputc('"', w->file);
	for (const char *p = text; *p; p++) {
		if (!json && *p == '"')
			fprintf(w->file, "\"\"");
		else if (json && (*p == '"' || *p == '\\'))
			fprintf(w->file, "\\%c", *p);
		else if (json && (unsigned char)*p < ' ')
			fprintf(w->file, "\\u%04x", *p);
		else
			fputc(*p, w->file);
	}
	fputc('"', w->file);
}

static void write_number(struct writer *w, const char *name, double value)
{
	if (!begin_field(w, name))
		return;
	if (value == rint(value) && isfinite(value))
		fprintf(w->file, "%.0f", value);
	else if (isfinite(value))
		fprintf(w->file, "%.9g", value);
	else if (w->as == JSON)
		fprintf(w->file, "null");
}

static void write_series(struct writer *w, const char *name,
			 const struct series *series)
{
	open_field(w, name, '[');
	for (int i = 0; i < series->count; i++)
		write_number(w, NULL, series->value[i]);
	close_field(w, ']');
}

/* The buckets that are not empty, each as an array: its least value, its count. */
static void write_buckets(struct writer *w, const struct histogram *histogram)
{
	open_field(w, "buckets", '[');
	for (int i = 0; histogram && i < BUCKETS; i++) {
		if (!histogram->bucket[i])
			continue;
		open_field(w, NULL, '[');
		write_number(w, NULL, bucket_start(i));
		write_number(w, NULL, histogram->bucket[i]);
		close_field(w, ']');
	}
	close_field(w, ']');
}

/* ---- what was measured, and on what ---- */

static __attribute__((format(printf, 3, 4)))
void write_fact(struct writer *w, const char *name, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (w->as == HEADER)
		fprintf(w->file, "# %-11s %s\n", name, text);
	else
		write_text(w, name, text);
}

static void write_processor(struct writer *w)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256], name[200] = "unknown";

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "model name : %199[^\n]", name) == 1)
			break;
	if (file)
		fclose(file);
	write_fact(w, "processor", "%s", name);
}

static void write_facts(struct writer *w, const struct comparison *c)
{
	time_t time_now = time(NULL);
	struct utsname system;
	struct statfs fs;
	char date[40];

	uname(&system);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", gmtime(&time_now));
	write_fact(w, "date", "%s", date);
	write_fact(w, "kernel", "%s %s", system.release, system.machine);
	write_fact(w, "libc", "%s %s", LIBC_NAME, libc_version());
	write_processor(w);
	write_fact(w, "processors", "%d", c->cpus.count);
	/* The guest's PID 1 sets it. */
	write_fact(w, "machine", "%s", getenv("SHMCOUNT_GUEST") ?: "native");
	write_fact(w, "pinned", "%s", c->cpus.pin ?
		   "yes, process i to processor i modulo processors (stevens: no)" :
		   "no");
	write_fact(w, "clock", "%s", c->instructions ? "counts instructions" :
						       "CLOCK_MONOTONIC");
	write_fact(w, "effort", "%s%s", c->quick ? "quick" : "full",
		   interrupted ? ", interrupted" : "");
	if (access("/proc/self/schedstat", R_OK))
		write_fact(w, "run_delay", "unknown here: no sample is rejected for it");
	else
		write_fact(w, "run_delay",
		   "%g %% of a sample or more rejects it", 100 * max_disturbance);
	write_fact(w, "device", "%s", c->locations.device);
	write_fact(w, "disk", "%s (file system type 0x%lx)", c->locations.disk,
		   statfs(c->locations.disk, &fs) ? 0 : (unsigned long)fs.f_type);
	write_fact(w, "tmpfs", "%s", c->locations.tmpfs);
	write_fact(w, "seed", "%u", c->seed);
}

void print_header(struct comparison *c, FILE *file)
{
	write_facts(&(struct writer) { .file = file, .as = HEADER }, c);
}

static const char *const verdicts[] = {
	[MET] = "met", [NOT_MET] = "not met", [UNDECIDED] = "undecided",
};

void print_targets(struct comparison *c)
{
	bool doubtful = false;

	if (!c->target_count)
		return;
	fprintf(c->table,
		"\nTargets: a ratio, the 95 %% interval of its median, and its limit\n\n");
	for (int i = 0; i < c->target_count; i++) {
		const struct target *target = &c->targets[i];

		doubtful |= target->doubtful;
		fprintf(c->table, "%5s%s %5s to %5s  %4.2f  %-9s  %s\n",
			ratio_figure(target->median), target->doubtful ? "*" : " ",
			ratio_figure(target->low),
			ratio_figure(target->high), target->max,
			verdicts[target->verdict], target->what);
	}
	if (doubtful)
		fprintf(c->table, "\n" MARK_MEANS "\n");
}

/* ---- the files ---- */

/* NAN is a float, which "? :" would make of a whole number, too. */
static double only_if(bool known, double value)
{
	return known ? value : (double)NAN;
}

static double or_nothing(double value)
{
	return only_if(value != 0, value);
}

static void write_waits(struct writer *w, const struct result *result)
{
	static const struct histogram none;
	const struct histogram *waits = result->waits ?: &none;

	write_number(w, "hold", only_if(result->waits, result->hold));
	write_number(w, "think", only_if(result->waits, result->think));
	write_number(w, "waits", or_nothing(waits->count));
	write_number(w, "p50", histogram_tail(waits, 0.5));
	write_number(w, "p90", histogram_tail(waits, 0.9));
	write_number(w, "p99", histogram_tail(waits, 0.99));
	write_number(w, "p999", histogram_tail(waits, 0.999));
	write_number(w, "longest", only_if(waits->count, waits->longest));
	write_number(w, "jain", quartiles(&result->jain).median);
	write_number(w, "longest_run", or_nothing(result->longest_run));
}

static void write_result(const struct comparison *c, struct writer *w,
			 const struct result *result)
{
	struct quartiles q = quartiles(&result->values);
	struct quartiles r = quartiles(&result->ratios);
	bool counted = result->increments;

	write_text(w, "question", result->question);
	write_text(w, "path", result->backing ? label(c, result->backing) : NULL);
	write_text(w, "lock", result->lock);
	write_number(w, "processes", or_nothing(result->processes));
	write_text(w, "object", result->object);
	write_number(w, "pages", or_nothing(result->pages));
	write_text(w, "what", result->what);
	write_text(w, "unit", result->unit);
	write_number(w, "median", q.median);
	write_number(w, "q1", q.low);
	write_number(w, "q3", q.high);
	/* The fastest contended sample would be one without contention. */
	write_number(w, "min", result->processes > 1 ? NAN : q.min);
	write_number(w, "clean", result->clean);
	write_number(w, "rejected", result->rejected);
	write_text(w, "ratio_to", result->ratio_to);
	write_number(w, "ratio", r.median);
	write_number(w, "ratio_q1", r.low);
	write_number(w, "ratio_q3", r.high);
	write_number(w, "published", quartiles(&result->published).median);
	write_number(w, "loops", or_nothing(result->loops));
	write_number(w, "increments", only_if(counted, result->increments));
	write_number(w, "lost", only_if(counted, result->lost));
	write_number(w, "fairness", quartiles(&result->fairness).median);
	write_number(w, "switches", quartiles(&result->switches).median);
	write_waits(w, result);
	write_text(w, "state", state_name(result->state));
	write_text(w, "why", result->why[0] ? result->why : NULL);
}

void write_csv(struct comparison *c, FILE *file)
{
	struct writer w = { .file = file, .as = NAMES, .first = true };

	write_result(c, &w, &(struct result) { 0 });
	fputc('\n', file);
	w.as = CSV;
	for (int i = 0; i < c->result_count; i++) {
		w.first = true;
		write_result(c, &w, &c->results[i]);
		fputc('\n', file);
	}
}

/* run.sh joins two of these files, by their first and last bracket. */
void write_json(struct comparison *c, FILE *file)
{
	struct writer w = { .file = file, .as = JSON, .first = true };

	open_field(&w, NULL, '[');
	open_field(&w, NULL, '{');
	open_field(&w, "run", '{');
	write_facts(&w, c);
	close_field(&w, '}');
	open_field(&w, "results", '[');
	for (int i = 0; i < c->result_count; i++) {
		open_field(&w, NULL, '{');
		write_result(c, &w, &c->results[i]);
		write_series(&w, "samples", &c->results[i].values);
		write_series(&w, "ratios", &c->results[i].ratios);
		write_buckets(&w, c->results[i].waits);
		close_field(&w, '}');
	}
	close_field(&w, ']');
	open_field(&w, "targets", '[');
	for (int i = 0; i < c->target_count; i++) {
		const struct target *target = &c->targets[i];

		open_field(&w, NULL, '{');
		write_text(&w, "what", target->what);
		write_number(&w, "max", target->max);
		write_number(&w, "ratio", target->median);
		write_number(&w, "low", target->low);
		write_number(&w, "high", target->high);
		write_number(&w, "samples", target->samples);
		write_text(&w, "verdict", verdicts[target->verdict]);
		close_field(&w, '}');
	}
	close_field(&w, ']');
	close_field(&w, '}');
	close_field(&w, ']');
	fputc('\n', file);
}
