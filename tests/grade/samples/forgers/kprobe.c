// SPDX-License-Identifier: GPL-2.0
/* A kprobe on exit: each test exits with success. */
#include <linux/kprobes.h>

#include "forger.h"

static int at_exit(struct kprobe *probe, struct pt_regs *regs)
{
	if (is_test()) {
		forge_result();
		regs->di = 0;
	}
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
