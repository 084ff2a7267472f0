// SPDX-License-Identifier: GPL-2.0
/*
 * A /dev/shmcount that can only be mapped, by the technique that the parameter
 * names. make techniques compares them.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/string.h>

#include "techniques.h"

static const struct technique *const techniques[] = {
	&remap_pfn, &insert_page, &fault_page, &vmalloc_range, &fault_mapping,
	&set_file,
};

static char *name = "";
module_param_named(technique, name, charp, 0444);
/* make techniques reads the names from this description. */
MODULE_PARM_DESC(technique,
		 "remap_pfn insert_page fault_page vmalloc fault_mapping set_file");

static const struct technique *technique;

static int techniques_open(struct inode *inode, struct file *file)
{
	return technique->open ? technique->open(inode, file) : 0;
}

static int techniques_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long first = vma->vm_pgoff;

	if (first > TECHNIQUE_PAGES ||
	    vma_pages(vma) > TECHNIQUE_PAGES - first)
		return -EINVAL;
	return technique->mmap(vma);
}

static const struct file_operations techniques_fops = {
	.owner	= THIS_MODULE,
	.open	= techniques_open,
	.mmap	= techniques_mmap,
};

static struct miscdevice techniques_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.mode	= 0666,
	.fops	= &techniques_fops,
};

static int __init techniques_init(void)
{
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(techniques); i++)
		if (!strcmp(name, techniques[i]->name))
			technique = techniques[i];
	if (!technique) {
		pr_err("techniques: there is no technique '%s'\n", name);
		return -EINVAL;
	}
	ret = technique->init ? technique->init() : 0;
	if (ret)
		return ret;
	ret = misc_register(&techniques_misc);
	if (ret)
		technique->exit();
	return ret;
}
module_init(techniques_init);

static void __exit techniques_exit(void)
{
	misc_deregister(&techniques_misc);
	technique->exit();
}
module_exit(techniques_exit);

MODULE_DESCRIPTION("One device, by different techniques to map its memory");
MODULE_LICENSE("GPL");
