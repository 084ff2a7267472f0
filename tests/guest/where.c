// SPDX-License-Identifier: GPL-2.0
/* Where in a module a kernel crashed, warned or hung; see where.h. */
#include <elf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest/splat.h"
#include "guest/where.h"
#include "module.h"

enum { MAX_FRAMES = 8, MAX_KERNEL_FRAMES = 4, MAX_KNOWN = 128 };

/* A place in a function; "shmcount_read+0x12/0x40 [shmcount]" in a log. */
struct frame {
	char symbol[512], module[64];	/* cleaned; module "": the kernel itself */
	unsigned long offset;
	bool after_call;	/* it is where a call returns to */
};

struct place {
	int line;		/* of the log, where it begins; 0: there is none */
	char call[40];		/* "the system call read", or "" */
	bool page_fault;	/* a process touched a page that was not there */
	bool asks;		/* it is the harness, which has the others tell theirs */
	bool waits;		/* it is a process that the kernel has wait (D) */
	struct frame frames[MAX_FRAMES];	/* in the module, the innermost first */
	int count;
	struct frame kernel[MAX_KERNEL_FRAMES];	/* the same in the kernel */
	int kernel_count;
	struct frame last;	/* that the log has */
};

#define CALL(name, ...) { #name, #name, __VA_ARGS__ }

/* The system calls in which a driver runs. */
static const struct {
	const char *name, *told;	/* the kernel's name, and what is told */
	int amd64, arm64;		/* their numbers; -1: there is none */
} calls[] = {
	CALL(read, 0, 63), CALL(write, 1, 64), { "pread64", "pread", 17, 67 },
	{ "pwrite64", "pwrite", 18, 68 }, CALL(readv, 19, 65), CALL(writev, 20, 66),
	CALL(preadv, 295, 69), CALL(pwritev, 296, 70), CALL(preadv2, 327, 286),
	CALL(pwritev2, 328, 287), { "sendfile64", "sendfile", 40, 71 }, CALL(splice, 275, 76),
	CALL(open, 2, -1), { "openat", "open", 257, 56 }, CALL(close, 3, 57),
	CALL(lseek, 8, 62), CALL(ioctl, 16, 29), CALL(poll, 7, -1),
	{ "ppoll", "poll", 271, 73 }, CALL(fsync, 74, 82), CALL(ftruncate, 77, 46),
	CALL(fallocate, 285, 47), CALL(mmap, 9, 222), CALL(munmap, 11, 215),
	CALL(mremap, 25, 216), CALL(mprotect, 10, 226), CALL(madvise, 28, 233),
	CALL(msync, 26, 227), CALL(mincore, 27, 232), CALL(mlock, 149, 228),
	CALL(move_pages, 279, 239), CALL(futex, 202, 98), { "clone", "fork", 56, 220 },
	{ "clone3", "fork", 435, 435 }, CALL(fork, 57, -1), CALL(execve, 59, 221),
	CALL(exit, 60, 93), { "exit_group", "exit", 231, 94 }, { "wait4", "wait", 61, 260 },
	{ "init_module", "init_module (insmod)", 175, 105 },
	{ "finit_module", "finit_module (insmod)", 313, 273 },
	{ "delete_module", "delete_module (rmmod)", 176, 106 },
	CALL(process_vm_readv, 310, 270), CALL(vmsplice, 278, 75),
	CALL(rt_sigtimedwait, 128, 137), CALL(restart_syscall, 219, 128),
};

/* The functions of the kernel that are named for the system call that they are. */
static const char *const prefixes[] = { "__x64_sys_", "__arm64_sys_", "ksys_" };

/* Where the stack of a process begins; a stack of x86 ends with </TASK> in the log. */
static const char *const outermost[] = { "el0t_64_", "el0_sync", "ret_from_fork" };

/* ---- the log ---- */

/* Does the text begin with one of these? Returns what is behind that; else NULL. */
static const char *behind_any(const char *text, const char *const *begins, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strncmp(text, begins[i], strlen(begins[i])))
			return text + strlen(begins[i]);
	return NULL;
}

/* Behind a '?' is what only lies about on the stack. */
static bool parse_frame(struct frame *frame, const char *line)
{
	const char *end = strstr(line, "+0x"), *name = end;
	char *symbol;
	unsigned long size;
	int length = 0;

	while (end && name > line && name[-1] != ' ' && name[-1] != ':')
		name--;
	if (name == end || (size_t)(end - name) >= sizeof(frame->symbol) / 4 ||
	    (name - line >= 2 && name[-2] == '?') ||
	    sscanf(end, "+%lx/%lx%n", &frame->offset, &size, &length) != 2 || !length)
		return false;
	symbol = cleaned(name, end - name);
	snprintf(frame->symbol, sizeof(frame->symbol), "%s", symbol);
	free(symbol);
	if (sscanf(end + length, " [%63[^] ]", frame->module) != 1)
		frame->module[0] = '\0';
	frame->after_call = !strstr(line, "RIP: ") && !strstr(line, "pc : ") &&
			    splat_of(line) == SPLAT_NONE;
	return true;
}

static void add_frame(struct frame *frames, int *count, int max, const struct frame *frame)
{
	for (int i = 0; i < *count; i++)
		if (!strcmp(frames[i].symbol, frame->symbol) &&
		    frames[i].offset == frame->offset)
			return;
	if (*count < max)
		frames[(*count)++] = *frame;
}

static void set_call(struct place *place, const char *name)
{
	snprintf(place->call, sizeof(place->call), "the system call %s", name);
}

static void set_call_by_number(struct place *place, long number, bool is_arm64)
{
	place->call[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (number >= 0 && number == (is_arm64 ? calls[i].arm64 : calls[i].amd64))
			set_call(place, calls[i].told);
	if (!place->call[0] && number >= 0 && number < 1024)
		snprintf(place->call, sizeof(place->call), "system call %ld", number);
}

/* If no number tells it: "__arm64_sys_pread64". */
static void set_call_by_function(struct place *place, const char *symbol)
{
	const char *name = behind_any(symbol, prefixes, ARRAY_SIZE(prefixes));

	for (size_t i = 0; name && !place->call[0] && i < ARRAY_SIZE(calls); i++)
		if (!strcmp(name, calls[i].name))
			set_call(place, calls[i].told);
}

/*
 * On arm64 the link register, lr, is where the function at pc returns to, or what that
 * function itself has called before. A function that calls none is not in the trace by
 * its caller.
 */
static bool is_old_lr(const struct place *place, const struct frame *frame, const char *line)
{
	return strstr(line, "lr : ") && !strcmp(frame->symbol, place->last.symbol);
}

static void take_frame(struct place *place, struct frame *frame, const char *module)
{
	/* What an interrupt or an exception interrupts has called nothing. */
	if (!strncmp(place->last.symbol, "el1h_64_", 8))
		frame->after_call = false;
	place->last = *frame;
	if (!strcmp(frame->module, module))
		add_frame(place->frames, &place->count, MAX_FRAMES, frame);
	else if (!frame->module[0])
		add_frame(place->kernel, &place->kernel_count, MAX_KERNEL_FRAMES, frame);
	place->page_fault |= !strcmp(frame->symbol, "handle_mm_fault");
	place->asks |= !strcmp(frame->symbol, "write_sysrq_trigger");
	set_call_by_function(place, frame->symbol);
}

/* Take a line of the place, in a log of this architecture. Returns false behind its end. */
static bool take_line(struct place *place, const char *line, const char *module,
		      bool is_arm64)
{
	const char *call = strstr(line, ", system call ");
	const char *user = strstr(line, "RSP: 002b:"), *number;
	struct frame frame = { .symbol = "" };
	long of_process;

	/* The stack of another process begins. */
	if ((strstr(line, "stuck: process ") && call) ||
	    strstr(line, "NMI backtrace for cpu") || strstr(line, "sysrq: CPU")) {
		if (place->count)
			return false;
		place->kernel_count = 0;
		place->page_fault = false;
		place->asks = false;
		place->waits = strstr(line, " (D), ");
		place->call[0] = '\0';
		if (call && sscanf(call, ", system call %ld", &of_process) == 1)
			set_call_by_number(place, of_process, is_arm64);
	}
	number = user ? strstr(user, "ORIG_RAX: ") : NULL;
	if (number)
		set_call_by_number(place, strtoul(number + strlen("ORIG_RAX: "), NULL, 16),
				   false);
	if (parse_frame(&frame, line) && !is_old_lr(place, &frame, line))
		take_frame(place, &frame, module);
	return !strstr(line, "---[ end trace") &&
	       !(place->count && (strstr(line, "</TASK>") ||
				  behind_any(frame.symbol, outermost, ARRAY_SIZE(outermost))));
}

static bool begins_report(const char *line)
{
	return splat_of(line) != SPLAT_NONE || strstr(line, "stuck: process ");
}

/* Read the report of a test; a test that was run again has the last one that there is. */
static void read_report_of(struct place *place, const char *log, const char *test,
			   const char *module, bool is_arm64)
{
	FILE *file = fopen(log, "re");
	struct place waiting = { .waits = false };	/* tells more than a processor */
	bool of_test = !*test, begun = false, whole = false;
	char line[1024], name[128];
	const char *begin;

	*place = (struct place) { .line = 0 };
	for (int number = 1; file && fgets(line, sizeof(line), file);
	     number += !!strchr(line, '\n')) {
		begin = *line == '[' ? strstr(line, "] ") : NULL;
		if (*test && sscanf(begin ? begin + 2 : line, "test: %127s", name) == 1) {
			of_test = !strcmp(name, test);
			begun = false;
			whole = false;
			waiting.waits = false;
		} else if (of_test && !whole && (begun || begins_report(line))) {
			if (!begun)
				*place = (struct place) { .line = number };
			begun = true;
			whole = !take_line(place, line, module, is_arm64);
			if (place->waits && place->kernel_count)
				waiting = *place;
		}
	}
	if (!place->count && waiting.waits)
		*place = waiting;
	if (file)
		fclose(file);
}

/* ---- the module ---- */

/* What addr2line has said of frames; the same places come again and again. */
static struct {
	char *module, *symbol;
	unsigned long offset;
	char *line;		/* "shmcount.c:88", or "" */
} known[MAX_KNOWN];
static int known_count;

static const char *known_line(const char *module, const struct frame *frame)
{
	for (int i = 0; i < known_count; i++)
		if (!strcmp(known[i].module, module) && known[i].offset == frame->offset &&
		    !strcmp(known[i].symbol, frame->symbol))
			return known[i].line;
	return NULL;
}

static void learn(const char *module, const struct frame *frame, const char *line)
{
	if (known_count == MAX_KNOWN)
		return;
	known[known_count].module = text_of("%s", module);
	known[known_count].symbol = text_of("%s", frame->symbol);
	known[known_count].offset = frame->offset;
	known[known_count++].line = cleaned(line, strlen(line));
}

/* Make "shmcount.c:88" of "DIRECTORY/shmcount.c:88 (discriminator 3)". */
static void shorten(char *to, size_t size, const char *path)
{
	path = basename(path);
	snprintf(to, size, "%.*s", (int)strcspn(path, "\n "), path);
}

/*
 * Read what addr2line says of the frames that were asked for. For each it writes the
 * address, then two lines for each function that is inlined there and for the function
 * itself, the innermost first. The line is that of the first which is no header of the
 * kernel's.
 */
static void read_lines(const char *path, const char *module, const struct frame *asked[],
		       int count)
{
	FILE *file = fopen(path, "re");
	char text[1024], line[256] = "";
	bool found = false, is_name = true;
	int i = -1;

	while (file && fgets(text, sizeof(text), file)) {
		if (!strncmp(text, "0x", 2)) {
			if (i >= 0 && i < count)
				learn(module, asked[i], line);
			i++;
			line[0] = '\0';
			found = false;
			is_name = true;
			continue;
		}
		if (!is_name && !found && !strchr(text, '?')) {
			shorten(line, sizeof(line), text);
			found = !strstr(text, "/include/");
		}
		is_name = !is_name;
	}
	if (i >= 0 && i < count)
		learn(module, asked[i], line);
	if (file)
		fclose(file);
}

/* Have addr2line look up all frames in the section of the first that is not known. */
static bool look_up(const struct place *place, const char *module,
		    const struct addr2line *addr2line)
{
	/* With its section behind these, and a NULL at its end. */
	char *command[9 + MAX_FRAMES] = {
		module_tool(module, "addr2line"), "-a", "-i", "-f", "-e", "MODULE", "-j"
	};
	const struct frame *asked[MAX_FRAMES];
	char section[sizeof(((struct function *)0)->section)] = "";
	const char *output;
	int count = 0;

	for (int i = 0; i < place->count; i++) {
		const struct frame *frame = &place->frames[i];
		struct function function;

		if (known_line(module, frame))
			continue;
		if (!module_function(module, frame->symbol, &function)) {
			learn(module, frame, "");
			continue;
		}
		if (!count)
			memcpy(section, function.section, sizeof(section));
		if (strcmp(section, function.section))
			continue;
		/* A call may be the last of its line. */
		command[8 + count] = text_of("0x%lx", function.offset + frame->offset -
					     (frame->after_call && frame->offset));
		asked[count++] = frame;
	}
	command[7] = section;
	if (!count || known_count + count > MAX_KNOWN)
		return false;
	output = addr2line->run(module, command);
	if (output)
		read_lines(output, module, asked, count);
	for (int i = 0; i < count; i++)
		if (!known_line(module, asked[i]))
			learn(module, asked[i], "");
	return true;
}

/* ---- what is told ---- */

static char *call_of(const struct place *place)
{
	if (place->call[0])
		return text_of(", in %s", place->call);
	return text_of("%s", place->page_fault ? ", in a page fault" : "");
}

static void tell_frame(FILE *to, const struct place *place, int i, const char *module)
{
	const struct frame *frame = &place->frames[i];
	const char *line = known_line(module, frame);

	fprintf(to, "%s: %s+0x%lx", line && *line ? line : "line unknown", frame->symbol,
		frame->offset);
	fprintf(to, "%s\n", i ? " called it" : call_of(place));
}

static void tell_kernel(FILE *to, const struct place *place)
{
	fprintf(to, "no line of the module: the kernel was in");
	for (int i = 0; i < place->kernel_count; i++)
		fprintf(to, "%s %s", i ? "," : "", place->kernel[i].symbol);
	fprintf(to, "%s\n", call_of(place));
}

char *where_of(const char *log, const char *test, const char *module,
	       const struct addr2line *addr2line)
{
	struct place place;
	char *told = NULL, name[64];
	size_t size;
	FILE *to = check(open_memstream(&told, &size));

	module_name_in_log(module, name, sizeof(name));
	read_report_of(&place, log, test, name, module_machine(module) == EM_AARCH64);
	while (place.line && look_up(&place, module, addr2line))
		;
	for (int i = 0; i < place.count; i++)
		tell_frame(to, &place, i, module);
	if (place.line && !place.count && place.kernel_count && !place.asks)
		tell_kernel(to, &place);
	if (place.line)
		fprintf(to, "%s:%d: the kernel's report\n", basename(log), place.line);
	fclose(to);
	return check(told);
}

void locate(struct guest_run *run, const char *module, const struct addr2line *addr2line)
{
	char *log = guest_file(run->files, "log");

	for (int i = 0; i < run->count; i++) {
		struct result *test = run->tests[i];

		if ((test->result == CRASHED || test->result == HUNG) &&
		    test->guest == run->number)
			test->where = where_of(log, test->name, module, addr2line);
	}
	free(log);
}
