// SPDX-License-Identifier: GPL-2.0
/* Loads and unloads but has no device, so all tests fail. */
#include <linux/module.h>

static int __init bad_init(void)
{
	return 0;
}
module_init(bad_init);

static void __exit bad_exit(void)
{
}
module_exit(bad_exit);

MODULE_DESCRIPTION("Has no device");
MODULE_LICENSE("GPL");
