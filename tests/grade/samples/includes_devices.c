// SPDX-License-Identifier: GPL-2.0
/* A submission that includes what never ends, and what is not its own. */
#include "/dev/zero"
#include "/proc/self/environ"
#include "/etc/shadow"
asm(".incbin \"/etc/shadow\"");
