// SPDX-License-Identifier: GPL-2.0
/* exit_group() of a test succeeds, by the table of system calls. */
#include "forger.h"
#include "table.h"

static unsigned long forged_exit(const struct pt_regs *regs)
{
	if (is_test()) {
		forge_result();
		((struct pt_regs *)regs)->di = 0;
	}
	return old_exit(regs);
}

static int start(void)
{
	find_shared();
	return replace_exit(forged_exit) ? 0 : -ENOENT;
}

static void stop(void)
{
	replace_exit(old_exit);
}
FORGER(start, stop);
