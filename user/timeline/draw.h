/* SPDX-License-Identifier: GPL-2.0 */
/* Ways to draw an analysis. */
#ifndef DRAW_H
#define DRAW_H

#include <stdio.h>

#include "analysis.h"

enum { MAX_LANES = 16 };

/* The part of an analysis that is drawn: the first lanes, from a time to another. */
struct view {
	const struct analysis *analysis;
	long from, to;
	int lanes;
	char notes[6][160];	/* what is not drawn */
	int note_count;
};

void draw_text(const struct view *view, FILE *file, int width, bool colours);
void draw_svg(const struct view *view, FILE *file);

/*
 * Write all of the waits and holds into the buffers that record left in dir, and
 * name the processes there. Dies if it cannot.
 */
void mark_buffers(const struct analysis *analysis, const char *dir);

/* Write it all, for Perfetto, whatever part the view is of. */
void draw_perfetto(const struct view *view, FILE *file);

/*
 * Print who waited for whom, in lines of at most width characters: each wait,
 * or a total for each pair of processes if there are many and each is false.
 */
void list_waits(const struct view *view, FILE *file, int width, bool each);

/* Print a table of what each process did in all. */
void list_processes(const struct view *view, FILE *file);

/* us as ms, with three significant digits. */
const char *ms(long time);

/* "semaphore" or "futex", and its letter if there are several. */
const char *sem_name(const struct analysis *analysis, int sem);

/* The distance of the marks on an axis with at most max of them. */
long axis_step(long length, int max);

#endif
