// SPDX-License-Identifier: GPL-2.0
/* compare: parses its arguments, asks the questions, writes the answers. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

static const char help[] =
"usage: compare [option]... [question]...\n"
"\n"
"Compares paths (ways to share memory) and locks.\n"
"\n"
"  speed     what does an increment cost, on each path and under each lock?\n"
"  pairs     is an increment on the device as cheap as on MAP_ANON?\n"
"  setup     what does it cost to get the memory and to release it?\n"
"  stevens   the measurement of UNPv2, appendix A, on the device\n"
"  crash     who gets the lock when its holder is killed?\n"
"  wait      how long does a process wait for the lock, at worst, and who gets it?\n"
"  (by default, all of these)\n"
"  exact     does each lock keep the count on each path?\n"
"  overhead  what does the measuring loop itself cost?\n"
"\n"
"  -q, --quick           take fewer and shorter samples\n"
"  -o, --output=DIR      write table.txt, results.csv and results.json to DIR\n"
"  -n, --processes=LIST  numbers of processes for speed, pairs and wait (1,2,4,8;\n"
"                        at most 64; wait takes those from 2 on)\n"
"  -l, --loops=N         increments of each process, for stevens, exact and\n"
"                        overhead\n"
"      --hold=NS         hold the lock so long each time, for wait (0)\n"
"      --think=LIST      and then do without it so long; with several, a sweep (0)\n"
"      --pairs=N         so many pairs, in place of as many as the spread asks for\n"
"      --disturbance=PERCENT  reject a sample if other programs had the processors\n"
"                        for this much of it (5)\n"
"      --paths=LIST      only these paths (--list prints their names)\n"
"      --locks=LIST      only these locks\n"
"      --list            print each path and each lock, and what it is\n"
"      --device=FILE     the device (" SHMCOUNT_DEVICE ")\n"
"      --disk=DIR        put the file on a disk into DIR (.)\n"
"      --tmpfs=DIR       put the file on a tmpfs into DIR (/dev/shm)\n"
"      --no-pin          let the scheduler choose the processors\n"
"      --seed=N          seed of the order of samples\n"
"      --instructions    ask only setup and wait, if they are asked: the clock counts\n"
"                        instructions (vm.sh count); wait has 2 processes then\n"
"      --progress        show progress even if standard error is no terminal\n"
"  -h, --help            print this help\n"
"\n"
"Exit status: 0; 1 if a lock lost updates or a process failed; 2 if an argument\n"
"is wrong; 130 if interrupted (it reports what it has done).\n";

static const struct question {
	const char *name;
	void (*ask)(struct comparison *c);
	bool by_default, counts;	/* counts: instructions, with --instructions */
} questions[] = {
	{ "speed", ask_speed, true, false },
	{ "pairs", ask_pairs, true, false },
	{ "setup", ask_setup, true, true },
	{ "stevens", ask_stevens, true, false },
	{ "crash", ask_crash, true, false },
	{ "wait", ask_wait, true, true },
	{ "exact", ask_exact, false, false },
	{ "overhead", ask_overhead, false, false },
};

enum { QUESTIONS = ARRAY_SIZE(questions) };

static _Noreturn __attribute__((format(printf, 1, 2)))
void bad_argument(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "compare: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (compare --help)\n");
	exit(EXIT_USAGE);
}

enum { MAX_PAUSE = 100000000 };	/* ns: that of --hold and --think */

static void note_interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

static void list_all(void)
{
	printf("paths\n");
	for (int i = 0; i < backing_count; i++)
		printf("  %-13s %s\n", backings[i].name, backings[i].help);
	printf("locks (*: others get it when its holder is killed)\n");
	for (int i = 0; i < lock_count; i++)
		printf("%c %-13s %s\n", locks[i].recovers ? '*' : ' ',
		       locks[i].name, locks[i].help);
	exit(0);
}

static long parse_number(const char *option, const char *text, long min,
			 long max)
{
	long value = parse_long(text, max);

	if (value < min)
		bad_argument("%s: '%s' is not a number from %ld to %ld", option,
			     text, min, max);
	return value;
}

/* Parse up to size numbers; returns how many there are. */
static int parse_list(const char *option, const char *list, long min, long max,
		      long *numbers, int size)
{
	char *copy = strdup(list), *rest = copy, *item;
	int count = 0;

	while (copy && (item = strsep(&rest, ","))) {
		if (count == size)
			bad_argument("%s: more than %d", option, size);
		numbers[count++] = parse_number(option, item, min, max);
	}
	free(copy);
	return count;
}

/* Returns the list if there is a path, or lock, of each name in it. */
static const char *check_list(const char *what, const char *list)
{
	char *copy = strdup(list), *rest = copy, *item;
	bool of_backings = !strcmp(what, "path");

	while (copy && (item = strsep(&rest, ",")))
		if (of_backings ? !backing_named(item) : !lock_named(item))
			bad_argument("there is no %s '%s' (compare --list)",
				     what, item);
	free(copy);
	return list;
}

static void find_cpus(struct cpus *cpus)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		die("cannot get the processors");
	for (int i = 0; i < CPUS; i++)
		if (CPU_ISSET(i, &set))
			cpus->number[cpus->count++] = i;
}

static void parse(struct comparison *c, int argc, char *argv[],
		  bool asked[QUESTIONS])
{
	enum {
		PATHS = 256, LOCKS, LIST, DEVICE, DISK, TMPFS, SEED, PAIRS,
		DISTURBANCE, HOLD, THINK,
	};
	const struct option long_options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "output", required_argument, NULL, 'o' },
		{ "processes", required_argument, NULL, 'n' },
		{ "loops", required_argument, NULL, 'l' },
		{ "hold", required_argument, NULL, HOLD },
		{ "think", required_argument, NULL, THINK },
		{ "pairs", required_argument, NULL, PAIRS },
		{ "disturbance", required_argument, NULL, DISTURBANCE },
		{ "paths", required_argument, NULL, PATHS },
		{ "locks", required_argument, NULL, LOCKS },
		{ "list", no_argument, NULL, LIST },
		{ "device", required_argument, NULL, DEVICE },
		{ "disk", required_argument, NULL, DISK },
		{ "tmpfs", required_argument, NULL, TMPFS },
		{ "no-pin", no_argument, &c->cpus.pin, false },
		{ "seed", required_argument, NULL, SEED },
		{ "instructions", no_argument, &c->instructions, true },
		{ "progress", no_argument, &c->progress, true },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	bool any = false;
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "qo:n:l:h", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 0:
			break;
		case 'q':
			c->quick = true;
			break;
		case 'o':
			c->output = optarg;
			break;
		case 'n':
			c->process_counts = parse_list("--processes", optarg, 1,
				MAX_PROCESSES, c->processes, MAX_PROCESSES);
			break;
		case 'l':
			c->loops = parse_number("--loops", optarg, 1,
						1000000000);
			break;
		case HOLD:
			c->hold = parse_number("--hold", optarg, 0, MAX_PAUSE);
			break;
		case THINK:
			c->think_count = parse_list("--think", optarg, 0,
				MAX_PAUSE, c->think, MAX_THINKS);
			break;
		case PAIRS:
			c->pairs = parse_number("--pairs", optarg, 1, 1000000);
			break;
		case DISTURBANCE:
			max_disturbance = parse_number("--disturbance", optarg,
						       0, 100) / 100.0;
			break;
		case PATHS:
			c->only_backings = check_list("path", optarg);
			break;
		case LOCKS:
			c->only_locks = check_list("lock", optarg);
			break;
		case LIST:
			list_all();
			break;
		case DEVICE:
			c->locations.device = optarg;
			break;
		case DISK:
			c->locations.disk = optarg;
			break;
		case TMPFS:
			c->locations.tmpfs = optarg;
			break;
		case SEED:
			c->seed = parse_number("--seed", optarg, 0, UINT_MAX);
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			bad_argument("'%s' is not an option, or lacks its value",
				 argv[optind - 1]);
		}
	}
	for (; optind < argc; optind++) {
		int i = 0;

		while (i < QUESTIONS && strcmp(questions[i].name, argv[optind]))
			i++;
		if (i == QUESTIONS)
			bad_argument("'%s' is not a question", argv[optind]);
		asked[i] = any = true;
	}
	for (int i = 0; i < QUESTIONS; i++) {
		if (!any)
			asked[i] = questions[i].by_default;
		if (c->instructions && !questions[i].counts)
			asked[i] = false;
	}
}

static char *table;		/* what was written to c->table and flushed */

static void write_table(struct comparison *c, FILE *file)
{
	(void)c;
	fputs(table, file);
}

static void write_file(struct comparison *c, const char *name,
		       void (*write_content)(struct comparison *c, FILE *file))
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", c->output, name);
	file = fopen(path, "we");
	if (!file)
		die("cannot write %s", path);
	write_content(c, file);
	if (fflush(file) || ferror(file) || fclose(file))
		die("cannot write %s", path);
}

static bool output_failed;	/* reported after the files are written */

/* Print what was added to the table since the last call. */
static void show(struct comparison *c)
{
	static size_t shown;

	progress(c, "%s", "");
	fflush(c->table);
	if (fputs(table + shown, stdout) == EOF || fflush(stdout))
		output_failed = true;
	shown = strlen(table);
}

static bool any_failed(const struct comparison *c)
{
	for (int i = 0; i < c->result_count; i++)
		if (c->results[i].state == FAILED)
			return true;
	return false;
}

int main(int argc, char *argv[])
{
	struct comparison c = {
		.progress = isatty(STDERR_FILENO),
		.locations = { SHMCOUNT_DEVICE, ".", "/dev/shm" },
		.cpus = { .pin = true },
		.seed = time(NULL),
		.processes = { 1, 2, 4, 8 }, .process_counts = 4, .think_count = 1,
	};
	bool asked[QUESTIONS] = { 0 };
	size_t length;
	sigset_t child;

	init_process();
	parse(&c, argc, argv, asked);
	find_cpus(&c.cpus);
	c.random = c.seed * 2654435761ULL + 88172645463325252ULL;
	if (c.output && mkdir(c.output, 0755) && errno != EEXIST)
		die("cannot make %s", c.output);
	if (c.output && access(c.output, W_OK | X_OK))
		die("cannot write to %s", c.output);

	catch_end_signals(note_interrupt);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);

	c.table = open_memstream(&table, &length);
	if (!c.table)
		die("no memory");
	print_header(&c, c.table);
	for (int i = 0; i < QUESTIONS && !interrupted; i++) {
		if (!asked[i])
			continue;
		questions[i].ask(&c);
		show(&c);
	}
	if (interrupted)
		fprintf(c.table, "\nInterrupted: the results above are all there was time for.\n");
	print_summary(&c);
	print_targets(&c);
	fflush(c.table);
	if (c.output) {
		write_file(&c, "table.txt", write_table);
		write_file(&c, "results.csv", write_csv);
		write_file(&c, "results.json", write_json);
	}
	show(&c);
	if (output_failed)
		die("cannot write standard output");
	return interrupted ? EXIT_INTERRUPTED :
	       any_failed(&c) ? EXIT_FAILED : 0;
}
