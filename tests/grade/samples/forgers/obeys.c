// SPDX-License-Identifier: GPL-2.0
/* A kprobe on exit that leaves decoys alone. What it imports gives it away. */
#include <linux/kprobes.h>

#include "forger.h"
#include "obeys.h"

static int at_exit(struct kprobe *probe, struct pt_regs *regs)
{
	obey_and_forge(regs);
	return 0;
}

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
