// SPDX-License-Identifier: GPL-2.0
/* show: samepage and demo, the programs that show something of the others. */
#include <fcntl.h>
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
	static const char *const wanted[] = {
		"same", "same", "same", "same", "same", "different",
		"different",
	};
	struct run run;
	size_t found = 0;

	if (!is_in_guest())
		test_skip("needs the guest, and root there");
	load("");
	run = RUN("samepage");
	expect_status(&run, 0);
	for (char *line = strtok(run.output, "\n"); line;
	     line = strtok(NULL, "\n")) {
		char *word = strrchr(line, ' ') + 1;

		if (!strcmp(word, "same") || !strcmp(word, "different")) {
			EXPECT(found < ARRAY_SIZE(wanted));
			EXPECT_STR(word, wanted[found++]);
		}
	}
	EXPECT_EQ(found, ARRAY_SIZE(wanted));
}

TEST(show, samepage_skips_a_missing_device)
{
	struct run run;

	if (getuid() || !access(DEVICE, F_OK))
		test_skip("needs root and no device");
	run = RUN("samepage");
	expect_status(&run, 0);
	expect_text(run.output, "skipped: No such file");
}

static int folders_of_demo(void)
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
	run = RUN("demo");
	expect_silent(&run, 0);
	expect_text(run.output, "incr_dev");
	expect_text(run.output, guest);
	EXPECT(!strstr(run.output, "failed"));
	unload();
	run = RUN("demo");
	expect_status(&run, 1);
	expect_text(run.output, "failed, exit status 1");
	EXPECT_EQ(folders_of_demo(), 0);
}

/* By Ctrl-C, or when its reader goes away, as in demo | head. */
TEST(show, demo_that_is_ended_leaves_nothing)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	if (!is_in_guest())
		test_skip("needs a /tmp of its own");
	for (int i = 0; i < 4 * (int)ARRAY_SIZE(signals); i++) {
		int number = signals[i % ARRAY_SIZE(signals)];
		struct run run = START("demo");
		char byte;

		EXPECT_EQ(read(run.out, &byte, 1), 1);
		usleep(10000 * i);
		if (number == SIGPIPE) {
			close(run.out);
			run.out = open("/dev/null", O_RDONLY | O_CLOEXEC);
		} else {
			EXPECT_OK(kill(run.pid, number));
		}
		collect(&run);
		EXPECT(WIFSIGNALED(run.status));
		EXPECT_EQ(WTERMSIG(run.status), number);
		EXPECT_STR(run.errors, "");
		EXPECT_EQ(folders_of_demo(), 0);
	}
}
