// SPDX-License-Identifier: GPL-2.0
/* Warns when it is loaded, and loads all the same. */
#include <linux/bug.h>
#include <linux/module.h>

static int __init bad_init(void)
{
	WARN_ON(true);
	return 0;
}
module_init(bad_init);

static void __exit bad_exit(void)
{
}
module_exit(bad_exit);

MODULE_DESCRIPTION("Warns at load");
MODULE_LICENSE("GPL");
