// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of setup.sh, doctor.sh and make: what they say, and with which exit status,
 * where something is missing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "setup_test.h"

struct run run_shell(const char *line)
{
	return RUN("/bin/sh", "-c", line);
}

void expect_said(struct run run, int status, const char *text)
{
	expect_status(&run, status);
	expect_text(run.errors, text);
}

struct run run_ending(const char *line, int status)
{
	return must_end(run_shell(line), status);
}

void make_tree(void)
{
	shell("here=$PWD && mkdir bin && cd \"$TOP\" && "
	      "cp --parents -t \"$here\" tests/*/*.sh");
	/* What the scripts themselves call. */
	shell("for tool in sh dirname mkdir id grep sed head df awk rm mv cat "
	      "ln tail od tr env realpath gcc sleep sort ls date setsid unshare "
	      "cut find stat touch cmp cp gzip; do "
	      "ln -s \"$(command -v $tool)\" bin/; done");
	fake("uname", "case $1$RELEASE in\n"
	     "-m*) echo ${MACHINE:-x86_64} ;;\n"
	     "-r?*) echo $RELEASE ;;\n"
	     "*) exec /bin/uname \"$@\" ;;\n"
	     "esac");
	fake("getconf", "echo ${BITS:-64}");
}

void fake(const char *name, const char *line)
{
	const char *path = text_of("bin/%s", name);

	unlink(path);
	write_script(path, text_of("#!/bin/sh\n%s\n", line));
}

void fake_sudo(void)
{
	fake("sudo", "[ $1 = -n ] || exec \"$@\"");
}

void fake_apt_cache(void)
{
	fake("apt-cache",
	     "[ \"$LC_ALL\" = C ] || { echo '  H\xc3\xa4ngt ab von: x'; exit; }\n"
	     "case $2 in\n"
	     "linux-image-amd64) echo '  Depends: linux-image-6.1.0-9-amd64';;\n"
	     "linux-source) echo '  Depends: linux-source-6.1';;\n"
	     "linux-headers-6.1.0-9-amd64) echo '  Depends: linux-headers-6.1.0-9-common'; echo '  Depends: linux-kbuild-6.1';;\n"
	     "esac");
	fake("dpkg-deb", "exit 0");
}

void fake_apt(const char *line)
{
	fake("apt-get",
	     text_of("case $1 in indextargets) echo \"file:$PWD/mirror\"; exit;; esac\n%s", line));
}

TEST(setup, missing_package_and_no_network)
{
	make_tree();
	fake_sudo();
	fake("apt-get", "exit 100");
	expect_said(run_shell(SETUP "tools"), 1, "(no network?");
}

TEST(setup, missing_package_and_no_debian)
{
	struct run run;

	make_tree();
	run = run_shell(SETUP "tools");
	expect_end(&run, 1, "this is not Debian, so install them by hand");
	expect_text(run.errors, "qemu-system-x86");
}

/* Each package manager has its own names and command. */
TEST(setup, missing_package_and_another_distribution)
{
	static const char *const said[][3] = {
		{ "dnf", "dnf install ", "qemu-system-x86-core" },
		{ "pacman", "pacman -S ", "qemu-system-x86" },
		{ "zypper", "zypper install ", "qemu-x86" },
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct run run;

		fake(said[i][0], "exit 1");
		run = run_shell(SETUP "tools");
		expect_end(&run, 1, "this is not Debian");
		expect_text(run.errors, said[i][1]);
		expect_text(run.errors, said[i][2]);
		ASSERT_OK(unlink(text_of("bin/%s", said[i][0])));
	}
}

/* An apt that finds nothing until update has run. */
static void fake_apt_with_old_lists(void)
{
	fake("apt-get",
	     text_of("case $1 in update) echo >'%1$s/updated';; *) test -e '%1$s/updated';; esac",
		     getcwd(NULL, 0)));
}

TEST(setup, old_package_lists_are_renewed)
{
	make_tree();
	fake_sudo();
	fake_apt_with_old_lists();
	expect_said(run_shell(SETUP "tools"), 0, "installing Debian packages:\n");
	shell("rm updated");
	fake_apt_cache();
	/* It goes on to unpack the package, which is empty. */
	expect_said(run_shell(KERNEL "get 6.1"), 1,
		    "boot/vmlinuz-6.1.0-9-amd64");
	shell("rm updated; echo 'cat >/dev/null; exit 1' >bin/tar; chmod +x bin/tar");
	expect_said(run_shell(SETUP "lint"), 1, "cannot unpack linux-source-6.1");
}

TEST(setup, says_what_it_installs_and_why)
{
	struct run run;

	make_tree();
	fake_sudo();
	fake("apt-get", "echo \"$*\" >>calls");
	run = run_shell(SETUP "tools");
	expect_said(run, 0, "installing Debian packages:\n");
	expect_text(run.errors, "  qemu-system-x86: runs the guest\n");
	ASSERT_TRUE(!strstr(run.errors, "  gcc: "));
	shell("grep -q '^install -qy --no-install-recommends .*qemu-system-x86' calls");
}

/* What guests of another architecture take comes only when they are asked for. */
TEST(setup, another_architecture_takes_its_emulator_and_compiler)
{
	make_tree();
	fake_sudo();
	fake("apt-get", "echo \"$*\" >>calls");
	expect_text(run_shell(SETUP "arm64").errors,
		    "  qemu-system-arm: runs the guest\n");
	shell("grep -q '^install .* gcc-aarch64-linux-gnu' calls && "
	      "! grep -q 'qemu-system-x86' calls && rm calls");
	run_shell(SETUP "tools");
	shell("grep -q '^install .* qemu-system-x86' calls && "
	      "! grep -q 'qemu-system-arm\\|gcc-aarch64\\|arm64-cross' calls && rm calls");
	/* There it is the other way round. */
	setenv("MACHINE", "aarch64", 1);
	run_shell(SETUP "tools");
	shell("grep -q 'qemu-system-arm' calls && ! grep -q 'qemu-system-x86' calls");
	run_shell(SETUP "amd64");
	shell("grep -q 'qemu-system-x86' calls && "
	      "tail -n 1 calls | grep -q ' gcc-x86-64-linux-gnu'");
}

/* An ordinary user without sudo, or whose sudo wants a password. */
TEST(setup, neither_root_nor_sudo)
{
	static const char said[] =
		"; root or sudo is required to install them (as root: apt install gcc ";

	make_tree();
	fake("apt-get", "echo called >>calls");
	fake("id", "echo 1000");
	shell("rm bin/gcc");
	expect_refusal(run_shell(SETUP "tools"), 1, said);
	/* sudo asks at the terminal: without one the script must not let it ask. */
	fake("sudo", "echo sudo $1 >>calls; exit 1");
	expect_refusal(run_shell("setsid -w env " SETUP "tools"), 1, said);
	ASSERT_STREQ("sudo -n\n", run_shell("cat calls").output);
}

/* Run the script as nobody if we are root, so that permissions can refuse it. */
static struct run setup_as_user(void)
{
	if (getuid())
		return run_shell(SETUP "tools");
	return run_shell("setpriv --reuid=65534 --regid=65534 --clear-groups "
			 "env " SETUP "tools");
}

static void make_tree_of_user(void)
{
	make_tree();
	shell("mkdir user");
	if (!getuid())
		shell("chown -R 65534 . && chmod 755 .");
	if (WEXITSTATUS(setup_as_user().status) != 1)
		test_skip("nobody may not read the tree");
}

#define READY "this is not Debian, so install them by hand"

TEST(setup, tree_that_root_has_built)
{
	static const char *const made[] = {
		"build", "build/obj", "build/obj/module.o",
		"build/kernel/6.1/vmlinuz", "user/incr1",
	};
	struct run run;

	if (getuid())
		test_skip("needs root, to have files of root's and become another user");
	make_tree_of_user();
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		shell("rm -rf build && umask 022 && mkdir -p build/obj build/kernel/6.1 && "
		      "touch build/obj/module.o build/kernel/6.1/vmlinuz user/incr1 && "
		      "chown -R 65534 build user");
		expect_said(setup_as_user(), 1, READY);
		setenv("MADE", made[i], 1);
		shell("chown root $MADE");
		run = setup_as_user();
		expect_end(&run, 1, " belongs to root, and nobody cannot write to it: "
			    "sudo chown -R nobody /");
		expect_text(run.errors, made[i]);
		expect_said(run_shell(SETUP "tools"), 1, READY);
	}
}

TEST(setup, directory_that_is_read_only)
{
	struct run run;

	make_tree_of_user();
	expect_said(setup_as_user(), 1, READY);
	shell("chmod a-w build");
	expect_refusal(setup_as_user(), 1,
		       "/build: clone the project into a directory where you can write");
	shell("rmdir build && chmod a-w .");
	run = setup_as_user();
	shell("chmod u+w .");
	expect_end(&run, 1, "setup: cannot write to ");
}

TEST(setup, nothing_to_install_says_nothing)
{
	struct run run;

	run = run_ending("\"$TOP/tests/kernel/setup.sh\" tools", 0);
	ASSERT_STREQ("", run.errors);
	ASSERT_STREQ("", run.output);
}

TEST(setup, bad_usage)
{
	make_tree();
	expect_said(run_shell(SETUP), 2, "setup.sh tools ");
}

#define DOCTOR "\"$TOP/tests/kernel/doctor.sh\" "

/*
 * Have the doctor look at a config with all that Kconfig.notes wants, but for the kernel
 * OTHER, after this filter.
 */
static struct run doctor(const char *filter, int status)
{
	setenv("FILTER", filter, 1);
	setenv("OTHER", "kcsan", 0);
	shell("awk '/^[a-z]/ && $1 != ENVIRON[\"OTHER\"] { sub(\",.*\", \"\", $2); print \"CONFIG_\" $2 }' "
	      "\"$TOP/Kconfig.notes\" | eval \"$FILTER\" >config; gzip -kf config");
	return run_ending(DOCTOR "config config.gz", status);
}

TEST(doctor, whole_config_is_fit)
{
	struct run run = doctor("cat", 0);

	expect_text(run.output, "config: fit for the module\n");
	expect_text(run.output, "config.gz: fit for the module\n");
	expect_text(run.output, "  debug: ");
	ASSERT_TRUE(!strstr(run.output, "CONFIG_"));
	setenv("OTHER", "debug", 1);
	run = doctor("cat", 0);
	expect_text(run.output, "  kcsan: ");
	ASSERT_TRUE(!strstr(run.output, "CONFIG_"));
}

TEST(doctor, missing_option_is_named_with_its_reason)
{
	struct run run = doctor("sed 's/\\(CONFIG_SHMEM\\)=.*/# \\1 is not set/'", 1);

	expect_text(run.output, "config: not fit for the module\n");
	expect_text(run.output, "CONFIG_SHMEM=n, not y: the region is a shmem file");
	run = doctor("sed s/SIG_FORCE=n/SIG_FORCE=y/", 1);
	expect_text(run.output, "CONFIG_MODULE_SIG_FORCE=y, not n");
}

/* Each kernel needs what is of its own architecture. */
TEST(doctor, option_of_another_architecture_is_not_missing)
{
	static const char filter[] = "grep -v -e X86 -e PL011; echo CONFIG_%s=y";
	struct run run = doctor(text_of(filter, "ARM64"), 0);

	expect_text(run.output, "guest: CONFIG_SERIAL_AMBA_PL011_CONSOLE=n, not y: the kernel's log\n");
	ASSERT_TRUE(!strstr(run.output, "X86"));
	run = doctor(text_of(filter, "X86_64"), 0);
	expect_text(run.output, "guest: CONFIG_X86_IOPL_IOPERM=n, not y: a port write");
	ASSERT_TRUE(!strstr(run.output, "PL011"));
}

TEST(doctor, what_only_tests_need_is_no_failure)
{
	struct run run = doctor("grep -v KPROBES=", 0);

	expect_text(run.output, "tests: CONFIG_KPROBES=n, not y");
}

TEST(doctor, bad_input)
{
	expect_said(run_shell(DOCTOR "no-such"), 2, "cannot read no-such");
	shell("echo hello >text");
	expect_said(run_shell(DOCTOR "text"), 2,
		    "text is not a kernel's config");
}

TEST(make, vm_without_a_command)
{
	expect_said(run_shell("make --no-print-directory -C \"$TOP\" vm"), 2,
		    "say what to run: make vm CMD=");
}

/* Who builds kernels exports them. No kernel of this name is there, nor is it fetched. */
TEST(make, architecture_is_what_the_command_line_says)
{
	static const char *const asked[][2] = {
		{ "make %s", "none build\n" },
		{ "ARCH=" OTHER_ARCH " CROSS_COMPILE=own- make %s", "none build\n" },
		{ "CROSS_COMPILE=theirs- make ARCH=" OTHER_ARCH " CROSS_COMPILE=own- %s",
		  "none-" OTHER_ARCH " build/" OTHER_ARCH " own-\n" },
		{ "ARCH=sparc CROSS_COMPILE=own- make KERNEL=none-" OTHER_ARCH " %s | sed s/-linux-gnu-//",
		  "none-" OTHER_ARCH " build/" OTHER_ARCH " %s\n" },
	};

	unsetenv("MAKEFLAGS");
	setenv("KERNEL", "none", 1);
	for (size_t i = 0; i < ARRAY_SIZE(asked); i++)
		ASSERT_STREQ(text_of(asked[i][1], strcmp(OTHER_ARCH, "arm64") ? "x86_64" : "aarch64"),
			     run_ending(text_of(asked[i][0], "-C \"$TOP\" -s --no-print-directory "
						"--eval='show:;@echo $(kernel) $(built_for) $(cross)' show"),
					0).output);
	expect_said(run_shell("make -C \"$TOP\" -s ARCH=sparc show"), 2,
		    "ARCH=sparc: it has to be amd64 or arm64");
	expect_said(run_shell("make -C \"$TOP\" -s ARCH=" OTHER_ARCH " CC=cc show"), 2,
		    "CROSS_COMPILE= chooses the compiler of the guest's");
	expect_said(run_shell("make -C \"$TOP\" -ns ARCH=" OTHER_ARCH " vm"), 2,
		    "make vm is for this machine's architecture only");
	expect_said(run_shell("make -C \"$TOP\" -ns ARCH=" OTHER_ARCH " user"), 2,
		    "make user is for this machine's architecture only");
	expect_said(run_shell("make -C \"$TOP\" -ns ARCH=" OTHER_ARCH " NATIVE=1 compare"), 2,
		    "make compare is for this machine's architecture only");
}

/* SUITES= takes the names that KERNEL= takes there. */
TEST(make, matrix_of_another_architecture)
{
	static const char matrix[] = "make -C \"$TOP\" -ns ARCH=" OTHER_ARCH " SUITES=%s matrix";

	expect_text(run_ending(text_of(matrix, "'6.12 sid sid-" OTHER_ARCH "'"), 0).output,
		    "matrix.sh trixie-" OTHER_ARCH " sid-" OTHER_ARCH " sid-" OTHER_ARCH "\n");
	expect_said(run_shell(text_of(matrix, "5.99")), 2,
		    "no suite is known that has a kernel 5.99");
}

TEST(make, check_of_an_unknown_test)
{
	expect_said(run_shell("make --no-print-directory -C \"$TOP\" check "
			      "TESTS='map.* no.such'"), 2,
		    "no test is named 'no.such'");
}

TEST(make, help_names_each_target)
{
	static const char *const targets[] = {
		"make run ", "make check ", "make shell ", "make vm CMD=",
		"make load ", "make unload ", "make doctor ", "make clean ",
		"make matrix ", "make install ", "make deb ", "make deb-test ",
	};
	struct run run;

	run = run_shell("make --no-print-directory -C \"$TOP\" help");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strstr(run.output, targets[i]))
			FAIL("make help does not name %s", targets[i]);
}

TEST(make, load_says_what_is_missing)
{
	must_end(run_shell("\"$TOP/tests/host/load.sh\""), 1);
	if (!access("/proc/modules", F_OK))
		test_skip("this host's kernel takes modules");
	expect_said(run_shell("\"$TOP/tests/host/load.sh\" load"), 1,
		    "this host's kernel takes no modules: make run");
}

/* A new warning of a newer compiler is shown, and is an error only in make lint. */
TEST(setup, warning_of_a_compiler_is_no_error)
{
	struct run run;

	unsetenv("MAKEFLAGS");
	shell("mkdir copy && cp \"$TOP\"/user/*.[ch] \"$TOP\"/user/Makefile copy/");
	run = must_end(run_shell("make -C copy CFLAGS='-O2 -Wpadded' incr_anon"), 0);
	expect_text(run.errors, "[-Wpadded]");
	run = run_shell("make -C copy CFLAGS='-O2 -Wpadded' WERROR=1 -B incr_anon");
	expect_said(run, 2, "[-Werror=padded]");

	ASSERT_TRUE(!strstr(shell("make -C \"$TOP\" -nB build/obj/harness/harness.o"),
			    " -Werror"));
	expect_text(shell("make -C \"$TOP\" -nB WERROR=1 build/obj/harness/harness.o"),
		    " -Werror ");
}
