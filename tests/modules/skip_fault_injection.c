// SPDX-License-Identifier: GPL-2.0
/*
 * Suspends the faults that a test injects into its own process (fail-nth) while
 * a kernel function runs. The kernel warns when a fault hits that function,
 * which would fail every test that calls it.
 */
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

#ifdef CONFIG_FAULT_INJECTION

static char *function;
module_param(function, charp, 0444);
MODULE_PARM_DESC(function, "name of the function");

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

static int __init skip_init(void)
{
	probe.kp.symbol_name = function;
	return register_kretprobe(&probe);
}

static void __exit skip_exit(void)
{
	unregister_kretprobe(&probe);
}
module_exit(skip_exit);

#else

/* This kernel injects no faults. */
static int __init skip_init(void)
{
	return -EOPNOTSUPP;
}

#endif

module_init(skip_init);

MODULE_DESCRIPTION("Keeps injected faults out of a function");
MODULE_LICENSE("GPL");
