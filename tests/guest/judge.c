// SPDX-License-Identifier: GPL-2.0
/*
 * How the run ended: the verdict, its message, its record.
 *
 * The verdict fails closed. A program ran well only if the guest says so on its
 * own port with this run's nonce, QEMU ends as only the guest's PID 1 ends it (by a status,
 * or by powering off), and the kernel's log has no report of a bug (other than of a
 * boot that was tried again). A test program's report must be whole, besides.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runner.h"
#include "status.h"

static void leave_record(void)
{
	guest.record.memory = options.memory;
	if (options.record && !write_record(&guest.record, options.record))
		fprintf(stderr, "vm: cannot write %s: %s\n", options.record,
			strerror(errno));
}

void no_guest(const char *format, ...)
{
	struct vm_record *record = &guest.record;
	va_list args;

	record->verdict = VM_NO_GUEST;
	record->status = is_verb("probe") ? STATUS_NO_PROBE :
					    status_of(VM_NO_GUEST);
	va_start(args, format);
	vsnprintf(record->reason, sizeof(record->reason), format, args);
	va_end(args);
	compose_message(record, "");
	fprintf(stderr, "vm: %s\n", record->message);
	if (is_verb("tap"))
		printf("Bail out! %s\n", record->message);
	leave_record();
	remove_directory();
	exit(record->status);
}

/* What was running when the guest ended or the kernel reported a bug. */
static const char *running(void)
{
	const char *test = guest.record.test;
	static char text[300];

	if (!*test || !guest.fuzz[0])
		return *test ? test : guest.fuzz;
	snprintf(text, sizeof(text), "%s (%s)", test, guest.fuzz);
	return text;
}

static __attribute__((format(printf, 2, 3)))
enum vm_verdict because(enum vm_verdict verdict, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(guest.record.reason, sizeof(guest.record.reason), format, args);
	va_end(args);
	return verdict;
}

/* The guest never came up. */
static enum vm_verdict judge_boot(void)
{
	if (guest.splat == SPLAT_INIT_DIED)
		return because(VM_INIT_DIED, "the guest's PID 1 died");
	if (guest.splat != SPLAT_NONE)
		return because(VM_NO_GUEST, "the guest's kernel did not come up: %s",
			       without_stamp(guest.record.report[0]));
	if (guest.timed_out)
		return because(VM_NO_GUEST, "the guest did not come up within %d seconds",
			       boot_seconds());
	return because(VM_NO_GUEST, "QEMU or its guest ended before the guest was up (QEMU: exit status %d)",
		       guest.record.qemu);
}

static enum vm_verdict judge_time_out(void)
{
	if (!guest.ready)
		return because(VM_NOT_LOADED, "the module is not loaded after %d seconds",
			       is_verb("shell") ? options.boot_limit :
						  load_seconds());
	if (guest.ended)
		return because(VM_NOT_OFF, "the program has ended, but the guest does not");
	return because(VM_HANG, "no end after %d seconds", options.limit);
}

/* The tests ran to their end, by what init says: is their report whole? */
static enum vm_verdict judge_tap(void)
{
	int failed = guest.tap.failed, status = guest.record.program;

	if (guest.tap.bailed && status == STATUS_UNKILLABLE)
		return because(VM_UNKILLABLE, "%s", guest.tap.bail);
	if (!tap_complete(&guest.tap))
		return because(guest.tap.error[0] ? VM_MALFORMED :
			       guest.tap.bailed ? VM_BAILED : VM_CUT_SHORT,
			       "the tests' report is incomplete or invalid: %s (exit status %d)",
			       guest.tap.error[0] ? guest.tap.error :
			       guest.tap.bailed ? guest.tap.bail :
			       "it ends too early", status);
	if ((status == STATUS_FAILED) != (failed > 0) ||
	    (status > STATUS_FAILED && status != STATUS_SKIPPED))
		return because(VM_CONTRADICTORY, "exit status %d contradicts %d failures",
			       status, failed);
	return failed ? VM_FAILED : VM_PASSED;
}

static bool ended_well(void)
{
	return guest.record.qemu == machine->good_end &&
	       (machine->good_end || guest.powered_off);
}

/* How did the run end? Leaves a reason, unless the program's output says it all. */
static enum vm_verdict judge(void)
{
	guest.record.reason[0] = '\0';
	if (interrupted)
		return because(VM_INTERRUPTED, "interrupted");
	if (guest.forgery[0])
		return because(VM_FORGED, "a result is forged: %s", guest.forgery);
	/* The status says it all, as of a program that SIGPIPE ended. */
	if (guest.output_error == EPIPE)
		return VM_UNREAD;
	if (guest.output_error)
		return because(VM_UNWRITABLE, "cannot write %s: %s",
			       guest.output_failed, strerror(guest.output_error));
	if ((!guest.up && !is_verb("shell")) || guest.splat == SPLAT_INIT_DIED)
		return judge_boot();
	if (guest.splat != SPLAT_NONE)
		return because(guest.splat == SPLAT_HANG ? VM_HANG : VM_CRASH, "%s",
			       without_stamp(guest.record.report[0]));
	if (guest.timed_out)
		return judge_time_out();
	if (guest.init_error[0])
		return because(VM_INIT_ERROR, "the guest could not go on: %.*s",
			       (int)strcspn(guest.init_error, "\n"), guest.init_error);
	if (is_verb("shell"))
		return ended_well() ? VM_PASSED :
		       because(VM_NO_GUEST, "QEMU ended with exit status %d",
			       guest.record.qemu);
	if (guest.foreign)
		return because(VM_FORGED, "the report has %d lines that the guest's init did not write, the first: %s",
			       guest.foreign, guest.first_foreign);
	if (!ended_well() || !guest.ended)
		return because(VM_STOPPED, "the guest stopped without reporting an end");
	if (is_verb("tap"))
		return judge_tap();
	return guest.record.program ? VM_FAILED : VM_PASSED;
}

void decide(int qemu)
{
	struct vm_record *record = &guest.record;

	record->qemu = WIFEXITED(qemu) ? WEXITSTATUS(qemu) : -1;
	strcpy(record->test, guest.splat == SPLAT_NONE ? guest.tap.running :
						       guest.splat_during);
	if (guest.splat == SPLAT_NONE)
		strcpy(record->begun, record->test);
	record->verdict = judge();
	record->status = status_of(record->verdict);
	if (record->verdict == VM_FAILED)
		record->status = record->program;
	record->message[0] = '\0';
	compose_message(record, running());
}

/* Whatever the plan promised and the guest did not report has failed. */
static void finish_tap(const char *why)
{
	struct tap *tap = &guest.tap;

	for (int i = 0; i < guest.record.report_lines; i++)
		printf("# %s\n", guest.record.report[i]);
	if (tap->plan)
		printf("# %s\n", why);
	if (tap->plan && tap->running[0])
		printf("not ok %d %s\n", ++tap->seen, tap->running);
	while (tap->seen < tap->plan) {
		tap->seen++;
		printf("not ok %d not_run.%d\n", tap->seen, tap->seen);
	}
	printf("Bail out! %s\n", why);
}

void conclude(void)
{
	const struct vm_record *record = &guest.record;
	const char *message = record->message;

	if (*message)
		fprintf(stderr, "vm: %s\n", message);
	if (is_verb("tap") && guest.tap.plan)
		printf("# %s\n", kind_of_guest());
	if (*message && is_verb("tap"))
		finish_tap(message);
	else if (*message)
		for (int i = 0; i < record->report_lines; i++)
			fprintf(stderr, "vm: %s\n", record->report[i]);
	if (*message && options.console && record->verdict != VM_INTERRUPTED)
		fprintf(stderr, "vm: %s; the kernel's log is in %s\n",
			kind_of_guest(), options.console);
	leave_record();
}
