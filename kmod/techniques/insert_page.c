// SPDX-License-Identifier: GPL-2.0
/*
 * mmap calls vm_insert_page() for each page. get_user_pages() finds the pages,
 * but no inode owns them: page->mapping is NULL.
 */
#include "techniques.h"

static int insert_page_mmap(struct vm_area_struct *vma)
{
	void *page = kernel_pages + vma->vm_pgoff * PAGE_SIZE;
	unsigned long address;
	int ret = 0;

	for (address = vma->vm_start; !ret && address < vma->vm_end;
	     address += PAGE_SIZE, page += PAGE_SIZE)
		ret = vm_insert_page(vma, address, virt_to_page(page));
	return ret;
}

const struct technique insert_page = {
	.name	= "insert_page",
	.init	= kernel_pages_init,
	.exit	= kernel_pages_exit,
	.mmap	= insert_page_mmap,
};
