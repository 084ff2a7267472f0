// SPDX-License-Identifier: GPL-2.0
/* attach: unrelated incr_dev processes of one count, by user/attach.h. */
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../user/attach.h"
#include "device.h"
#include "harness.h"
#include "program.h"

enum { LOOPS = 500, ATTACHED = 4, TOGETHER_LOOPS = 20, ROUNDS = 50 };

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

/* flock() is of the node, the region of the module: it is told, at the least. */
TEST(attach, fresh_start_by_another_node_is_told)
{
	struct run attached, fresh;
	struct stat device;

	load("");
	EXPECT_OK(stat("/dev/shmcount", &device));
	unlink("/dev/shmcount-other");
	EXPECT_OK(mknod("/dev/shmcount-other", S_IFCHR | 0600, device.st_rdev));
	attached = START("incr_dev", "-a", "20000");
	/* In the old semaphore, so that it cannot keep the new one from fresh. */
	wait_until_holder(attached.pid, attached.out);
	fresh = RUN("incr_dev", "-d", "/dev/shmcount-other", "0");
	EXPECT_OK(unlink("/dev/shmcount-other"));
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

static void end_at_once(void *unused)
{
	(void)unused;
}

TEST(attach, initialiser_that_died_is_replaced)
{
	struct region *region;
	pid_t dead;

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	dead = start(end_at_once, NULL);
	finish(dead);
	atomic_store(&region->state, dead);
	count_on("5", "gave count 5");
}

TEST(attach, holder_that_died_before_its_note_is_noticed)
{
	struct region *region;
	double begun;

	load("");
	count_on("5", "gave count 5");
	region = map_pages(0, 1, MAP_SHARED);
	EXPECT_OK(sem_wait(&region->shared.mutex));
	begun = now();
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "a process died taking the semaphore");
	if (now() - begun > 2)
		FAIL("it took %.2f s to notice", now() - begun);
}

/* It is being initialised, and never ready, by a process that is alive. */
TEST(attach, region_that_is_no_count_is_refused)
{
	struct region *region;
	struct run alive, run;

	load("");
	region = map_pages(0, 1, MAP_SHARED);
	alive = START("incr_dev", "-a", "1000000000");
	wait_until_holder(alive.pid, alive.out);
	atomic_store(&region->state, atomic_load(&region->holder));
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "the region is not a count: start afresh");
	EXPECT_OK(kill(alive.pid, SIGKILL));
	collect(&alive);
	run = RUN("incr_dev", "5");
	expect_end(&run, 0, "gave count 10");
}

/* This very process is alive, but it is not the one that held. */
TEST(attach, pid_of_a_dead_holder_that_is_used_again)
{
	struct region *region;

	load("");
	count_on("5", "gave count 5");
	region = map_pages(0, 1, MAP_SHARED);
	EXPECT_OK(sem_wait(&region->shared.mutex));
	atomic_store(&region->holder, getpid());
	expect_refusal(RUN("incr_dev", "-a", "5"), 1,
		       "died holding the semaphore");
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
