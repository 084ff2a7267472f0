// SPDX-License-Identifier: GPL-2.0
/* Owners that the kernel marks when they die; see robust.h. */
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "robust.h"

/*
 * struct robust_list_head of <linux/futex.h>, which musl does not come with.
 * The list stays empty, so it points to itself.
 */
static struct {
	void *list;
	long futex_offset;
	atomic_uint *list_op_pending;
} head = { .list = &head };

static pid_t own_pid;
static unsigned int own_namespace;

void robust_register(void)
{
	struct stat stat_buf;

	own_pid = getpid();	/* also the id of our only thread */
	own_namespace = 0;
	if (!stat("/proc/self/ns/pid", &stat_buf))
		own_namespace = stat_buf.st_ino;
	/* If the kernel refuses, our death leaves no mark; see robust.h. */
	syscall(SYS_set_robust_list, &head, sizeof(head));
}

/* Keep the order of this store and the stores around it, for our own death. */
static void set_pending(atomic_uint *word)
{
	atomic_signal_fence(memory_order_seq_cst);
	head.list_op_pending = word;
	atomic_signal_fence(memory_order_seq_cst);
}

void robust_acquire(struct owner *owner)
{
	atomic_store(&owner->pid, own_pid);
	atomic_store(&owner->pid_namespace, own_namespace);
	atomic_store(&owner->word, own_pid);
	set_pending(&owner->word);
}

void robust_release(struct owner *owner, unsigned int word)
{
	atomic_store(&owner->word, word);
	set_pending(NULL);
}

bool robust_try_acquire(struct owner *owner, unsigned int seen)
{
	if (!atomic_compare_exchange_strong(&owner->word, &seen, own_pid))
		return false;
	robust_acquire(owner);
	return true;
}

const char *owner_name(const struct owner *owner)
{
	unsigned int namespace = atomic_load(&owner->pid_namespace);
	static char text[80];

	snprintf(text, sizeof(text), "process %u%s", atomic_load(&owner->pid),
		 !namespace || !own_namespace ?
		 " (of an unknown pid namespace)" :
		 namespace != own_namespace ? " of another pid namespace" : "");
	return text;
}

bool owner_is(const struct owner *owner, pid_t pid)
{
	return atomic_load(&owner->pid) == (unsigned int)pid &&
	       atomic_load(&owner->pid_namespace) == own_namespace;
}

/* Does /proc show the pids of our own namespace? */
static bool proc_is_ours(void)
{
	char text[16] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 &&
	       parse_long(text, MAX_PID) == own_pid;
}

bool owner_is_stopped(const struct owner *owner)
{
	char state;

	if (!own_namespace || !proc_is_ours() ||
	    atomic_load(&owner->pid_namespace) != own_namespace)
		return false;
	state = process_state(atomic_load(&owner->pid));
	return state == 'T' || state == 't';
}
