// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/shmcount: one region of shared memory for every process that maps it
 *
 * A process maps the node as it would map /dev/zero, but from load to unload
 * all processes, related or not, map the same memory.
 *
 * A process-shared semaphore sleeps on a futex, which the kernel identifies by
 * the inode that owns its page. get_futex_key() returns -EFAULT for memory that
 * no inode owns, such as that of alloc_page(), vmalloc() and remap_pfn_range().
 * So the region is a shmem file, and the file's page cache owns its pages.
 *
 * Lifetime: the module holds the region from load to unload. An open file pins
 * the module and has the region's f_mapping. A VMA pins its open file.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>
#include <linux/uio.h>

#include "compat.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

static unsigned long shmcount_size = PAGE_SIZE;
module_param_named(size, shmcount_size, ulong, 0444);
MODULE_PARM_DESC(size,
		 "size of the region in bytes, rounded up to pages (default: one page, max: half of RAM)");

/* Permissions are octal, with or without a leading 0. */
static int shmcount_mode_set(const char *value, const struct kernel_param *param)
{
	return kstrtouint(value, 8, param->arg);
}

static const struct kernel_param_ops shmcount_mode_ops = {
	.set	= shmcount_mode_set,
};

static unsigned int shmcount_mode = 0666;
module_param_cb(mode, &shmcount_mode_ops, &shmcount_mode, 0);
MODULE_PARM_DESC(mode, "permissions of /dev/shmcount (octal, default: 0666)");

static struct file *shmcount_region;

static atomic_long_t shmcount_opens;	/* open files */
static atomic_long_t shmcount_mappings;	/* VMAs */
static atomic_long_t shmcount_faults;	/* pages handed out since load */

static void shmcount_vma_open(struct vm_area_struct *vma)
{
	atomic_long_inc(&shmcount_mappings);
	trace_shmcount_vma_open(vma->vm_start, vma->vm_pgoff);
}

static void shmcount_vma_close(struct vm_area_struct *vma)
{
	trace_shmcount_vma_close(vma->vm_start, vma->vm_pgoff);
	atomic_long_dec(&shmcount_mappings);
}

static vm_fault_t shmcount_fault(struct vm_fault *vmf)
{
	struct address_space *mapping = shmcount_region->f_mapping;
	struct page *page;

	/* Reclaim cannot drop a locked page before it is mapped. */
	page = find_lock_page(mapping, vmf->pgoff);
	if (!page) {
		/* Past the end of the region this is -EINVAL: SIGBUS. */
		page = shmem_read_mapping_page(mapping, vmf->pgoff);
		if (IS_ERR(page))
			return vmf_error(PTR_ERR(page));
		put_page(page);
		page = find_lock_page(mapping, vmf->pgoff);
		if (!page)
			return VM_FAULT_NOPAGE;	/* fault again */
	}

	atomic_long_inc(&shmcount_faults);
	trace_shmcount_fault(vmf->address, vmf->pgoff);
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct shmcount_vm_ops = {
	.open	= shmcount_vma_open,
	.close	= shmcount_vma_close,
	.fault	= shmcount_fault,
	.map_pages = no_fault_around,
};

static int shmcount_mmap(struct file *file, struct vm_area_struct *vma)
{
	unsigned long pages = shmcount_size >> PAGE_SHIFT;

	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	if (vma->vm_flags & VM_EXEC)
		return -EPERM;

	/*
	 * mremap() must not grow the mapping past the range checked here;
	 * VM_DONTEXPAND also makes mlock() skip it.
	 */
	vm_flags_mod(vma, VM_DONTEXPAND, VM_MAYEXEC);
	vma->vm_ops = &shmcount_vm_ops;
	shmcount_vma_open(vma);	/* the kernel calls it for copies only */
	return 0;
}

static int shmcount_open(struct inode *inode, struct file *file)
{
	/*
	 * A file with a shmem f_mapping counts as a shmem file: for seals and
	 * swap in smaps the kernel reads shmem data around the file's inode.
	 * Only a node on tmpfs or devtmpfs has such an inode.
	 */
	if (inode->i_sb->s_magic != TMPFS_MAGIC)
		return -EOPNOTSUPP;

	/*
	 * The kernel links each VMA into the f_mapping of its file. With the
	 * region's, rmap finds every mapping of a page, as reclaim must.
	 */
	file->f_mapping = shmcount_region->f_mapping;
	atomic_long_inc(&shmcount_opens);
	return 0;
}

static int shmcount_release(struct inode *inode, struct file *file)
{
	atomic_long_dec(&shmcount_opens);
	return 0;
}

static loff_t shmcount_llseek(struct file *file, loff_t offset, int whence)
{
	return fixed_size_llseek(file, offset, whence, shmcount_size);
}

static ssize_t shmcount_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return vfs_iter_read(shmcount_region, to, &iocb->ki_pos, 0);
}

/* Write what fits; at the end fail with -ENOSPC, as a block device does. */
static ssize_t shmcount_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	if (!iov_iter_count(from))
		return 0;
	if (iocb->ki_flags & IOCB_APPEND)
		iocb->ki_pos = shmcount_size;
	if (iocb->ki_pos >= shmcount_size)
		return -ENOSPC;

	iov_iter_truncate(from, shmcount_size - iocb->ki_pos);
	return vfs_iter_write(shmcount_region, from, &iocb->ki_pos, 0);
}

static const struct file_operations shmcount_fops = {
	.owner		= THIS_MODULE,
	.open		= shmcount_open,
	.release	= shmcount_release,
	.llseek		= shmcount_llseek,
	.read_iter	= shmcount_read_iter,
	.write_iter	= shmcount_write_iter,
	.mmap		= shmcount_mmap,
	.fsync		= noop_fsync,	/* so msync() succeeds */
};

#define SHMCOUNT_ATTR(name, format, value)				\
static ssize_t name##_show(struct device *dev,				\
			   struct device_attribute *attr, char *buf)	\
{									\
	return sysfs_emit(buf, format "\n", value);			\
}									\
static DEVICE_ATTR_RO(name)

SHMCOUNT_ATTR(size, "%lu", shmcount_size);
SHMCOUNT_ATTR(opens, "%ld", atomic_long_read(&shmcount_opens));
SHMCOUNT_ATTR(mappings, "%ld", atomic_long_read(&shmcount_mappings));
SHMCOUNT_ATTR(faults, "%ld", atomic_long_read(&shmcount_faults));

static struct attribute *shmcount_attrs[] = {
	&dev_attr_size.attr,
	&dev_attr_opens.attr,
	&dev_attr_mappings.attr,
	&dev_attr_faults.attr,
	NULL
};
ATTRIBUTE_GROUPS(shmcount);

static struct miscdevice shmcount_misc = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= "shmcount",
	.fops	= &shmcount_fops,
	.groups	= shmcount_groups,
};

static int __init shmcount_init(void)
{
	unsigned long max_size = (totalram_pages() / 2) << PAGE_SHIFT;
	int ret;

	if (!shmcount_size || shmcount_size > max_size) {
		pr_err("size=%lu is not between 1 and %lu bytes (half of RAM)\n",
		       shmcount_size, max_size);
		return -EINVAL;
	}
	if (shmcount_mode & ~0777) {
		pr_err("mode=0%o is not between 0 and 0777\n", shmcount_mode);
		return -EINVAL;
	}
	shmcount_size = PAGE_ALIGN(shmcount_size);

	shmcount_region = shmem_file_setup("shmcount", shmcount_size,
					   EMPTY_VMA_FLAGS);
	if (IS_ERR(shmcount_region))
		return PTR_ERR(shmcount_region);
	/* Without O_LARGEFILE a write stops at 2 GiB - 1. */
	shmcount_region->f_flags |= O_LARGEFILE;

	/* misc ignores a mode of 0; with the file type the mode is never 0. */
	shmcount_misc.mode = S_IFCHR | shmcount_mode;
	ret = misc_register(&shmcount_misc);
	if (ret)
		fput(shmcount_region);
	return ret;
}
module_init(shmcount_init);

static void __exit shmcount_exit(void)
{
	misc_deregister(&shmcount_misc);
	fput(shmcount_region);
}
module_exit(shmcount_exit);

MODULE_DESCRIPTION("One region of shared memory for every process");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.2");
