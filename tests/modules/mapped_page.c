// SPDX-License-Identifier: GPL-2.0
/*
 * Holds the lock of the page that is mapped at an address of the process that
 * loads this, until it is unloaded. Who writes to its parameter truncate takes
 * that page out of the file that owns it, as ftruncate() does. With references or most it
 * only counts, and is not loaded.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>

static unsigned long address;
module_param(address, ulong, 0);
MODULE_PARM_DESC(address, "where the page is mapped");

static bool uncached;
module_param(uncached, bool, 0444);
MODULE_PARM_DESC(uncached, "is it mapped so that the processor does not cache it?");

static int references;
module_param(references, int, 0);
MODULE_PARM_DESC(references, "how many the page has to have; fails with ENODATA if some lack");

static int most;
module_param(most, int, 0);
MODULE_PARM_DESC(most, "how many it may have; fails with E2BIG if it has more");

static struct page *page;
static struct address_space *owner;

static int truncate(const char *value, const struct kernel_param *param)
{
	loff_t offset;

	if (!page)
		return -EINVAL;
	offset = page_offset(page);
	truncate_inode_pages_range(owner, offset, offset + PAGE_SIZE - 1);
	return 0;
}

static const struct kernel_param_ops truncate_ops = { .set = truncate };
module_param_cb(truncate, &truncate_ops, NULL, 0200);
MODULE_PARM_DESC(truncate, "write to it to truncate the page");

static bool is_uncached(void)
{
	struct vm_area_struct *vma;
	pgprot_t prot = PAGE_NONE;

	mmap_read_lock(current->mm);
	vma = find_vma(current->mm, address);
	if (vma)
		prot = vma->vm_page_prot;
	mmap_read_unlock(current->mm);
	return pgprot_val(prot) == pgprot_val(pgprot_noncached(prot)) ||
	       pgprot_val(prot) == pgprot_val(pgprot_writecombine(prot));
}

/* Take those that lack: the page must not be freed while it is in use. */
static int __init count_references(void)
{
	int i, count = page_count(page) - 1;

	for (i = count; i < references; i++)
		get_page(page);
	put_page(page);
	if (count < references)
		return -ENODATA;
	return most && count > most ? -E2BIG : -EALREADY;
}

static int __init mapped_page_init(void)
{
	if (get_user_pages_fast(address, 1, 0, &page) != 1)
		return -EFAULT;
	if (references || most)
		return count_references();
	owner = PageAnon(page) ? NULL : page->mapping;
	if (!owner) {
		put_page(page);
		return -ENXIO;
	}
	uncached = is_uncached();
	lock_page(page);
	return 0;
}
module_init(mapped_page_init);

static void __exit mapped_page_exit(void)
{
	unlock_page(page);
	put_page(page);
}
module_exit(mapped_page_exit);

MODULE_DESCRIPTION("Holds the lock of a page");
MODULE_LICENSE("GPL");
