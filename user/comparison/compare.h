/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compare measures ways to share memory and ways to lock it. A backing is a
 * kind of shared memory (backing.c), a lock a way to take turns at a count in
 * it (lock.c), a trial some processes that count together (trial.c), a result
 * what many trials gave (result.c, output.c). Each question that compare
 * answers has a file of its own. The user's word for a backing is "path".
 */
#ifndef COMPARE_H
#define COMPARE_H

#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../common.h"
#include "histogram.h"

enum { MAX_PROCESSES = 64, MAX_THINKS = 32, WHY = 160, CPUS = 1024, TURNS = 5 };

/* SIGINT, SIGTERM and SIGHUP set this; what was measured is then reported. */
extern volatile sig_atomic_t interrupted;

/*
 * A sample is clean only if other programs had the processor for less than this
 * share of it, by the run delay that the scheduler counts (--disturbance).
 */
extern double max_disturbance;

/* ---- backings ---- */

/* Where this host has the backings that are files. */
struct locations {
	const char *device;	/* /dev/shmcount */
	const char *disk;	/* a directory on a disk */
	const char *tmpfs;	/* a directory on a tmpfs */
};

/* Memory of one backing, made by object_make(), and how to find it. */
struct object {
	const struct backing *backing;
	const struct locations *locations;
	size_t size;		/* bytes */
	char name[256];		/* of a file to open */
	int id;			/* a descriptor, or a System V key */
	void *saved;		/* the device's content before */
	char why[WHY];		/* after a failure: the reason */
	struct made *made;	/* in the list to remove at exit, or NULL */
};

struct backing {
	const char *name;
	const char *help;
	const char *shared_by;
	const char *lasts;	/* how long the content persists */
	bool shares;		/* false: the control, which must not share */
	bool fresh;		/* can be mapped for the first time, */
	bool warm;		/* or again, with its pages present */
	/* NULL where a mapping is all there is. */
	bool (*make)(struct object *object);
	void (*remove)(struct object *object);
	/* Returns a descriptor or an id, -1 on failure. */
	int (*open)(struct object *object);
	int (*close)(int fd);
	/* Returns MAP_FAILED on failure. */
	void *(*map)(const struct object *object, int fd);
	int flags;		/* of mmap(), for map */
	void (*unmap)(const struct object *object, void *address);
};

/*
 * Note why this host lacks something, with errno if that is set. Returns false.
 */
bool lacks(char why[WHY], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Each backing is one entry of this table, and a row in README.md. */
extern const struct backing backings[];
extern const int backing_count;

/*
 * Make an object of size bytes. Returns false, with the reason in object->why,
 * if this host cannot. Remove it before it goes out of scope; exit() removes
 * what is left.
 */
bool object_make(struct object *object, const struct backing *backing,
		 const struct locations *locations, size_t size);
void object_remove(struct object *object);

/*
 * Open and map an object; unmap it. Returns the address, or NULL with the
 * reason in object->why. A child made by fork() inherits the mapping.
 */
void *object_attach(struct object *object);
void object_detach(struct object *object, void *address);

/*
 * Make an object of size bytes and attach it; detach and remove it.
 * Returns the address, or NULL with the reason in object->why and nothing to
 * release.
 */
void *object_acquire(struct object *object, const struct backing *backing,
		     const struct locations *locations, size_t size);
void object_release(struct object *object, void *address);

/* Does this host have so many bytes of the backing? If not, why is the reason. */
bool backing_probe(const struct backing *backing,
		   const struct locations *locations, size_t size, char why[WHY]);

/* Write to each page without changing its content. */
void touch(void *address, size_t size);

/* What the kernel answers to FUTEX_WAKE there: 0 or an errno. */
int futex_wake_error(void *address);

/* ---- locks ---- */

/* A lock and the count that it protects, on different cache lines. */
struct lock_instance {
	void *memory;		/* LOCK_BYTES of shared memory */
	volatile long *count;
	int fd[2], id;		/* for locks that live elsewhere */
	void *named;
	char *why;		/* WHY bytes: what failed */
};

enum { LOCK_BYTES = 256, INSTANCE_BYTES = 512 };

struct lock {
	const char *name;
	const char *help;
	bool excludes;		/* false: the control, which loses updates */
	bool can_hold;		/* false: nobody ever holds it */
	bool spins;		/* who waits never sleeps */
	bool recovers;		/* others get it when its holder is killed */
	/* In the parent. Returns false, with the reason, if the host lacks it. */
	bool (*init)(struct lock_instance *instance);
	void (*fini)(struct lock_instance *instance);
	/* In each process that will use it, or NULL. */
	void (*join)(struct lock_instance *instance);
	void (*take)(struct lock_instance *instance);
	void (*give)(struct lock_instance *instance);
	/*
	 * Take, increment, give, until limit or *stop. Returns the number of
	 * increments.
	 */
	long (*loop)(struct lock_instance *instance, const volatile int *stop,
		     long limit);
};

/* Each lock is one entry of this table, and a row in README.md. */
extern const struct lock locks[];
extern const int lock_count;

/* Set up a lock in INSTANCE_BYTES of memory, with count 0. */
bool lock_init(struct lock_instance *instance, const struct lock *lock,
	       void *memory, char *why);
void lock_fini(struct lock_instance *instance, const struct lock *lock);

/* The entry of this name, or NULL. */
const struct backing *backing_named(const char *name);
const struct lock *lock_named(const char *name);

/* ---- trials ---- */

/* The processors that this program may use. */
struct cpus {
	int count;
	int number[CPUS];
	int pin;		/* process i to processor i modulo count */
};

struct trial {
	const struct backing *backing;
	const struct backing *other;	/* of trial_pair(), or NULL */
	const struct locations *locations;
	const struct lock *lock;
	const struct cpus *cpus;
	int processes;
	size_t size;		/* of each memory, all touched; 0: INSTANCE_BYTES */
	size_t offset;		/* of the lock in it */
	/* Each process counts loops times, or for seconds if not 0. */
	long loops;
	double seconds;
	/*
	 * In place of the lock's loop, unless NULL: what process i does until *stop.
	 * Returns its number of increments.
	 */
	long (*work)(const struct trial *trial, struct lock_instance *instance,
		     const volatile int *stop, int i);
	void *data;		/* for work(), in shared memory */
	/* As Stevens does: the parent holds the lock until all wait for it. */
	bool held;
	double patience;	/* seconds until a hanging process is killed */
};

enum verdict {
	CLEAN,
	DISTURBED,		/* others had the processors too long */
	APART,			/* the processes did not run at the same time */
	BROKEN,			/* a process failed; why says how */
	STOPPED,		/* interrupted */
	NO_BACKING, NO_LOCK,	/* this host lacks it; why says why */
};

struct outcome {
	enum verdict verdict;
	double wall;		/* seconds, first start to last end */
	long long done;		/* increments, by all processes */
	long long lost;		/* of these, missing from the count */
	double fairness;	/* fewest increments of a process / most */
	double switches;	/* voluntary context switches, an increment */
	char why[WHY];
};

/* Let child processes count in a new object, and remove it. */
struct outcome trial_run(const struct trial *trial);

/*
 * Let the same processes count in an object of each backing, in turns of
 * trial->seconds each; outcomes[1] is of the other backing.
 */
void trial_pair(const struct trial *trial, struct outcome outcomes[2]);

/*
 * Fork a child that dies with its parent, prints nothing and, if cpus says so,
 * is pinned. Returns its pid, or 0 in the child.
 */
pid_t start_child(const struct cpus *cpus, int i);

/*
 * Wait for a child until the deadline, then kill it and return false. status
 * is as wait() sets it. The caller must have blocked SIGCHLD.
 */
bool child_ends(pid_t pid, double deadline, int *status);

/* Has this child, or any if pid is 0, ended? It can still be waited for. */
bool child_has_ended(pid_t pid);

/* Since gate_open(), was this process alone on its processor? */
struct gate {
	int fd;			/* /proc/self/schedstat */
	double began, waited;	/* seconds */
};

void gate_open(struct gate *gate);
bool gate_close(struct gate *gate);

/* ---- results ---- */

struct series {
	double *value;
	int count;
};

struct quartiles {
	double low, median, high, min;
};

void series_add(struct series *series, double value);

/* All are NAN if the series is empty. */
struct quartiles quartiles(const struct series *series);

enum state {
	MEASURED,
	NOISY,			/* too few clean samples; shown all the same */
	UNSTABLE,		/* quartiles over 25 % apart: not ranked */
	SKIPPED,		/* why says what this host lacks */
	FAILED,			/* why says what went wrong */
};

/* One line of results.csv; what does not apply is NULL, 0 or no samples. */
struct result {
	const char *question, *backing, *lock;
	const char *object;	/* fresh or warm */
	const char *what, *unit;
	int processes, pages;
	/* Of the clean samples; if there is none, of all. */
	struct series values, fairness, switches;
	struct series ratios;	/* to ratio_to, in the same round */
	const char *ratio_to;
	int clean, rejected;	/* samples */
	long long increments, lost;
	struct histogram *waits;	/* of the samples in values, or NULL */
	struct series jain;	/* Jain's index of the takes of each process */
	long longest_run;	/* takes of one process in a row */
	long hold, think;	/* ns */
	long loops;		/* of each process, in each sample */
	struct series published;	/* none, or one: as a ratio */
	enum state state;
	char why[WHY];
};

/* A ratio, the 95 % interval of its median, and the limit it must meet. */
struct target {
	char what[120];
	double max;
	double median, low, high;
	int samples;
	bool doubtful;		/* its result is noisy, unstable or worse */
	enum { MET, NOT_MET, UNDECIDED } verdict;
};

/* A whole run of compare. */
struct comparison {
	/* what the user asked for */
	bool quick;
	int instructions, progress;	/* set by getopt_long() */
	struct locations locations;
	struct cpus cpus;
	long loops;		/* 0: the question's own */
	int pairs;		/* 0: as many as the spread asks for */
	unsigned int seed;
	long processes[MAX_PROCESSES];
	int process_counts;
	long hold, think[MAX_THINKS];	/* ns, for wait */
	int think_count;
	const char *only_backings, *only_locks;	/* comma lists, or NULL */
	const char *output;	/* a directory, or NULL */

	/* what was found */
	struct result *results;
	int result_count;
	struct target *targets;
	int target_count;
	FILE *table;
	unsigned long long random;
};

/* Is the name in the comma list? NULL lists everything. */
bool is_wanted(const char *list, const char *name);

/* The first from this one on that the user wants, or NULL. */
const struct backing *wanted_backing(const struct comparison *c,
				     const struct backing *backing);
const struct lock *wanted_lock(const struct comparison *c,
			       const struct lock *lock);

/* The loop variable is a pointer to each that the user wants. */
#define for_each_backing(var, c)					\
	for (const struct backing *var = wanted_backing(c, backings);	\
	     var; var = wanted_backing(c, var + 1))
#define for_each_lock(var, c)						\
	for (const struct lock *var = wanted_lock(c, locks);		\
	     var; var = wanted_lock(c, var + 1))

/* Append a result. The pointer is valid until the next call. */
struct result *result_add(struct comparison *c, struct result result);

/*
 * Add a sample. A sample that is not clean counts only while there is no clean
 * one. Returns whether it counts, and so belongs into fairness and switches, too.
 * result_judge() sets the state when all samples are in.
 */
bool result_sample(struct result *result, double value, bool clean);
void result_judge(struct result *result, int wanted);

/*
 * Add what a trial lost and made, and set the state if it could not be run, or
 * if the lock or the backing broke its promise. Returns false if it gave no
 * sample.
 */
bool result_outcome(struct result *result, const struct trial *trial,
		    const struct outcome *outcome);

/* Set the state, and why. */
void result_set(struct result *result, enum state state, const char *format,
		...) __attribute__((format(printf, 3, 4)));

const char *state_name(enum state state);

/* The ratios are of the result, which may be doubtful, or of several: NULL. */
void target_add(struct comparison *c, double max, const struct result *result,
		const struct series *ratios, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* A random number below limit; the seed is printed with the results. */
int random_below(struct comparison *c, int limit);

/* Fill order with the numbers below count, shuffled. */
void random_order(struct comparison *c, int *order, int count);

/* ---- output ---- */

/*
 * Format a table's figure with three digits, or a ratio with three decimals; "-" for
 * NAN. The text is valid for 15 more calls.
 */
const char *figure(double value);
const char *ratio_figure(double value);

/* As figure(), with a star unless both results are simply measured or NULL. */
const char *marked(double value, const struct result *result,
		   const struct result *other);

/* As marked(), of a count; "-" for 0. */
const char *marked_count(long count, const struct result *result);

#define MARK_MEANS "*: doubtful (noisy, unstable or worse)."

/* What the output calls a backing: the device as the user does (--device). */
const char *label(const struct comparison *c, const char *backing);

/* End a row of the table; say why, if the result is not simply measured. */
void note(struct comparison *c, const struct result *result);

void print_header(struct comparison *c, FILE *file);
void print_targets(struct comparison *c);
void write_csv(struct comparison *c, FILE *file);
void write_json(struct comparison *c, FILE *file);

/* Show on a terminal how far the program is. */
void progress(const struct comparison *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What crash measures, in the column "what". */
#define WAITER_GETS_IT "waiter gets it"
#define NEWCOMER_GETS_IT "newcomer gets it"

/* ---- the questions; each prints its table ---- */

void ask_speed(struct comparison *c);
void ask_pairs(struct comparison *c);
void ask_setup(struct comparison *c);
void ask_stevens(struct comparison *c);
void ask_crash(struct comparison *c);
void ask_exact(struct comparison *c);
void ask_overhead(struct comparison *c);
void ask_wait(struct comparison *c);
void print_summary(struct comparison *c);

#endif
