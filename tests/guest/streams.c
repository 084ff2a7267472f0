// SPDX-License-Identifier: GPL-2.0
/* What the guest says: the kernel's log, and init's report with the output. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner.h"

/* A stream that is taken apart into lines. */
struct lines {
	char line[4096];
	size_t length;
	void (*take)(const char *line);
};

void note_output_error(const char *name)
{
	if (guest.output_error)
		return;
	guest.output_error = errno ?: EIO;
	guest.output_failed = name;
}

void close_output(FILE *file, const char *name)
{
	bool failed;

	if (!file)
		return;
	failed = ferror(file);
	if (fclose(file) || failed)
		note_output_error(name);
}

static void write_all(int fd, const char *data, size_t length)
{
	while (length && !interrupted && !guest.output_error) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno != EINTR)
			note_output_error(fd == STDOUT_FILENO ?
					  "standard output" : "standard error");
		if (n > 0) {
			data += n;
			length -= n;
		}
	}
}

static void take_lines(struct lines *lines, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (data[i] == '\n' ||
		    lines->length == sizeof(lines->line) - 1) {
			lines->line[lines->length] = '\0';
			lines->length = 0;
			lines->take(lines->line);
		}
		if (data[i] != '\n' && data[i] != '\r' && data[i])
			lines->line[lines->length++] = data[i];
	}
}

/* ---- the kernel's log ---- */

const char *without_stamp(const char *line)
{
	const char *end = *line == '[' ? strchr(line, ']') : NULL;

	return end && end[1] == ' ' ? end + 2 : line;
}

/* The harness and fuzz log what they begin. */
static void note_begin(const char *line)
{
	if (sscanf(line, "test: %127s", guest.test) == 1) {
		guest.fuzz[0] = '\0';
		guest.record.unlogged--;
	} else if (!strncmp(line, "fuzz: ", 6))
		snprintf(guest.fuzz, sizeof(guest.fuzz), "%s", line);
}

/*
 * Not every report stops the kernel, but the tests end here: the deadline leaves
 * time for the rest of the report. The user decides when another program ends.
 */
static void note_splat(enum splat splat)
{
	guest.splat = splat;
	strcpy(guest.splat_during, guest.test[0] ? guest.test :
						   guest.tap.running);
	strcpy(guest.record.begun, guest.tap.begun);
	if (is_verb("tap") && guest.up)
		guest.deadline = now() + END_SECONDS;
}

static void take_console_line(const char *line)
{
	struct vm_record *record = &guest.record;
	enum splat splat = splat_of(line);

	if (is_verb("shell") &&
	    !strncmp(line, guest.nonce, strlen(guest.nonce))) {
		guest.ready = true;
		guest.deadline = 0;
		return;
	}
	if (guest.console_log)
		fprintf(guest.console_log, "%s\n", line);
	if (guest.splat == SPLAT_NONE)
		note_begin(without_stamp(line));
	if (guest.splat == SPLAT_NONE && splat != SPLAT_NONE && !guest.timed_out)
		note_splat(splat);
	/* The names of later tests are no part of the report, and may be secret. */
	if (guest.splat != SPLAT_NONE &&
	    record->report_lines < VM_REPORT_LINES &&
	    strncmp(without_stamp(line), "test: ", 6))
		snprintf(record->report[record->report_lines++],
			 sizeof(record->report[0]), "%s", line);
}

static struct lines console = { .take = take_console_line };

/* ---- init's report ---- */

/*
 * The test that brought about a splat has failed, whatever it says. If another one
 * begins, the kernel goes on, and its report is whole.
 */
static void take_tap_line(const char *line)
{
	guest.record.unlogged += !strncmp(line, "# begin ", 8);
	if (take_decoy_line(line))
		return;
	if (guest.splat != SPLAT_NONE && guest.tap.running[0] &&
	    !strcmp(guest.tap.running, guest.splat_during))
		return;
	if (guest.splat != SPLAT_NONE && !strncmp(line, "# begin ", 8) &&
	    strcmp(line + 8, guest.splat_during) && guest.deadline > now() + 1)
		guest.deadline = now() + 1;
	tap_line(&guest.tap, line);
	if (!guest.output_error && (puts(line) == EOF || fflush(stdout)))
		note_output_error("standard output");
}

static struct lines tap_stream = { .take = take_tap_line };

/* How long the guest has from now on. A probe keeps its first deadline. */
static void allow(int seconds)
{
	if (!is_verb("probe"))
		guest.deadline = now() + seconds;
}

int load_seconds(void)
{
	return options.limit && options.limit < LOAD_SECONDS ? options.limit :
							       LOAD_SECONDS;
}

static void begin_file(long number)
{
	if (number < 0 || number >= options.fetch_count || guest.output_error)
		return;
	close_output(guest.fetched, guest.fetched_to);
	guest.fetched_to = options.fetch_to[number];
	guest.fetched = fopen(guest.fetched_to, "we");
	if (!guest.fetched)
		note_output_error(guest.fetched_to);
}

static struct {
	char kind[16];
	size_t left;		/* bytes that still follow */
} frame;

/* The head of a frame, or a line that init never wrote. */
static void take_head(char *line)
{
	const char *begin = guest.start == SAVE ? VM_TEMPLATE_NONCE : guest.nonce;
	size_t nonce = strlen(begin);
	long number;

	if (strncmp(line, begin, nonce) ||
	    sscanf(line + nonce, " %15s %ld", frame.kind, &number) != 2) {
		if (!guest.foreign++)
			snprintf(guest.first_foreign,
				 sizeof(guest.first_foreign), "%s", line);
		return;
	}
	if (!strcmp(frame.kind, "up")) {
		guest.up = true;
		allow(guest.start == SAVE ? LOAD_SECONDS : load_seconds());
	} else if (guest.start == SAVE && !strcmp(frame.kind, "ready")) {
		allow(RESTORE_SECONDS);
		save_template();
	} else if (!strcmp(frame.kind, "ready")) {
		guest.ready = true;
		guest.record.ready_ms = 1000 * (now() - guest.started);
		guest.deadline = options.limit ? now() + options.limit : 0;
		if (is_verb("run"))
			to_program = guest.input;
	} else if (!strcmp(frame.kind, "fetch")) {
		begin_file(number);
	} else if (!strcmp(frame.kind, "taint")) {
		guest.record.taint = number;
	} else if (!strcmp(frame.kind, "exit") || !strcmp(frame.kind, "signal")) {
		guest.ended = true;
		guest.record.program = number + (*frame.kind == 's' ? 128 : 0);
		allow(END_SECONDS);
		to_program = -1;
		alarm(0);
	} else {
		frame.left = number;
	}
}

static void take_file(const char *data, size_t length)
{
	if (!guest.output_error && guest.fetched &&
	    fwrite(data, 1, length, guest.fetched) != length)
		note_output_error(guest.fetched_to);
}

static void take_content(const char *data, size_t length)
{
	size_t room = sizeof(guest.init_error) - strlen(guest.init_error) - 1;
	bool output = !strcmp(frame.kind, "out");

	if (!strcmp(frame.kind, "init-error"))
		strncat(guest.init_error, data, length < room ? length : 0);
	else if (!strcmp(frame.kind, "file"))
		take_file(data, length);
	else if (output && !is_verb("run"))
		take_lines(&tap_stream, data, length);
	else
		write_all(output ? STDOUT_FILENO : STDERR_FILENO, data, length);
}

static char head[256];
static size_t head_length;

static void take_report(const char *data, size_t length)
{
	while (length) {
		size_t part = 1;

		if (frame.left) {
			part = length < frame.left ? length : frame.left;
			frame.left -= part;
			take_content(data, part);
		} else if (*data == '\n' || head_length == sizeof(head) - 1) {
			head[head_length] = '\0';
			head_length = 0;
			take_head(head);
		} else {
			head[head_length++] = *data;
		}
		data += part;
		length -= part;
	}
}

/* ---- both ---- */

void reset_streams(void)
{
	guest.up = false;
	guest.ready = false;
	guest.timed_out = false;
	guest.foreign = 0;
	guest.splat = SPLAT_NONE;
	guest.record.report_lines = 0;
	guest.init_error[0] = '\0';
	frame.left = 0;
	head_length = 0;
	console.length = 0;
}

/* Read what is there, at most what a pipe holds; at the end fd becomes -1. */
static ssize_t read_some(struct pollfd *from, char data[65536])
{
	ssize_t length = 0;

	if (from->fd >= 0 && poll(from, 1, 0) > 0) {
		length = read(from->fd, data, 65536);
		if (length <= 0)
			from->fd = -1;
	}
	return length;
}

/* Saving a guest, it has children that hold our pipes. A shell's shares our group. */
static void kill_qemu(pid_t pid)
{
	if (getpgid(pid) == pid)
		kill(-pid, SIGKILL);
	kill(pid, SIGKILL);
}

/*
 * The guest has not ended in time. Tests that hang are the harness's to notice: if it has
 * not, no processor may be left to it. An NMI reaches the first one even where it takes no
 * interrupts, and its kernel logs where it was, and ends. Returns false if there is none.
 */
static bool interrupt_guest(void)
{
	if (!machine->nmi || !is_verb("tap") || !guest.ready || guest.ended || guest.timed_out ||
	    guest.splat != SPLAT_NONE || dprintf(guest.monitor, "nmi\n") < 0)
		return false;
	guest.deadline = now() + NMI_SECONDS;
	return true;
}

int watch(pid_t pid, int console_fd, int report_fd)
{
	struct pollfd fds[] = {
		{ .fd = console_fd, .events = POLLIN },
		{ .fd = report_fd, .events = POLLIN },
	};
	char log[65536], report[65536];
	int status;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		ssize_t log_length, report_length;

		poll(fds, 2, 100);
		/* In this order the log is never behind the report. */
		report_length = read_some(&fds[1], report);
		log_length = read_some(&fds[0], log);
		if (log_length > 0)
			take_lines(&console, log, log_length);
		if (report_length > 0)
			take_report(report, report_length);
		/* A forger that goes on could fill the log until the runner ends. */
		if (interrupted || guest.output_error || guest.forgery[0])
			kill_qemu(pid);
		if (guest.deadline && now() > guest.deadline) {
			if (!interrupt_guest()) {
				guest.deadline = 0;
				kill_qemu(pid);
			}
			guest.timed_out = true;
		}
	}
	waitpid(pid, &status, 0);
	take_lines(&console, "\n", 1);
	return status;
}
