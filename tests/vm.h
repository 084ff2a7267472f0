/* SPDX-License-Identifier: GPL-2.0 */
/* What the runner and the guest's PID 1 have to agree on. */
#ifndef VM_H
#define VM_H

/* QEMU's isa-debug-exit: writing VALUE ends QEMU with 2 * VALUE + 1. */
#define VM_EXIT_PORT 0xf4
#define VM_EXIT_VALUE 0x2a
#define VM_EXIT_STATUS (2 * VM_EXIT_VALUE + 1)

#endif
