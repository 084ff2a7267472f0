// SPDX-License-Identifier: GPL-2.0
/*
 * Sample submissions, and the verdict that each must get in the real jail and real
 * guests (make grade-test). Mistakes that a student could make are the unmodified module
 * with a patch of make mutants.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "samples.h"

#define NAME "sample"
#define SAMPLE(name, ...)						\
	static const struct sample sample_##name = { __VA_ARGS__ };	\
	TEST_LIMIT(samples, name, SAMPLE_LIMIT)				\
	{								\
		grade(&sample_##name);					\
	}

/* The result of an SQL query of instructor.json. */
static char *report_of(const char *sql)
{
	char *text = shell(text_of("sqlite3 :memory: \"WITH report AS (SELECT CAST(readfile('grades/" NAME "/instructor.json') AS TEXT) AS text) %s\"",
				   sql));

	text[strcspn(text, "\n")] = '\0';
	return text;
}

/*
 * A sample: what stage() makes it from, and its verdict (NULL: any that leaves a forger
 * no points, or has a reason to look at it). Unless they are NULL, the result of a test,
 * why, and the line that it names; the points, a directory of samples/ with an
 * instructor's tests, the tests that run, and the points file. The reason to look at it;
 * NULL: there is none.
 */
struct sample {
	const char *from, *verdict, *test, *result, *why, *where, *points, *hidden, *tests, *by,
		   *look;
};

static void grade(const struct sample *sample)
{
	link_tree();
	if (sample->hidden) {
		setenv("HIDDEN_SAMPLE", sample->hidden, 1);
		shell("env -u MAKEFLAGS -u MFLAGS make -s --no-print-directory -C $TOP HIDDEN=tests/grade/samples/$HIDDEN_SAMPLE build/grading/hidden/graded >&2 && cp $TOP/build/grading/hidden/graded .");
	}
	stage(NAME, sample->from);
	must_end_silently(RUN(GRADE_SAMPLE, "-g", sample->hidden ? "./graded" : "build/grading/graded", "-t", sample->tests ?: "", "-p", sample->by ?: "tests/grade/points", "one", NAME), 0);
	if (sample->tests)
		shell("mv grades/" NAME "+tests grades/" NAME);
	if (sample->verdict)
		ASSERT_STREQ(sample->verdict,
			     report_of("SELECT json_extract(text, '$.verdict') FROM report"));
	else	/* no more than a module without a device, or there is a reason to look */
		ASSERT_STREQ("1", report_of("SELECT json_extract(text, '$.points') < 10.6 OR json_extract(text, '$.look') <> '' FROM report"));
	if (sample->test)
		ASSERT_STREQ(sample->result,
			     report_of(text_of("SELECT json_extract(value, '$.result') FROM report, json_each(text, '$.tests') WHERE json_extract(value, '$.name') = '%s'",
					       sample->test)));
	if (sample->why)
		ASSERT_STREQ(sample->why,
			     report_of(text_of("SELECT json_extract(value, '$.reason') FROM report, json_each(text, '$.tests') WHERE json_extract(value, '$.name') = '%s'",
					       sample->test)));
	if (sample->where)
		expect_text(report_of(text_of("SELECT json_extract(value, '$.where') FROM report, json_each(text, '$.tests') WHERE json_extract(value, '$.name') = '%s'",
					      sample->test)), sample->where);
	if (sample->points)
		ASSERT_STREQ(sample->points,
			     report_of("SELECT json_extract(text, '$.points') || ' of ' || json_extract(text, '$.of') FROM report"));
	if (sample->look)
		expect_text(report_of("SELECT json_extract(text, '$.look') FROM report"),
			    sample->look);
	else
		ASSERT_STREQ("", report_of("SELECT json_extract(text, '$.look') FROM report"));
	ASSERT_STREQ("",
		     shell("xmllint --noout grades/" NAME "/junit.xml && sqlite3 :memory: \"SELECT 1 WHERE NOT json_valid(CAST(readfile('grades/" NAME "/results.json') AS TEXT))\""));
}

SAMPLE(right, "kmod", "tested", .points = "100.0 of 100.0")

/*
 * Each test can be a decoy: no right module passes it with what the host has made wrong, so
 * each runs twice, but for those of the group module. Then it passes.
 */
TEST_LIMIT(samples, right_passes_no_decoy, SAMPLE_LIMIT)
{
	struct run run;
	int tests, decoys;

	link_tree();
	stage(NAME, "kmod");
	must_end_silently(RUN(GRADE_SAMPLE, "-t", "module.*", "one", NAME), 0);
	run = must_end(RUN("vm", "-1", "-D", "1", "-T", "build/templates",
			   "-k", "build/kernel/bookworm", "-i", "build/guest/init", "-c", "log",
			   "-m", "grades/" NAME "+tests/shmcount.ko", "-f", "build/grading/graded",
			   "-f", "build/modules/bookworm/force_return.ko",
			   "-f", "build/modules/bookworm/own_pages.ko",
			   "-f", "build/modules/bookworm/mapped_page.ko", "tap", "graded", "-a"), 0);
	tests = atoi(strstr(run.output, "1..") + 3);
	decoys = atoi(shell("grep -c 'test: ' log")) - tests;
	ASSERT_EQ(tests - atoi(shell("build/grading/graded -l | grep -c '^module[.]'")), decoys);
}

/* Typical mistakes. */
SAMPLE(alloc_page, "patch alloc_page", "tested",
	.test = "sync.futex_wakes_a_sleeper_across_opens", .result = "fail")
SAMPLE(remap_pfn_range, "patch remap_pfn_range", "tested",
	.test = "sync.futex_wake_of_nobody_is_no_error", .result = "fail")
SAMPLE(textbook, "modules/textbook.c", "tested",
	.test = "sync.semaphore_wakes_a_sleeper_across_opens", .result = "fail")
SAMPLE(bound_without_length, "patch bound_without_length", "tested",
	.test = "map.outside_is_refused", .result = "fail")
SAMPLE(page_not_zeroed, "patch page_not_zeroed", "tested",
	.test = "load.region_is_zero_at_each_load", .result = "fail")
SAMPLE(region_for_each_open, "patch region_for_each_open", "tested",
	.test = "share.separate_opens", .result = "fail")
SAMPLE(mremap_grows, "patch mremap_grows", "tested",
	.test = "map.mremap_does_not_grow", .result = "fail")
SAMPLE(mode_ignored, "patch mode_ignored", "tested",
	.test = "load.mode_is_that_of_the_node", .result = "fail")
SAMPLE(write_past_the_end, "patch write_grows_the_region", "tested",
	.test = "io.write_is_cut_at_the_end", .result = "fail")
SAMPLE(no_owner, "patch rmmod_while_open", "tested",
	.test = "life.unload_is_refused_while_open", .result = "crash")
SAMPLE(does_not_build, "grade/samples/does_not_build.c", "does not build",
	.test = "module.loads", .result = "not run", .points = "0.0 of 100.0")

/* They load, and what needs no unload counts. Each test takes a guest, so there are few. */
#define SOME "perm.* io.seek map.populate life.unload_is_refused_while_open"
SAMPLE(wrong_exit_order, "patch exit_keeps_the_device", "does not unload",
	.test = "module.unloads", .result = "crash", .tests = SOME)
SAMPLE(stays_after_use, "patch open_pins_the_module", "does not unload",
	.test = "io.seek", .result = "pass", .tests = SOME)
#define IN_EXIT "sed s/^\tmisc_deregister.*/&\\n\t"
SAMPLE(warns_in_exit, IN_EXIT "WARN_ON(1);/", "does not unload",
	.test = "module.loads", .result = "pass", .tests = SOME)
SAMPLE(class_destroyed_twice,
	IN_EXIT "{ struct class *c = class_create(THIS_MODULE, \"c\"); class_destroy(c); class_destroy(c); }/",
	"does not unload", .test = "io.seek", .result = "pass", .tests = SOME)
SAMPLE(keeps_a_reference, "sed s/^\tret = misc_register/\t__module_get(THIS_MODULE);\\n&/",
	"does not unload", .test = "map.populate", .result = "pass", .tests = SOME)
SAMPLE(has_no_exit, "sed /^module_exit/d", "does not unload",
	.test = "life.unload_is_refused_while_open", .result = "fail", .tests = SOME)

/* What solves the lab, by the points of the lab. */
SAMPLE(lab, "lab", "tested", .points = "100.0 of 100.0", .by = "lab")

/* In a container the jail is in a guest. */
TEST_LIMIT(samples, container_without_namespaces, 3 * SAMPLE_LIMIT)
{
	static const char *const from[] = { "kmod", "patch mremap_grows" };
	static const char sql[] = "SELECT group_concat(json_extract(value, '$.status')) FROM json_each(CAST(readfile('grades/" NAME "+tests/results.json') AS TEXT), '$.tests')";

	link_tree();
	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		shell("rm -rf " NAME " w");
		stage(NAME, from[i]);
		must_end_silently(RUN_IN_CONTAINER(GRADE_SAMPLE, "-t", "module.* map.mremap_does_not_grow", "one", NAME), 0);
		ASSERT_STREQ(i ? "passed,passed,failed\n" : "passed,passed,passed\n",
			     shell(text_of("sqlite3 :memory: \"%s\"", sql)));
	}
}

/* Crashes and hangs. */
SAMPLE(oops_in_mmap, "modules/oops_in_mmap.c", "tested",
	.test = "io.mapping_and_read_agree", .result = "crash",
	.where = "shmcount.c:12: bad_mmap+")
SAMPLE(panic_at_load, "modules/panic_at_load.c", "does not load",
	.test = "module.loads", .result = "crash", .points = "0.0 of 100.0")
SAMPLE(hang_at_load, "modules/hang_at_load.c", "does not load",
	.test = "module.loads", .result = "hang", .points = "0.0 of 100.0")
SAMPLE(hang_in_read, "grade/samples/hangs_in_read.c", "tested",
	.test = "io.new_region_reads_as_zero_to_its_end", .result = "hang",
	.why = "no end after 5 seconds in the kernel",
	.where = ": sample_read+")

/* It blames other tests in the kernel's log. */
SAMPLE(lies_in_the_log, "grade/samples/lies_in_the_log.c", "tested",
	.test = "io.seek", .result = "pass", .tests = "io.seek map.after_* sync.*exact")

/*
 * Bad intent. Without a device module.* pass, and of the 18 tests in load.* the one
 * that needs nothing but a module.
 */
SAMPLE(no_device, "modules/no_device.c", "tested",
	.test = "io.seek", .result = "fail", .points = "10.5556 of 100.0")
SAMPLE(forges_results, "modules/forge_results.c", "forged report",
	.test = "io.seek", .result = "not run", .points = "0.0 of 100.0",
	.look = "imports filp_open, kernel_write")
SAMPLE(resets_the_machine, "modules/reset_at_load.c", "does not load",
	.test = "module.loads", .result = "crash", .points = "0.0 of 100.0",
	.look = "imports emergency_restart")
SAMPLE(includes_devices, "grade/samples/includes_devices.c", "does not build",
	.points = "0.0 of 100.0")
SAMPLE(memory_bomb, "grade/samples/memory_bomb.c", "does not build",
	.points = "0.0 of 100.0")
SAMPLE(big_array, "grade/samples/big_array.c", "does not build",
	.points = "0.0 of 100.0")
SAMPLE(big_module, "grade/samples/big_module.c", "does not build",
	.points = "0.0 of 100.0")

/*
 * Forgers of samples/forgers/. None keeps points unflagged: the report is forged, or a
 * reason to look at it stands beside the points, or it gains nothing, as printk.
 */
#define FORGER(name, verdict, reason)					\
	SAMPLE(forger_##name, "forger " #name, verdict, .look = reason)

FORGER(process_vm, "forged report", "access_process_vm")
FORGER(page_cache, NULL, "find_vma")
FORGER(nonce, "forged report", "access_process_vm")
FORGER(kprobe, "forged report", "register_kprobe")
FORGER(ftrace, NULL, "register_ftrace_function")
FORGER(tracepoint, NULL, "tracepoint_probe_register")
FORGER(zombie, NULL, "kthread_create")
FORGER(timer, NULL, "get_user_pages_fast")
FORGER(kills, NULL, "send_sig")
FORGER(restart, NULL, NULL)
FORGER(wait, NULL, "register_kretprobe")
FORGER(table, NULL, "get_user_pages_fast")
FORGER(printk, NULL, "")
FORGER(console, NULL, "console_printk")
FORGER(lock, NULL, "console_lock")
FORGER(port, NULL, "has instructions out")
FORGER(debug_exit, NULL, "has instructions out")
FORGER(helper, NULL, "call_usermodehelper")
FORGER(taint, NULL, "register_kprobe")
FORGER(obeys, NULL, "register_kprobe")
FORGER(obeys_quietly, NULL, "get_user_pages_fast")

/* An instructor's tests. */
SAMPLE(right_with_hidden, "kmod", "tested",
	.test = "hidden_bounds.last_byte_is_read_and_none_after_it", .result = "pass",
	.points = "102.0 of 102.0", .hidden = "hidden")
SAMPLE(wrong_with_hidden, "patch bound_without_offset", "tested",
	.test = "hidden_bounds.page_behind_the_region_is_not_mapped", .result = "fail",
	.hidden = "hidden")

/* It hangs or runs out of memory: which comes first is a race. */
SAMPLE(fork_bomb_in_a_test, "kmod", "tested", .points = "100.0 of 101.0",
	.hidden = "fork_bomb")
