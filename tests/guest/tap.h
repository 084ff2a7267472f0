/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A strict reader of the KTAP that the harness writes. It believes a report only if
 * every test of the plan is in it, once, in order, under the name that was announced.
 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

struct tap {
	int lines;
	int plan;		/* 0 until it is known */
	int seen;		/* results so far */
	int failed;
	char running[128];	/* the test begun and not yet ended, or "" */
	char begun[128];	/* the test begun last, or "" */
	bool bailed;
	char bail[256];		/* what "Bail out!" said */
	char error[256];	/* the first thing that was wrong, or "" */

	/* The last result. */
	bool ok;
	bool sound;		/* it is that of the announced test */
	char directive[256];	/* "SKIP why", "TIMEOUT 20 seconds", or "" */
};

/* What a line is. */
enum tap_kind { TAP_OTHER, TAP_BEGIN, TAP_NOTE, TAP_RESULT };

/* Take one line, without its newline. */
enum tap_kind tap_line(struct tap *tap, const char *line);

/* True if the report is whole and its form is right. */
bool tap_complete(const struct tap *tap);

#endif
