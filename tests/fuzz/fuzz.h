/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fuzz: several processes do random operations on the device; a model predicts the
 * answer to each.
 *
 * A run is a sequence of generations. Each loads the module with a region of a size
 * of its own, starts some processes, compares the whole region with the model and
 * unloads the module. There are three kinds. In turn: one process runs at a time,
 * in an order that the seed decides, and the model knows every byte, every result
 * and every number in sysfs. Racing: all run at once; each byte of the region
 * belongs to one process, finely interleaved, and each process knows its own bytes.
 * Reloading: they load, unload and use the module at once.
 *
 * What a process does depends on the seed, the generation, its number and what it
 * has done before, and on the size of a page, and never on time, addresses or other
 * processes. In a reloading generation it also depends on which load the process meets.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "status.h"
#include "util.h"

enum {
	MAX_PAGE = 65536,		/* bytes, for what has to be a constant */
	MAX_PAGES = 64,			/* of the region */
	MAX_SIZE = MAX_PAGES * MAX_PAGE,
	VPAGES = 96,			/* pages of address space for mappings */
	FILES = 10,			/* open files of a process */
	DESCRIPTORS = 6,		/* its descriptors of the device */
	MAX_PROCESSES = 8,
	COORDINATOR = MAX_PROCESSES,	/* its helpers report as this one */
	GENERATIONS = 2,		/* a process and its child */
	RECENT = 20,			/* operations kept for a report */
	MAX_OPERATIONS = 64,		/* kinds of operation */
	PATIENCE = 60,			/* seconds to wait for what must happen */
};

enum kind { IN_TURN, RACING, RELOADING, KINDS };

/*
 * One kind of operation. run() draws the arguments, does it and compares the answer.
 * If the state of the process does not allow it, it does nothing and returns false.
 * A NULL name ends a list.
 */
struct operation {
	const char *name;
	unsigned int weight;
	bool (*run)(void);
};

extern const struct operation map_operations[], io_operations[],
	sync_operations[], life_operations[], reload_operations[];

/*
 * The answer of an operation is the result of the system call, or -errno. That of a
 * memory access which raises a signal is -(SIGNALLED + signal).
 */
enum { SIGNALLED = 10000 };

struct record {
	const char *format;		/* all arguments are longs */
	long arguments[6];
	long answer;
	unsigned int number;
	bool answered, by_child;
};

/* The state of a process that others see, even after it has died. */
struct worker {
	pid_t pid;
	atomic_uint done;		/* operations begun, children's included */
	atomic_uint calls;		/* how often the turn was passed to it */
	struct record recent[RECENT];
	long opens[GENERATIONS], mappings[GENERATIONS];
	long positions[GENERATIONS][FILES];
	/* how many of each kind of operation succeeded, and were refused */
	unsigned long succeeded[MAX_OPERATIONS], refused[MAX_OPERATIONS];
};

/* In the region, for synchronisation; the model of the bytes leaves it out. */
struct sync_area {
	atomic_long sum;
	sem_t semaphore;
	long under_semaphore;
	pthread_mutex_t mutex;
	long under_mutex;
	uint32_t word[MAX_PROCESSES];	/* where the children of each sleep */
	atomic_ullong stamp;		/* identifies the load (reloading) */
};

/* The run, in shared memory. */
struct run {
	/* options */
	uint64_t seed;
	const char *module;
	char module_name[64];
	bool verbose;
	size_t page;			/* bytes of one, on this machine */

	/* this generation */
	unsigned int generation;
	enum kind kind;
	int processes;
	unsigned int quota;		/* operations of each process */
	size_t pages, size;		/* of the region */
	size_t granule;			/* consecutive bytes of one owner */
	size_t sync_offset;		/* of the sync area in the region */
	bool attributes, reads;		/* compare them, too */
	bool pinned;			/* the coordinator has it open */

	/* whose turn it is */
	atomic_uint turn, finished;
	uint64_t turns;			/* the state for drawing turns */
	unsigned int left;		/* operations until the next turn */

	/* the model */
	uint8_t bytes[MAX_SIZE];
	atomic_long sum, under_semaphore, under_mutex;
	unsigned int loads;		/* of the module in this generation */
	long faults, faults_read;	/* the minimum; the last value read */

	/* the first disagreement: who claims it writes it, then sets failed */
	atomic_bool claimed, failed;
	int failed_process;
	char failure[400];

	struct worker workers[MAX_PROCESSES + 1];
};

extern struct run *run;

#define PAGE (run->page)

/* This process. */
extern struct self {
	int process;
	int depth;			/* 1 in a child of a worker */
	size_t size;			/* of the region that it has open */
	struct worker *worker;
} me;

/* worker.c: the main loop of a process, and helpers for operations. */

/* Become this process, in a new child. */
void become(int process);

/* Do all the operations of this process in this generation. */
void work(void);

/* Do one operation of this kind of generation. */
void operate(void);

/* Add the operations of a list that are among the names (NULL: all). */
void add_operations(const struct operation *list, const char *names,
		    bool reloading);
const char *operation_name(unsigned int i);

/* Seed the draws; draw a number; one below a bound; true once in so many times. */
void seed_draws(uint64_t seed);
uint64_t draw(void);
size_t below(size_t bound);
bool one_in(size_t times);

/* A well mixed number from two. */
uint64_t mix(uint64_t a, uint64_t b);

/* Record the operation to come, as by printf(), but each number is a long. */
#define note_op(format, ...) note(format, (const long [7]) { 0, ##__VA_ARGS__ })
void note(const char *format, const long arguments[7]);

/* Record the answer to a call: the result, or -errno if it is -1. Returns it. */
long answer(long result);

/* The answer must be this, or one of these; 0 is the last of them. */
void expect(long seen, long wanted);
void expect_one_of(long seen, const long *wanted, const char *what);

/* Report a disagreement, and end this process. */
_Noreturn __attribute__((format(printf, 1, 2)))
void disagree(const char *format, ...);

/* A record as text, until the next call; an answer as text. */
const char *record_text(const struct record *what);
const char *answer_text(long answer);

/* The numbers in sysfs must be those of the model. */
enum attribute { SIZE, OPENS, MAPPINGS, FAULTS, ATTRIBUTES };
int open_attribute(enum attribute attribute);
long read_attribute(enum attribute attribute);
void check_attributes(void);

/* Copy; returns 0, or the answer for the signal that the access raised. */
long copy_carefully(void *to, const void *from, size_t length);

/* futex(2) on a shared word, with a timeout in seconds. */
long futex(void *word, int operation, uint32_t value, double seconds);

/* life.c: load the module for this generation, and initialise the sync area. */
void load_region(void);

/* sync.c: map the page of the sync area, unless it is mapped; undo that. */
struct sync_area *map_sync_area(void);
void unmap_sync_area(struct sync_area *area);

#endif
