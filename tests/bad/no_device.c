// SPDX-License-Identifier: GPL-2.0
/* Loads and unloads, and has no device: nothing but failed tests. */
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
