// SPDX-License-Identifier: GPL-2.0
/*
 * The tests of a submission, in as many guests as it takes.
 *
 * A guest runs all tests that have no result yet. If it crashes or hangs, the test
 * that was running is charged with that, and the next guest goes on after that test.
 * A penalty bounds the cost: a module with which every test crashes must not keep
 * others waiting.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grade.h"
#include "child.h"
#include "guest/run.h"
#include "guest/tap.h"
#include "guest/verdict.h"

/*
 * A crash costs a boot, and counts as one. A hang costs its time limit as well, and
 * counts as three; so does a guest in which the module cannot be unloaded, because
 * most tests that use the module will end like that. The limits of a guest are for
 * hangs that neither harness nor kernel notices. The hangs that they notice come on
 * top, and a slow host gets more of everything.
 */
enum {
	MAX_PENALTY = 12,
	HANG_PENALTY = 3,
	GUEST_SECONDS = 150,	/* or so many times the control */
	GUEST_CONTROLS = 10,
	HANG_SECONDS = 25,
	MAX_SECONDS = 300,	/* after that no other guest starts */
	MAX_CONTROLS = 20,
	MAX_RETRIES = 3,	/* guests that end through no fault of a test */
	MAX_OUTPUT = 4096,	/* of a test */
};

static int number;		/* of the guest, from 1 */
static char *guest_files;	/* the beginning of their paths */
static int retries;		/* guests that ended through no fault of a test */
static struct graded *retried;	/* the test that ran when the last of these ended */
static int not_restored;	/* guests that ended with STATUS_NOT_RESTORED */

/* What the guest said so far, and how it ended. */
static struct {
	struct tap tap;
	struct graded *running;	/* the test begun last, or NULL */
	double took;
	char *notes;
	size_t notes_size;
	FILE *stream;
	struct vm_record record;
} guest;

/* A limit in seconds, or in multiples of what the control took, if that is more. */
static int limit(int seconds, int controls)
{
	int scaled = controls * get_number("-s ", options.control_seconds, 0, 86400);

	return scaled > seconds ? scaled : seconds;
}

static struct graded *find(const char *name)
{
	for (int i = 0; i < test_count; i++)
		if (!strcmp(tests[i].name, name))
			return &tests[i];
	return NULL;
}

static void begin_notes(void)
{
	if (guest.stream) {
		fclose(guest.stream);
		free(guest.notes);
	}
	guest.stream = open_memstream(&guest.notes, &guest.notes_size);
	check(guest.stream);
}

/* Keep the line, without the time stamp of the kernel. */
static void note(const char *line)
{
	const char *end = *line == '[' ? strstr(line, "] ") : NULL;
	char *text;

	if (end)
		line = end + 2;
	text = cleaned(line, strlen(line));

	if (ftell(guest.stream) + strlen(text) + 1 < MAX_OUTPUT)
		fprintf(guest.stream, "%s\n", text);
	free(text);
}

/* A copy of the notes. */
static char *notes(void)
{
	fflush(guest.stream);
	return check(strdup(guest.notes));
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

static void take_result(void)
{
	struct graded *test = guest.running;

	if (!test || !guest.tap.sound || test->result != NOT_RUN)
		return;
	test->seconds = guest.took;
	test->guest = number;
	test->output = notes();
	if (guest.tap.ok) {
		test->result = strncmp(guest.tap.directive, "SKIP", 4) ? PASSED : SKIPPED;
		test->why = test->result == SKIPPED && guest.tap.directive[4] ?
			    text_of("%s", guest.tap.directive + 5) : NULL;
	} else if (!strncmp(guest.tap.directive, "TIMEOUT ", 8)) {
		test->result = HUNG;
		test->why = text_of("no end after %s", guest.tap.directive + 8);
	} else {
		test->result = FAILED;
		test->why = reason_in(test->output);
	}
}

static void take_line(char *line)
{
	switch (tap_line(&guest.tap, line)) {
	case TAP_BEGIN:
		guest.running = find(guest.tap.running);
		guest.took = -1;
		begin_notes();
		break;
	case TAP_NOTE:
		if (sscanf(line, "# took %lf s", &guest.took) != 1)
			note(line[1] ? line + 2 : "");
		break;
	case TAP_RESULT:
		take_result();
		break;
	case TAP_OTHER:
		break;
	}
}

static void read_guest(void)
{
	FILE *file = fopen(guest_file(guest_files, "tap"), "re");
	char line[4096];

	memset(&guest, 0, sizeof(guest));
	begin_notes();
	read_record(&guest.record, guest_file(guest_files, "verdict"));
	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		take_line(line);
	}
	if (file)
		fclose(file);
}

static void forget(struct graded *test)
{
	test->result = NOT_RUN;
	test->seconds = -1;
	test->why = NULL;
	test->output = "";
}

/* Drop what this guest said of these tests. */
static void forget_from(struct graded *first)
{
	for (struct graded *test = first; test < tests + test_count; test++)
		if (test->guest == number)
			forget(test);
}

/* This test has ended its guest. */
static void charge(struct graded *test, enum test_result result, const char *why)
{
	const char *message = guest.record.message;
	char *end;

	forget_from(test + 1);
	/* The harness has reported a process that it cannot kill as a hang. */
	if (test->result == HUNG)
		return;
	test->result = result;
	test->guest = number;
	test->output = notes();
	/* The reason is shown in a place of its own. */
	end = *message ? strstr(test->output, message) : NULL;
	if (end)
		*end = '\0';
	test->why = cleaned(why, strlen(why));
}

static int pending(void)
{
	int count = 0;

	for (int i = 0; i < test_count; i++)
		count += tests[i].result == NOT_RUN;
	return count;
}

static int penalty(void)
{
	int sum = not_restored * HANG_PENALTY;

	for (int i = 0; i < test_count; i++)
		sum += tests[i].result == CRASHED ? 1 :
		       tests[i].result == HUNG ? HANG_PENALTY : 0;
	return sum;
}

/* Run the remaining tests in a guest; returns the runner's exit status. */
static int run_guest(void)
{
	int hangs = (MAX_PENALTY - penalty() + HANG_PENALTY - 1) / HANG_PENALTY;
	char *args[MAX_GUEST_ARGS] = {
		RUNNER,
		"-T", "build/templates",
		"-k", text_of("build/kernel/%s", options.kernel),
		"-i", "build/guest/init",
		"-m", check(strdup(report_path("shmcount.ko"))),
		"-f", options.graded,
		"-f", text_of("build/modules/%s/force_return.ko", options.kernel),
		"-f", text_of("build/modules/%s/own_pages.ko", options.kernel),
		"tap", "graded", "-e", text_of("%d", hangs),
	};
	int n = 0, status;

	while (args[n])
		n++;
	for (int i = 0; i < test_count; i++)
		if (tests[i].result == NOT_RUN)
			args[n++] = tests[i].name;
	guest_files = text_of("%s/guest-%d", submission.directory, number);
	start_guest(guest_files, limit(GUEST_SECONDS, GUEST_CONTROLS) +
		    hangs * HANG_SECONDS, args);
	await_child(&status, NULL);
	read_guest();
	return status;
}

static char *shown_message(void)
{
	return cleaned(guest.record.message, strlen(guest.record.message));
}

static bool say_forged(void)
{
	for (int i = 0; i < test_count; i++)
		forget(&tests[i]);
	return reject(FORGED, "%s", shown_message());
}

/*
 * The guest ended early through no fault of a test, so run another, but not for ever.
 * The runner reports the test that was running as failed, which is no result. If the
 * same test was running when the last guest ended early, blame the test.
 */
static bool try_again(struct graded *test)
{
	if (test && test == retried) {
		retries--;
		charge(test, CRASHED, guest.record.reason);
		return true;
	}
	if (test)
		forget_from(test);
	retried = test;
	if (++retries < MAX_RETRIES)
		return true;
	return reject(NOT_GRADED, "%s", guest.record.message[0] ? shown_message() :
		      "the runner gives no reason");
}

/* The harness gave up, but the remaining tests can run in a new guest. */
static bool take_bail(void)
{
	switch (guest.record.program) {
	case STATUS_TIMEOUTS:
		return true;
	case STATUS_NOT_RESTORED:
		not_restored++;
		return true;
	default:
		return say_forged();
	}
}

/* A test has ended its guest; if none was running, something else has. */
static bool blame(struct graded *test, enum test_result result, const char *why)
{
	if (!test)
		return try_again(NULL);
	charge(test, result, why);
	return true;
}

/* How a guest has ended; returns false if no further guest shall run. */
static bool take_end(int status)
{
	const struct vm_record *record = &guest.record;
	struct graded *test = find(record->test) ?: guest.running;

	switch (record->verdict) {
	case VM_PASSED:
	case VM_FAILED:
		return pending() ? try_again(NULL) : false;
	case VM_FORGED:
	case VM_MALFORMED:
	case VM_CONTRADICTORY:
		return say_forged();
	case VM_BAILED:
		return take_bail();
	case VM_CUT_SHORT:
		return blame(guest.running, CRASHED, record->reason);
	case VM_NOT_OFF:
		return pending();
	case VM_HANG:
	case VM_NOT_LOADED:
	case VM_UNKILLABLE:
		return blame(test, HUNG, record->reason);
	case VM_STOPPED:
		/* A host short of memory may have killed QEMU. */
		if (record->qemu == -1)
			return try_again(test);
		return blame(test, CRASHED, record->reason);
	case VM_CRASH:
	case VM_INIT_DIED:
		return blame(test, CRASHED, record->reason);
	case VM_NO_GUEST:
	case VM_INIT_ERROR:
	case VM_UNWRITABLE:
		return try_again(test);
	default:
		break;
	}
	if (status == 128 + SIGXFSZ)
		return blame(test, CRASHED, "it writes without end");
	if (status == STATUS_INFRASTRUCTURE)
		return try_again(test);
	submission.verdict = NOT_GRADED;	/* keep the file that we name */
	die(STATUS_INFRASTRUCTURE, "the runner ended with status %d: see %s",
	    status, guest_file(guest_files, "err"));
}

/* If the module does not even load or unload, that is the verdict. */
static bool passes_probe(const char *name, enum submission_verdict verdict)
{
	struct graded *probe = find(name);

	if (probe->result == PASSED || probe->result == NOT_RUN)
		return true;
	submission.said = probe->output;
	for (struct graded *test = probe + 1; test < tests + test_count; test++)
		forget(test);
	return reject(verdict, "%s: %.900s", result_names[probe->result],
		      probe->why ?: "");
}

static bool may_go_on(time_t begun)
{
	int max = limit(MAX_SECONDS, MAX_CONTROLS);

	if (penalty() >= MAX_PENALTY)
		strcpy(submission.cut, "too many crashes and hangs: no further guest started");
	else if (time(NULL) - begun >= max)
		snprintf(submission.cut, sizeof(submission.cut),
			 "its time limit of %d seconds was reached", max);
	return !submission.cut[0];
}

void run_tests(void)
{
	time_t begun = time(NULL);
	bool more;

	if (!find("module.loads") || !find("module.unloads"))
		die(STATUS_INFRASTRUCTURE, "%s has no tests module.loads and module.unloads",
		    options.graded);
	do {
		number = ++submission.guests;
		more = take_end(run_guest());
		if (submission.verdict != TESTED)
			break;
		if (!passes_probe("module.loads", DOES_NOT_LOAD) ||
		    !passes_probe("module.unloads", DOES_NOT_UNLOAD))
			break;
	} while (more && pending() && may_go_on(begun));
}
