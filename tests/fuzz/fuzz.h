/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fuzz: random operations on the device by several processes, each compared
 * with what a model says it must answer.
 *
 * A run is a row of generations. Each loads the module with a region of its
 * own size, has some processes work on it, compares the whole region with the
 * model and unloads the module. There are three kinds. In turn, one process
 * runs at a time, in an order that the seed decides, so all is known: every
 * byte, every result, every number in sysfs. Racing, all run together; each
 * byte of the region belongs to one of them, finely interleaved, and each
 * knows its own. Reloading, they load, unload and use the module at once.
 *
 * What a process does is a function of the seed, the generation, its own
 * number and what it has done before: never of time, addresses or the others.
 * But where they reload, it depends on which load a process meets.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum {
	PAGE = 4096,
	MAX_PAGES = 64,			/* of the region */
	MAX_SIZE = MAX_PAGES * PAGE,
	PLACES = 96,			/* pages that a process maps at */
	FILES = 10,			/* open files of a process */
	DESCRIPTORS = 6,		/* its descriptors of the device */
	MAX_PROCESSES = 8,
	COORDINATOR = MAX_PROCESSES,	/* its helpers report as this one */
	GENERATIONS = 2,		/* of processes: a process, its child */
	RECENT = 20,			/* operations kept for a report */
	MAX_OPERATIONS = 64,		/* kinds of operation */
	PATIENCE = 60,			/* seconds to wait for what must come */
};

enum {
	STATUS_DISAGREED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_HERE = 4,
	STATUS_INTERRUPTED = 130,
};

enum kind { IN_TURN, RACING, RELOADING, KINDS };

/*
 * One thing that a process can do. run() draws its arguments, does it and
 * compares; it returns false, and has done nothing, if it cannot be done in
 * the present state of the process. A list ends with a name of NULL.
 */
struct operation {
	const char *name;
	unsigned int weight;
	bool (*run)(void);
};

extern const struct operation map_operations[], io_operations[],
	sync_operations[], life_operations[], reload_operations[];

/*
 * What an operation answered: as system calls do, or -errno. An access to
 * memory that ends in a signal answers -(SIGNALLED + signal).
 */
enum { SIGNALLED = 10000 };

struct record {
	const char *format;		/* all arguments are longs */
	long arguments[6];
	long answer;
	unsigned int number;
	bool answered, by_child;
};

/* What is known of one process to all, above all when it has died. */
struct worker {
	pid_t pid;
	atomic_uint done;		/* begun, with those of its children */
	struct record recent[RECENT];
	long opens[GENERATIONS], mappings[GENERATIONS];
	long positions[GENERATIONS][FILES];
	/* of each kind of operation, how many did what, and were refused */
	unsigned long succeeded[MAX_OPERATIONS], refused[MAX_OPERATIONS];
};

/* In the region, where all processes meet; no part of the bytes modelled. */
struct meeting {
	atomic_long sum;
	sem_t semaphore;
	long under_semaphore;
	pthread_mutex_t mutex;
	long under_mutex;
	uint32_t word[MAX_PROCESSES];	/* where the children of each sleep */
	atomic_ullong stamp;		/* which load this is (reloading) */
};

/* The run, in memory that all its processes share. */
struct run {
	/* as the user wants it */
	uint64_t seed;
	const char *module;
	char module_name[64];
	bool verbose;

	/* this generation */
	unsigned int generation;
	enum kind kind;
	int processes;
	unsigned int quota;		/* operations of each process */
	size_t pages, size;		/* of the region */
	size_t granule;			/* bytes in a row of one owner */
	size_t meeting;			/* where it is in the region */
	bool attributes, reads;		/* to be compared, too */
	bool pinned;			/* the coordinator has it open */

	/* whose turn it is */
	atomic_uint turn, finished;
	uint64_t turns;			/* where the drawing of turns is */
	unsigned int left;		/* operations until the next turn */

	/* the model */
	uint8_t bytes[MAX_SIZE];
	atomic_long sum, under_semaphore, under_mutex;
	unsigned int loads;		/* of the module in this generation */
	long faults, faults_read;	/* at least so many by now; the last read */

	/* the first disagreement: failed when whoever claimed it has told it */
	atomic_bool claimed, failed;
	int failed_process;
	char failure[400];

	struct worker workers[MAX_PROCESSES + 1];
};

extern struct run *run;

/* This process. */
extern struct self {
	int process;
	int depth;			/* 1 in a child of a worker */
	size_t size;			/* of the region, as it found it */
	struct worker *worker;
} me;

/* worker.c: be a process that works, and what operations need. */

/* Be this process from here on. */
void become(int process);

/* Do all the operations of this process in this generation. */
void work(void);

/* Do one operation, of any kind that the generation has. */
void operate(void);

/* Take this list of operations, those of the names only (NULL: all). */
void add_operations(const struct operation *list, const char *names,
		    bool reloading);
const char *operation_name(unsigned int i);

/* Draw from here on; the next number drawn; one below a bound; true once in so many times. */
void seed_draws(uint64_t seed);
uint64_t draw(void);
size_t below(size_t bound);
bool one_in(size_t times);

/* A well mixed number from two. */
uint64_t mix(uint64_t a, uint64_t b);

/* What is about to be done, as printf() has it, but each number is a long. */
#define doing(format, ...) note(format, (const long [7]) { 0, ##__VA_ARGS__ })
void note(const char *format, const long arguments[7]);

/* What a call answered: the result, or -errno if it was -1. */
long answer(long result);

/* The answer must be this; or one of these, the last being 0. */
void expect(long seen, long wanted);
void expect_one_of(long seen, const long *wanted, const char *what);

/* Report, and end this process. */
_Noreturn __attribute__((format(printf, 1, 2)))
void disagree(const char *format, ...);

/* A record as text; a name for an answer. */
void record_text(const struct record *what, char *text, size_t size);
const char *answer_text(long answer);

/* The numbers in sysfs must be what the model counts. */
enum attribute { SIZE, OPENS, MAPPINGS, FAULTS, ATTRIBUTES };
long read_attribute(enum attribute attribute);
void check_attributes(void);

/* Copy, and return 0, or the answer for the signal that this ended in. */
long copy_carefully(void *to, const void *from, size_t length);

/* Seconds on a clock that only goes forward. */
double now(void);

/* futex(2) on a word that processes share, with a time limit in seconds. */
long futex(void *word, int operation, uint32_t value, double seconds);

/* life.c: load the module for this generation, and begin the meeting. */
void load_region(void);

/* sync.c: the meeting, by a mapping of its page that is made for it or was there. */
struct meeting *go_to_meeting(void);
void leave_meeting(struct meeting *meeting);

#endif
