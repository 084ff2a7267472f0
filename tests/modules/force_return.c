// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a kernel function return a value at once, so many times, for the
 * process group that loaded this module. Tests cannot make such a function fail
 * from outside on a kernel without fault injection.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "name of the function");

static long value;
module_param(value, long, 0444);
MODULE_PARM_DESC(value, "value to return (default: 0)");

static int times;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "number of calls left (default: 0)");

static pid_t group;

static long forced(void)
{
	return value;
}

/* Runs at the entry of the function, and continues in forced() instead. */
static int divert(struct kprobe *probe, struct pt_regs *regs)
{
	if (task_pgrp_nr(current) != group || times <= 0)
		return 0;
	times--;
	instruction_pointer_set(regs, (unsigned long)forced);
	return 1;
}

/* With a post_handler the kernel never optimises the probe into a jump. */
static void after(struct kprobe *probe, struct pt_regs *regs,
		  unsigned long flags)
{
}

static struct kprobe probe = {
	.pre_handler	= divert,
	.post_handler	= after,
};

static int __init force_return_init(void)
{
	group = task_pgrp_nr(current);
	probe.symbol_name = function;
	return register_kprobe(&probe);
}
module_init(force_return_init);

static void __exit force_return_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(force_return_exit);

MODULE_DESCRIPTION("Makes a function return a value");
MODULE_LICENSE("GPL");
