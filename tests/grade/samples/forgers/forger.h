/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the forgers share: they have no device, and forge results from ring 0 (see "What a
 * module could forge" in ../../README.md). One that changes a result needs the memory that
 * the harness shares with its tests: it begins with a count of failures and, behind that,
 * whether the test function has returned.
 */
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>

static struct page *shared_page;

/* Where a process has that memory: its only shared page that is anonymous. */
static unsigned long __maybe_unused shared_address(void)
{
	VMA_ITERATOR(next, current->mm, 0);
	struct vm_area_struct *vma;
	unsigned long address = 0;

	mmap_read_lock(current->mm);
	for_each_vma(next, vma)
		if (!address && (vma->vm_flags & VM_SHARED) && vma->vm_file)
			address = vma->vm_start;
	mmap_read_unlock(current->mm);
	return address;
}

static void __maybe_unused find_shared(void)
{
	if (get_user_pages_fast(shared_address(), 1, FOLL_WRITE, &shared_page) != 1)
		shared_page = NULL;
}

/* Whatever the test that runs has found, it has returned without a failure. */
static void __maybe_unused forge_result(void)
{
	char *shared = shared_page ? page_address(shared_page) : NULL;

	if (!shared)
		return;
	*(int *)shared = 0;
	shared[sizeof(int)] = 1;
}

/* Is it a process of the tests? */
static bool __maybe_unused is_test(void)
{
	return !strcmp(current->comm, "graded");
}

/* At load, and at unload. */
#define FORGER(start, stop)						\
	static int __init forger_init(void)				\
	{								\
		return start();						\
	}								\
	module_init(forger_init);					\
	static void __exit forger_exit(void)				\
	{								\
		stop();							\
		if (shared_page)					\
			put_page(shared_page);				\
	}								\
	module_exit(forger_exit);					\
	MODULE_DESCRIPTION("Forges results");				\
	MODULE_LICENSE("GPL")

static void __maybe_unused do_nothing(void)
{
}
