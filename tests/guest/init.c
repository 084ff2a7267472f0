// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the guest: mounts what programs expect, runs one program, reports
 * what it printed and how it ended, and powers off. vm.h has the config by which
 * the runner says what to do, and the frames of the report.
 *
 * A guest that boots without a config is a template: it waits until the runner has
 * saved it, and goes on when it is restored, with a config and files from its disk.
 *
 * /config, and the nonce in it, is gone before the program starts. Before the
 * guest ends, a kernel with sanitizers is asked what they have found.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifdef __x86_64__
#include <sys/io.h>
#endif

#include "archive.h"
#include "vm.h"

static struct {
	const char *nonce, *time, *seed, *verb, *parameters, *guest, *host, *disk;
	const char *directory, *rows, *columns, *term;
	char **argv, **fetch;
} config = { .nonce = VM_TEMPLATE_NONCE, .verb = "" };

static int report = -1;

static _Noreturn void power_off(void)
{
	int line = 0;

	/* tcdrain() gives up on a slow reader; the port says when all is out. */
	tcdrain(report);
	while (!ioctl(report, TIOCSERGETLSR, &line) && !(line & TIOCSER_TEMT))
		usleep(1000);
	sync();
#ifdef __x86_64__
	if (!ioperm(VM_EXIT_PORT, 1, 1))
		outb(VM_EXIT_VALUE, VM_EXIT_PORT);
#endif
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

/* In a shell the port is the terminal: the kernel's console carries the frames. */
static void frame(const char *kind, long number)
{
	bool shell = !strcmp(config.verb, "shell");
	char line[128];

	write_all(shell ? STDERR_FILENO : report, line,
		  snprintf(line, sizeof(line), "%s %s %ld\n", config.nonce,
			   kind, number));
}

static _Noreturn __attribute__((format(printf, 1, 2)))
void init_error(const char *format, ...)
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
	frame("init-error", length);
	write_all(report, reason, length);
	power_off();
}

static void mount_at(const char *root, const char *where, const char *type,
		     const char *options)
{
	char path[64];

	snprintf(path, sizeof(path), "%s%s", root, where);
	mkdir(path, 0755);
	/* If the kernel lacks this file system, the test that needs it will say so. */
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

/* Read a whole file of the initramfs, and put a NUL after it. */
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

/* See vm.h for what is escaped. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		bool escaped = *text == '\\' && text[1];

		text += escaped;
		*to++ = escaped && *text == 'n' ? '\n' : *text;
	}
	*to = '\0';
}

/* Returns false if there is no config: this guest becomes a template. */
static bool read_config(void)
{
	static const struct {
		const char *key, **value;
	} fields[] = {
		{ "nonce", &config.nonce }, { "time", &config.time },
		{ "seed", &config.seed }, { "verb", &config.verb },
		{ "parameters", &config.parameters }, { "guest", &config.guest },
		{ "host", &config.host }, { "disk", &config.disk },
		{ "directory", &config.directory },
		{ "rows", &config.rows }, { "columns", &config.columns },
		{ "term", &config.term },
	};
	size_t length = 0, arguments = 0, files = 0;
	char *data = read_file("/config", &length), *line;

	if (!data)
		return false;
	unlink("/config");
	config.argv = calloc(length + 1, sizeof(char *));
	config.fetch = calloc(length + 1, sizeof(char *));
	while ((line = strsep(&data, "\n"))) {
		char *key = strsep(&line, "=");

		if (!line)
			continue;
		unescape(line);
		if (!strcmp(key, "argument"))
			config.argv[arguments++] = line;
		if (!strcmp(key, "fetch"))
			config.fetch[files++] = line;
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
			if (!strcmp(key, fields[i].key))
				*fields[i].value = line;
	}
	return true;
}

static void open_report(void)
{
	struct termios raw;

	report = open(VM_PORT, O_RDWR | O_NOCTTY | O_CLOEXEC);
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

/* Load what a list in /modules names; without a list all is built in. */
static void load_all(const char *list)
{
	size_t length;
	char *order = read_file(list, &length);
	char path[128];

	for (char *name = order ? strtok(order, "\n") : NULL; name;
	     name = strtok(NULL, "\n")) {
		snprintf(path, sizeof(path), "/modules/%s", name);
		/* ENODEV: the module is for another processor. */
		if (load(path, "") && errno != ENODEV)
			init_error("cannot load %s", path);
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
		init_error("cannot mount the host's files");
	mount("tmpfs", "/layer", "tmpfs", 0, NULL);
	mkdir("/layer/upper", 0755);
	mkdir("/layer/work", 0755);
	if (mount("overlay", "/root", "overlay", 0,
		  "lowerdir=/host,upperdir=/layer/upper,workdir=/layer/work"))
		init_error("cannot lay memory over the host's files");
	mount_all("/root");
	if (chroot("/root") || chdir("/"))
		init_error("cannot enter the host's files");
}

static void mount_disk(void)
{
	mkdir("/mnt", 0755);
	if (mount(config.disk, "/mnt", "ext4", 0, NULL))
		init_error("cannot mount the disk (are virtio_blk and ext4 in this kernel or among its modules?)");
}

static void become_terminal(void)
{
	struct winsize size = {
		.ws_row = atoi(config.rows), .ws_col = atoi(config.columns),
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

static pid_t start(int in[2], int out[2], int err[2])
{
	bool shell = !strcmp(config.verb, "shell");
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		init_error("cannot make a pipe");
	pid = fork();
	if (pid < 0)
		init_error("cannot fork");
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
		dup2(strcmp(config.verb, "tap") ? null : in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		if (null > 2)
			close(null);
	}
	if (chdir(config.directory)) {
		dprintf(STDERR_FILENO, "cannot enter %s: %s\n",
			config.directory, strerror(errno));
		_exit(126);
	}
	execvp(config.argv[0], config.argv);
	dprintf(STDERR_FILENO, "%s: %s\n", config.argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/*
 * Send what can be read as one frame, so that output and errors keep their order
 * as far as it is known. Returns false at the end of the stream.
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
 * Run the program and send what it writes; a test program gets what the host answers.
 * A process that it leaves behind may hold the pipes open, so do not wait for their end.
 */
static int run(void)
{
	int in[2], out[2], err[2], status = 0;
	pid_t pid = start(in, out, err);
	bool shell = !strcmp(config.verb, "shell");
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
		if (fds[2].revents && read(report, &byte, 1) == 1) {
			if (byte != 'i')
				write_all(in[1], &byte, 1);
			/* It leads no group until it has called setsid(). */
			else if (!ended && kill(-pid, SIGINT))
				kill(pid, SIGINT);
		}
		if (ended && ready <= 0)
			return status;
		while (!ended && (reaped = waitpid(-1, &status, WNOHANG)) > 0)
			ended = reaped == pid;
	}
}

/*
 * Read to the end: a file in /proc or /sys need not know its size. A program that failed
 * says more about its failure than that there is no file.
 */
static void send_file(int number, const char *path, bool may_lack)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char data[4096];
	ssize_t length;

	if (fd < 0 && may_lack)
		return;
	if (fd < 0)
		init_error("cannot open %s", path);
	frame("fetch", number);
	while ((length = read(fd, data, sizeof(data))) > 0) {
		frame("file", length);
		write_all(report, data, length);
	}
	if (length < 0)
		init_error("cannot read %s", path);
	close(fd);
}

/* If the file contains the text, log why, and the file from there on. */
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
 * Log what a debug kernel has found and not said yet. kmemleak reports an object that
 * is some seconds old and that two scans miss.
 */
static void ask_sanitizers(void)
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
 * Enabling a tracepoint also traces the scheduler, for the names of processes, and so
 * patches the scheduler's code. With two emulated processors QEMU now and then keeps
 * running the old code on one of them, which then hits the breakpoint for ever. Our
 * events have a pid of their own.
 */
static void keep_scheduler_unpatched(void)
{
	int fd = open("/sys/kernel/tracing/options/record-cmd",
		      O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0", 1) < 0)
		perror("record-cmd");
	close(fd);
}

static long taint(void)
{
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");
	long mask = -1;

	if (file && fscanf(file, "%ld", &mask) != 1)
		mask = -1;
	if (file)
		fclose(file);
	return mask;
}

/* Drain the port: the runner must see "up" before anything we load can crash. */
static void say_up(void)
{
	frame("up", 0);
	tcdrain(report);
}

/* Load what the initramfs has for this kind of guest, once. */
static void load_guest_modules(void)
{
	static const char *const lists[] = {
		"/modules/payload", "/modules/host", "/modules/disk",
	};
	static bool loaded;

	for (size_t i = 0; i < ARRAY_SIZE(lists) && !loaded; i++)
		load_all(lists[i]);
	loaded = true;
}

/*
 * Returns false if there is no payload on the disk yet. The kernel has kept what it read
 * when it looked for partitions, hence O_DIRECT, which needs an aligned buffer. Nobody
 * else may read the nonce, so the disk is empty afterwards.
 */
static bool unpack_payload(void)
{
	static _Alignas(4096) char buffer[1 << 20];
	int fd = open("/dev/vda", O_RDWR | O_DIRECT | O_CLOEXEC);
	uint64_t range[2] = { 0 };	/* offset and length */
	FILE *disk = fdopen(fd, "r");
	bool there;

	if (!disk || read(fd, buffer, 4096) < 0)
		init_error("cannot read /dev/vda");
	there = buffer[0];
	if (there) {
		rewind(disk);
		setvbuf(disk, buffer, _IOFBF, sizeof(buffer));
		if (unpack_archive(disk))
			init_error("cannot unpack the payload");
		range[1] = lseek(fd, 0, SEEK_CUR);
		if (ioctl(fd, BLKZEROOUT, range))
			init_error("cannot empty /dev/vda");
	}
	fclose(disk);
	return there;
}

/*
 * Wait to be saved. The payload is on the disk only when the guest has been restored,
 * and this is the first to read it.
 */
static void become_template(void)
{
	say_up();
	load_guest_modules();
	frame("ready", 0);
	while (!unpack_payload())
		usleep(2000);
	read_config();
}

/*
 * A restored kernel has the clock and the random numbers of its template. One that has
 * booted has read the clock later than the runner has.
 */
static void set_clock_and_seed(void)
{
	/* A struct rand_pool_info: bits, bytes, the bytes. */
	int pool[2 + VM_SEED_WORDS] = { 32 * VM_SEED_WORDS, 4 * VM_SEED_WORDS };
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	struct timespec time, is;

	clock_gettime(CLOCK_REALTIME, &is);
	if (sscanf(config.time, "%ld.%ld", &time.tv_sec, &time.tv_nsec) != 2 ||
	    (time.tv_sec > is.tv_sec && clock_settime(CLOCK_REALTIME, &time)))
		init_error("cannot set the clock");
	for (int i = 0; i < VM_SEED_WORDS; i++)
		if (sscanf(config.seed + 8 * i, "%8x",
			   (unsigned int *)&pool[2 + i]) != 1)
			init_error("there is no seed");
	if (ioctl(fd, RNDADDENTROPY, pool) || ioctl(fd, RNDRESEEDCRNG))
		init_error("cannot seed the random numbers");
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
	if (!read_config())
		become_template();
	if (!config.argv || !config.argv[0])
		init_error("no config");
	say_up();
	if (!strcmp(config.verb, "probe")) {
		frame("exit", 0);
		power_off();
	}
	load_guest_modules();
	set_clock_and_seed();

	setenv("PATH", "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin",
	       1);
	setenv("HOME", "/root", 1);
	setenv("SHMCOUNT_GUEST", config.guest, 1);
	setenv("TERM", config.term, 1);
	if (sethostname("shmcount", 8))
		init_error("cannot set the host name");
	if (strcmp(config.verb, "tap") && !access("/lib/shmcount.ko", F_OK) &&
	    load("/lib/shmcount.ko", config.parameters))
		init_error("cannot load /lib/shmcount.ko%s%.100s",
		     *config.parameters ? " with " : "", config.parameters);
	if (*config.host)
		show_host();
	if (*config.disk)
		mount_disk();

	frame("ready", 0);
	status = run();
	ask_sanitizers();
	for (int i = 0; config.fetch[i]; i++)
		send_file(i, config.fetch[i], status);
	frame("taint", taint());
	if (WIFSIGNALED(status))
		frame("signal", WTERMSIG(status));
	else
		frame("exit", WEXITSTATUS(status));
	power_off();
}
