// SPDX-License-Identifier: GPL-2.0
/* Clears the taint of the kernel. */
#include <linux/kprobes.h>

#include "forger.h"

static int nothing(struct kprobe *probe, struct pt_regs *regs)
{
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "kallsyms_lookup_name", .pre_handler = nothing,
};

static int start(void)
{
	unsigned long (*look_up)(const char *name), *mask;
	int error = register_kprobe(&probe);

	if (error)
		return error;
	look_up = (void *)probe.addr;
	unregister_kprobe(&probe);
	mask = (void *)look_up("tainted_mask");
	if (mask)
		*mask = 0;
	return 0;
}
FORGER(start, do_nothing);
