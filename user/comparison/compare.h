/* SPDX-License-Identifier: GPL-2.0 */
/*
 * compare: what the ways to share memory, and the ways to guard it, cost. A
 * path is a way for processes to come by the same memory (path.c), a lock a
 * way to take turns at a count in it (lock.c), a job is processes that count
 * together (job.c), a result what came of many jobs (result.c). Each question
 * that compare answers is a file of its own.
 */
#ifndef COMPARE_H
#define COMPARE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../incr.h"

enum { MAX_PROCESSES = 16, WHY = 160, CPUS = 1024, PAGE = 4096 };

/* Set by SIGINT, SIGTERM and SIGHUP: what is done so far is reported. */
extern volatile sig_atomic_t interrupted;

/* Seconds on a clock that only goes forward. */
double now(void);

/*
 * The share of a sample for which others may have the processor, by the run
 * delay that the scheduler counts. Beyond that the sample is not clean.
 */
static const double most_disturbed = 0.05;

/* ---- paths ---- */

/* Where the paths that need a place on this host have it. */
struct places {
	const char *device;	/* /dev/shmcount */
	const char *disk;	/* a directory on a disk */
	const char *tmpfs;	/* a directory on a tmpfs */
};

/* Memory of a path, and what it is known by; from object_make(). */
struct object {
	const struct path *path;
	const struct places *places;
	size_t size;		/* bytes */
	char name[256];
	int id;			/* a descriptor, or what System V calls it */
	void *saved;		/* of the device: what was in it */
	char why[WHY];		/* after a failure: what failed, and how */
	struct made *made;	/* where it is kept, to be removed at exit */
};

struct path {
	const char *name;
	const char *help;
	const char *shared_by;
	const char *lasts;	/* until when what is in it is there */
	bool shares;		/* false: the control, which must not */
	bool fresh;		/* each mapping may be of new memory, */
	bool warm;		/* or of memory that is there already */
	/* NULL where there is nothing but the mapping. */
	bool (*make)(struct object *object);
	void (*remove)(struct object *object);
	/* Returns a descriptor (or an id), -1 if there is nothing to open. */
	int (*open)(struct object *object);
	void (*close)(int fd);
	/* Returns MAP_FAILED on failure. */
	void *(*map)(const struct object *object, int fd);
	void (*unmap)(const struct object *object, void *address);
};

extern const struct path paths[];
extern const int path_count;

/*
 * Make an object of the path, of so many bytes. Returns false, with the reason
 * in object->why, where this host cannot. What is not removed by the end of
 * the program, however that comes, is removed then (not after SIGKILL).
 */
bool object_make(struct object *object, const struct path *path,
		 const struct places *places, size_t size);
void object_remove(struct object *object);

/*
 * Open, map; and the reverse. Returns the address, or NULL with the reason in
 * object->why. Children by fork() have the mapping too.
 */
void *object_attach(struct object *object);
void object_detach(struct object *object, void *address);

/*
 * Make an object of GUARD_BYTES and attach it; and the reverse. Returns the
 * address, or NULL with the reason in object->why and nothing to release.
 */
void *object_acquire(struct object *object, const struct path *path,
		     const struct places *places);
void object_release(struct object *object, void *address);

/* Can the path be had on this host? If not, why says why not. */
bool path_probe(const struct path *path, const struct places *places,
		char why[WHY]);

/* Write to each page, and change nothing that is in it. */
void touch(void *address, size_t size);

/* What the kernel answers to a wake-up there: 0 or an errno. */
int futex_wake_error(void *address);

/* ---- locks ---- */

/* A lock over a count. The two are on different cache lines. */
struct guard {
	void *place;		/* LOCK_BYTES of the memory, for the lock */
	volatile long *count;
	int fd[2], id;		/* for locks that are elsewhere */
	void *named;
	char *why;		/* WHY bytes: what failed */
};

enum { LOCK_BYTES = 256, GUARD_BYTES = 512 };

struct lock {
	const char *name;
	const char *help;
	bool excludes;		/* false: the control, which loses updates */
	bool can_hold;		/* false: there is no holder to be killed */
	bool recovers;		/* it goes on when its holder is killed */
	/* In the parent; false with guard->why where the host lacks it. */
	bool (*init)(struct guard *guard);
	void (*fini)(struct guard *guard);
	/* In each process that is to use it, or NULL. */
	void (*join)(struct guard *guard);
	void (*take)(struct guard *guard);
	void (*give)(struct guard *guard);
	/*
	 * Take, increment, give; so many times, or until stop. Returns how
	 * many times it was.
	 */
	long (*run)(struct guard *guard, const volatile int *stop, long limit);
};

extern const struct lock locks[];
extern const int lock_count;

/* The guard in these GUARD_BYTES of memory, with count 0. */
bool guard_init(struct guard *guard, const struct lock *lock, void *memory,
		char *why);
void guard_fini(struct guard *guard, const struct lock *lock);

/* The entry of this name, or NULL. */
const struct path *path_named(const char *name);
const struct lock *lock_named(const char *name);

/* ---- jobs ---- */

/* The processors that this program may use. */
struct cpus {
	int count;
	int number[CPUS];
	bool pin;		/* process i to processor i modulo count */
};

struct job {
	const struct path *path;
	const struct places *places;
	const struct lock *lock;
	const struct cpus *cpus;
	int processes;
	/* Each counts so many times; or for so many seconds, if not 0. */
	long loops;
	double seconds;
	/* As Stevens does: the parent holds the lock until all are there. */
	bool held;
	double patience;	/* seconds until a process that hangs is killed */
};

enum verdict {
	CLEAN,
	DISTURBED,		/* others had the processors for over 5 % */
	APART,			/* the processes did not run at the same time */
	BROKEN,			/* one did not end well; why says how */
	STOPPED,		/* interrupted */
	NO_PATH, NO_LOCK,	/* it cannot be had on this host; why says why */
};

struct outcome {
	enum verdict verdict;
	double wall;		/* seconds, first start to last end */
	long long done;		/* increments, by all processes */
	long long lost;		/* of these, not in the count */
	double fairness;	/* smallest share of them by the largest */
	double switches;	/* voluntary context switches, an increment */
	char why[WHY];
};

/*
 * Have the processes count in a new object of the path, in children of this
 * one; nothing is left behind.
 */
struct outcome job_run(const struct job *job);

/*
 * A child that dies with its parent, pinned if asked for, that says nothing;
 * returns its pid, or 0 in the child.
 */
pid_t start_child(const struct cpus *cpus, int i);

/*
 * Wait for a child until then; returns false, and kills it, if it does not
 * end. status is as wait() gives it. SIGCHLD must be blocked.
 */
bool child_ends(pid_t pid, double deadline, int *status);

/* Has that child ended, or with 0 any? It stays to be waited for. */
bool child_has_ended(pid_t pid);

/* ---- results ---- */

struct series {
	double *value;
	int count;
};

struct quartiles {
	double low, median, high, least;
};

void series_add(struct series *series, double value);
struct quartiles quartiles(const struct series *series);

enum state {
	MEASURED,
	NOISY,			/* too few clean samples: shown all the same */
	UNSTABLE,		/* quartiles over 25 % apart: not ranked */
	SKIPPED,		/* why says what this host lacks */
	FAILED,			/* why says what went wrong */
};

/* One line of results.csv; what does not apply is NULL, 0 or no samples. */
struct result {
	const char *question, *path, *lock;
	const char *object;	/* fresh or warm */
	const char *what, *unit;
	int processes, pages;
	struct series values;	/* the clean samples; if there is none, all */
	struct series ratios;	/* to ratio_to, each in its own round */
	const char *ratio_to;
	int clean, rejected;	/* samples */
	long long increments, lost;
	struct series fairness, switches;
	long loops;		/* of each process, in each sample */
	struct series published;	/* none, or one: as a ratio */
	enum state state;
	char why[WHY];
};

/* A ratio, where its median is by 95 %, and so whether it is small enough. */
struct target {
	char what[120];
	double most;
	double median, low, high;
	int samples;
	enum { MET, NOT_MET, UNDECIDED } verdict;
};

/* A whole run of compare. */
struct comparison {
	/* what was asked for */
	bool quick, instructions, progress;
	struct places places;
	struct cpus cpus;
	long loops;		/* 0: as the question has it */
	unsigned int seed;
	int processes[MAX_PROCESSES], process_counts;
	const char *only_paths, *only_locks;	/* comma lists, or NULL */
	const char *output;	/* a directory, or NULL */

	/* what came of it */
	struct result *results;
	int result_count;
	struct target *targets;
	int target_count;
	int failures;		/* of what a lock promises */
	FILE *table;
	unsigned long long random;
};

/* Was it asked for? A comma list names all that is; NULL is everything. */
bool is_wanted(const char *list, const char *name);

/* A new result; the pointer is good until the next one. */
struct result *result_add(struct comparison *c, struct result result);

/*
 * Take a sample in: a clean one, or one that shows only where no other is
 * there. Judge says, when all are in, what state they leave it in.
 */
void result_sample(struct result *result, double value, bool clean);
void result_judge(struct result *result, int wanted);

const char *state_name(enum state state);
void target_add(struct comparison *c, double most, const struct series *ratios,
		const char *format, ...) __attribute__((format(printf, 4, 5)));

/* In the table: "12.3", with three digits, or "-" where there is none. */
const char *figure(char text[24], double value);
void note(struct comparison *c, const struct result *result);

void print_header(struct comparison *c, FILE *file);
void print_targets(struct comparison *c);
void write_csv(struct comparison *c, FILE *file);
void write_json(struct comparison *c, FILE *file);

/* Where it is at, on a terminal. */
void progress(const struct comparison *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A random number below limit; the seed is printed with the results. */
int random_below(struct comparison *c, int limit);

/* The numbers below count, in a random order. */
void random_order(struct comparison *c, int *order, int count);

/* ---- the questions; each prints its table ---- */

void ask_speed(struct comparison *c);
void ask_setup(struct comparison *c);
void ask_stevens(struct comparison *c);
void ask_crash(struct comparison *c);
void ask_exact(struct comparison *c);
void ask_overhead(struct comparison *c);
void print_summary(struct comparison *c);

#endif
