/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where a kernel crashed, warned or hung: in which line of a module, in which system
 * call, and where its log tells. The log and the module may be anybody's.
 */
#ifndef WHERE_H
#define WHERE_H

#include "guest/run.h"

/* The harness logs this, and where a process is, before it kills one that does not end. */
#define STUCK "stuck: process %d (%c), system call %s\n"

/*
 * How to run addr2line, which reads the debug information of the module; the first word of
 * command is the one for the module's architecture. command ends with NULL, and has
 * "MODULE" for the path of the module; its output goes to a file, whose path is returned.
 * NULL: it cannot be run.
 */
struct addr2line {
	const char *(*run)(const char *module, char *const command[]);
};

/*
 * Read the report that the kernel's log has of a test (of any, if it is ""), and return
 * what it tells, as lines; "" if there is no report.
 *
 *	shmcount.c:88: shmcount_copy+0x12, in the system call read
 *	shmcount.c:104: shmcount_read+0x9 called it
 *	guest.log:31: the kernel's report
 */
char *where_of(const char *log, const char *test, const char *module,
	       const struct addr2line *addr2line);

/* The same for each test that crashed or hung in this guest: sets its ->where. */
void locate(struct guest_run *run, const char *module, const struct addr2line *addr2line);

#endif
