/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a guest ended. The runner leaves it as a record (vm -r FILE), in lines of
 * KEY=VALUE, and whoever started the runner reads it:
 *
 *	verdict=crash			a name of verdict.c's table
 *	status=121			the runner's exit status
 *	test=map.private_copy		the test that was running, if any, as the log says
 *	begun=map.private_copy		that which the report had begun last by then
 *	reason=BUG: kernel NULL pointer dereference, address: 0
 *	message=crash: BUG: ..., while map.private_copy was running
 *	program=-1			exit status of the guest's program
 *	qemu=85				exit status of QEMU
 *	ready_ms=412			from QEMU's start to the program's
 *	taint=12288			of the kernel, as init reads it at the end; -1: unknown
 *	unlogged=1			so many tests began that the log does not name
 *	memory=10240			the MB that vm -M asked for; 0: as usual
 *	report=[    3.1] BUG: ...	the kernel's report, its first lines
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>

enum { VM_REPORT_LINES = 24 };

enum vm_verdict {
	VM_NO_VERDICT,		/* there is no record, or no whole one */
	VM_PASSED,
	VM_FAILED,		/* a test failed; or the program's status is not 0 */
	VM_CRASH,		/* the kernel crashed or reported a bug */
	VM_STOPPED,		/* the guest stopped without reporting an end */
	VM_HANG,		/* no end in time, or a watchdog's report */
	VM_NOT_LOADED,		/* loading the module does not end */
	VM_NOT_OFF,		/* the program ended, the guest does not */
	VM_UNKILLABLE,		/* a process of a test cannot be killed */
	VM_FORGED,		/* the report has lines that init did not write */
	VM_MALFORMED,		/* the tests' report is not as a report has to be */
	VM_CONTRADICTORY,	/* the tests' exit status does not fit their report */
	VM_BAILED,		/* the tests gave up, as their exit status says */
	VM_CUT_SHORT,		/* the tests' report ends too early */
	VM_NO_GUEST,		/* no guest came up */
	VM_INIT_ERROR,		/* init could not do its work */
	VM_INIT_DIED,
	VM_UNWRITABLE,		/* the output cannot be written */
	VM_UNREAD,		/* nobody reads the output */
	VM_INTERRUPTED,
	VM_VERDICTS
};

struct vm_record {
	enum vm_verdict verdict;
	int status;
	char test[128], begun[128];	/* or "" */
	char reason[1024];	/* a line, or "" where the output says it all */
	char message[1536];	/* the reason with its circumstances, or "" */
	int program;		/* 128 + the signal that ended it; -1: none yet */
	int qemu;		/* -1: a signal ended it, or it never ran */
	int ready_ms;		/* 0: the program did not start */
	int taint, unlogged;
	int memory;		/* MB, if a size was asked for, else 0 */
	char report[VM_REPORT_LINES][256];
	int report_lines;
};

/* The runner's exit status; of a program that failed its own stands for it. */
int status_of(enum vm_verdict verdict);

/* Compose the message: KIND: REASON, while RUNNING was running. */
void compose_message(struct vm_record *record, const char *running);

/* Leave the record. Returns false, and errno, if it cannot be written. */
bool write_record(const struct vm_record *record, const char *path);

/* Read one. Without a whole record there it is VM_NO_VERDICT. */
void read_record(struct vm_record *record, const char *path);

#endif
