// SPDX-License-Identifier: GPL-2.0
/* Powers the machine off, as the guest's init does at a good end. */
#include <linux/module.h>
#include <linux/reboot.h>

static int __init bad_init(void)
{
	kernel_power_off();
	return 0;
}
module_init(bad_init);

MODULE_DESCRIPTION("Powers off at load");
MODULE_LICENSE("GPL");
