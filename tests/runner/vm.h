/* SPDX-License-Identifier: GPL-2.0 */
/* What the runner and the guest's PID 1 have in common. */
#ifndef VM_H
#define VM_H

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#define VM_QEMU "qemu-system-x86_64"

/* Exit statuses of the runner that its callers know by name. */
enum { VM_STATUS_CRASH = 121, VM_STATUS_HANG = 124 };

/* QEMU's isa-debug-exit: writing VALUE ends QEMU with 2 * VALUE + 1. */
#define VM_EXIT_PORT 0xf4
#define VM_EXIT_VALUE 0x2a
#define VM_EXIT_STATUS (2 * VM_EXIT_VALUE + 1)

#endif
