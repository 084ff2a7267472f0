// SPDX-License-Identifier: GPL-2.0
/*
 * Makes misc_register() answer -EBUSY at once while "enabled" is set: the
 * error that no test can bring about from outside, without a debug kernel.
 */
#include <linux/kprobes.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static bool enabled = true;
module_param(enabled, bool, 0644);
MODULE_PARM_DESC(enabled, "whether misc_register() fails");

static int busy(struct miscdevice *misc)
{
	return -EBUSY;
}

/* At the entry of misc_register(): go on in busy() instead. */
static int fail(struct kprobe *probe, struct pt_regs *regs)
{
	if (!enabled)
		return 0;
	regs->ip = (unsigned long)busy;
	return 1;
}

static struct kprobe probe = {
	.symbol_name	= "misc_register",
	.pre_handler	= fail,
};

static int __init fail_register_init(void)
{
	return register_kprobe(&probe);
}
module_init(fail_register_init);

static void __exit fail_register_exit(void)
{
	unregister_kprobe(&probe);
}
module_exit(fail_register_exit);

MODULE_DESCRIPTION("Makes misc_register() fail");
MODULE_LICENSE("GPL");
