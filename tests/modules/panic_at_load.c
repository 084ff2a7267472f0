// SPDX-License-Identifier: GPL-2.0
/* Panics when it is loaded. */
#include <linux/kernel.h>
#include <linux/module.h>

static int __init bad_init(void)
{
	panic("panic_at_load was loaded");
}
module_init(bad_init);

MODULE_DESCRIPTION("Panics at load");
MODULE_LICENSE("GPL");
