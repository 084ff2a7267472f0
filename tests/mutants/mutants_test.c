// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make mutants: is each result right? A script plays the guests (guest/actor.h),
 * except in the test of the Makefile's rule.
 */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest/actor.h"
#include "harness.h"
#include "program.h"

#define CAUGHT_BY "Caught-by: map.fork_shares\n"
#define FAILS CAUGHT_BY "Outcome: fail\n"

/* The line "MODULE TEST WHAT" of the file "does" is what the test does with it. */
static const char builder[] =
"#!/bin/sh\n"
"for module; do\n"
"	name=${module##*/} name=${name%.ko}\n"
"	mkdir -p \"${module%/*}\" && sed -n \"s/^$name //p\" does >\"$module\"\n"
"done\n";

static const char *kernel_name(void)
{
	return in("GUEST_KERNEL", "");
}

/* Make a tree in which scripts replace the build and the guests. */
static void set_scene(const char *does)
{
	kernel_name();
	shell("mkdir -p patches tests/guest build/mutants && "
	      "ln -sf \"$TOP/build/kernel\" \"$TOP/build/guest\" build/");
	write_text("does", does);
	shell("rm -f guests; sed -n 's/^shmcount //p' does >control");
	write_script("tests/guest/vm.sh", guest_actor);
	write_script("builder", builder);
}

static void add_mutant(const char *name, const char *fields)
{
	write_text(text_of("patches/%s.patch", name),
		   text_of("What is wrong.\n%s\n--- a/kmod/x\n", fields));
}

#define MUTANTS "mutants", "./builder", "patches", kernel_name()

static struct run run_mutants(const char *which)
{
	return RUN(MUTANTS, which);
}

static void expect_line(const struct run *run, const char *line)
{
	if (!strstr(run->output, line))
		FAIL("expected \"%s\", saw \"%s%s\"", line, run->output,
		     run->errors);
}

/* Run all mutants: the exit status and a line of the output must be these. */
static void expect_outcome(int status, const char *line)
{
	struct run run = run_mutants(NULL);

	expect_line(&run, line);
	expect_line(&run, status == 1 ? " passed, 1 failed\n" : " passed, 0 failed\n");
	expect_status(&run, status);
}

TEST(mutants, caught)
{
	set_scene("a map.fork_shares fail\n");
	add_mutant("a", FAILS);
	expect_outcome(0, "ok a: caught by map.fork_shares (fail): What is wrong.\n");
}

TEST(mutants, survivor)
{
	set_scene("");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares, and all tests of the module: What is wrong.\n");
}

TEST(mutants, noticed_by_another_test)
{
	set_scene("a io.seek fail\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: survived map.fork_shares; noticed by io.seek: ");
}

TEST(mutants, every_test_that_is_named_has_to_notice)
{
	set_scene("a io.seek fail\n");
	add_mutant("a", "Caught-by: io.seek map.fork_shares\nOutcome: fail\n");
	expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: What is wrong.\n");
}

TEST(mutants, equivalent)
{
	set_scene("");
	add_mutant("a", "Equivalent: it is so\n");
	expect_outcome(0, "ok a: equivalent, as it is so: What is wrong.\n");
	set_scene("a io.seek fail\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by io.seek: ");
	/* A suite that was killed has not passed. */
	set_scene("a io.seek cut\n");
	expect_outcome(1, "not ok a: not equivalent, noticed by io.seek (it ends too early)");
}

TEST(mutants, crash_and_hang_as_promised)
{
	set_scene("a map.fork_shares crash\nb map.fork_shares hang\n"
		  "c map.fork_shares stuck\nd map.fork_shares fail\n");
	add_mutant("a", CAUGHT_BY "Outcome: crash\n");
	add_mutant("b", CAUGHT_BY "Outcome: hang\n");
	add_mutant("c", CAUGHT_BY "Outcome: stuck\n");
	add_mutant("d", CAUGHT_BY "Outcome: fail crash\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (crash): ");
	expect_outcome(0, "ok b: caught by map.fork_shares (hang): ");
	expect_outcome(0, "ok c: caught by map.fork_shares (stuck): ");
	expect_outcome(0, "ok d: caught by map.fork_shares (fail): ");
	expect_outcome(0, "\n4 passed, 0 failed\n");
}

TEST(mutants, outcome_that_was_not_promised)
{
	static const char *const seen[] = { "fail", "stuck", "crash", "hang" };

	for (int i = 0; i < 4; i++) {
		for (int j = 0; j < 4; j++) {
			if (i == j)
				continue;
			set_scene(text_of("a map.fork_shares %s\n", seen[i]));
			add_mutant("a", text_of(CAUGHT_BY "Outcome: %s\n", seen[j]));
			expect_outcome(1, text_of("not ok a: expected %s, saw %s%s: What", seen[j],
						  seen[i], i < 2 ? "" : i == 2 ? ": BUG: told" :
						  ": no end after 150 seconds"));
		}
	}
}

/* Another guest goes on after a test that ended the guest: all have to notice. */
TEST(mutants, test_that_ends_its_guest_hides_no_other)
{
	static const char *const ends[] = { "stuck", "crash", "hang" };

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		set_scene(text_of("a io.seek %s\na map.fork_shares fail\n", ends[i]));
		add_mutant("a", text_of("Caught-by: map.fork_shares io.seek\nOutcome: fail %s\n",
					ends[i]));
		expect_outcome(0, text_of("ok a: caught by io.seek (%s): ", ends[i]));
		set_scene(text_of("a io.seek %s\n", ends[i]));
		expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: ");
	}
}

/* No mutant shares a guest with another, or with the unmodified module. */
TEST(mutants, each_has_a_guest_of_its_own)
{
	set_scene("a map.fork_shares fail\nb map.fork_shares crash\n");
	add_mutant("a", FAILS);
	add_mutant("b", CAUGHT_BY "Outcome: crash\n");
	expect_outcome(0, "\n2 passed, 0 failed\n");
	ASSERT_STREQ("3 guest map.fork_shares\n", shell("uniq -c guests | sed 's/^ *//'"));
}

/* All that a mutant does has to be promised, in the order of the suite. */
TEST(mutants, failure_beside_a_crash_has_to_be_promised)
{
	set_scene("a io.seek fail\na map.fork_shares crash\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: crash\n");
	expect_outcome(1, "not ok a: expected crash, saw fail: What is wrong.\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: crash fail\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (crash): ");
	set_scene("a io.seek timeout\na map.fork_shares crash\n");
	expect_outcome(1, "not ok a: no proof, as io.seek says no more than: no end after 20 seconds: ");
	set_scene("a io.seek hang\n");
	add_mutant("a", "Caught-by: map.fork_shares io.seek\nOutcome: hang\n");
	expect_outcome(1, "not ok a: of its tests only io.seek noticed it, not map.fork_shares: ");
}

TEST(mutants, process_that_cannot_be_killed_is_a_hang)
{
	set_scene("a map.fork_shares unkillable\n");
	add_mutant("a", CAUGHT_BY "Outcome: hang\n");
	expect_outcome(0, "ok a: caught by map.fork_shares (hang): ");
	/* One that can be killed is no proof, whatever ends the guest then. */
	set_scene("a map.fork_shares timeout\na map.private_copy killed\n");
	add_mutant("a", "Caught-by: map.fork_shares map.private_copy\nOutcome: hang\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: ");
}

/* A timeout or a failed load is no proof: any broken module causes it. */
TEST(mutants, no_proof_by_a_vague_failure)
{
	set_scene("a map.fork_shares timeout\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: no end after 20 seconds: ");
	set_scene("a map.fork_shares not-loaded\n");
	expect_outcome(1, "not ok a: no proof, as map.fork_shares says no more than: x.c:1: cannot load it: ");
}

/* A test that fails with the unmodified module proves nothing. */
TEST(mutants, no_proof_without_a_control)
{
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares fail\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: tests/x.c:1: told by the test: ");
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares crash\n");
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: BUG: told: ");
	/* The crash costs no other test of the group. */
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares crash once\n"
		  "b map.private_copy fail\n");
	add_mutant("b", "Caught-by: map.private_copy\nOutcome: fail\n");
	expect_outcome(1, "\nok b: caught by ");
}

TEST(mutants, lost_guest)
{
	set_scene("shmcount map.fork_shares early\n");
	add_mutant("a", FAILS);
	expect_outcome(1, "not ok a: unproved: map.fork_shares does not pass with the unmodified module: its guest ended early: the guest could not go on (exit status 125, ");
	set_scene("a map.fork_shares early\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: ");
	/* The status of a crash, but no record of one. */
	set_scene("a map.fork_shares silent\n");
	expect_outcome(1, "not ok a: unproved: its guest ended early: nothing was reported (exit status 121, ");
}

TEST(mutants, skipped_where_its_test_is_skipped)
{
	set_scene("shmcount map.fork_shares skip\n");
	add_mutant("a", FAILS);
	expect_outcome(4, "ok a # SKIP map.fork_shares is skipped in this guest\n");
	expect_outcome(4, "# 1 skipped, each with its reason above\n0 passed, 0 failed\n");
}

TEST(mutants, other_kernels)
{
	set_scene("a map.fork_shares fail\n");
	add_mutant("a", FAILS "Kernels: 4.19.*\n");
	expect_outcome(4, "ok a # SKIP it makes no difference on ");
	add_mutant("a", FAILS "Kernels: 4.19.* [5-9].*\n");
	expect_outcome(0, "ok a: caught");
}

TEST(mutants, header_has_to_be_right)
{
	static const struct { const char *name, *fields, *line; } wrong[] = {
		{ "a", "", "has neither Caught-by nor Equivalent" },
		{ "a", CAUGHT_BY, "has no Outcome" },
		{ "a", CAUGHT_BY "Outcome: bad\n", "has an unknown outcome" },
		{ "a", FAILS "Equivalent: no\n",
		  "is Equivalent and has a Caught-by or Outcome" },
		{ "a", FAILS "Because: no\n", "has an unknown field" },
		{ "a", FAILS "no\n", "has a line that is no field" },
		{ "shmcount", FAILS, "has the name of the unmodified module" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		set_scene("a map.fork_shares fail\n");
		unlink("patches/a.patch");
		add_mutant(wrong[i].name, wrong[i].fields);
		expect_outcome(1, text_of("not ok %s: its header %s: ", wrong[i].name,
					  wrong[i].line));
	}
}

TEST(mutants, test_has_to_be_one)
{
	set_scene("a map.fork_shares fail\n");
	add_mutant("a", "Caught-by: map.no_such\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.no_such: ");
	add_mutant("a", "Caught-by: map.*\nOutcome: fail\n");
	expect_outcome(1, "not ok a: no test is named map.*: ");
}

TEST(mutants, only_some)
{
	struct run run;

	set_scene("a1 map.fork_shares fail\na2 map.fork_shares fail\n"
		  "b1 map.fork_shares fail\nb2 map.fork_shares fail\n");
	add_mutant("a1", FAILS);
	add_mutant("a2", FAILS);
	add_mutant("b1", FAILS);
	add_mutant("b2", FAILS);
	run = run_mutants("a*");
	expect_line(&run, "ok a1: ");
	expect_line(&run, "\n2 passed, 0 failed\n");
	setenv("SAMPLE", "2", 1);
	run = run_mutants(NULL);
	expect_line(&run, "ok a1: ");
	expect_line(&run, "ok b1: ");
	expect_line(&run, "\n2 passed, 0 failed\n");
	setenv("SAMPLE", "some", 1);
	expect_refusal(run_mutants(NULL), 2, "SAMPLE=some: it has to be a number from 1 to 512");
	unsetenv("SAMPLE");
	expect_refusal(run_mutants("c*"), 2, "no mutant is named 'c*'");
}

TEST(mutants, modules_that_cannot_be_built)
{
	set_scene("");
	add_mutant("a", FAILS);
	write_script("builder", "#!/bin/sh\nfalse\n");
	expect_refusal(run_mutants(NULL), 125, "the modules cannot be built, see ");
}

#define ALL "mutants", "-u", "unseen", "./builder", "patches", kernel_name()
#define ANY "Caught-by: any\n"

/* Run those of a machine: as expect_outcome(). */
static void expect_of_all(const char *unseen, int status, const char *line)
{
	struct run run;

	write_text("unseen", unseen);
	run = RUN(ALL);
	expect_line(&run, line);
	expect_line(&run, status ? " passed, 1 failed\n" : " passed, 0 failed\n");
	expect_status(&run, status);
}

TEST_LIMIT(mutants, machine_made_is_caught_by_any_test, 60)
{
	struct run run;

	set_scene("a map.fork_shares fail\nb map.fork_shares crash\nc load.twice_is_refused stuck\n"
		  "d load.twice_is_refused hang\n");
	add_mutant("a", ANY);
	add_mutant("b", ANY);
	add_mutant("c", ANY);
	add_mutant("d", ANY);
	write_text("unseen", "");
	run = RUN(ALL);
	expect_line(&run, "ok a: caught by map.fork_shares (fail): What is wrong.\n");
	expect_line(&run, "ok b: caught by map.fork_shares (crash): ");
	expect_line(&run, "ok c: caught by load.twice_is_refused (stuck): ");
	expect_line(&run, "ok d: caught by load.twice_is_refused (hang): ");
	expect_status(&run, 0);
	/* They stay caught. */
	expect_of_all("", 0, "# 4 mutants in 0 guests, ");
}

TEST(mutants, machine_made_gets_the_likely_groups_first)
{
	set_scene("delete_statement_shmcount_mmap_1 map.fork_shares fail\n");
	add_mutant("delete_statement_shmcount_mmap_1", ANY);
	expect_of_all("", 0, "_1: caught by map.fork_shares (fail): ");
	ASSERT_STREQ("", shell("tail -n 1 guests | tr ' ' '\\n' | grep -v '^guest$\\|^map\\.\\|^share\\.' || :"));
	ASSERT_STREQ("", shell("grep -o ' fuzz\\.\\| incr\\.' guests || :"));
}

TEST_LIMIT(mutants, machine_made_gets_tests_of_large_regions_last, 60)
{
	set_scene("a large.io_past_2_gib fail\n");
	add_mutant("a", ANY);
	expect_of_all("", 0, "ok a: caught by large.io_past_2_gib (fail): ");
	ASSERT_STREQ("", shell("tail -n 1 guests | tr ' ' '\\n' | grep -v '^guest$\\|^large\\.' || :"));
}

/* Where the host has no room for such a guest, a survivor proves nothing. */
TEST_LIMIT(mutants, machine_made_is_skipped_where_no_large_region_is, 60)
{
	struct run run;

	set_scene("shmcount large.io_past_2_gib skip\n");
	add_mutant("a", ANY);
	write_text("unseen", "");
	run = RUN(ALL);
	expect_line(&run, "ok a # SKIP large.io_past_2_gib is skipped in this guest\n");
	expect_line(&run, "\n0 passed, 0 failed\n");
	expect_status(&run, 4);
}

TEST_LIMIT(mutants, machine_made_that_survives_needs_a_reason, 60)
{
	struct run run;

	set_scene("b1 map.fork_shares fail\n");
	add_mutant("a1", ANY);
	expect_of_all("", 1, "not ok a1: survived all tests of the module: What is wrong.\n");
	add_mutant("b1", ANY);
	write_text("unseen", "# Why.\na*\n\tit is so\nb* c*\n\tno\n");
	run = RUN(ALL);
	expect_line(&run, "ok a1: unseen, as it is so: What is wrong.\n");
	expect_line(&run, "not ok b1: unseen says that nobody can see it, but map.fork_shares does (fail): ");
	/* Another kernel may compile other lines. */
	if (strstr(shell("cat build/kernel/$GUEST_KERNEL/release"), "6.1."))
		expect_line(&run, "not ok c*: unseen has a reason, but no such mutant survives\n");
	expect_status(&run, 1);
	write_text("unseen", "a*\n");
	expect_refusal(RUN(ALL), 2, "unseen: no reason for a*");
}

/* A time limit may be that of a busy host: it has to be reached twice. */
TEST_LIMIT(mutants, machine_made_that_is_slow_once, 60)
{
	set_scene("a load.twice_is_refused timeout once\n");
	add_mutant("a", ANY);
	expect_of_all("", 1, "not ok a: survived all tests of the module: ");
	set_scene("a load.twice_is_refused timeout\n");
	expect_of_all("", 0, "ok a: caught by load.twice_is_refused (hang): ");
}

TEST(mutants, machine_made_that_is_none)
{
	set_scene("d map.fork_shares fail\n");
	write_script("builder",
		     "#!/bin/sh\n"
		     "for module; do\n"
		     "	name=${module##*/} name=${name%.ko} dir=${module%/*}\n"
		     "	mkdir -p $dir\n"
		     "	echo code >${dir%/*}/code\n"
		     "	case $name in\n"
		     "	c) echo code >$dir/code ;;\n"
		     "	n) echo 'x.c:1: error: no' >$dir/build.log; continue ;;\n"
		     "	*) echo another >$dir/code ;;\n"
		     "	esac\n"
		     "	sed -n \"s/^$name //p\" does >$module\n"
		     "done\n");
	add_mutant("c", ANY);
	add_mutant("d", ANY);
	add_mutant("e", ANY);
	add_mutant("n", ANY);
	expect_of_all("", 0, "# of these 1 do not build, and 2 have the code of the module or of another\n1 passed, ");
}

/* The mutants that a seed chooses; none of them builds. */
static char *chosen_by(const char *seed)
{
	struct run run = RUN("mutants", "-u", "unseen", "-s", seed, "./builder", "patches",
			     kernel_name());

	expect_line(&run, text_of("# SEED=%s\n", seed));
	expect_line(&run, "# of these 3 do not build, ");
	return shell("cd $GUEST_KERNEL && ls -d m* && rm -r m*");
}

TEST(mutants, machine_made_at_random)
{
	char *first;

	set_scene("");
	write_text("unseen", "");
	write_script("builder",
		     "#!/bin/sh\n"
		     "for module; do mkdir -p ${module%/*}; echo error: no >${module%/*}/build.log; done\n");
	for (int i = 0; i < 20; i++)
		add_mutant(text_of("m%d", i), ANY);
	setenv("SAMPLE", "3", 1);
	first = chosen_by("7");
	ASSERT_STREQ(first, chosen_by("7"));
	ASSERT_TRUE(strcmp(first, chosen_by("8")));
	unsetenv("SAMPLE");
}

TEST(mutants, machine_made_without_a_control)
{
	set_scene("a map.fork_shares fail\nshmcount map.fork_shares fail\n"
		  "a map.private_copy fail\n");
	add_mutant("a", ANY);
	expect_of_all("", 1, "not ok map.fork_shares: it does not pass with the unmodified module: tests/x.c:1: told by the test\n"
		      "ok a: caught by map.private_copy (fail): ");
}

/* What mutate.c makes of this, without numbers of lines. */
static const char to_mutate[] =
"#include <stddef.h>\n"
"#define LIMIT 4\n"
"#define DECLARE(name, text) extern const char *name; const char *name = text;\n"
"\n"
"struct ops {\n"
"	int (*get)(void);\n"
"	int size;\n"
"};\n"
"\n"
"int get(void);\n"
"void put(int *where, int what, long why);\n"
"DECLARE(label, \"a;b\")\n"
"\n"
"const struct ops ops = {\n"
"	.get	= get,\n"
"	.size	= 010,\n"
"};\n"
"\n"
"int twice(int a, int *b)\n"
"{\n"
"	if (a < LIMIT || a & 1)\n"
"		return -a;\n"
"	put(b, a, 2);\n"
"	*b |= a;\n"
"	return a;\n"
"}\n";

static const char mutated[] =
"constant_DECLARE_1 '\"a;b\"' becomes '\"xa;b\"'.\n"
"constant_ops_1 '010' becomes '0'.\n"
"constant_ops_2 '010' becomes '011'.\n"
"constant_ops_3 '010' becomes '07'.\n"
"constant_twice_1 'LIMIT' becomes '(LIMIT + 1)'.\n"
"constant_twice_2 'LIMIT' becomes '(LIMIT - 1)'.\n"
"constant_twice_3 'LIMIT' becomes '0'.\n"
"constant_twice_4 '1' becomes '0'.\n"
"constant_twice_5 '1' becomes '2'.\n"
"constant_twice_6 '2' becomes '1'.\n"
"constant_twice_7 '2' becomes '3'.\n"
"constant_x_1 '4' becomes '0'.\n"
"constant_x_2 '4' becomes '3'.\n"
"constant_x_3 '4' becomes '5'.\n"
"delete_statement_DECLARE_1 'DECLARE(label, \"a;b\")' becomes ''.\n"
"delete_statement_twice_1 'if (a < LIMIT || a & 1) return -a;' becomes '; '.\n"
"delete_statement_twice_2 'return -a;' becomes ';'.\n"
"delete_statement_twice_3 'put(b, a, 2);' becomes ';'.\n"
"delete_statement_twice_4 '*b |= a;' becomes ';'.\n"
"delete_statement_twice_5 'return a;' becomes ';'.\n"
"drop_argument_twice_1 'b' becomes 'NULL'.\n"
"drop_argument_twice_2 'a' becomes '0'.\n"
"drop_argument_twice_3 '2' becomes '0'.\n"
"drop_entry_ops_1 '.get = get,' becomes ''.\n"
"drop_entry_ops_2 '.size = 010,' becomes ''.\n"
"drop_operand_twice_1 'a < LIMIT || a & 1' becomes 'a & 1'.\n"
"drop_operand_twice_2 'a < LIMIT || a & 1' becomes 'a < LIMIT'.\n"
"drop_operand_twice_3 'a & 1' becomes '1'.\n"
"drop_operand_twice_4 'a & 1' becomes 'a'.\n"
"negate_condition_twice_1 'a < LIMIT || a & 1' becomes '!(a < LIMIT || a & 1)'.\n"
"operator_twice_1 '<' becomes '<='.\n"
"operator_twice_2 '<' becomes '>'.\n"
"operator_twice_3 '||' becomes '&&'.\n"
"operator_twice_4 '&' becomes '^'.\n"
"operator_twice_5 '&' becomes '|'.\n"
"operator_twice_6 '-' becomes ''.\n"
"operator_twice_7 '|=' becomes '&='.\n"
"operator_twice_8 '|=' becomes '='.\n"
"swap_arguments_twice_1 'a, 2' becomes '2, a'.\n"
"swap_statements_twice_1 'if (a < LIMIT || a & 1) return -a; put(b, a, 2);' becomes 'put(b, a, 2); if (a < LIMIT || a & 1) return -a;'.\n"
"swap_statements_twice_2 'put(b, a, 2); *b |= a;' becomes '*b |= a; put(b, a, 2);'.\n"
"swap_statements_twice_3 '*b |= a; return a;' becomes 'return a; *b |= a;'.\n";

#define NAMES "for i in *.patch; do echo \"${i%.patch} $(head -n 1 $i | cut -d ' ' -f 2-)\"; done"

static char *mutate(const char *source)
{
	shell("rm -rf made && mkdir made");
	write_text("x.c", source);
	shell("\"$TOP/build/tests/mutate\" made x.c");
	return shell("cd made && " NAMES);
}

TEST_LIMIT(mutants, machine_makes_these, 60)
{
	if (system("test -e \"$(clang -print-resource-dir)/../../../include/clang-c/Index.h\""))
		test_skip("no libclang here: make mutants-all-tools");
	shell("make -sC \"$TOP\" -o mutants-all-tools build/tests/mutate");
	ASSERT_STREQ(mutated, mutate(to_mutate));
	/* Each of them is what its first line says, and moves no line. */
	shell("for i in made/*.patch; do cp x.c y.c && patch -s -F0 y.c $i && ! cmp -s x.c y.c &&"
	      " [ $(wc -l <y.c) = $(wc -l <x.c) ] || exit; done");
	/* Another function renames none of these. */
	mutate(text_of("int no(int a)\n{\n	return !a;\n}\n%s", to_mutate));
	ASSERT_STREQ(mutated, shell("cd made && rm *_no_* && " NAMES));
}

#define HEAD "Wrong.\n" FAILS "\n--- a/kmod/shmcount.c\n+++ b/kmod/shmcount.c\n"

/* The rule of the Makefile, with patches of this test. */
TEST_LIMIT(mutants, patch_that_does_not_apply_or_build, 120)
{
	const char *dir;
	struct run run;

	set_scene("");
	write_text("patches/test_apply.patch", HEAD "@@ -1,1 +1,1 @@\n-no such line\n+another\n");
	write_text("patches/test_build.patch",
		   HEAD "@@ -20,2 +20,3 @@\n #include <linux/atomic.h>\n+no_such_type x;\n #include <linux/fs.h>\n");
	/* As in the Makefile: do not prepare a kernel given by hand again. */
	dir = text_of("build/mutants/%s", kernel_name());
	shell("mkdir -p \"$TOP/build/mutants/$GUEST_KERNEL\" && "
	      "ln -s \"$TOP/build/mutants/$GUEST_KERNEL\" build/mutants/");
	run = RUN("mutants", text_of("make -skC '%s' --no-print-directory mutant_patches='%s/patches'%s",
				     getenv("TOP"), getcwd(NULL, 0),
				     strcmp(kernel_name(), "by-hand") ?
				     "" : " -o build/kernel/by-hand/vmlinuz"),
		  "patches", dir);
	shell("rm -r build/mutants/*/test_*");
	expect_line(&run, "not ok test_apply: does not apply (Hunk #1 FAILED at 1.): Wrong.\n");
	expect_line(&run, "not ok test_build: does not build (error: unknown type name ");
	expect_line(&run, "\n0 passed, 2 failed\n");
	expect_status(&run, 1);
}

TEST(mutants, interrupt_leaves_no_guest)
{
	struct run run;

	set_scene("a map.fork_shares sleep\n");
	add_mutant("a", FAILS);
	/* Under nohup the end of the terminal is no interrupt. */
	signal(SIGHUP, SIG_IGN);
	run = START(MUTANTS);
	wait_for_file("sleeper");
	ASSERT_OK(kill(run.pid, SIGHUP));
	usleep(300000);
	ASSERT_EQ(0, waitpid(run.pid, NULL, WNOHANG));
	ASSERT_OK(kill(run.pid, SIGTERM));
	expect_status(collect(&run), 130);
	ASSERT_STREQ("mutants: interrupted\n", run.errors);
	ASSERT_TRUE(kill(atoi(shell("cat sleeper")), 0));
}

TEST(mutants, ignored_signals_stay_ignored)
{
	struct run run;

	set_scene("shmcount map.fork_shares waits\na map.fork_shares fail\n");
	add_mutant("a", FAILS);
	run = START_DEAF(MUTANTS);
	wait_for_file("waiting");
	send_endings(run.pid);
	send_endings(child_of(run.pid));
	write_text("go", "");
	expect_silent(collect(&run), 0);
	expect_line(&run, "ok a: ");
}
