// SPDX-License-Identifier: GPL-2.0
/*
 * incr: the incr programs as their users run them: output, exit status, bad
 * input, and that no process waits for a dead one.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
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

/* The programs, each with its arguments before the loops, and room for those. */
static const struct program {
	const char *args[ARGS];
	int before;		/* the number of args before the loops */
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

/* Unload the program's module; load that of the next. NULL begins and ends. */
static const struct program *next_program(const struct program *program)
{
	if (program && program->needs_device)
		unload();
	program = program ? program + 1 : programs;
	for (; program < programs + PROGRAMS; program++) {
		if (program->needs_device && !is_in_guest())
			continue;
		if (program->needs_device)
			load("");
		return program;
	}
	return NULL;
}

/* For each of those that this host or guest can run. */
#define for_each_program(program)					\
	for (const struct program *program = next_program(NULL);	\
	     program; program = next_program(program))

/* As start_prepared(). */
static struct run prepare_program(const struct program *program, int loops,
				  void (*prepare)(const void *),
				  const void *argument)
{
	struct program command = *program;

	command.args[command.before] = text_of("%d", loops);
	return start_prepared(prepare, argument, command.args);
}

static struct run start_program(const struct program *program, int loops)
{
	return prepare_program(program, loops, NULL, NULL);
}

/*
 * Each line is "NAME: N", with N from 0 upwards: one count for both names, or
 * one for each. Each name has loops lines.
 */
static void check_lines(const struct run *run, bool separate, int loops)
{
	static const char *const names[] = { "parent", "child" };
	int next[2] = { 0 }, lines[2] = { 0 };
	char *output = run->output;

	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
		int who = line[0] == 'c';

		ASSERT_STREQ(text_of("%s: %d", names[who], next[separate ? who : 0]++), line);
		lines[who]++;
	}
	ASSERT_EQ(loops, lines[0]);
	ASSERT_EQ(loops, lines[1]);
}

TEST_LIMIT(incr, output_is_one_line_for_each_increment, 60)
{
	for_each_program(program) {
		struct run run = start_program(program, LOOPS);

		collect(&run);
		check_lines(&run, program->separate, LOOPS);
		expect_end(&run, 0,
			   text_of(program->separate ?
				   "%s: %d increments by 2 processes gave counts %d and %d\n" :
				   "%s: %d increments by 2 processes gave count %d\n",
				   program->args[0], 2 * LOOPS,
				   program->separate ? LOOPS : 2 * LOOPS, LOOPS));
	}
}

TEST(incr, no_loops_are_a_count_of_0)
{
	for_each_program(program) {
		struct run run = start_program(program, 0);

		expect_end(collect(&run), 0, "0 increments by 2 processes");
		ASSERT_STREQ("", run.output);
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
	ASSERT_ERRNO(ENOENT, access("count", F_OK));
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
	ASSERT_ERRNO(ENOENT, access("count", F_OK));
}

TEST(incr, the_greatest_number_of_loops_is_taken)
{
	struct run run = START("incr_anon", "1073741823");

	wait_for_output(&run);
	kill_and_collect(run.pid, &run);
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
	ASSERT_OK(mkfifo("fifo", 0600));
	each_with_file("fifo", 1, "fifo is not a regular file");
	each_with_file("/dev/null", 1, "/dev/null is not a regular file");
}

enum { NOBODY = 65534 };

static void become_nobody(const void *unused)
{
	(void)unused;
	ASSERT_OK(setgid(NOBODY));
	ASSERT_OK(setuid(NOBODY));
}

static void expect_permission_denied(const char *const args[], const char *text)
{
	struct run run = start_prepared(become_nobody, NULL, args);

	collect(&run);
	expect_refusal(run, 1, text);
}

TEST(incr, permission_denied)
{
	static const char *const device[] = { "incr_dev", "5", NULL };
	static const char *const file[] = { "incr2", "/count", "5", NULL };

	needs_guest();
	load("mode=0600");
	expect_permission_denied(device,
				 "cannot open /dev/shmcount: Permission denied");
	expect_permission_denied(file, "cannot open /count: Permission denied");
}

/* The file system has one page, and that is in use. */
TEST(incr, full_disk_leaves_no_file)
{
	char page[page_size()];
	struct stat stat_buf;
	int fd;

	needs_guest();
	ASSERT_OK(mkdir("full", 0755));
	ASSERT_OK(mount("full", "full", "tmpfs", 0, text_of("size=%zu", page_size())));
	ASSERT_OK(chdir("full"));
	fd = ASSERT_OK(open("page", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	memset(page, 'f', sizeof(page));
	ASSERT_EQ(sizeof(page), write(fd, page, sizeof(page)));
	each_with_file("count", 1, "No space left on device");
	ASSERT_ERRNO(ENOENT, access("count", F_OK));

	/* An existing file stays as it was. */
	close(ASSERT_OK(open("count", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
	each_with_file("count", 1, "No space left on device");
	ASSERT_OK(stat("count", &stat_buf));
	ASSERT_EQ(0, stat_buf.st_size);
	close(fd);
	ASSERT_OK(chdir(".."));
	ASSERT_OK(umount("full"));
}

TEST(incr, file_keeps_what_is_behind_the_count)
{
	char text[200], seen[200];
	int fd;

	memset(text, 't', sizeof(text));
	fd = ASSERT_OK(open("count", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	ASSERT_EQ(sizeof(text), write(fd, text, sizeof(text)));
	for (int i = 1; i <= 2; i++) {
		struct run run = start_program(&programs[i], 10);
		size_t taken = i == 1 ? sizeof(int) : sizeof(struct shared);

		expect_end(collect(&run), 0, "gave count 20");
		ASSERT_EQ(sizeof(seen), pread(fd, seen, sizeof(seen), 0));
		ASSERT_EQ(0,
			  memcmp(seen + taken, text + taken,
				 sizeof(text) - taken));
		ASSERT_EQ(sizeof(text), lseek(fd, 0, SEEK_END));
	}
}

TEST(incr, file_in_use_is_refused)
{
	int fd;

	fd = ASSERT_OK(open("count", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
	ASSERT_OK(flock(fd, LOCK_EX));
	each_with_file("count", 1, "count is in use by another run");
	close(fd);
}

/* With this standard output each program fails and leaves no file. */
static void each_fails_into(const char *file)
{
	for_each_program(program) {
		struct program command = *program;

		command.args[command.before] = "5";
		ASSERT_EQ(1, run_into(file, command.args));
		ASSERT_ERRNO(ENOENT, access("count", F_OK));
	}
}

TEST(incr, output_that_cannot_be_written)
{
	each_fails_into("/dev/full");
	if (access("/bin/sh", X_OK))
		return;
	/* Both processes fail; only one prints a line. */
	for (int i = 0; i < 20; i++) {
		expect_refusal(RUN("/bin/sh", "-c", "exec $PROGRAMS/incr_anon 10 >/dev/full"),
			       1, "cannot write standard output: No space");
	}
}

TEST(incr, closed_output_is_an_error)
{
	each_fails_into(NULL);
}

static void wait_until_zombie(pid_t pid)
{
	for (char state; (state = state_of(pid, NULL)) != 'Z'; usleep(1000))
		ASSERT_TRUE(state != 'X');
}

/* Stop the program in fork() until its child has ended; then continue it. */
static void let_child_end_first(pid_t pid)
{
	unsigned long child;
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));	/* at its exec */
	ASSERT_OK(ptrace(PTRACE_SETOPTIONS, pid, 0,
			 PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL));
	ASSERT_OK(ptrace(PTRACE_CONT, pid, 0, 0));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(SIGTRAP | PTRACE_EVENT_FORK << 8, status >> 8);
	ASSERT_OK(ptrace(PTRACE_GETEVENTMSG, pid, 0, &child));
	ASSERT_EQ(child, waitpid(child, &status, __WALL));
	ASSERT_OK(ptrace(PTRACE_DETACH, child, 0, 0));
	wait_until_zombie(child);
	ASSERT_OK(ptrace(PTRACE_DETACH, pid, 0, 0));
}

TEST(incr, child_that_fails_first_leaves_no_file)
{
	static const char *const names[] = { "incr2", "incr3" };

	for (int i = 0; i < 2; i++) {
		const char *const args[] = { names[i], "count", "5", NULL };
		pid_t pid = fork();
		int status;

		ASSERT_OK(pid);
		if (!pid) {
			close(STDOUT_FILENO);
			ASSERT_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
			exec_program(args);
		}
		let_child_end_first(pid);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		ASSERT_TRUE(WIFEXITED(status));
		ASSERT_EQ(1, WEXITSTATUS(status));
		ASSERT_ERRNO(ENOENT, access("count", F_OK));
	}
}

/* Whoever loses the race for a new file leaves it to the winner. */
TEST(incr, runs_that_make_the_same_file)
{
	static const char *const args[] = { "incr2", "count", "5", NULL };

	for (int round = 0; round < 15; round++) {
		bool counted = false;
		struct run runs[3];

		run_at_once(runs, 3, args);
		for (int i = 0; i < 3; i++) {
			counted |= WEXITSTATUS(runs[i].status) == 0;
			if (WEXITSTATUS(runs[i].status))
				expect_refusal(runs[i], 1,
					       "count is in use by another run");
		}
		ASSERT_TRUE(counted);
		ASSERT_OK(unlink("count"));
	}
}

TEST(incr, file_size_limit_leaves_no_file)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct run runs[2];

	ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
	runs[0] = RUN("incr2", "count", "5");
	runs[1] = RUN("incr3", "count", "5");
	limit.rlim_cur = RLIM_INFINITY;
	ASSERT_OK(setrlimit(RLIMIT_FSIZE, &limit));
	for (int i = 0; i < 2; i++)
		expect_refusal(runs[i], 1, "File too large");
	ASSERT_ERRNO(ENOENT, access("count", F_OK));
}

TEST(incr, missing_device_says_what_to_do)
{
	/* This host may have the module. */
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

	fd = ASSERT_OK(open("small", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	expect_refusal(RUN("incr_dev", "-d", "small", "5"), 1,
		       "the region of small is too small: 0 bytes");
	ASSERT_EQ(8, write(fd, "12345678", 8));
	expect_refusal(RUN("incr_dev", "-d", "small", "5"), 1,
		       "the region of small is too small: 8 bytes");
	expect_refusal(RUN("incr_dev", "-d", "/dev/null", "5"), 1,
		       "cannot map /dev/null");
}

static void expect_end_after_kill(struct run *run, pid_t child)
{
	kill_and_collect(child, run);
	expect_end(run, 1, "child was killed by signal 9 (Killed)");
}

TEST_LIMIT(incr, killed_child_ends_the_parent, 60)
{
	for_each_program(program) {
		struct run run = start_program(program, ENDLESS);
		pid_t child = child_of(run.pid);
		char bytes[4096];

		for (int j = 0; j < 3; j++)
			ASSERT_TRUE(read(run.out, bytes, sizeof(bytes)) > 0);
		expect_end_after_kill(&run, child);
	}
}

static void needs_system_calls(void)
{
	if (access("/proc/self/syscall", R_OK))
		test_skip("this kernel does not show system calls");
}

TEST_LIMIT(incr, child_killed_while_it_holds_the_semaphore, 60)
{
	needs_system_calls();
	use_small_pipes();
	for_each_program(program) {
		struct run run = start_program(program, ENDLESS);
		pid_t child = child_of(run.pid);

		wait_until_holder(child, run.out);
		expect_end_after_kill(&run, child);
	}
}

/* The output ends with the last process that can write it. */
TEST_LIMIT(incr, killed_parent_takes_the_child_along, 60)
{
	for_each_program(program) {
		struct run run = start_program(program, ENDLESS);

		child_of(run.pid);
		kill_and_collect(run.pid, &run);
	}
}

/* More lines than a small pipe holds: both processes wait for us to read. */
static int many(void)
{
	return page_size() / 4;
}

/* As nohup, or a shell in the background, starts it. */
TEST_LIMIT(incr, ignored_signals_are_ignored, 60)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, 0 };

	use_small_pipes();
	for_each_program(program) {
		struct run run = prepare_program(program, many(), ignore_signals,
						 signals);
		pid_t child = child_of(run.pid);

		/* Both count now. */
		wait_until_asleep(run.pid);
		wait_until_asleep(child);
		send_endings(run.pid);
		send_endings(child);
		expect_end(collect(&run), 0,
			   text_of("%d increments by 2 processes", 2 * many()));
		check_lines(&run, program->separate, many());
	}
}

/* The child ends with its parent all the same. */
TEST_LIMIT(incr, ignored_signals_keep_no_child_alive, 60)
{
	static const int all[] = {
		SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGUSR1, SIGUSR2, 0
	};

	for_each_program(program) {
		struct run run = prepare_program(program, ENDLESS,
						 ignore_signals, all);

		child_of(run.pid);
		kill_and_collect(run.pid, &run);

		run = prepare_program(program, ENDLESS, ignore_signals, all);
		child_of(run.pid);
		lose_reader(&run);
		expect_end(collect(&run), 1, "cannot write standard output: Broken pipe");
	}
}

/* As any program without a reader: by SIGPIPE, silently. The file stays. */
static void expect_sigpipe(struct run *run, const struct program *program)
{
	collect(run);
	ASSERT_STREQ("", run->errors);
	expect_end_by(run, SIGPIPE);
	if (program->before == 2)
		ASSERT_OK(unlink(program->args[1]));
}

/* Both processes run: who is the first to notice is left to chance. */
TEST_LIMIT(incr, reader_that_goes_away_ends_it_the_same_way, 120)
{
	for_each_program(program) {
		for (int round = 0; round < 10; round++) {
			struct run run = start_program(program, ENDLESS);

			wait_for_output(&run);
			lose_reader(&run);
			expect_sigpipe(&run, program);
		}
	}
}

/* One process is stopped: the other alone loses the reader. */
TEST_LIMIT(incr, reader_that_goes_away_from_either, 60)
{
	needs_system_calls();
	use_small_pipes();
	for_each_program(program) {
		for (int i = 0; i < 2; i++) {
			struct run run = start_program(program, ENDLESS);
			pid_t child = child_of(run.pid);

			wait_until_holder(i ? child : run.pid, run.out);
			ASSERT_OK(kill(i ? run.pid : child, SIGSTOP));
			lose_reader(&run);
			if (i) {
				wait_until_zombie(child);
				ASSERT_OK(kill(run.pid, SIGCONT));
			}
			expect_sigpipe(&run, program);
		}
	}
}

static void needs_pid_namespaces(void)
{
	needs_guest();
	if (access("/proc/self/ns/pid", F_OK))
		test_skip("this kernel has no pid namespaces");
}

/* getppid() returns 0 in the child there. */
static void begin_pid_namespace(const void *unused)
{
	(void)unused;
	ASSERT_OK(unshare(CLONE_NEWPID));
}

TEST_LIMIT(incr, child_in_a_pid_namespace_of_its_own, 60)
{
	needs_pid_namespaces();
	for_each_program(program) {
		struct run run = prepare_program(program, 50,
						 begin_pid_namespace, NULL);

		expect_end(collect(&run), 0, "100 increments by 2 processes gave count");

		run = prepare_program(program, ENDLESS, begin_pid_namespace,
				      NULL);
		child_of(run.pid);
		ASSERT_OK(kill(run.pid, SIGTERM));
		expect_end_by(collect(&run), SIGTERM);
	}
}

/* As in a container: a signal without a handler does nothing there. */
TEST_LIMIT(incr, first_process_of_a_container_can_be_interrupted, 60)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	needs_pid_namespaces();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		int own = ASSERT_OK(open("/proc/self/ns/pid",
					 O_RDONLY | O_CLOEXEC));
		struct run run;

		ASSERT_OK(unshare(CLONE_NEWPID));
		run = START("incr_anon", "1000000000");
		ASSERT_OK(setns(own, CLONE_NEWPID));
		close(own);
		wait_for_output(&run);
		wait_until_asleep(run.pid);
		ASSERT_OK(kill(run.pid, signals[i]));
		collect(&run);
		ASSERT_EQ((128 + signals[i]) << 8, run.status);
	}
}

static void allow_one_process(const void *unused)
{
	struct rlimit limit = { 2, 2 };

	(void)unused;
	ASSERT_OK(setrlimit(RLIMIT_NPROC, &limit));
	become_nobody(NULL);
}

static void wait_as_nobody(void *unused)
{
	become_nobody(unused);
	sleep(1000);
}

/* There is no child to end, and no other process may be taken for it. */
TEST(incr, failed_fork_ends_nobody_else)
{
	static const char *const args[] = { "incr_anon", "5", NULL };
	struct run run;
	pid_t other;

	needs_guest();
	other = start(wait_as_nobody, NULL);
	wait_until_asleep(other);
	run = start_prepared(allow_one_process, NULL, args);
	collect(&run);
	expect_refusal(run, 1, "cannot fork: Resource temporarily unavailable");
	ASSERT_EQ(0, waitpid(other, NULL, WNOHANG));
	ASSERT_OK(kill(other, SIGKILL));
	ASSERT_EQ(other, waitpid(other, NULL, 0));
}

static bool no_semaphore_has_a_name(void)
{
	glob_t found;

	return glob("/dev/shm/*", 0, NULL, &found) == GLOB_NOMATCH;
}

TEST(incr, named_semaphore_is_gone_at_once)
{
	struct run run;

	if (!is_in_guest())
		test_skip("needs a /dev/shm of its own");
	ASSERT_TRUE(no_semaphore_has_a_name());
	run = START("incr1", "1000000000");
	wait_for_output(&run);
	ASSERT_TRUE(no_semaphore_has_a_name());
	kill_and_collect(run.pid, &run);
}

TEST(incr, runs_at_the_same_time_do_not_collide)
{
	struct run runs[8];

	for (int i = 0; i < 8; i++)
		runs[i] = START("incr1", "50");
	for (int i = 0; i < 8; i++)
		expect_end(collect(&runs[i]), 0, "gave counts 50 and 50");
}

/*
 * The semaphores of another C library are of another kind. On the host a file
 * stands in for the device.
 */
TEST_LIMIT(incr, built_with_musl, 60)
{
	struct run holder, run;

	if (is_in_guest())
		test_skip("needs the sources");
	run = RUN("/bin/sh", "-c", "command -v musl-gcc make");
	if (run.status)
		test_skip("there is no musl-gcc here (Debian's musl-tools)");
	shell("mkdir musl && cp \"$TOP\"/user/*.[ch] \"$TOP\"/user/Makefile musl/ && "
	      "env -u MAKEFLAGS -u CFLAGS make -s -C musl CC=musl-gcc WERROR=1 "
	      "incr1 incr2 incr3 incr_anon incr_zero incr_dev");
	expect_success(RUN("./musl/incr1", "500"), "gave counts 500 and 500");
	expect_success(RUN("./musl/incr2", "count", "500"), "gave count 1000");
	expect_success(RUN("./musl/incr3", "count", "500"), "gave count 1000");
	expect_success(RUN("./musl/incr_anon", "500"), "gave count 1000");
	expect_success(RUN("./musl/incr_zero", "500"), "gave count 1000");

	shell("head -c 4096 /dev/zero >region");
	expect_success(RUN("./musl/incr_dev", "-d", "region", "500"),
		       "gave count 1000");
	expect_success(RUN("./musl/incr_dev", "-d", "region", "-a", "5"),
		       "gave count 1005");
	expect_refusal(RUN("incr_dev", "-d", "region", "-a", "5"), 1,
		       "the region is not a count: start afresh");

	if (access("/proc/self/syscall", R_OK))
		return;
	holder = START("./musl/incr_dev", "-d", "region", "-a", "1000000000");
	wait_until_holder(holder.pid, holder.out);
	ASSERT_OK(kill(holder.pid, SIGKILL));
	collect(&holder);
	expect_refusal(RUN("./musl/incr_dev", "-d", "region", "-a", "5"), 1,
		       "died holding the semaphore: start afresh");
}
