// SPDX-License-Identifier: GPL-2.0
/* See held.h. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest/where.h"
#include "held.h"
#include "util.h"

enum { MAX_PROCESSES = 256, MAX_LOGGED = 16 };

/* A host that stops for some time, and the guest with it, counts as no more than this. */
static const double max_gap = 1.5;

/* A process, as it was first seen in its present state. */
struct seen {
	pid_t pid;		/* 0: no entry */
	struct process was;
	long switches;		/* how often it has gone to sleep */
	double last;		/* when it was last seen, in seconds */
	double for_seconds;	/* it has been seen like this */
};

static struct seen all[MAX_PROCESSES];

bool read_process(struct process *process, pid_t pid)
{
	char path[32], line[512] = "", *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	/* The name before it may have any character. */
	end = strrchr(line, ')');
	return end && sscanf(end + 1,
			     " %c %*d %d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
			     &process->state, &process->group, &process->user,
			     &process->system) == 4;
}

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
	*seen = (struct seen) { .pid = pid, .last = now() };
	if (!read_process(&seen->was, pid) || seen->was.group != group)
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
	if (first->pid != seen->pid || first->was.state != seen->was.state ||
	    first->was.user != seen->was.user || first->switches != seen->switches)
		*first = *seen;
	gap = seen->last - first->last;
	first->for_seconds += gap < max_gap ? gap : max_gap;
	first->last = seen->last;
	if (first->for_seconds < seconds)
		return false;
	return seen->was.state == 'D' ||
	       (seen->was.state == 'R' && seen->was.system - first->was.system >=
					  seconds * sysconf(_SC_CLK_TCK));
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

/* The number of the system call that a process sleeps in, "running", or "-1": in none. */
static char *call_of(pid_t pid)
{
	char *call = NULL;
	FILE *file = fopen(text_of("/proc/%d/syscall", pid), "re");

	if (file && fscanf(file, "%ms", &call) != 1)
		call = NULL;
	if (file)
		fclose(file);
	return call ?: "unknown";
}

static void log_stack(pid_t pid)
{
	FILE *file = fopen(text_of("/proc/%d/stack", pid), "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		log_to_kernel(line);
	if (file)
		fclose(file);
}

/*
 * Of what is on a processor no stack can be read: there each processor is interrupted, by
 * an NMI, and logs its own.
 */
void log_where_held(pid_t group)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	struct process process;
	bool runs = false;
	int fd, logged = 0;

	while (proc && (entry = readdir(proc)) && logged < MAX_LOGGED) {
		pid_t pid = atoi(entry->d_name);

		if (!pid || !read_process(&process, pid) || process.group != group)
			continue;
		log_to_kernel(text_of(STUCK, pid, process.state, call_of(pid)));
		log_stack(pid);
		runs = runs || process.state == 'R';
		logged++;
	}
	if (proc)
		closedir(proc);
	if (runs)
		log_to_kernel("stuck: where each processor is; the first is that of the harness\n");
	fd = runs ? open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0 && write(fd, "l", 1) != 1)
		log_to_kernel("no stack of a processor: sysrq l is refused");
	if (fd >= 0)
		close(fd);
}
