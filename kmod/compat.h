/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences between the kernels that shmcount supports. Each shim asks for a
 * feature, not for a version; compat.mk answers where the preprocessor cannot.
 */
#ifndef SHMCOUNT_COMPAT_H
#define SHMCOUNT_COMPAT_H

#include <linux/mm.h>

/* Older kernels have no separate type for VMA flags. */
#ifndef EMPTY_VMA_FLAGS
#define EMPTY_VMA_FLAGS 0
#endif

/* Before 6.3 drivers wrote vm_flags directly. */
#ifndef HAVE_VM_FLAGS_MOD
static inline void vm_flags_mod(struct vm_area_struct *vma,
				unsigned long set, unsigned long clear)
{
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
}
#endif

/*
 * A ->map_pages that maps nothing, so that each page is seen in a fault of its
 * own. Kernels with per-VMA locks fault without the mmap_lock only if there is
 * a ->map_pages. It returned nothing before 5.12.
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
