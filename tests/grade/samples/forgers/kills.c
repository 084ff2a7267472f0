// SPDX-License-Identifier: GPL-2.0
/* Kills the test that loads it, as if the test had exited with success. */
#include "forger.h"

static int start(void)
{
	find_shared();
	forge_result();
	current->signal->group_exit_code = 0;
	current->signal->flags |= SIGNAL_GROUP_EXIT;
	send_sig(SIGKILL, current, 1);
	return 0;
}
FORGER(start, do_nothing);
