/* SPDX-License-Identifier: GPL-2.0 */
/* What in a kernel log is a report of trouble, and of what kind. */
#ifndef SPLAT_H
#define SPLAT_H

enum splat {
	SPLAT_NONE,
	SPLAT_CRASH,		/* oops, warning, panic, a checker's report */
	SPLAT_HANG,		/* a watchdog's report */
	SPLAT_INIT_DIED,	/* PID 1 has ended, and the kernel with it */
};

/* Returns what a line of the kernel log is. */
enum splat splat_of(const char *line);

#endif
