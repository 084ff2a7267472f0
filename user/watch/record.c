// SPDX-License-Identifier: GPL-2.0
/*
 * record: runs a command under the kernel's tracing, and leaves what was seen
 * in a file, for timeline to draw. What is seen: when its processes have a
 * processor (sched), their page faults, their calls of futex, what the device
 * tells (shmcount), and, by uprobes, their calls of sem_wait and sem_post. As
 * root, in a guest that was started with one of its processors (see
 * start_processors()).
 *
 * The file is the kernel's own text, between lines "# watch: WHAT ...".
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "record.h"

static const char help[] =
"usage: record [option]... FILE COMMAND\n"
"\n"
"Runs COMMAND by a shell and leaves in FILE what the kernel saw of it.\n"
"\n"
"  -p MS    take a line of its standard output each MS ms, as a slow terminal\n"
"           does: who writes more has to wait for that (0: at once)\n"
"  -e FILE  look for semaphores in this program, too; may be repeated\n"
"\n"
"Exit status: that of the command, or 128 + the signal that ended it; 125: it\n"
"cannot be watched.\n";

enum { CANNOT = 125, BUFFER_KB = 6144, MOST_PACE = 10000 };

#define TRACING "/sys/kernel/tracing"
#define OURS TRACING "/instances/watch"

static const char *const events[] = {
	"sched/sched_switch", "sched/sched_waking", "sched/sched_process_fork",
	"sched/sched_process_exec", "sched/sched_process_exit",
	"exceptions/page_fault_user", "syscalls/sys_enter_futex",
	"syscalls/sys_exit_futex", "shmcount", "watch",
};

/* Where libc may be, for programs that are not static. */
static const char *const libraries[] = {
	"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6",
};

static volatile sig_atomic_t interrupted;
static bool catches_interrupt;		/* it was not started to ignore it */

static _Noreturn __attribute__((format(printf, 1, 2)))
void die(const char *format, ...)
{
	int error = errno;
	va_list args;

	fprintf(stderr, "record: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "%s%s\n", error ? ": " : "",
		error ? strerror(error) : "");
	exit(CANNOT);
}

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

/* A file that the command names is found as the shell finds it. */
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

/* One file, once; what cannot be a name in the kernel's list is no program. */
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
		fprintf(out, "# watch: program %s\n", path);
}

/* In each program that is a word of the command, and in libc. */
static void probe_all(const char *command, char *const more[], FILE *out)
{
	static const char ends[] = " \t\n;&|()<>'\"`{}$=";
	FILE *list = fopen(TRACING "/uprobe_events", "we");
	char *words = strdup(command), path[4096];
	int number = 0;

	if (!list || !words)
		die("cannot define events in programs (see Kconfig.notes)");
	for (char *word = strtok(words, ends); word; word = strtok(NULL, ends))
		if (find_file(word, path))
			probe(path, &number, list, out);
	for (; *more; more++) {
		if (!find_file(*more, path)) {
			errno = 0;
			die("there is no program %s", *more);
		}
		probe(path, &number, list, out);
	}
	for (size_t i = 0; i < ARRAY_SIZE(libraries); i++)
		probe(libraries[i], &number, list, out);
	fclose(list);
	free(words);
}

/*
 * To have these events is to patch the scheduler's code. QEMU, when it emulates
 * two processors, now and then goes on with the old code on one of them, which
 * is then a breakpoint for ever; so this guest has only one until all is patched
 * (maxcpus=1 on its kernel's command line, see vm.sh). A uprobe is no danger: it
 * is there before its program runs, and stays.
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

/* Where there is no more room what came first is kept: that is drawn. */
static void prepare(const char *command, char *const more[], FILE *out)
{
	char kilobytes[16];

	if (mkdir(OURS, 0700) && errno != EEXIST)
		die("cannot make " OURS);
	set("tracing_on", "0");
	probe_all(command, more, out);
	snprintf(kilobytes, sizeof(kilobytes), "%d", BUFFER_KB);
	set("buffer_size_kb", kilobytes);
	set("options/overwrite", "0");
	set("trace_clock", "mono");
	set("options/event-fork", "1");
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		char name[100];

		/* A module of somebody else's need not have tracepoints. */
		if (!strcmp(events[i], "shmcount") &&
		    access(OURS "/events/shmcount", F_OK)) {
			fprintf(out, "# watch: untraced\n");
			continue;
		}
		snprintf(name, sizeof(name), "events/%s/enable", events[i]);
		set(name, "1");
	}
	start_processors();
}

/* The shell, from its first instruction, and all that come of it. */
static _Noreturn void run(const char *command, int out)
{
	char pid[16];

	if (catches_interrupt)
		signal(SIGINT, SIG_DFL);
	if (out >= 0)
		dup2(out, STDOUT_FILENO);
	snprintf(pid, sizeof(pid), "%d", getpid());
	set("set_event_pid", pid);
	set("tracing_on", "1");
	execl("/bin/sh", "sh", "-c", command, NULL);
	die("cannot start /bin/sh");
}

/*
 * A pipe that holds one write at a time, of which one is taken each so many
 * ms. Returns when nobody can write to it any more, or when what it takes can
 * go nowhere.
 */
static void take_slowly(int pipe, int pace)
{
	char data[4096];
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

/* How many events a processor had no room for. */
static void tell_dropped(FILE *out)
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
				fprintf(out, "# watch: dropped %d %ld\n", cpu,
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
	tell_dropped(out);
	fprintf(out, "# watch: end %d\n", status);
	if (fclose(out))
		die("cannot write what was seen");
}

static void note_interrupt(int signal)
{
	interrupted = signal;
}

int main(int argc, char *argv[])
{
	struct sigaction action = { .sa_handler = note_interrupt }, old;
	char *more[16] = { NULL }, *end;
	int option, pace = 0, count = 0, pipes[2] = { -1, -1 };
	int status, all = 0;
	pid_t child, pid;
	FILE *out;

	while ((option = getopt(argc, argv, "+p:e:h")) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return 0;
		}
		if (option == 'p') {
			pace = strtol(optarg, &end, 10);
			if (*end || end == optarg || pace < 0 ||
			    pace > MOST_PACE) {
				errno = 0;
				die("'%s' is not a number of ms (0 to %d)",
				    optarg, MOST_PACE);
			}
		} else if (option == 'e' && count < 15) {
			more[count++] = optarg;
		} else {
			fputs(help, stderr);
			return 2;
		}
	}
	if (argc - optind != 2) {
		fputs(help, stderr);
		return 2;
	}

	out = fopen(argv[optind], "we");
	if (!out)
		die("cannot write %s", argv[optind]);
	/* One line, whatever it has in it. */
	fprintf(out, "# watch: command ");
	for (const char *c = argv[optind + 1]; *c; c++)
		fputc(*c == '\n' ? ' ' : *c, out);
	fprintf(out, "\n# watch: pace %d\n", pace);
	prepare(argv[optind + 1], more, out);
	fflush(out);

	/* An interrupt is for the command; what was seen by then is kept. */
	sigaction(SIGINT, NULL, &old);
	catches_interrupt = old.sa_handler != SIG_IGN;
	if (catches_interrupt)
		sigaction(SIGINT, &action, NULL);
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
		take_slowly(pipes[0], pace);
	/* Who still writes is not to wait for ever. */
	close(pipes[0]);
	while ((pid = wait(&status)) > 0 || errno == EINTR)
		if (pid == child)
			all = WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
						    WEXITSTATUS(status);
	set("tracing_on", "0");
	save(out, all);
	return interrupted && !all ? 130 : all;
}
