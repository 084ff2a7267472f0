// SPDX-License-Identifier: GPL-2.0
/* Claims that the kernel marks when their process dies; see robust.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "robust.h"

/*
 * struct robust_list_head of <linux/futex.h>, which not every C library comes
 * with. The list stays empty, so it points to itself.
 */
static struct {
	void *list;
	long futex_offset;
	atomic_uint *list_op_pending;
} head = { .list = &head };

static unsigned int own_pid, own_namespace;

void register_claims(void)
{
	struct stat stat_buf;

	own_pid = getpid();	/* and our thread id: we have one thread */
	own_namespace = 0;
	if (!stat("/proc/self/ns/pid", &stat_buf))
		own_namespace = stat_buf.st_ino;
	/* Where it is refused our death leaves no proof; see robust.h. */
	syscall(SYS_set_robust_list, &head, sizeof(head));
}

/* Name the word to the kernel, in this order with what stands around it. */
static void set_pending(atomic_uint *word)
{
	atomic_signal_fence(memory_order_seq_cst);
	head.list_op_pending = word;
	atomic_signal_fence(memory_order_seq_cst);
}

void claim_take(struct claim *claim)
{
	atomic_store(&claim->pid, own_pid);
	atomic_store(&claim->pid_namespace, own_namespace);
	atomic_store(&claim->word, own_pid);
	set_pending(&claim->word);
}

void claim_drop(struct claim *claim, unsigned int word)
{
	atomic_store(&claim->word, word);
	set_pending(NULL);
}

bool claim_try(struct claim *claim, unsigned int seen)
{
	if (!atomic_compare_exchange_strong(&claim->word, &seen, own_pid))
		return false;
	claim_take(claim);
	return true;
}

const char *claimant(const struct claim *claim)
{
	unsigned int namespace = atomic_load(&claim->pid_namespace);
	static char text[80];

	snprintf(text, sizeof(text), "process %u%s", atomic_load(&claim->pid),
		 !namespace || !own_namespace ?
		 " (of which pid namespace is not known)" :
		 namespace != own_namespace ? " of another pid namespace" : "");
	return text;
}

bool claimant_is(const struct claim *claim, pid_t pid)
{
	return atomic_load(&claim->pid) == (unsigned int)pid &&
	       atomic_load(&claim->pid_namespace) == own_namespace;
}

/* The processes in /proc have the pids of our own namespace. */
static bool proc_is_ours(void)
{
	char text[16] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 &&
	       strtoul(text, NULL, 10) == own_pid;
}

bool claimant_is_stopped(const struct claim *claim)
{
	char path[40], line[300], *state;
	FILE *file;

	if (!own_namespace || !proc_is_ours() ||
	    atomic_load(&claim->pid_namespace) != own_namespace)
		return false;
	snprintf(path, sizeof(path), "/proc/%u/stat", atomic_load(&claim->pid));
	file = fopen(path, "re");
	if (!file)
		return false;
	line[fread(line, 1, sizeof(line) - 1, file)] = '\0';
	fclose(file);
	/* Behind the name, which may hold anything. */
	state = strrchr(line, ')');
	return state && (!strncmp(state, ") T", 3) || !strncmp(state, ") t", 3));
}
