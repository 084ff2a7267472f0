/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was once found out about KVM on this host, for the runner. That
 * /dev/kvm opens proves nothing: there are hosts where each kernel hangs under
 * it. So a guest is booted to find out, and the answer is kept.
 */
#ifndef ACCEL_H
#define ACCEL_H

#include <stdbool.h>

/* CLOSED: the user may not open the device, and was told what helps. */
enum kvm_answer { KVM_UNKNOWN, KVM_BROKEN, KVM_WORKS, KVM_CLOSED };

/*
 * What is known of this kernel image, in this boot of the host, under the QEMU
 * that PATH has now, tried for so many seconds.
 */
enum kvm_answer kvm_recall(const char *image, int seconds);

/*
 * Keep an answer. Returns false where it cannot be kept, which harms nobody:
 * the next run asks again.
 */
bool kvm_remember(const char *image, int seconds, enum kvm_answer answer);

#endif
