// SPDX-License-Identifier: GPL-2.0
/* Its init never returns, and the loading process cannot be killed. */
#include <linux/module.h>
#include <linux/sched.h>

static int __init bad_init(void)
{
	for (;;)
		cond_resched();
	return 0;
}
module_init(bad_init);

MODULE_DESCRIPTION("Hangs at load");
MODULE_LICENSE("GPL");
