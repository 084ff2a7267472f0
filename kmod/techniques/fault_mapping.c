// SPDX-License-Identifier: GPL-2.0
/*
 * The technique of shmcount.c, without its counters: the open file has the
 * f_mapping of a shmem file, and the fault handler maps pages of its page
 * cache. The VMA pins the open file, and so the module. shmcount.c gives the
 * reasons.
 */
#include <linux/err.h>
#include <linux/magic.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>

#include "../compat.h"
#include "techniques.h"

static int fault_mapping_open(struct inode *inode, struct file *file)
{
	if (inode->i_sb->s_magic != TMPFS_MAGIC)
		return -EOPNOTSUPP;
	file->f_mapping = region->f_mapping;
	return 0;
}

static vm_fault_t fault_mapping_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = region->f_mapping;
	struct page *page = find_lock_page(mapping, vmf->pgoff);

	if (!page) {
		page = shmem_read_mapping_page(mapping, vmf->pgoff);
		if (IS_ERR(page))
			return vmf_error(PTR_ERR(page));
		put_page(page);
		page = find_lock_page(mapping, vmf->pgoff);
		if (!page)
			return VM_FAULT_NOPAGE;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct fault_mapping_vm_ops = {
	.fault	= fault_mapping_fault,
};

static int fault_mapping_mmap(struct vm_area_struct *vma)
{
	vm_flags_mod(vma, VM_DONTEXPAND, 0);
	vma->vm_ops = &fault_mapping_vm_ops;
	return 0;
}

const struct technique fault_mapping = {
	.name	= "fault_mapping",
	.init	= region_init,
	.exit	= region_exit,
	.open	= fault_mapping_open,
	.mmap	= fault_mapping_mmap,
};
