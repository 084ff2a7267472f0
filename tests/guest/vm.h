/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the runner and the guest's PID 1 agree on.
 *
 * /config is in the initramfs or, for a guest that is restored, in the payload on its
 * first disk. It has lines of KEY=VALUE; a value has "\n" for a newline and "\\" for
 * a backslash:
 *
 *	nonce		begins each frame of the report
 *	time		of the host: SECONDS.NANOSECONDS since the epoch
 *	seed		VM_SEED_WORDS random words of 8 hexadecimal digits
 *	verb		tap, run, shell, or probe (which only has to come up)
 *	parameters	of the module
 *	guest		what runs the guest, for SHMCOUNT_GUEST
 *	host		"yes": show the host's files
 *	disk		mount this disk; or empty
 *	fetch		a file to send at the end; may be repeated
 *	directory	the program's working directory
 *	rows, columns, term	of the terminal
 *	argument	of the program, in their order; the first is its name
 *
 * The report goes to VM_PORT in frames: a line "NONCE KIND NUMBER", where KIND is
 *
 *	up		init runs
 *	ready		the program starts; of a template: save me
 *	out, err	NUMBER bytes of output follow
 *	fetch		file NUMBER of those to send, from 0 on, follows
 *	file		NUMBER bytes of it follow
 *	init-error	init cannot go on; NUMBER bytes of reason follow
 *	taint		/proc/sys/kernel/tainted, when the program has ended
 *	exit, signal	how the program ended
 *
 * The runner sends "i" there to interrupt the program, and whatever else a test program
 * is to read. For a shell VM_PORT is the terminal instead.
 */
#ifndef VM_H
#define VM_H

#include "util.h"

/* Begins the frames of a template. */
#define VM_TEMPLATE_NONCE "template"

enum { VM_SEED_WORDS = 16 };

/* QEMU's isa-debug-exit: writing VALUE ends QEMU with 2 * VALUE + 1. */
#define VM_EXIT_PORT 0xf4
#define VM_EXIT_VALUE 0x2a
#define VM_EXIT_STATUS (2 * VM_EXIT_VALUE + 1)

/*
 * For programs of this architecture: their ELF machine; its QEMU; the status with which
 * that ends when init has ended the guest; the second serial port. On arm64 the first is a
 * PL011, ttyAMA0, so this is the first of its kind.
 */
#ifdef __aarch64__
#define VM_ELF EM_AARCH64
#define VM_QEMU "qemu-system-aarch64"
#define VM_GOOD_END 0
#define VM_PORT "/dev/ttyS0"
#else
#define VM_ELF EM_X86_64
#define VM_QEMU "qemu-system-x86_64"
#define VM_GOOD_END VM_EXIT_STATUS
#define VM_PORT "/dev/ttyS1"
#endif

#endif
