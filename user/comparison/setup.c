// SPDX-License-Identifier: GPL-2.0
/*
 * setup: what does it cost to get shared memory and to release it, phase by
 * phase, for one page, 16, and 512? Fresh memory is made for each cycle;
 * warm memory exists before, with all its pages.
 */
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "compare.h"

enum phase { MAKE, OPEN, MAP, TOUCH, UNMAP, CLOSE, REMOVE, PHASES, ALL = PHASES };

static const char *const phase_names[] = {
	[MAKE] = "make", [OPEN] = "open", [MAP] = "map", [TOUCH] = "touch",
	[UNMAP] = "unmap", [CLOSE] = "close", [REMOVE] = "remove",
	[ALL] = "map+touch+unmap",
};

static const struct {
	int pages, cycles, quick_cycles;	/* in a sample */
} sizes[] = { { 1, 64, 24 }, { 16, 24, 8 }, { 512, 5, 3 } };

struct row {
	const struct backing *backing;
	bool fresh;
	int pages, cycles;
	int results[PHASES + 1];	/* indices, see result_of() */
	double latest[PHASES + 1];	/* in this round; NAN: not clean */
};

struct rows {
	struct row *rows;
	int count;
};

/* Counting instructions is quick in any case, and its counts must agree. */
static bool is_quick(const struct comparison *c)
{
	return c->quick && !c->instructions;
}

static bool has_phase(const struct row *row, enum phase phase)
{
	switch (phase) {
	case MAKE:
	case REMOVE:
		return row->fresh && row->backing->make;
	case OPEN:
		return row->backing->open;
	case CLOSE:
		return row->backing->close;
	default:
		return true;
	}
}

static void add_row(struct comparison *c, struct rows *rows,
		    const struct backing *backing, bool fresh, int size)
{
	struct row *row = &APPEND(rows->rows, rows->count);

	*row = (struct row) {
		.backing = backing, .fresh = fresh, .pages = sizes[size].pages,
		.cycles = is_quick(c) ? sizes[size].quick_cycles :
					sizes[size].cycles,
	};
	for (int phase = 0; phase <= PHASES; phase++) {
		if (!has_phase(row, phase))
			continue;
		row->results[phase] = c->result_count;
		result_add(c, (struct result) {
			.question = "setup", .backing = backing->name,
			.object = fresh ? "fresh" : "warm",
			.pages = row->pages, .what = phase_names[phase],
			.unit = c->instructions ? "instructions" : "ns",
			.ratio_to = phase == ALL ? "/dev/zero" : NULL,
		});
	}
}

/* Returns NULL if the row has no such phase. */
static struct result *result_of(struct comparison *c, const struct row *row,
				enum phase phase)
{
	return has_phase(row, phase) ? &c->results[row->results[phase]] : NULL;
}

static size_t page;		/* bytes of one; asking costs time */

/*
 * Store to each page; this clears data. Some emulators split an atomic access
 * into a load and a store, which would cost two faults.
 */
static void write_pages(void *address, size_t size)
{
	for (size_t i = 0; i < size; i += page)
		((volatile char *)address)[i] = 0;
}

/* The cost of reading the clock, which each phase does once. */
static double clock_cost(void)
{
	enum { READINGS = 64 };
	double min = 1;

	/* The fastest of several tries: others may be interrupted. */
	for (int i = 0; i < 8; i++) {
		double began = now(), last = began;

		for (int j = 0; j < READINGS; j++)
			last = now();
		if ((last - began) / READINGS < min)
			min = (last - began) / READINGS;
	}
	return min;
}

/* Run all phases once; took is the seconds of each. */
static bool cycle(const struct row *row, struct object *object,
		  double took[PHASES + 1])
{
	const struct backing *backing = row->backing;
	double at[PHASES + 1];
	void *address;
	int fd;

	at[MAKE] = now();
	if (row->fresh && !object_make(object, backing, object->locations,
				       object->size))
		return false;
	at[OPEN] = now();
	fd = backing->open ? backing->open(object) : -1;
	at[MAP] = now();
	address = backing->map(object, fd);
	at[TOUCH] = now();
	if (address == MAP_FAILED) {
		snprintf(object->why, WHY, "a later mmap() failed");
		if (backing->close)
			backing->close(fd);
		return false;
	}
	write_pages(address, object->size);
	at[UNMAP] = now();
	backing->unmap(object, address);
	at[CLOSE] = now();
	if (backing->close)
		backing->close(fd);
	at[REMOVE] = now();
	if (row->fresh)
		object_remove(object);
	at[PHASES] = now();
	for (int phase = 0; phase < PHASES; phase++)
		took[phase] = at[phase + 1] - at[phase];
	return true;
}

/* Allocate all pages of warm memory. */
static bool fill(struct object *object)
{
	void *address = object_attach(object);

	if (!address)
		return false;
	write_pages(address, object->size);
	object_detach(object, address);
	return true;
}

/*
 * A sample is the median of its cycles, without the first: interrupts and
 * deferred work lengthen a few cycles, and are no cost of the mapping.
 */
static bool run_cycles(const struct row *row, struct object *object,
		       double medians[PHASES + 1])
{
	struct series series[PHASES + 1] = { 0 };
	double took[PHASES + 1], cost = clock_cost();
	bool ok = row->fresh || fill(object);

	for (int i = -1; i < row->cycles && ok; i++) {
		ok = cycle(row, object, took);
		took[ALL] = took[MAP] + took[TOUCH] + took[UNMAP] - 2 * cost;
		for (int phase = 0; phase <= PHASES && i >= 0; phase++)
			series_add(&series[phase], (took[phase] - cost) * 1e9);
	}
	for (int phase = 0; phase <= PHASES; phase++) {
		medians[phase] = quartiles(&series[phase]).median;
		free(series[phase].value);
	}
	return ok;
}

static void end_row(struct comparison *c, const struct row *row,
		    enum state state, const char *why)
{
	for (int phase = 0; phase <= PHASES; phase++) {
		struct result *result = result_of(c, row, phase);

		if (result)
			result_set(result, state, "%s", why);
	}
}

static void sample(struct comparison *c, struct row *row)
{
	double medians[PHASES + 1];
	struct object object;
	struct gate gate;
	bool clean, ok;

	for (int phase = 0; phase <= PHASES; phase++)
		row->latest[phase] = NAN;
	if (result_of(c, row, ALL)->state != MEASURED)
		return;
	/* For fresh memory, this only finds out whether this host has it. */
	if (!object_make(&object, row->backing, &c->locations,
			 row->pages * page)) {
		if (!interrupted)
			end_row(c, row, SKIPPED, object.why);
		return;
	}
	if (row->fresh)
		object_remove(&object);
	gate_open(&gate);
	ok = run_cycles(row, &object, medians);
	clean = gate_close(&gate);
	object_remove(&object);
	if (!ok && !interrupted)
		end_row(c, row, FAILED, object.why);
	if (!ok)
		return;
	for (int phase = 0; phase <= PHASES; phase++) {
		struct result *result = result_of(c, row, phase);

		if (result)
			result_sample(result, medians[phase], clean);
		if (clean)
			row->latest[phase] = medians[phase];
	}
}

static const struct row *find(const struct rows *rows, const char *backing,
			      bool fresh, int pages)
{
	for (int i = 0; i < rows->count; i++) {
		const struct row *row = &rows->rows[i];

		if (!strcmp(row->backing->name, backing) && row->fresh == fresh &&
		    row->pages == pages)
			return row;
	}
	return NULL;
}

static void add_ratio(struct series *series, const struct row *row,
		      const struct row *base, enum phase phase)
{
	if (row && base && !isnan(row->latest[phase]) &&
	    !isnan(base->latest[phase]))
		series_add(series, row->latest[phase] / base->latest[phase]);
}

/* Limits of the device's instructions, by those of another backing. */
static const struct {
	enum phase phase;
	int pages;
	const char *base;
	bool fresh;
	double max;
} limits[] = {
	{ ALL, 1, "tmpfs", false, 1.00 },
	{ TOUCH, 512, "MAP_ANON", true, 1.00 },
};

enum { LIMITS = ARRAY_SIZE(limits) };

static void print_rows(struct comparison *c, const struct rows *rows)
{
	fprintf(c->table, "\nsetup: %s for a mapping, phase by phase\n\n",
		c->instructions ? "instructions" : "nanoseconds");
	fprintf(c->table, "%-13s %-5s %5s", "path", "", "pages");
	for (int phase = 0; phase < PHASES; phase++)
		fprintf(c->table, " %8s", phase_names[phase]);
	fprintf(c->table, "  %9s %8s %8s  %6s\n", "map..unmap", "q1", "q3",
		"/zero");
	for (int i = 0; i < rows->count; i++) {
		const struct row *row = &rows->rows[i];
		const struct result *result = result_of(c, row, ALL);
		struct quartiles all = quartiles(&result->values);
		struct quartiles ratio = quartiles(&result->ratios);

		if (i && row->pages != row[-1].pages)
			fprintf(c->table, "\n");
		fprintf(c->table, "%-13s %-5s %5d", label(c, row->backing->name),
			row->fresh ? "fresh" : "warm", row->pages);
		for (int phase = 0; phase < PHASES; phase++) {
			const struct result *part = result_of(c, row, phase);

			fprintf(c->table, " %8s",
				marked(part ? quartiles(&part->values).median : NAN,
				       part, NULL));
		}
		fprintf(c->table, "  %10s %8s %8s  %6s", marked(all.median, result, NULL),
			figure(all.low), figure(all.high), figure(ratio.median));
		note(c, result);
	}
	fprintf(c->table,
		"\nfresh: memory made for each cycle; warm: memory that exists, with its pages.\n"
		"/zero: ratio to the same of /dev/zero in the same round. The cost of the clock\n"
		"is subtracted.\n" MARK_MEANS "\n");
}

static void make_rows(struct comparison *c, struct rows *rows)
{
	for (size_t size = 0; size < ARRAY_SIZE(sizes); size++) {
		for_each_backing(backing, c) {
			if (backing->fresh)
				add_row(c, rows, backing, true, size);
			if (backing->warm)
				add_row(c, rows, backing, false, size);
		}
	}
}

static void take_round(struct comparison *c, struct rows *rows,
		       struct series *limit_ratios)
{
	int order[rows->count];

	random_order(c, order, rows->count);
	for (int i = 0; i < rows->count && !interrupted; i++)
		sample(c, &rows->rows[order[i]]);
	if (interrupted)
		return;
	for (int i = 0; i < rows->count; i++) {
		const struct row *row = &rows->rows[i];

		add_ratio(&result_of(c, row, ALL)->ratios, row,
			  find(rows, "/dev/zero", true, row->pages), ALL);
	}
	for (int i = 0; i < LIMITS; i++)
		add_ratio(&limit_ratios[i],
			  find(rows, SHMCOUNT_DEVICE, false, limits[i].pages),
			  find(rows, limits[i].base, limits[i].fresh,
			       limits[i].pages), limits[i].phase);
}

void ask_setup(struct comparison *c)
{
	int rounds = c->instructions ? 9 : is_quick(c) ? 3 : 15;
	struct series limit_ratios[LIMITS] = { 0 };
	struct rows rows = { 0 };
	cpu_set_t before, one;

	page = page_size();
	sched_getaffinity(0, sizeof(before), &before);
	CPU_ZERO(&one);
	CPU_SET(c->cpus.number[0], &one);
	if (c->cpus.pin)
		sched_setaffinity(0, sizeof(one), &one);

	make_rows(c, &rows);
	for (int round = 0; round < rounds && !interrupted; round++) {
		progress(c, "setup: round %d of %d", round + 1, rounds);
		take_round(c, &rows, limit_ratios);
	}
	sched_setaffinity(0, sizeof(before), &before);

	for (int i = 0; i < rows.count; i++)
		for (int phase = 0; phase <= PHASES; phase++)
			if (has_phase(&rows.rows[i], phase))
				result_judge(result_of(c, &rows.rows[i], phase),
					     (rounds + 1) / 2);
	print_rows(c, &rows);
	for (int i = 0; i < LIMITS && c->instructions; i++)
		if (limit_ratios[i].count)
			target_add(c, limits[i].max, NULL, &limit_ratios[i],
				   "%s of %d page%s in instructions, device / %s %s",
				   phase_names[limits[i].phase], limits[i].pages,
				   limits[i].pages == 1 ? "" : "s",
				   limits[i].fresh ? "fresh" : "warm",
				   limits[i].base);
	free(rows.rows);
}
