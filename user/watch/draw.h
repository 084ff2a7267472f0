/* SPDX-License-Identifier: GPL-2.0 */
/* The ways to draw a story. */
#ifndef DRAW_H
#define DRAW_H

#include <stdio.h>

#include "story.h"

enum { MOST_LANES = 16 };

/* The part of a story that is drawn; the lanes are the first of it. */
struct view {
	const struct story *story;
	long from, to;
	int lanes;
	char notes[6][160];	/* what is not drawn */
	int note_count;
};

void draw_text(const struct view *view, FILE *file, int width, bool colours);
void draw_svg(const struct view *view, FILE *file);

/*
 * Who waited for whom, in lines of at most so many characters; with each wait,
 * or only if there are few.
 */
void list_waits(const struct view *view, FILE *file, int width, bool each);

/* A table of what each process did, all in all. */
void list_processes(const struct view *view, FILE *file);

/* us as ms, with as many digits as say something. */
const char *ms(long time);

/* The distance of the marks on the axis, so that there are at most so many. */
long axis_step(long length, int most);

/* What the time on the axis is counted from. */
long zero(const struct view *view);

#endif
