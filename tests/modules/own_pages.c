// SPDX-License-Identifier: GPL-2.0
/*
 * A /dev/shmcount whose fault handler allocates a new page each time, so that
 * every process counts in memory of its own.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>

static vm_fault_t own_pages_fault(struct vm_fault *vmf)
{
	vmf->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return vmf->page ? 0 : VM_FAULT_OOM;
}

static const struct vm_operations_struct own_pages_vm_ops = {
	.fault	= own_pages_fault,
};

static int own_pages_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &own_pages_vm_ops;
	return 0;
}

static const struct file_operations own_pages_fops = {
	.owner	= THIS_MODULE,
	.mmap	= own_pages_mmap,
};

static struct miscdevice own_pages_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.mode	= 0666,
	.fops	= &own_pages_fops,
};
module_misc_device(own_pages_misc);
module_param_cb(name, &param_ops_charp, &own_pages_misc.name, 0);
MODULE_PARM_DESC(name, "name of the node (default: shmcount)");

MODULE_DESCRIPTION("Shares nothing");
MODULE_LICENSE("GPL");
