// SPDX-License-Identifier: GPL-2.0
/* What came of the jobs: its statistics, and the two formats for programs. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "../grow.h"
#include "../libc.h"
#include "compare.h"

enum { FACTS = 16 };

/* Quartiles further apart than this share of the median are not ranked. */
static const double most_spread = 0.25;

bool is_wanted(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *item = list; item; item = strchr(item, ',')) {
		item += *item == ',';
		if (!strncmp(item, name, length) &&
		    (!item[length] || item[length] == ','))
			return true;
	}
	return !list;
}

int random_below(struct comparison *c, int limit)
{
	/* G. Marsaglia's xorshift, 64 bits (2003). */
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->random % limit;
}

void random_order(struct comparison *c, int *order, int count)
{
	for (int i = 0; i < count; i++) {
		int j = random_below(c, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

void series_add(struct series *series, double value)
{
	series->value = grow(series->value, series->count, sizeof(double));
	series->value[series->count++] = value;
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which there is that share of the sorted ones. */
static double quantile(const double *sorted, int count, double share)
{
	double at = share * (count - 1);
	int below = at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

static double *sorted_copy(const struct series *series)
{
	size_t bytes = series->count * sizeof(double);
	double *sorted = malloc(bytes);

	if (!sorted)
		die("no memory");
	memcpy(sorted, series->value, bytes);
	qsort(sorted, series->count, sizeof(double), compare_values);
	return sorted;
}

struct quartiles quartiles(const struct series *series)
{
	struct quartiles q = { NAN, NAN, NAN, NAN };
	double *sorted;

	if (!series->count)
		return q;
	sorted = sorted_copy(series);
	q.least = sorted[0];
	q.low = quantile(sorted, series->count, 0.25);
	q.median = quantile(sorted, series->count, 0.5);
	q.high = quantile(sorted, series->count, 0.75);
	free(sorted);
	return q;
}

struct result *result_add(struct comparison *c, struct result result)
{
	c->results = grow(c->results, c->result_count, sizeof(result));
	c->results[c->result_count] = result;
	return &c->results[c->result_count++];
}

void result_sample(struct result *result, double value, bool clean)
{
	if (!clean) {
		result->rejected++;
		if (result->clean)
			return;
	} else if (!result->clean++) {
		result->values.count = 0;
	}
	series_add(&result->values, value);
}

void result_judge(struct result *result, int wanted)
{
	struct quartiles q = quartiles(&result->values);

	if (result->state != MEASURED)
		return;
	if (!result->values.count) {
		result->state = SKIPPED;
		snprintf(result->why, WHY, "interrupted before it was measured");
	} else if (result->clean < wanted) {
		result->state = NOISY;
		snprintf(result->why, WHY, "clean samples: %d, rejected: %d",
			 result->clean, result->rejected);
	} else if (q.high - q.low > most_spread * q.median) {
		result->state = UNSTABLE;
		snprintf(result->why, WHY, "quartiles %.0f %% apart",
			 100 * (q.high - q.low) / q.median);
	}
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

static struct target target_of(double most, const struct series *ratios)
{
	int n = ratios->count, rank;
	struct target target = {
		.most = most, .samples = n, .verdict = UNDECIDED,
		.median = NAN, .low = NAN, .high = NAN,
	};
	double *sorted;

	if (!n)
		return target;
	target.median = quartiles(ratios).median;
	/* With fewer not even the least and the greatest are far enough out. */
	if (n < 6)
		return target;
	/* By the binomial distribution of how many samples are below it. */
	rank = n / 2.0 - 0.98 * sqrt(n);
	sorted = sorted_copy(ratios);
	target.low = sorted[rank];
	target.high = sorted[n - 1 - rank];
	free(sorted);
	if (target.high <= most)
		target.verdict = MET;
	else if (target.low > most)
		target.verdict = NOT_MET;
	return target;
}

void target_add(struct comparison *c, double most, const struct series *ratios,
		const char *format, ...)
{
	struct target *target;
	va_list args;

	c->targets = grow(c->targets, c->target_count, sizeof(*target));
	target = &c->targets[c->target_count++];
	*target = target_of(most, ratios);
	va_start(args, format);
	vsnprintf(target->what, sizeof(target->what), format, args);
	va_end(args);
}

const char *figure(char text[24], double value)
{
	if (isnan(value))
		return "-";
	if (value >= 100 || value == 0)
		snprintf(text, 24, "%.0f", value);
	else
		snprintf(text, 24, "%.*f", value >= 10 ? 1 : value >= 1 ? 2 : 3,
			 value);
	return text;
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

/* ---- what was measured on what ---- */

static void cpu_name(char *name, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(name, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value || strncmp(line, "model name", 10))
			continue;
		line[strcspn(line, "\n")] = '\0';
		snprintf(name, size, "%s", value + (value[1] ? 2 : 1));
		break;
	}
	if (file)
		fclose(file);
}

/* Its number, of those in linux/magic.h; 0 if there is no such directory. */
static unsigned long file_system(const char *directory)
{
	struct statfs fs;

	return statfs(directory, &fs) ? 0 : fs.f_type;
}

/* Facts of the run, name and value. Returns how many there are. */
static int facts(const struct comparison *c, const char *names[FACTS],
		 char values[FACTS][200])
{
	struct utsname system;
	time_t time_now = time(NULL);
	int n = 0;

	uname(&system);
	names[n] = "date";
	strftime(values[n++], 200, "%Y-%m-%d %H:%M UTC", gmtime(&time_now));
	names[n] = "kernel";
	snprintf(values[n++], 200, "%s %s", system.release, system.machine);
	names[n] = "libc";
	snprintf(values[n++], 200, "%s %s", LIBC_NAME, libc_version());
	names[n] = "processor";
	cpu_name(values[n++], 200);
	names[n] = "processors";
	snprintf(values[n++], 200, "%d", c->cpus.count);
	/* Set by the guest's PID 1. */
	names[n] = "machine";
	snprintf(values[n++], 200, "%s", getenv("SHMCOUNT_GUEST") ?: "native");
	names[n] = "pinned";
	snprintf(values[n++], 200, "%s", c->cpus.pin ?
		 "yes, process i to processor i modulo processors (stevens: no)" :
		 "no");
	names[n] = "clock";
	snprintf(values[n++], 200, "%s", c->instructions ?
		 "counts instructions" : "CLOCK_MONOTONIC");
	names[n] = "effort";
	snprintf(values[n++], 200, "%s%s", c->quick ? "quick" : "full",
		 interrupted ? ", interrupted" : "");
	names[n] = "run_delay";
	snprintf(values[n++], 200, "%s", access("/proc/self/schedstat", R_OK) ?
		 "unknown here: samples are not rejected for it" :
		 "over 5 % of a sample of speed or setup rejects it");
	names[n] = "device";
	snprintf(values[n++], 200, "%s", c->places.device);
	names[n] = "disk";
	snprintf(values[n++], 200, "%s (file system type 0x%lx)",
		 c->places.disk, file_system(c->places.disk));
	names[n] = "tmpfs";
	snprintf(values[n++], 200, "%s", c->places.tmpfs);
	names[n] = "seed";
	snprintf(values[n++], 200, "%u", c->seed);
	return n;
}

void print_header(struct comparison *c, FILE *file)
{
	const char *names[FACTS];
	char values[FACTS][200];
	int n = facts(c, names, values);

	for (int i = 0; i < n; i++)
		fprintf(file, "# %-11s %s\n", names[i], values[i]);
}

static const char *const verdicts[] = {
	[MET] = "met", [NOT_MET] = "not met", [UNDECIDED] = "undecided",
};

void print_targets(struct comparison *c)
{
	if (!c->target_count)
		return;
	fprintf(c->table, "\nTargets: a ratio, where its median is by 95 %%, and the most it may be\n\n");
	for (int i = 0; i < c->target_count; i++) {
		const struct target *target = &c->targets[i];

		fprintf(c->table, "%5.3f  %5.3f to %5.3f  %4.2f  %-9s  %s\n",
			target->median, target->low, target->high, target->most,
			verdicts[target->verdict], target->what);
	}
}

/* ---- CSV (RFC 4180) and JSON (RFC 8259), one list of columns for both ---- */

struct writer {
	FILE *file;
	enum { NAMES, CSV, JSON } as;
	bool first;
};

/* Returns false where only the names are wanted. */
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
	if (!isnan(value))
		fprintf(w->file, "%.9g", value);
	else if (w->as == JSON)
		fprintf(w->file, "null");
}

static double or_nothing(double value)
{
	return value ? value : NAN;
}

static void write_result(struct writer *w, const struct result *result)
{
	struct quartiles q = quartiles(&result->values);
	struct quartiles ratio = quartiles(&result->ratios);
	bool counted = result->increments;

	write_text(w, "question", result->question);
	write_text(w, "path", result->path);
	write_text(w, "lock", result->lock);
	write_number(w, "processes", or_nothing(result->processes));
	write_text(w, "object", result->object);
	write_number(w, "pages", or_nothing(result->pages));
	write_text(w, "what", result->what);
	write_text(w, "unit", result->unit);
	write_number(w, "median", q.median);
	write_number(w, "q1", q.low);
	write_number(w, "q3", q.high);
	/* Of a contended row it would be that of a run without contention. */
	write_number(w, "min", result->processes > 1 ? NAN : q.least);
	write_number(w, "clean", result->clean);
	write_number(w, "rejected", result->rejected);
	write_text(w, "ratio_to", result->ratio_to);
	write_number(w, "ratio", ratio.median);
	write_number(w, "ratio_q1", ratio.low);
	write_number(w, "ratio_q3", ratio.high);
	write_number(w, "published", quartiles(&result->published).median);
	write_number(w, "loops", or_nothing(result->loops));
	write_number(w, "increments", counted ? result->increments : NAN);
	write_number(w, "lost", counted ? result->lost : NAN);
	write_number(w, "fairness", quartiles(&result->fairness).median);
	write_number(w, "switches", quartiles(&result->switches).median);
	write_text(w, "state", state_name(result->state));
	write_text(w, "why", result->why[0] ? result->why : NULL);
}

void write_csv(struct comparison *c, FILE *file)
{
	struct writer w = { .file = file, .as = NAMES, .first = true };

	write_result(&w, &(struct result) { 0 });
	fputc('\n', file);
	w.as = CSV;
	for (int i = 0; i < c->result_count; i++) {
		w.first = true;
		write_result(&w, &c->results[i]);
		fputc('\n', file);
	}
}

static void write_series(struct writer *w, const char *name,
			 const struct series *series)
{
	begin_field(w, name);
	fputc('[', w->file);
	w->first = true;
	for (int i = 0; i < series->count; i++)
		write_number(w, NULL, series->value[i]);
	fputc(']', w->file);
	w->first = false;
}

void write_json(struct comparison *c, FILE *file)
{
	struct writer w = { .file = file, .as = JSON, .first = true };
	const char *names[FACTS];
	char values[FACTS][200];
	int n = facts(c, names, values);

	fprintf(file, "[{\"run\":{");
	for (int i = 0; i < n; i++)
		write_text(&w, names[i], values[i]);
	fprintf(file, "},\n\"results\":[\n");
	for (int i = 0; i < c->result_count; i++) {
		fprintf(file, "%s{", i ? ",\n" : "");
		w.first = true;
		write_result(&w, &c->results[i]);
		write_series(&w, "samples", &c->results[i].values);
		write_series(&w, "ratios", &c->results[i].ratios);
		fputc('}', file);
	}
	fprintf(file, "],\n\"targets\":[\n");
	for (int i = 0; i < c->target_count; i++) {
		const struct target *target = &c->targets[i];

		fprintf(file, "%s{", i ? ",\n" : "");
		w.first = true;
		write_text(&w, "what", target->what);
		write_number(&w, "most", target->most);
		write_number(&w, "ratio", target->median);
		write_number(&w, "low", target->low);
		write_number(&w, "high", target->high);
		write_number(&w, "samples", target->samples);
		write_text(&w, "verdict", verdicts[target->verdict]);
		fputc('}', file);
	}
	fprintf(file, "]}]\n");
}
