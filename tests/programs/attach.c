// SPDX-License-Identifier: GPL-2.0
/* attach: unrelated incr_dev processes share one count (user/attach.h). */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
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

enum { ATTACHED = 4, TOGETHER_LOOPS = 20, ROUNDS = 10 };
enum { NOBODY = 65534 };

/* More lines than a small pipe holds: whoever prints them waits for us to read. */
static int many(void)
{
	return page_size() / 2;
}

static const char *many_text(void)
{
	return text_of("%d", many());
}

static const char other_node[] = "/dev/shmcount-other";

/* The outputs together have all numbers from first on, each once. */
static void check_union(struct run *runs, int count, int first, int total)
{
	char *seen = calloc(1, total);

	for (int i = 0; i < count; i++) {
		const char *prefix = text_of("%d: ", runs[i].pid);

		for (char *line = strtok(runs[i].output, "\n"); line;
		     line = strtok(NULL, "\n")) {
			int number;

			if (strncmp(line, prefix, strlen(prefix)))
				FAIL("expected \"%s...\", saw \"%s\"", prefix,
				     line);
			number = atoi(line + strlen(prefix)) - first;
			ASSERT_TRUE(number >= 0 && number < total);
			ASSERT_EQ(0, seen[number]);
			seen[number] = 1;
		}
	}
	for (int i = 0; i < total; i++)
		if (!seen[i])
			FAIL("nobody counted %d", first + i);
	free(seen);
}

/* Attach and count; it succeeds and prints this. */
static void count_on(const char *loops, const char *closing)
{
	expect_success(RUN("incr_dev", "-a", loops), closing);
}

TEST(attach, processes_share_one_count)
{
	struct run runs[2];

	load("");
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++)
			runs[i] = START("incr_dev", "-a", "500");
		for (int i = 0; i < 2; i++)
			collect(&runs[i]);
		for (int i = 0; i < 2; i++)
			expect_end(&runs[i], 0, "500 increments by process");
		check_union(runs, 2, round * 1000, 1000);
	}
}

/* They race for a new region. */
TEST_LIMIT(attach, at_the_same_instant, 120)
{
	static const char *const args[] = { "incr_dev", "-a", "20", NULL };
	char *region = load_default_and_map();

	for (int round = 0; round < ROUNDS; round++) {
		struct run runs[ATTACHED];

		run_at_once(runs, ATTACHED, args);
		for (int i = 0; i < ATTACHED; i++) {
			expect_end(&runs[i], 0, "20 increments by process");
			ASSERT_EQ(TOGETHER_LOOPS, lines_in(runs[i].output));
		}
		check_union(runs, ATTACHED, 0, ATTACHED * TOGETHER_LOOPS);
		/* As after a load. */
		memset(region, 0, page_size());
	}
}

TEST(attach, to_a_fresh_run)
{
	struct run fresh, attached;

	load("");
	use_small_pipes();
	fresh = START("incr_dev", "5000");
	wait_until_holder(child_of(fresh.pid), fresh.out);
	attached = START("incr_dev", "-a", "100");
	collect(&fresh);
	collect(&attached);
	ASSERT_EQ(100, lines_in(attached.output));
	expect_end(&attached, 0, "100 increments by process");
	expect_end(&fresh, 0, "10000 increments by 2 processes");
}

/* A fresh start never resets the count of an attached process. */
TEST(attach, fresh_start_is_refused_while_others_are_attached)
{
	struct run attached, other;

	load("");
	use_small_pipes();
	attached = START("incr_dev", "-a", many_text());
	wait_for_output(&attached);
	expect_refusal(RUN("incr_dev", "5"), 1,
		       "other processes are attached: join them with -a");
	/* It may have to wait until we read what the first one writes. */
	other = START("incr_dev", "-a", "0");
	collect(&attached);
	expect_end(collect(&other), 0, "0 increments by process");
	expect_end(&attached, 0, text_of("%d increments by process", many()));
	expect_text(attached.errors, text_of("gave count %d", many()));
}

static void make_other_node(void)
{
	struct stat device;

	ASSERT_OK(stat(DEVICE, &device));
	unlink(other_node);
	ASSERT_OK(mknod(other_node, S_IFCHR | 0600, device.st_rdev));
}

/* flock() cannot refuse a fresh start through another node; a message tells. */
TEST(attach, fresh_start_by_another_node_is_told)
{
	struct run attached, fresh;

	load("");
	make_other_node();
	use_small_pipes();
	attached = START("incr_dev", "-a", many_text());
	/* It holds the old semaphore, so it cannot hinder the fresh run. */
	wait_until_holder(attached.pid, attached.out);
	fresh = RUN("incr_dev", "-d", other_node, "0");
	ASSERT_OK(unlink(other_node));
	expect_end(collect(&attached), 1, "started afresh through another node");
	ASSERT_TRUE(WIFEXITED(fresh.status));
}

TEST(attach, fresh_start_counts_from_0)
{
	struct run run;

	load("");
	count_on("10", "gave count 10");
	count_on("10", "gave count 20");
	run = RUN("incr_dev", "10");
	expect_end(&run, 0, "20 increments by 2 processes gave count 20");
	ASSERT_TRUE(!strncmp(run.output, "parent: 0\n", 10) ||
		    !strncmp(run.output, "child: 0\n", 9));
	count_on("1", "gave count 21");
}

static const char endless[] = "1000000000";

/*
 * Create the next children in a new namespace of this kind. Returns a
 * descriptor of our own one, for end_namespace().
 */
static int begin_namespace(int kind, const char *name)
{
	int own;

	own = open(text_of("/proc/self/ns/%s", name), O_RDONLY | O_CLOEXEC);
	if (own < 0 && errno == ENOENT)
		test_skip("this kernel has no %s namespaces", name);
	ASSERT_OK(own);
	ASSERT_OK(unshare(kind));
	return own;
}

static void end_namespace(int own, int kind)
{
	ASSERT_OK(setns(own, kind));
	close(own);
}

/* What a program finds at /proc, and as which user. */
struct proc {
	const char *type;
	const char *options;
	uid_t user;
};

static void enter_proc(const void *argument)
{
	const struct proc *proc = argument;

	ASSERT_OK(unshare(CLONE_NEWNS));
	ASSERT_OK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	ASSERT_OK(mount(proc->type, "/proc", proc->type, 0, proc->options));
	ASSERT_OK(setuid(proc->user));
}

/* Starts incr_dev -a in some surroundings. */
typedef struct run starter(const char *loops);

static struct run start_here(const char *loops)
{
	return START("incr_dev", "-a", loops);
}

static struct run start_with(const struct proc *proc, const char *loops)
{
	const char *const args[] = { "incr_dev", "-a", loops, NULL };

	return start_prepared(enter_proc, proc, args);
}

static struct run start_without_proc(const char *loops)
{
	return start_with(&(struct proc) { "tmpfs", NULL, NOBODY }, loops);
}

static struct run start_with_hidden_proc(const char *loops)
{
	return start_with(&(struct proc) { "proc", "hidepid=2", NOBODY }, loops);
}

/* As in a container: the first process of a pid namespace. */
static struct run start_in_pid_namespace(const char *loops)
{
	int own = begin_namespace(CLONE_NEWPID, "pid");
	struct run run = start_with(&(struct proc) { "proc", NULL, 0 }, loops);

	end_namespace(own, CLONE_NEWPID);
	return run;
}

static struct run start_in_time_namespace(const char *loops)
{
	int own = begin_namespace(CLONE_NEWTIME, "time");
	struct run run;

	write_to("/proc/self/timens_offsets",
		 "monotonic 100000 0\nboottime 100000 0\n");
	run = start_here(loops);
	end_namespace(own, CLONE_NEWTIME);
	return run;
}

static struct run start_by_other_node(const char *loops)
{
	struct run run;

	make_other_node();
	run = START("incr_dev", "-a", "-d", other_node, loops);
	wait_until_asleep(run.pid);
	ASSERT_OK(unlink(other_node));
	return run;
}

static struct run start_holder(starter *start_it, const char *loops)
{
	struct run holder;

	use_small_pipes();
	holder = start_it(loops);
	wait_until_holder(holder.pid, holder.out);
	return holder;
}

/* Wait until it has waited in vain for the semaphore so many times, 0.1 s each. */
static void let_wait(const struct run *waiter, int times)
{
	const char *status = text_of("/proc/%d/status", waiter->pid);
	static const char sleeps[] = "voluntary_ctxt_switches:";
	long until = number_in(status, sleeps) + times;

	for (int i = 0; number_in(status, sleeps) < until; i++) {
		if (i == 1000)
			FAIL("process %d does not wait", waiter->pid);
		usleep(10000);
	}
}

/* A waiter notices at the first time that the holder died, at the tenth that it is slow. */
enum { UNTIL_DEAD = 3, UNTIL_SLOW = 12 };

/*
 * The holder is alive and stuck. The waiter waits longer than it takes to
 * notice a dead holder, does not call this one dead, and both succeed.
 */
static void expect_both_count(starter *start_one, starter *start_other)
{
	struct run holder, waiter;

	load("");
	holder = start_holder(start_one, many_text());
	waiter = start_other("5");
	wait_until_asleep(waiter.pid);
	let_wait(&waiter, UNTIL_DEAD);
	expect_end(collect(&holder), 0, text_of("%d increments by process", many()));
	expect_status(collect(&waiter), 0);
	expect_text(waiter.errors, "5 increments by process");
	count_on("0", text_of("of %d by all, gave count %d", many() + 5, many() + 5));
}

/* A test: who starts the holder, and who the waiter. */
#define LIVE_HOLDER(name, ...)					\
	static starter *const name[] = { __VA_ARGS__ };		\
	TEST_LIMIT(attach, name, 60)				\
	{							\
		expect_both_count(name[0], name[1]);		\
	}

LIVE_HOLDER(live_holder_in_another_pid_namespace, start_in_pid_namespace, start_here)
LIVE_HOLDER(live_holder_seen_from_another_pid_namespace, start_here, start_in_pid_namespace)
LIVE_HOLDER(live_holder_in_another_time_namespace, start_in_time_namespace, start_here)
LIVE_HOLDER(live_holder_without_proc, start_without_proc, start_here)
LIVE_HOLDER(live_holder_that_proc_hides, start_here, start_with_hidden_proc)
LIVE_HOLDER(live_holder_by_another_node, start_here, start_by_other_node)

/* A killed holder: the waiter says so within a second, and so does the next. */
static void expect_death_noticed(starter *start_one, starter *start_other,
				 const char *name)
{
	struct run holder, waiter;

	load("");
	holder = start_holder(start_one, endless);
	waiter = start_other("5");
	wait_until_asleep(waiter.pid);
	kill_and_collect(holder.pid, &waiter);
	expect_end(&waiter, 1, text_of(name, holder.pid));
	expect_text(waiter.errors, " died holding the semaphore: start afresh");
	collect(&holder);
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "died holding the semaphore: start afresh");
}

TEST_LIMIT(attach, killed_holder_is_noticed_by_who_is_attached, 60)
{
	expect_death_noticed(start_here, start_here, "process %d died");
	expect_success(RUN("incr_dev", "5"), "gave count 10");
}

TEST_LIMIT(attach, killed_holder_in_another_pid_namespace, 60)
{
	expect_death_noticed(start_in_pid_namespace, start_here,
			     "process 1 of another pid namespace died");
}

TEST_LIMIT(attach, killed_holder_that_proc_hides, 60)
{
	expect_death_noticed(start_here, start_without_proc, "process %d (of");
}

TEST_LIMIT(attach, killed_holder_is_noticed_by_another_node, 60)
{
	expect_death_noticed(start_here, start_by_other_node,
			     "process %d died");
}

/*
 * Holder and waiter are the first processes of two pid namespaces. The waiter
 * has held the semaphore before; it waits for the holder when it dies.
 */
TEST_LIMIT(attach, death_of_a_waiter_with_the_pid_of_the_holder, 60)
{
	struct run holder, waiter;

	load("");
	waiter = start_holder(start_in_pid_namespace, endless);
	holder = start_in_pid_namespace(many_text());
	wait_until_holder(holder.pid, waiter.out);
	ASSERT_OK(kill(waiter.pid, SIGKILL));
	expect_end_by(collect(&waiter), SIGKILL);

	waiter = start_here("5");
	wait_until_asleep(waiter.pid);
	let_wait(&waiter, UNTIL_DEAD);
	expect_end(collect(&holder), 0, text_of("%d increments by process 1,", many()));
	expect_status(collect(&waiter), 0);
	expect_text(waiter.errors, "5 increments by process");
}

/* Read one line of the running program's standard error. It has the text. */
static void expect_line(const struct run *run, const char *text)
{
	char line[sizeof(run->errors)];
	size_t length = 0;

	while (!length || line[length - 1] != '\n') {
		ASSERT_TRUE(length < sizeof(line) - 1);
		ASSERT_EQ(1, read(run->err, line + length, 1));
		length++;
	}
	line[length] = '\0';
	expect_text(line, text);
}

/* The same; the text has the pid of another process in it, once or twice. */
static void expect_warning(const struct run *run, const char *format, pid_t pid)
{
	expect_line(run, text_of(format, pid, pid));
}

/* The waiter warns once; nothing is lost when the holder continues. */
TEST_LIMIT(attach, stopped_holder_is_waited_for, 60)
{
	struct run holder, waiter;
	double begun;

	load("");
	holder = start_holder(start_here, many_text());
	ASSERT_OK(kill(holder.pid, SIGSTOP));
	begun = now();
	waiter = start_here("5");
	expect_warning(&waiter,
		       "process %d holds the semaphore and is stopped: waiting until it continues (kill -CONT %d)\n",
		       holder.pid);
	if (now() - begun < 0.9)
		FAIL("the warning came after %.2f s", now() - begun);
	let_wait(&waiter, UNTIL_SLOW);
	ASSERT_EQ(0, waitpid(waiter.pid, NULL, WNOHANG));
	ASSERT_OK(kill(holder.pid, SIGCONT));
	expect_end(collect(&holder), 0, text_of("%d increments by process", many()));
	expect_end(collect(&waiter), 0, "5 increments by process");
	count_on("0", text_of("of %d by all, gave count %d", many() + 5, many() + 5));
}

/* From another pid namespace the waiter cannot see that it is stopped. */
TEST_LIMIT(attach, slow_holder_is_named, 60)
{
	struct run holder, waiter;

	load("");
	holder = start_holder(start_here, many_text());
	waiter = start_here("5");
	expect_warning(&waiter,
		       "process %d has held the semaphore for a second: waiting for it\n",
		       holder.pid);
	ASSERT_OK(kill(waiter.pid, SIGINT));
	expect_end_by(collect(&waiter), SIGINT);

	ASSERT_OK(kill(holder.pid, SIGSTOP));
	waiter = start_in_pid_namespace("5");
	expect_warning(&waiter,
		       "process %d of another pid namespace has held the semaphore for a second: waiting for it\n",
		       holder.pid);
	ASSERT_OK(kill(holder.pid, SIGCONT));
	collect(&holder);
	expect_end(collect(&waiter), 0, "5 increments by process 1,");
}

/* There a loop of two instructions that lose their claim to the word at each stop. */
static void needs_atomic_instructions(void)
{
#ifdef __aarch64__
	if (!(getauxval(AT_HWCAP) & HWCAP_ATOMICS))
		test_skip("no atomic operation of this processor is one instruction, to step through it");
#endif
}

static void be_traced(const void *unused)
{
	(void)unused;
	ASSERT_OK(ptrace(PTRACE_TRACEME, 0, 0, 0));
}

/* Start a traced incr_dev -a, and run it until it is about to look at the region. */
static void start_traced(struct run *run)
{
	static const char *const args[] = { "incr_dev", "-a", "5", NULL };
	struct __ptrace_syscall_info info = { 0 };
	int status;

	needs_atomic_instructions();
	*run = start_prepared(be_traced, NULL, args);
	ASSERT_EQ(run->pid,
		  waitpid(run->pid, &status, 0));	/* at its exec */
	ASSERT_OK(ptrace(PTRACE_SETOPTIONS, run->pid, 0,
			 PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD));
	/* After flock() it looks at the region. */
	while (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
	       info.entry.nr != SYS_flock) {
		ASSERT_OK(ptrace(PTRACE_SYSCALL, run->pid, 0, 0));
		ASSERT_EQ(run->pid, waitpid(run->pid, &status, 0));
		ASSERT_TRUE(WIFSTOPPED(status));
		ASSERT_OK(ptrace(PTRACE_GET_SYSCALL_INFO, run->pid,
				 sizeof(info), &info));
	}
}

/* Let it run for one instruction; returns the word of the initialiser. */
static unsigned int step(const struct run *run, struct region *region)
{
	int status;

	ASSERT_OK(ptrace(PTRACE_SINGLESTEP, run->pid, 0, 0));
	ASSERT_EQ(run->pid, waitpid(run->pid, &status, 0));
	ASSERT_TRUE(WIFSTOPPED(status));
	return atomic_load(&region->initialiser.word);
}

/*
 * Start one, and run it until it is the initialiser of the region; then at most so
 * many instructions, or to the end of the initialisation. Returns their number.
 */
static int start_initialiser(struct region *region, int max, struct run *run)
{
	unsigned int word = 0;
	int steps = 0;

	start_traced(run);
	while (word != REGION_READY && steps < max) {
		word = step(run, region);
		steps += word != 0;
	}
	return steps;
}

/* The number of instructions of the whole initialisation. */
static int initialiser_steps(void)
{
	struct region *region;
	struct run run;
	int steps;

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	steps = start_initialiser(region, INT_MAX, &run);
	ASSERT_OK(ptrace(PTRACE_DETACH, run.pid, 0, 0));
	expect_end(collect(&run), 0, "gave count 5");
	ASSERT_OK(munmap(region, page_size()));
	unload();
	return steps;
}

/* Two find a new region; the first one to look is the last to act. */
TEST(attach, initialiser_that_is_overtaken)
{
	struct region *region = load_default_and_map();
	struct run run;
	int steps = 1;

	/* So many instructions until it is the initialiser. */
	start_traced(&run);
	while (!step(&run, region))
		steps++;
	ASSERT_OK(ptrace(PTRACE_DETACH, run.pid, 0, 0));
	expect_end(collect(&run), 0, "of 5 by all, gave count 5");

	memset(region, 0, page_size());
	start_traced(&run);
	while (--steps)
		ASSERT_EQ(0, step(&run, region));
	count_on("5", "of 5 by all, gave count 5");
	ASSERT_OK(ptrace(PTRACE_DETACH, run.pid, 0, 0));
	expect_end(collect(&run), 0, "of 10 by all, gave count 10");
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
		ASSERT_EQ(deaths[i],
			  start_initialiser(region, deaths[i], &run));
		ASSERT_EQ(run.pid, atomic_load(&region->initialiser.word));
		ASSERT_OK(kill(run.pid, SIGKILL));
		collect(&run);
		ASSERT_EQ(OWNER_DIED,
			  atomic_load(&region->initialiser.word));
		count_on("5", "of 5 by all, gave count 5");
		ASSERT_OK(munmap(region, page_size()));
		unload();
	}
}

TEST(attach, stopped_initialiser_is_waited_for)
{
	int all = initialiser_steps();
	struct run stopped, waiter;
	struct region *region;

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	ASSERT_EQ(all / 2, start_initialiser(region, all / 2, &stopped));
	ASSERT_OK(ptrace(PTRACE_DETACH, stopped.pid, 0, SIGSTOP));
	waiter = start_here("5");
	expect_warning(&waiter,
		       "process %d initialises the region and is stopped: waiting until it continues (kill -CONT %d)\n",
		       stopped.pid);
	ASSERT_OK(kill(stopped.pid, SIGCONT));
	expect_end(collect(&stopped), 0, "5 increments by process");
	expect_end(collect(&waiter), 0, "5 increments by process");
	count_on("0", "of 10 by all, gave count 10");
}

static void take_and_die(void *semaphore)
{
	ASSERT_OK(sem_wait(semaphore));
}

/* The kernel leaves no mark of its death: the others warn, and wait. */
TEST_LIMIT(attach, holder_that_died_before_its_note_is_noticed, 60)
{
	static const char text[] =
		"the semaphore is taken but no process claims it: one may have died taking it; to start afresh, run incr_dev without -a\n";
	struct run waiters[2];
	struct region *region;
	double begun;

	load("");
	count_on("5", "gave count 5");
	region = map_pages(0, 1, MAP_SHARED);
	finish(start(take_and_die, &region->shared.semaphore));
	begun = now();
	for (int i = 0; i < 2; i++)
		waiters[i] = start_here("5");
	for (int i = 0; i < 2; i++)
		expect_line(&waiters[i], text);
	if (now() - begun > 3)
		FAIL("the warnings took %.2f s", now() - begun);
	let_wait(&waiters[0], UNTIL_SLOW);
	/* The user ends one; the other continues when it can. */
	ASSERT_OK(kill(waiters[0].pid, SIGINT));
	expect_end_by(collect(&waiters[0]), SIGINT);
	ASSERT_STREQ("", waiters[0].errors);
	ASSERT_OK(sem_post(&region->shared.semaphore));
	expect_end(collect(&waiters[1]), 0, "of 10 by all, gave count 10");

	/* What the warning recommends works. */
	finish(start(take_and_die, &region->shared.semaphore));
	expect_success(RUN("incr_dev", "5"), "gave count 10");
}

/* The region holds neither an initialiser nor a count. */
TEST(attach, region_that_is_no_count_is_refused)
{
	static const char text[] = "abcdefgh";
	int fd;

	load("");
	fd = open_device(O_WRONLY);
	ASSERT_EQ(sizeof(text), write(fd, text, sizeof(text)));
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "the region is not a count: start afresh");
	close(fd);
	expect_success(RUN("incr_dev", "5"), "gave count 10");
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

/* Another process, alive, has the pid of the dead holder. */
TEST(attach, pid_of_a_dead_holder_that_is_used_again)
{
	struct run holder;

	load("");
	holder = start_holder(start_here, endless);
	kill_and_collect(holder.pid, &holder);
	ASSERT_EQ(holder.pid, ASSERT_OK(start_with_pid(holder.pid)));
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "died holding the semaphore: start afresh");
	ASSERT_OK(kill(holder.pid, SIGKILL));
	ASSERT_EQ(holder.pid, waitpid(holder.pid, NULL, 0));
}

/* A process that a signal asks to end releases the semaphore first. */
TEST(attach, interrupted_holder_lets_go)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

	load("");
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct run holder = start_holder(start_here, endless);

		ASSERT_OK(kill(holder.pid, signals[i]));
		expect_end_by(collect(&holder), signals[i]);
		count_on("5", "5 increments by process");
	}
}

TEST(attach, reader_that_goes_away_is_no_harm_to_others)
{
	struct run run;

	load("");
	run = start_here(endless);
	wait_for_output(&run);
	lose_reader(&run);
	expect_end_by(collect(&run), SIGPIPE);
	count_on("5", "5 increments by process");
}

TEST(attach, full_output_is_no_harm_to_others)
{
	load("");
	count_on("5", "gave count 5");
	ASSERT_EQ(1,
		  run_into("/dev/full",
			   (const char *[]) { "incr_dev", "-a", "5", NULL }));
	count_on("5", "gave count 10");
}

TEST(attach, samepage_leaves_the_count_alone)
{
	load("");
	count_on("5", "gave count 5");
	must_end(RUN("samepage"), 0);
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
	ASSERT_EQ(1, lines_in(run.output));
}
