/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Techniques by which drivers give their memory to processes. Each is a file,
 * and an entry in the table of main.c.
 */
#ifndef TECHNIQUES_H
#define TECHNIQUES_H

#include <linux/fs.h>
#include <linux/mm.h>

/* The memory that is shared, in pages. */
#define TECHNIQUE_PAGES 4
#define TECHNIQUE_BYTES (TECHNIQUE_PAGES * PAGE_SIZE)

struct technique {
	const char *name;
	/* Get the memory, zero, where it is to be there at load: 0 or -errno. */
	int (*init)(void);
	void (*exit)(void);		/* when nothing is open or mapped */
	/* Where that takes more: 0 or -errno. */
	int (*open)(struct inode *inode, struct file *file);
	/* The range is inside the memory. Returns 0 or -errno. */
	int (*mmap)(struct vm_area_struct *vma);
};

extern const struct technique remap_pfn;
extern const struct technique insert_page;
extern const struct technique fault_page;
extern const struct technique vmalloc_range;
extern const struct technique fault_mapping;
extern const struct technique set_file;

/* Pages of the kernel's own, one after the other, that no file owns. */
extern void *kernel_pages;
int kernel_pages_init(void);
void kernel_pages_exit(void);

/* A file of shmem, whose page cache owns its pages. */
extern struct file *region;
int region_init(void);
void region_exit(void);

#endif
