// SPDX-License-Identifier: GPL-2.0
/* show: samepage and demo, the programs that show something of the others. */
#include <stdlib.h>
#include <string.h>
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
}
