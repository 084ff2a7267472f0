// SPDX-License-Identifier: GPL-2.0
/* Resets the machine without a message. */
#include <linux/module.h>
#include <linux/reboot.h>

static int __init bad_init(void)
{
	emergency_restart();
	return 0;
}
module_init(bad_init);

MODULE_DESCRIPTION("Resets at load");
MODULE_LICENSE("GPL");
