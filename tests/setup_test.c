// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the scripts around the build: what they say, and with which exit
 * status, where something cannot be had. TOP is the tree, in the environment.
 *
 * setup.sh runs in a copy of its own, with a PATH that has only the programs
 * that a test gives it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"

/* Run a line of shell with the tests' PATH; TOP and SCRATCH are set in it. */
static struct run run_shell(const char *line)
{
	return RUN("/bin/sh", "-c", line);
}

static void expect_said(struct run run, int status, const char *text)
{
	expect_status(&run, status);
	expect_text(run.errors, text);
}

static void need_tree(void)
{
	if (!getenv("TOP"))
		test_skip("TOP is not set: make check sets it");
}

/* A tree of our own in the current directory, and nothing in PATH yet. */
static void make_tree(void)
{
	need_tree();
	shell("mkdir tests bin && cp \"$TOP/tests/setup.sh\" tests/");
	/* All that the script itself calls. */
	shell("for tool in sh dirname mkdir id grep sed head df awk rm mv cat "
	      "ln tail od tr realpath gcc sleep; do "
	      "ln -s \"$(command -v $tool)\" bin/; done");
}

/* A program of PATH that does what the line of shell says. */
static void fake(const char *name, const char *line)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "bin/%s", name);
	unlink(path);
	file = fopen(path, "we");
	EXPECT(file);
	fprintf(file, "#!/bin/sh\n%s\n", line);
	fclose(file);
	EXPECT_OK(chmod(path, 0755));
}

static void fake_apt_cache(void)
{
	fake("apt-cache",
	     "case $2 in\n"
	     "linux-image-cloud-amd64) echo '  Depends: linux-image-6.1.0-9-cloud-amd64';;\n"
	     "linux-headers-6.1.0-9-cloud-amd64) echo '  Depends: linux-headers-6.1.0-9-common'; echo '  Depends: linux-kbuild-6.1';;\n"
	     "esac");
	fake("dpkg-deb", "exit 0");
}

/* The script finds /usr/sbin by itself; ldconfig and modprobe are there. */
#define SETUP "PATH=$PWD/bin sh tests/setup.sh "

TEST(setup, missing_package_and_no_network)
{
	make_tree();
	fake("apt-get", "exit 100");
	expect_said(run_shell(SETUP "tools"), 1, "(no network?");
}

TEST(setup, missing_package_and_no_debian)
{
	struct run run;

	make_tree();
	run = run_shell(SETUP "tools");
	expect_said(run, 1, "this is not Debian, so install them by hand");
	EXPECT(strstr(run.errors, "qemu-system-x86"));
	EXPECT_EQ(lines_in(run.errors), 1);
}

TEST(setup, says_what_it_installs_and_why)
{
	struct run run;

	make_tree();
	fake("apt-get", "echo \"$*\" >>calls");
	run = run_shell(SETUP "tools");
	expect_said(run, 0, "installing Debian packages:\n");
	EXPECT(strstr(run.errors, "  qemu-system-x86: runs the guest\n"));
	EXPECT(!strstr(run.errors, "  gcc: "));
	shell("grep -q '^install -qy --no-install-recommends .*qemu-system-x86' calls");
}

TEST(setup, nothing_to_install_says_nothing)
{
	struct run run;

	need_tree();
	run = run_shell("\"$TOP/tests/setup.sh\" tools");
	expect_said(run, 0, "");
	EXPECT_STR(run.errors, "");
	EXPECT_STR(run.output, "");
}

TEST(setup, kernel_and_no_debian)
{
	make_tree();
	expect_said(run_shell(SETUP "kernel 6.1-cloud-amd64"), 1,
		    "this is not Debian: give a kernel by hand with VMLINUZ=file KDIR=its-headers");
}

TEST(setup, kernel_that_debian_has_not)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	expect_said(run_shell(SETUP "kernel 5.4-cloud-amd64"), 1,
		    "no kernel 5.4 (cloud-amd64) in this host's package lists");
}

TEST(setup, kernel_and_no_network)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 100");
	expect_said(run_shell(SETUP "kernel 6.1-cloud-amd64"), 1,
		    "cannot fetch kernel 6.1.0-9-cloud-amd64 (no network?");
	EXPECT_ERRNO(access("build/kernel/6.1-cloud-amd64", F_OK), ENOENT);
}

TEST(setup, kernel_and_no_room)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	fake("df", "echo header; echo 'disk 1000000 900000 100000 90% /'");
	expect_said(run_shell(SETUP "kernel 6.1-cloud-amd64"), 1,
		    "no room: a kernel needs");
}

TEST(setup, kernel_by_hand)
{
	make_tree();
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	expect_said(run_shell(SETUP "by-hand '' vmlinuz"), 1,
		    "VMLINUZ= needs KDIR=");
	expect_said(run_shell(SETUP "by-hand headers vmlinuz"), 1,
		    "no kernel headers in headers (KDIR=)");
	shell("mkdir headers && touch headers/Makefile");
	expect_said(run_shell(SETUP "by-hand headers vmlinuz"), 1,
		    "no kernel image vmlinuz (VMLINUZ=)");
}

/* What is there is left alone, until the guests need other modules. */
TEST(setup, kernel_without_the_modules_is_fetched_again)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "echo called >>calls; exit 100");
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	shell("mkdir -p headers/include/config build/kernel && "
	      "echo 6.1.0-9-cloud-amd64 >headers/include/config/kernel.release && "
	      "touch headers/Makefile");
	expect_said(run_shell(SETUP "by-hand headers ''"), 0, "");
	shell("mv build/kernel/by-hand build/kernel/6.1-cloud-amd64");
	expect_said(run_shell(SETUP "kernel 6.1-cloud-amd64"), 0, "");
	EXPECT_ERRNO(access("calls", F_OK), ENOENT);

	shell("sed -i 's/ ext4$//' build/kernel/*/modules/wanted");
	expect_said(run_shell(SETUP "kernel 6.1-cloud-amd64"), 1,
		    "cannot fetch kernel 6.1.0-9-cloud-amd64 (no network?");
	EXPECT_OK(access("build/kernel/6.1-cloud-amd64/release", F_OK));
}

TEST(setup, bad_usage)
{
	make_tree();
	expect_said(run_shell(SETUP), 2, "setup.sh tools ");
}

/* A config of all that Kconfig.notes wants, but for what a test takes out. */
#define WHOLE_CONFIG \
	"awk '/^[a-z]/ { sub(\",.*\", \"\", $2); print \"CONFIG_\" $2 }' " \
	"\"$TOP/Kconfig.notes\""
#define DOCTOR "\"$TOP/tests/doctor.sh\" "

TEST(doctor, whole_config_is_fit)
{
	struct run run;

	make_tree();
	shell(WHOLE_CONFIG " >config; gzip -k config");
	run = run_shell(DOCTOR "config config.gz");
	expect_said(run, 0, "");
	EXPECT(strstr(run.output, "config: fit for the module\n"));
	EXPECT(strstr(run.output, "config.gz: fit for the module\n"));
	EXPECT(!strstr(run.output, "CONFIG_"));
}

TEST(doctor, missing_option_is_named_with_its_reason)
{
	struct run run;

	make_tree();
	shell(WHOLE_CONFIG " | grep -v SHMEM= >config; "
	      "echo '# CONFIG_SHMEM is not set' >>config");
	run = run_shell(DOCTOR "config");
	expect_said(run, 1, "");
	EXPECT(strstr(run.output, "config: not fit for the module\n"));
	EXPECT(strstr(run.output,
		      "CONFIG_SHMEM=n, not y: the region is a file of shmem"));
	shell(WHOLE_CONFIG " | sed s/SIG_FORCE=n/SIG_FORCE=y/ >config");
	run = run_shell(DOCTOR "config");
	expect_said(run, 1, "");
	EXPECT(strstr(run.output, "CONFIG_MODULE_SIG_FORCE=y, not n"));
}

TEST(doctor, what_only_tests_need_is_no_failure)
{
	struct run run;

	make_tree();
	shell(WHOLE_CONFIG " | grep -v KPROBES= >config");
	run = run_shell(DOCTOR "config");
	expect_said(run, 0, "");
	EXPECT(strstr(run.output, "tests: CONFIG_KPROBES=n, not y"));
}

TEST(doctor, bad_input)
{
	make_tree();
	expect_said(run_shell(DOCTOR "no-such"), 2, "cannot read no-such");
	shell("echo hello >text");
	expect_said(run_shell(DOCTOR "text"), 2,
		    "text is not a kernel's config");
}

/* What make itself is asked for in a wrong way. */
TEST(make, vm_without_a_command)
{
	need_tree();
	expect_said(run_shell("make --no-print-directory -C \"$TOP\" vm"), 2,
		    "say what to run: make vm CMD=");
}

TEST(make, check_of_an_unknown_test)
{
	need_tree();
	expect_said(run_shell("make --no-print-directory -C \"$TOP\" check "
			      "TESTS='map.* no.such'"), 2,
		    "no test is named 'no.such'");
}

TEST(make, help_names_each_target)
{
	static const char *const targets[] = {
		"make run ", "make check ", "make shell ", "make vm CMD=",
		"make load ", "make unload ", "make doctor ", "make clean ",
	};
	struct run run;

	need_tree();
	run = run_shell("make --no-print-directory -C \"$TOP\" help");
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		if (!strstr(run.output, targets[i]))
			FAIL("make help does not name %s", targets[i]);
}

/* As on a host whose kernel takes no modules, and on one that does. */
TEST(make, load_says_what_is_missing)
{
	struct run run;

	need_tree();
	run = run_shell("\"$TOP/tests/host.sh\"");
	expect_status(&run, 1);
	if (!access("/proc/modules", F_OK))
		test_skip("this host's kernel takes modules");
	expect_said(run_shell("\"$TOP/tests/host.sh\" load"), 1,
		    "this host's kernel takes no modules: make run");
}
