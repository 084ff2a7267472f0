// SPDX-License-Identifier: GPL-2.0
/*
 * techniques: what make techniques reports for each way to map a device's
 * memory. Ours supports all that shmem does. The textbooks' ways work without
 * contention and break with it.
 */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "harness.h"
#include "program.h"

/* The columns of its CSV output. */
enum column {
	NAME, UNCONTENDED, WOKEN, CONTENDED, ROBUST, READV, O_DIRECT_WRITE,
	PRIVATE, MREMAP, REMOVE, MAPS, RMMOD, COLUMNS
};

static void probe(const char *technique, char *field[COLUMNS])
{
	struct run run;
	char *line;

	needs_guest();
	run = must_end_silently(RUN("techniques", "/lib/techniques.ko", technique), 0);
	line = strchr(run.output, '\n');
	ASSERT_TRUE(line);
	line++;
	line[strcspn(line, "\n")] = '\0';
	for (int i = 0; i < COLUMNS; i++) {
		field[i] = strsep(&line, ",");
		ASSERT_TRUE(field[i]);
	}
	ASSERT_STREQ(technique, field[NAME]);
	ASSERT_STREQ("works", field[UNCONTENDED]);
}

TEST_LIMIT(techniques, ours_can_what_a_file_can, 60)
{
	char *field[COLUMNS];

	probe("fault_mapping", field);
	ASSERT_STREQ("works", field[WOKEN]);
	ASSERT_STREQ("works", field[CONTENDED]);
	ASSERT_STREQ("works", field[ROBUST]);
	ASSERT_STREQ("works", field[READV]);
	ASSERT_STREQ("works", field[PRIVATE]);
	ASSERT_STREQ("EFAULT", field[MREMAP]);
	ASSERT_TRUE(strcmp(field[REMOVE], "erased"));
	ASSERT_STREQ(DEVICE, field[MAPS]);
	ASSERT_STREQ("EAGAIN", field[RMMOD]);
}

TEST_LIMIT(techniques, textbooks_fail_where_processes_meet, 120)
{
	static const char *const textbooks[] = {
		"remap_pfn", "insert_page", "fault_page", "vmalloc",
	};
	char *field[COLUMNS];

	for (size_t i = 0; i < ARRAY_SIZE(textbooks); i++) {
		probe(textbooks[i], field);
		ASSERT_STREQ("EFAULT", field[WOKEN]);
		ASSERT_STREQ("SIGABRT", field[CONTENDED]);
		ASSERT_TRUE(strcmp(field[ROBUST], "works"));
		ASSERT_STREQ(i ? "works" : "EFAULT", field[READV]);
		ASSERT_STREQ("EAGAIN", field[RMMOD]);
	}
}

TEST_LIMIT(techniques, a_file_in_its_place_holds_no_module, 60)
{
	char *field[COLUMNS];

	probe("set_file", field);
	ASSERT_STREQ("works", field[CONTENDED]);
	ASSERT_STREQ("/shmcount (deleted)", field[MAPS]);
	ASSERT_STREQ("unloads", field[RMMOD]);
}

TEST(techniques, unknown_one_is_refused)
{
	struct run run;

	needs_guest();
	run = RUN("techniques", "/lib/techniques.ko", "copy");
	expect_end(&run, 1, "cannot load /lib/techniques.ko with technique=copy: Invalid argument");
	expect_refusal(RUN("techniques", "/lib/none.ko", "vmalloc"), 1,
		       "no module in /lib/none.ko");
}
