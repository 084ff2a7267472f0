// SPDX-License-Identifier: GPL-2.0
/*
 * Sample submissions, and the verdict that each must get, by the real jail and
 * real guests (make grade-test).
 *
 * What is wrong in one way that could happen to a student is made of our own
 * module by a patch of make mutants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "samples.h"

#define NAME "sample"
#define SAMPLE(name) TEST_LIMIT(samples, name, SAMPLE_LIMIT)

/* A value out of the instructor's report, by a query of its json. */
static char *report_of(const char *sql)
{
	char *line, *text;

	if (asprintf(&line, "sqlite3 :memory: \"WITH report AS (SELECT CAST(readfile('grades/" NAME "/instructor.json') AS TEXT) AS text) %s\"",
		     sql) < 0)
		FAIL("no memory");
	text = shell(line);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void expect(const char *verdict, const char *test, const char *how,
		   const char *points)
{
	struct run run = RUN("grade", "one", NAME);

	expect_silent(&run, 0);
	EXPECT_STR(report_of("SELECT json_extract(text, '$.verdict') FROM report"),
		   verdict);
	if (how)
		EXPECT_STR(report_of(with("SELECT json_extract(value, '$.result') FROM report, json_each(text, '$.tests') WHERE json_extract(value, '$.name') = '%s'",
						  test)), how);
	if (points)
		EXPECT_STR(report_of("SELECT json_extract(text, '$.points') || ' of ' || json_extract(text, '$.of') FROM report"),
			   points);
	EXPECT_STR(shell(with("xmllint --noout grades/%s/junit.xml && sqlite3 :memory: \"SELECT 1 WHERE NOT json_valid(CAST(readfile('grades/%s/results.json') AS TEXT))\"",
			      NAME)), "");
}

/*
 * Grade what stage() makes of from: it must get this verdict; a test, if one is
 * named, must come out so; and these points, if any are. hidden is a folder of
 * samples/ with tests of an instructor's, or NULL.
 */
static void grade(const char *from, const char *verdict, const char *test,
		  const char *how, const char *points, const char *hidden)
{
	set_variables(in_tree("build/grading/graded"));
	if (hidden) {
		setenv("HIDDEN_SAMPLE", hidden, 1);
		shell("env -u MAKEFLAGS -u MFLAGS make -s --no-print-directory -C $TOP HIDDEN=tests/grade/samples/$HIDDEN_SAMPLE HIDDEN_PROGRAM=$PWD/graded hidden-program >&2");
		setenv("GRADED", with("%s/graded", getcwd(NULL, 0)), 1);
	}
	stage(NAME, from);
	expect(verdict, test, how, points);
}

/* The table. */
SAMPLE(right)
{
	grade("kmod", "tested",
	      NULL, NULL, "100.0 of 100.0", NULL);
}

/* Typical mistakes. */
SAMPLE(alloc_page)
{
	grade("patch alloc_page", "tested",
	      "sync.futex_wakes_a_sleeper_across_opens", "fail", NULL, NULL);
}

SAMPLE(remap_pfn_range)
{
	grade("patch remap_pfn_range", "tested",
	      "sync.futex_wake_of_nobody_is_no_error", "fail", NULL, NULL);
}

SAMPLE(textbook)
{
	grade("bad/textbook.c", "tested",
	      "sync.semaphore_wakes_a_sleeper_across_opens", "fail", NULL, NULL);
}

SAMPLE(bound_without_length)
{
	grade("patch bound_without_length", "tested",
	      "map.outside_is_refused", "fail", NULL, NULL);
}

SAMPLE(page_not_zeroed)
{
	grade("patch page_not_zeroed", "tested",
	      "load.region_is_zero_at_each_load", "fail", NULL, NULL);
}

SAMPLE(region_for_each_open)
{
	grade("patch region_for_each_open", "tested",
	      "share.separate_opens", "fail", NULL, NULL);
}

SAMPLE(mremap_grows)
{
	grade("patch mremap_grows", "tested",
	      "map.mremap_does_not_grow", "fail", NULL, NULL);
}

SAMPLE(mode_ignored)
{
	grade("patch mode_ignored", "tested",
	      "load.mode_is_that_of_the_node", "fail", NULL, NULL);
}

SAMPLE(write_past_the_end)
{
	grade("patch write_grows_the_region", "tested",
	      "io.write_is_cut_at_the_end", "fail", NULL, NULL);
}

SAMPLE(no_owner)
{
	grade("patch rmmod_while_open", "tested",
	      "life.unload_is_refused_while_open", "crash", NULL, NULL);
}

SAMPLE(wrong_exit_order)
{
	grade("patch exit_keeps_the_device", "does not unload",
	      "module.unloads", "crash", NULL, NULL);
}

SAMPLE(stays_after_use)
{
	grade("patch open_pins_the_module", "tested",
	      "io.what_is_written_is_read", "fail", NULL, NULL);
}

SAMPLE(does_not_build)
{
	grade("grade/samples/does_not_build.c", "does not build",
	      "module.loads", "not run", "0.0 of 100.0", NULL);
}

/* Crashes and hangs. */
SAMPLE(oops_in_mmap)
{
	grade("bad/oops_in_mmap.c", "tested",
	      "io.mapping_and_read_agree", "crash", NULL, NULL);
}

SAMPLE(panic_at_load)
{
	grade("bad/panic_at_load.c", "does not load",
	      "module.loads", "crash", "0.0 of 100.0", NULL);
}

SAMPLE(hang_at_load)
{
	grade("bad/hang_at_load.c", "does not load",
	      "module.loads", "hang", "0.0 of 100.0", NULL);
}

SAMPLE(hang_in_read)
{
	grade("grade/samples/hangs_in_read.c", "tested",
	      "io.new_region_reads_as_zero_to_its_end", "hang", NULL, NULL);
}

/*
 * Bad intent. With no device there are the points of module.*, and of the one
 * test of 18 in load.* that wants a module and no more.
 */
SAMPLE(no_device)
{
	grade("bad/no_device.c", "tested",
	      "io.seek", "fail", "10.5556 of 100.0", NULL);
}

SAMPLE(forges_results)
{
	grade("bad/forge_results.c", "forged report",
	      "io.seek", "not run", "0.0 of 100.0", NULL);
}

SAMPLE(resets_the_machine)
{
	grade("bad/reset_at_load.c", "does not load",
	      "module.loads", "crash", "0.0 of 100.0", NULL);
}

SAMPLE(includes_devices)
{
	grade("grade/samples/includes_devices.c", "does not build",
	      NULL, NULL, "0.0 of 100.0", NULL);
}

SAMPLE(memory_bomb)
{
	grade("grade/samples/memory_bomb.c", "does not build",
	      NULL, NULL, "0.0 of 100.0", NULL);
}

SAMPLE(big_array)
{
	grade("grade/samples/big_array.c", "does not build",
	      NULL, NULL, "0.0 of 100.0", NULL);
}

SAMPLE(big_module)
{
	grade("grade/samples/big_module.c", "does not build",
	      NULL, NULL, "0.0 of 100.0", NULL);
}

/* An instructor's tests. */
SAMPLE(right_with_hidden)
{
	grade("kmod", "tested",
	      "hidden_bounds.last_byte_is_read_and_none_after_it", "pass",
	      "102.0 of 102.0", "hidden");
}

SAMPLE(wrong_with_hidden)
{
	grade("patch bound_without_offset", "tested",
	      "hidden_bounds.page_behind_the_region_is_not_mapped", "fail",
	      NULL, "hidden");
}

/* It hangs, or is killed for want of memory: that is a race. */
SAMPLE(fork_bomb_in_a_test)
{
	grade("kmod", "tested", NULL, NULL, "100.0 of 101.0", "fork_bomb");
}
