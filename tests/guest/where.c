// SPDX-License-Identifier: GPL-2.0
/* Where in a module a kernel crashed, warned or hung; see where.h. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

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
	long call;		/* the number of the system call; -1: none known */
	bool page_fault;	/* a process touched a page that was not there */
	bool waits;		/* it is a process that the kernel has wait (D) */
	struct frame frames[MAX_FRAMES];	/* in the module, the innermost first */
	int count;
	struct frame kernel[MAX_KERNEL_FRAMES];	/* the same in the kernel */
	int kernel_count;
};

/* The system calls in which a driver runs. */
static const struct {
	long number;
	const char *name;
} calls[] = {
	{ SYS_read, "read" }, { SYS_write, "write" }, { SYS_pread64, "pread" },
	{ SYS_pwrite64, "pwrite" }, { SYS_readv, "readv" }, { SYS_writev, "writev" },
	{ SYS_preadv, "preadv" }, { SYS_pwritev, "pwritev" }, { SYS_preadv2, "preadv2" },
	{ SYS_pwritev2, "pwritev2" }, { SYS_sendfile, "sendfile" }, { SYS_splice, "splice" },
	{ SYS_open, "open" }, { SYS_openat, "open" }, { SYS_close, "close" },
	{ SYS_lseek, "lseek" }, { SYS_ioctl, "ioctl" }, { SYS_poll, "poll" },
	{ SYS_fsync, "fsync" }, { SYS_ftruncate, "ftruncate" },
	{ SYS_fallocate, "fallocate" }, { SYS_mmap, "mmap" }, { SYS_munmap, "munmap" },
	{ SYS_mremap, "mremap" }, { SYS_mprotect, "mprotect" }, { SYS_madvise, "madvise" },
	{ SYS_msync, "msync" }, { SYS_mincore, "mincore" }, { SYS_mlock, "mlock" },
	{ SYS_move_pages, "move_pages" }, { SYS_futex, "futex" }, { SYS_clone, "fork" },
	{ SYS_clone3, "fork" }, { SYS_fork, "fork" }, { SYS_execve, "execve" },
	{ SYS_exit, "exit" }, { SYS_exit_group, "exit" }, { SYS_wait4, "wait" },
	{ SYS_init_module, "init_module (insmod)" },
	{ SYS_finit_module, "finit_module (insmod)" },
	{ SYS_delete_module, "delete_module (rmmod)" },
	{ SYS_process_vm_readv, "process_vm_readv" }, { SYS_vmsplice, "vmsplice" },
	{ SYS_rt_sigtimedwait, "rt_sigtimedwait" }, { SYS_restart_syscall, "restart_syscall" },
};

/* ---- the log ---- */

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
	frame->after_call = !strstr(line, "RIP: ") && splat_of(line) == SPLAT_NONE;
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

/* Take a line of the place. Returns false behind its end. */
static bool take_line(struct place *place, const char *line, const char *module)
{
	const char *call = strstr(line, ", system call ");
	const char *user = strstr(line, "RSP: 002b:"), *number;
	struct frame frame;

	/* The stack of another process begins. */
	if ((strstr(line, "stuck: process ") && call) || strstr(line, "NMI backtrace for cpu")) {
		if (place->count)
			return false;
		place->kernel_count = 0;
		place->page_fault = false;
		place->waits = strstr(line, " (D), ");
		if (!call || sscanf(call, ", system call %ld", &place->call) != 1)
			place->call = -1;
	}
	number = user ? strstr(user, "ORIG_RAX: ") : NULL;
	if (number)
		place->call = strtoul(number + strlen("ORIG_RAX: "), NULL, 16);
	if (parse_frame(&frame, line)) {
		if (!strcmp(frame.module, module))
			add_frame(place->frames, &place->count, MAX_FRAMES, &frame);
		else if (!frame.module[0])
			add_frame(place->kernel, &place->kernel_count, MAX_KERNEL_FRAMES,
				  &frame);
		place->page_fault |= !strcmp(frame.symbol, "handle_mm_fault");
	}
	return !strstr(line, "---[ end trace") &&
	       !(place->count && strstr(line, "</TASK>"));
}

static bool begins_report(const char *line)
{
	return splat_of(line) != SPLAT_NONE || strstr(line, "stuck: process ");
}

/* Read the report of a test; a test that was run again has the last one that there is. */
static void read_report_of(struct place *place, const char *log, const char *test,
			   const char *module)
{
	FILE *file = fopen(log, "re");
	struct place waiting = { .waits = false };	/* tells more than a processor */
	bool of_test = !*test, begun = false, whole = false;
	char line[1024], name[128];
	const char *begin;

	*place = (struct place) { .call = -1 };
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
				*place = (struct place) { .call = -1, .line = number };
			begun = true;
			whole = !take_line(place, line, module);
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
	char *command[9 + MAX_FRAMES] = { "addr2line", "-a", "-i", "-f", "-e", "MODULE", "-j" };
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
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].number == place->call)
			return text_of(", in the system call %s", calls[i].name);
	if (place->call >= 0 && place->call < 1024)
		return text_of(", in system call %ld", place->call);
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
	char *told = NULL, name[64] = "";
	size_t size;
	FILE *to = check(open_memstream(&told, &size));

	/* The kernel has no '-' in the names of modules. */
	module_name_of(module, name, sizeof(name));
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = '_';
	read_report_of(&place, log, test, name);
	while (place.line && look_up(&place, module, addr2line))
		;
	for (int i = 0; i < place.count; i++)
		tell_frame(to, &place, i, module);
	if (place.line && !place.count && place.kernel_count)
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
