/* SPDX-License-Identifier: GPL-2.0 */
/* Does the kernel keep a process for itself? */
#ifndef HELD_H
#define HELD_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Look at all processes of the group; call this again and again. Returns true if one of
 * them has for so many seconds been in the same call of the kernel: asleep so that no
 * signal wakes it, or computing there. A call that computes has to have had the
 * processor for that time, so that a busy host makes no difference. group 0 forgets
 * what was seen.
 */
bool is_held_by_kernel(pid_t group, double seconds);

#endif
