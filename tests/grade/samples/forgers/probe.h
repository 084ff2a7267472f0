/* SPDX-License-Identifier: GPL-2.0 */
/* A kprobe on exit, which calls the includer's at_exit(). */
#include <linux/kprobes.h>

static int at_exit(struct kprobe *probe, struct pt_regs *regs);

static struct kprobe probe = {
	.symbol_name = "do_group_exit", .pre_handler = at_exit,
};

static int start(void)
{
	find_shared();
	return register_kprobe(&probe);
}

static void stop(void)
{
	unregister_kprobe(&probe);
}
FORGER(start, stop);
