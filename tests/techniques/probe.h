/* SPDX-License-Identifier: GPL-2.0 */
/* What is asked of a device, whatever technique it maps its memory by. */
#ifndef PROBE_H
#define PROBE_H

/* In words as these: "works", "EFAULT", "SIGABRT", "hangs". */
struct answer {
	char text[48];
};

struct probe {
	const char *what;	/* without a comma: it is the head of a column */
	/* Runs in a process of its own, and ends it by say(). */
	void (*run)(void);
};

/* Up to one without a name. After the last the device may be gone. */
extern const struct probe probes[];

/* Where a file that O_DIRECT can write to may be made, or NULL. */
extern const char *disk;

/* The name that the module is unloaded by. */
extern const char *module_name;

/* Have a probe answer; what kills or stops its process is an answer, too. */
struct answer ask(const struct probe *probe);

#endif
