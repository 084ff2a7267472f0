// SPDX-License-Identifier: GPL-2.0
/*
 * vma_set_file() gives the VMA to a shmem file. The mapping can do all that
 * shmem can, but it no longer pins the module.
 */
#include <linux/file.h>

#include "techniques.h"

/* Before 5.11 drivers changed vm_file directly. */
#ifndef HAVE_VMA_SET_FILE
static inline void vma_set_file(struct vm_area_struct *vma, struct file *file)
{
	swap(vma->vm_file, file);
	get_file(vma->vm_file);
	fput(file);
}
#endif

/* Older kernels have only ->mmap, and no ->mmap_prepare. */
#ifndef HAVE_VFS_MMAP
static inline int vfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	return call_mmap(file, vma);
}
#endif

static int set_file_mmap(struct vm_area_struct *vma)
{
	vma_set_file(vma, region);
	return vfs_mmap(region, vma);
}

const struct technique set_file = {
	.name	= "set_file",
	.init	= region_init,
	.exit	= region_exit,
	.mmap	= set_file_mmap,
};
