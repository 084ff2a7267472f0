// SPDX-License-Identifier: GPL-2.0
/* Ends QEMU as PID 1 does after a run that went well. */
#include <linux/io.h>

#include "forger.h"

static int start(void)
{
	outb(0x2a, 0xf4);
	return 0;
}
FORGER(start, do_nothing);
