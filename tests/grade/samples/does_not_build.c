// SPDX-License-Identifier: GPL-2.0
/* A submission that no compiler accepts. */
#include <linux/module.h>

static int __init sample_init(void)
{
	return 0
}
module_init(sample_init);

MODULE_LICENSE("GPL");
