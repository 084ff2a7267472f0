// SPDX-License-Identifier: GPL-2.0
/*
 * The runner: boots a guest, has it run one program, and says how that ended.
 *
 * It fails closed. That a program ran well is believed only when the guest
 * says so over its own port with this run's nonce, QEMU ends with the status
 * that only the guest's PID 1 gives it, and the kernel's log holds no report
 * of trouble (but of a boot that was tried again); for a test program, besides,
 * when its report is whole.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "accel.h"
#include "initramfs.h"
#include "signals.h"
#include "splat.h"
#include "tap.h"
#include "vm.h"

static const char help[] =
"usage: vm [option]... tap|run|shell [program [argument]...]\n"
"\n"
"  tap    run a test program of the guest; its checked TAP is the output\n"
"  run    run a program; its output is the output, its status the status\n"
"  shell  a shell on this terminal (with -H)\n"
"\n"
"  -k DIR   the kernel: DIR/vmlinuz and, for -H, DIR/modules\n"
"  -m FILE  the module: loaded for run and shell, left to the tests for tap\n"
"  -i FILE  the guest's PID 1\n"
"  -p TEXT  parameters of the module, for run and shell\n"
"  -f FILE  put FILE in the guest's /bin (a .ko in /lib); may be repeated\n"
"  -H       show the guest the host's files, read only, under a layer that\n"
"           takes writes and is thrown away\n"
"  -d MB    with -H: a new disk of that size, 8 or more, as ext4 at /mnt\n"
"  -M MB    so much memory, 128 or more (default: 512; with -H 2048)\n"
"  -a TEXT  more for the kernel's command line\n"
"  -o FROM:TO  for tap and run: when the program has ended, the guest's file\n"
"           FROM is left here as TO; no FROM is an error\n"
"  -b       to measure: without the kernel's checks that take time\n"
"  -I       to count: as -b, on one processor and with a clock that goes on\n"
"           by 1 ns with each instruction\n"
"  -B SEC   the most that the kernel may take to come up (120)\n"
"  -t SEC   the most that the program may take (default: no limit)\n"
"  -c FILE  leave the kernel's log here; its first line says what ran the guest\n"
"  -K FILE  the device to look for (/dev/kvm)\n"
"\n"
"The guest runs under KVM if its kernel comes up there, else under TCG, which\n"
"emulates it; with -I always under TCG. One is booted to find out, and the\n"
"answer is kept in ${XDG_CACHE_HOME:-~/.cache}/shmcount, for this boot of the host.\n"
"ACCEL=kvm or ACCEL=tcg in the environment chooses by hand, and ACCEL=kvm asks\n"
"again where KVM did not work; PROBE_SECONDS is the most that asking takes (10).\n"
"\n"
"Exit status: for run that of the program, or 128 + the signal that ended it.\n"
"For tap 0: all passed, 1: some test failed. For either 2: usage; 121: the\n"
"kernel crashed or reported trouble; 122: the report is forged; 124: a hang;\n"
"125: no guest, or one that could not do its work, or output that cannot be\n"
"written; 130: interrupted; 141: nobody reads the output any more.\n";

enum status {
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_CRASH = VM_STATUS_CRASH,
	STATUS_FORGED = 122,
	STATUS_HANG = VM_STATUS_HANG,
	STATUS_INFRASTRUCTURE = 125,
	STATUS_NO_PROBE = 126,	/* of the attempt with KVM: it was none */
	STATUS_INTERRUPTED = 130,
	STATUS_UNREAD = 128 + SIGPIPE,
};

enum { BOOT_SECONDS = 120, LOAD_SECONDS = 30, END_SECONDS = 10 };
enum { PROBE_SECONDS = 10 };
enum { SPLAT_LINES = 12, MAX_FILES = 64 };

static struct {
	const char *kernel, *module, *parameters, *init, *console;
	const char *files[MAX_FILES];
	int file_count;
	bool host, bench, count;
	int limit, boot_limit, disk, memory;
	const char *append, *wanted, *wanted_as;
	enum { KVM_IF_IT_WORKS, KVM_ONLY, TCG_ONLY } accelerator;
	const char *kvm_device;
	int probe_seconds;
	const char *verb;
	char **argv;
} options = {
	.parameters = "", .append = "", .wanted = "", .kvm_device = "/dev/kvm",
	.boot_limit = BOOT_SECONDS, .probe_seconds = PROBE_SECONDS,
};

/* A stream that is taken apart into lines. */
struct lines {
	char line[4096];
	size_t length;
	void (*take)(const char *line);
};

static volatile sig_atomic_t interrupted;

/* Where a SIGINT goes, so that the program can end by itself; -1: nowhere. */
static volatile sig_atomic_t to_program = -1;

static struct {
	char nonce[33];
	char directory[4096];	/* of this run; removed at its end */
	const char *image;	/* the kernel's */
	FILE *console_log;
	bool kvm;		/* the guest runs under it */
	int output_error;	/* the first one, an errno */
	const char *output_failed;
	double deadline;

	int to_guest;		/* what we write here is input of its port */
	bool up, ready, ended, timed_out;
	int program_status;	/* exit status, or 128 + signal */
	size_t frame_left;	/* bytes of the frame still to come */
	char frame_kind;	/* 'o'ut, 'e'rr, 'f'ile or 'l'ost */
	char lost[512];
	FILE *file;		/* what was asked for with -o */
	int foreign;		/* lines of the report that are not ours */
	char first_foreign[256];

	enum splat splat;	/* of the first report in the log */
	char splat_lines[SPLAT_LINES][256];
	int splat_count;
	/* What was going on, by the log, which is in time with the report. */
	char test[sizeof(((struct tap *)0)->running)];
	char fuzz[100];
	char splat_during[sizeof(((struct tap *)0)->running)];

	struct tap tap;
} run;

static struct lines console, tap_stream;

static bool is_verb(const char *verb)
{
	return !strcmp(options.verb, verb);
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* As outputs, and the program in the guest, are to say it. */
static const char *kind_of_guest(void)
{
	return run.kvm ? "guest under KVM" : "guest under TCG (emulated)";
}

/* Run a tool in this directory, silently; returns true if it does its work. */
static bool run_tool(const char *directory, const char *const args[])
{
	pid_t pid = fork();
	int null, status;
	char *path;

	if (!pid) {
		/* An ordinary user's PATH may lack what mke2fs is in. */
		if (asprintf(&path, "%s:/usr/sbin:/sbin",
			     getenv("PATH") ?: "/usr/bin:/bin") > 0)
			setenv("PATH", path, 1);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		if (!chdir(directory))
			execvp(args[0], (char *const *)args);
		dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && !status;
}

static void remove_directory(void)
{
	const char *const args[] = { "rm", "-rf", "--", run.directory, NULL };

	if (run.directory[0])
		run_tool(".", args);
}

/* No guest can be had: say why and end. */
static _Noreturn __attribute__((format(printf, 1, 2)))
void no_guest(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vm: infrastructure: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	if (is_verb("tap")) {
		printf("Bail out! infrastructure: ");
		va_start(args, format);
		vprintf(format, args);
		va_end(args);
		printf("\n");
	}
	remove_directory();
	exit(is_verb("probe") ? STATUS_NO_PROBE : STATUS_INFRASTRUCTURE);
}

/* What cannot be written any more need not be computed: the guest ends. */
static void note_output_error(const char *what)
{
	if (run.output_error)
		return;
	run.output_error = errno ?: EIO;
	run.output_failed = what;
}

static void write_all(int fd, const char *data, size_t length)
{
	while (length && !interrupted && !run.output_error) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno != EINTR)
			note_output_error(fd == STDOUT_FILENO ?
					  "standard output" : "standard error");
		if (n > 0) {
			data += n;
			length -= n;
		}
	}
}

static void take_lines(struct lines *lines, const char *data, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (data[i] == '\n' ||
		    lines->length == sizeof(lines->line) - 1) {
			lines->line[lines->length] = '\0';
			lines->length = 0;
			lines->take(lines->line);
		}
		if (data[i] != '\n' && data[i] != '\r' && data[i])
			lines->line[lines->length++] = data[i];
	}
}

/* Strip the time stamp that the kernel puts before a line. */
static const char *without_stamp(const char *line)
{
	const char *end = *line == '[' ? strchr(line, ']') : NULL;

	return end && end[1] == ' ' ? end + 2 : line;
}

/* The harness and fuzz say in the log, too, what they begin. */
static void note_begin(const char *line)
{
	if (sscanf(line, "test: %127s", run.test) == 1)
		run.fuzz[0] = '\0';
	else if (!strncmp(line, "fuzz: ", 6))
		snprintf(run.fuzz, sizeof(run.fuzz), "%s", line);
}

/*
 * Not every report ends the kernel: the tests have ended all the same, once the
 * lines of this one have been seen. (What a program does is its user's.)
 */
static void note_trouble(enum splat splat)
{
	run.splat = splat;
	strcpy(run.splat_during, run.test[0] ? run.test : run.tap.running);
	if (is_verb("tap") && run.up)
		run.deadline = now() + END_SECONDS;
}

static void take_console_line(const char *line)
{
	enum splat splat = splat_of(line);

	if (is_verb("shell") && !strncmp(line, run.nonce, strlen(run.nonce))) {
		run.ready = true;
		run.deadline = 0;
		return;
	}
	if (run.console_log)
		fprintf(run.console_log, "%s\n", line);
	if (run.splat == SPLAT_NONE)
		note_begin(without_stamp(line));
	if (run.splat == SPLAT_NONE && splat != SPLAT_NONE)
		note_trouble(splat);
	/* Which tests come after it is not of the report, nor for all to know. */
	if (run.splat != SPLAT_NONE && run.splat_count < SPLAT_LINES &&
	    strncmp(without_stamp(line), "test: ", 6))
		snprintf(run.splat_lines[run.splat_count++],
			 sizeof(run.splat_lines[0]), "%s", line);
}

/* The test that brought about a report has failed, whatever it says. */
static void take_tap_line(const char *line)
{
	if (run.splat != SPLAT_NONE && run.tap.running[0] &&
	    !strcmp(run.tap.running, run.splat_during))
		return;
	tap_line(&run.tap, line);
	if (!run.output_error && (puts(line) == EOF || fflush(stdout)))
		note_output_error("standard output");
}

/* How long the guest has from now on. A probe has what it got at first. */
static void allow(int seconds)
{
	if (!is_verb("probe"))
		run.deadline = now() + seconds;
}

static int load_seconds(void)
{
	return options.limit && options.limit < LOAD_SECONDS ? options.limit :
							       LOAD_SECONDS;
}

/* The head of a frame, or a line that init never wrote. */
static void take_head(char *line)
{
	size_t nonce = strlen(run.nonce);
	char kind[8];
	long number;

	if (strncmp(line, run.nonce, nonce) ||
	    sscanf(line + nonce, " %7s %ld", kind, &number) != 2) {
		if (!run.foreign++)
			snprintf(run.first_foreign, sizeof(run.first_foreign),
				 "%s", line);
		return;
	}
	if (!strcmp(kind, "up")) {
		run.up = true;
		allow(load_seconds());
	} else if (!strcmp(kind, "ready")) {
		run.ready = true;
		run.deadline = options.limit ? now() + options.limit : 0;
		if (is_verb("run"))
			to_program = run.to_guest;
	} else if (!strcmp(kind, "exit") || !strcmp(kind, "signal")) {
		run.ended = true;
		run.program_status = number + (*kind == 's' ? 128 : 0);
		allow(END_SECONDS);
		to_program = -1;
		alarm(0);
	} else {
		run.frame_kind = kind[0];
		run.frame_left = number;
	}
}

static void take_file(const char *data, size_t length)
{
	if (run.output_error)
		return;
	if (!run.file)
		run.file = fopen(options.wanted_as, "we");
	if (!run.file || fwrite(data, 1, length, run.file) != length)
		note_output_error(options.wanted_as);
}

/* What is left of a file is written when it is closed, if it can be. */
static void close_output(FILE *file, const char *name)
{
	bool failed;

	if (!file)
		return;
	failed = ferror(file);
	if (fclose(file) || failed)
		note_output_error(name);
}

static void take_report(const char *data, size_t length)
{
	static char head[256];
	static size_t head_length;

	while (length) {
		size_t part = 1;

		if (run.frame_left) {
			part = length < run.frame_left ? length :
							 run.frame_left;
			run.frame_left -= part;
			if (run.frame_kind == 'l')
				strncat(run.lost, data,
					part < sizeof(run.lost) -
					strlen(run.lost) - 1 ? part : 0);
			else if (run.frame_kind == 'f')
				take_file(data, part);
			else if (is_verb("run"))
				write_all(run.frame_kind == 'o' ?
					  STDOUT_FILENO : STDERR_FILENO, data,
					  part);
			else if (run.frame_kind == 'o')
				take_lines(&tap_stream, data, part);
			else
				write_all(STDERR_FILENO, data, part);
		} else if (*data == '\n' || head_length == sizeof(head) - 1) {
			head[head_length] = '\0';
			head_length = 0;
			take_head(head);
		} else {
			head[head_length++] = *data;
		}
		data += part;
		length -= part;
	}
}

static void path_in(char *path, size_t size, const char *name)
{
	if ((size_t)snprintf(path, size, "%s/%s", run.directory, name) >= size)
		no_guest("the path of %s is too long", name);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void pack_file(FILE *archive, const char *name, mode_t mode,
		      const char *path)
{
	if (initramfs_file(archive, name, mode, path))
		no_guest("cannot %s %s: %s", errno == ENOENT ? "find" : "read",
			 path, strerror(errno));
}

static void pack_orders(FILE *archive)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	char *directory = getcwd(NULL, 0), *text;
	size_t length;
	FILE *orders = open_memstream(&text, &length);

	if (!orders || (options.host && !directory))
		no_guest("this folder is gone, or there is no memory");
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	if (!size.ws_row || !size.ws_col)
		size = (struct winsize) { .ws_row = 24, .ws_col = 80 };
	fprintf(orders, "%s%c%s%c%s%c%s%c%s%c%s%c%s%c%s%c%d%c%d%c%s%c",
		run.nonce, 0, options.verb, 0, options.parameters, 0,
		options.host ? "host" : "guest", 0,
		options.disk ? "disk" : "", 0, options.wanted, 0,
		kind_of_guest(), 0, options.host ? directory : "/", 0,
		size.ws_row, 0, size.ws_col, 0,
		getenv("TERM") ? getenv("TERM") : "dumb", 0);
	for (char **arg = options.argv; *arg; arg++)
		fprintf(orders, "%s%c", *arg, 0);
	fclose(orders);
	initramfs_data(archive, "orders", 0600, text, length);
	free(text);
	free(directory);
}

/* A list of modules, and they; where there is no list all is built in. */
static void pack_modules(FILE *archive, const char *list)
{
	char path[4400], name[300], module[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/modules/%s", options.kernel, list);
	file = fopen(path, "re");
	if (!file)
		return;
	snprintf(name, sizeof(name), "modules/%s", list);
	pack_file(archive, name, 0644, path);
	while (fscanf(file, "%255s", module) == 1) {
		snprintf(path, sizeof(path), "%s/modules/%s", options.kernel,
			 module);
		snprintf(name, sizeof(name), "modules/%s", module);
		pack_file(archive, name, 0644, path);
	}
	fclose(file);
}

static void pack_initramfs(void)
{
	static const char *const directories[] = {
		"bin", "lib", "modules", "dev", "proc", "sys",
	};
	char path[4200], name[300];
	FILE *archive;

	path_in(path, sizeof(path), "initramfs");
	archive = fopen(path, "we");
	if (!archive)
		no_guest("cannot write %s: %s", path, strerror(errno));
	pack_orders(archive);
	initramfs_directory(archive, ".", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		initramfs_directory(archive, directories[i], 0755);
	initramfs_directory(archive, "tmp", 01777);
	pack_file(archive, "init", 0755, options.init);
	if (options.module)
		pack_file(archive, "lib/shmcount.ko", 0644, options.module);
	for (int i = 0; i < options.file_count; i++) {
		const char *base = base_name(options.files[i]);
		bool module = strstr(base, ".ko");

		snprintf(name, sizeof(name), "%s/%s", module ? "lib" : "bin",
			 base);
		pack_file(archive, name, module ? 0644 : 0755,
			  options.files[i]);
	}
	if (options.host)
		pack_modules(archive, "host");
	if (options.disk)
		pack_modules(archive, "disk");
	if (initramfs_end(archive))
		no_guest("cannot write %s: %s", path, strerror(errno));
}

/*
 * With blocks as on a disk of usual size, on a small one they would be 1 kB;
 * and complete, for the guest's kernel would finish it while others measure.
 */
static void make_disk(void)
{
	char size[32];
	const char *const args[] = {
		"mke2fs", "-q", "-t", "ext4", "-b", "4096",
		"-E", "lazy_itable_init=0", "disk", size, NULL,
	};

	snprintf(size, sizeof(size), "%dM", options.disk);
	if (!run_tool(run.directory, args))
		no_guest("cannot make a disk of %d MB (is mke2fs there, and room?)",
			 options.disk);
}

/*
 * Any report ends the guest; panic_on_taint asks for B, D, W, L (bad page,
 * oops, warning, lockup), not for what our module sets itself. U (who
 * allocated) would say more and find no more, and boots take 0.8 s longer with
 * it. Expedited grace periods make an unload 12 ms instead of 50. With
 * init_on_alloc, as Debian has it, nobody would see that a module does not clear
 * its pages. None of these is there when something is measured, and where
 * instructions are counted no address is random.
 */
static const char *command_line(void)
{
	static char line[1024];

	snprintf(line, sizeof(line),
		 "console=ttyS0 panic=-1 oops=panic panic_on_taint=0x42a0 "
		 "softlockup_panic=1 hung_task_panic=1 "
		 "sysctl.kernel.hung_task_timeout_secs=20 no_timer_check%s%s %s",
		 options.bench ? "" :
		 " slub_debug=FZP init_on_alloc=0 rcupdate.rcu_expedited=1",
		 options.count ? " nokaslr norandmaps" : "", options.append);
	return line;
}

static __attribute__((format(printf, 1, 0)))
const char *argument(const char *format, int number)
{
	char *text;

	if (asprintf(&text, format, number) < 0)
		_exit(127);
	return text;
}

static void child_qemu(int console_fd)
{
	int memory = options.memory ? options.memory :
		     options.host   ? 2048 : 512;
	const char *args[64];
	int n = 0;

	args[n++] = VM_QEMU;
	args[n++] = "-nodefaults";
	args[n++] = "-no-user-config";
	args[n++] = "-no-reboot";
	args[n++] = "-display";
	args[n++] = "none";
	args[n++] = "-accel";
	args[n++] = run.kvm ? "kvm" :
		    options.count ? "tcg" : "tcg,thread=multi";
	args[n++] = "-cpu";
	/* With cx16 QEMU 7.2 oopses 6.12; with ERMS each byte copied counts. */
	args[n++] = run.kvm ? "host" :
		    options.count ? "qemu64,-cx16" : "max,-cx16";
	args[n++] = "-smp";
	args[n++] = options.count ? "1" : "2";
	if (options.count) {
		args[n++] = "-icount";
		args[n++] = "shift=0";
	}
	args[n++] = "-m";
	args[n++] = argument("%dM", memory);
	if (!options.host && !options.count) {
		/* Two nodes, so that pages have somewhere to move to. */
		args[n++] = "-object";
		args[n++] = argument("memory-backend-ram,id=near,size=%dM",
				     memory - memory / 2);
		args[n++] = "-object";
		args[n++] = argument("memory-backend-ram,id=far,size=%dM",
				     memory / 2);
		args[n++] = "-numa";
		args[n++] = "node,nodeid=0,cpus=0-1,memdev=near";
		args[n++] = "-numa";
		args[n++] = "node,nodeid=1,memdev=far";
	}
	args[n++] = "-kernel";
	args[n++] = run.image;
	args[n++] = "-initrd";
	args[n++] = "initramfs";
	args[n++] = "-append";
	args[n++] = command_line();
	args[n++] = "-device";
	args[n++] = "isa-debug-exit,iobase=0xf4,iosize=4";
	args[n++] = "-serial";
	args[n++] = argument("file:/proc/self/fd/%d", console_fd);
	args[n++] = "-chardev";
	args[n++] = "stdio,id=port,signal=off";
	args[n++] = "-serial";
	args[n++] = "chardev:port";
	if (options.disk) {
		args[n++] = "-drive";
		args[n++] = "if=virtio,format=raw,cache=unsafe,file=disk";
	}
	if (options.host) {
		args[n++] = "-virtfs";
		args[n++] = "local,path=/,mount_tag=host,readonly=on,"
			    "multidevs=remap,security_model=none";
	}
	args[n] = NULL;
	if (!chdir(run.directory))
		execvp(args[0], (char *const *)args);
	dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

static pid_t start_qemu(int *console_fd, int *report_fd)
{
	int console_pipe[2], report_pipe[2], input_pipe[2];
	pid_t parent = getpid(), pid;
	sigset_t none;

	if (pipe2(console_pipe, O_CLOEXEC) || pipe2(report_pipe, O_CLOEXEC) ||
	    pipe2(input_pipe, O_CLOEXEC))
		no_guest("cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(127);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGPIPE, SIG_DFL);
		if (!is_verb("shell")) {
			setsid();	/* a Ctrl-C is ours to deal with */
			dup2(input_pipe[0], STDIN_FILENO);
			dup2(report_pipe[1], STDOUT_FILENO);
		}
		fcntl(console_pipe[1], F_SETFD, 0);
		child_qemu(console_pipe[1]);
	}
	close(console_pipe[1]);
	close(report_pipe[1]);
	close(input_pipe[0]);
	run.to_guest = input_pipe[1];
	*console_fd = console_pipe[0];
	*report_fd = report_pipe[0];
	return pid;
}

/* The terminal, as it is before a guest's shell has it. */
static struct termios terminal;
static bool is_terminal;

static void restore_terminal(void)
{
	if (is_terminal)
		tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

/* Read what is there, at most what a pipe holds; at the end fd becomes -1. */
static ssize_t read_some(struct pollfd *from, char data[65536])
{
	ssize_t length = 0;

	if (from->fd >= 0 && poll(from, 1, 0) > 0) {
		length = read(from->fd, data, 65536);
		if (length <= 0)
			from->fd = -1;
	}
	return length;
}

/* Read until QEMU is gone; returns its status as wait() gives it. */
static int watch(pid_t pid, int console_fd, int report_fd)
{
	struct pollfd fds[] = {
		{ .fd = console_fd, .events = POLLIN },
		{ .fd = report_fd, .events = POLLIN },
	};
	char log[65536], report[65536];
	int status;

	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		ssize_t log_length, report_length;

		poll(fds, 2, 100);
		/* So that the log is taken in up to there, before the report. */
		report_length = read_some(&fds[1], report);
		log_length = read_some(&fds[0], log);
		if (log_length > 0)
			take_lines(&console, log, log_length);
		if (report_length > 0)
			take_report(report, report_length);
		if (interrupted || run.output_error)
			kill(pid, SIGKILL);
		if (run.deadline && now() > run.deadline) {
			run.timed_out = true;
			run.deadline = 0;
			kill(pid, SIGKILL);
		}
	}
	waitpid(pid, &status, 0);
	take_lines(&console, "\n", 1);
	return status;
}

static int boot_seconds(void)
{
	return is_verb("probe") ? options.probe_seconds :
				 options.boot_limit;
}

/* Boot a guest and see it through; returns how QEMU ended, as wait() does. */
static int boot(void)
{
	int console_fd, report_fd, status;
	pid_t pid;

	run.deadline = now() + boot_seconds();
	pid = start_qemu(&console_fd, &report_fd);
	status = watch(pid, console_fd, report_fd);
	to_program = -1;
	close(run.to_guest);
	close(console_fd);
	close(report_fd);
	return status;
}

/*
 * Did the kernel crash or stop before its PID 1 was up, and so before any module of
 * ours? Each was seen once. The crash was in mask_ioapic_irq(), by a null pointer:
 * Linux 6.1 gives an IRQ the IO-APIC's operations before their data
 * (mp_irqdomain_alloc()), with interrupts on, and it is likely the timer's that came
 * between. The stop was of Linux 7.2 under TCG, after the HPET was set up.
 */
static bool failed_at_boot(void)
{
	if (run.up || interrupted || run.output_error || is_verb("shell"))
		return false;
	if (run.timed_out)
		return !is_verb("probe");
	return run.splat != SPLAT_NONE && run.splat != SPLAT_INIT_DIED;
}

/* What the guest was at when it ended, or trouble came, for a message. */
static const char *while_running(void)
{
	const char *test = run.splat == SPLAT_NONE ? run.tap.running :
						     run.splat_during;
	static char text[300];

	if (*test && run.fuzz[0])
		snprintf(text, sizeof(text), ", while %s (%s) was running",
			 test, run.fuzz);
	else if (*test || run.fuzz[0])
		snprintf(text, sizeof(text), ", while %s was running",
			 *test ? test : run.fuzz);
	return text;
}

static enum status say(char *why, size_t size, enum status status,
		       const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return status;
}

/*
 * How the run ended. Returns the exit status, and in why a sentence, unless
 * all is said by the program's own output.
 */
static enum status judge(int qemu, char *why, size_t size)
{
	int ended = WIFEXITED(qemu) ? WEXITSTATUS(qemu) : -1;

	why[0] = '\0';
	if (interrupted)
		return say(why, size, STATUS_INTERRUPTED, "interrupted");
	/* As of a program that SIGPIPE ended, the status says it all. */
	if (run.output_error == EPIPE)
		return STATUS_UNREAD;
	if (run.output_error)
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "cannot write %s: %s", run.output_failed,
			   strerror(run.output_error));
	if (!run.up && !is_verb("shell") && run.splat == SPLAT_NONE)
		return say(why, size, STATUS_INFRASTRUCTURE,
			   run.timed_out ?
			   "infrastructure: the guest did not come up within %d seconds" :
			   "infrastructure: QEMU or its guest ended before the guest was up (QEMU: exit status %d)",
			   run.timed_out ? boot_seconds() : ended);
	if (run.splat == SPLAT_INIT_DIED)
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: the guest's PID 1 died%s",
			   while_running());
	if (run.splat != SPLAT_NONE && !run.up && !is_verb("shell"))
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: the guest's kernel did not come up: %s",
			   without_stamp(run.splat_lines[0]));
	if (run.splat != SPLAT_NONE)
		return say(why, size, run.splat == SPLAT_HANG ? STATUS_HANG :
								STATUS_CRASH,
			   "%s: %s%s", run.splat == SPLAT_HANG ? "hang" :
								 "crash",
			   without_stamp(run.splat_lines[0]), while_running());
	if (run.timed_out && !run.ready)
		return say(why, size, STATUS_HANG,
			   "hang: the module is not loaded after %d seconds",
			   is_verb("shell") ? options.boot_limit :
					    load_seconds());
	if (run.timed_out && run.ended)
		return say(why, size, STATUS_HANG,
			   "hang: the program has ended, but the guest does not");
	if (run.timed_out)
		return say(why, size, STATUS_HANG,
			   "hang: no end after %d seconds%s", options.limit,
			   while_running());
	if (run.lost[0])
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: the guest could not go on: %.*s",
			   (int)strcspn(run.lost, "\n"), run.lost);
	if (is_verb("shell"))
		return ended == VM_EXIT_STATUS ? 0 :
		       say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: QEMU ended with exit status %d",
			   ended);
	if (run.foreign)
		return say(why, size, STATUS_FORGED,
			   "forged: the report has %d lines that the guest's init did not write, the first: %s",
			   run.foreign, run.first_foreign);
	if (ended != VM_EXIT_STATUS || !run.ended)
		return say(why, size, STATUS_CRASH,
			   "crash: the guest stopped without a word%s (QEMU: exit status %d)",
			   while_running(), ended);
	if (is_verb("run") || is_verb("probe"))
		return run.program_status;
	if (strstr(run.tap.bail, "cannot be killed"))
		return say(why, size, STATUS_HANG, "hang: %s", run.tap.bail);
	if (!tap_complete(&run.tap))
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: the report of the tests is not whole: %s (exit status %d)",
			   run.tap.error[0] ? run.tap.error :
			   run.tap.bail[0] ? run.tap.bail :
			   "it ends too early", run.program_status);
	if ((run.program_status == STATUS_FAILED) != (run.tap.failed > 0) ||
	    (run.program_status > STATUS_FAILED && run.program_status != 4))
		return say(why, size, STATUS_INFRASTRUCTURE,
			   "infrastructure: the tests' exit status %d does not go with %d failures",
			   run.program_status, run.tap.failed);
	return run.tap.failed ? STATUS_FAILED : 0;
}

/* Whatever the plan promised and the guest did not report has failed. */
static void finish_tap(const char *why)
{
	struct tap *tap = &run.tap;

	for (int i = 0; i < run.splat_count; i++)
		printf("# %s\n", run.splat_lines[i]);
	if (tap->plan)
		printf("# %s\n", why);
	if (tap->plan && tap->running[0])
		printf("not ok %d %s\n", ++tap->seen, tap->running);
	while (tap->seen < tap->plan) {
		tap->seen++;
		printf("not ok %d not_run.%d\n", tap->seen, tap->seen);
	}
	printf("Bail out! %s\n", why);
}

static void conclude(int status, const char *why)
{
	if (why[0])
		fprintf(stderr, "vm: %s\n", why);
	if (is_verb("tap") && run.tap.plan)
		printf("# %s\n", kind_of_guest());
	if (why[0] && is_verb("tap"))
		finish_tap(why);
	else if (why[0] && run.splat_count)
		for (int i = 0; i < run.splat_count; i++)
			fprintf(stderr, "vm: %s\n", run.splat_lines[i]);
	if (why[0] && options.console && status != STATUS_INTERRUPTED)
		fprintf(stderr, "vm: %s; the kernel's log is in %s\n",
			kind_of_guest(), options.console);
}

/* The program has some seconds to end by itself, once. */
static void note_signal(int signal)
{
	if (signal == SIGINT && to_program >= 0 &&
	    write(to_program, "i", 1) == 1)
		alarm(END_SECONDS);
	else
		interrupted = 1;
	to_program = -1;
}

static _Noreturn void usage(void)
{
	fputs(help, stderr);
	exit(STATUS_USAGE);
}

static _Noreturn __attribute__((format(printf, 1, 2)))
void mistaken(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "vm: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(STATUS_USAGE);
}

static int number(const char *text, int least)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || value < least || value > 100000000)
		usage();
	return value;
}

/* The message is for who knows nothing of vm. */
static void parse_environment(void)
{
	const char *accelerator = getenv("ACCEL") ?: "";
	const char *seconds = getenv("PROBE_SECONDS") ?: "";
	char rest;

	if (!strcmp(accelerator, "kvm"))
		options.accelerator = KVM_ONLY;
	else if (!strcmp(accelerator, "tcg"))
		options.accelerator = TCG_ONLY;
	else if (*accelerator)
		mistaken("ACCEL=%s: it has to be kvm or tcg", accelerator);
	if (*seconds &&
	    (sscanf(seconds, "%4d%c", &options.probe_seconds, &rest) != 1 ||
	     options.probe_seconds < 1))
		mistaken("PROBE_SECONDS=%s: it has to be a number from 1 to 9999",
			 seconds);
}

static void parse(int argc, char *argv[])
{
	int option;

	while ((option = getopt(argc, argv, "+k:m:i:p:f:Hd:M:a:o:bIB:t:c:K:h")) != -1) {
		switch (option) {
		case 'k':
			options.kernel = optarg;
			break;
		case 'm':
			options.module = optarg;
			break;
		case 'i':
			options.init = optarg;
			break;
		case 'p':
			options.parameters = optarg;
			break;
		case 'f':
			if (options.file_count == MAX_FILES)
				usage();
			options.files[options.file_count++] = optarg;
			break;
		case 'H':
			options.host = true;
			break;
		case 'd':
			options.disk = number(optarg, 8);
			break;
		case 'M':
			options.memory = number(optarg, 128);
			break;
		case 'a':
			options.append = optarg;
			break;
		case 'o':
			options.wanted_as = strchr(optarg, ':');
			if (!options.wanted_as++)
				usage();
			options.wanted = strndup(optarg, options.wanted_as -
						 optarg - 1);
			break;
		case 'I':
			options.count = true;
			options.bench = true;
			break;
		case 'b':
			options.bench = true;
			break;
		case 'B':
			options.boot_limit = number(optarg, 1);
			break;
		case 't':
			options.limit = number(optarg, 1);
			break;
		case 'c':
			options.console = optarg;
			break;
		case 'K':
			options.kvm_device = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			exit(0);
		default:
			usage();
		}
	}
	options.verb = optind < argc ? argv[optind] : "";
	options.argv = argv + optind + 1;
	if (!is_verb("tap") && !is_verb("run") && !is_verb("shell"))
		usage();
	if (!options.kernel || !options.init || argc - optind < 2)
		usage();
	if (options.disk && !options.host)
		usage();
	if (*options.parameters && is_verb("tap"))
		usage();
	if (*options.wanted && is_verb("shell"))
		usage();
}

static void find_kernel(void)
{
	char path[4200];

	if ((size_t)snprintf(path, sizeof(path), "%s/vmlinuz",
			     options.kernel) >= sizeof(path))
		no_guest("the path of the kernel is too long");
	options.kernel = realpath(options.kernel, NULL);
	/* The image may be a link: what is known of it is by its own path. */
	run.image = realpath(path, NULL);
	if (!options.kernel || !run.image || access(run.image, R_OK))
		no_guest("no kernel at %s: %s", path, strerror(errno));
}

static void make_directory(void)
{
	const char *set = getenv("TMPDIR") ?: "";
	const char *parent = *set ? set : "/tmp";

	if ((size_t)snprintf(run.directory, sizeof(run.directory),
			     "%s/vm.XXXXXX", parent) >= sizeof(run.directory))
		errno = ENAMETOOLONG;
	else if (mkdtemp(run.directory))
		return;
	run.directory[0] = '\0';
	no_guest("cannot make a folder in %s%s: %s", parent,
		 *set ? " (TMPDIR)" : "", strerror(errno));
}

static void prepare(void)
{
	unsigned char random[16];

	if (is_verb("shell") && !isatty(STDIN_FILENO))
		no_guest("a shell needs a terminal; without one: make vm CMD='...'");

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		no_guest("no random numbers: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(random); i++)
		sprintf(run.nonce + 2 * i, "%02x", random[i]);

	make_directory();
	if (options.console) {
		run.console_log = fopen(options.console, "we");
		if (!run.console_log)
			no_guest("cannot write %s: %s", options.console,
				 strerror(errno));
		fprintf(run.console_log, "vm: %s\n", kind_of_guest());
	}
	pack_initramfs();
	if (options.disk)
		make_disk();
}

/* KVM came up for the probe, and not for this guest: not if it was asked for. */
static bool lost_kvm(void)
{
	return run.kvm && !run.up && !interrupted && (is_verb("tap") || is_verb("run")) &&
	       options.accelerator != KVM_ONLY;
}

/* From here to the end of the guest; returns the exit status. */
static enum status see_through(void)
{
	enum status status;
	char why[512];
	int qemu;

	prepare();
	if (is_verb("shell"))
		fprintf(stderr, "vm: booting a %s, some seconds; exit or Ctrl-D leaves it\n",
			kind_of_guest());
	qemu = boot();
	if (lost_kvm()) {
		fprintf(stderr, "vm: KVM has worked here and does not now: the guest runs under TCG\n");
		kvm_remember(run.image, options.probe_seconds, KVM_BROKEN);
		run.kvm = run.timed_out = false;
		run.splat = SPLAT_NONE;
		run.splat_count = 0;
		if (run.console_log)
			fclose(run.console_log);
		run.console_log = NULL;
		remove_directory();
		return see_through();
	}
	if (failed_at_boot()) {
		fprintf(stderr, "vm: the guest's kernel did not come up, and is booted once more: %s\n",
			run.timed_out ? "it stopped" :
					without_stamp(run.splat_lines[0]));
		run.timed_out = false;
		run.splat = SPLAT_NONE;
		run.splat_count = 0;
		qemu = boot();
	}
	if (is_verb("shell"))
		restore_terminal();
	status = judge(qemu, why, sizeof(why));
	close_output(run.file, options.wanted_as);
	close_output(run.console_log, options.console);
	if (!why[0])
		status = judge(qemu, why, sizeof(why));
	conclude(status, why);
	remove_directory();
	return status;
}

/*
 * Does the kernel come up under KVM, to its PID 1, and power off? That of a
 * small guest, by a process of its own which knows nothing of what the run is
 * for, and says nothing. UNKNOWN: there was no guest to try it with.
 */
static enum kvm_answer try_kvm(void)
{
	static char *argv[] = { "probe", NULL };
	pid_t parent = getpid(), pid = fork();
	int status, null;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(127);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		run.kvm = true;
		options.verb = "probe";
		options.argv = argv;
		options.module = options.console = NULL;
		options.wanted = "";
		options.file_count = options.disk = options.memory = 0;
		options.host = false;
		exit(see_through());
	}
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	while (!waitpid(pid, &status, WNOHANG)) {
		if (interrupted)
			kill(pid, SIGTERM);
		usleep(10000);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == STATUS_NO_PROBE)
		return KVM_UNKNOWN;
	return status ? KVM_BROKEN : KVM_WORKS;
}

/* Once, and where somebody reads it. */
static void say_that_kvm_is_closed(void)
{
	const struct passwd *user = getpwuid(getuid());

	if (isatty(STDERR_FILENO) &&
	    kvm_recall(run.image, options.probe_seconds) != KVM_CLOSED &&
	    kvm_remember(run.image, options.probe_seconds, KVM_CLOSED))
		fprintf(stderr, "vm: %s is there, but you may not open it: \"sudo usermod -aG kvm %s\" and a new login make guests much faster\n",
			options.kvm_device, user ? user->pw_name : "NAME");
}

/*
 * Is the guest to run under KVM? What was asked for by hand is not to be had
 * in silence by other means.
 */
static bool choose_kvm(void)
{
	bool only = options.accelerator == KVM_ONLY;
	enum kvm_answer known;
	int fd;

	if (options.count || options.accelerator == TCG_ONLY)
		return false;
	fd = open(options.kvm_device, O_RDWR | O_CLOEXEC);
	if (fd < 0 && only)
		no_guest("ACCEL=kvm, but %s cannot be opened: %s",
			 options.kvm_device, strerror(errno));
	if (fd < 0) {
		if (errno == EACCES)
			say_that_kvm_is_closed();
		return false;
	}
	close(fd);
	known = kvm_recall(run.image, options.probe_seconds);
	if (known == KVM_WORKS || (known == KVM_BROKEN && !only))
		return known == KVM_WORKS;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "vm: trying whether KVM works, at most %d s; the answer is kept\n",
			options.probe_seconds);
	known = try_kvm();
	if (interrupted)
		return false;
	/* Where the attempt itself failed, as by a full disk, try again. */
	if (known != KVM_UNKNOWN)
		kvm_remember(run.image, options.probe_seconds, known);
	if (only && known != KVM_WORKS)
		no_guest("ACCEL=kvm, but under KVM this kernel does not come up here within %d seconds",
			 options.probe_seconds);
	return known == KVM_WORKS;
}

/*
 * A closed stream's number must not go to a file of ours, which would get the
 * output then; and a write to it is to fail.
 */
static void occupy_streams(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", fd ? O_RDONLY : O_WRONLY);
}

static void catch_signals(void)
{
	static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction action = { .sa_handler = note_signal };

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		if (!is_ignored(ending[i]))
			sigaction(ending[i], &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char *argv[])
{
	occupy_streams();
	parse(argc, argv);
	parse_environment();
	console.take = take_console_line;
	tap_stream.take = take_tap_line;
	catch_signals();
	is_terminal = !tcgetattr(STDIN_FILENO, &terminal);
	find_kernel();
	run.kvm = choose_kvm();
	return see_through();
}
