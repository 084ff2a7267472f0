// SPDX-License-Identifier: GPL-2.0
/* attach: unrelated incr_dev processes of one count, by user/attach.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../user/attach.h"
#include "device.h"
#include "harness.h"
#include "program.h"

enum { LOOPS = 500, ATTACHED = 4, TOGETHER_LOOPS = 20, ROUNDS = 50 };
enum { NOBODY = 65534 };

static const char other_node[] = "/dev/shmcount-other";

/* All numbers from first on are in the outputs, each once. */
static void check_union(struct run *runs, int count, int first, int total)
{
	char *seen = calloc(1, total);

	for (int i = 0; i < count; i++) {
		char prefix[16];

		snprintf(prefix, sizeof(prefix), "%d: ", runs[i].pid);
		for (char *line = strtok(runs[i].output, "\n"); line;
		     line = strtok(NULL, "\n")) {
			int number;

			if (strncmp(line, prefix, strlen(prefix)))
				FAIL("expected \"%s...\", saw \"%s\"", prefix,
				     line);
			number = atoi(line + strlen(prefix)) - first;
			EXPECT(number >= 0 && number < total);
			EXPECT_EQ(seen[number], 0);
			seen[number] = 1;
		}
	}
	for (int i = 0; i < total; i++)
		if (!seen[i])
			FAIL("nobody counted %d", first + i);
	free(seen);
}

/* Count on, attached, to a good end that says this. */
static void count_on(const char *loops, const char *closing)
{
	struct run run = RUN("incr_dev", "-a", loops);

	expect_end(&run, 0, closing);
}

TEST(attach, processes_share_one_count)
{
	struct run runs[2];
	char loops[16];

	load("");
	snprintf(loops, sizeof(loops), "%d", LOOPS);
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++)
			runs[i] = START("incr_dev", "-a", loops);
		for (int i = 0; i < 2; i++)
			collect(&runs[i]);
		for (int i = 0; i < 2; i++)
			expect_end(&runs[i], 0, "500 increments by process");
		check_union(runs, 2, round * 2 * LOOPS, 2 * LOOPS);
	}
}

/*
 * Nobody is first here: the region is new at each round, and the processes
 * wait at a gate until all of them are there.
 */
TEST_LIMIT(attach, at_the_same_instant, 120)
{
	char loops[16];

	snprintf(loops, sizeof(loops), "%d", TOGETHER_LOOPS);
	for (int round = 0; round < ROUNDS; round++) {
		const char *args[] = { "incr_dev", "-a", loops, NULL };
		struct run runs[ATTACHED];
		int gate[2];

		load("");
		EXPECT_OK(pipe2(gate, O_CLOEXEC));
		for (int i = 0; i < ATTACHED; i++)
			runs[i] = start_behind(gate, args);
		close(gate[0]);
		close(gate[1]);
		for (int i = 0; i < ATTACHED; i++)
			collect(&runs[i]);
		for (int i = 0; i < ATTACHED; i++) {
			expect_end(&runs[i], 0, "20 increments by process");
			EXPECT_EQ(lines_in(runs[i].output), TOGETHER_LOOPS);
		}
		check_union(runs, ATTACHED, 0, ATTACHED * TOGETHER_LOOPS);
		unload();
	}
}

TEST(attach, to_a_fresh_run)
{
	struct run fresh, attached;

	load("");
	fresh = START("incr_dev", "20000");
	wait_until_holder(child_of(fresh.pid), fresh.out);
	attached = START("incr_dev", "-a", "100");
	collect(&fresh);
	collect(&attached);
	EXPECT_EQ(lines_in(attached.output), 100);
	expect_end(&attached, 0, "100 increments by process");
	expect_end(&fresh, 0, "40000 increments by 2 processes");
}

/* A fresh start never takes the count away from who is counting. */
TEST(attach, fresh_start_is_refused_while_others_are_attached)
{
	struct run attached, other;
	char byte;

	load("");
	attached = START("incr_dev", "-a", "20000");
	EXPECT_EQ(read(attached.out, &byte, 1), 1);
	expect_refusal(RUN("incr_dev", "5"), 1,
		       "other processes are attached: join them with -a");
	/* It may have to wait until somebody reads what the first one writes. */
	other = START("incr_dev", "-a", "0");
	collect(&attached);
	collect(&other);
	expect_end(&other, 0, "0 increments by process");
	expect_end(&attached, 0, "20000 increments by process");
	expect_text(attached.errors, "gave count 20000");
}

static void make_other_node(void)
{
	struct stat device;

	EXPECT_OK(stat(DEVICE, &device));
	unlink(other_node);
	EXPECT_OK(mknod(other_node, S_IFCHR | 0600, device.st_rdev));
}

/* flock() is of the node, the region of the module: it is told, at the least. */
TEST(attach, fresh_start_by_another_node_is_told)
{
	struct run attached, fresh;

	load("");
	make_other_node();
	attached = START("incr_dev", "-a", "20000");
	/* In the old semaphore, so that it cannot keep the new one from fresh. */
	wait_until_holder(attached.pid, attached.out);
	fresh = RUN("incr_dev", "-d", other_node, "0");
	EXPECT_OK(unlink(other_node));
	collect(&attached);
	expect_end(&attached, 1, "begun afresh by way of another node");
	EXPECT(WIFEXITED(fresh.status));
}

TEST(attach, fresh_start_counts_from_0)
{
	struct run run;

	load("");
	count_on("10", "gave count 10");
	count_on("10", "gave count 20");
	run = RUN("incr_dev", "10");
	expect_end(&run, 0, "20 increments by 2 processes gave count 20");
	EXPECT(!strncmp(run.output, "parent: 0\n", 10) ||
	       !strncmp(run.output, "child: 0\n", 9));
	count_on("1", "gave count 21");
}

TEST_LIMIT(attach, killed_holder_is_noticed_by_who_is_attached, 60)
{
	struct run holder, waiter, run;
	char text[100];
	double killed;

	load("");
	holder = START("incr_dev", "-a", "1000000000");
	wait_until_holder(holder.pid, holder.out);
	waiter = START("incr_dev", "-a", "5");
	wait_until_asleep(waiter.pid);
	killed = now();
	EXPECT_OK(kill(holder.pid, SIGKILL));
	collect(&waiter);
	snprintf(text, sizeof(text),
		 "process %d died holding the semaphore: start afresh",
		 holder.pid);
	expect_end(&waiter, 1, text);
	if (now() - killed > 1)
		FAIL("the waiter took %.2f s to end", now() - killed);
	run = RUN("incr_dev", "-a", "5");
	expect_end(&run, 1, "died holding the semaphore: start afresh");
	collect(&holder);
	run = RUN("incr_dev", "5");
	expect_end(&run, 0, "gave count 10");
}


/*
 * Have children to come in a new namespace of this kind. Returns where to go
 * back to, by end_namespace().
 */
static int begin_namespace(int kind, const char *name)
{
	char path[32];
	int own;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	own = open(path, O_RDONLY | O_CLOEXEC);
	if (own < 0 && errno == ENOENT)
		test_skip("this kernel has no %s namespaces", name);
	EXPECT_OK(own);
	EXPECT_OK(unshare(kind));
	return own;
}

static void end_namespace(int own, int kind)
{
	EXPECT_OK(setns(own, kind));
	close(own);
}

/* What a program finds at /proc, and whose it is. */
struct proc {
	const char *type;
	const char *options;
	uid_t user;
};

static const struct proc own_proc = { "proc", NULL, 0 };
static const struct proc no_proc = { "tmpfs", NULL, NOBODY };
static const struct proc hidden_proc = { "proc", "hidepid=2", NOBODY };

static void enter_proc(const void *argument)
{
	const struct proc *proc = argument;

	EXPECT_OK(unshare(CLONE_NEWNS));
	EXPECT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	EXPECT_OK(mount(proc->type, "/proc", proc->type, 0, proc->options));
	EXPECT_OK(setuid(proc->user));
}

static struct run start_with(const struct proc *proc, const char *const args[])
{
	return start_prepared(enter_proc, proc, args);
}

/* Start a program as in a container, the first process of a pid namespace. */
static struct run start_in_pid_namespace(const char *const args[])
{
	int own = begin_namespace(CLONE_NEWPID, "pid");
	struct run run = start_with(&own_proc, args);

	end_namespace(own, CLONE_NEWPID);
	return run;
}

static const char *const endless[] = { "incr_dev", "-a", "1000000000", NULL };
static const char *const long_run[] = { "incr_dev", "-a", "20000", NULL };
static const char *const short_run[] = { "incr_dev", "-a", "5", NULL };

/*
 * The holder of long_run lives, and is stuck; the waiter, of short_run, waits
 * for it longer than it takes to notice that a holder is dead. Nobody calls it
 * that, and both come to a good end.
 */
static void expect_both_count(struct run holder, struct run waiter)
{
	wait_until_asleep(waiter.pid);
	usleep(500000);
	collect(&holder);
	collect(&waiter);
	expect_end(&holder, 0, "20000 increments by process");
	expect_status(&waiter, 0);
	expect_text(waiter.errors, "5 increments by process");
	count_on("0", "of 20005 by all, gave count 20005");
}

TEST_LIMIT(attach, live_holder_in_another_pid_namespace, 60)
{
	struct run holder;

	load("");
	holder = start_in_pid_namespace(long_run);
	wait_until_holder(holder.pid, holder.out);
	expect_both_count(holder, start_args(short_run));
}

TEST_LIMIT(attach, live_holder_seen_from_another_pid_namespace, 60)
{
	struct run holder;

	load("");
	holder = start_args(long_run);
	wait_until_holder(holder.pid, holder.out);
	expect_both_count(holder, start_in_pid_namespace(short_run));
}

TEST_LIMIT(attach, live_holder_in_another_time_namespace, 60)
{
	struct run holder;
	int own;

	load("");
	own = begin_namespace(CLONE_NEWTIME, "time");
	write_to("/proc/self/timens_offsets",
		 "monotonic 100000 0\nboottime 100000 0\n");
	holder = start_args(long_run);
	end_namespace(own, CLONE_NEWTIME);
	wait_until_holder(holder.pid, holder.out);
	expect_both_count(holder, start_args(short_run));
}

TEST_LIMIT(attach, live_holder_without_proc, 60)
{
	struct run holder;

	load("");
	holder = start_with(&no_proc, long_run);
	wait_until_holder(holder.pid, holder.out);
	expect_both_count(holder, start_args(short_run));
}

TEST_LIMIT(attach, live_holder_that_proc_hides, 60)
{
	struct run holder;

	load("");
	holder = start_args(long_run);
	wait_until_holder(holder.pid, holder.out);
	expect_both_count(holder, start_with(&hidden_proc, short_run));
}

TEST_LIMIT(attach, live_holder_by_another_node, 60)
{
	struct run holder, waiter;

	load("");
	make_other_node();
	holder = start_args(long_run);
	wait_until_holder(holder.pid, holder.out);
	waiter = START("incr_dev", "-a", "-d", other_node, "5");
	expect_both_count(holder, waiter);
	EXPECT_OK(unlink(other_node));
}

/* Kill the holder; who waits says so, by this text, within a second. */
static void expect_death_noticed(struct run holder, struct run waiter,
				 const char *text)
{
	double killed;

	wait_until_asleep(waiter.pid);
	killed = now();
	EXPECT_OK(kill(holder.pid, SIGKILL));
	collect(&waiter);
	expect_end(&waiter, 1, text);
	if (now() - killed > 1)
		FAIL("the waiter took %.2f s to end", now() - killed);
	collect(&holder);
}

TEST_LIMIT(attach, killed_holder_in_another_pid_namespace, 60)
{
	struct run holder;

	load("");
	holder = start_in_pid_namespace(endless);
	wait_until_holder(holder.pid, holder.out);
	expect_death_noticed(holder, start_args(short_run),
			     "process 1 of another pid namespace died holding the semaphore: start afresh");
}

TEST_LIMIT(attach, killed_holder_that_proc_hides, 60)
{
	struct run holder;

	load("");
	holder = start_args(endless);
	wait_until_holder(holder.pid, holder.out);
	expect_death_noticed(holder, start_with(&no_proc, short_run),
			     "died holding the semaphore: start afresh");
}

TEST_LIMIT(attach, killed_holder_is_noticed_by_another_node, 60)
{
	struct run holder, waiter;

	load("");
	make_other_node();
	holder = start_args(endless);
	wait_until_holder(holder.pid, holder.out);
	waiter = START("incr_dev", "-a", "-d", other_node, "5");
	expect_death_noticed(holder, waiter,
			     "died holding the semaphore: start afresh");
	EXPECT_OK(unlink(other_node));
}

/*
 * Two first processes of two pid namespaces. One has held the semaphore, and
 * waits now for the other, when it dies.
 */
TEST_LIMIT(attach, death_of_a_waiter_with_the_pid_of_the_holder, 60)
{
	struct run holder, waiter;

	load("");
	waiter = start_in_pid_namespace(endless);
	wait_until_holder(waiter.pid, waiter.out);
	holder = start_in_pid_namespace(long_run);
	wait_until_holder(holder.pid, waiter.out);
	EXPECT_OK(kill(waiter.pid, SIGKILL));
	collect(&waiter);
	EXPECT(WIFSIGNALED(waiter.status));

	waiter = start_args(short_run);
	wait_until_asleep(waiter.pid);
	usleep(500000);
	collect(&holder);
	collect(&waiter);
	expect_end(&holder, 0, "20000 increments by process 1,");
	expect_status(&waiter, 0);
	expect_text(waiter.errors, "5 increments by process");
}

/* Read one line of what a program that runs says on standard error. */
static void expect_says(const struct run *run, const char *text)
{
	char line[sizeof(run->errors)];
	size_t length = 0;

	while (!length || line[length - 1] != '\n') {
		EXPECT(length < sizeof(line) - 1);
		EXPECT_EQ(read(run->err, line + length, 1), 1);
		length++;
	}
	line[length] = '\0';
	expect_text(line, text);
}

/* It is waited for, and said once; nothing is lost when it goes on. */
TEST_LIMIT(attach, stopped_holder_is_waited_for, 60)
{
	struct run holder, waiter;
	char text[100];
	double begun;

	load("");
	holder = start_args(long_run);
	wait_until_holder(holder.pid, holder.out);
	EXPECT_OK(kill(holder.pid, SIGSTOP));
	begun = now();
	waiter = start_args(short_run);
	snprintf(text, sizeof(text),
		 "process %d holds the semaphore and is stopped: waiting until it goes on (kill -CONT %d)\n",
		 holder.pid, holder.pid);
	expect_says(&waiter, text);
	if (now() - begun < 0.9)
		FAIL("it was said after %.2f s", now() - begun);
	sleep(2);
	EXPECT_EQ(waitpid(waiter.pid, NULL, WNOHANG), 0);
	EXPECT_OK(kill(holder.pid, SIGCONT));
	collect(&holder);
	collect(&waiter);
	expect_end(&holder, 0, "20000 increments by process");
	expect_end(&waiter, 0, "5 increments by process");
	count_on("0", "of 20005 by all, gave count 20005");
}

/* No more is said than is known. */
TEST_LIMIT(attach, slow_holder_is_named, 60)
{
	struct run holder, waiter;
	char text[100];

	load("");
	holder = start_args(long_run);
	wait_until_holder(holder.pid, holder.out);
	waiter = start_args(short_run);
	snprintf(text, sizeof(text),
		 "process %d has held the semaphore for a second: waiting for it\n",
		 holder.pid);
	expect_says(&waiter, text);
	EXPECT_OK(kill(waiter.pid, SIGINT));
	collect(&waiter);
	EXPECT(WIFSIGNALED(waiter.status));

	EXPECT_OK(kill(holder.pid, SIGSTOP));
	waiter = start_in_pid_namespace(short_run);
	expect_says(&waiter, " of another pid namespace has held the semaphore for a second: waiting for it\n");
	EXPECT_OK(kill(holder.pid, SIGCONT));
	collect(&holder);
	collect(&waiter);
	expect_end(&waiter, 0, "5 increments by process 1,");
}

static void be_traced(const void *unused)
{
	(void)unused;
	EXPECT_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

/*
 * Start an incr_dev -a that is traced, and let it go on until it has the claim
 * to initialise the region, and then so many instructions, or to the end of the
 * initialisation. Returns how many they were.
 */
static int start_initialiser(struct region *region, int most, struct run *run)
{
	struct __ptrace_syscall_info info = { 0 };
	unsigned int word = 0;
	int status, steps = 0;

	*run = start_prepared(be_traced, NULL, short_run);
	EXPECT_EQ(waitpid(run->pid, &status, 0), run->pid);	/* at its exec */
	EXPECT_OK(ptrace(PTRACE_SETOPTIONS, run->pid, 0,
			 PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	/* It attaches with a lock, and then looks at the region. */
	while (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	       info.entry.nr != SYS_flock) {
		EXPECT_OK(ptrace(PTRACE_SYSCALL, run->pid, 0, 0));
		EXPECT_EQ(waitpid(run->pid, &status, 0), run->pid);
		EXPECT(WIFSTOPPED(status));
		EXPECT_OK(ptrace(PTRACE_GET_SYSCALL_INFO, run->pid,
				 sizeof(info), &info));
	}
	while (word != REGION_READY && steps < most) {
		EXPECT_OK(ptrace(PTRACE_SINGLESTEP, run->pid, 0, 0));
		EXPECT_EQ(waitpid(run->pid, &status, 0), run->pid);
		EXPECT(WIFSTOPPED(status));
		word = atomic_load(&region->initialiser.word);
		steps += word != 0;
	}
	return steps;
}

/* How many instructions it is from the claim to the end. */
static int initialiser_steps(void)
{
	struct region *region;
	struct run run;
	int steps;

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	steps = start_initialiser(region, INT_MAX, &run);
	EXPECT_OK(ptrace(PTRACE_DETACH, run.pid, 0, 0));
	collect(&run);
	expect_end(&run, 0, "gave count 5");
	EXPECT_OK(munmap(region, page_size()));
	unload();
	return steps;
}

TEST(attach, initialiser_that_died_is_replaced)
{
	int all = initialiser_steps();
	int deaths[] = { all / 2, all * 3 / 4, all - 1 };

	for (size_t i = 0; i < ARRAY_SIZE(deaths); i++) {
		struct region *region;
		struct run run;

		load("");
		region = map_pages(0, 1, MAP_SHARED);
		EXPECT_EQ(start_initialiser(region, deaths[i], &run),
			  deaths[i]);
		EXPECT_EQ(atomic_load(&region->initialiser.word), run.pid);
		EXPECT_OK(kill(run.pid, SIGKILL));
		collect(&run);
		EXPECT_EQ(atomic_load(&region->initialiser.word),
			  CLAIMANT_DIED);
		count_on("5", "of 5 by all, gave count 5");
		EXPECT_OK(munmap(region, page_size()));
		unload();
	}
}

TEST(attach, stopped_initialiser_is_waited_for)
{
	int all = initialiser_steps();
	struct run stopped, waiter;
	struct region *region;
	char text[100];

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	EXPECT_EQ(start_initialiser(region, all / 2, &stopped), all / 2);
	EXPECT_OK(ptrace(PTRACE_DETACH, stopped.pid, 0, SIGSTOP));
	waiter = start_args(short_run);
	snprintf(text, sizeof(text),
		 "process %d initialises the region and is stopped: waiting until it goes on (kill -CONT %d)\n",
		 stopped.pid, stopped.pid);
	expect_says(&waiter, text);
	EXPECT_OK(kill(stopped.pid, SIGCONT));
	collect(&stopped);
	collect(&waiter);
	expect_end(&stopped, 0, "5 increments by process");
	expect_end(&waiter, 0, "5 increments by process");
	count_on("0", "of 10 by all, gave count 10");
}

static void take_and_die(void *semaphore)
{
	EXPECT_OK(sem_wait(semaphore));
}

/* There is no proof that it died: it is said, and waited for. */
TEST_LIMIT(attach, holder_that_died_before_its_note_is_noticed, 60)
{
	static const char said[] =
		"the semaphore is taken and no process says that it holds it: one may have died taking it; to start afresh run incr_dev without -a\n";
	struct run waiters[2];
	struct region *region;
	double begun;

	load("");
	count_on("5", "gave count 5");
	region = map_pages(0, 1, MAP_SHARED);
	finish(start(take_and_die, &region->shared.mutex));
	begun = now();
	for (int i = 0; i < 2; i++)
		waiters[i] = start_args(short_run);
	for (int i = 0; i < 2; i++)
		expect_says(&waiters[i], said);
	if (now() - begun > 3)
		FAIL("it took %.2f s to notice", now() - begun);
	sleep(2);
	/* One is ended by its user; the other goes on where it can. */
	EXPECT_OK(kill(waiters[0].pid, SIGINT));
	collect(&waiters[0]);
	EXPECT(WIFSIGNALED(waiters[0].status));
	EXPECT_STR(waiters[0].errors, "");
	EXPECT_OK(sem_post(&region->shared.mutex));
	collect(&waiters[1]);
	expect_end(&waiters[1], 0, "of 10 by all, gave count 10");

	/* And what was said is the way out. */
	finish(start(take_and_die, &region->shared.mutex));
	waiters[0] = RUN("incr_dev", "5");
	expect_end(&waiters[0], 0, "gave count 10");
}

/* What is there is neither a process that initialises it nor a count. */
TEST(attach, region_that_is_no_count_is_refused)
{
	static const char text[] = "abcdefgh";
	struct run run;
	int fd;

	load("");
	fd = open_device(O_WRONLY);
	EXPECT_EQ(write(fd, text, sizeof(text)), sizeof(text));
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "the region is not a count: start afresh");
	close(fd);
	run = RUN("incr_dev", "5");
	expect_end(&run, 0, "gave count 10");
}

static pid_t start_with_pid(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uintptr_t)&pid, .set_tid_size = 1,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (!child)
		pause();
	return child;
}

/* Another process has its pid, and is alive. */
TEST(attach, pid_of_a_dead_holder_that_is_used_again)
{
	struct run holder;

	load("");
	holder = start_args(endless);
	wait_until_holder(holder.pid, holder.out);
	EXPECT_OK(kill(holder.pid, SIGKILL));
	collect(&holder);
	EXPECT_EQ(EXPECT_OK(start_with_pid(holder.pid)), holder.pid);
	expect_refusal(run_args(short_run), 1,
		       "died holding the semaphore: start afresh");
	EXPECT_OK(kill(holder.pid, SIGKILL));
	EXPECT_EQ(waitpid(holder.pid, NULL, 0), holder.pid);
}

/* A process that ends in an orderly way lets go of the semaphore first. */
TEST(attach, interrupted_holder_lets_go)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	load("");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct run holder = START("incr_dev", "-a", "1000000000");

		wait_until_holder(holder.pid, holder.out);
		EXPECT_OK(kill(holder.pid, signals[i]));
		collect(&holder);
		EXPECT(WIFSIGNALED(holder.status));
		EXPECT_EQ(WTERMSIG(holder.status), signals[i]);
		count_on("5", "5 increments by process");
	}
}

TEST(attach, reader_that_goes_away_is_no_harm_to_others)
{
	struct run gone;
	char byte;

	load("");
	gone = START("incr_dev", "-a", "1000000000");
	EXPECT_EQ(read(gone.out, &byte, 1), 1);
	close(gone.out);
	gone.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
	collect(&gone);
	EXPECT(WIFSIGNALED(gone.status));
	EXPECT_EQ(WTERMSIG(gone.status), SIGPIPE);
	count_on("5", "5 increments by process");
}

TEST(attach, full_output_is_no_harm_to_others)
{
	load("");
	count_on("5", "gave count 5");
	EXPECT_EQ(run_into("/dev/full",
			   (const char *[]) { "incr_dev", "-a", "5", NULL }), 1);
	count_on("5", "gave count 10");
}

TEST(attach, samepage_leaves_the_count_alone)
{
	struct run run;

	load("");
	count_on("5", "gave count 5");
	run = RUN("samepage");
	expect_status(&run, 0);
	count_on("5", "gave count 10");
}

TEST(attach, lost_increment_is_an_error)
{
	struct region *region;
	struct run run;

	load("");
	count_on("5", "gave count 5");
	region = map_pages(0, 1, MAP_SHARED);
	region->shared.count--;
	run = RUN("incr_dev", "-a", "5");
	expect_end(&run, 1, "5 increments by process");
	expect_text(run.errors, "of 10 by all, gave count 9");
}

TEST(attach, count_does_not_overflow)
{
	struct region *region;
	struct run run;

	load("");
	count_on("1", "gave count 1");
	region = map_pages(0, 1, MAP_SHARED);
	region->shared.count = INT_MAX - 1;
	run = RUN("incr_dev", "-a", "5");
	expect_end(&run, 1, "the count is full: start afresh");
	EXPECT_EQ(lines_in(run.output), 1);
}
