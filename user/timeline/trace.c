// SPDX-License-Identifier: GPL-2.0
/* Reads a trace: record's own lines, and the kernel's line for each event. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "trace.h"

enum { MAX_EVENTS = 4000000, MAX_PROCESSORS = 8192 };

/* The state of reading the file. */
struct reader {
	struct trace *trace;
	int line;
	bool ended;
	bool full[MAX_PROCESSORS];
};

/* What follows the last occurrence of a key before the end, or NULL. */
static const char *after_last(const char *text, const char *end,
			      const char *key)
{
	size_t length = strlen(key);

	for (const char *c = end - length; c >= text; c--)
		if (!strncmp(c, key, length))
			return c + length;
	return NULL;
}

/* Does a field end here: at the end, in a list, or before " NAME="? */
static bool is_field_end(const char *at, const char *end)
{
	return at == end || (at < end && (*at == ',' || *at == ')' ||
		(*at == ' ' && at[1 + strcspn(at + 1, " =")] == '=')));
}

/*
 * The number after a key is the whole field. The last key counts: a name before
 * it may hold anything.
 */
static bool parse_number(const char *text, const char *end, const char *key,
			 int base, unsigned long *value)
{
	const char *start = after_last(text, end, key);
	char *rest;

	if (!start || !isxdigit((unsigned char)start[*start == '-']))
		return false;
	errno = 0;
	*value = strtoul(start, &rest, base);
	return rest > start && !errno && is_field_end(rest, end);
}

static bool parse_pid(const char *text, const char *end, const char *key,
		     int *pid)
{
	unsigned long value;

	if (!parse_number(text, end, key, 10, &value) || value > 4194304)
		return false;
	*pid = value;
	return true;
}

static bool parse_switch(struct event *event, const char *text, const char *end)
{
	const char *next = after_last(text, end, " ==> next_comm=");
	const char *state;

	if (!next || !parse_pid(next, end, " next_pid=", &event->other) ||
	    !parse_pid(text, next, " prev_pid=", &event->pid))
		return false;
	state = after_last(text, next, " prev_state=");
	event->state = state ? *state : '\0';
	return isupper((unsigned char)event->state) || event->state == 't';
}

static bool parse_exec(struct event *event, const char *text, const char *end)
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

/* MAP_SHARED of a file, to write: libc maps files of its own only to read. */
static bool parse_mmap(struct event *event, const char *text, const char *end)
{
	unsigned long prot, flags, fd, offset;

	if (!parse_number(text, end, ", len: ", 16, &event->address) ||
	    !parse_number(text, end, ", prot: ", 16, &prot) ||
	    !parse_number(text, end, ", flags: ", 16, &flags) ||
	    !parse_number(text, end, ", fd: ", 16, &fd) ||
	    !parse_number(text, end, ", off: ", 16, &offset))
		return false;
	event->value = (prot & PROT_WRITE) && (flags & MAP_SHARED) &&
		       !(flags & MAP_ANONYMOUS) ? (long)offset : -1;
	return true;
}

#define PAGE_FIELDS .address = " address=0x", .value = " offset=", .base = 10

/* How the text of an event begins. A number follows a name that ends with _. */
static const struct event_format {
	const char *name;
	enum event_kind kind;
	/* What precedes the pid, the address and the value, if there is one. */
	const char *other, *address, *value;
	int base;		/* of the value */
	bool (*parse)(struct event *event, const char *text, const char *end);
} formats[] = {
	{ "sched_process_fork:", EVENT_FORK, .other = " child_pid=" },
	{ "sched_process_exec:", EVENT_EXEC, .parse = parse_exec },
	{ "sched_process_exit:", .kind = EVENT_EXIT },
	{ "sched_switch:", EVENT_SWITCH, .parse = parse_switch },
	{ "sched_waking:", EVENT_WAKING, .other = " pid=" },
	{ "sys_futex(", EVENT_FUTEX, .address = "uaddr: ", .value = ", op: ", .base = 16 },
	{ "sys_futex -> ", EVENT_FUTEX_END, .value = " -> 0x", .base = 16 },
	{ "wait_", EVENT_WAIT, .address = " sem=0x" },
	{ "waited_", EVENT_WAITED, .value = " result=", .base = 10 },
	{ "try_", EVENT_TRY, .address = " sem=0x" },
	{ "tried_", EVENT_TRIED, .value = " result=", .base = 10 },
	{ "post_", EVENT_POST, .address = " sem=0x" },
	{ "posted_", EVENT_POSTED, .value = " result=", .base = 10 },
	{ "shmcount_vma_open:", EVENT_MMAP, PAGE_FIELDS },
	{ "shmcount_fault:", EVENT_FAULT, PAGE_FIELDS },
	{ "shmcount_vma_close:", EVENT_UNMAP, PAGE_FIELDS },
	{ "page_fault_user:", EVENT_PAGE_FAULT, .address = " address=0x" },
	{ "sys_mmap(", EVENT_CALL_MMAP, .parse = parse_mmap },
	{ "sys_mmap -> ", EVENT_MMAPPED, .value = " -> 0x", .base = 16 },
	{ "sys_munmap(", EVENT_CALL_MUNMAP, .address = "addr: " },
};

static bool parse_fields(struct event *event, const struct event_format *format,
			 const char *text, const char *end)
{
	unsigned long value = 0;

	event->kind = format->kind;
	if (format->parse)
		return format->parse(event, text, end);
	if ((format->other &&
	     !parse_pid(text, end, format->other, &event->other)) ||
	    (format->address &&
	     !parse_number(text, end, format->address, 16, &event->address)) ||
	    (format->value &&
	     !parse_number(text, end, format->value, format->base, &value)))
		return false;
	event->value = value;
	return true;
}

static _Noreturn void bad_line(const struct reader *reader, const char *line)
{
	char shown[61];
	int n = 0;

	for (; *line && n < 60; line++)
		if (n || *line != ' ')
			shown[n++] = isprint((unsigned char)*line) ? *line :
								     '?';
	shown[n] = '\0';
	diex("%s:%d: not a line of a trace: %s", reader->trace->path,
	     reader->line, shown);
}

/* "NAME-PID [CPU] FLAGS SECONDS.MICROSECONDS: EVENT"; NAME may hold anything. */
static bool parse_head(struct event *event, const char *line, const char **text)
{
	const char *bracket = NULL;
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
	if (!bracket || event->cpu >= MAX_PROCESSORS || seconds < 0 ||
	    seconds > 1000000000 || micros < 0 || strlen(flags) < 3)
		return false;
	*text = bracket + length;
	event->time = seconds * 1000000 + micros;
	event->interrupt = flags[2] == 'h' || flags[2] == 'H' ||
			   flags[2] == 's';
	while (bracket > line && bracket[-1] == ' ')
		bracket--;
	return parse_pid(line, bracket, "-", &event->pid);
}

static void parse_event(struct reader *reader, const char *line)
{
	struct trace *trace = reader->trace;
	struct event event = { .line = reader->line };
	const char *text, *end = line + strlen(line);

	if (!parse_head(&event, line, &text))
		bad_line(reader, line);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		size_t length = strlen(formats[i].name);

		if (strncmp(text, formats[i].name, length) ||
		    (formats[i].name[length - 1] == '_' &&
		     !isdigit((unsigned char)text[length])))
			continue;
		if (!parse_fields(&event, &formats[i], text, end))
			bad_line(reader, line);
		if (trace->count &&
		    trace->events[trace->count - 1].time > event.time)
			diex("%s:%d: time goes backwards", trace->path,
			     reader->line);
		if (trace->count == MAX_EVENTS)
			diex("%s has more than %d events", trace->path,
			     MAX_EVENTS);
		APPEND(trace->events, trace->count) = event;
		return;
	}
	bad_line(reader, line);
}

/* Returns the number of bytes, a power of 2; 0 if it is none. */
static unsigned long parse_page(const char *text)
{
	long bytes = parse_long(text, INT_MAX);

	return bytes > 0 && !(bytes & (bytes - 1)) ? bytes : 0;
}

static void parse_comment(struct reader *reader, const char *line)
{
	static const char head[] = "# timeline: ";
	struct trace *trace = reader->trace;
	const char *what = line + strlen(head), *slash;
	size_t used = strlen(trace->programs);
	char junk;
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
	} else if (!strncmp(what, "machine ", 8)) {
		snprintf(trace->machine, sizeof(trace->machine), "%s", what + 8);
	} else if (!strcmp(what, "untraced")) {
		trace->untraced = true;
	} else if (!strncmp(what, "page ", 5) && parse_page(what + 5)) {
		trace->page = parse_page(what + 5);
	} else if (!strncmp(what, "end ", 4) &&
		   parse_long(what + 4, INT_MAX) >= 0) {
		reader->ended = true;
	} else if (sscanf(what, "dropped %d %ld%c", &cpu, &count, &junk) == 2 &&
		   cpu >= 0 && cpu < MAX_PROCESSORS && count > 0) {
		reader->full[cpu] = true;
		trace->dropped += count;
	} else if (strncmp(what, "pace ", 5) ||
		   parse_long(what + 5, INT_MAX) < 0) {
		bad_line(reader, line);
	}
}

/* After a processor's buffer was full, the trace is incomplete: cut it there. */
static void cut(struct reader *reader)
{
	struct trace *trace = reader->trace;
	long end;

	for (int cpu = 0; cpu < MAX_PROCESSORS; cpu++) {
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

	/* A trace of before others had any has no line with the size of a page. */
	*trace = (struct trace) { .path = path, .page = 4096 };
	if (!file)
		die("cannot open %s", path);
	errno = 0;
	while ((length = getline(&line, &size, file)) >= 0) {
		reader.line++;
		if (reader.line == 1 && strncmp(line, "# timeline: command ", 17))
			diex("%s is not a trace of make timeline", path);
		if (reader.ended)
			diex("%s:%d: the trace continues after its end", path,
			     reader.line);
		if (!length || line[length - 1] != '\n')
			diex("%s is cut off in line %d", path, reader.line);
		line[--length] = '\0';
		if (line[0] == '#')
			parse_comment(&reader, line);
		else if (strlen(line) != (size_t)length)
			bad_line(&reader, line);
		else if (length)
			parse_event(&reader, line);
	}
	if (errno)
		die("cannot read %s", path);
	if (!reader.line)
		diex("%s is empty", path);
	if (!reader.ended)
		diex("%s is cut off: its last line is missing", path);
	fclose(file);
	free(line);
	cut(&reader);
	for (size_t i = 0; i < trace->count; i++)
		if (trace->events[i].cpu >= trace->processors)
			trace->processors = trace->events[i].cpu + 1;
}
