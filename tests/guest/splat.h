/* SPDX-License-Identifier: GPL-2.0 */
/* Reports of bugs in a kernel log. */
#ifndef SPLAT_H
#define SPLAT_H

enum splat {
	SPLAT_NONE,
	SPLAT_CRASH,		/* oops, warning, panic, a sanitizer's report */
	SPLAT_HANG,		/* a watchdog's report */
	SPLAT_INIT_DIED,	/* PID 1 died, and the kernel with it */
};

/* What the line of a kernel log reports. */
enum splat splat_of(const char *line);

#endif
