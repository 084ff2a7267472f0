/* SPDX-License-Identifier: GPL-2.0 */
/* Questions to a device, whatever technique maps its memory. */
#ifndef PROBE_H
#define PROBE_H

/* For example "works", "EFAULT", "SIGABRT" or "hangs". */
struct answer {
	char text[48];
};

struct probe {
	const char *what;	/* the head of a CSV column: no comma */
	/* Runs in a process of its own, which say() ends. */
	void (*run)(void);
};

/* Ends with an entry without a name. The last probe may unload the module. */
extern const struct probe probes[];

/* A directory for a file that O_DIRECT can write, or NULL. */
extern const char *disk;

/* The name of the module, to unload it. */
extern const char *module_name;

/* Run a probe. A signal that kills it, or a hang, is an answer, too. */
struct answer ask(const struct probe *probe);

#endif
