/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the runner share: options.c reads what is asked for,
 * payload.c packs what goes into the guest, template.c saves and restores it,
 * qemu.c starts it, streams.c reads what it says, decoys.c notices who forges that,
 * judge.c decides how that ended;
 * vm.c has main().
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

/* All time limits are as much longer as the host is slower. */
#define LOAD_SECONDS (30 * options.slower)
#define END_SECONDS (10 * options.slower)
#define RESTORE_SECONDS (30 * options.slower)	/* to save a guest, too */
#define NMI_SECONDS (10 * options.slower)	/* in which one that hangs may say where */

enum {
	MAX_FILES = 64,
	PAYLOAD_BYTES = 64 << 20,
};

struct options {
	const char *kernel, *module, *parameters, *init, *console, *record;
	const char *files[MAX_FILES];
	int file_count;
	bool host, bench, count, in_turn, judges;
	int limit, boot_limit, slower, disk, memory;	/* seconds; times; MB */
	int decoys;				/* one run of a test of so many; 0: none */
	const char *append;
	const char *fetch[MAX_FILES], *fetch_to[MAX_FILES];	/* -o FROM:TO */
	int fetch_count;
	const char *templates;			/* keep templates there */
	enum { KVM_IF_IT_WORKS, KVM_ONLY, TCG_ONLY } accelerator;
	const char *kvm_device;
	int probe_seconds;
	const char *verb;
	char **argv;
};

extern struct options options;

/* What the guest's architecture makes different. */
struct machine {
	unsigned int kind;	/* see qemu.c */
	int elf;		/* e_machine of its programs */
	const char *qemu;	/* the program */
	const char *parameters;	/* of its kernel */
	int good_end;		/* exit status of QEMU when init has ended the guest */
	bool nmi;		/* QEMU can interrupt a processor whatever that does */
};

extern const struct machine *machine;

/* The guest that runs, or has run. */
struct guest {
	char nonce[33];
	char directory[4096];	/* of this run; removed at its end */
	const char *image;	/* the kernel's */
	FILE *console_log;
	bool kvm;		/* it runs under KVM */
	/* SAVE: boot a guest without a payload, and save it as a template. */
	enum { BOOT, SAVE, RESTORE } start;
	int channel;		/* of QEMU's: a stream to restore */
	int monitor;		/* a socket to QEMU's monitor */
	int events;		/* the same, for what happens to the guest */
	int output_error;	/* the first one, an errno */
	const char *output_failed;
	double started, deadline;	/* 0: none */

	int input;		/* a pipe to its second serial port */
	bool up, ready, ended, timed_out;
	bool powered_off;	/* QEMU says so, of a machine whose good_end is 0 */
	char init_error[512];
	FILE *fetched;		/* what is written to fetched_to, or NULL */
	const char *fetched_to;
	int foreign;		/* lines of the report that init did not write */
	char first_foreign[256];
	char forgery[256];	/* of a test's result, or "" */

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

/* Returns the guest's kind for messages and SHMCOUNT_GUEST. */
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
void pack_initramfs(void);
void remove_directory(void);

/*
 * Make the guest's first disk: empty for a template, else with the payload. Returns
 * false if that does not fit.
 */
bool fill_payload_disk(void);

/* ---- template.c ---- */

/* Can this guest be restored? */
bool can_restore(void);

/*
 * Restore the guest and watch it to its end, after having booted and saved one if
 * there is none yet. Returns false if it has to be booted: it did not come up.
 */
bool restore(int *qemu);

/* The template is ready: have QEMU save it, and end. */
void save_template(void);

/* ---- vm.c ---- */

/* Start a guest and watch it to its end; returns how QEMU ended, as wait() does. */
int start_and_watch(int seconds);

/* ---- qemu.c ---- */

enum { MAX_ARGUMENTS = 80 };

/* The arguments that make the machine, and a NULL; console_fd is -1 for a key. */
void machine_arguments(const char *args[MAX_ARGUMENTS], int console_fd);

/* Set machine to the one that runs init. Is it of this host's architecture? */
void choose_machine(void);
bool is_native(const struct machine *one);

/* Start it, and leave the ends of its console and its report. */
pid_t start_qemu(int *console_fd, int *report_fd);

/* QEMU has ended: because the guest was powered off? Closes guest.events. */
bool was_powered_off(void);

/* ---- streams.c ---- */

/* Read until QEMU is gone; returns its status as wait() gives it. */
int watch(pid_t pid, int console_fd, int report_fd);

/* Forget what an earlier guest of this run has said. */
void reset_streams(void);

/* ---- decoys.c ---- */

/* Take a line of a test program's report. Returns true if it is not for the reader. */
bool take_decoy_line(const char *line);

/* ---- judge.c ---- */

/* Fill in the record, from how QEMU ended; say and leave what it says. */
void decide(int qemu);
void conclude(void);

#endif
