// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the guest: mounts what programs expect, runs one program, reports
 * what it printed and how it ended, and powers off.
 *
 * The runner leaves its orders in /orders, strings that each end with NUL:
 * nonce, verb (tap, run, shell, or probe: to come up is all), parameters of the
 * module, root (guest or host), "disk" if there is one, a file to send at the
 * end or "", kind of guest, working directory, rows, columns, terminal type, then
 * the program and its arguments. /orders is gone before the program starts, and
 * the nonce with it. The kind of guest becomes SHMCOUNT_GUEST in the program's
 * environment.
 *
 * The report goes to ttyS1, in frames: a line "NONCE KIND NUMBER", where KIND
 * is "up" (init runs), "ready" (the program starts), "out" or "err" (NUMBER
 * bytes of output follow), "file" (NUMBER bytes of the file to send follow),
 * "exit" or "signal" (how the program ended), or "lost" (init cannot go on;
 * NUMBER bytes of reason follow). The other way an "i" comes there, to interrupt
 * the program. In a shell ttyS1 is the terminal instead.
 *
 * A kernel that can look for lost memory is asked to before the guest ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "vm.h"

static struct {
	const char *nonce, *verb, *parameters, *root, *disk, *wanted;
	const char *kind, *directory;
	const char *rows, *columns, *term;
	char **argv;
} orders;

static int report = -1;

static _Noreturn void power_off(void)
{
	int line = 0;

	/* tcdrain gives up on a slow reader; the port says when all is out. */
	tcdrain(report);
	while (!ioctl(report, TIOCSERGETLSR, &line) && !(line & TIOCSER_TEMT))
		usleep(1000);
	sync();
	if (!ioperm(VM_EXIT_PORT, 1, 1))
		outb(VM_EXIT_VALUE, VM_EXIT_PORT);
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			data += n;
			length -= n;
		}
	}
}

/* In a shell ttyS1 is the terminal: then the kernel's console has to do. */
static void frame(const char *kind, long number)
{
	bool shell = !strcmp(orders.verb, "shell");
	char line[128];

	write_all(shell ? STDERR_FILENO : report, line,
		  snprintf(line, sizeof(line), "%s %s %ld\n", orders.nonce,
			   kind, number));
}

static _Noreturn __attribute__((format(printf, 1, 2)))
void lost(const char *format, ...)
{
	int error = errno;
	char reason[256];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	length += snprintf(reason + length, sizeof(reason) - length, ": %s\n",
			   strerror(error));
	frame("lost", length);
	write_all(report, reason, length);
	power_off();
}

static void mount_at(const char *root, const char *where, const char *type,
		     const char *options)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", root, where);
	mkdir(path, 0755);
	/* What a kernel lacks, a test that needs it will say. */
	mount(type, path, type, 0, options);
}

static void mount_all(const char *root)
{
	mount_at(root, "/proc", "proc", NULL);
	mount_at(root, "/sys", "sysfs", NULL);
	mount_at(root, "/sys/kernel/debug", "debugfs", NULL);
	mount_at(root, "/sys/kernel/tracing", "tracefs", NULL);
	mount_at(root, "/dev", "devtmpfs", NULL);
	mount_at(root, "/dev/shm", "tmpfs", "mode=1777");
	mount_at(root, "/dev/pts", "devpts", "ptmxmode=0666");
}

/* Read a whole file of the initramfs; NUL follows what it holds. */
static char *read_file(const char *path, size_t *length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;
	ssize_t taken;
	char *data;

	if (fd < 0 || fstat(fd, &stat) || stat.st_size < 0)
		return NULL;
	data = calloc(stat.st_size + 1, 1);
	taken = read(fd, data, stat.st_size);
	*length = taken > 0 ? taken : 0;
	close(fd);
	return data;
}

static void read_orders(void)
{
	const char **fields[] = {
		&orders.nonce, &orders.verb, &orders.parameters, &orders.root,
		&orders.disk, &orders.wanted, &orders.kind, &orders.directory,
		&orders.rows, &orders.columns, &orders.term,
	};
	size_t length = 0, count = 0;
	char *data = read_file("/orders", &length);

	unlink("/orders");
	orders.argv = calloc(length + 1, sizeof(char *));
	for (char *p = data; p < data + length; p += strlen(p) + 1) {
		if (count < ARRAY_SIZE(fields))
			*fields[count] = p;
		else
			orders.argv[count - ARRAY_SIZE(fields)] = p;
		count++;
	}
}

static void open_report(void)
{
	struct termios raw;

	report = open("/dev/ttyS1", O_RDWR | O_NOCTTY | O_CLOEXEC);
	tcgetattr(report, &raw);
	cfmakeraw(&raw);
	tcsetattr(report, TCSANOW, &raw);
}

/* Load a module; returns 0, or -1 and errno. */
static int load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = fd < 0 ? -1 : syscall(SYS_finit_module, fd, parameters, 0);

	if (fd >= 0)
		close(fd);
	return ret;
}

/* Load what a list in /modules names; where there is none all is built in. */
static void load_all(const char *list)
{
	size_t length;
	char *order = read_file(list, &length);
	char path[128];

	for (char *name = order ? strtok(order, "\n") : NULL; name;
	     name = strtok(NULL, "\n")) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		/* ENODEV: it is for a processor that this guest has not got. */
		if (load(path, "") && errno != ENODEV)
			lost("cannot load %s", path);
	}
}

/* The host's files, read only, with a layer in memory that takes writes. */
static void show_host(void)
{
	mkdir("/host", 0755);
	mkdir("/layer", 0755);
	mkdir("/root", 0755);
	if (mount("host", "/host", "9p", MS_RDONLY,
		  "trans=virtio,version=9p2000.L,cache=loose,msize=262144"))
		lost("cannot mount the host's files");
	mount("tmpfs", "/layer", "tmpfs", 0, NULL);
	mkdir("/layer/upper", 0755);
	mkdir("/layer/work", 0755);
	if (mount("overlay", "/root", "overlay", 0,
		  "lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work"))
		lost("cannot lay memory over the host's files");
	mount_all("/root");
	if (chroot("/root") || chdir("/"))
		lost("cannot enter the host's files");
}

static void mount_disk(void)
{
	mkdir("/mnt", 0755);
	if (mount("/dev/vda", "/mnt", "ext4", 0, NULL))
		lost("cannot mount the disk (are virtio_blk and ext4 in this kernel or among its modules?)");
}

static void become_terminal(void)
{
	struct winsize size = {
		.ws_row = atoi(orders.rows), .ws_col = atoi(orders.columns),
	};
	struct termios sane;

	setsid();
	ioctl(report, TIOCSCTTY, 0);
	tcgetattr(report, &sane);
	sane.c_iflag |= ICRNL | IXON;
	sane.c_oflag |= OPOST | ONLCR;
	sane.c_lflag |= ISIG | ICANON | ECHO | ECHOE | ECHOK | IEXTEN;
	tcsetattr(report, TCSANOW, &sane);
	ioctl(report, TIOCSWINSZ, &size);
	for (int fd = 0; fd <= 2; fd++)
		dup2(report, fd);
}

static pid_t start(int out[2], int err[2])
{
	bool shell = !strcmp(orders.verb, "shell");
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		lost("cannot make a pipe");
	pid = fork();
	if (pid < 0)
		lost("cannot fork");
	if (pid) {
		close(out[1]);
		close(err[1]);
		return pid;
	}
	if (shell) {
		become_terminal();
	} else {
		int null = open("/dev/null", O_RDONLY);

		setsid();
		dup2(null, STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		if (null > 2)
			close(null);
	}
	if (chdir(orders.directory)) {
		dprintf(STDERR_FILENO, "cannot enter %s: %s\n",
			orders.directory, strerror(errno));
		_exit(126);
	}
	execvp(orders.argv[0], orders.argv);
	dprintf(STDERR_FILENO, "%s: %s\n", orders.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * Pass on what is there to read. Returns false at the end of the stream. In a
 * frame at a time, so that output and errors stay in order as far as known.
 */
static bool pump(int fd, const char *kind)
{
	char data[4096];
	ssize_t length = read(fd, data, sizeof(data));

	if (length <= 0)
		return length < 0 && (errno == EINTR || errno == EAGAIN);
	frame(kind, length);
	write_all(report, data, length);
	return true;
}

/*
 * Pump until the program has ended and what it wrote is passed on. A process
 * that it left behind may hold the pipes open: that is not waited for.
 */
static int run(void)
{
	int out[2], err[2], status = 0;
	pid_t pid = start(out, err);
	bool shell = !strcmp(orders.verb, "shell");
	bool ended = false;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = out[0], .events = POLLIN },
			{ .fd = err[0], .events = POLLIN },
			{ .fd = shell ? -1 : report, .events = POLLIN },
		};
		int ready = poll(fds, 3, ended ? 0 : 50);
		pid_t reaped;
		char byte;

		if (fds[0].revents && !pump(out[0], "out")) {
			close(out[0]);
			out[0] = -1;
		}
		if (fds[1].revents && !pump(err[0], "err")) {
			close(err[0]);
			err[0] = -1;
		}
		/* Until it has called setsid() it is no group. */
		if (fds[2].revents && read(report, &byte, 1) == 1 &&
		    byte == 'i' && !ended && kill(-pid, SIGINT))
			kill(pid, SIGINT);
		if (ended && ready <= 0)
			return status;
		while (!ended && (reaped = waitpid(-1, &status, WNOHANG)) > 0)
			ended = reaped == pid;
	}
}

/*
 * A file of the kernel's need not say its size, so it is read until its end;
 * the frames of one file follow each other.
 */
static void send_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char data[4096];
	ssize_t length;

	if (fd < 0)
		lost("cannot open %s", path);
	while ((length = read(fd, data, sizeof(data))) > 0) {
		frame("file", length);
		write_all(report, data, length);
	}
	if (length < 0)
		lost("cannot read %s", path);
	close(fd);
}

/* Copy what a file holds to the kernel's log, if it has the text in it. */
static void log_file(const char *path, const char *text, const char *why)
{
	FILE *file = fopen(path, "re");
	FILE *log = fopen("/dev/kmsg", "we");
	char line[512];
	bool found = false;

	if (!file || !log)
		return;
	setvbuf(log, NULL, _IOLBF, 0);
	while (fgets(line, sizeof(line), file)) {
		if (!found && strstr(line, text))
			found = fprintf(log, "%s\n", why) > 0;
		if (found)
			fputs(line, log);
	}
	fclose(file);
	fclose(log);
}

/*
 * What a debug kernel knows and has not said yet. An object must be some
 * seconds old to count as lost, and once more lost in a second scan.
 */
static void ask_checkers(void)
{
	static const char leaks[] = "/sys/kernel/debug/kmemleak";
	int fd = open(leaks, O_WRONLY | O_CLOEXEC);

	log_file("/proc/lockdep_stats", "debug_locks:                             0",
		 "INFO: possible deadlocks were not looked for to the end:");
	if (fd < 0)
		return;
	sleep(6);
	for (int i = 0; i < 2; i++)
		if (write(fd, "scan", 4) < 0)
			log_file("/proc/version", "", "kmemleak: cannot scan any more:");
	close(fd);
	log_file(leaks, "unreferenced object", "kmemleak: new suspected memory leaks:");
}

/*
 * To enable a tracepoint is to have the scheduler traced too, for the names of
 * processes, and so to patch the scheduler's code. QEMU, when it emulates two
 * processors, now and then goes on with the old code on one of them, which is
 * then a breakpoint for ever. Our events have a pid of their own.
 */
static void keep_scheduler_unpatched(void)
{
	int fd = open("/sys/kernel/tracing/options/record-cmd",
		      O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		perror("record-cmd");
	close(fd);
}

int main(void)
{
	int status;

	mount_all("");
	keep_scheduler_unpatched();
	mkdir("/tmp", 01777);
	chmod("/tmp", 01777);
	open_report();
	read_orders();
	if (!orders.argv || !orders.argv[0])
		lost("no orders");
	frame("up", 0);
	/* Drain the port: the runner must see "up" before what we load can crash. */
	tcdrain(report);
	if (!strcmp(orders.verb, "probe")) {
		frame("exit", 0);
		power_off();
	}

	setenv("PATH", "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin",
	       1);
	setenv("HOME", "/root", 1);
	setenv("SHMCOUNT_GUEST", orders.kind, 1);
	setenv("TERM", orders.term, 1);
	if (sethostname("shmcount", 8))
		lost("cannot set the host name");
	if (strcmp(orders.verb, "tap") &&
	    load("/lib/shmcount.ko", orders.parameters))
		lost("cannot load /lib/shmcount.ko%s%.100s",
		     *orders.parameters ? " with " : "", orders.parameters);
	if (!strcmp(orders.root, "host")) {
		load_all("/modules/host");
		if (*orders.disk)
			load_all("/modules/disk");
		show_host();
	}
	if (*orders.disk)
		mount_disk();

	frame("ready", 0);
	status = run();
	ask_checkers();
	if (*orders.wanted)
		send_file(orders.wanted);
	if (WIFSIGNALED(status))
		frame("signal", WTERMSIG(status));
	else
		frame("exit", WEXITSTATUS(status));
	power_off();
}
