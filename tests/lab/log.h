/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel's log has of a test, for the author of the module. */
#ifndef LOG_H
#define LOG_H

/*
 * The first lines, no two of them alike, that the module printed while the test ran, or by
 * which the kernel says that a function of the module returned what it must not:
 *
 *	guest-2.log:14: shmcount: size=0 is not between 1 and 238964736 bytes
 *
 * It may have been begun more than once: then they are those of the last time. Returns
 * lines, or "".
 */
char *told_by_log(const char *log, const char *test, const char *module);

#endif
