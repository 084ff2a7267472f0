/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the runner share: options.c reads what is asked for,
 * payload.c packs what goes into the guest, qemu.c starts it, streams.c reads what
 * it says, judge.c decides how that ended; vm.c has main().
 */
#ifndef RUNNER_H
#define RUNNER_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "splat.h"
#include "tap.h"
#include "verdict.h"
#include "vm.h"

enum { LOAD_SECONDS = 30, END_SECONDS = 10, MAX_FILES = 64 };

struct options {
	const char *kernel, *module, *parameters, *init, *console, *record;
	const char *files[MAX_FILES];
	int file_count;
	bool host, bench, count;
	int limit, boot_limit, disk, memory;	/* seconds; MB */
	const char *append;
	const char *fetch, *fetch_to;		/* -o FROM:TO */
	enum { KVM_IF_IT_WORKS, KVM_ONLY, TCG_ONLY } accelerator;
	const char *kvm_device;
	int probe_seconds;
	const char *verb;
	char **argv;
};

extern struct options options;

/* The guest that runs, or has run. */
struct guest {
	char nonce[33];
	char directory[4096];	/* of this run; removed at its end */
	const char *image;	/* the kernel's */
	FILE *console_log;
	bool kvm;		/* it runs under KVM */
	int output_error;	/* the first one, an errno */
	const char *output_failed;
	double deadline;	/* 0: none */

	int input;		/* a pipe to its second serial port */
	bool up, ready, ended, timed_out;
	char init_error[512];
	FILE *fetched;
	int foreign;		/* lines of the report that init did not write */
	char first_foreign[256];

	enum splat splat;	/* of the first report in the kernel's log */
	/* What the log says is running: it is in step with that report. */
	char test[sizeof(((struct tap *)0)->running)];
	char fuzz[100];
	char splat_during[sizeof(((struct tap *)0)->running)];

	struct tap tap;
	struct vm_record record;
};

extern struct guest guest;

extern volatile sig_atomic_t interrupted;

/* Where a SIGINT goes, so that the guest's program can end by itself; -1: nowhere. */
extern volatile sig_atomic_t to_program;

bool is_verb(const char *verb);

/* Outputs and the guest's program call the guest this. */
const char *kind_of_guest(void);

/* Strip the time stamp that the kernel puts before a line. */
const char *without_stamp(const char *line);

/* How long the kernel may take to come up, and the module to load. */
int boot_seconds(void);
int load_seconds(void);

/* There can be no guest: say why, and exit. */
_Noreturn __attribute__((format(printf, 1, 2)))
void no_guest(const char *format, ...);

/* Remember the first error of an output; watch() then ends the guest. */
void note_output_error(const char *name);

/* Close it, if it is open; what it still buffers may fail to be written. */
void close_output(FILE *file, const char *name);

/* ---- options.c ---- */

void parse_options(int argc, char *argv[]);
void parse_environment(void);

/* ---- payload.c ---- */

/* Put the initramfs and the disk into the directory of this run. */
void make_payload(void);
void remove_directory(void);

/* ---- qemu.c ---- */

/* Start it, and leave the ends of its console and its report. */
pid_t start_qemu(int *console_fd, int *report_fd);

/* ---- streams.c ---- */

/* Read until QEMU is gone; returns its status as wait() gives it. */
int watch(pid_t pid, int console_fd, int report_fd);

/* ---- judge.c ---- */

/* Fill in the record, from how QEMU ended; say and leave what it says. */
void decide(int qemu);
void conclude(void);

#endif
