// SPDX-License-Identifier: GPL-2.0
/* Reads what record leaves: lines of ours, and the kernel's, event by event. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../grow.h"
#include "trace.h"

enum { MOST_EVENTS = 4000000, MOST_PROCESSORS = 64 };

/* The file as it is read. */
struct reader {
	struct trace *trace;
	int line;
	bool ended;
	bool full[MOST_PROCESSORS];
};

/* What follows the last occurrence of a key before an end; NULL: none. */
static const char *after_last(const char *text, const char *end,
			      const char *key)
{
	size_t length = strlen(key);

	for (const char *c = end - length; c >= text; c--)
		if (!strncmp(c, key, length))
			return c + length;
	return NULL;
}

/* The number behind a key; names come before numbers, and may hold anything. */
static bool take(const char *text, const char *end, const char *key, int base,
		 unsigned long *value)
{
	const char *start = after_last(text, end, key);
	char *rest;

	if (!start || !isxdigit((unsigned char)start[*start == '-']))
		return false;
	errno = 0;
	*value = strtoul(start, &rest, base);
	return rest > start && rest <= end && !errno;
}

static bool take_pid(const char *text, const char *end, const char *key,
		     int *pid)
{
	unsigned long value;

	if (!take(text, end, key, 10, &value) || value > 4194304)
		return false;
	*pid = value;
	return true;
}

static bool take_switch(struct event *event, const char *text, const char *end)
{
	const char *next = after_last(text, end, " ==> next_comm=");
	const char *state;

	if (!next || !take_pid(next, end, " next_pid=", &event->other) ||
	    !take_pid(text, next, " prev_pid=", &event->pid))
		return false;
	state = after_last(text, next, " prev_state=");
	event->state = state ? *state : '\0';
	return isupper((unsigned char)event->state) || event->state == 't';
}

static bool take_name(struct event *event, const char *text, const char *end)
{
	const char *start = strstr(text, "filename="), *slash, *stop;

	stop = after_last(text, end, " pid=");
	if (!start || !stop || start > stop)
		return false;
	stop -= strlen(" pid=");
	start += strlen("filename=");
	slash = after_last(start, stop, "/");
	if (slash)
		start = slash;
	snprintf(event->name, sizeof(event->name), "%.*s", (int)(stop - start),
		 start);
	return true;
}

static bool take_call(struct event *event, const char *text, const char *end)
{
	return take(text, end, " sem=0x", 16, &event->address);
}

static bool take_result(struct event *event, const char *text, const char *end)
{
	const char *result = after_last(text, end, " result=");
	char *rest;

	if (!result || !isdigit((unsigned char)result[*result == '-']))
		return false;
	event->value = strtol(result, &rest, 10);
	return rest == end;
}

static bool take_page(struct event *event, const char *text, const char *end)
{
	unsigned long offset;

	if (!take(text, end, " address=0x", 16, &event->address) ||
	    !take(text, end, " offset=", 10, &offset))
		return false;
	event->value = offset;
	return true;
}

static bool take_fork(struct event *event, const char *text, const char *end)
{
	return take_pid(text, end, " child_pid=", &event->other);
}

static bool take_waking(struct event *event, const char *text, const char *end)
{
	return take_pid(text, end, " pid=", &event->other);
}

static bool take_page_fault(struct event *event, const char *text,
			    const char *end)
{
	return take(text, end, " address=0x", 16, &event->address);
}

static bool take_futex(struct event *event, const char *text, const char *end)
{
	unsigned long operation;

	if (!take(text, end, "uaddr: ", 16, &event->address) ||
	    !take(text, end, ", op: ", 16, &operation))
		return false;
	event->value = operation & 0x7f;	/* without its flags */
	return true;
}

static bool take_futex_end(struct event *event, const char *text,
			   const char *end)
{
	unsigned long result;

	if (!take(text, end, "sys_futex -> 0x", 16, &result))
		return false;
	event->value = result;
	return true;
}

static bool take_nothing(struct event *event, const char *text, const char *end)
{
	(void)event;
	(void)text;
	(void)end;
	return true;
}

/* How the text of an event begins; behind a name that ends with _, a number. */
static const struct {
	const char *name;
	enum event_kind kind;
	bool (*take)(struct event *event, const char *text, const char *end);
} kinds[] = {
	{ "sched_process_fork:", EVENT_FORK, take_fork },
	{ "sched_process_exec:", EVENT_EXEC, take_name },
	{ "sched_process_exit:", EVENT_EXIT, take_nothing },
	{ "sched_switch:", EVENT_SWITCH, take_switch },
	{ "sched_waking:", EVENT_WAKING, take_waking },
	{ "sys_futex(", EVENT_FUTEX, take_futex },
	{ "sys_futex -> ", EVENT_FUTEX_END, take_futex_end },
	{ "wait_", EVENT_WAIT, take_call },
	{ "waited_", EVENT_WAITED, take_result },
	{ "try_", EVENT_TRY, take_call },
	{ "tried_", EVENT_TRIED, take_result },
	{ "post_", EVENT_POST, take_call },
	{ "posted_", EVENT_POSTED, take_result },
	{ "shmcount_mmap:", EVENT_MMAP, take_page },
	{ "shmcount_fault:", EVENT_FAULT, take_page },
	{ "shmcount_unmap:", EVENT_UNMAP, take_page },
	{ "page_fault_user:", EVENT_PAGE_FAULT, take_page_fault },
};

static _Noreturn void bad_line(const struct reader *reader, const char *line)
{
	char shown[61];
	int n = 0;

	for (; *line && n < 60; line++)
		if (n || *line != ' ')
			shown[n++] = isprint((unsigned char)*line) ? *line :
								     '?';
	shown[n] = '\0';
	die("%s:%d: not a line of a trace: %s", reader->trace->path,
	    reader->line, shown);
}

/* "NAME-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT"; NAME may hold anything. */
static bool take_head(struct event *event, const char *line, const char **text)
{
	const char *bracket = NULL, *number;
	long seconds, micros;
	char flags[16];
	int length = 0;

	for (const char *c = line; (c = strstr(c, " [")); c++)
		if (isdigit((unsigned char)c[2]) &&
		    sscanf(c, " [%d] %15s %ld.%6ld: %n", &event->cpu, flags,
			   &seconds, &micros, &length) == 4 && length) {
			bracket = c;
			break;
		}
	if (!bracket || event->cpu >= MOST_PROCESSORS || seconds < 0 ||
	    seconds > 1000000000 || micros < 0 || strlen(flags) < 3)
		return false;
	*text = bracket + length;
	event->time = seconds * 1000000 + micros;
	event->interrupt = flags[2] == 'h' || flags[2] == 'H' ||
			   flags[2] == 's';
	while (bracket > line && bracket[-1] == ' ')
		bracket--;
	number = bracket;
	while (number > line && isdigit((unsigned char)number[-1]))
		number--;
	if (number == bracket || number == line || number[-1] != '-' ||
	    bracket - number > 7)
		return false;
	event->pid = atoi(number);
	return true;
}

static void take_event(struct reader *reader, const char *line)
{
	struct trace *trace = reader->trace;
	struct event event = { .line = reader->line };
	const char *text, *end = line + strlen(line);

	if (!take_head(&event, line, &text))
		bad_line(reader, line);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, length) ||
		    (kinds[i].name[length - 1] == '_' &&
		     !isdigit((unsigned char)text[length])))
			continue;
		event.kind = kinds[i].kind;
		if (!kinds[i].take(&event, text, end))
			bad_line(reader, line);
		if (trace->count &&
		    trace->events[trace->count - 1].time > event.time)
			die("%s:%d: the time goes back", trace->path,
			    reader->line);
		if (trace->count == MOST_EVENTS)
			die("%s has more than %d events", trace->path,
			    MOST_EVENTS);
		trace->events = grow(trace->events, trace->count,
				     sizeof(event));
		trace->events[trace->count++] = event;
		return;
	}
	bad_line(reader, line);
}

static void take_ours(struct reader *reader, const char *line)
{
	static const char head[] = "# watch: ";
	struct trace *trace = reader->trace;
	const char *what = line + strlen(head), *slash;
	size_t used = strlen(trace->programs);
	long count;
	int cpu;

	if (strncmp(line, head, strlen(head)))
		return;
	if (!strncmp(what, "command ", 8)) {
		snprintf(trace->command, sizeof(trace->command), "%s",
			 what + 8);
	} else if (!strncmp(what, "program ", 8)) {
		slash = strrchr(what, '/');
		snprintf(trace->programs + used, sizeof(trace->programs) - used,
			 "%s%s", used ? ", " : "",
			 slash ? slash + 1 : what + 8);
	} else if (!strcmp(what, "untraced")) {
		trace->untraced = true;
	} else if (sscanf(what, "pace %d", &trace->pace) == 1) {
		return;
	} else if (sscanf(what, "end %d", &trace->status) == 1) {
		reader->ended = true;
	} else if (sscanf(what, "dropped %d %ld", &cpu, &count) == 2 &&
		   cpu >= 0 && cpu < MOST_PROCESSORS && count > 0) {
		reader->full[cpu] = true;
		trace->dropped += count;
	} else {
		bad_line(reader, line);
	}
}

/* What a processor saw last before its buffer was full is all that is sure. */
static void cut(struct reader *reader)
{
	struct trace *trace = reader->trace;
	long end;

	for (int cpu = 0; cpu < MOST_PROCESSORS; cpu++) {
		if (!reader->full[cpu])
			continue;
		end = 0;
		for (size_t i = 0; i < trace->count; i++)
			if (trace->events[i].cpu == cpu)
				end = trace->events[i].time;
		while (trace->count &&
		       trace->events[trace->count - 1].time > end)
			trace->count--;
	}
}

void read_trace(struct trace *trace, const char *path)
{
	struct reader reader = { .trace = trace };
	size_t size = 0;
	ssize_t length;
	char *line = NULL;
	FILE *file = fopen(path, "re");

	*trace = (struct trace) { .path = path };
	if (!file)
		die("cannot open %s: %s", path, strerror(errno));
	errno = 0;
	while ((length = getline(&line, &size, file)) >= 0) {
		reader.line++;
		if (reader.line == 1 && strncmp(line, "# watch: command ", 17))
			die("%s is not a trace that make watch has left", path);
		if (reader.ended)
			die("%s:%d: the trace goes on behind its end", path,
			    reader.line);
		if (!length || line[length - 1] != '\n')
			die("%s is cut off in line %d", path, reader.line);
		line[--length] = '\0';
		if (line[0] == '#')
			take_ours(&reader, line);
		else if (strlen(line) != (size_t)length)
			bad_line(&reader, line);
		else if (length)
			take_event(&reader, line);
	}
	if (errno)
		die("cannot read %s: %s", path, strerror(errno));
	if (!reader.line)
		die("%s is empty", path);
	if (!reader.ended)
		die("%s is cut off: it has no last line", path);
	fclose(file);
	free(line);
	cut(&reader);
	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].cpu >= trace->processors)
			trace->processors = trace->events[i].cpu + 1;
}
