// SPDX-License-Identifier: GPL-2.0
/*
 * A fault handler that gives the kernel's own pages, each when it is touched,
 * as most books have it today. Nothing owns them here either.
 */
#include "techniques.h"

static vm_fault_t fault_page_fault(struct vm_fault *vmf)
{
	/* A mapping that has grown reaches past the end. */
	if (vmf->pgoff >= TECHNIQUE_PAGES)
		return VM_FAULT_SIGBUS;
	vmf->page = virt_to_page(kernel_pages + vmf->pgoff * PAGE_SIZE);
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct fault_page_vm_ops = {
	.fault	= fault_page_fault,
};

static int fault_page_mmap(struct vm_area_struct *vma)
{
	vma->vm_ops = &fault_page_vm_ops;
	return 0;
}

const struct technique fault_page = {
	.name	= "fault_page",
	.init	= kernel_pages_init,
	.exit	= kernel_pages_exit,
	.mmap	= fault_page_mmap,
};
