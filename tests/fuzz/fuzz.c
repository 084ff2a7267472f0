// SPDX-License-Identifier: GPL-2.0
/*
 * The main program of fuzz: generations, options and reports; fuzz.h describes fuzz
 * as a whole. This process, the coordinator, draws each generation, starts its
 * processes and watches them; it never touches the region itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "model.h"
#include "module.h"
#include "signals.h"

static const char help[] =
"usage: fuzz [option]...\n"
"\n"
"  -s SEED  a number that decides everything (default: drawn, and printed first)\n"
"  -n N     stop after about N operations (default: 20000)\n"
"  -g N     run only generation N, to its end\n"
"  -k KIND  only generations in-turn, racing or reloading\n"
"  -p N     processes in each, 1 to 8 (default: drawn)\n"
"  -z N     pages of the region, 1 to 64 (default: drawn)\n"
"  -o A,B   only these operations (-l lists them)\n"
"  -m FILE  the module (default: KMOD, as for the tests, or /lib/shmcount.ko)\n"
"  -v       print each operation: generation.process #number what = answer\n"
"\n"
"Exit status: 0: device and model agree; 1: they do not, or something hung;\n"
"2: usage; 4: fuzz cannot run here; 130: interrupted.\n";

static const char *const kind_names[] = { "in-turn", "racing", "reloading" };

static struct {
	unsigned long operations;	/* 0: the default */
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

static bool is_cut;	/* this generation, the last: it would be longer than -n */

static unsigned long done_by_all(void)
{
	unsigned long done = 0;

	for (int i = 0; i < MAX_PROCESSES; i++)
		done += run->workers[i].done;
	return done;
}

/* Record a failure that the coordinator has seen. */
static void fail(int process, const char *format, const char *what)
{
	/* A process that was killed after it claimed the failure never sets failed. */
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

	for (unsigned int i = done > RECENT ? done - RECENT : 0; i < done; i++)
		printf("  %s\n", record_text(&worker->recent[i % RECENT]));
}

/* Another process may have caused the failure, so print where each was. */
static void print_others(void)
{
	for (int i = 0; i < run->processes; i++) {
		const struct worker *worker = &run->workers[i];

		if (i != run->failed_process && worker->done)
			printf("process %d was at %s\n", i,
			       record_text(&worker->recent[(worker->done - 1) % RECENT]));
	}
}

/* The command has to cut a generation that was cut to the same length. */
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

/* Record a failure if a process ended without reporting one itself. */
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
	if (is_interrupted(&awaited, seconds))
		interrupted = true;
}

/* Kill the process groups: children of the processes end, too. */
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
 * Wait until all processes have ended; the numbers of the processes begin at first.
 * After a failure or an interrupt, kill them all and return false.
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
			fail(first, "%s", "no process has made progress for 90 seconds");
		if (left)
			await_signal(0.2);
	}
	/* Killing one makes others fail; claim the failure, so that none reports it. */
	if (interrupted)
		run->claimed = true;
	kill_all(pids, count);
	return !run->failed && !interrupted;
}

static pid_t start(int process, void (*function)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork_bound(SIGKILL);
	if (pid) {
		if (pid > 0)
			setpgid(pid, pid);
		return pid;
	}
	setpgid(0, 0);
	unblock_signals();
	become(process);
	function();
	_exit(0);
}

/* Run it in a process of its own, so that a disagreement is reported the same way. */
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

/* A new process compares the whole region with the model. */
static void check_all(void)
{
	static uint8_t buffer[MAX_SIZE];
	struct sync_area *area;
	uint8_t *map;
	int fd;

	note_op("open, read and map the whole region");
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
	area = (void *)(map + run->sync_offset);
	note_op("sum, count under the semaphore, count under the mutex");
	expect(answer(area->sum), run->sum);
	expect(answer(area->under_semaphore), run->under_semaphore);
	expect(answer(area->under_mutex), run->under_mutex);
	munmap(map, run->size);
	close(fd);
	me.worker->opens[0] = 0;
	me.worker->mappings[0] = 0;
}

static void unload_all(void)
{
	int error;

	note_op("unload, when nobody uses it");
	if (run->kind != RELOADING)
		check_attributes();
	error = module_unload(run->module_name);
	if (run->kind != RELOADING || error != ENOENT)
		expect(answer(-error), 0);
	if (open(DEVICE, O_RDWR) >= 0 || errno != ENOENT)
		disagree("open after unload: expected ENOENT, saw %s",
			 answer_text(-errno));
}

/* Draw the parameters of this generation; the options override them. */
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
	run->sync_offset = below(run->pages) * PAGE + below(PAGE / 256) * 256;
	run->pinned = one_in(2) || run->kind == RACING;
	run->turns = draw();
	run->turn = run->turns % run->processes;
	run->finished = 0;
	run->left = 0;
	if (run->kind == RELOADING) {
		run->sync_offset = 0;
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

static bool run_generation(unsigned int number)
{
	bool agreed;

	draw_generation(number);
	cut_quota();
	/* The cause of a kernel report can then run again. */
	if (!log_to_kernel(text_of("fuzz: seed %llu, generation %u, %s\n",
				   (unsigned long long)run->seed, run->generation,
				   kind_names[run->kind])))
		perror("/dev/kmsg");
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

/* Children of killed processes may need a moment to end. */
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
	return interrupted ? STATUS_INTERRUPTED : agreed ? 0 : STATUS_FAILED;
}

static int kind_of(const char *name)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(name, kind_names[i]))
			return i;
	die(STATUS_USAGE, "no kind of generation is named '%s' (fuzz -h lists them)",
	    name);
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

static void check_names(void)
{
	char *names = strdup(options.names ? options.names : "");

	for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
		if (!has_operation(name))
			die(STATUS_USAGE, "no operation is named '%s' (fuzz -l lists them)",
			    name);
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
			run->seed = get_number("-s ", optarg, 0, -1UL);
			break;
		case 'n':
			options.operations = get_number("-n ", optarg, 1, 1000000000);
			break;
		case 'g':
			options.generation = get_number("-g ", optarg, 0, 1000000000);
			break;
		case 'k':
			options.kind = kind_of(optarg);
			break;
		case 'p':
			options.processes = get_number("-p ", optarg, 1, MAX_PROCESSES);
			break;
		case 'z':
			options.pages = get_number("-z ", optarg, 1, MAX_PAGES);
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
			die(STATUS_USAGE, "there is an unknown option, or one without its value (fuzz -h lists the options)");
		}
	}
	if (!options.operations)
		options.operations = options.generation < 0 ? 20000 : -1UL;
	if (optind < argc)
		die(STATUS_USAGE, "'%s' is not an option (fuzz -h lists them)",
		    argv[optind]);
	add_all();
	check_names();
	for (int i = 0; list && operation_name(i); i++)
		puts(operation_name(i));
	if (list)
		exit(0);
}

/* Check that fuzz can run here; unload the module if it is loaded. */
static void prepare(void)
{
	int error;

	run->module = options.module ?: getenv("KMOD") ?: "/lib/shmcount.ko";
	if (geteuid())
		die(STATUS_SKIPPED, "only root can load a module");
	run->page = sysconf(_SC_PAGESIZE);
	if (PAGE > MAX_PAGE)
		die(STATUS_SKIPPED, "a page of this machine has more than %d bytes", MAX_PAGE);
	if (!module_name_of(run->module, run->module_name,
			    sizeof(run->module_name)))
		die(STATUS_SKIPPED, "there is no module %s", run->module);
	error = module_unload(run->module_name);
	if (error && error != ENOENT)
		die(STATUS_SKIPPED, "cannot unload the module: %s", strerror(error));
	if (!access(DEVICE, F_OK))
		die(STATUS_SKIPPED, "another module has %s", DEVICE);
	run->attributes = has_operation("attributes");
	run->reads = has_operation("read");
}

int main(int argc, char *argv[])
{
	_Static_assert(sizeof(struct sync_area) <= 256, "the sync area has to fit");

	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANON, -1, 0);
	if (run == MAP_FAILED ||
	    getrandom(&run->seed, sizeof(run->seed), 0) < 0)
		die(STATUS_SKIPPED, "no memory, or no random numbers");
	run->seed >>= 32;
	parse(argc, argv);
	prepare();
	setvbuf(stdout, NULL, _IOLBF, 0);
	awaited = block_signals();
	return run_all();
}
