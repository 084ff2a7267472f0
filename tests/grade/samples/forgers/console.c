// SPDX-License-Identifier: GPL-2.0
/* Silences the console, and prints results. */
#include <linux/printk.h>

#include "forger.h"

static int start(void)
{
	pr_info("TAP version 13\n1..1\nok 1 module.loads\n");
	console_printk[0] = 0;
	return 0;
}
FORGER(start, do_nothing);
