// SPDX-License-Identifier: GPL-2.0
/* Memory that several techniques use: kernel pages, and a shmem file. */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/shmem_fs.h>

#include "../compat.h"
#include "techniques.h"

void *kernel_pages;

int kernel_pages_init(void)
{
	kernel_pages = alloc_pages_exact(TECHNIQUE_BYTES,
					 GFP_KERNEL | __GFP_ZERO);
	return kernel_pages ? 0 : -ENOMEM;
}

void kernel_pages_exit(void)
{
	free_pages_exact(kernel_pages, TECHNIQUE_BYTES);
}

struct file *region;

int region_init(void)
{
	region = shmem_file_setup("shmcount", TECHNIQUE_BYTES, EMPTY_VMA_FLAGS);
	return PTR_ERR_OR_ZERO(region);
}

void region_exit(void)
{
	fput(region);
}
