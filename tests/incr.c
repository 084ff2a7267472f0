// SPDX-License-Identifier: GPL-2.0
/*
 * incr: the programs, as their users run them: what they print, how they end,
 * what they say to bad input, and that nobody waits for a dead process.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../user/incr.h"
#include "device.h"
#include "harness.h"
#include "program.h"

enum { ARGS = 5, LOOPS = 500, ENDLESS = 1000000000 };

/* The programs, each with what goes before the loops, and room for those. */
static const struct program {
	const char *args[ARGS];
	int before;		/* how many of args stand before the loops */
	bool separate;
	bool needs_device;
} programs[] = {
	{ { "incr1" }, 1, true, false },
	{ { "incr2", "count" }, 2, false, false },
	{ { "incr3", "count" }, 2, false, false },
	{ { "incr_anon" }, 1, false, false },
	{ { "incr_zero" }, 1, false, false },
	{ { "incr_dev" }, 1, false, true },
};

enum { PROGRAMS = ARRAY_SIZE(programs) };

/* Returns false if the program's device cannot be had here. */
static bool prepare(const struct program *program)
{
	if (program->needs_device && !is_in_guest())
		return false;
	if (program->needs_device)
		load("");
	return true;
}

static void done(const struct program *program)
{
	if (program->needs_device)
		unload();
}

static struct run start_program(const struct program *program, int loops)
{
	struct program command = *program;
	char number[16];

	snprintf(number, sizeof(number), "%d", loops);
	command.args[command.before] = number;
	return start_args(command.args);
}

/*
 * Each line "NAME: N", N counting up from 0; one count for all names, or one
 * for each. Tells how many lines the names have.
 */
static void check_lines(char *output, bool separate, int lines[2])
{
	static const char *const names[] = { "parent", "child" };
	int next[2] = { 0 };

	lines[0] = 0;
	lines[1] = 0;
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
		int who = line[0] == 'c';
		char wanted[32];

		snprintf(wanted, sizeof(wanted), "%s: %d", names[who],
			 next[separate ? who : 0]++);
		EXPECT_STR(line, wanted);
		lines[who]++;
	}
}

TEST_LIMIT(incr, output_is_one_line_for_each_increment, 60)
{
	for (int i = 0; i < PROGRAMS; i++) {
		char closing[200];
		int lines[2];
		struct run run;

		if (!prepare(&programs[i]))
			continue;
		run = start_program(&programs[i], LOOPS);
		collect(&run);
		check_lines(run.output, programs[i].separate, lines);
		EXPECT_EQ(lines[0], LOOPS);
		EXPECT_EQ(lines[1], LOOPS);
		snprintf(closing, sizeof(closing),
			 programs[i].separate ?
			 "%s: %d increments by 2 processes gave counts %d and %d\n" :
			 "%s: %d increments by 2 processes gave count %d\n",
			 programs[i].args[0], 2 * LOOPS,
			 programs[i].separate ? LOOPS : 2 * LOOPS, LOOPS);
		expect_end(&run, 0, closing);
		done(&programs[i]);
	}
}

TEST(incr, no_loops_are_a_count_of_0)
{
	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;

		if (!prepare(&programs[i]))
			continue;
		run = start_program(&programs[i], 0);
		collect(&run);
		expect_end(&run, 0, "0 increments by 2 processes");
		EXPECT_STR(run.output, "");
		done(&programs[i]);
	}
}

TEST(incr, missing_or_extra_arguments_are_usage)
{
	for (int i = 0; i < PROGRAMS; i++) {
		struct program command = programs[i];

		expect_refusal(run_args(command.args), 2, "usage: incr");
		command.args[command.before] = "5";
		command.args[command.before + 1] = "6";
		expect_refusal(run_args(command.args), 2, "usage: incr");
		command.args[1] = NULL;
		expect_refusal(run_args(command.args), 2, "usage: incr");
	}
	expect_refusal(RUN("incr_dev", "-x", "5"), 2, "usage: incr_dev");
	expect_refusal(RUN("incr_dev", "-d"), 2, "usage: incr_dev");
	expect_refusal(RUN("incr_dev", "-a"), 2, "usage: incr_dev");
	EXPECT_ERRNO(access("count", F_OK), ENOENT);
}

TEST_LIMIT(incr, loops_must_be_a_number_in_range, 60)
{
	static const char *const bad[] = {
		"abc", "", "-", "-1", "+5", " 5", "5 ", "5x", "0x10", "1e3",
		"1073741824", "2147483648", "99999999999999999999",
		"-99999999999999999999",
	};

	for (int i = 0; i < PROGRAMS; i++) {
		struct program command = programs[i];

		for (size_t j = 0; j < ARRAY_SIZE(bad); j++) {
			command.args[command.before] = bad[j];
			/* "-1" is an option to incr_dev's getopt. */
			expect_refusal(run_args(command.args), 2,
				       command.needs_device &&
				       bad[j][0] == '-' && bad[j][1] ?
				       "usage: " :
				       "is not a number of loops (0 to 1073741823)");
		}
	}
	EXPECT_ERRNO(access("count", F_OK), ENOENT);
}

TEST(incr, the_greatest_number_of_loops_is_taken)
{
	struct run run = START("incr_anon", "1073741823");
	char byte;

	EXPECT_EQ(read(run.out, &byte, 1), 1);
	EXPECT_OK(kill(run.pid, SIGKILL));
	collect(&run);
}

static void each_with_file(const char *file, int status, const char *text)
{
	expect_refusal(RUN("incr2", file, "5"), status, text);
	expect_refusal(RUN("incr3", file, "5"), status, text);
}

TEST(incr, file_that_cannot_be_made)
{
	each_with_file("no/such/directory/count", 1,
		       "cannot open no/such/directory/count: No such file");
	each_with_file("/tmp", 1, "/tmp");
	each_with_file("", 1, "No such file");
	EXPECT_OK(mkfifo("fifo", 0600));
	each_with_file("fifo", 1, "fifo is not a regular file");
	each_with_file("/dev/null", 1, "/dev/null is not a regular file");
}

static struct run run_as_nobody(const char *const args[])
{
	struct run run;
	pid_t pid;
	int out[2];

	EXPECT_OK(pipe2(out, O_CLOEXEC));
	pid = fork();
	EXPECT_OK(pid);
	if (!pid) {
		EXPECT_OK(setgid(65534));
		EXPECT_OK(setuid(65534));
		run = run_args(args);
		EXPECT_EQ(write(out[1], &run, sizeof(run)), sizeof(run));
		_exit(0);
	}
	finish(pid);
	EXPECT_EQ(read(out[0], &run, sizeof(run)), sizeof(run));
	close(out[0]);
	close(out[1]);
	return run;
}

TEST(incr, permission_denied)
{
	struct run run;

	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	load("mode=0600");
	run = run_as_nobody((const char *const[]) { "incr_dev", "5", NULL });
	expect_end(&run, 1, "cannot open /dev/shmcount: Permission denied");
	run = run_as_nobody((const char *const[]) { "incr2", "/count", "5",
						    NULL });
	expect_end(&run, 1, "cannot open /count: Permission denied");
}

static bool directory_is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool empty = true;

	EXPECT(directory);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			empty = false;
	closedir(directory);
	return empty;
}

/* A file system of one page, and that is taken. */
TEST(incr, full_disk_leaves_no_file)
{
	char page[4096] = "full";
	struct stat stat_buf;
	int fd;

	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	EXPECT_OK(mkdir("full", 0755));
	EXPECT_OK(mount("full", "full", "tmpfs", 0, "size=4096"));
	EXPECT_OK(chdir("full"));
	fd = EXPECT_OK(open("page", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	EXPECT_EQ(write(fd, page, sizeof(page)), sizeof(page));
	each_with_file("count", 1, "No space left on device");
	EXPECT_ERRNO(access("count", F_OK), ENOENT);

	/* One that was there is there as it was. */
	close(EXPECT_OK(open("count", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
	each_with_file("count", 1, "No space left on device");
	EXPECT_OK(stat("count", &stat_buf));
	EXPECT_EQ(stat_buf.st_size, 0);
	close(fd);
	EXPECT_OK(chdir(".."));
	EXPECT_OK(umount("full"));
}

TEST(incr, file_keeps_what_is_behind_the_count)
{
	char text[200], seen[200];
	int fd;

	memset(text, 't', sizeof(text));
	fd = EXPECT_OK(open("count", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	EXPECT_EQ(write(fd, text, sizeof(text)), sizeof(text));
	for (int i = 1; i <= 2; i++) {
		struct run run = start_program(&programs[i], 10);
		size_t taken = i == 1 ? sizeof(int) : sizeof(struct shared);

		collect(&run);
		expect_end(&run, 0, "gave count 20");
		EXPECT_EQ(pread(fd, seen, sizeof(seen), 0), sizeof(seen));
		EXPECT_EQ(memcmp(seen + taken, text + taken,
				 sizeof(text) - taken), 0);
		EXPECT_EQ(lseek(fd, 0, SEEK_END), sizeof(text));
	}
}

TEST(incr, file_in_use_is_refused)
{
	int fd;

	fd = EXPECT_OK(open("count", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	EXPECT_OK(flock(fd, LOCK_EX));
	each_with_file("count", 1, "count is in use by another run");
	close(fd);
}

/* With standard output there, each fails and leaves no file. */
static void each_fails_into(const char *file)
{
	for (int i = 0; i < PROGRAMS; i++) {
		struct program command = programs[i];

		if (!prepare(&command))
			continue;
		command.args[command.before] = "5";
		EXPECT_EQ(run_into(file, command.args), 1);
		EXPECT_ERRNO(access("count", F_OK), ENOENT);
		done(&command);
	}
}

TEST(incr, output_that_cannot_be_written)
{
	each_fails_into("/dev/full");
	if (access("/bin/sh", X_OK))
		return;
	/* One line, although both processes fail. */
	for (int i = 0; i < 20; i++) {
		struct run run = RUN("/bin/sh", "-c",
				     "exec $PROGRAMS/incr_anon 10 >/dev/full");

		expect_refusal(run, 1, "cannot write standard output: No space");
	}
}

TEST(incr, closed_output_is_an_error)
{
	each_fails_into(NULL);
}

static void wait_until_zombie(pid_t pid)
{
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z') {
		FILE *file = fopen(path, "re");

		EXPECT(file);
		EXPECT_EQ(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		fclose(file);
		usleep(1000);
	}
}

/*
 * Let the program's child run to its end while the program itself still stands
 * at its fork; then let that go on, too.
 */
static void let_child_end_first(pid_t pid)
{
	unsigned long child;
	int status;

	EXPECT_EQ(waitpid(pid, &status, 0), pid);	/* at its exec */
	EXPECT_OK(ptrace(PTRACE_SETOPTIONS, pid, 0,
			 PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
	EXPECT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	EXPECT_EQ(status >> 8, SIGTRAP | PTRACE_EVENT_FORK << 8);
	EXPECT_OK(ptrace(PTRACE_GETEVENTMSG, pid, 0, &child));
	EXPECT_EQ(waitpid(child, &status, __WALL), child);
	EXPECT_OK(ptrace(PTRACE_DETACH, child, 0, 0));
	wait_until_zombie(child);
	EXPECT_OK(ptrace(PTRACE_DETACH, pid, 0, 0));
}

TEST(incr, child_that_fails_first_leaves_no_file)
{
	static const char *const names[] = { "incr2", "incr3" };

	for (int i = 0; i < 2; i++) {
		const char *const args[] = { names[i], "count", "5", NULL };
		pid_t pid = fork();
		int status;

		EXPECT_OK(pid);
		if (!pid) {
			close(STDOUT_FILENO);
			EXPECT_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
			exec_program(args);
		}
		let_child_end_first(pid);
		EXPECT_EQ(waitpid(pid, &status, 0), pid);
		EXPECT(WIFEXITED(status));
		EXPECT_EQ(WEXITSTATUS(status), 1);
		EXPECT_ERRNO(access("count", F_OK), ENOENT);
	}
}

/* Who loses the race for a new file leaves it to who has won. */
TEST(incr, runs_that_make_the_same_file)
{
	for (int round = 0; round < 50; round++) {
		const char *args[] = { "incr2", "count", "5", NULL };
		bool counted = false;
		struct run runs[3];
		int gate[2];

		EXPECT_OK(pipe2(gate, O_CLOEXEC));
		for (int i = 0; i < 3; i++)
			runs[i] = start_behind(gate, args);
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < 3; i++) {
			collect(&runs[i]);
			counted |= WEXITSTATUS(runs[i].status) == 0;
			if (WEXITSTATUS(runs[i].status))
				expect_refusal(runs[i], 1,
					       "count is in use by another run");
		}
		EXPECT(counted);
		EXPECT_OK(unlink("count"));
	}
}

TEST(incr, file_size_limit_leaves_no_file)
{
	struct rlimit limit = { 0, RLIM_INFINITY };

	struct run runs[2];

	EXPECT_OK(setrlimit(RLIMIT_FSIZE, &limit));
	runs[0] = RUN("incr2", "count", "5");
	runs[1] = RUN("incr3", "count", "5");
	limit.rlim_cur = RLIM_INFINITY;
	EXPECT_OK(setrlimit(RLIMIT_FSIZE, &limit));
	for (int i = 0; i < 2; i++)
		expect_refusal(runs[i], 1, "File too large");
	EXPECT_ERRNO(access("count", F_OK), ENOENT);
}

TEST(incr, missing_device_says_what_to_do)
{
	/* This host may have it. */
	if (access(DEVICE, F_OK)) {
		expect_refusal(RUN("incr_dev", "5"), 1,
			       "/dev/shmcount is missing: load the module first");
		expect_refusal(RUN("incr_dev", "-a", "5"), 1,
			       "/dev/shmcount is missing: load the module first");
	}
	expect_refusal(RUN("incr_dev", "-d", "/dev/no-such", "5"), 1,
		       "/dev/no-such is missing");
}

TEST(incr, region_that_is_too_small)
{
	int fd;

	fd = EXPECT_OK(open("small", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	expect_refusal(RUN("incr_dev", "-d", "small", "5"), 1,
		       "the region of small is too small: 0 bytes");
	EXPECT_EQ(write(fd, "12345678", 8), 8);
	expect_refusal(RUN("incr_dev", "-d", "small", "5"), 1,
		       "the region of small is too small: 8 bytes");
	expect_refusal(RUN("incr_dev", "-d", "/dev/null", "5"), 1,
		       "cannot map /dev/null");
}

/* Kill the child of a run; the parent says so and ends within a second. */
static void expect_end_after_kill(struct run *run, pid_t child)
{
	double killed = now();

	EXPECT_OK(kill(child, SIGKILL));
	collect(run);
	expect_end(run, 1, "child was killed by signal 9 (Killed)");
	if (now() - killed > 1)
		FAIL("the parent took %.2f s to end", now() - killed);
}

TEST_LIMIT(incr, killed_child_ends_the_parent, 60)
{
	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;
		pid_t child;
		char bytes[4096];

		if (!prepare(&programs[i]))
			continue;
		run = start_program(&programs[i], ENDLESS);
		child = child_of(run.pid);
		for (int j = 0; j < 3; j++)
			EXPECT(read(run.out, bytes, sizeof(bytes)) > 0);
		expect_end_after_kill(&run, child);
		done(&programs[i]);
	}
}

TEST_LIMIT(incr, child_killed_while_it_holds_the_semaphore, 60)
{
	if (access("/proc/self/syscall", R_OK))
		test_skip("this kernel does not tell system calls");
	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;
		pid_t child;

		if (!prepare(&programs[i]))
			continue;
		run = start_program(&programs[i], ENDLESS);
		child = child_of(run.pid);
		wait_until_holder(child, run.out);
		expect_end_after_kill(&run, child);
		done(&programs[i]);
	}
}

TEST_LIMIT(incr, killed_parent_takes_the_child_along, 60)
{
	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;
		double killed;
		pid_t child;

		if (!prepare(&programs[i]))
			continue;
		run = start_program(&programs[i], ENDLESS);
		child = child_of(run.pid);
		EXPECT_OK(kill(run.pid, SIGKILL));
		/* The output ends when the last that can write it is gone. */
		killed = now();
		collect(&run);
		if (now() - killed > 1)
			FAIL("child %d outlived the parent by %.2f s", child,
			     now() - killed);
		done(&programs[i]);
	}
}

/* Start it with these signals ignored. */
static struct run start_ignoring(const struct program *program, int loops,
				 const int *signals)
{
	struct program command = *program;
	char number[16];

	snprintf(number, sizeof(number), "%d", loops);
	command.args[command.before] = number;
	return start_prepared(ignore_signals, signals, command.args);
}

/* More than a pipe holds: neither is done before somebody reads. */
enum { MANY = 10000 };

/* As nohup starts it, or a shell in the background. */
TEST_LIMIT(incr, ignored_signals_are_ignored, 60)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, 0 };

	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;
		int lines[2];
		pid_t child;

		if (!prepare(&programs[i]))
			continue;
		run = start_ignoring(&programs[i], MANY, signals);
		child = child_of(run.pid);
		/* Both have come to count. */
		wait_until_asleep(run.pid);
		wait_until_asleep(child);
		for (int j = 0; signals[j]; j++) {
			EXPECT_OK(kill(run.pid, signals[j]));
			EXPECT_OK(kill(child, signals[j]));
		}
		collect(&run);
		expect_end(&run, 0, "20000 increments by 2 processes");
		check_lines(run.output, programs[i].separate, lines);
		EXPECT_EQ(lines[0], MANY);
		EXPECT_EQ(lines[1], MANY);
		done(&programs[i]);
	}
}

static void lose_reader(struct run *run)
{
	close(run->out);
	run->out = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* The child goes with its parent all the same. */
TEST_LIMIT(incr, ignored_signals_keep_no_child_alive, 60)
{
	static const int all[] = {
		SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, 0
	};

	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;
		double killed;

		if (!prepare(&programs[i]))
			continue;
		run = start_ignoring(&programs[i], ENDLESS, all);
		child_of(run.pid);
		EXPECT_OK(kill(run.pid, SIGKILL));
		killed = now();
		collect(&run);
		if (now() - killed > 1)
			FAIL("the child outlived the parent by %.2f s",
			     now() - killed);

		run = start_ignoring(&programs[i], ENDLESS, all);
		child_of(run.pid);
		lose_reader(&run);
		collect(&run);
		expect_end(&run, 1, "cannot write standard output: Broken pipe");
		done(&programs[i]);
	}
}

/* It ends as any program does whose reader goes away: by SIGPIPE, silently. */
static void expect_sigpipe(struct run *run)
{
	collect(run);
	EXPECT_STR(run->errors, "");
	if (!WIFSIGNALED(run->status) || WTERMSIG(run->status) != SIGPIPE)
		FAIL("expected SIGPIPE, saw wait status %#x", run->status);
}

static void expect_file(const struct program *program)
{
	if (program->before == 2)
		EXPECT_OK(unlink(program->args[1]));
}

TEST_LIMIT(incr, reader_that_goes_away_ends_it_the_same_way, 120)
{
	char byte;

	for (int i = 0; i < PROGRAMS; i++) {
		struct run run;

		if (!prepare(&programs[i]))
			continue;
		for (int round = 0; round < 50; round++) {
			run = start_program(&programs[i], ENDLESS);
			EXPECT_EQ(read(run.out, &byte, 1), 1);
			lose_reader(&run);
			expect_sigpipe(&run);
			expect_file(&programs[i]);
		}
		done(&programs[i]);
	}
}

/* Whether it is the parent or the child that meets it, and alone. */
TEST_LIMIT(incr, reader_that_goes_away_from_either, 60)
{
	if (access("/proc/self/syscall", R_OK))
		test_skip("this kernel does not tell system calls");
	for (int i = 0; i < 2 * PROGRAMS; i++) {
		const struct program *program = &programs[i / 2];
		struct run run;
		pid_t child;

		if (!prepare(program))
			continue;
		run = start_program(program, ENDLESS);
		child = child_of(run.pid);
		wait_until_holder(i % 2 ? child : run.pid, run.out);
		EXPECT_OK(kill(i % 2 ? run.pid : child, SIGSTOP));
		lose_reader(&run);
		if (i % 2) {
			wait_until_zombie(child);
			EXPECT_OK(kill(run.pid, SIGCONT));
		}
		expect_sigpipe(&run);
		expect_file(program);
		done(program);
	}
}

/* Its parent does not know it there by getppid(). */
static void begin_pid_namespace(const void *unused)
{
	(void)unused;
	EXPECT_OK(unshare(CLONE_NEWPID));
}

TEST_LIMIT(incr, child_in_a_pid_namespace_of_its_own, 60)
{
	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	if (access("/proc/self/ns/pid", F_OK))
		test_skip("this kernel has no pid namespaces");
	for (int i = 0; i < PROGRAMS; i++) {
		struct program command = programs[i];
		struct run run;

		prepare(&command);
		command.args[command.before] = "50";
		run = start_prepared(begin_pid_namespace, NULL, command.args);
		collect(&run);
		expect_end(&run, 0, "100 increments by 2 processes gave count");

		command.args[command.before] = "1000000000";
		run = start_prepared(begin_pid_namespace, NULL, command.args);
		child_of(run.pid);
		EXPECT_OK(kill(run.pid, SIGTERM));
		collect(&run);
		EXPECT(WIFSIGNALED(run.status));
		EXPECT_EQ(WTERMSIG(run.status), SIGTERM);
		done(&command);
	}
}

/* As in a container: the kernel lets it ignore what it does not handle. */
TEST_LIMIT(incr, first_process_of_a_container_can_be_interrupted, 60)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	if (access("/proc/self/ns/pid", F_OK))
		test_skip("this kernel has no pid namespaces");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int own = EXPECT_OK(open("/proc/self/ns/pid",
					 O_RDONLY | O_CLOEXEC));
		struct run run;
		char byte;

		EXPECT_OK(unshare(CLONE_NEWPID));
		run = START("incr_anon", "1000000000");
		EXPECT_OK(setns(own, CLONE_NEWPID));
		close(own);
		EXPECT_EQ(read(run.out, &byte, 1), 1);
		wait_until_asleep(run.pid);
		EXPECT_OK(kill(run.pid, signals[i]));
		collect(&run);
		EXPECT_EQ(run.status, (128 + signals[i]) << 8);
	}
}

static void allow_one_process(const void *unused)
{
	struct rlimit limit = { 2, 2 };

	(void)unused;
	EXPECT_OK(setrlimit(RLIMIT_NPROC, &limit));
	EXPECT_OK(setuid(65534));
}

static void wait_as_nobody(void *unused)
{
	(void)unused;
	EXPECT_OK(setuid(65534));
	sleep(1000);
}

/* There is no child to be ended, and nobody else to be taken for it. */
TEST(incr, failed_fork_ends_nobody_else)
{
	static const char *const args[] = { "incr_anon", "5", NULL };
	struct run run;
	pid_t other;

	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	other = start(wait_as_nobody, NULL);
	wait_until_asleep(other);
	run = start_prepared(allow_one_process, NULL, args);
	collect(&run);
	expect_refusal(run, 1, "cannot fork: Resource temporarily unavailable");
	EXPECT_EQ(waitpid(other, NULL, WNOHANG), 0);
	EXPECT_OK(kill(other, SIGKILL));
	EXPECT_EQ(waitpid(other, NULL, 0), other);
}

TEST(incr, named_semaphore_is_gone_at_once)
{
	struct run run;
	char byte;

	if (!is_in_guest())
		test_skip("needs a /dev/shm of its own");
	EXPECT(directory_is_empty("/dev/shm"));
	run = START("incr1", "1000000000");
	EXPECT_EQ(read(run.out, &byte, 1), 1);
	EXPECT(directory_is_empty("/dev/shm"));
	EXPECT_OK(kill(run.pid, SIGKILL));
	collect(&run);
}

TEST(incr, runs_at_the_same_time_do_not_collide)
{
	struct run runs[8];

	for (int i = 0; i < 8; i++)
		runs[i] = START("incr1", "50");
	for (int i = 0; i < 8; i++) {
		collect(&runs[i]);
		expect_end(&runs[i], 0, "gave counts 50 and 50");
	}
}

/*
 * With another C library, whose semaphores are another kind. On this host a
 * file stands in for the device.
 */
TEST_LIMIT(incr, built_with_musl, 60)
{
	const char *programs_of_host = getenv("PROGRAMS");
	struct run holder, run;

	if (is_in_guest() || !programs_of_host)
		test_skip("needs the sources: PROGRAMS names their folder");
	run = RUN("/bin/sh", "-c", "command -v musl-gcc make");
	if (run.status)
		test_skip("there is no musl-gcc here (Debian's musl-tools)");
	shell("mkdir musl && cp \"$PROGRAMS\"/*.[ch] \"$PROGRAMS\"/Makefile musl/ && "
	      "env -u MAKEFLAGS -u CFLAGS make -s -C musl CC=musl-gcc WERROR=1 "
	      "incr1 incr2 incr3 incr_anon incr_zero incr_dev");
	run = RUN("./musl/incr1", "500");
	expect_end(&run, 0, "gave counts 500 and 500");
	run = RUN("./musl/incr2", "count", "500");
	expect_end(&run, 0, "gave count 1000");
	run = RUN("./musl/incr3", "count", "500");
	expect_end(&run, 0, "gave count 1000");
	run = RUN("./musl/incr_anon", "500");
	expect_end(&run, 0, "gave count 1000");
	run = RUN("./musl/incr_zero", "500");
	expect_end(&run, 0, "gave count 1000");

	shell("head -c 4096 /dev/zero >region");
	run = RUN("./musl/incr_dev", "-d", "region", "500");
	expect_end(&run, 0, "gave count 1000");
	run = RUN("./musl/incr_dev", "-d", "region", "-a", "5");
	expect_end(&run, 0, "gave count 1005");
	expect_refusal(RUN("incr_dev", "-d", "region", "-a", "5"), 1,
		       "the region is not a count: start afresh");

	if (access("/proc/self/syscall", R_OK))
		return;
	holder = START("./musl/incr_dev", "-d", "region", "-a", "1000000000");
	wait_until_holder(holder.pid, holder.out);
	EXPECT_OK(kill(holder.pid, SIGKILL));
	collect(&holder);
	expect_refusal(RUN("./musl/incr_dev", "-d", "region", "-a", "5"), 1,
		       "died holding the semaphore: start afresh");
}
