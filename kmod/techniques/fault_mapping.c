// SPDX-License-Identifier: GPL-2.0
/*
 * What shmcount does: the open file borrows the address_space of a file of
 * shmem, and the fault handler gives the pages of its page cache. The VMA keeps
 * the device's file, and so the module.
 */
#include <linux/err.h>
#include <linux/shmem_fs.h>

#include "../compat.h"
#include "techniques.h"

static void fault_mapping_open(struct file *file)
{
	file->f_mapping = region->f_mapping;
}

static vm_fault_t fault_mapping_fault(struct vm_fault *vmf)
{
	struct page *page = shmem_read_mapping_page(region->f_mapping,
						    vmf->pgoff);

	if (IS_ERR(page))
		return vmf_error(PTR_ERR(page));
	vmf->page = page;
	return 0;
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
