/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Techniques by which drivers map their memory into processes. Each has a file
 * of its own and an entry in the table of main.c.
 */
#ifndef TECHNIQUES_H
#define TECHNIQUES_H

#include <linux/fs.h>
#include <linux/mm.h>

/* The size of the shared memory. */
#define TECHNIQUE_PAGES 4
#define TECHNIQUE_BYTES (TECHNIQUE_PAGES * PAGE_SIZE)

struct technique {
	const char *name;
	/* Optional: allocate zeroed memory at load. Returns 0 or -errno. */
	int (*init)(void);
	void (*exit)(void);		/* at unload */
	/* Optional. Returns 0 or -errno. */
	int (*open)(struct inode *inode, struct file *file);
	/* The range is already checked. Returns 0 or -errno. */
	int (*mmap)(struct vm_area_struct *vma);
};

extern const struct technique remap_pfn;
extern const struct technique insert_page;
extern const struct technique fault_page;
extern const struct technique vmalloc_range;
extern const struct technique fault_mapping;
extern const struct technique set_file;

/* Contiguous kernel pages, which no inode owns. */
extern void *kernel_pages;
int kernel_pages_init(void);
void kernel_pages_exit(void);

/* A shmem file: its page cache owns the pages. */
extern struct file *region;
int region_init(void);
void region_exit(void);

#endif
