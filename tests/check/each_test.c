// SPDX-License-Identifier: GPL-2.0
/* Tests of matrix.sh and hosts.sh, with suites and a make that are scripts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "kernel/setup_test.h"

#define MATRIX "PATH=$PWD/bin sh tests/check/matrix.sh "

/* Have a suite.sh that knows all suites but two, and a make that runs these lines. */
static void make_matrix(const char *build, const char *check)
{
	make_tree();
	shell("rm tests/kernel/suite.sh; cat >tests/kernel/suite.sh <<'END'\n"
	      "#!/bin/sh\n"
	      "[ $1 != gone ] || { echo 'suite: no such' >&2; exit 4; }\n"
	      "[ $1 != torn ] || { echo 'suite: torn' >&2; exit 1; }\n"
	      "mkdir -p build/kernel/$1; echo 9.9-$1 >build/kernel/$1/release\n"
	      "END\n"
	      "chmod +x tests/kernel/suite.sh");
	fake("make", text_of("case $* in *small-guest) %s ;; *check) %s ;; esac",
			     build, check));
}

/* Run the matrix with them; it must end with this status. */
static struct run matrix(const char *build, const char *check, const char *line, int status)
{
	make_matrix(build, check);
	return run_ending(line, status);
}

static const char well[] = "echo '# 2 skipped'; echo '9 passed, 0 failed'";

TEST(matrix, one_line_for_each_kernel)
{
	struct run run = matrix(":", well, MATRIX "trixie gone sid", 0);

	ASSERT_EQ(4, lines_in(run.output));
	expect_text(run.output, "9.9-trixie                   trixie     9 passed, 0 failed, 2 skipped, ");
	expect_text(run.output, "gone       skipped: suite: no such\n");
	expect_text(run.output, "\n2 passed, 0 failed\n");
}

TEST(matrix, all_skipped_is_no_pass)
{
	expect_text(matrix(":", well, MATRIX "gone", 4).output, "\n0 passed, 0 failed\n");
}

TEST(matrix, broken_suite_has_failed)
{
	struct run run = matrix(":", well, MATRIX "torn trixie", 1);

	expect_text(run.output, "torn       failed: suite: torn\n");
	expect_text(run.output, "\n1 passed, 1 failed\n");
}

TEST(matrix, failed_tests_and_guests_are_told)
{
	struct run run = matrix(":", "case $* in *=sid*) exit 2;; esac; echo 'not ok 3 map.x'; "
				"echo '8 passed, 1 failed'; exit 1", MATRIX "trixie sid", 1);

	expect_text(run.output, " 8 passed, 1 failed, 0 skipped, ");
	expect_text(run.output, "\nnot ok 3 map.x\n");
	expect_text(run.output, "sid        ended without a result, ");
	expect_text(run.output, "\n0 passed, 2 failed\n");
}

/* A build that only warns has failed, too. */
TEST(matrix, failed_build_is_told)
{
	struct run run = matrix("echo 'x.c: warning: no' >&2; case $* in *=sid*) exit 2;; esac",
				well, MATRIX "trixie sid", 1);

	expect_text(run.output, "failed to build: build/matrix/trixie/build.log");
	expect_text(run.output, "\nx.c: warning: no\n");
	expect_text(run.output, "\n0 passed, 2 failed\n");
}

TEST(matrix, interrupt_ends_what_runs)
{
	struct run run;

	make_matrix(":", "echo $$ >pid; exec sleep 1000");
	run = run_shell("PATH=$PWD/bin sh tests/check/matrix.sh trixie & matrix=$!\n"
			"while ! [ -s pid ]; do sleep 0.1; done\n"
			"kill -TERM $matrix; wait $matrix; status=$?\n"
			"kill -0 $(cat pid) 2>/dev/null && status=1; exit $status");
	ASSERT_EQ(130, WEXITSTATUS(run.status));
}

#define HOSTS "PATH=$PWD/bin sh tests/check/hosts.sh "

TEST(hosts, bad_name)
{
	make_tree();
	expect_said(run_shell(HOSTS "trixie-root trixie-toor"), 2,
		    "there is no host 'trixie-toor'; there are: bookworm-root bookworm-sudo");
	ASSERT_ERRNO(ENOENT, access("build", F_OK));
}

TEST(hosts, without_root)
{
	make_tree();
	fake("id", "echo 1000");
	expect_said(run_shell(HOSTS), 1, "must be root to make and enter Debian trees: sudo make hosts");
	ASSERT_ERRNO(ENOENT, access("build", F_OK));
}

static void be_root_of_a_tree(void)
{
	make_tree();
	shell("ln -s \"$(command -v flock)\" bin/");
	fake("id", "echo 0");
	fake("apt-config", "exit 0");
	fake_apt("exit 1");
}

/* What an interrupt or a failure leaves must not pass for a tree the next time. */
TEST(hosts, suite_that_cannot_be_had_is_skipped)
{
	struct run run;

	be_root_of_a_tree();
	fake("mmdebstrap", "mkdir \"$PWD/build/hosts/trixie.tmp\"; echo 'E: no route'; exit 1");
	run = run_shell(HOSTS "trixie-root");
	expect_said(run, 4, "making a minimal Debian trixie");
	ASSERT_STREQ("trixie-root          skipped: cannot make its tree: E: no route (see build/hosts/trixie.log)\n"
		     "0 passed, 0 failed\n", run.output);
	ASSERT_STREQ("apt.conf\nlock\ntrixie.log\n", shell("ls build/hosts"));
}

/* It takes too long to be one of those that are made if none is named. */
TEST(hosts, arm64_is_made_if_it_is_named)
{
	struct run run;

	be_root_of_a_tree();
	fake("qemu-system-aarch64", "exit 1");
	fake("qemu-aarch64-static", "exit 1");
	fake("arch-test", "exit 1");
	/* It runs a hook that is one word as a program. */
	fake("mmdebstrap", "for arg; do case $arg in\n"
	     "--setup-hook=*\\ *) ;;\n"
	     "--setup-hook=*) PATH=/usr/bin:/bin env \"${arg#*=}\" || { echo 'E: command failed'; exit 1; } ;;\n"
	     "esac; done\n"
	     "case $* in\n"
	     "*--architectures=arm64\\ *MODULES=list*,linux-image-arm64\\ *) echo 'E: no emulator';;\n"
	     "*) echo 'E: no route' ;;\n"
	     "esac; exit 1");
	run = run_shell(HOSTS "trixie-arm64 trixie-arm64kvm trixie-user");
	expect_said(run, 4, "making a minimal Debian trixie in build/hosts/trixie.arm64");
	ASSERT_STREQ("trixie-arm64         skipped: cannot make its tree: E: no emulator (see build/hosts/trixie.arm64.log)\n"
		     "trixie-arm64kvm      skipped: cannot make its tree: E: no emulator (see build/hosts/trixie.arm64.log)\n"
		     "trixie-user          skipped: cannot make its tree: E: no route (see build/hosts/trixie.log)\n"
		     "0 passed, 0 failed\n", run.output);
	ASSERT_TRUE(!strstr(run_shell(HOSTS).output, "arm64"));
	shell("rm bin/qemu-aarch64-static");
	run = run_shell(HOSTS "trixie-arm64");
	expect_said(run, 4, "qemu-user-static: runs programs of an arm64 Debian tree");
	expect_text(run.output, "trixie-arm64         skipped: packages are missing, see above\n");
}
