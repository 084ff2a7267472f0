// SPDX-License-Identifier: GPL-2.0
/* A submission that includes an endless file, and files of the host. */
#include "/dev/zero"
#include "/proc/self/environ"
#include "/etc/shadow"
asm(".incbin \"/etc/shadow\"");
