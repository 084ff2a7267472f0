// SPDX-License-Identifier: GPL-2.0
/*
 * techniques: what make techniques says of each way to map a device's memory.
 * Of ours all that shmem can; of the textbooks', what breaks, and that it does
 * not break where processes do not meet.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "harness.h"
#include "program.h"

/* The columns of its CSV. */
enum column {
	NAME, UNCONTENDED, WOKEN, CONTENDED, ROBUST, READV, O_DIRECT_WRITE,
	PRIVATE, MREMAP, REMOVE, MAPS, RMMOD, COLUMNS
};

static void probe(const char *technique, char *field[COLUMNS])
{
	struct run run;
	char *line;

	if (!is_in_guest())
		test_skip("needs the guest");
	run = RUN("techniques", "/lib/techniques.ko", technique);
	expect_silent(&run, 0);
	line = strchr(run.output, '\n');
	EXPECT(line);
	line++;
	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < COLUMNS; i++) {
		field[i] = strsep(&line, ",");
		EXPECT(field[i]);
	}
	EXPECT_STR(field[NAME], technique);
	EXPECT_STR(field[UNCONTENDED], "works");
}

TEST_LIMIT(techniques, ours_can_what_a_file_can, 60)
{
	char *field[COLUMNS];

	probe("fault_mapping", field);
	EXPECT_STR(field[WOKEN], "works");
	EXPECT_STR(field[CONTENDED], "works");
	EXPECT_STR(field[ROBUST], "works");
	EXPECT_STR(field[READV], "works");
	EXPECT_STR(field[PRIVATE], "works");
	EXPECT_STR(field[MREMAP], "EFAULT");
	EXPECT(strcmp(field[REMOVE], "erased"));
	EXPECT_STR(field[MAPS], DEVICE);
	EXPECT_STR(field[RMMOD], "EAGAIN");
}

TEST_LIMIT(techniques, textbooks_fail_where_processes_meet, 120)
{
	static const char *const textbooks[] = {
		"remap_pfn", "insert_page", "fault_page", "vmalloc",
	};
	char *field[COLUMNS];

	for (size_t i = 0; i < ARRAY_SIZE(textbooks); i++) {
		probe(textbooks[i], field);
		EXPECT_STR(field[WOKEN], "EFAULT");
		EXPECT_STR(field[CONTENDED], "SIGABRT");
		EXPECT(strcmp(field[ROBUST], "works"));
		EXPECT_STR(field[READV], i ? "works" : "EFAULT");
		EXPECT_STR(field[RMMOD], "EAGAIN");
	}
}

TEST_LIMIT(techniques, a_file_in_its_place_holds_no_module, 60)
{
	char *field[COLUMNS];

	probe("set_file", field);
	EXPECT_STR(field[CONTENDED], "works");
	EXPECT_STR(field[MAPS], "/shmcount (deleted)");
	EXPECT_STR(field[RMMOD], "unloads");
}

TEST(techniques, unknown_one_is_refused)
{
	struct run run;

	if (!is_in_guest())
		test_skip("needs the guest");
	run = RUN("techniques", "/lib/techniques.ko", "copy");
	expect_end(&run, 1, "cannot load /lib/techniques.ko with technique=copy: Invalid argument");
	expect_refusal(RUN("techniques", "/lib/none.ko", "vmalloc"), 1,
		       "no module in /lib/none.ko");
}
