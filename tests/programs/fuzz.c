// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: short runs of the fuzzer. It notices wrong modules, a seed determines
 * all operations, and a report is enough to run them again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

enum { LIMIT = 240 };

/* If it fails, show the report, which says how to run it again. */
static void expect_agreement(struct run run)
{
	if (run.status)
		FAIL("%s%s", run.output ? run.output : "", run.errors);
	expect_text(run.output, "device and model agree\n");
	ASSERT_STREQ("", run.errors);
}

TEST_LIMIT(fuzz, in_turn, LIMIT)
{
	needs_guest();
	expect_agreement(RUN("fuzz", "-k", "in-turn", "-s", "1", "-n", "3000"));
}

TEST_LIMIT(fuzz, racing, LIMIT)
{
	needs_guest();
	expect_agreement(RUN("fuzz", "-k", "racing", "-s", "1", "-n", "5000"));
}

TEST_LIMIT(fuzz, reloading, LIMIT)
{
	needs_guest();
	expect_agreement(RUN("fuzz", "-k", "reloading", "-s", "1", "-n",
			     "600"));
}

TEST_LIMIT(fuzz, new_seed, LIMIT)
{
	needs_guest();
	expect_agreement(RUN("fuzz", "-n", "8000"));
}

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All operations of one generation, a line each; sorted without answers. */
static char **operations_of(const char *kind, bool with_answers, size_t *count)
{
	struct run run = RUN("fuzz", "-v", "-s", "3", "-g", "0", "-n", "1500",
			     "-k", kind);
	char **lines;

	expect_agreement(run);
	lines = calloc(lines_in(run.output) + 1, sizeof(char *));
	*count = 0;
	for (char *line = strtok(run.output, "\n"); line;
	     line = strtok(NULL, "\n")) {
		if (strncmp(line, "0.", 2))
			continue;
		if (!with_answers && strstr(line, " = "))
			*strstr(line, " = ") = '\0';
		lines[(*count)++] = line;
	}
	if (!with_answers)
		qsort(lines, *count, sizeof(char *), compare_lines);
	return lines;
}

static void expect_same_operations(const char *kind, bool with_answers)
{
	size_t first_count, second_count;
	char **first = operations_of(kind, with_answers, &first_count);
	char **second = operations_of(kind, with_answers, &second_count);

	ASSERT_TRUE(first_count >= 1500);
	ASSERT_EQ(first_count, second_count);
	for (size_t i = 0; i < first_count; i++)
		ASSERT_STREQ(first[i], second[i]);
}

TEST_LIMIT(fuzz, same_seed_same_operations_in_turn, LIMIT)
{
	needs_guest();
	expect_same_operations("in-turn", true);
}

TEST_LIMIT(fuzz, same_seed_same_operations_racing, LIMIT)
{
	needs_guest();
	expect_same_operations("racing", false);
}

/* One page, and the operations of a module that implements only mmap(). */
#define ONLY_MAPS "-z", "1", "-o", "open,close,mmap,munmap,load,store"

TEST_LIMIT(fuzz, notices_pages_that_are_not_shared, LIMIT)
{
	struct run run;

	needs_guest();
	run = RUN("fuzz", "-s", "1", "-m", "/lib/own_pages.ko", ONLY_MAPS);
	expect_end(&run, 1, " of the region: expected 0x");
}

TEST_LIMIT(fuzz, notices_pages_that_nothing_owns, LIMIT)
{
	struct run run;

	needs_guest();
	run = RUN("fuzz", "-s", "1", "-m", "/lib/textbook.ko", ONLY_MAPS
		  ",wake");
	expect_end(&run, 1, "expected 0, saw EFAULT");
	expect_text(run.output, "FUTEX_WAKE, 1) = EFAULT\n");
}

/* The generation that a report names fails the same way alone. */
TEST_LIMIT(fuzz, report_can_be_run_again, LIMIT)
{
	static const char arguments[] = "ARGS='-g ";
	struct run first, again;
	char *command;

	needs_guest();
	first = RUN("fuzz", "-s", "2", "-m", "/lib/own_pages.ko", "-k",
		    "in-turn", ONLY_MAPS);
	expect_end(&first, 1, "fuzz: seed 2, generation ");
	command = strstr(first.output, "make fuzz KERNEL=");
	ASSERT_TRUE(command);
	command = strstr(command, " SEED=2 ");
	ASSERT_TRUE(command);
	command = strstr(command, arguments);
	ASSERT_TRUE(command);
	again = RUN("fuzz", "-s", "2", "-m", "/lib/own_pages.ko", "-k", "in-turn",
		    ONLY_MAPS, "-g",
		    text_of("%lu", strtoul(command + strlen(arguments), NULL, 10)));
	expect_end(&again, 1, "fuzz: seed 2, generation ");
	ASSERT_STREQ(first.errors, again.errors);
}

TEST(fuzz, usage)
{
	expect_refusal(RUN("fuzz", "-p", "9"), 2, "from 1 to 8");
	expect_refusal(RUN("fuzz", "-n", "many"), 2, "-n many: it has to be a number from 1 to");
	expect_refusal(RUN("fuzz", "-x"), 2, "unknown option");
	expect_refusal(RUN("fuzz", "-o", "mmap,mumap"), 2,
		       "no operation is named 'mumap'");
}

TEST(fuzz, not_where_it_cannot_run)
{
	needs_guest();
	expect_refusal(RUN("fuzz", "-m", "/lib/none.ko"), 4,
		       "there is no module /lib/none.ko");
	load("");
	open_device(O_RDWR);
	expect_refusal(RUN("fuzz"), 4, "cannot unload the module");
}

TEST_LIMIT(fuzz, interrupt_leaves_nothing, LIMIT)
{
	struct run run;
	char byte = '\0';

	needs_guest();
	run = START("fuzz", "-n", "100000000");
	/* It handles signals before it prints its first line, the seed. */
	while (byte != '\n')
		ASSERT_EQ(1, read(run.out, &byte, 1));
	usleep(300000);
	ASSERT_OK(kill(run.pid, SIGINT));
	expect_status(collect(&run), 130);
	expect_text(run.output, "operations in ");
	ASSERT_STREQ("", run.errors);
	ASSERT_ERRNO(ENOENT, open(DEVICE, O_RDWR));
}
