// SPDX-License-Identifier: GPL-2.0
/*
 * A /dev/shmcount as in textbooks: mmap inserts one kernel page. Processes
 * share it and count right until one has to wait: no inode owns the page, so a
 * futex in it fails with EFAULT.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

static struct page *textbook_page;

static int textbook_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (vma->vm_pgoff || vma_pages(vma) != 1)
		return -EINVAL;
	return vm_insert_page(vma, vma->vm_start, textbook_page);
}

static const struct file_operations textbook_fops = {
	.owner	= THIS_MODULE,
	.mmap	= textbook_mmap,
};

static struct miscdevice textbook_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.mode	= 0666,
	.fops	= &textbook_fops,
};

static int __init textbook_init(void)
{
	int ret;

	textbook_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!textbook_page)
		return -ENOMEM;
	ret = misc_register(&textbook_misc);
	if (ret)
		put_page(textbook_page);
	return ret;
}
module_init(textbook_init);

static void __exit textbook_exit(void)
{
	misc_deregister(&textbook_misc);
	put_page(textbook_page);
}
module_exit(textbook_exit);

MODULE_DESCRIPTION("Shares a page that no inode owns");
MODULE_LICENSE("GPL");
