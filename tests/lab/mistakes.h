/* SPDX-License-Identifier: GPL-2.0 */
/* The table of frequent mistakes of the lab (kmod/lab/mistakes). */
#ifndef MISTAKES_H
#define MISTAKES_H

/*
 * Returns the question of the first line of the table that is for this test and has a
 * pattern of what was seen, or NULL. The next call overwrites it.
 */
const char *question_about(const char *table, const char *test, const char *seen);

#endif
