// SPDX-License-Identifier: GPL-2.0
/* When it is loaded, no processor does anything else any more, or takes an interrupt. */
#include <linux/module.h>
#include <linux/smp.h>

static void bad_loop(void *unused)
{
	for (;;)
		cpu_relax();
}

static int __init bad_init(void)
{
	on_each_cpu(bad_loop, NULL, 1);
	return 0;
}
module_init(bad_init);

MODULE_DESCRIPTION("Hangs everywhere");
MODULE_LICENSE("GPL");
