// SPDX-License-Identifier: GPL-2.0
/* remap_vmalloc_range() calls vm_insert_page() for pages of vmalloc(). */
#include <linux/vmalloc.h>

#include "techniques.h"

static void *memory;

static int vmalloc_range_init(void)
{
	memory = vmalloc_user(TECHNIQUE_BYTES);
	return memory ? 0 : -ENOMEM;
}

static void vmalloc_range_exit(void)
{
	vfree(memory);
}

static int vmalloc_range_mmap(struct vm_area_struct *vma)
{
	return remap_vmalloc_range(vma, memory, vma->vm_pgoff);
}

const struct technique vmalloc_range = {
	.name	= "vmalloc",
	.init	= vmalloc_range_init,
	.exit	= vmalloc_range_exit,
	.mmap	= vmalloc_range_mmap,
};
