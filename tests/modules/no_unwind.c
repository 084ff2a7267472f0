// SPDX-License-Identifier: GPL-2.0
/*
 * Leaks memory when its init fails. Only a test that makes allocations fail can
 * see that.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static void *memory;

static const struct file_operations no_unwind_fops = {
	.owner	= THIS_MODULE,
};

static struct miscdevice no_unwind_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "no_unwind",
	.fops	= &no_unwind_fops,
};

static int __init no_unwind_init(void)
{
	memory = kmalloc(100, GFP_KERNEL);
	if (!memory)
		return -ENOMEM;
	return misc_register(&no_unwind_misc);
}
module_init(no_unwind_init);

static void __exit no_unwind_exit(void)
{
	misc_deregister(&no_unwind_misc);
	kfree(memory);
}
module_exit(no_unwind_exit);

MODULE_DESCRIPTION("Leaks memory when init fails");
MODULE_LICENSE("GPL");
