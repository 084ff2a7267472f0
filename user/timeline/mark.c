// SPDX-License-Identifier: GPL-2.0
/*
 * Adds the waits and holds to the buffers that record left, as if each process had
 * written them to trace_marker: a line where one begins, a line where it ends.
 *
 * A buffer is a list of pages. A page has the time of its first event in ns, the length
 * of its events, and these. The word before an event has its type and how long it comes
 * after the one before (see events/header_page and events/header_event of tracefs).
 */
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "draw.h"

enum {
	HEAD = 16,		/* of a page */
	LENGTH = 0x7ffffff,	/* of what is in a page; the other bits are flags */
	MAX_PAGE = 65536,
	/* The type of an event is its length in words, or one of these. */
	LENGTH_FOLLOWS = 0, PADDING = 29, TIME_EXTEND = 30, TIME_STAMP = 31,
	TYPE_BITS = 5, DELTA_BITS = 27, STAMP_BITS = 59,
};

/* A line of trace_marker. */
struct marker {
	long time;
	size_t number;		/* the order of those at the same time */
	int pid, cpu;
	char text[80];
};

struct markers {
	struct marker *list;
	size_t count, next;
	uint16_t id;		/* of the event */
	uint64_t writer;	/* the address of the function that writes them */
};

/* The event, as events/ftrace/print/format describes it. */
struct print {
	uint16_t type;
	uint8_t flags, preempt_count;
	int32_t pid;
	uint64_t ip;
	char text[84];
};

/* A buffer that is written: its last page, and the time of its last event. */
struct buffer {
	FILE *file;
	unsigned char page[MAX_PAGE];
	size_t page_size, used;
	uint64_t last;
};

static __attribute__((format(printf, 4, 5)))
void add(struct markers *markers, long time, int pid, const char *format, ...)
{
	struct marker marker = { time, markers->count, pid, 0, "" };
	va_list args;

	va_start(args, format);
	vsnprintf(marker.text, sizeof(marker.text), format, args);
	va_end(args);
	APPEND(markers->list, markers->count) = marker;
}

static void add_waits(struct markers *markers, const struct analysis *analysis)
{
	for (size_t i = 0; i < analysis->wait_count; i++) {
		const struct wait *wait = &analysis->waits[i];
		int pid = analysis->processes[wait->process].pid;

		add(markers, wait->from, pid, "waits for %s", sem_name(analysis, wait->sem));
		if (!wait->open)
			add(markers, wait->to, pid, "waited %s ms for %s%s",
			    ms(wait->to - wait->from), sem_name(analysis, wait->sem),
			    wait->took ? "" : ", and gave up");
	}
}

static void add_holds(struct markers *markers, const struct analysis *analysis,
		      const struct process *process)
{
	for (size_t h = 0; h < process->hold_count; h++) {
		const struct hold *hold = &process->holds[h];
		const char *name = sem_name(analysis, same_sem(analysis, hold->sem));

		add(markers, hold->from, process->pid, "holds %s", name);
		if (!hold->open)
			add(markers, hold->to, process->pid, "held %s %s ms", name,
			    ms(hold->to - hold->from));
		else if (!process->alive)
			add(markers, hold->to, process->pid, "ends while it holds %s", name);
	}
}

static int compare_markers(const void *a, const void *b)
{
	const struct marker *first = a, *second = b;

	if (first->time != second->time)
		return first->time < second->time ? -1 : 1;
	return first->number < second->number ? -1 : 1;
}

/*
 * The event of its process that a marker is about was on the same processor; if there is
 * none, the next event's has to do.
 */
static void find_processors(struct markers *markers, const struct trace *trace)
{
	size_t e = 0;

	for (size_t i = 0; i < markers->count; i++) {
		struct marker *marker = &markers->list[i];

		while (e < trace->count && trace->events[e].time < marker->time)
			e++;
		marker->cpu = trace->events[e < trace->count ? e : trace->count - 1].cpu;
		for (size_t same = e; same < trace->count &&
		     trace->events[same].time == marker->time; same++)
			if (trace->events[same].pid == marker->pid)
				marker->cpu = trace->events[same].cpu;
	}
}

/* Returns NULL if there is no such file; a byte of 0 follows it. */
static char *read_file(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	char *data = NULL, part[65536];
	size_t length;
	FILE *copy;

	if (!file && errno == ENOENT)
		return NULL;
	copy = open_memstream(&data, size);
	if (!file || !copy)
		die("cannot read %s", path);
	while ((length = fread(part, 1, sizeof(part), file)))
		fwrite(part, 1, length, copy);
	if (ferror(file) || fclose(copy))
		die("cannot read %s", path);
	fclose(file);
	return data;
}

static void write_page(struct buffer *buffer)
{
	uint64_t length = buffer->used - HEAD;

	if (!buffer->used)
		return;
	memcpy(buffer->page + 8, &length, sizeof(length));
	fwrite(buffer->page, 1, buffer->page_size, buffer->file);
	memset(buffer->page, 0, buffer->page_size);
	buffer->used = 0;
}

/* A new page, which has a time of its own, also serves where much time has passed. */
static void put_event(struct buffer *buffer, uint64_t time, unsigned int type,
		      const void *data, size_t length)
{
	uint64_t delta = time - buffer->last;
	uint32_t word;

	if (delta >> DELTA_BITS ||
	    buffer->used + sizeof(word) + length > buffer->page_size)
		write_page(buffer);
	if (!buffer->used) {
		memcpy(buffer->page, &time, sizeof(time));
		buffer->used = HEAD;
		delta = 0;
	}
	word = delta << TYPE_BITS | type;
	memcpy(buffer->page + buffer->used, &word, sizeof(word));
	memcpy(buffer->page + buffer->used + sizeof(word), data, length);
	buffer->used += sizeof(word) + length;
	buffer->last = time;
}

/* As the kernel, which ends each line; at the time of the last event. */
static void put_marker(struct buffer *buffer, const struct markers *markers,
		       const struct marker *marker)
{
	struct print print = {
		.type = markers->id, .pid = marker->pid, .ip = markers->writer,
	};
	size_t length = offsetof(struct print, text) + 1 +
		snprintf(print.text, sizeof(print.text), "%s\n", marker->text);

	length = (length + 3) & ~3UL;
	put_event(buffer, buffer->last ? buffer->last : marker->time * 1000UL, length / 4,
		  &print, length);
}

/* Put the markers of a processor up to a time. */
static void put_markers(struct buffer *buffer, struct markers *markers, int cpu, long end)
{
	for (; markers->next < markers->count; markers->next++) {
		const struct marker *marker = &markers->list[markers->next];

		if (marker->time >= end)
			return;
		if (marker->cpu == cpu)
			put_marker(buffer, markers, marker);
	}
}

/* Copy the events of a page, with the markers between them; false: it is no page. */
static bool copy_page(struct buffer *buffer, const unsigned char *page,
		      struct markers *markers, int cpu)
{
	uint64_t time, length;
	size_t at = HEAD, end;

	memcpy(&time, page, sizeof(time));
	memcpy(&length, page + 8, sizeof(length));
	end = HEAD + (length & LENGTH);
	if (end > buffer->page_size)
		return false;
	while (at < end) {
		uint32_t word, first = 0;
		unsigned int type;
		uint64_t delta;
		size_t size;

		if (end - at < sizeof(word))
			return false;
		memcpy(&word, page + at, sizeof(word));
		at += sizeof(word);
		type = word & ((1 << TYPE_BITS) - 1);
		delta = word >> TYPE_BITS;
		if (type == PADDING && !delta)
			return true;
		if (end - at >= sizeof(first))
			memcpy(&first, page + at, sizeof(first));
		size = type == TIME_EXTEND || type == TIME_STAMP ? sizeof(first) :
		       type == LENGTH_FOLLOWS || type == PADDING ? first : 4 * type;
		if (size < sizeof(first) || size > end - at)
			return false;
		if (type == TIME_EXTEND) {
			time += (uint64_t)first << DELTA_BITS | delta;
		} else if (type == TIME_STAMP) {
			time = time >> STAMP_BITS << STAMP_BITS |
			       (uint64_t)first << DELTA_BITS | delta;
		} else if (type != PADDING) {
			time += delta;
			/* The text rounds times to microseconds. */
			put_markers(buffer, markers, cpu, (time + 500) / 1000);
			put_event(buffer, time, type, page + at, size);
		}
		at += size;
	}
	return true;
}

/* Returns false if there is no such processor. */
static bool mark_buffer(struct buffer *buffer, const char *dir, struct markers *markers,
			int cpu)
{
	char path[4096];
	size_t size;
	char *data;

	snprintf(path, sizeof(path), "%s/cpu%04d", dir, cpu);
	data = read_file(path, &size);
	if (!data)
		return false;
	buffer->file = fopen(path, "we");
	if (!buffer->file)
		die("cannot write %s", path);
	buffer->last = 0;
	markers->next = 0;
	for (size_t at = 0; at < size; at += buffer->page_size)
		if (size - at < buffer->page_size ||
		    !copy_page(buffer, (unsigned char *)data + at, markers, cpu))
			diex("%s is not a buffer of the kernel", path);
	put_markers(buffer, markers, cpu, LONG_MAX);
	write_page(buffer);
	if (fclose(buffer->file))
		die("cannot write %s", path);
	free(data);
	return true;
}

/* The number after a text in a file, in base 10 or 16; 0: there is none. */
static uint64_t number_in(const char *dir, const char *name, const char *text, int base)
{
	char path[4096], *data, *found;
	uint64_t number = 0;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	data = read_file(path, &size);
	found = data ? strstr(data, text) : NULL;
	if (found)
		number = strtoul(found + strlen(text), NULL, base);
	free(data);
	return number;
}

static void name_processes(const struct analysis *analysis, const char *dir)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/saved_cmdlines", dir);
	file = fopen(path, "we");
	if (!file)
		die("cannot write %s", path);
	for (size_t i = 0; i < analysis->process_count; i++)
		if (analysis->processes[i].name[0])
			fprintf(file, "%d %s\n", analysis->processes[i].pid,
				analysis->processes[i].name);
	if (fclose(file))
		die("cannot write %s", path);
}

void mark_buffers(const struct analysis *analysis, const char *dir)
{
	struct markers markers = {
		.id = number_in(dir, "events/ftrace/print/format", "\nID: ", 10),
		.writer = number_in(dir, "kallsyms", "", 16),
	};
	struct buffer *buffer = allocate(1, sizeof(*buffer));

	buffer->page_size = sysconf(_SC_PAGESIZE);
	if (!markers.id || buffer->page_size > MAX_PAGE ||
	    number_in(dir, "events/ftrace/print/format", "long ip;\toffset:", 10) !=
	    offsetof(struct print, ip))
		diex("%s is not what record leaves", dir);
	add_waits(&markers, analysis);
	for (size_t i = 0; i < analysis->process_count; i++)
		add_holds(&markers, analysis, &analysis->processes[i]);
	if (markers.count)
		qsort(markers.list, markers.count, sizeof(*markers.list), compare_markers);
	find_processors(&markers, analysis->trace);
	for (int cpu = 0; mark_buffer(buffer, dir, &markers, cpu); cpu++)
		;
	name_processes(analysis, dir);
	free(markers.list);
	free(buffer);
}
