// SPDX-License-Identifier: GPL-2.0
/* Holds the console: while it is loaded, nothing of the kernel's log gets out. */
#include <linux/console.h>

#include "forger.h"

static int start(void)
{
	console_lock();
	return 0;
}

static void stop(void)
{
	console_unlock();
}
FORGER(start, stop);
