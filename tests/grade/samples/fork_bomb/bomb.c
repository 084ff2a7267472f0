// SPDX-License-Identifier: GPL-2.0
/* A test that is a fork bomb; grader and host must survive it. */
#include <unistd.h>

#include "device.h"
#include "harness.h"

TEST(hidden_bomb, forks_for_ever)
{
	load("");
	for (;;)
		fork();
}
