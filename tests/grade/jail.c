// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the build of a submission in a Debian tree that it cannot leave.
 *
 *   jail [-g] [-t SECONDS] TREE DIR FILE COMMAND [ARG...]
 *
 * Copies the files of DIR to /home of the tree, runs the command there, and copies
 * FILE, if the command wrote one, back into DIR. The command sees the tree, read only,
 * and a tmpfs at /home and /tmp: no file of the host, no other process, no network.
 * Its user is nobody or, if we are not root, the root of a user namespace without
 * capabilities. Processor time, memory, processes, files and output are limited.
 *
 * Where the kernel refuses namespaces to an ordinary user, the jail runs itself by sudo,
 * if sudo asks for no password. Where there is no such way, as for the root of most
 * containers, it boots the kernel that TREE came with, and runs itself there with -g: it
 * looks for no other way.
 *
 * Exit status: that of the command, or 128 + the signal that ended it; 124: the
 * command took longer than SECONDS; 123: FILE is not a plain file of up to 16 MB;
 * 125: no jail is possible here. For the last three standard error says why.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "signals.h"
#include "util.h"

enum { NOBODY = 65534 };
enum { MAX_OUTPUT = 64 * 1024, MAX_FILE_SIZE = 16 << 20 };
enum { GUEST_SLOWER = 20, MAX_SECONDS = 86400, GUEST_SECONDS = 60 };

/* For each process of the build. Only one at a time needs much memory. */
static const struct {
	int resource;
	rlim_t max;
} limits[] = {
	{ RLIMIT_CPU, 60 },
	{ RLIMIT_AS, 1 << 30 },
	{ RLIMIT_FSIZE, 32 << 20 },
	{ RLIMIT_NPROC, 128 },
	{ RLIMIT_NOFILE, 128 },
	{ RLIMIT_CORE, 0 },
};

static char *const environment[] = {
	"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/tmp", NULL,
};

static int seconds = 120;
static bool root;

#define no_jail(format, ...) die(STATUS_INFRASTRUCTURE, format ": %m", ##__VA_ARGS__)

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		no_jail("cannot write %s", path);
	close(fd);
}

static void map_root(uid_t uid, gid_t gid)
{
	char map[64];

	write_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", uid);
	write_text("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %d 1", gid);
	write_text("/proc/self/gid_map", map);
}

static void mount_in(const char *what, const char *where, const char *type,
		     unsigned long flags, const char *data)
{
	if (mount(what, where, type, flags, data))
		no_jail("cannot mount %s", where);
}

/*
 * Enter new namespaces; without root that takes a user namespace, too. AppArmor may
 * grant one without any rights: then mount() fails.
 */
static void leave_host(void)
{
	int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC |
		    CLONE_NEWUTS;
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(flags | (root ? 0 : CLONE_NEWUSER)))
		no_jail("cannot make namespaces");
	if (!root)
		map_root(uid, gid);
	mount_in(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* Run a program; returns its exit status, or -1 if there is none. */
static int status_of(void (*run)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		/* Silent: the caller reports if no way works. */
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		run();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		no_jail("cannot fork");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void ask_sudo(void)
{
	execlp("sudo", "sudo", "-n", "true", NULL);
	_exit(127);
}

static void run_by_sudo(char *argv[])
{
	char *args[64] = { "sudo", "-n", realpath("/proc/self/exe", NULL) };
	int argc = 3;

	while (*++argv && argc < 63)
		args[argc++] = *argv;
	if (!*argv)
		execvp(args[0], args);
}

/*
 * Run the jail again in a guest that sees the host's files, as root there. What the guest
 * writes is gone with it, except for one file that vm brings back. It has to be there, so
 * one that is empty stands for none.
 */
static int run_in_guest(char *argv[])
{
	char *line = text_of("SLOWER=%d \"$0\" \"$@\"; status=$?; "
			     "cat \"$5/$6\" >/made 2>/dev/null; exit $status",
			     GUEST_SLOWER * slower_by());
	char *made = text_of("%s/%s", argv[1], argv[2]);
	char *jail = realpath("/proc/self/exe", NULL);
	char *build = dirname(dirname(text_of("%s", jail)));
	char *args[64] = {
		text_of("%s/tests/vm", build), "-b", "-1", "-H",
		"-a", "maxcpus=1 mitigations=off",
		"-k", text_of("%s/..", argv[0]), "-i", text_of("%s/guest/init", build),
		"-T", text_of("%s/templates", build),
		"-t", text_of("%d", seconds * GUEST_SLOWER + GUEST_SECONDS),
		"-o", text_of("/made:%s", made),
		"run", "sh", "-c", line, jail, "-g", "-t", text_of("%d", seconds),
	};
	int argc = 0, status;
	struct stat stat_of;
	pid_t pid;

	/* Not in DIR, whose files are copied. */
	setenv("TMPDIR", realpath(text_of("%s/..", argv[1]), NULL) ?: "", 1);
	while (args[argc])
		argc++;
	while (*argv && argc < 63)
		args[argc++] = *argv++;
	if (*argv)
		die(STATUS_USAGE, "the command has too many arguments");
	pid = fork_bound(SIGTERM);
	if (!pid) {
		execv(args[0], args);
		fprintf(stderr, "jail: cannot run %s: %m\n", args[0]);
		_exit(STATUS_INFRASTRUCTURE);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		no_jail("cannot fork");
	status = WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_INFRASTRUCTURE;
	if (!stat(made, &stat_of) && !stat_of.st_size)
		unlink(made);
	if (status != STATUS_INFRASTRUCTURE && status != STATUS_CRASH)
		return status;
	die(STATUS_INFRASTRUCTURE, "%s, and no guest that could make them", root ?
	    "root may make no namespaces here" :
	    "not root, no sudo that works without a password (sudo -v first), no user namespace for us");
}

/* Mount what the build may see, and make the tree the root. */
static void enter_tree(const char *tree)
{
	unsigned long flags = MS_NOSUID | MS_NODEV;
	struct statvfs stat;

	mount_in(tree, tree, NULL, MS_BIND, NULL);
	if (chdir(tree))
		no_jail("cannot enter %s", tree);
	mount_in("home", "home", "tmpfs", flags, "size=64m,nr_inodes=2000");
	mount_in("tmp", "tmp", "tmpfs", flags,
		 "size=64m,nr_inodes=2000,mode=1777");
	mount_in("dev", "dev", "tmpfs", flags | MS_NOEXEC,
		 "size=4k,nr_inodes=4,mode=755");
	close(open("dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
	mount_in("/dev/null", "dev/null", NULL, MS_BIND, NULL);
	/* No /proc: kbuild does not need it, and it shows paths of the host. */

	/* A user namespace must not clear these flags. */
	if (!statvfs(".", &stat))
		flags |= stat.f_flag & (ST_NOATIME | ST_NODIRATIME);
	mount_in(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL);
	/* pivot_root() stacks the old root on the new one; unmount it. */
	if (syscall(SYS_pivot_root, ".", ".") ||
	    umount2(".", MNT_DETACH) || chdir("/home"))
		no_jail("cannot make %s the root", tree);
}

static void copy(int from, int to, const char *name)
{
	char data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		if (write(to, data, n) != n)
			no_jail("cannot write %s", name);
	if (n < 0)
		no_jail("cannot read %s", name);
}

/*
 * The directory is the grader's, and has only plain files in it and folders of them. The
 * user nobody gets the folders: kbuild writes beside the sources.
 */
static void bring_in(int directory, int home)
{
	DIR *dir = fdopendir(dup(directory));
	struct dirent *entry;
	struct stat stat;

	if (!dir)
		no_jail("cannot read the directory");
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		int from, to;

		if (name[0] == '.')
			continue;
		from = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
		if (from < 0 || fstat(from, &stat))
			no_jail("cannot open %s", name);
		if (S_ISDIR(stat.st_mode))
			to = mkdirat(home, name, 0755) ? -1 :
			     openat(home, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		else
			to = openat(home, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				    0644);
		if (to < 0)
			no_jail("cannot copy %s", name);
		if (S_ISDIR(stat.st_mode))
			bring_in(from, to);
		else
			copy(from, to, name);
		close(from);
		close(to);
	}
	closedir(dir);
	if (root && fchown(home, NOBODY, NOBODY))
		no_jail("cannot give /home to nobody");
}

static void bring_out(int directory, const char *name)
{
	int from = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;
	int to;

	/* An empty file does not come out of a guest either. */
	if (from < 0 || fstat(from, &stat) || (S_ISREG(stat.st_mode) && !stat.st_size))
		return;
	if (!S_ISREG(stat.st_mode) || stat.st_size > MAX_FILE_SIZE) {
		fprintf(stderr, "jail: %s is not a plain file of up to %d MB\n",
			name, MAX_FILE_SIZE >> 20);
		exit(STATUS_NO_FILE);
	}
	to = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	/* Under sudo we are root, but the grader owns the directory. */
	if (to < 0 || fstat(directory, &stat) ||
	    (root && fchown(to, stat.st_uid, stat.st_gid)))
		no_jail("cannot write %s", name);
	copy(from, to, name);
	close(from);
	close(to);
}

/* Give up all privileges for good. */
static void become_nobody(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		/* The signal of the lower limit says which one it is; SIGKILL would not. */
		rlim_t max = limits[i].max;
		struct rlimit limit;

		if (limits[i].resource == RLIMIT_CPU)
			max *= slower_by();
		limit = (struct rlimit){ max, max + 1 };
		if (setrlimit(limits[i].resource, &limit))
			_exit(STATUS_INFRASTRUCTURE);
	}
	for (int cap = 0; !prctl(PR_CAPBSET_DROP, cap, 0, 0, 0); cap++)
		;
	if (root && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
		     setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(STATUS_INFRASTRUCTURE);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_capset, &header, none))
		_exit(STATUS_INFRASTRUCTURE);
}

static pid_t start_build(char *args[], int output)
{
	pid_t pid = fork();
	int null;

	if (pid)
		return pid;
	setsid();
	null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	syscall(SYS_close_range, 3, ~0U, 0);
	become_nobody();
	execvpe(args[0], args, environment);
	perror(args[0]);
	_exit(127);
}

/* Pass on the output, up to a limit. Returns false at its end. */
static bool pump(int output)
{
	static size_t passed;
	char data[4096];
	ssize_t n = read(output, data, sizeof(data));
	size_t part = n > 0 ? n : 0;

	if (part > MAX_OUTPUT - passed)
		part = MAX_OUTPUT - passed;
	passed += part;
	if (part && write(STDOUT_FILENO, data, part) < 0)
		exit(STATUS_INFRASTRUCTURE);
	return n > 0;
}

/* Reap ended children; if the build has ended, return true and its status. */
static bool has_ended(pid_t build, int *status)
{
	int any_status;
	bool ended = false;
	pid_t pid;

	while ((pid = waitpid(-1, &any_status, WNOHANG)) > 0) {
		if (pid != build)
			continue;
		*status = any_status;
		ended = true;
	}
	return ended;
}

/* Runs as PID 1 of the namespace. Returns the exit status for the build. */
static int oversee(char *args[])
{
	double deadline = now() + seconds * slower_by();
	int output[2], status = 0;
	struct pollfd fd = { .events = POLLIN };
	bool ended = false;
	pid_t pid;

	if (pipe2(output, O_CLOEXEC))
		no_jail("cannot make a pipe");
	pid = start_build(args, output[1]);
	if (pid < 0)
		no_jail("cannot fork");
	close(output[1]);
	fd.fd = output[0];
	while (!ended && now() < deadline) {
		if (poll(&fd, 1, 50) > 0 && !pump(output[0]))
			fd.fd = -1;
		ended = has_ended(pid, &status);
	}
	/* This also closes the write end of the pipe. */
	kill(-1, SIGKILL);
	while (fd.fd >= 0 && pump(output[0]))
		;
	while (wait(NULL) > 0)
		;
	if (!ended) {
		fprintf(stderr, "jail: no end after %u seconds\n",
			seconds * slower_by());
		return STATUS_HANG;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int build(char *argv[])
{
	int directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status;

	if (directory < 0)
		no_jail("cannot open %s", argv[1]);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	enter_tree(argv[0]);
	if (sethostname("build", 5))
		no_jail("cannot name the host");
	bring_in(directory, open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	status = oversee(argv + 3);
	if (!status)
		bring_out(directory, argv[2]);
	return status;
}

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: jail [-g] [-t SECONDS] TREE DIR FILE COMMAND [ARG...]\n");
	exit(STATUS_USAGE);
}

int main(int argc, char *argv[])
{
	bool in_guest = false;
	pid_t pid;
	int option, status;

	while ((option = getopt(argc, argv, "+gt:")) != -1) {
		if (option == 'g')
			in_guest = true;
		else if (option == 't')
			seconds = get_number("-t ", optarg, 1, MAX_SECONDS);
		else
			usage();
	}
	if (argc - optind < 4)
		usage();
	root = !geteuid();
	umask(022);	/* the user nobody has to read the copies */
	signal(SIGCHLD, SIG_DFL);
	if (!in_guest && status_of(leave_host)) {
		if (!root && !status_of(ask_sudo))
			run_by_sudo(argv);
		return run_in_guest(argv + optind);
	}
	leave_host();
	/* When we die, PID 1 dies, and with it the namespace. */
	pid = fork_bound(SIGKILL);
	if (pid < 0)
		no_jail("cannot fork");
	if (!pid)
		exit(build(argv + optind));
	if (waitpid(pid, &status, 0) != pid)
		no_jail("cannot wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : STATUS_INFRASTRUCTURE;
}
