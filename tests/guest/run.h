/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs guests for programs that read how each ended: grade, lab and mutants. The
 * files of a guest begin with the same path, FILES:
 *
 *	FILES.tap	its report, as it comes
 *	FILES.err	standard error of the runner
 *	FILES.log	the kernel's log
 *	FILES.verdict	the record of how it ended, see verdict.h
 */
#ifndef RUN_H
#define RUN_H

#include <sys/types.h>

enum { MAX_GUEST_ARGS = 640 };

/* The path of one of its files, in allocated memory. */
char *guest_file(const char *files, const char *end);

/*
 * Start a guest with a time limit; await_child() waits for it. args has the runner,
 * its options, and what runs in the guest.
 */
pid_t start_guest(const char *files, int seconds, char *const args[]);

#endif
