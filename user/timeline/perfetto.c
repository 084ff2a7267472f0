// SPDX-License-Identifier: GPL-2.0
/*
 * Writes a timeline as a trace of Perfetto: a protobuf of its TrackEvents. Each process
 * has a track for when it runs and one for each semaphore, with slices for waits and
 * holds. A flow, which is drawn as an arrow, leads from a post to whom it woke. Each
 * semaphore has a counter of its waiters.
 *
 * The numbers are those of protos/perfetto/trace in Perfetto's sources; Perfetto sorts
 * the packets by time itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"

enum {
	TRACE_PACKET = 1,
	PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11,
	PACKET_TRACK = 60,
	TRACK_UUID = 1, TRACK_NAME = 2, TRACK_PROCESS = 3, TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	PROCESS_PID = 1, PROCESS_NAME = 6,
	EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_NAME = 23, EVENT_COUNT = 30,
	EVENT_FLOW = 47, EVENT_LAST_OF_FLOW = 48,
};

enum type { SLICE_BEGIN = 1, SLICE_END = 2, INSTANT = 3, COUNTER = 4 };

/* The encodings of a field. */
enum { VARINT, FIXED64, BYTES };

struct message {
	unsigned char *bytes;
	size_t length;
};

static void put_varint(struct message *message, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		APPEND(message->bytes, message->length) = value | 0x80;
	APPEND(message->bytes, message->length) = value;
}

static void put_number(struct message *message, int field, uint64_t value)
{
	put_varint(message, field << 3 | VARINT);
	put_varint(message, value);
}

static void put_fixed(struct message *message, int field, uint64_t value)
{
	put_varint(message, field << 3 | FIXED64);
	for (int i = 0; i < 8; i++)
		APPEND(message->bytes, message->length) = value >> 8 * i;
}

/* A string has to be UTF-8; a name may be anything. */
static void put_text(struct message *message, int field, const char *text)
{
	put_varint(message, field << 3 | BYTES);
	put_varint(message, strlen(text));
	for (; *text; text++)
		APPEND(message->bytes, message->length) =
			*text < ' ' || *text > '~' ? '?' : *text;
}

/* Put a message into another, and free it. */
static void put_message(struct message *message, int field, struct message *part)
{
	put_varint(message, field << 3 | BYTES);
	put_varint(message, part->length);
	for (size_t i = 0; i < part->length; i++)
		APPEND(message->bytes, message->length) = part->bytes[i];
	free(part->bytes);
}

/* In us; a track has no time. */
static void write_packet(FILE *file, long time, int field, struct message *part)
{
	struct message packet = { .length = 0 }, trace = { .length = 0 };

	if (field == PACKET_EVENT)
		put_number(&packet, PACKET_TIMESTAMP, time * 1000UL);
	put_number(&packet, PACKET_SEQUENCE, 1);
	put_message(&packet, field, part);
	put_message(&trace, TRACE_PACKET, &packet);
	fwrite(trace.bytes, 1, trace.length, file);
	free(trace.bytes);
}

/* The tracks of a process, or of none, which is -1: RUNS, or SEM and a semaphore. */
enum { PROCESS, RUNS, SEM, TRACKS = 2048 };

static uint64_t track_of(int process, int which)
{
	return (process + 1UL) * TRACKS + which;
}

static void write_track(FILE *file, int process, int which, const char *name)
{
	struct message track = { .length = 0 }, counter = { .length = 0 };

	put_number(&track, TRACK_UUID, track_of(process, which));
	put_text(&track, TRACK_NAME, name);
	if (process < 0)
		put_message(&track, TRACK_COUNTER, &counter);
	else
		put_number(&track, TRACK_PARENT, track_of(process, PROCESS));
	write_packet(file, 0, PACKET_TRACK, &track);
}

static void write_process(FILE *file, const struct process *process, int i)
{
	struct message track = { .length = 0 }, body = { .length = 0 };

	put_number(&body, PROCESS_PID, process->pid);
	put_text(&body, PROCESS_NAME, process->name);
	put_number(&track, TRACK_UUID, track_of(i, PROCESS));
	put_message(&track, TRACK_PROCESS, &body);
	write_packet(file, 0, PACKET_TRACK, &track);
}

static struct message event_of(enum type type, uint64_t track)
{
	struct message event = { .length = 0 };

	put_number(&event, EVENT_TYPE, type);
	put_number(&event, EVENT_TRACK, track);
	return event;
}

/* Its name is NULL for the end of a slice. */
static void write_event(FILE *file, long time, enum type type, uint64_t track,
			const char *name)
{
	struct message event = event_of(type, track);

	if (name)
		put_text(&event, EVENT_NAME, name);
	write_packet(file, time, PACKET_EVENT, &event);
}

static void write_runs(FILE *file, const struct process *process, uint64_t track)
{
	static const char *const names[RUNNING + 1] = {
		[READY] = "ready", [RUNNING] = "runs",
	};
	static const char *const marks[] = {
		[EVENT_MMAP] = "mmap", [EVENT_UNMAP] = "unmap",
		[EVENT_FAULT] = "page fault in the region",
		[EVENT_PAGE_FAULT] = "other page fault",
	};
	enum sched_state last = ABSENT;

	for (size_t i = 0; i < process->span_count; i++) {
		const struct span *span = &process->spans[i];

		if (span->state.sched == last)
			continue;
		if (names[last])
			write_event(file, span->from, SLICE_END, track, NULL);
		last = span->state.sched;
		if (names[last])
			write_event(file, span->from, SLICE_BEGIN, track, names[last]);
	}
	if (names[last])
		write_event(file, process->to, SLICE_END, track, NULL);
	for (size_t i = 0; i < process->mark_count; i++)
		write_event(file, process->marks[i].time, INSTANT, track,
			    marks[process->marks[i].kind]);
}

/* A wait for a semaphore or a hold of it, by one process. */
struct slice {
	int process, sem;
	long from, to;
	const char *name;
};

/* By track; then a slice comes before those in it. */
static int compare_slices(const void *a, const void *b)
{
	const struct slice *first = a, *second = b;

	if (first->process != second->process)
		return first->process - second->process;
	if (first->sem != second->sem)
		return first->sem - second->sem;
	if (first->from != second->from)
		return first->from < second->from ? -1 : 1;
	return (first->to < second->to) - (first->to > second->to);
}

static struct slice *list_slices(const struct analysis *analysis, size_t *count)
{
	struct slice *slices = NULL;

	*count = 0;
	for (size_t i = 0; i < analysis->wait_count; i++) {
		const struct wait *wait = &analysis->waits[i];

		APPEND(slices, *count) = (struct slice) {
			wait->process, wait->sem, wait->from, wait->to, "waits"
		};
	}
	for (size_t i = 0; i < analysis->process_count; i++)
		for (size_t h = 0; h < analysis->processes[i].hold_count; h++) {
			const struct hold *hold = &analysis->processes[i].holds[h];

			APPEND(slices, *count) = (struct slice) {
				i, same_sem(analysis, hold->sem), hold->from, hold->to,
				"holds"
			};
		}
	if (*count)
		qsort(slices, *count, sizeof(*slices), compare_slices);
	return slices;
}

static bool is_same_track(const struct slice *a, const struct slice *b)
{
	return a->process == b->process && a->sem == b->sem;
}

/* A slice ends before the next one on its track begins, unless that is in it. */
static void write_slices(FILE *file, const struct slice *slices, size_t count)
{
	const struct slice **open = allocate(count + 1, sizeof(*open));
	size_t depth = 0;

	for (size_t i = 0; i <= count; i++) {
		const struct slice *slice = &slices[i];

		while (depth && (i == count || !is_same_track(open[depth - 1], slice) ||
				 open[depth - 1]->to <= slice->from)) {
			const struct slice *last = open[--depth];

			write_event(file, last->to, SLICE_END,
				    track_of(last->process, SEM + last->sem), NULL);
		}
		if (i == count)
			break;
		write_event(file, slice->from, SLICE_BEGIN,
			    track_of(slice->process, SEM + slice->sem), slice->name);
		open[depth++] = slice;
	}
	free(open);
}

/*
 * When the process runs that was woken at a time; that time, if it does not. The spans
 * before *next ended before an earlier wake.
 */
static long time_of_running(const struct process *process, size_t *next, long time)
{
	for (; *next < process->span_count; ++*next) {
		const struct span *span = &process->spans[*next];
		long end = *next + 1 < process->span_count ? span[1].from : process->to;

		if (span->state.sched == RUNNING && end > time)
			return span->from > time ? span->from : time;
	}
	return time;
}

/* A flow connects the events that have its number; it begins with the first of them. */
static void write_flows(FILE *file, const struct analysis *analysis)
{
	size_t *next = allocate(analysis->process_count + 1, sizeof(*next));
	char name[40];

	for (size_t i = 0; i < analysis->wake_count; i++) {
		const struct wake *wake = &analysis->wakes[i];
		int sem = SEM + analysis->waits[wake->wait].sem;
		struct message event;

		if (!wake->number)
			continue;
		snprintf(name, sizeof(name), "%s %d", wake->by_post ? "post" : "call",
			 wake->number);
		event = event_of(INSTANT, track_of(wake->from, sem));
		put_text(&event, EVENT_NAME, name);
		put_fixed(&event, EVENT_FLOW, wake->number);
		write_packet(file, wake->time, PACKET_EVENT, &event);

		snprintf(name, sizeof(name), "woken by %d", wake->number);
		event = event_of(INSTANT, track_of(wake->to, sem));
		put_text(&event, EVENT_NAME, name);
		put_fixed(&event, EVENT_LAST_OF_FLOW, wake->number);
		write_packet(file, time_of_running(&analysis->processes[wake->to],
						   &next[wake->to], wake->time),
			     PACKET_EVENT, &event);
	}
	free(next);
}

struct change {
	long time;
	int by;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *first = a, *second = b;

	if (first->time != second->time)
		return first->time < second->time ? -1 : 1;
	return first->by - second->by;
}

static void write_counter(FILE *file, const struct analysis *analysis, int sem)
{
	struct change *changes = NULL;
	size_t count = 0;
	long value = 0;

	APPEND(changes, count) = (struct change) { analysis->from, 0 };
	for (size_t i = 0; i < analysis->wait_count; i++) {
		const struct wait *wait = &analysis->waits[i];

		if (wait->sem != sem)
			continue;
		APPEND(changes, count) = (struct change) { wait->from, 1 };
		if (!wait->open)
			APPEND(changes, count) = (struct change) { wait->to, -1 };
	}
	qsort(changes, count, sizeof(*changes), compare_changes);
	for (size_t i = 0; i < count; i++) {
		struct message event = event_of(COUNTER, track_of(-1, SEM + sem));

		value += changes[i].by;
		put_number(&event, EVENT_COUNT, value);
		write_packet(file, changes[i].time, PACKET_EVENT, &event);
	}
	free(changes);
}

/*
 * Which tracks there are: for each process that has a lane or wakes another, when it
 * runs, and each of its semaphores. Returns an array of width for each process.
 */
static bool *find_tracks(const struct analysis *analysis, const struct slice *slices,
			 size_t count, size_t width)
{
	bool *used = allocate(analysis->process_count * width + 1, sizeof(*used));

	for (size_t i = 0; i < count; i++)
		used[slices[i].process * width + SEM + slices[i].sem] = true;
	for (size_t i = 0; i < analysis->wake_count; i++) {
		const struct wake *wake = &analysis->wakes[i];

		if (wake->number)
			used[wake->from * width + SEM + analysis->waits[wake->wait].sem] = true;
	}
	for (size_t i = 0; i < analysis->process_count; i++)
		used[i * width + RUNS] = analysis->processes[i].of_interest ||
					 memchr(used + i * width + SEM, 1, width - SEM);
	return used;
}

static void write_tracks(FILE *file, const struct analysis *analysis, int i,
			 const bool *used)
{
	write_process(file, &analysis->processes[i], i);
	write_track(file, i, RUNS, "runs");
	for (size_t s = 0; s < analysis->sem_count; s++)
		if (used[SEM + s])
			write_track(file, i, SEM + s, sem_name(analysis, s));
}

/* The tracks stand before all events. */
void draw_perfetto(const struct view *view, FILE *file)
{
	const struct analysis *analysis = view->analysis;
	size_t sems = analysis->sem_count, width = SEM + sems, count;
	struct slice *slices = list_slices(analysis, &count);
	bool *used = find_tracks(analysis, slices, count, width);
	char name[40];

	for (size_t i = 0; i < analysis->process_count; i++)
		if (used[i * width + RUNS])
			write_tracks(file, analysis, i, used + i * width);
	for (size_t s = 0; s < sems; s++) {
		snprintf(name, sizeof(name), "waiters for %s", sem_name(analysis, s));
		if (analysis->sems[s].letter >= 0)
			write_track(file, -1, SEM + s, name);
	}
	for (size_t i = 0; i < analysis->process_count; i++)
		if (used[i * width + RUNS])
			write_runs(file, &analysis->processes[i], track_of(i, RUNS));
	write_slices(file, slices, count);
	write_flows(file, analysis);
	for (size_t s = 0; s < sems; s++)
		if (analysis->sems[s].letter >= 0)
			write_counter(file, analysis, s);
	free(used);
	free(slices);
}
