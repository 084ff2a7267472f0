/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An owner is a record in shared memory of which process holds something. If
 * that process ends before it releases it, the kernel marks the record. All who
 * map the memory can rely on the mark, in any pid or time namespace, with or
 * without /proc, through any node of a device.
 *
 * This is the mechanism of robust mutexes, set_robust_list(2). A process tells
 * the kernel the address of a word. If the word holds its thread id when it
 * ends, the kernel sets FUTEX_OWNER_DIED there. All-zero memory needs no
 * initialisation.
 *
 * A process registers the word only while it is the owner, because the kernel
 * compares only the thread id, and a process of another pid namespace may have
 * the same. So a process that dies just before it registers the word leaves no
 * mark, nor does one whose kernel (or emulator) refuses the system call.
 */
#ifndef ROBUST_H
#define ROBUST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

struct owner {
	/* 0: none; a pid; OWNER_DIED; or what robust_release() put there */
	atomic_uint word;
	/* Of the last owner; the kernel's mark leaves them. */
	atomic_uint pid;
	atomic_uint pid_namespace;	/* inode number; 0: unknown */
};

/* FUTEX_OWNER_DIED, as the kernel leaves it; and the largest pid. */
enum { OWNER_DIED = 0x40000000, MAX_PID = 1 << 22 };

/* Call this in each process, also after fork(), before the other functions. */
void robust_register(void);

/*
 * Become the owner, where no other process can now; and release it, leaving 0
 * or a value over MAX_PID without the bit OWNER_DIED in the word. A process is
 * the owner of one thing at a time.
 */
void robust_acquire(struct owner *owner);
void robust_release(struct owner *owner, unsigned int word);

/*
 * Become the owner in competition with others, if the word is still as seen, 0
 * or OWNER_DIED. Returns false if it is not.
 */
bool robust_try_acquire(struct owner *owner, unsigned int seen);

/*
 * Returns the current or last owner for a message, "process 12" or "process 1
 * of another pid namespace". The next call overwrites the text.
 */
const char *owner_name(const struct owner *owner);

/* Is it known to be the process of this pid in our pid namespace? */
bool owner_is(const struct owner *owner, pid_t pid);

/* Is it known to be stopped, as by Ctrl-Z? */
bool owner_is_stopped(const struct owner *owner);

#endif
