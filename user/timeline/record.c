// SPDX-License-Identifier: GPL-2.0
/*
 * record: runs a command under the kernel's tracing, and leaves the trace in a
 * directory, for timeline to draw and for trace-cmd. It traces the scheduler, page
 * faults, futex(2), the device's tracepoints (or, if it has none, mmap(2) and
 * munmap(2)) and, by uprobes, the calls of sem_wait() and sem_post(). It must be
 * root.
 *
 * The file "trace" there is the kernel's own text, between lines "# timeline: WHAT
 * ...". The others are the same events in binary (leave.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"

static const char help[] =
"usage: record [option]... DIR COMMAND\n"
"\n"
"Runs COMMAND by a shell and leaves a trace of it in the directory DIR.\n"
"\n"
"  -p MS    read a line of its standard output each MS ms, like a slow terminal:\n"
"           a process that writes more has to wait (0: read at once)\n"
"  -e FILE  look for semaphores in this program, too; may be repeated\n"
"  -g       this is a guest for one run, with one processor started: start the\n"
"           others when all is traced, and leave the probes behind\n"
"\n"
"Exit status: that of the command, or 128 + the signal that killed it; 125 if\n"
"the command cannot be traced.\n";

enum { BUFFER_KB = 6144, MAX_PACE = 10000 };

static const char page_faults[] = "exceptions/page_fault_user";

static const char *const events[] = {
	"sched/sched_switch", "sched/sched_waking", "sched/sched_process_fork",
	"sched/sched_process_exec", "sched/sched_process_exit",
	page_faults, "syscalls/sys_enter_futex",
	"syscalls/sys_exit_futex", "shmcount", "timeline",
};

/* The same where an architecture has no such tracepoint, as arm64: one of "timeline". */
static const char page_fault_probe[] =
	"p:timeline/page_fault_user handle_mm_fault address=$arg2:x64";

/* These tell of the mappings of a module that has no tracepoints. */
static const char *const instead[] = {
	"syscalls/sys_enter_mmap", "syscalls/sys_exit_mmap", "syscalls/sys_enter_munmap",
};

/* Where programs that are not static find libc. */
static const char *const libraries[] = {
	"/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6",
	"/lib64/libc.so.6",
};

static volatile sig_atomic_t interrupted;
static pid_t child;

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	ssize_t length = strlen(text), done;

	done = fd < 0 ? -1 : write(fd, text, length);
	if (fd >= 0)
		close(fd);
	return done == length;
}

static void set(const char *name, const char *value)
{
	char path[200];

	snprintf(path, sizeof(path), OURS "/%s", name);
	if (!put(path, value))
		die("cannot set %s to %s (does this kernel have it? see Kconfig.notes)",
		    path, value);
}

/* Find a file as the shell does. */
static bool find_file(const char *word, char path[4096])
{
	const char *directory = getenv("PATH");
	char *absolute;

	if (strchr(word, '/')) {
		absolute = realpath(word, NULL);
		snprintf(path, 4096, "%s", absolute ? absolute : "");
		free(absolute);
		return *path;
	}
	while (directory && *directory) {
		size_t length = strcspn(directory, ":");

		snprintf(path, 4096, "%.*s/%s", (int)length, directory, word);
		if (!access(path, X_OK))
			return true;
		directory += length + (directory[length] == ':');
	}
	return false;
}

/* Probe a file, unless it was probed before, or the kernel cannot parse its name. */
static void probe(const char *path, int *number, FILE *list, FILE *out)
{
	static dev_t devices[64];
	static ino_t inodes[64];
	static int seen;
	struct stat stat_;
	int found;

	if (strpbrk(path, " \t\n") || stat(path, &stat_) || seen == 64)
		return;
	for (int i = 0; i < seen; i++)
		if (devices[i] == stat_.st_dev && inodes[i] == stat_.st_ino)
			return;
	devices[seen] = stat_.st_dev;
	inodes[seen++] = stat_.st_ino;
	found = define_probes(path, number, list);
	if (ferror(list))
		die("cannot define events of %s (see Kconfig.notes)", path);
	if (found)
		fprintf(out, "# timeline: program %s\n", path);
}

/* Probe each word of the command that is a program, and libc. */
static void probe_all(const char *command, char *const more[], FILE *out)
{
	static const char ends[] = " \t\n;&|()<>'\"`{}$=";
	/* Others may have probes here, which O_TRUNC would remove; fopen() would seek. */
	int fd = open(TRACING "/uprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
	FILE *list = fd >= 0 ? fdopen(fd, "w") : NULL;
	char *words = strdup(command), path[4096];
	int number = 0;

	if (!list || !words)
		die("cannot define events in programs (see Kconfig.notes)");
	for (char *word = strtok(words, ends); word; word = strtok(NULL, ends))
		if (find_file(word, path))
			probe(path, &number, list, out);
	for (; *more; more++) {
		if (!find_file(*more, path))
			diex("there is no program %s", *more);
		probe(path, &number, list, out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		probe(libraries[i], &number, list, out);
	fclose(list);
	free(words);
}

/*
 * Enabling these events patches the scheduler's code, by way of a breakpoint.
 * When QEMU emulates two processors, one of them sometimes misses the last step
 * and hits the breakpoint forever. So the guest runs one processor until all
 * code is patched (maxcpus=1 on its kernel's command line, see vm.sh), and it
 * never patches it back. Uprobes are safe: they are in place before their
 * program runs.
 */
static void start_processors(void)
{
	glob_t found;

	if (glob("/sys/devices/system/cpu/cpu[0-9]*/online", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!put(found.gl_pathv[i], "1"))
			die("cannot start a processor by %s",
			    found.gl_pathv[i]);
	globfree(&found);
}

static void enable(const char *dir, const char *event)
{
	char name[100];

	snprintf(name, sizeof(name), "events/%s/enable", event);
	set(name, "1");
	leave_format(dir, event);
}

/* Remove our instance and probes, and those that an earlier run left when it was killed. */
static void remove_all(void)
{
	char line[200], *name;
	glob_t found;

	if (rmdir(OURS) && errno != ENOENT)
		warning("cannot remove " OURS);
	if (glob(TRACING "/events/timeline/*/format", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		*strrchr(found.gl_pathv[i], '/') = '\0';
		name = strrchr(found.gl_pathv[i], '/') + 1;
		snprintf(line, sizeof(line), "-:timeline/%s", name);
		if (!put(TRACING "/dynamic_events", line))
			warning("cannot remove the probe %s", name);
	}
	globfree(&found);
}

/* A full buffer keeps the oldest events: timeline draws those first. */
static void prepare(const char *command, char *const more[], const char *dir, FILE *out)
{
	char kilobytes[16];

	if (mkdir(OURS, 0700))
		die("cannot make " OURS);
	set("tracing_on", "0");
	probe_all(command, more, out);
	snprintf(kilobytes, sizeof(kilobytes), "%d", BUFFER_KB);
	set("buffer_size_kb", kilobytes);
	set("options/overwrite", "0");
	set("trace_clock", "mono");
	set("options/event-fork", "1");
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		if (!strcmp(events[i], "shmcount") &&
		    access(OURS "/events/shmcount", F_OK)) {
			fprintf(out, "# timeline: untraced\n");
			for (size_t j = 0; j < ARRAY_SIZE(instead); j++)
				enable(dir, instead[j]);
			continue;
		}
		if (events[i] == page_faults && access(OURS "/events/exceptions", F_OK)) {
			if (!put(TRACING "/kprobe_events", page_fault_probe))
				die("cannot probe page faults (see Kconfig.notes)");
			continue;
		}
		enable(dir, events[i]);
	}
}

/* Run the shell, traced from here on, with all its descendants. */
static _Noreturn void run(const char *command, int out)
{
	char pid[16];

	catch_end_signals(SIG_DFL);
	on_failure = NULL;
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	snprintf(pid, sizeof(pid), "%d", getpid());
	set("set_event_pid", pid);
	set("tracing_on", "1");
	execl("/bin/sh", "sh", "-c", command, NULL);
	die("cannot start /bin/sh");
}

/*
 * Copy one write after another from a pipe, which holds only one, to standard
 * output, and sleep pace ms after each. Returns when the pipe has no writers
 * left, or when standard output fails.
 */
static void copy_slowly(int pipe, int pace)
{
	char data[page_size()];		/* a packet has no more; what is not read is lost */
	ssize_t length;

	while ((length = read(pipe, data, sizeof(data)))) {
		if (length < 0 && errno != EINTR)
			return;
		for (ssize_t done = 0, n; done < length; done += n) {
			n = write(STDOUT_FILENO, data + done, length - done);
			if (n < 0 && errno != EINTR)
				return;
			if (n < 0)
				n = 0;
		}
		poll(NULL, 0, pace);
	}
}

/* Write how many events did not fit into each processor's buffer. */
static void write_dropped(FILE *out)
{
	char path[100], line[100];
	FILE *file;
	long count;

	for (int cpu = 0;; cpu++) {
		snprintf(path, sizeof(path), OURS "/per_cpu/cpu%d/stats", cpu);
		file = fopen(path, "re");
		if (!file)
			return;
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "dropped events: %ld", &count) == 1 &&
			    count)
				fprintf(out, "# timeline: dropped %d %ld\n", cpu,
					count);
		fclose(file);
	}
}

static void save(FILE *out, int status)
{
	FILE *trace = fopen(OURS "/trace", "re");
	char data[65536];
	size_t length;

	if (!trace)
		die("cannot read " OURS "/trace");
	while ((length = fread(data, 1, sizeof(data), trace)))
		fwrite(data, 1, length, out);
	fclose(trace);
	write_dropped(out);
	fprintf(out, "# timeline: end %d\n", status);
	if (fclose(out))
		die("cannot write the trace");
}

static _Noreturn void usage(FILE *file, int status)
{
	fputs(help, file);
	exit(status);
}

/*
 * An interrupt at the terminal reaches the command, too; pass on the others. Keep the
 * trace. A reader that is gone shows when we write.
 */
static void note_end_signal(int signal)
{
	interrupted = signal;
	if (child > 0 && (signal == SIGTERM || signal == SIGHUP))
		kill(child, signal);
}

/* Two that record at once would remove each other's probes. */
static void lock(void)
{
	int fd = open(TRACING, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || access(TRACING "/uprobe_events", W_OK))
		die("cannot trace by " TRACING "/uprobe_events (it takes root, and a kernel that has it: see Kconfig.notes)");
	if (flock(fd, LOCK_EX | LOCK_NB))
		die("cannot lock " TRACING ", which another record may use");
}

static void begin(FILE *out, const char *command, int pace)
{
	/* One line, even if the command has several. */
	fprintf(out, "# timeline: command ");
	for (; *command; command++)
		fputc(*command == '\n' ? ' ' : *command, out);
	fprintf(out, "\n# timeline: machine %s\n# timeline: pace %d\n# timeline: page %zu\n",
		getenv("SHMCOUNT_GUEST") ?: "native", pace, page_size());
}

int main(int argc, char *argv[])
{
	char *more[16] = { NULL };
	int option, pace = 0, count = 0, pipes[2] = { -1, -1 };
	int status, all = 0;
	bool guest = false;
	const char *dir;
	char path[4096];
	pid_t pid;
	FILE *out;

	failure_status = EXIT_INFRASTRUCTURE;
	while ((option = getopt(argc, argv, "+p:e:gh")) != -1) {
		if (option == 'h')
			usage(stdout, 0);
		if (option == 'p') {
			pace = parse_long(optarg, MAX_PACE);
			if (pace < 0)
				diex("'%s' is not a number of ms (0 to %d)",
				     optarg, MAX_PACE);
		} else if (option == 'e' && count < 15) {
			more[count++] = optarg;
		} else if (option == 'g') {
			guest = true;
		} else {
			usage(stderr, EXIT_USAGE);
		}
	}
	if (argc - optind != 2)
		usage(stderr, EXIT_USAGE);

	dir = argv[optind];
	if (mkdir(dir, 0755) && errno != EEXIST)
		die("cannot make %s", dir);
	snprintf(path, sizeof(path), "%s/trace", dir);
	out = fopen(path, "we");
	if (!out)
		die("cannot write %s", path);
	begin(out, argv[optind + 1], pace);
	lock();
	catch_end_signals(note_end_signal);
	if (!guest) {
		remove_all();
		on_failure = remove_all;
	}
	prepare(argv[optind + 1], more, dir, out);
	if (guest)
		start_processors();
	fflush(out);
	/* The command would not hear of it. */
	if (interrupted) {
		failure_status = EXIT_INTERRUPTED;
		exit_failed();
	}

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pace && (pipe2(pipes, O_CLOEXEC | O_DIRECT) ||
		     fcntl(pipes[1], F_SETPIPE_SZ, 1) < 0))
		die("cannot make a pipe");
	child = fork();
	if (child < 0)
		die("cannot fork");
	if (!child)
		run(argv[optind + 1], pipes[1]);
	close(pipes[1]);
	if (pace)
		copy_slowly(pipes[0], pace);
	/* Do not let a writer block forever. */
	close(pipes[0]);
	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == child)
			all = WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) :
						    WEXITSTATUS(status);
	set("tracing_on", "0");
	save(out, all);
	leave_buffers(dir);
	if (!guest)
		remove_all();
	return interrupted && !all ? EXIT_INTERRUPTED : all;
}
