/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A claim says, in shared memory, which process has taken something; and where
 * that process dies before it drops the claim, the kernel marks it. The mark is
 * a proof for everybody who maps the memory: of whatever pid or time namespace,
 * with or without /proc, by whatever node of a device.
 *
 * The kernel does it as for a robust mutex, by set_robust_list(2): a process
 * that ends leaves FUTEX_OWNER_DIED in the word that it has named to the kernel,
 * if its own thread id stands there. No memory has to be initialised for that.
 *
 * The word is named only while the claim is held: the kernel compares nothing
 * but the thread id, and a process of another pid namespace may have the same.
 * So a process that dies in the instant before it has named the word leaves no
 * proof, and neither does one whose kernel (or emulator) refuses the call.
 */
#ifndef ROBUST_H
#define ROBUST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* All zero, it is nobody's. */
struct claim {
	/* 0: nobody's; a pid; CLAIMANT_DIED; or what claim_drop() was told */
	atomic_uint word;
	/* Of the last that took it; they stay when the kernel marks the word. */
	atomic_uint pid;
	atomic_uint pid_namespace;	/* its inode number; 0: not known */
};

/* FUTEX_OWNER_DIED, as the kernel leaves it; and what is a pid at the most. */
enum { CLAIMANT_DIED = 0x40000000, MOST_PID = 1 << 22 };

/* Once in each process, and so again after fork: before any other call here. */
void register_claims(void);

/*
 * Take what nobody else can take now; and drop it, leaving this in the word: 0,
 * or a value over MOST_PID without the bit CLAIMANT_DIED. A process holds one
 * claim at a time.
 */
void claim_take(struct claim *claim);
void claim_drop(struct claim *claim, unsigned int word);

/*
 * Take it where the word is still as it was seen, 0 or CLAIMANT_DIED, whoever
 * else tries to. Returns false if it is not.
 */
bool claim_try(struct claim *claim, unsigned int seen);

/*
 * Who has, or had, the claim, for a message: "process 12", or "process 1 of
 * another pid namespace". The text is good until the next call.
 */
const char *claimant(const struct claim *claim);

/* It is the process of this pid in our pid namespace, as far as is known. */
bool claimant_is(const struct claim *claim, pid_t pid);

/* It is known to be stopped, as by Ctrl-Z. If in doubt, false. */
bool claimant_is_stopped(const struct claim *claim);

#endif
