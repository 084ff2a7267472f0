// SPDX-License-Identifier: GPL-2.0
/*
 * A fault handler that calls alloc_page() when a page is first touched, as most
 * books do today. No inode owns these pages either.
 */
#include <linux/gfp.h>
#include <linux/mutex.h>

#include "techniques.h"

static struct page *pages[TECHNIQUE_PAGES];
static DEFINE_MUTEX(pages_lock);	/* the first fault allocates a page */

static void fault_page_exit(void)
{
	unsigned int i;

	for (i = 0; i < TECHNIQUE_PAGES; i++)
		if (pages[i])
			__free_page(pages[i]);
}

static vm_fault_t fault_page_fault(struct vm_fault *vmf)
{
	struct page *page;

	/* mremap() can grow the mapping past the end. */
	if (vmf->pgoff >= TECHNIQUE_PAGES)
		return VM_FAULT_SIGBUS;
	mutex_lock(&pages_lock);
	if (!pages[vmf->pgoff])
		pages[vmf->pgoff] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	page = pages[vmf->pgoff];
	mutex_unlock(&pages_lock);
	if (!page)
		return VM_FAULT_OOM;
	get_page(page);
	vmf->page = page;
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
	.exit	= fault_page_exit,
	.mmap	= fault_page_mmap,
};
