// SPDX-License-Identifier: GPL-2.0
/*
 * remap_pfn_range(), as for the registers of a device: the VMA maps frame
 * numbers (VM_IO | VM_PFNMAP), so get_user_pages() fails.
 */
#include <linux/io.h>

#include "techniques.h"

static int remap_pfn_mmap(struct vm_area_struct *vma)
{
	unsigned long first = virt_to_phys(kernel_pages) >> PAGE_SHIFT;

	return remap_pfn_range(vma, vma->vm_start, first + vma->vm_pgoff,
			       vma->vm_end - vma->vm_start, vma->vm_page_prot);
}

const struct technique remap_pfn = {
	.name	= "remap_pfn",
	.init	= kernel_pages_init,
	.exit	= kernel_pages_exit,
	.mmap	= remap_pfn_mmap,
};
