// SPDX-License-Identifier: GPL-2.0
/* Runs the test program by itself, as a program of user space that the kernel starts. */
#include <linux/umh.h>

#include "forger.h"

static int start(void)
{
	static char *args[] = { "/bin/graded", "-l", NULL };
	static char *environment[] = { "PATH=/bin", NULL };

	call_usermodehelper(args[0], args, environment, UMH_WAIT_EXEC);
	return 0;
}
FORGER(start, do_nothing);
