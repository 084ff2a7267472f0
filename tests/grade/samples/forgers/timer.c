// SPDX-License-Identifier: GPL-2.0
/* A timer that changes the results in memory. */
#include <linux/timer.h>

#include "forger.h"

static struct timer_list timer;

static void at_tick(struct timer_list *unused)
{
	forge_result();
	mod_timer(&timer, jiffies + 1);
}

static int start(void)
{
	find_shared();
	timer_setup(&timer, at_tick, 0);
	mod_timer(&timer, jiffies + 1);
	return 0;
}

static void stop(void)
{
	del_timer_sync(&timer);
}
FORGER(start, stop);
