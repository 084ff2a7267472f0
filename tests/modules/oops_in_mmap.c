// SPDX-License-Identifier: GPL-2.0
/* A /dev/shmcount whose mmap reads from a null pointer. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

static int bad_mmap(struct file *file, struct vm_area_struct *vma)
{
	volatile int *nothing = NULL;

	return *nothing;
}

static const struct file_operations bad_fops = {
	.owner	= THIS_MODULE,
	.mmap	= bad_mmap,
};

static struct miscdevice bad_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.fops	= &bad_fops,
};
module_misc_device(bad_misc);

MODULE_DESCRIPTION("Oopses in mmap");
MODULE_LICENSE("GPL");
