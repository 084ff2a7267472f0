// SPDX-License-Identifier: GPL-2.0
/*
 * Spares one function of the kernel, and what it calls, the failures that a
 * test injects into its own process (fail-nth): one that the kernel itself
 * warns of when memory is short, so that no test could come past it.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

#ifdef CONFIG_FAULT_INJECTION

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "the function");

static int entered(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	unsigned int *kept = (void *)instance->data;

	*kept = current->fail_nth;
	current->fail_nth = 0;
	return 0;
}

static int left(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	unsigned int *kept = (void *)instance->data;

	current->fail_nth = *kept;
	return 0;
}

static struct kretprobe probe = {
	.entry_handler	= entered,
	.handler	= left,
	.data_size	= sizeof(unsigned int),
};

static int __init spare_init(void)
{
	probe.kp.symbol_name = function;
	return register_kretprobe(&probe);
}

static void __exit spare_exit(void)
{
	unregister_kretprobe(&probe);
}

#else

static int __init spare_init(void)
{
	return -EOPNOTSUPP;
}

static void __exit spare_exit(void)
{
}

#endif

module_init(spare_init);
module_exit(spare_exit);

MODULE_DESCRIPTION("Spares a function injected failures");
MODULE_LICENSE("GPL");
