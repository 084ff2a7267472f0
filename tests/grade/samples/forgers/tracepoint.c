// SPDX-License-Identifier: GPL-2.0
/* The exit code in the task_struct of a test that ends, by a tracepoint. */
#include <linux/tracepoint.h>

#include "forger.h"

static struct tracepoint *point;

static void at_exit(void *data, struct task_struct *task)
{
	if (!is_test())
		return;
	forge_result();
	task->exit_code = 0;
	task->signal->group_exit_code = 0;
}

static void take(struct tracepoint *next, void *data)
{
	if (!strcmp(next->name, "sched_process_exit"))
		point = next;
}

static int start(void)
{
	find_shared();
	for_each_kernel_tracepoint(take, NULL);
	return tracepoint_probe_register(point, at_exit, NULL);
}

static void stop(void)
{
	tracepoint_probe_unregister(point, at_exit, NULL);
	tracepoint_synchronize_unregister();
}
FORGER(start, stop);
