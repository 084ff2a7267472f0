/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The exit statuses of our programs; 0 is success everywhere. Shell scripts use the
 * same numbers; from doctor.sh, 2 also says that there is no config to read.
 */
#ifndef STATUS_H
#define STATUS_H

enum status {
	STATUS_FAILED = 1,	/* a test, or whatever was checked, failed */
	STATUS_USAGE = 2,	/* a mistake of the caller's */
	STATUS_SKIPPED = 4,	/* nothing failed, but nothing could run here */

	/* A test program ended before the end of its plan: "Bail out!" */
	STATUS_UNKILLABLE = 5,	/* SIGKILL does not end a process of a test */
	STATUS_NOT_RESTORED = 6,	/* -e: cannot restore what a test changed */
	STATUS_TIMEOUTS = 7,	/* -e N: N tests reached their time limit */
	STATUS_GROUP = 8,	/* -f, -g: a test (of the group) did not pass */

	STATUS_CRASH = 121,	/* the guest's kernel crashed or reported a bug */
	STATUS_FORGED = 122,	/* somebody else wrote into the tests' report */
	STATUS_NO_FILE = 123,	/* jail: the command made no file to bring out */
	STATUS_HANG = 124,	/* no end in time, as of timeout(1) */
	STATUS_INFRASTRUCTURE = 125,	/* no verdict: the fault is ours */
	STATUS_NO_PROBE = 126,	/* inside vm only: the KVM probe could not start a guest */
	STATUS_INTERRUPTED = 130,	/* 128 + SIGINT */
	STATUS_UNREAD = 141,	/* 128 + SIGPIPE: nobody reads the output */
};

#endif
