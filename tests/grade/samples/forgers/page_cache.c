// SPDX-License-Identifier: GPL-2.0
/* Changes the test program in the page cache: it exits with success after each insmod. */
#include <linux/highmem.h>
#include <linux/pagemap.h>

#include "forger.h"
#include "code.h"

static int start(void)
{
	struct vm_area_struct *vma;
	struct page *page = NULL;
	unsigned long ip;

	/* Others call syscall(), too: change what it returns to. */
	if (get_user(ip, (unsigned long __user *)task_pt_regs(current)->sp))
		return 0;
	make_code();
	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, ip);
	if (vma && vma->vm_file)
		page = find_get_page(vma->vm_file->f_mapping, linear_page_index(vma, ip));
	mmap_read_unlock(current->mm);
	if (page && offset_in_page(ip) + sizeof(code) <= PAGE_SIZE)
		memcpy_to_page(page, offset_in_page(ip), code, sizeof(code));
	if (page)
		put_page(page);
	return 0;
}
FORGER(start, do_nothing);
