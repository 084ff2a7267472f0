// SPDX-License-Identifier: GPL-2.0
/* Does the kernel keep a process for itself? See held.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "held.h"
#include "util.h"

enum { MAX_PROCESSES = 256 };

/* A host that stops for some time, and the guest with it, counts as no more than this. */
static const double max_gap = 1.5;

/* A process, as it was first seen in its present state. Times of it are in clock ticks. */
struct seen {
	pid_t pid;		/* 0: no entry */
	char state;
	long user, system;
	long switches;		/* how often it has gone to sleep */
	double last;		/* when it was last seen, in seconds */
	double for_seconds;	/* it has been seen like this */
};

static struct seen all[MAX_PROCESSES];

static long switches_of(pid_t pid)
{
	static const char key[] = "voluntary_ctxt_switches:";
	char path[32], line[256];
	long switches = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, sizeof(key) - 1))
			switches = atol(line + sizeof(key) - 1);
	if (file)
		fclose(file);
	return switches;
}

/* Returns false if it is not a process of the group. */
static bool look(struct seen *seen, pid_t pid, pid_t group)
{
	char path[32], line[512] = "", *end;
	FILE *file;
	int its = -1;

	*seen = (struct seen) { .pid = pid, .last = now() };
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	if (!end || sscanf(end + 1, " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
			   &seen->state, &its, &seen->user, &seen->system) != 4)
		return false;
	if (its != group)
		return false;
	seen->switches = switches_of(pid);
	return true;
}

/* The entry of a process, or a free one; NULL if there is none. */
static struct seen *entry_of(pid_t pid)
{
	struct seen *free = NULL;

	for (int i = 0; i < MAX_PROCESSES; i++) {
		if (all[i].pid == pid)
			return &all[i];
		if (!all[i].pid && !free)
			free = &all[i];
	}
	return free;
}

static bool is_held(const struct seen *seen, double seconds)
{
	struct seen *first = entry_of(seen->pid);
	double gap;

	if (!first)
		return false;
	if (first->pid != seen->pid || first->state != seen->state ||
	    first->user != seen->user || first->switches != seen->switches)
		*first = *seen;
	gap = seen->last - first->last;
	first->for_seconds += gap < max_gap ? gap : max_gap;
	first->last = seen->last;
	if (first->for_seconds < seconds)
		return false;
	return seen->state == 'D' ||
	       (seen->state == 'R' &&
		seen->system - first->system >= seconds * sysconf(_SC_CLK_TCK));
}

bool is_held_by_kernel(pid_t group, double seconds)
{
	DIR *proc = group ? opendir("/proc") : NULL;
	struct dirent *entry;
	struct seen seen;
	bool held = false;

	if (!group)
		memset(all, 0, sizeof(all));
	while (proc && (entry = readdir(proc))) {
		pid_t pid = atoi(entry->d_name);

		if (pid && look(&seen, pid, group))
			held = is_held(&seen, seconds) || held;
	}
	if (proc)
		closedir(proc);
	return held;
}
