/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Whether KVM works on this host. That /dev/kvm opens proves nothing: on some hosts
 * every kernel hangs under it. So the runner boots a guest to find out, and keeps the
 * answer here.
 */
#ifndef ACCEL_H
#define ACCEL_H

#include <stdbool.h>
#include <stddef.h>

/* KVM_CLOSED: the user may not open the device, and was told how to get access. */
enum kvm_answer { KVM_UNKNOWN, KVM_BROKEN, KVM_WORKS, KVM_CLOSED };

/*
 * The answer for this kernel image in this boot of the host, under the QEMU that PATH
 * finds now, tried for so many seconds.
 */
enum kvm_answer kvm_recall(const char *image, int seconds);

/*
 * Keep an answer. Returns false if that fails, which harms nobody: the next run asks
 * again.
 */
bool kvm_remember(const char *image, int seconds, enum kvm_answer answer);

/* The program that execvp() would take, or NULL; the caller frees it. */
char *find_program(const char *name);

/*
 * Write the device, inode, size and modification time of this file; they change when it
 * is replaced.
 */
void identity(char *text, size_t size, const char *path);

/* A text that each boot of the host changes; "" if there is none. */
const char *boot_of_host(void);

#endif
