// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel restarts the system call that loads it, but as exit_group(0). It imports
 * nothing that a driver has no use for.
 */
#include "forger.h"

enum { PAGES = 4096, ZEROS = 200 };

/* What the harness shares with the test is one of the pages that begin with zeros. */
static void forge_pages(void)
{
	unsigned long address = PAGE_ALIGN(current->mm->mmap_base);
	static char head[ZEROS];

	for (int i = 0; i < PAGES; i++) {
		address -= PAGE_SIZE;
		if (copy_from_user(head, (void __user *)address, ZEROS) ||
		    memchr_inv(head, 0, ZEROS))
			continue;
		if (put_user(1, (char __user *)address + sizeof(int)))
			continue;
	}
}

static int start(void)
{
	struct pt_regs *regs = task_pt_regs(current);

	forge_pages();
	regs->orig_ax = __NR_exit_group;
	regs->di = 0;
	set_tsk_thread_flag(current, TIF_SIGPENDING);
	return -ERESTARTNOINTR;
}
FORGER(start, do_nothing);
