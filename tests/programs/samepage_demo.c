// SPDX-License-Identifier: GPL-2.0
/* show: samepage and demo, the programs that show how the others work. */
#include <glob.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "program.h"

TEST(show, samepage_finds_the_same_frames)
{
	static const char *const expected[] = {
		"same", "same", "same", "same", "same", "different",
		"different",
	};
	struct run run;
	size_t found = 0;

	needs_guest();
	load("");
	run = must_end(RUN("samepage"), 0);
	for (char *line = strtok(run.output, "\n"); line;
	     line = strtok(NULL, "\n")) {
		char *word = strrchr(line, ' ') + 1;

		if (!strcmp(word, "same") || !strcmp(word, "different")) {
			ASSERT_TRUE(found < ARRAY_SIZE(expected));
			ASSERT_STREQ(expected[found++], word);
		}
	}
	ASSERT_EQ(ARRAY_SIZE(expected), found);
}

TEST(show, samepage_skips_a_missing_device)
{
	if (getuid() || !access(DEVICE, F_OK))
		test_skip("needs root and no device");
	expect_text(must_end(RUN("samepage"), 0).output, "skipped: No such file");
}

static int directories_of_demo(void)
{
	glob_t found;
	int count = 0;

	if (!glob("/tmp/incr.??????", 0, NULL, &found))
		count = found.gl_pathc;
	globfree(&found);
	return count;
}

TEST(show, demo_runs_them_all)
{
	const char *guest = getenv("SHMCOUNT_GUEST");
	struct run run;

	if (!guest)
		test_skip("needs the guest");
	load("");
	run = must_end_silently(RUN("demo"), 0);
	expect_text(run.output, "incr_dev");
	expect_text(run.output, guest);
	ASSERT_TRUE(!strstr(run.output, "failed"));
	unload();
	expect_text(must_end(RUN("demo"), 1).output, "failed, exit status 1");
	ASSERT_EQ(0, directories_of_demo());
}

/* Ctrl-C, for example, or a reader that goes away, as in demo | head. */
TEST(show, demo_that_is_ended_leaves_nothing)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	if (!is_in_guest())
		test_skip("needs a /tmp of its own");
	for (int i = 0; i < 4 * (int)ARRAY_SIZE(signals); i++) {
		int number = signals[i % ARRAY_SIZE(signals)];
		int delay = 10000 * i;
		struct run run;

		/* It may have ended by itself before: then be earlier. */
		for (;; delay /= 2) {
			run = START("demo");
			wait_for_output(&run);
			usleep(delay);
			if (number == SIGPIPE)
				lose_reader(&run);
			else
				ASSERT_OK(kill(run.pid, number));
			collect(&run);
			if (!delay || !WIFEXITED(run.status))
				break;
		}
		expect_end_by(&run, number);
		ASSERT_STREQ("", run.errors);
		ASSERT_EQ(0, directories_of_demo());
	}
}
