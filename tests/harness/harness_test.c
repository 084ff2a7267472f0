// SPDX-License-Identifier: GPL-2.0
/* Tests of the harness: run harness_sample and compare its output. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "module.h"
#include "program.h"
#include "status.h"

#define HEAD "TAP version 13\n1..1\n# begin sample."

/* Delete every piece of text from begin to end. */
static void cut_each(char *text, const char *begin, const char *end)
{
	char *piece;

	while ((piece = strstr(text, begin))) {
		char *rest = strstr(piece, end) + strlen(end);

		memmove(piece, rest, strlen(rest) + 1);
	}
}

/* Run one sample; but for source lines and times its output must be this. */
static void expect_sample(const char *name, int status, const char *wanted)
{
	struct run run;

	run = RUN("harness_sample", text_of("sample.%s", name));
	expect_text(run.output, "\n# took ");
	cut_each(run.output, "tests/harness/harness_sample.c:", ": ");
	cut_each(run.output, "# took ", " s\n");
	ASSERT_STREQ(wanted, run.output);
	ASSERT_EQ(status, WEXITSTATUS(run.status));
}

TEST(harness, pass)
{
	expect_sample("passes", 0, HEAD "passes\nok 1 sample.passes\n");
}

TEST(harness, failure_says_what_was_expected_and_seen)
{
	expect_sample("fails", 1, HEAD "fails\n# said before\n"
		      "# 1 + 1: expected 3, saw 2\n"
		      "not ok 1 sample.fails\n");
	expect_sample("fails_with_wrong_errno", 1,
		      HEAD "fails_with_wrong_errno\n"
		      "# (errno = EPERM, -1): expected EINVAL, saw EPERM\n"
		      "not ok 1 sample.fails_with_wrong_errno\n");
	expect_sample("fails_where_failure_was_expected", 1,
		      HEAD "fails_where_failure_was_expected\n"
		      "# 0: expected EINVAL, saw success (0)\n"
		      "not ok 1 sample.fails_where_failure_was_expected\n");
	/* An address. */
	expect_sample("maps_where_failure_was_expected", 1,
		      HEAD "maps_where_failure_was_expected\n"
		      "# 0x7f0000001000: expected EINVAL, saw success (0x7f0000001000)\n"
		      "not ok 1 sample.maps_where_failure_was_expected\n");
}

static void expect_failure(const char *name, const char *said)
{
	expect_sample(name, 1, text_of(HEAD "%s\n# %s\nnot ok 1 sample.%s\n", name, said, name));
}

TEST(harness, failure_says_it_in_the_words_of_its_reader)
{
	expect_failure("fails_without_errno", "minus_one(): expected 0, saw -1");
	expect_failure("fails_with_values",
		       "pread(-1, data, size, size - 1) (length 4096, offset 4095): expected success, saw EBADF");
	expect_failure("fails_without_values", "minus_one(): expected 0, saw -1");
	expect_failure("fails_with_a_name_of_its_own",
		       "access(\"/dev/ours\", F_OK): expected success, saw ENOENT");
	expect_failure("fails_with_a_mode", "0644: expected 0600, saw 0644");
	expect_failure("fails_with_an_error",
		       "minus_one() + 1: expected EBUSY, saw success");
}

TEST(harness, who_does_not_fall_asleep_is_told_how_it_ended)
{
	expect_text(RUN("harness_sample", "sample.dies_instead_of_sleeping").output,
		    " has ended before it slept: killed by signal 9 (Killed)\n");
}

TEST(harness, skip)
{
	expect_sample("skips", 4, HEAD "skips\n"
		      "ok 1 sample.skips # SKIP no reason here\n");
}

TEST(harness, module_that_is_not_loaded)
{
	expect_sample("has_no_module", 1, HEAD "has_no_module\n"
		      "# exited with status 3 before its end\n"
		      "not ok 1 sample.has_no_module # NOT_LOADED\n");
}

TEST(harness, crash)
{
	expect_sample("crashes", 1, HEAD "crashes\n"
		      "# killed by signal 11 (Segmentation fault)\n"
		      "not ok 1 sample.crashes\n");
}

TEST(harness, exit_is_no_pass)
{
	expect_sample("exits_early", 1, HEAD "exits_early\n"
		      "# exited with status 3 before its end\n"
		      "not ok 1 sample.exits_early\n");
	expect_sample("exits_as_if_passed", 1, HEAD "exits_as_if_passed\n"
		      "# exited with status 0 before its end\n"
		      "not ok 1 sample.exits_as_if_passed\n");
	expect_sample("exits_as_if_skipped", 1, HEAD "exits_as_if_skipped\n"
		      "# exited with status 4 before its end\n"
		      "not ok 1 sample.exits_as_if_skipped\n");
}

/* Some parents ignore SIGCHLD; waitpid() then finds no child. */
TEST(harness, ignored_child_signal_changes_nothing)
{
	static const char command[] =
		"trap '' CHLD; exec $PROGRAMS/harness_sample sample.passes sample.fails";

	ASSERT_EQ(1, WEXITSTATUS(system(command)));
	ASSERT_TRUE(strstr(RUN("/bin/sh", "-c", command).output,
			   " s\nok 1 sample.passes\n"));
}

/* Under nohup the harness ignores SIGHUP; a test still gets it. */
TEST(harness, ignored_hangup_is_not_ignored_by_a_test)
{
	struct run run;

	run = RUN("/bin/sh", "-c",
		  "trap '' HUP INT; exec $PROGRAMS/harness_sample sample.by_hangup sample.by_interrupt");
	expect_text(run.output, "# killed by signal 1 (Hangup)\n");
	expect_text(run.output, "# killed by signal 2 (Interrupt)\n");
}

TEST(harness, time_limit)
{
	expect_sample("hangs", 1, HEAD "hangs\n"
		      "not ok 1 sample.hangs # TIMEOUT 1 seconds\n");
	expect_text(RUN("harness_sample", "-t", "2", "sample.hangs").output,
		    "\nnot ok 1 sample.hangs # TIMEOUT 2 seconds\n");
	setenv("SLOWER", "2", 1);
	expect_text(RUN("harness_sample", "sample.hangs").output,
		    "\nnot ok 1 sample.hangs # TIMEOUT 2 seconds\n");
}

/* What harness_sample -a says of a test to a host with these answers. */
static const char *judged_by(const char *answers, const char *name)
{
	struct run run;

	write_text("answers", answers);
	run = RUN("/bin/sh", "-c", "exec $PROGRAMS/harness_sample -a $0 <answers", name);
	cut_each(run.output, "# took ", " s\n");
	return run.output + strlen("TAP version 13\n1..1\n");
}

TEST(harness, host_that_judges_decides_what_a_test_has_to_see)
{
	ASSERT_STREQ("# begin sample.passes\n# ask\n# saw 1f\nok 1 sample.passes\n",
		     judged_by("1f 1f\nnext\n", "sample.passes"));
	/* A decoy; then the test once more. */
	expect_text(judged_by("1f 2\nmore\na a\nnext\n", "sample.passes"),
		    "\nnot ok 1 sample.passes\n# begin sample.passes\n# ask\n# saw a\nok 1 sample.passes\n");
	/* A test that asserts nothing fails as a decoy as well. */
	expect_text(judged_by("1f 2\nnext\n", "sample.asserts_nothing"),
		    "# saw 0\nnot ok 1 sample.asserts_nothing\n");
	expect_text(judged_by("7 7\nnext\n", "sample.fails"), "\nnot ok 1 sample.fails\n");
	/* It has not read its answer. */
	expect_text(judged_by("1f 1f\nnext\n", "sample.crashes"), "not ok 1 sample.crashes\n");
	expect_text(judged_by("1f 1f\nnext\n", "sample.sees_something_else"), "\n# saw 3\nok 1 ");
	/* No answer is no word. */
	expect_text(judged_by("", "sample.passes"), "\n# saw 0\nok 1 ");
}

/* A child that fails would leave its parent waiting. */
TEST(harness, decoy_fails_in_the_test_itself)
{
	const char *said = judged_by("1f 2\nnext\n", "sample.asserts_in_a_child");

	expect_text(said, "\nnot ok 1 sample.asserts_in_a_child\n");
	ASSERT_TRUE(!strstr(said, "exit status"));
}

TEST(harness, child_that_nobody_asks_fails_the_test)
{
	expect_sample("child_fails_unseen", 1, HEAD "child_fails_unseen\n"
		      "# expected !\"the child failed\"\n"
		      "not ok 1 sample.child_fails_unseen\n");
}

TEST(harness, child_that_dies_fails_the_test)
{
	struct run run = must_end(RUN("harness_sample", "sample.child_dies"), 1);

	expect_text(run.output, "killed by signal 9 (Killed)\n");
}

TEST(harness, output_cannot_be_taken_for_results)
{
	expect_sample("forges", 1, HEAD "forges\n# ok 1 sample.forged\n"
		      "# not ok 2 sample.forged\n# Bail out!\n# 1..1\n"
		      "# expected false\n"
		      "not ok 1 sample.forges\n");
}

TEST(harness, neither_processes_nor_files_outlive_a_test)
{
	char left[4200], directory[4096];
	FILE *file;
	int pid;

	snprintf(left, sizeof(left), "%s/left", getcwd(directory, 4096));
	setenv("LEFT", left, 1);
	must_end(RUN("harness_sample", "sample.leaves_things"), 0);
	file = fopen(left, "re");
	ASSERT_TRUE(file && fscanf(file, "%d %4095s", &pid, directory) == 2);
	ASSERT_ERRNO(ESRCH, kill(pid, 0));
	ASSERT_ERRNO(ENOENT, access(directory, F_OK));
}

TEST(harness, closed_directories_are_removed)
{
	char left[4200], directory[4096] = "";
	FILE *file;

	ASSERT_OK(chmod(".", 0755));
	snprintf(left, sizeof(left), "%s/left", getcwd(directory, 4096));
	setenv("LEFT", left, 1);
	ASSERT_OK(close(open(left, O_WRONLY | O_CREAT | O_CLOEXEC, 0666)));
	ASSERT_OK(chmod(left, 0666));
	if (!getuid() && (setgid(65534) || setuid(65534)))
		FAIL("cannot become nobody");
	if (access(getenv("PROGRAMS"), X_OK))
		test_skip("nobody may not read the programs");
	expect_sample("leaves_closed_directories", 0, HEAD "leaves_closed_directories\n"
		      "ok 1 sample.leaves_closed_directories\n");
	file = fopen(left, "re");
	ASSERT_TRUE(file && fscanf(file, "%4095s", directory) == 1);
	fclose(file);
	ASSERT_ERRNO(ENOENT, access(directory, F_OK));
}

TEST(harness, interrupt_ends_the_test_too)
{
	struct run run = START("harness_sample", "sample.hangs_for_long");
	pid_t test = child_of(run.pid);

	ASSERT_OK(kill(run.pid, SIGTERM));
	collect(&run);
	ASSERT_EQ(130, WEXITSTATUS(run.status));
	expect_text(run.output, "\nBail out! interrupted\n");
	ASSERT_ERRNO(ESRCH, kill(test, 0));
}

TEST(harness, ignored_signals_stay_ignored)
{
	struct run run = START_DEAF("harness_sample", "sample.hangs");

	child_of(run.pid);
	send_endings(run.pid);
	expect_status(collect(&run), 1);
	expect_text(run.output, "\nnot ok 1 sample.hangs # TIMEOUT 1 seconds\n");
}

/* Such a hang can be seen before the time limit; one that sleeps cannot. */
TEST(harness, what_the_kernel_holds_ends_early)
{
	struct run held = START("harness_sample", "-e", "2", "sample.is_held_by_the_kernel",
				"sample.hangs");
	struct run busy = START("harness_sample", "-e", "1", "sample.is_busy");
	struct run in_time = START("harness_sample", "sample.is_held_by_the_kernel");

	expect_text(collect(&held)->output,
		    "\nnot ok 2 sample.is_held_by_the_kernel # TIMEOUT 2 seconds in the kernel\n");
	expect_text(held.output, "\nnot ok 1 sample.hangs # TIMEOUT 1 seconds\n");
	/* A user of much time and many calls is not held. */
	expect_text(collect(&busy)->output, "\nnot ok 1 sample.is_busy # TIMEOUT 4 seconds\n");
	expect_text(collect(&in_time)->output,
		    "\nnot ok 1 sample.is_held_by_the_kernel # TIMEOUT 8 seconds\n");
}

TEST(harness, group_in_which_a_test_fails_is_the_last)
{
	struct run run;

	/* All tests of the sample are of one group. */
	run = must_end(RUN("harness_sample", "-g", "sample.fails", "sample.passes"), 1);
	expect_text(run.output, "\nok 1 sample.passes\n");
	expect_text(run.output, "\nnot ok 2 sample.fails\n");
	run = must_end(RUN("harness_sample", "-g", "*.fails", "another.*"), STATUS_GROUP);
	expect_text(run.output, "\n1..2\n");
	expect_text(run.output, "\nnot ok 1 sample.fails\nBail out! not all tests of this group passed\n");
	must_end(RUN("harness_sample", "-g", "sample.passes", "another.*"), 0);
}

TEST(harness, first_test_that_fails_is_the_last)
{
	struct run run = must_end(RUN("harness_sample", "-f", "sample.fails", "sample.passes",
				      "another.*"), STATUS_GROUP);

	expect_text(run.output, "\nok 1 sample.passes\n");
	expect_text(run.output, "\nnot ok 2 sample.fails\nBail out! sample.fails has failed\n");
	must_end(RUN("harness_sample", "-f", "sample.passes", "another.*"), 0);
}

TEST(harness, output_is_cut)
{
	struct run run = RUN("harness_sample", "sample.says_a_lot");

	ASSERT_TRUE(lines_in(run.output) < 110);
	expect_text(run.output, "# (more output left out)\n");
}

TEST(harness, failed_cleanup_fails_the_test)
{
	struct run run;

	setenv("SAMPLE_CLEANUP_FAILS", "1", 1);
	run = must_end(RUN("harness_sample", "sample.passes"), 1);
	expect_text(run.output, "cleanup failed\n");
	expect_text(run.output, "not ok 1 sample.passes\n");
}

/* The grader starts another guest once a test has changed this one for good. */
TEST(harness, early_end)
{
	struct run run = RUN("harness_sample", "-e", "1", "sample.fails",
			     "sample.hangs", "sample.says_a_lot");

	ASSERT_EQ(STATUS_TIMEOUTS, WEXITSTATUS(run.status));
	expect_text(run.output, "\nnot ok 2 sample.hangs # TIMEOUT 1 seconds\n"
		    "Bail out! 1 tests did not end\n");
	ASSERT_TRUE(!strstr(run.output, "says_a_lot"));
	setenv("SAMPLE_CLEANUP_FAILS", "1", 1);
	run = RUN("harness_sample", "-e", "1", "sample.passes", "sample.fails");
	ASSERT_EQ(STATUS_NOT_RESTORED, WEXITSTATUS(run.status));
	expect_text(run.output, "\nnot ok 1 sample.passes\n"
		    "Bail out! cannot restore what sample.passes changed\n");
}

/* The grader asks apart whether a module loads and whether it unloads. */
TEST(harness, cleanup_is_left_out)
{
	struct run run;

	setenv("SAMPLE_CLEANUP_FAILS", "1", 1);
	expect_text(must_end(RUN("harness_sample", "-n", "sample.passes", "another.passes"), 0).output,
		    "\nok 2 another.passes\n");
	run = must_end(RUN("harness_sample", "sample.keeps_what_it_changes", "another.passes"), 1);
	expect_text(run.output, "\nok 1 sample.keeps_what_it_changes\n");
	expect_text(run.output, "\nnot ok 2 another.passes\n");
}

TEST(harness, limits_are_shorter_after_some_timeouts)
{
	struct run run = RUN("harness_sample", "-e", "3", "-q", "1", "sample.hangs",
			     "sample.is_held_by_the_kernel", "sample.is_busy");

	expect_text(run.output, "\nnot ok 1 sample.hangs # TIMEOUT 1 seconds\n");
	expect_text(run.output, "\nnot ok 2 sample.is_held_by_the_kernel # TIMEOUT 2 seconds\n");
	expect_text(run.output, "\nnot ok 3 sample.is_busy # TIMEOUT 1 seconds\n");
}

TEST(harness, one_failure_fails_the_program)
{
	struct run run = RUN("harness_sample", "sample.passes", "sample.fails",
			     "sample.skips");

	ASSERT_EQ(1, WEXITSTATUS(run.status));
	expect_text(run.output, "\n1..3\n");
	expect_text(run.output, "\nok 1 sample.passes\n");
	expect_text(run.output, "\nnot ok 2 sample.fails\n");
	expect_text(run.output, "\nok 3 sample.skips # SKIP");
}

TEST(harness, tests_are_chosen_by_name_or_pattern)
{
	struct run run = RUN("harness_sample", "-l");

	ASSERT_EQ(35, lines_in(run.output));
	ASSERT_TRUE(!strncmp(run.output, "sample.passes\nsample.fails\n", 27));
	ASSERT_STREQ("sample.child_fails_unseen\nsample.child_dies\n",
		     RUN("harness_sample", "-l", "sample.child_*").output);
	ASSERT_STREQ("sample.fails\nsample.fails_without_values\nsample.crashes\n"
		     "sample.hangs_for_long\nsample.says_a_lot\nsample.is_held_by_the_kernel\n"
		     "sample.sees_something_else\n",
		     RUN("harness_sample", "-l", "-s", "2/5").output);
	run = RUN("harness_sample", "-l", "-r", "2", "sample.child_*");
	ASSERT_STREQ("sample.child_fails_unseen.1\n"
		     "sample.child_dies.1\nsample.child_fails_unseen.2\n"
		     "sample.child_dies.2\n", run.output);
	run = RUN("harness_sample", "-l", "-r", "3", "-s", "2/2", "sample.skips");
	ASSERT_STREQ("sample.skips.2\n", run.output);
	must_end(RUN("harness_sample", "-s", "3/2"), 2);
	expect_refusal(RUN("harness_sample", "sample.no_such"), 2,
		       "harness_sample: no test is named 'sample.no_such'");
	must_end(RUN("harness_sample", "-x"), 2);
	must_end(RUN("harness_sample", "-r", "0"), 2);
	must_end(RUN("harness_sample", "-r", "5x"), 2);
	must_end(RUN("harness_sample", "-r", "1001"), 2);
}

TEST(harness, tests_are_repeated)
{
	struct run run = RUN("harness_sample", "-r", "3", "sample.passes",
			     "sample.skips");

	ASSERT_EQ(0, WEXITSTATUS(run.status));
	cut_each(run.output, "# took ", " s\n");
	cut_each(run.output, "# begin ", "\n");
	ASSERT_STREQ("TAP version 13\n1..6\n"
		     "ok 1 sample.passes.1\n"
		     "ok 2 sample.skips.1 # SKIP no reason here\n"
		     "ok 3 sample.passes.2\n"
		     "ok 4 sample.skips.2 # SKIP no reason here\n"
		     "ok 5 sample.passes.3\n"
		     "ok 6 sample.skips.3 # SKIP no reason here\n", run.output);
	run = must_end(RUN("harness_sample", "-r", "2", "-s", "2/2", "sample.fails"), 1);
	expect_text(run.output, "\n1..1\n");
	expect_text(run.output, "\nnot ok 1 sample.fails.2\n");
	must_end(RUN("harness_sample", "-r", "2", "sample.skips"), 4);
}

TEST(harness, time_taken_is_told)
{
	struct run run = RUN("harness_sample", "sample.hangs");
	const char *took = strstr(run.output, "\n# took ");
	double seconds;

	ASSERT_TRUE(took && sscanf(took, "\n# took %lf s\nnot ok 1", &seconds) == 1);
	ASSERT_TRUE(seconds >= 1 && seconds < 10);
}

/* A TAP reader that is not ours, if the host has it. */
TEST(harness, prove_takes_the_output)
{
	if (system("command -v prove >/dev/null"))
		test_skip("there is no prove here");
	ASSERT_EQ(0, system("prove -e '' $PROGRAMS/harness_sample :: sample.passes sample.skips >/dev/null"));
	ASSERT_TRUE(system("prove -e '' $PROGRAMS/harness_sample :: sample.fails >/dev/null 2>&1"));
}

/*
 * The file of a module: strings of its code, .modinfo, the names of the sections. It
 * ends with a page of 4 KiB, so to read beyond its end is a SIGBUS.
 */
struct module {
	Elf64_Ehdr elf;
	Elf64_Shdr sections[4];
	char rest[4096 - 5 * 64 - 88];
	char strings[16], info[48], names[24];
};

static const struct module right_module = {
	.elf = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB },
		.e_shoff = offsetof(struct module, sections), .e_shnum = 4,
		.e_shentsize = sizeof(Elf64_Shdr), .e_shstrndx = 3,
	},
	.sections = {
		{ .sh_type = SHT_NULL },
		{ .sh_type = SHT_PROGBITS, .sh_offset = offsetof(struct module, strings),
		  .sh_size = 16 },
		{ .sh_type = SHT_PROGBITS, .sh_offset = offsetof(struct module, info),
		  .sh_size = 48, .sh_name = 1 },
		{ .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct module, names),
		  .sh_size = 24, .sh_name = 10 },
	},
	.strings = "\0name=%s\n", .info = "license=GPL\0rename=x\0name=counter\0vermagic=6.1",
	.names = "\0.modinfo\0.shstrtab",
};

/* The name that the first bytes of it have; "" if they are no module. */
static const char *name_in(const struct module *module, size_t size)
{
	static char name[16];
	FILE *file = fopen("x.ko", "we");

	ASSERT_TRUE(file && fwrite(module, 1, size, file) == size && !fclose(file));
	return module_name_of("x.ko", name, sizeof(name)) ? name : "";
}

/* A string of the code may look like a field, as printk("name=%s\n") has one. */
TEST(harness, module_name_is_that_of_its_modinfo)
{
	struct module module = right_module;

	ASSERT_STREQ("counter", name_in(&module, sizeof(module)));
	memset(module.info, 'x', sizeof(module.info));
	ASSERT_STREQ("", name_in(&module, sizeof(module)));
	memcpy(module.info, "name", 4);
	module.info[47] = '\0';
	ASSERT_STREQ("", name_in(&module, sizeof(module)));
}

static int imports;
static char import[16];

static void take_import(const char *name)
{
	imports++;
	snprintf(import, sizeof(import), "%s", name);
}

/*
 * Its strings are a table of symbols now; one of them is undefined and has a name. The
 * table counts once, though two sections are it.
 */
TEST(harness, imports_of_a_module_are_its_undefined_symbols)
{
	struct module module = right_module;
	Elf64_Sym symbols[] = {
		{ .st_name = 0 }, { .st_name = 1, .st_shndx = 1 }, { .st_name = 10 },
	};

	module.sections[1] = (Elf64_Shdr) {
		.sh_type = SHT_SYMTAB, .sh_link = 3, .sh_offset = offsetof(struct module, rest) + 1,
		.sh_size = sizeof(symbols),
	};
	module.sections[2] = module.sections[1];
	memcpy(module.rest + 1, symbols, sizeof(symbols));
	name_in(&module, sizeof(module));
	ASSERT_TRUE(module_imports("x.ko", take_import));
	ASSERT_EQ(1, imports);
	ASSERT_STREQ(".shstrtab", import);
	ASSERT_TRUE(!module_imports("none.ko", take_import));
}

/* Some lengths, and each byte of the headers in turn. */
TEST(harness, module_that_is_broken_is_none)
{
	for (size_t size = 0; size < sizeof(right_module); size += 97)
		ASSERT_STREQ("", name_in(&right_module, size));
	for (size_t i = 0; i < offsetof(struct module, rest); i++)
		for (int bits = 1; bits < 256; bits = 2 * bits + 61) {
			struct module module = right_module;

			((char *)&module)[i] ^= bits;
			name_in(&module, sizeof(module));
			module_imports("x.ko", take_import);
		}
}
