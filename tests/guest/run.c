// SPDX-License-Identifier: GPL-2.0
/* Runs tests in guests; see run.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "command.h"
#include "guest/run.h"
#include "guest/tap.h"
#include "util.h"

enum { MAX_OUTPUT = 4096 };	/* of a test */

int list_tests(const char *program, char *names[MAX_GUEST_TESTS])
{
	FILE *list = popen(text_of("'%s' -l", program), "re");
	char line[256];
	int count = 0;

	while (list && fgets(line, sizeof(line), list) && count < MAX_GUEST_TESTS) {
		line[strcspn(line, "\n")] = '\0';
		names[count++] = check(strdup(line));
	}
	if (!list || pclose(list) || !count)
		die(STATUS_INFRASTRUCTURE, "cannot list the tests of %s", program);
	return count;
}

char *guest_file(const char *files, const char *end)
{
	return text_of("%s.%s", files, end);
}

void start_guest(struct guest_run *run, int seconds, char *const args[])
{
	char *errors = guest_file(run->files, "err");
	char *record = guest_file(run->files, "verdict");
	char *all[MAX_GUEST_ARGS] = {
		args[0],
		"-c", guest_file(run->files, "log"), "-r", record,
		"-t", text_of("%d", seconds),
	};
	int count = 7;

	for (int i = 1; args[i]; i++)
		all[count++] = args[i];
	for (int i = 0; i < run->count; i++)
		all[count++] = run->tests[i]->name;
	/* An earlier guest may have left them. */
	unlink(errors);
	unlink(record);
	run->pid = start_child(all, guest_file(run->files, "tap"), errors);
}

/* What is read of a report. */
struct reader {
	struct guest_run *run;
	struct tap tap;
	double took;
	char *notes;		/* what the test has said, as lines */
	size_t size;
	FILE *stream;
};

/* Returns -1 if there is none of this name. */
static int index_of(const struct guest_run *run, const char *name)
{
	int i = run->count - 1;

	while (i >= 0 && strcmp(run->tests[i]->name, name))
		i--;
	return i;
}

static struct result *find(const struct guest_run *run, const char *name)
{
	int i = index_of(run, name);

	return i < 0 ? NULL : run->tests[i];
}

static void begin_notes(struct reader *reader)
{
	if (reader->stream) {
		fclose(reader->stream);
		free(reader->notes);
	}
	reader->stream = check(open_memstream(&reader->notes, &reader->size));
	reader->took = -1;
}

/* Keep the line, without the time stamp of the kernel. */
static void take_note(struct reader *reader, const char *line)
{
	const char *end = *line == '[' ? strstr(line, "] ") : NULL;
	char *text;

	if (end)
		line = end + 2;
	text = cleaned(line, strlen(line));
	if (ftell(reader->stream) + strlen(text) + 1 < MAX_OUTPUT)
		fprintf(reader->stream, "%s\n", text);
	free(text);
}

/* The first line that names a line of a source, or else the first line. */
static char *reason_in(const char *output)
{
	const char *line = strstr(output, ".c:");

	while (line && line > output && line[-1] != '\n')
		line--;
	if (!line)
		line = output;
	return text_of("%.*s", (int)strcspn(line, "\n"), line);
}

/* A copy of what the test has said so far. */
static char *notes_of(struct reader *reader)
{
	fflush(reader->stream);
	return check(strdup(reader->notes));
}

static void take_result(struct reader *reader)
{
	const char *directive = reader->tap.directive;
	struct result *test = reader->run->last;

	if (!test || !reader->tap.sound || test->result != NOT_RUN)
		return;
	test->guest = reader->run->number;
	test->seconds = reader->took;
	test->output = notes_of(reader);
	if (reader->tap.ok) {
		test->result = strncmp(directive, "SKIP", 4) ? PASSED : SKIPPED;
		if (test->result == SKIPPED && directive[4])
			test->why = text_of("%s", directive + 5);
	} else if (!strncmp(directive, "TIMEOUT ", 8)) {
		test->result = HUNG;
		test->why = text_of("no end after %s", directive + 8);
	} else {
		test->result = FAILED;
		test->not_loaded = !strcmp(directive, "NOT_LOADED");
		test->why = reason_in(test->output);
	}
}

static void take_line(struct reader *reader, char *line)
{
	switch (tap_line(&reader->tap, line)) {
	case TAP_BEGIN:
		reader->run->last = find(reader->run, reader->tap.running);
		begin_notes(reader);
		break;
	case TAP_NOTE:
		if (sscanf(line, "# took %lf s", &reader->took) != 1)
			take_note(reader, line[1] ? line + 2 : "");
		break;
	case TAP_RESULT:
		take_result(reader);
		break;
	case TAP_OTHER:
		break;
	}
}

/* What a guest that ended like this says of the test that was running. */
static enum test_result blame_of(const struct vm_record *record)
{
	switch (record->verdict) {
	case VM_CRASH:
	case VM_INIT_DIED:
	case VM_CUT_SHORT:
		return CRASHED;
	case VM_STOPPED:
		/* A host short of memory may have killed QEMU. */
		return record->qemu == -1 ? NOT_RUN : CRASHED;
	case VM_HANG:
	case VM_NOT_LOADED:
	case VM_NOT_OFF:
	case VM_UNKILLABLE:
		return HUNG;
	default:
		return NOT_RUN;
	}
}

void forget(struct result *test)
{
	*test = (struct result) { .name = test->name, .seconds = -1, .output = "" };
}

void charge(struct guest_run *run, enum test_result result, const char *why)
{
	struct result *test = run->last;
	const char *message = run->record.message;
	/* The reason is shown in a place of its own. */
	char *end = *message ? strstr(run->said, message) : NULL;

	if (end)
		*end = '\0';
	*test = (struct result) {
		.name = test->name, .result = result, .guest = run->number,
		.seconds = -1, .output = run->said,
		.why = cleaned(why, strlen(why)),
	};
	run->ended = true;
}

/* The kernel's report, as what a test has said. */
static char *report_of(const struct vm_record *record)
{
	struct reader reader = { 0 };
	char *said;

	begin_notes(&reader);
	for (int i = 0; i < record->report_lines; i++)
		take_note(&reader, record->report[i]);
	said = notes_of(&reader);
	fclose(reader.stream);
	free(reader.notes);
	return said;
}

/* The guest ended, or the kernel reported a bug, while this test was running. */
static void end_within(struct guest_run *run, struct result *test)
{
	enum test_result blame = blame_of(&run->record);
	int i = run->count;

	while (run->tests[--i] != test)
		forget(run->tests[i]);
	/* What another test has said may be secret. */
	if (run->last != test)
		run->said = report_of(&run->record);
	run->last = test;
	/* The harness has reported a process that it cannot kill as a hang. */
	if (blame == HUNG && test->result == HUNG)
		run->ended = true;
	else if (blame != NOT_RUN)
		charge(run, blame, run->record.reason);
	else if (run->record.test[0])
		forget(test);	/* its result is the runner's */
}

/*
 * The test that was running when the guest ended. The module can write any name into the
 * kernel's log: believe none before the test that the report had begun by then, and none
 * after the one that follows the last that it began.
 */
static struct result *last_running(const struct guest_run *run)
{
	int named = index_of(run, run->record.test);
	int begun = index_of(run, run->record.begun);
	int last = run->last ? index_of(run, run->last->name) : -1;

	if (!run->record.test[0])
		return run->last;
	if (named < begun || named > last + 1 || named < 0)
		named = begun;
	return named < 0 ? run->last : run->tests[named];
}

static void take_end(struct guest_run *run)
{
	struct result *test = last_running(run);

	switch (run->record.verdict) {
	case VM_PASSED:
	case VM_FAILED:
		return;
	case VM_BAILED:
		run->stuck = run->record.program == STATUS_NOT_RESTORED;
		return;
	default:
		if (test)
			end_within(run, test);
	}
}

void read_guest(struct guest_run *run)
{
	FILE *file = fopen(guest_file(run->files, "tap"), "re");
	struct reader reader = { .run = run };
	char line[4096];

	run->pid = 0;
	run->last = NULL;
	run->ended = false;
	run->stuck = false;
	read_record(&run->record, guest_file(run->files, "verdict"));
	begin_notes(&reader);
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		take_line(&reader, line);
	}
	if (file)
		fclose(file);
	run->said = notes_of(&reader);
	fclose(reader.stream);
	free(reader.notes);
	take_end(run);
}

bool is_early_end(const struct guest_run *run)
{
	const struct vm_record *record = &run->record;

	return !run->ended && !run->stuck && record->verdict != VM_PASSED &&
	       record->verdict != VM_FAILED &&
	       (record->verdict != VM_BAILED || (record->program != STATUS_TIMEOUTS &&
						 record->program != STATUS_GROUP));
}
