// SPDX-License-Identifier: GPL-2.0
/*
 * A process of fuzz: its turns, its draws, the comparison of answers, and its report;
 * see fuzz.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model.h"
#include "command.h"

struct self me;

static struct {
	struct operation list[MAX_OPERATIONS];
	bool reloading[MAX_OPERATIONS];
	unsigned int count;
} operations;

static uint64_t drawn;			/* the state of draw() */
static struct record *record;		/* of the current operation */
static sigjmp_buf after_signal;
static volatile sig_atomic_t is_careful;
static int attribute_fd[ATTRIBUTES];
static unsigned int attribute_loads;	/* run->loads at their open() */

uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15 + b + 0x632be59bd9b4e019;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

void seed_draws(uint64_t seed)
{
	drawn = seed;
}

uint64_t draw(void)
{
	drawn = mix(drawn, 1);
	return drawn;
}

size_t below(size_t bound)
{
	return draw() % bound;
}

bool one_in(size_t times)
{
	return !below(times);
}

long futex(void *word, int operation, uint32_t value, double seconds)
{
	struct timespec limit = {
		.tv_sec = seconds, .tv_nsec = (seconds - (long)seconds) * 1e9,
	};

	return syscall(SYS_futex, word, operation, value, &limit, NULL, 0);
}

const char *answer_text(long answer)
{
	static char text[2][32];
	static int turn;
	char *to = text[turn ^= 1];

	if (answer <= -SIGNALLED)
		snprintf(to, sizeof(text[0]), "SIG%s",
			 sigabbrev_np(-answer - SIGNALLED));
	else if (answer < 0 && strerrorname_np(-answer))
		snprintf(to, sizeof(text[0]), "%s", strerrorname_np(-answer));
	else
		snprintf(to, sizeof(text[0]), "%ld", answer);
	return to;
}

const char *record_text(const struct record *what)
{
	static char text[300];
	const size_t size = sizeof(text);
	const long *a = what->arguments;
	int n = snprintf(text, size, "#%u%s ", what->number,
			 what->by_child ? " in a child" : "");

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	n += snprintf(text + n, size - n, what->format, a[0], a[1], a[2],
		      a[3], a[4], a[5]);
#pragma GCC diagnostic pop
	if (what->answered && (size_t)n < size)
		snprintf(text + n, size - n, " = %s",
			 answer_text(what->answer));
	return text;
}

void note(const char *format, const long arguments[7])
{
	record->answered = false;
	record->answer = 0;
	record->format = format;
	memcpy(record->arguments, arguments + 1, sizeof(record->arguments));
}

long answer(long result)
{
	record->answer = result == -1 ? -errno : result;
	record->answered = true;
	return record->answer;
}

void disagree(const char *format, ...)
{
	va_list args;

	if (!atomic_exchange(&run->claimed, true)) {
		va_start(args, format);
		vsnprintf(run->failure, sizeof(run->failure), format, args);
		va_end(args);
		run->failed_process = me.process;
		run->failed = true;
	}
	_exit(STATUS_FAILED);
}

void expect(long seen, long wanted)
{
	if (seen != wanted)
		disagree("expected %s, saw %s", answer_text(wanted),
			 answer_text(seen));
}

void expect_one_of(long seen, const long *wanted, const char *what)
{
	do {
		if (seen == *wanted)
			return;
	} while (*wanted++);
	disagree("expected %s, saw %s", what, answer_text(seen));
}

static void note_signal(int signal)
{
	if (is_careful)
		siglongjmp(after_signal, signal);
	/* No operation expects this signal: let it end the process. */
	sigaction(signal, &(struct sigaction) { .sa_handler = SIG_DFL }, NULL);
}

long copy_carefully(void *to, const void *from, size_t length)
{
	int signal = sigsetjmp(after_signal, 0);

	if (!signal) {
		is_careful = true;
		memcpy(to, from, length);
	}
	is_careful = false;
	return signal ? -(SIGNALLED + signal) : 0;
}

static const char *const attribute_names[] = {
	"size", "opens", "mappings", "faults",
};

int open_attribute(enum attribute attribute)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/misc/shmcount/%s",
		 attribute_names[attribute]);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* pread() at 0 reads an open attribute again, but after a reload it is stale. */
long read_attribute(enum attribute attribute)
{
	char text[32] = "";
	unsigned long value;

	for (int i = 0; attribute_loads != run->loads && i < ATTRIBUTES; i++) {
		close(attribute_fd[i]);
		attribute_fd[i] = open_attribute(i);
	}
	attribute_loads = run->loads;
	if (pread(attribute_fd[attribute], text, sizeof(text) - 1, 0) < 0)
		disagree("attribute %s: expected a number, saw %s",
			 attribute_names[attribute], answer_text(-errno));
	text[strcspn(text, "\n")] = '\0';
	if (!parse_number(text, 0, LONG_MAX, &value))
		disagree("attribute %s: expected a number, saw '%s'",
			 attribute_names[attribute], text);
	return value;
}

static void sum_of_counts(long *opens, long *mappings)
{
	*opens = run->pinned;
	*mappings = 0;
	for (int i = 0; i <= MAX_PROCESSES; i++)
		for (int depth = 0; depth < GENERATIONS; depth++) {
			*opens += run->workers[i].opens[depth];
			*mappings += run->workers[i].mappings[depth];
		}
}

/* While others run, this process knows only a lower bound: its own share. */
static void expect_count(enum attribute attribute, long wanted, long own)
{
	const char *name = attribute_names[attribute];
	long seen = read_attribute(attribute);

	if (run->kind == IN_TURN || me.process == COORDINATOR) {
		if (seen != wanted)
			disagree("attribute %s: expected %ld, saw %ld", name,
				 wanted, seen);
	} else if (seen < own) {
		disagree("attribute %s: expected at least %ld, saw %ld", name,
			 own, seen);
	}
}

/* Faults never decrease, and each page that was touched added one. */
static void check_faults(void)
{
	long faults = read_attribute(FAULTS);

	if (faults < run->faults)
		disagree("attribute faults: expected %ld or more, saw %ld",
			 run->faults, faults);
	run->faults = faults;
	run->faults_read = faults;
}

void check_attributes(void)
{
	long opens, mappings;

	if (!run->attributes)
		return;
	sum_of_counts(&opens, &mappings);
	expect_count(OPENS, opens, me.worker->opens[me.depth]);
	expect_count(MAPPINGS, mappings, me.worker->mappings[me.depth]);
	if (run->kind == IN_TURN && run->faults > run->faults_read)
		check_faults();
}

static bool is_named(const char *name, const char *names)
{
	size_t length = strlen(name);

	for (const char *p = names; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, length) &&
		    (!p[length] || p[length] == ','))
			return true;
	}
	return !names;
}

void add_operations(const struct operation *list, const char *names,
		    bool reloading)
{
	for (; list->name; list++) {
		if (!is_named(list->name, names))
			continue;
		operations.list[operations.count] = *list;
		operations.reloading[operations.count++] = reloading;
	}
}

const char *operation_name(unsigned int i)
{
	return i < operations.count ? operations.list[i].name : NULL;
}

static unsigned int draw_operation(void)
{
	unsigned int total = 0, number;

	for (unsigned int i = 0; i < operations.count; i++)
		if (operations.reloading[i] == (run->kind == RELOADING))
			total += operations.list[i].weight;
	if (!total)
		disagree("this kind of generation has none of the operations");
	number = below(total);
	for (unsigned int i = 0;; i++) {
		if (operations.reloading[i] != (run->kind == RELOADING))
			continue;
		if (number < operations.list[i].weight)
			return i;
		number -= operations.list[i].weight;
	}
}

/* A child goes on with the numbers of its parent. */
static void begin_record(void)
{
	unsigned int number = atomic_fetch_add(&me.worker->done, 1);

	record = &me.worker->recent[number % RECENT];
	record->number = number;
	record->by_child = me.depth;
	note_op("nothing that can be done");
}

/* Each operation seeds its own draws, so it does not depend on other results. */
void operate(void)
{
	unsigned int i;
	int tries = 0;

	begin_record();
	seed_draws(mix(mix(run->seed, run->generation),
		       mix(me.process + MAX_PROCESSES * me.depth,
			   record->number)));
	do {
		i = draw_operation();
	} while (!operations.list[i].run() && tries++ < 1000);
	model_count();
	if (run->kind == IN_TURN)
		check_attributes();
	if (record->answer < 0)
		me.worker->refused[i]++;
	else
		me.worker->succeeded[i]++;
	if (run->verbose)
		dprintf(STDOUT_FILENO, "%u.%d %s\n", run->generation, me.process,
			record_text(record));
}

static void wait_for_turn(void)
{
	unsigned int calls;

	while (calls = me.worker->calls, run->turn != (unsigned int)me.process)
		futex(&me.worker->calls, FUTEX_WAIT, calls, 1);
}

/* After a few operations pass the turn to a process that has not finished. */
static void pass_turn(bool is_last)
{
	unsigned int next, everybody = (1U << run->processes) - 1;

	if (is_last)
		run->finished |= 1U << me.process;
	else if (run->left-- > 0)
		return;
	if (run->finished == everybody)
		return;
	do {
		run->turns = mix(run->turns, 2);
		next = run->turns % run->processes;
	} while (run->finished >> next & 1);
	run->left = run->turns / 256 % 8;
	run->turn = next;
	/* Wake only that one. */
	run->workers[next].calls++;
	futex(&run->workers[next].calls, FUTEX_WAKE, 1, 0);
}

void become(int process)
{
	struct sigaction action = {
		.sa_handler = note_signal, .sa_flags = SA_NODEFER,
	};

	memset(&me, 0, sizeof(me));
	me.process = process;
	me.worker = &run->workers[process];
	me.worker->pid = getpid();
	me.size = run->size;
	for (int i = 0; i < ATTRIBUTES; i++)
		attribute_fd[i] = -1;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	if (process == COORDINATOR)
		begin_record();
	model_begin();
}

void work(void)
{
	for (unsigned int i = 0; i < run->quota; i++) {
		if (run->kind == IN_TURN)
			wait_for_turn();
		operate();
		if (run->kind == IN_TURN)
			pass_turn(i + 1 == run->quota);
	}
	/* Keep everything open and mapped while others compare the counts. */
	while (run->kind == IN_TURN &&
	       run->finished != (1U << run->processes) - 1)
		usleep(1000);
	_exit(0);
}
