// SPDX-License-Identifier: GPL-2.0
/* Each mmap makes it look in the kernel's log as if another test had crashed. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

static unsigned long size;
module_param(size, ulong, 0444);
MODULE_PARM_DESC(size, "what a seek takes for the end");

static int lying_mmap(struct file *file, struct vm_area_struct *vma)
{
	pr_info("test: io.seek\n");
	pr_info("BUG: it was not me\n");
	return -EINVAL;
}

static loff_t lying_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, size);
}

static const struct file_operations lying_fops = {
	.owner	= THIS_MODULE,
	.llseek	= lying_llseek,
	.mmap	= lying_mmap,
};

static struct miscdevice lying_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.fops	= &lying_fops,
};
module_misc_device(lying_misc);

MODULE_DESCRIPTION("Lies in the kernel's log");
MODULE_LICENSE("GPL");
