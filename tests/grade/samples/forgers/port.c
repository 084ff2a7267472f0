// SPDX-License-Identifier: GPL-2.0
/* Writes results to the port that the report goes by. */
#include <linux/io.h>

#include "forger.h"

static int start(void)
{
	const char *text = "ok 1 module.loads\n";

	for (; *text; text++)
		outb(*text, 0x2f8);
	return 0;
}
FORGER(start, do_nothing);
