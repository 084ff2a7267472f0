// SPDX-License-Identifier: GPL-2.0
/*
 * vma_set_file(): the VMA is handed over to a file of shmem, and the device is
 * out of it. All that shmem can is there, and nothing holds the module.
 */
#include "../compat.h"
#include "techniques.h"

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
