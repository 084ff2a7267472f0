// SPDX-License-Identifier: GPL-2.0
/*
 * At load, commits the kind of bug that its parameter names. Only the
 * sanitizers of a debug kernel, or its detector of races, notice it.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pgtable.h>
#include <linux/slab.h>
#include <linux/sched/task.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

static char *kind = "";
module_param(kind, charp, 0444);

static DEFINE_MUTEX(first);
static DEFINE_MUTEX(second);
static DEFINE_SPINLOCK(spin);

static void use_after_free(void)
{
	char *object = kmalloc(100, GFP_KERNEL);

	kfree(object);
	OPTIMIZER_HIDE_VAR(object);
	WRITE_ONCE(object[10], 1);
}

static void shift_too_far(void)
{
	int bits = 40;

	OPTIMIZER_HIDE_VAR(bits);
	pr_info("shifted: %d\n", 1 << bits);
}

static void lock_in_both_orders(void)
{
	mutex_lock(&first);
	mutex_lock(&second);
	mutex_unlock(&second);
	mutex_unlock(&first);

	mutex_lock(&second);
	mutex_lock(&first);
	mutex_unlock(&first);
	mutex_unlock(&second);
}

static void sleep_under_a_spinlock(void)
{
	spin_lock(&spin);
	msleep(20);
	spin_unlock(&spin);
}

/* Leak many: an old address on some stack hides a few of them. */
static void leak(void)
{
	int i;

	for (i = 0; i < 100; i++) {
		char *object = kmalloc(100, GFP_KERNEL);

		OPTIMIZER_HIDE_VAR(object);
	}
}

/* No address check sees this write; the next user of the page does. */
static void write_to_a_freed_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL);
	char *alias = vmap(&page, 1, VM_MAP, PAGE_KERNEL);
	int i;

	__free_page(page);
	WRITE_ONCE(alias[10], 1);
	vunmap(alias);
	for (i = 0; i < 1000; i++)
		alloc_page(GFP_KERNEL);
}

static int counter;

static int count(void *unused)
{
	int i;

	for (i = 0; i < 10000000 && !kthread_should_stop(); i++) {
		counter++;
		barrier();
	}
	return 0;
}

static void count_without_lock(void)
{
	struct task_struct *threads[2];
	int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		threads[i] = kthread_create(count, NULL, "count/%d", i);
		if (IS_ERR(threads[i]))
			return;
		get_task_struct(threads[i]);
		wake_up_process(threads[i]);
	}
	msleep(2000);
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		kthread_stop(threads[i]);
		put_task_struct(threads[i]);
	}
}

static const struct {
	const char *name;
	void (*commit)(void);
} kinds[] = {
	{ "use_after_free", use_after_free },
	{ "shift_too_far", shift_too_far },
	{ "lock_in_both_orders", lock_in_both_orders },
	{ "sleep_under_a_spinlock", sleep_under_a_spinlock },
	{ "leak", leak },
	{ "write_to_a_freed_page", write_to_a_freed_page },
	{ "count_without_lock", count_without_lock },
};

static int __init sanitizer_bugs_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strcmp(kind, kinds[i].name))
			continue;
		kinds[i].commit();
		return 0;
	}
	return -EINVAL;
}
module_init(sanitizer_bugs_init);

MODULE_DESCRIPTION("Commits one kind of bug, for sanitizers to report");
MODULE_LICENSE("GPL");
