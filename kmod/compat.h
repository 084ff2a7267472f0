/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that shmcount is for. Each shim asks whether
 * the kernel has the thing, not for a version; Kbuild answers where the
 * preprocessor cannot.
 */
#ifndef SHMCOUNT_COMPAT_H
#define SHMCOUNT_COMPAT_H

#include <linux/mm.h>

/* Before the flags of a VMA became a type of their own. */
#ifndef EMPTY_VMA_FLAGS
#define EMPTY_VMA_FLAGS 0
#endif

/* Before 6.3 vm_flags was written directly. */
#ifndef HAVE_VM_FLAGS_MOD
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/*
 * For map_pages, which told nothing before 5.12: each page is to be seen in a
 * fault of its own. Kernels that can fault without the mmap_lock do so only
 * where there is a map_pages.
 */
#ifdef HAVE_MAP_PAGES_RESULT
static inline vm_fault_t no_fault_around(struct vm_fault *vmf, pgoff_t start,
					 pgoff_t end)
{
	return 0;
}
#else
static inline void no_fault_around(struct vm_fault *vmf, pgoff_t start,
				   pgoff_t end)
{
}
#endif

#endif
