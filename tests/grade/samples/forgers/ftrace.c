// SPDX-License-Identifier: GPL-2.0
/* The same as kprobe.c by ftrace. */
#include <linux/ftrace.h>

#include "forger.h"

static void at_exit(unsigned long ip, unsigned long parent, struct ftrace_ops *ops,
		    struct ftrace_regs *regs)
{
	if (is_test()) {
		forge_result();
		ftrace_get_regs(regs)->di = 0;
	}
}

static struct ftrace_ops ops = { .func = at_exit, .flags = FTRACE_OPS_FL_SAVE_REGS };

static int start(void)
{
	find_shared();
	ftrace_set_filter(&ops, "do_group_exit", strlen("do_group_exit"), 0);
	return register_ftrace_function(&ops);
}

static void stop(void)
{
	unregister_ftrace_function(&ops);
}
FORGER(start, stop);
