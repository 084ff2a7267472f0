// SPDX-License-Identifier: GPL-2.0
/* Wipes the kernel's log: while it holds the console, it writes more than the log takes. */
#include <linux/console.h>
#include <linux/printk.h>

#include "forger.h"

static int start(void)
{
	console_lock();
	return 0;
}

static void stop(void)
{
	for (int i = 0; i < 20000; i++)
		pr_info("%-100d\n", i);
	console_unlock();
}
FORGER(start, stop);
