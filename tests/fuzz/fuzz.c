// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: its generations, its options and its reports; see fuzz.h for what it
 * is. This process, the coordinator, draws each generation, starts its
 * processes and watches them; it never touches the region itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "model.h"
#include "module.h"
#include "signals.h"

static const char help[] =
"usage: fuzz [option]...\n"
"\n"
"  -s SEED  what decides everything (default: drawn, and printed first)\n"
"  -n N     stop after about so many operations (default: 20000)\n"
"  -g N     run generation N alone (default: whole)\n"
"  -k KIND  only generations in-turn, racing or reloading\n"
"  -p N     processes in each, 1 to 8 (default: drawn)\n"
"  -z N     pages of the region, 1 to 64 (default: drawn)\n"
"  -o A,B   only these operations (-l lists them)\n"
"  -m FILE  the module (default: MODULE, as for the tests, or /lib/shmcount.ko)\n"
"  -v       print each operation: generation.process #number what = answer\n"
"\n"
"Exit status: 0: device and model agreed; 1: they did not, or something hung;\n"
"2: usage; 4: not to be run here; 130: interrupted.\n";

static const char *const kind_names[] = { "in-turn", "racing", "reloading" };

static struct {
	unsigned long operations;	/* 0: by default */
	long generation;		/* -1: all */
	int kind, processes, pages;	/* -1, 0, 0: drawn */
	const char *names;		/* NULL: all */
	const char *module;		/* NULL: ours */
} options = { .generation = -1, .kind = -1 };

static struct {
	unsigned long operations, generations[KINDS];
	unsigned long succeeded[MAX_OPERATIONS], refused[MAX_OPERATIONS];
	double begin;
} total;

struct run *run;
static sigset_t awaited;
static bool interrupted;

static bool is_cut;	/* this generation, as the run ends with it */

static unsigned long done_by_all(void)
{
	unsigned long done = 0;

	for (int i = 0; i < MAX_PROCESSES; i++)
		done += run->workers[i].done;
	return done;
}

/* Set what can go wrong in no process of its own. */
static void fail(int process, const char *format, const char *what)
{
	/* One that has claimed it and was killed since says no more. */
	if (atomic_exchange(&run->claimed, true))
		for (int tries = 0; !run->failed && tries < 100; tries++)
			usleep(10000);
	if (run->failed)
		return;
	run->failed_process = process;
	snprintf(run->failure, sizeof(run->failure), format, what);
	run->failed = true;
}

static void print_recent(const struct worker *worker)
{
	unsigned int done = worker->done;
	char text[300];

	for (unsigned int i = done > RECENT ? done - RECENT : 0; i < done;
	     i++) {
		record_text(&worker->recent[i % RECENT], text, sizeof(text));
		printf("  %s\n", text);
	}
}

/* A failure may be another's doing, so each gets a line. */
static void print_others(void)
{
	char text[300];

	for (int i = 0; i < run->processes; i++) {
		const struct worker *worker = &run->workers[i];

		if (i == run->failed_process || !worker->done)
			continue;
		record_text(&worker->recent[(worker->done - 1) % RECENT], text,
			    sizeof(text));
		printf("process %d was at %s\n", i, text);
	}
}

/* Where this generation was cut short, it has to be so again. */
static void print_command(void)
{
	const char *kernel = getenv("KERNEL");
	char operations[32] = "";
	struct utsname system;

	if (is_cut)
		snprintf(operations, sizeof(operations), " OPS=%u",
			 run->quota * run->processes - 1);

	uname(&system);
	printf("to run this generation again (Linux %s): make fuzz %s%s%sSEED=%llu%s ARGS='-g %u",
	       system.release, kernel ? "KERNEL=" : "", kernel ?: "",
	       kernel ? " " : "", (unsigned long long)run->seed, operations,
	       run->generation);
	if (options.kind >= 0)
		printf(" -k %s", kind_names[options.kind]);
	if (options.processes)
		printf(" -p %d", options.processes);
	if (options.pages)
		printf(" -z %d", options.pages);
	if (options.names)
		printf(" -o %s", options.names);
	if (options.module)
		printf(" -m %s", options.module);
	printf("'\n");
}

static void print_failure(void)
{
	int process = run->failed_process;
	char who[32] = "the coordinator";

	if (process < COORDINATOR)
		snprintf(who, sizeof(who), "process %d", process);
	printf("seed %llu, generation %u: %s, %d processes, %zu pages; the last of %s, after %lu operations in all:\n",
	       (unsigned long long)run->seed, run->generation,
	       kind_names[run->kind], run->processes, run->pages, who,
	       total.operations + done_by_all());
	print_recent(&run->workers[process]);
	printf("  %s\n", run->failure);
	print_others();
	print_command();
	fflush(stdout);
	fprintf(stderr, "fuzz: seed %llu, generation %u, %s: %s\n",
		(unsigned long long)run->seed, run->generation, who,
		run->failure);
}

/* A process that ended otherwise than by saying what it saw. */
static void note_end(int process, int status)
{
	char text[100];

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "killed by signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(text, sizeof(text), "exit status %d",
			 WEXITSTATUS(status));
	fail(process, "expected a good end, saw %s", text);
}

/* Wait up to some seconds for a child or an interrupt. */
static void await_signal(double seconds)
{
	struct timespec limit = {
		.tv_sec = seconds, .tv_nsec = (seconds - (long)seconds) * 1e9,
	};
	int signal = sigtimedwait(&awaited, NULL, &limit);

	if (signal > 0 && signal != SIGCHLD)
		interrupted = true;
}

/* All groups end, with the children of their processes. */
static void kill_all(const pid_t pids[], int count)
{
	for (int i = 0; i < count; i++)
		if (pids[i])
			kill(-pids[i], SIGKILL);
	for (int i = 0; i < count; i++)
		for (int tries = 0; pids[i] && tries < 100 &&
		     !waitpid(pids[i], NULL, WNOHANG); tries++)
			await_signal(0.05);
}

/*
 * Until all have ended, or one has failed; false: then none is left. The
 * processes are numbered from first on.
 */
static bool watch(pid_t pids[], int count, int first)
{
	double limit = now() + PATIENCE + 30;
	unsigned long seen = 0;
	int left = count, status;

	while (left && !run->failed && !interrupted) {
		for (int i = 0; i < count; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) <= 0)
				continue;
			note_end(first + i, status);
			pids[i] = 0;
			left--;
		}
		if (done_by_all() != seen) {
			seen = done_by_all();
			limit = now() + PATIENCE + 30;
		}
		if (now() > limit)
			fail(first, "%s", "no process has come further for 90 seconds");
		if (left)
			await_signal(0.2);
	}
	/* Who is killed first is missed by the others, which is no finding. */
	if (interrupted)
		run->claimed = true;
	kill_all(pids, count);
	return !run->failed && !interrupted;
}

static pid_t start(int process, void (*function)(void))
{
	pid_t parent = getpid(), pid;
	sigset_t none;

	fflush(stdout);
	pid = fork();
	if (pid) {
		if (pid > 0)
			setpgid(pid, pid);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STATUS_DISAGREED);
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	become(process);
	function();
	_exit(0);
}

/* Have a process of its own do this, so that what it finds is told alike. */
static bool step(void (*function)(void))
{
	pid_t pid = start(COORDINATOR, function);

	if (pid < 0)
		fail(COORDINATOR, "cannot fork: %s", strerror(errno));
	return pid > 0 && watch(&pid, 1, COORDINATOR);
}

static int pin = -1;

static bool work_together(void)
{
	pid_t pids[MAX_PROCESSES] = { 0 };

	for (int i = 0; i < run->processes; i++) {
		pids[i] = start(i, work);
		if (pids[i] < 0) {
			pids[i] = 0;
			fail(COORDINATOR, "cannot fork: %s", strerror(errno));
		}
	}
	return watch(pids, run->processes, 0);
}

/* A process that had nothing to do with it reads it all. */
static void check_all(void)
{
	static uint8_t buffer[MAX_SIZE];
	struct meeting *meeting;
	uint8_t *map;
	int fd;

	doing("open, read and map the whole region");
	fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (run->reads) {
		expect(answer(read(fd, buffer, run->size)), run->size);
		check_region(0, buffer, run->size);
	}
	map = mmap(NULL, run->size, PROT_READ, MAP_SHARED, fd, 0);
	if (answer(map == MAP_FAILED ? -1 : 0))
		disagree("expected to map it, saw %s", answer_text(-errno));
	check_region(0, map, run->size);
	me.worker->opens[0] = 1;
	me.worker->mappings[0] = 1;
	check_attributes();
	meeting = (void *)(map + run->meeting);
	doing("sum, count under the semaphore, count under the mutex");
	expect(answer(meeting->sum), run->sum);
	expect(answer(meeting->under_semaphore), run->under_semaphore);
	expect(answer(meeting->under_mutex), run->under_mutex);
	munmap(map, run->size);
	close(fd);
	me.worker->opens[0] = 0;
	me.worker->mappings[0] = 0;
}

static void unload_all(void)
{
	int error;

	doing("unload, when nobody uses it");
	if (run->kind != RELOADING)
		check_attributes();
	error = module_unload(run->module_name);
	if (run->kind != RELOADING || error != ENOENT)
		expect(answer(-error), 0);
	if (open(DEVICE, O_RDWR) >= 0 || errno != ENOENT)
		disagree("open after unload: expected ENOENT, saw %s",
			 answer_text(-errno));
}

/* What the seed says of this generation; the options may say otherwise. */
static void draw_generation(unsigned int number)
{
	static const size_t granules[] = { 1, 1, 2, 4, 8, 24, 64, 100, 1000 };
	size_t kind, operations;
	int processes, pages;

	seed_draws(mix(mix(run->seed, number), COORDINATOR));
	memset(run->workers, 0, sizeof(run->workers));
	kind = below(16);
	processes = 1 + below(MAX_PROCESSES);
	pages = 1 + (one_in(3) ? below(3) : below(MAX_PAGES));
	operations = 500 + below(5000);
	run->generation = number;
	run->kind = options.kind >= 0 ? options.kind :
		    kind < 8 ? IN_TURN : kind < 15 || options.names ? RACING :
		    RELOADING;
	run->processes = options.processes ? options.processes : processes;
	run->pages = options.pages ? options.pages : pages;
	run->size = run->pages * PAGE;
	run->granule = granules[below(ARRAY_SIZE(granules))];
	run->meeting = below(run->pages) * PAGE + below(PAGE / 256) * 256;
	run->pinned = one_in(2) || run->kind == RACING;
	run->turns = draw();
	run->turn = run->turns % run->processes;
	run->finished = 0;
	run->left = 0;
	if (run->kind == RELOADING) {
		run->meeting = 0;
		run->pinned = false;
		operations /= 10;
	}
	run->quota = operations / run->processes;
}

static void cut_quota(void)
{
	unsigned long left = options.operations - total.operations;

	is_cut = run->quota * run->processes > left;
	if (is_cut)
		run->quota = left / run->processes + 1;
}

static bool pin_device(void)
{
	pin = run->pinned ? open(DEVICE, O_RDONLY | O_CLOEXEC) : -1;
	if (run->pinned && pin < 0)
		fail(COORDINATOR, "cannot open the device: %s",
		     strerror(errno));
	return !run->failed;
}

static bool unpin_device(void)
{
	if (pin >= 0)
		close(pin);
	pin = -1;
	run->pinned = false;
	for (int i = 0; i < MAX_PROCESSES; i++) {
		memset(run->workers[i].opens, 0, sizeof(run->workers[i].opens));
		memset(run->workers[i].mappings, 0,
		       sizeof(run->workers[i].mappings));
	}
	return true;
}

static void add_up(void)
{
	total.operations += done_by_all();
	total.generations[run->kind]++;
	for (int i = 0; i < MAX_PROCESSES; i++)
		for (int j = 0; j < MAX_OPERATIONS; j++) {
			total.succeeded[j] += run->workers[i].succeeded[j];
			total.refused[j] += run->workers[i].refused[j];
		}
}

/*
 * So that a report in the kernel's log can be run again. (Not by dprintf(),
 * which first asks for a position, and the log has none to tell.)
 */
static void log_generation(void)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[100];
	int length = snprintf(line, sizeof(line),
			      "fuzz: seed %llu, generation %u, %s\n",
			      (unsigned long long)run->seed, run->generation,
			      kind_names[run->kind]);

	if (fd >= 0 && write(fd, line, length) != length)
		perror("/dev/kmsg");
	close(fd);
}

static bool run_generation(unsigned int number)
{
	bool agreed;

	draw_generation(number);
	cut_quota();
	log_generation();
	if (run->kind == RELOADING)
		agreed = work_together() && step(unload_all);
	else
		agreed = step(load_region) && pin_device() &&
			 work_together() && unpin_device() && step(check_all) &&
			 step(unload_all);
	if (agreed)
		add_up();
	unpin_device();
	return agreed;
}

static void print_summary(void)
{
	double seconds = now() - total.begin;
	const char *name;
	int column = 0;

	printf("%-14s %8s %8s   %-14s %8s %8s\n", "operation", "done",
	       "refused", "operation", "done", "refused");
	for (int i = 0; (name = operation_name(i)); i++)
		if (total.succeeded[i] || total.refused[i])
			printf("%-14s %8lu %8lu%s", name, total.succeeded[i],
			       total.refused[i], column++ % 2 ? "\n" : "   ");
	printf("%s%lu operations in %.1f s, %.0f a second; generations: %lu in turn, %lu racing, %lu reloading\n",
	       column % 2 ? "\n" : "", total.operations, seconds,
	       total.operations / seconds, total.generations[IN_TURN],
	       total.generations[RACING], total.generations[RELOADING]);
}

/* Children of those that were killed may take a moment more to end. */
static void unload_at_last(void)
{
	for (int tries = 0; tries < 500; tries++) {
		if (module_unload(run->module_name) != EWOULDBLOCK)
			return;
		usleep(10000);
	}
}

static int run_all(void)
{
	unsigned int generation = 0;
	bool agreed = true;
	double said = now();

	total.begin = now();
	printf("seed %llu\n", (unsigned long long)run->seed);
	if (options.generation >= 0)
		agreed = run_generation(options.generation);
	else
		while (agreed && total.operations < options.operations) {
			agreed = run_generation(generation++);
			if (now() < said + 30)
				continue;
			said = now();
			printf("%lu operations, generation %u, %.0f s\n",
			       total.operations, generation, said - total.begin);
			fflush(stdout);
		}
	if (run->failed) {
		print_failure();
	} else {
		print_summary();
		puts(agreed ? "device and model agree" : "interrupted");
	}
	if (!agreed)
		unload_at_last();
	return interrupted ? STATUS_INTERRUPTED : agreed ? 0 : STATUS_DISAGREED;
}

static _Noreturn __attribute__((format(printf, 1, 2)))
void usage(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "fuzz: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, " (fuzz -h tells the options)\n");
	exit(STATUS_USAGE);
}

static unsigned long number(const char *text, unsigned long least,
			    unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || value < least ||
	    value > most)
		usage("'%s' is not a number from %lu to %lu", text, least,
		      most);
	return value;
}

static int kind_of(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(name, kind_names[i]))
			return i;
	usage("no kind of generation is named '%s'", name);
}

static void add_all(void)
{
	add_operations(map_operations, options.names, false);
	add_operations(io_operations, options.names, false);
	add_operations(sync_operations, options.names, false);
	add_operations(life_operations, options.names, false);
	add_operations(reload_operations, options.names, true);
}

static bool has_operation(const char *name)
{
	for (int i = 0; operation_name(i); i++)
		if (!strcmp(operation_name(i), name))
			return true;
	return false;
}

/* A name that is none would only make the run poorer. */
static void check_names(void)
{
	char *names = strdup(options.names ? options.names : "");

	for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
		if (!has_operation(name))
			usage("no operation is named '%s'", name);
	free(names);
}

static void parse(int argc, char *argv[])
{
	bool list = false;
	int option;

	opterr = 0;
	while ((option = getopt(argc, argv, "s:n:g:k:p:z:o:m:vlh")) != -1) {
		switch (option) {
		case 's':
			run->seed = number(optarg, 0, -1UL);
			break;
		case 'n':
			options.operations = number(optarg, 1, 1000000000);
			break;
		case 'g':
			options.generation = number(optarg, 0, 1000000000);
			break;
		case 'k':
			options.kind = kind_of(optarg);
			break;
		case 'p':
			options.processes = number(optarg, 1, MAX_PROCESSES);
			break;
		case 'z':
			options.pages = number(optarg, 1, MAX_PAGES);
			break;
		case 'o':
			options.names = optarg;
			break;
		case 'm':
			options.module = optarg;
			break;
		case 'v':
			run->verbose = true;
			break;
		case 'l':
			list = true;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			usage("that is no option, or lacks its value");
		}
	}
	if (!options.operations)
		options.operations = options.generation < 0 ? 20000 : -1UL;
	if (optind < argc)
		usage("'%s' is no option", argv[optind]);
	add_all();
	check_names();
	for (int i = 0; list && operation_name(i); i++)
		puts(operation_name(i));
	if (list)
		exit(0);
}

static _Noreturn void not_here(const char *why, const char *what)
{
	fprintf(stderr, "fuzz: %s%s\n", why, what);
	exit(STATUS_NOT_HERE);
}

/* It loads and unloads the module, which may be loaded to begin with. */
static void prepare(void)
{
	int error;

	run->module = options.module ?: getenv("MODULE") ?: "/lib/shmcount.ko";
	if (geteuid())
		not_here("loading a module takes root", "");
	if (sysconf(_SC_PAGESIZE) != PAGE)
		not_here("this machine's pages are not of 4096 bytes", "");
	if (!module_name_of(run->module, run->module_name,
			    sizeof(run->module_name)))
		not_here("there is no module ", run->module);
	error = module_unload(run->module_name);
	if (error && error != ENOENT)
		not_here("cannot unload the module: ", strerror(error));
	if (!access(DEVICE, F_OK))
		not_here("another module has ", DEVICE);
	run->attributes = has_operation("attributes");
	run->reads = has_operation("read");
}

int main(int argc, char *argv[])
{
	_Static_assert(sizeof(struct meeting) <= 256, "it has its place");
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP };

	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANON, -1, 0);
	if (run == MAP_FAILED ||
	    getrandom(&run->seed, sizeof(run->seed), 0) < 0)
		not_here("no memory, or no random numbers", "");
	run->seed >>= 32;
	parse(argc, argv);
	prepare();
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&awaited);
	sigaddset(&awaited, SIGCHLD);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (!is_ignored(ending[i]))
			sigaddset(&awaited, ending[i]);
	sigprocmask(SIG_BLOCK, &awaited, NULL);
	return run_all();
}
