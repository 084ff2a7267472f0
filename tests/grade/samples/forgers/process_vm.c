// SPDX-License-Identifier: GPL-2.0
/* Has the test that loads it exit with success, by access_process_vm() on its text. */
#include "forger.h"
#include "code.h"

static int start(void)
{
	make_code();
	access_process_vm(current, task_pt_regs(current)->ip, code, sizeof(code),
			  FOLL_FORCE | FOLL_WRITE);
	return 0;
}
FORGER(start, do_nothing);
