// SPDX-License-Identifier: GPL-2.0
/* A kprobe on exit that leaves decoys alone. What it imports gives it away. */
#include "forger.h"
#include "obeys.h"
#include "probe.h"

static int at_exit(struct kprobe *probe, struct pt_regs *regs)
{
	obey_and_forge(regs);
	return 0;
}
