// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of the scripts around the build: what they say, and with which exit
 * status, where something cannot be had. TOP is the tree, in the environment.
 *
 * Those that fetch and build run in a copy of their own, with a PATH that has only the programs
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
	shell("mkdir tests bin && cp \"$TOP\"/tests/*.sh tests/");
	/* All that the script itself calls. */
	shell("for tool in sh dirname mkdir id grep sed head df awk rm mv cat "
	      "ln tail od tr env realpath gcc sleep sort ls date setsid unshare "
	      "cut find stat uname touch cmp cp; do "
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

/* Whoever runs the tests, the script may install. */
static void fake_sudo(void)
{
	fake("sudo", "[ $1 = -n ] || exec \"$@\"");
}

static void fake_apt_cache(void)
{
	fake("apt-cache",
	     "[ \"$LC_ALL\" = C ] || { echo '  H\xc3\xa4ngt ab von: x'; exit; }\n"
	     "case $2 in\n"
	     "linux-image-cloud-amd64) echo '  Depends: linux-image-6.1.0-9-cloud-amd64';;\n"
	     "linux-source) echo '  Depends: linux-source-6.1';;\n"
	     "linux-headers-6.1.0-9-cloud-amd64) echo '  Depends: linux-headers-6.1.0-9-common'; echo '  Depends: linux-kbuild-6.1';;\n"
	     "esac");
	fake("dpkg-deb", "exit 0");
}

/* The script finds /usr/sbin by itself; ldconfig and modprobe are there. */
#define SETUP "PATH=$PWD/bin sh tests/setup.sh "
#define KERNEL "PATH=$PWD/bin sh tests/kernel.sh "

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
	expect_said(run, 1, "this is not Debian, so install them by hand");
	expect_text(run.errors, "qemu-system-x86");
	EXPECT_EQ(lines_in(run.errors), 1);
}

/* Elsewhere it is named as the manager there names it. */
TEST(setup, missing_package_and_another_distribution)
{
	static const char *const said[][3] = {
		{ "dnf", "dnf install ", "qemu-system-x86-core" },
		{ "pacman", "pacman -S ", "qemu-system-x86" },
		{ "zypper", "zypper install ", "qemu-x86" },
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		char name[20];
		struct run run;

		fake(said[i][0], "exit 1");
		run = run_shell(SETUP "tools");
		expect_said(run, 1, "this is not Debian");
		expect_text(run.errors, said[i][1]);
		expect_text(run.errors, said[i][2]);
		EXPECT_EQ(lines_in(run.errors), 1);
		snprintf(name, sizeof(name), "bin/%s", said[i][0]);
		EXPECT_OK(unlink(name));
	}
}

/* What old package lists name may be there no more. */
static void fake_apt_with_old_lists(void)
{
	char script[4400], *here = getcwd(NULL, 0);

	snprintf(script, sizeof(script),
		 "case $1 in update) echo >'%s/updated';; *) test -e '%s/updated';; esac",
		 here, here);
	fake("apt-get", script);
	free(here);
}

TEST(setup, old_package_lists_are_renewed)
{
	make_tree();
	fake_sudo();
	fake_apt_with_old_lists();
	expect_said(run_shell(SETUP "tools"), 0, "installing Debian packages:\n");
	shell("rm updated");
	fake_apt_cache();
	/* It comes to unpack the packages, and this one is empty. */
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 1,
		    "boot/vmlinuz-6.1.0-9-cloud-amd64");
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
	EXPECT(!strstr(run.errors, "  gcc: "));
	shell("grep -q '^install -qy --no-install-recommends .*qemu-system-x86' calls");
}

/* An ordinary user, without sudo, or with one that wants a password. */
TEST(setup, neither_root_nor_sudo)
{
	static const char said[] =
		"; to install them I need root or sudo (as root: apt install gcc ";
	struct run run;

	make_tree();
	fake("apt-get", "echo called >>calls");
	fake("id", "echo 1000");
	shell("rm bin/gcc");
	run = run_shell(SETUP "tools");
	expect_said(run, 1, said);
	EXPECT_EQ(lines_in(run.errors), 1);
	/* It asks at the terminal; where there is none it is not asked to. */
	fake("sudo", "echo sudo $1 >>calls; exit 1");
	run = run_shell("setsid -w env " SETUP "tools");
	expect_said(run, 1, said);
	EXPECT_EQ(lines_in(run.errors), 1);
	EXPECT_STR(run_shell("cat calls").output, "sudo -n\n");
}

/* Who has root's rights becomes nobody, as whom the script can be refused. */
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
		"build/kernel/6.1-amd64/vmlinuz", "user/incr1",
	};
	struct run run;

	if (getuid())
		test_skip("needs root, to have files of root's and become another user");
	make_tree_of_user();
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		shell("rm -rf build && umask 022 && mkdir -p build/obj build/kernel/6.1-amd64 && "
		      "touch build/obj/module.o build/kernel/6.1-amd64/vmlinuz user/incr1 && "
		      "chown -R 65534 build user");
		expect_said(setup_as_user(), 1, READY);
		setenv("MADE", made[i], 1);
		shell("chown root $MADE");
		run = setup_as_user();
		expect_said(run, 1, " belongs to root, and nobody cannot write to it: "
			    "sudo chown -R nobody /");
		expect_text(run.errors, made[i]);
		EXPECT_EQ(lines_in(run.errors), 1);
		expect_said(run_shell(SETUP "tools"), 1, READY);
	}
}

TEST(setup, folder_that_is_read_only)
{
	struct run run;

	make_tree_of_user();
	expect_said(setup_as_user(), 1, READY);
	shell("chmod a-w build");
	run = setup_as_user();
	expect_said(run, 1, "/build: clone the project into a folder where you can write");
	EXPECT_EQ(lines_in(run.errors), 1);
	shell("rmdir build && chmod a-w .");
	run = setup_as_user();
	shell("chmod u+w .");
	expect_said(run, 1, "setup: cannot write to ");
	EXPECT_EQ(lines_in(run.errors), 1);
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
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 1,
		    "this is not Debian: give a kernel by hand with VMLINUZ=file KDIR=its-headers");
}

TEST(setup, kernel_that_debian_has_not)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	expect_said(run_shell(KERNEL "get 5.4-cloud-amd64"), 1,
		    "no kernel 5.4 (cloud-amd64) in this host's package lists");
}

TEST(setup, kernel_and_no_network)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 100");
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 1,
		    "cannot fetch kernel 6.1.0-9-cloud-amd64 (no network?");
	EXPECT_ERRNO(access("build/kernel/6.1-cloud-amd64", F_OK), ENOENT);
}

TEST(setup, kernel_and_no_room)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	fake("df", "echo header; echo 'disk 1000000 900000 100000 90% /'");
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 1,
		    "no room: a kernel needs");
}

TEST(setup, kernel_by_hand)
{
	make_tree();
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	expect_said(run_shell(KERNEL "by-hand '' vmlinuz"), 1,
		    "VMLINUZ= needs KDIR=");
	expect_said(run_shell(KERNEL "by-hand headers vmlinuz"), 1,
		    "no kernel headers in headers (KDIR=)");
	shell("mkdir headers && touch headers/Makefile");
	expect_said(run_shell(KERNEL "by-hand headers vmlinuz"), 1,
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
	expect_said(run_shell(KERNEL "by-hand headers ''"), 0, "");
	shell("mv build/kernel/by-hand build/kernel/6.1-cloud-amd64");
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 0, "");
	EXPECT_ERRNO(access("calls", F_OK), ENOENT);

	shell("sed -i 's/ ext4=.*$//' build/kernel/*/modules/wanted");
	expect_said(run_shell(KERNEL "get 6.1-cloud-amd64"), 1,
		    "cannot fetch kernel 6.1.0-9-cloud-amd64 (no network?");
	EXPECT_OK(access("build/kernel/6.1-cloud-amd64/release", F_OK));
}

/* What KERNEL= stands for, by package lists that are in the user's language. */
TEST(kernel, names)
{
	static const char *const names[][2] = {
		{ "6.1", "6.1 6.1-cloud-amd64 6.1-amd64\n" },
		{ "6.12", "6.12 trixie -\n" },
		{ "unstable", "unstable unstable -\n" },
		{ "debug", "debug debug debug\n" },
		{ "by-hand", "by-hand by-hand by-hand\n" },
		{ "host", "host host-9.9 host-9.9\n" },
	};

	make_tree();
	fake_apt_cache();
	setenv("LANG", "de_DE.UTF-8", 1);
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char line[100];
		struct run run;

		snprintf(line, sizeof(line), "KVER=9.9 %s%s", KERNEL "names ",
			 names[i][0]);
		run = run_shell(line);
		expect_said(run, 0, "");
		EXPECT_STR(run.output, names[i][1]);
	}
	expect_said(run_shell(KERNEL "names 5.4"), 1,
		    "no kernel 5.4 in this host's package lists");
	expect_said(run_shell(KERNEL "names '../x y'"), 1,
		    "KERNEL=../x y is no series of kernels, and no Debian suite");
}

/* The kept answer is good for this release of the distribution, and this kernel. */
TEST(kernel, default_is_asked_anew)
{
	make_tree();
	fake("apt-cache", "case $2 in linux-image-cloud-amd64) echo '  Depends: linux-image-6.16+deb14-cloud-amd64';; esac\n"
	     "case $1 in pkgnames) echo linux-image-cloud-amd64;; esac");
	EXPECT_STR(run_shell(KERNEL "names").output,
		   "6.16 6.16-cloud-amd64 6.16-amd64\n");
	fake("apt-cache", "case $2 in linux-image-cloud-amd64) echo '  Depends: linux-image-6.17.1-cloud-amd64';; esac\n"
	     "case $1 in pkgnames) echo linux-image-cloud-amd64;; esac");
	fake("dpkg-deb", "exit 0");
	fake("apt-get", "exit 0");
	expect_said(run_shell(KERNEL "get 6.16-cloud-amd64"), 1, "no kernel 6.16");
	EXPECT_STR(run_shell(KERNEL "names").output,
		   "6.17 6.17-cloud-amd64 6.17-amd64\n");
	shell("echo another >>build/kernel/default.of; echo 6.16 >build/kernel/default");
	EXPECT_STR(run_shell(KERNEL "names").output,
		   "6.17 6.17-cloud-amd64 6.17-amd64\n");
	/* KVER= means a kernel of this host. */
	EXPECT_STR(run_shell("KVER=9.9 " KERNEL "names").output,
		   "host host-9.9 host-9.9\n");
	expect_said(run_shell("KVER='../x y' " KERNEL "names"), 1,
		    "KVER=../x y is no release of a kernel");
}

/* A series that is here already is what it was, whatever the lists say now. */
TEST(kernel, names_what_is_there)
{
	make_tree();
	fake("apt-cache", "exit 0");
	EXPECT_STR(run_shell(KERNEL "names 6.1").output, "6.1 bookworm -\n");
	shell("mkdir -p build/kernel/6.1-cloud-amd64 && "
	      "echo 6.1.0 >build/kernel/6.1-cloud-amd64/release");
	EXPECT_STR(run_shell(KERNEL "names 6.1").output,
		   "6.1 6.1-cloud-amd64 6.1-amd64\n");
}

#define HOST "SHMCOUNT_ROOT=$PWD/sys PATH=$PWD/bin sh tests/kernel.sh "

TEST(kernel, default_is_the_hosts_own_where_debian_has_none)
{
	make_tree();
	fake("uname", "echo 9.9");
	fake("apt-cache", "exit 0");
	fake("apt-get", "exit 100");
	expect_said(run_shell(HOST "names"), 1,
		    "this host's package lists have no kernel, and there is no image of 9.9 in /boot");
	shell("mkdir -p sys/boot && touch sys/boot/vmlinuz-9.9");
	EXPECT_STR(run_shell(HOST "names").output, "host host-9.9 host-9.9\n");
}

/* As Ubuntu is, and as WSL2 is, whose kernel has no image there. */
TEST(kernel, default_where_the_distribution_is_not_debian)
{
	make_tree();
	fake("apt-cache",
	     "case $1 in pkgnames) echo linux-image-generic;; esac\n"
	     "case $2 in linux-image-generic) echo '  Depends: linux-image-6.8.0-31-generic';; esac");
	fake("apt-get", "echo called >>\"${0%/*}/../calls\"; exit 100");
	fake("uname", "echo 9.9");
	fake_sudo();
	shell("mkdir -p sys/boot && touch sys/boot/vmlinuz-9.9");
	EXPECT_STR(run_shell(HOST "names").output, "host host-9.9 host-9.9\n");
	shell("rm sys/boot/vmlinuz-9.9");
	EXPECT_STR(run_shell(HOST "names").output,
		   "6.8 6.8-generic 6.8-generic\n");
	EXPECT_ERRNO(access("calls", F_OK), ENOENT);
}

TEST(kernel, host_without_image_or_headers)
{
	struct run run;

	make_tree();
	shell("mkdir -p sys/boot sys/lib/modules/9.9");
	expect_said(run_shell(HOST "get host-9.9"), 1,
		    "there is no image of kernel 9.9 in /boot or /lib/modules/9.9");
	shell("touch sys/lib/modules/9.9/vmlinuz");
	run = run_shell(HOST "get host-9.9");
	expect_said(run, 1, "the headers of kernel 9.9 are missing: ");
	EXPECT_EQ(lines_in(run.errors), 1);
	fake("dnf", "exit 1");
	expect_said(run_shell(HOST "get host-9.9"), 1,
		    "are missing: dnf install kernel-devel-9.9");
}

/* As Ubuntu has it. */
TEST(kernel, host_image_that_only_root_may_read)
{
	make_tree();
	shell("mkdir -p sys/boot sys/lib/modules/9.9/build && "
	      "touch sys/lib/modules/9.9/build/Makefile && "
	      ": >sys/boot/vmlinuz-9.9 && chmod 600 sys/boot/vmlinuz-9.9 && "
	      "mkdir -m 777 build && chmod 755 .");
	if (!geteuid())
		fake("sh", "exec /usr/bin/setpriv --reuid 65534 --clear-groups /bin/sh \"$@\"");
	else
		shell("chmod 000 sys/boot/vmlinuz-9.9");
	expect_said(run_shell(HOST "get host-9.9"), 1,
		    "only root may read ");
	expect_text(run_shell(HOST "get host-9.9").errors,
		    "/sys/boot/vmlinuz-9.9: sudo chmod a+r ");
}

/*
 * Packages of a kernel 9.9 whose modules are where the line of shell puts them:
 * modprobe finds each below the folder that it is told, in that packing.
 */
static void fake_kernel(const char *folder, const char *pack, const char *suffix)
{
	char line[1000];

	fake("apt-get", ":");
	fake("apt-cache",
	     "case $2 in linux-image-cloud-amd64) echo '  Depends: linux-image-9.9.0-1';; "
	     "linux-image-amd64) echo '  Depends: linux-image-9.9.0-1';; esac");
	fake("depmod", ":");
	shell("for tool in xz zstd gzip; do "
	      "ln -sf \"$(command -v $tool || echo /bin/false)\" bin/; done");
	/* What download leaves is a package, which is unpacked once. */
	fake("apt-get", "[ $3 != download ] || : >kernel.deb");
	snprintf(line, sizeof(line),
		 "[ -d \"$3/%s/modules/9.9.0-1\" ] && exit\n"
		 "mkdir -p \"$3/%s/modules/9.9.0-1\" \"$3/boot\" \"$3/usr/src/linux-headers-9.9.0-1\"\n"
		 "cd \"$3\"\n"
		 "echo image >boot/vmlinuz-9.9.0-1\n"
		 "echo config >boot/config-9.9.0-1\n"
		 "echo all: >usr/src/linux-headers-9.9.0-1/Makefile\n"
		 "for name in virtio_pci 9p 9pnet_virtio overlay virtio_blk ext4 kvm-amd; do\n"
		 "	echo module $name | %s >%s/modules/9.9.0-1/$name.ko%s\n"
		 "done", folder, folder, pack, folder, suffix);
	fake("dpkg-deb", line);
	snprintf(line, sizeof(line),
		 "file=$2/lib/modules/$4/$6.ko%s\n"
		 "[ -e \"$file\" ] && echo \"insmod $file \"", suffix);
	fake("modprobe", line);
}

TEST(kernel, modules_wherever_they_are_and_however_packed)
{
	static const char *const packs[][3] = {
		{ "lib", "cat", "" }, { "usr/lib", "cat", "" },
		{ "usr/lib", "xz -c", ".xz" }, { "lib", "gzip -c", ".gz" },
		{ "usr/lib", "zstd -cq", ".zst" },
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(packs); i++) {
		struct run run;

		if (!strcmp(packs[i][2], ".zst") &&
		    WEXITSTATUS(run_shell("command -v zstd").status))
			continue;
		fake_kernel(packs[i][0], packs[i][1], packs[i][2]);
		run = run_shell(KERNEL "get 9.9-amd64");
		expect_said(run, 0, "fetching a kernel");
		shell("cd build/kernel/9.9-amd64 && "
		      "test \"$(cat vmlinuz config release)\" = "
		      "\"$(printf 'image\\nconfig\\n9.9.0-1')\" && "
		      "test \"$(cat modules/9p.ko)\" = 'module 9p' && "
		      "test \"$(tr '\\n' ' ' <modules/disk)\" = 'virtio_blk.ko ext4.ko ' && "
		      "test ! -s modules/missing && test ! -e lib && cd .. && rm -r 9.9-amd64");
	}
}

/* An empty list is no surprise for the guest. */
TEST(kernel, missing_modules_are_an_error_at_set_up)
{
	make_tree();
	fake_kernel("lib", "cat", "");
	fake("modprobe", "exit 1");
	expect_said(run_shell(KERNEL "get 9.9-amd64"), 1,
		    "kernel 9.9.0-1 has no module virtio_pci 9p 9pnet_virtio overlay virtio_blk ext4 and");
	EXPECT_ERRNO(access("build/kernel/9.9-amd64", F_OK), ENOENT);
	/* Built in is as good, and the small guest does without. */
	fake("modprobe", "echo builtin $6");
	expect_said(run_shell(KERNEL "get 9.9-amd64"), 0, "");
	fake("modprobe", "exit 1");
	expect_said(run_shell(KERNEL "get 9.9-cloud-amd64"), 0, "");
}

/* The compiler that the headers name is installed with them. */
TEST(kernel, compiler_of_the_headers)
{
	make_tree();
	fake_kernel("lib", "cat", "");
	fake("apt-cache",
	     "case $2 in linux-image-amd64) echo '  Depends: linux-image-9.9.0-1';; "
	     "linux-headers-9.9.0-1) echo '  Depends: gcc-99-for-host';; esac");
	fake("apt-get", "echo \"$*\" >>\"${0%/*}/../calls\"; [ \"$3\" != download ] || : >kernel.deb");
	fake_sudo();
	expect_said(run_shell(KERNEL "get 9.9-amd64"), 0,
		    "gcc-99-for-host: compiles modules for kernel 9.9.0-1");
	shell("grep -q '^install .*gcc-99-for-host' calls");
}

TEST(setup, bad_usage)
{
	make_tree();
	expect_said(run_shell(SETUP), 2, "setup.sh tools ");
}

#define SUITE "PATH=$PWD/bin sh tests/suite.sh "

/* An apt whose host has one mirror; what else it is asked for is the line. */
static void fake_apt(const char *line)
{
	char script[400];

	snprintf(script, sizeof(script),
		 "case $1 in\n"
		 "indextargets) echo \"file:$PWD/mirror\"; exit;;\n"
		 "esac\n%s", line);
	fake("apt-get", script);
}

/* Packages of a kernel 9.9, as apt leaves them and dpkg-deb unpacks them. */
static void fake_packages(void)
{
	fake_apt("echo \"$*\" >>calls\n"
		 "case $* in *install*)\n"
		 "cd \"${APT_CONFIG%/*}/archives\" && : >a.deb && : >base-files_1.deb\n"
		 "esac");
	fake("dpkg-deb",
	     "case $2 in\n"
	     "*base-files*) mkdir \"$3/usr\" \"$3/usr/bin\" \"$3/dev\"; ln -s usr/bin \"$3/bin\";;\n"
	     "*/a.deb) mkdir \"$3/boot\" \"$3/usr/src\" \"$3/usr/src/linux-headers-9.9-cloud-amd64\"\n"
	     "echo image >\"$3/boot/vmlinuz-9.9-cloud-amd64\"\n"
	     "echo config >\"$3/boot/config-9.9-cloud-amd64\";;\n"
	     "esac");
}

static void need_keyring(void)
{
	if (access("/usr/share/keyrings/debian-archive-keyring.gpg", R_OK))
		test_skip("needs debian-archive-keyring");
}

static void expect_no_suite(void)
{
	EXPECT_EQ(WEXITSTATUS(run_shell("ls build/kernel | grep .").status), 1);
}

TEST(suite, comes_whole_and_is_then_left_alone)
{
	make_tree();
	need_keyring();
	fake_packages();
	expect_said(run_shell(SUITE "trixie"), 0, "fetching the kernel of trixie");
	shell("cd build/kernel/trixie && test \"$(cat vmlinuz config release)\" = "
	      "\"$(printf 'image\\nconfig\\n9.9-cloud-amd64')\" && "
	      "test -d headers/ && test -L tree/usr/bin/sh && "
	      "test -L tree/usr/bin/awk && test -e tree/dev/null");
	EXPECT_EQ(lines_in(run_shell("cat calls").output), 2);
	EXPECT_STR(run_shell(SUITE "trixie").errors, "");
	EXPECT_EQ(lines_in(run_shell("cat calls").output), 2);
	EXPECT_STR(run_shell("ls build/kernel").output, "trixie\n");
}

TEST(suite, no_network)
{
	make_tree();
	need_keyring();
	fake("dpkg-deb", "exit 0");
	fake_apt("echo 'E: Failed to fetch it  No route to host'; exit 100");
	expect_said(run_shell(SUITE "trixie"), 4,
		    "cannot fetch trixie: Failed to fetch it  No route to host");
	expect_no_suite();
}

TEST(suite, broken_package)
{
	make_tree();
	need_keyring();
	fake_packages();
	fake("dpkg-deb", "echo 'it is torn' >&2; exit 2");
	expect_said(run_shell(SUITE "trixie"), 1,
		    "cannot unpack base-files_1.deb: it is torn");
	expect_no_suite();
}

TEST(suite, no_mirror_and_no_debian)
{
	make_tree();
	expect_said(run_shell(SUITE "trixie"), 4,
		    "no apt-get, so this is not Debian");
	need_keyring();
	fake("dpkg-deb", "exit 0");
	fake("apt-get", "exit 0");
	expect_said(run_shell(SUITE "trixie"), 4,
		    "this host's apt knows no mirror of Debian's");
}

TEST(suite, no_room)
{
	make_tree();
	need_keyring();
	fake_packages();
	fake("df", "echo header; echo 'disk 1000000 900000 100000 90% /'");
	expect_said(run_shell(SUITE "trixie"), 4, "no room: trixie needs 1 GB");
}

TEST(suite, bad_name)
{
	make_tree();
	expect_said(run_shell(SUITE), 2, "'' is not the name of a Debian suite");
	expect_said(run_shell(SUITE "../etc"), 2, "'../etc' is not the name");
}

/* The host's real apt, with our configuration, of a mirror that signs nothing. */
TEST(suite, unsigned_is_not_taken)
{
	struct run run;

	make_tree();
	need_keyring();
	if (WEXITSTATUS(run_shell("command -v apt-get").status))
		test_skip("needs apt-get");
	fake("dpkg-deb", "exit 0");
	fake_apt("PATH=/usr/bin:/bin exec /usr/bin/apt-get \"$@\"");
	shell("mkdir -p mirror/dists/trixie/main/binary-amd64 && "
	      "cd mirror/dists/trixie && : >main/binary-amd64/Packages && "
	      "{ echo 'Suite: trixie'; echo 'Codename: trixie'; "
	      "echo 'Date: Sat, 01 Jan 2022 00:00:00 UTC'; echo 'SHA256:'; "
	      "echo \" $(sha256sum </dev/null | cut -d ' ' -f 1) 0 "
	      "main/binary-amd64/Packages\"; } >Release");
	run = run_shell(SUITE "trixie");
	expect_said(run, 4, "cannot fetch trixie: The repository");
	expect_text(run.errors, "is not signed");
	expect_no_suite();
}

/* As from a terminal: all processes of the group are told. */
TEST(suite, interrupt_leaves_nothing)
{
	struct run run;

	make_tree();
	need_keyring();
	fake("dpkg-deb", "exit 0");
	fake_apt("echo called >calls; exec sleep 1000");
	run = run_shell("PATH=$PWD/bin setsid sh tests/suite.sh trixie & suite=$!\n"
			"while ! [ -s calls ]; do sleep 0.1; done\n"
			"kill -TERM -$suite; wait $suite");
	EXPECT_EQ(WEXITSTATUS(run.status), 130);
	expect_no_suite();
}

/* Where there are neither root's rights nor user namespaces. */
TEST(kbuild, no_namespace)
{
	make_tree();
	shell("mkdir -p build/kernel/trixie/tree");
	fake("unshare", "echo 'not permitted' >&2; exit 1");
	expect_said(run_shell("PATH=$PWD/bin sh tests/kbuild.sh trixie $PWD"), 125,
		    "I need root, user namespaces or sudo: not permitted");
}

/* Where it is refused and there is sudo: the command still is who called. */
TEST(kbuild, no_namespace_but_sudo)
{
	struct run run;

	make_tree();
	if (geteuid())
		test_skip("needs root, to stand for sudo");
	if (access(getenv("TOP"), X_OK) ||
	    WEXITSTATUS(run_shell("[ -d \"$TOP/build/kernel/bookworm/tree\" ]").status))
		test_skip("the tree of bookworm is not there: make grade fetches it");
	fake("id", "echo 65534");
	fake("unshare", "[ $1 != --map-root-user ] || { echo refused >&2; exit 1; }\n"
	     "PATH=/usr/sbin:/usr/bin:/sbin:/bin exec /usr/bin/unshare \"$@\"");
	fake_sudo();
	run = run_shell("PATH=$PWD/bin sh tests/enter.sh "
			"\"$TOP/build/kernel/bookworm/tree\" -- id -u");
	expect_said(run, 0, "");
	EXPECT_STR(run.output, "65534\n");
}

TEST(kbuild, bad_usage)
{
	make_tree();
	expect_said(run_shell("sh tests/kbuild.sh trixie"), 2,
		    "kbuild.sh KERNEL FOLDER [VARIABLE=VALUE...]");
}

TEST(kbuild, kernel_that_is_not_there)
{
	make_tree();
	expect_said(run_shell("sh tests/kbuild.sh trixie ."), 1,
		    "build/kernel/trixie: make KERNEL=trixie makes it");
	expect_said(run_shell("sh tests/kbuild.sh 6.1-amd64 ."), 1,
		    "build/kernel/6.1-amd64: make build/kernel/6.1-amd64/vmlinuz fetches it");
}

#define MATRIX "PATH=$PWD/bin sh tests/matrix.sh "

/* Suites that are there, but for one, and a make that does what the lines say. */
static void make_matrix(const char *build, const char *check)
{
	char script[400];

	make_tree();
	shell("rm tests/suite.sh; cat >tests/suite.sh <<'END'\n"
	      "#!/bin/sh\n"
	      "[ $1 != gone ] || { echo 'suite: no such' >&2; exit 4; }\n"
	      "[ $1 != torn ] || { echo 'suite: torn' >&2; exit 1; }\n"
	      "mkdir -p build/kernel/$1; echo 9.9-$1 >build/kernel/$1/release\n"
	      "END\n"
	      "chmod +x tests/suite.sh");
	snprintf(script, sizeof(script),
		 "case $* in *small-guest) %s ;; *check) %s ;; esac",
		 build, check);
	fake("make", script);
}

static const char well[] = "echo '# 2 skipped'; echo '9 passed, 0 failed'";

TEST(matrix, one_line_for_each_kernel)
{
	struct run run;

	make_matrix(":", well);
	run = run_shell(MATRIX "trixie gone sid");
	expect_said(run, 0, "");
	EXPECT_EQ(lines_in(run.output), 4);
	expect_text(run.output, "9.9-trixie                   trixie     9 passed, 0 failed, 2 skipped, ");
	expect_text(run.output, "gone       skipped: suite: no such\n");
	expect_text(run.output, "\n2 passed, 0 failed\n");
}

TEST(matrix, all_skipped_is_no_pass)
{
	struct run run;

	make_matrix(":", well);
	run = run_shell(MATRIX "gone");
	expect_said(run, 4, "");
	expect_text(run.output, "\n0 passed, 0 failed\n");
}

TEST(matrix, broken_suite_has_failed)
{
	struct run run;

	make_matrix(":", well);
	run = run_shell(MATRIX "torn trixie");
	expect_said(run, 1, "");
	expect_text(run.output, "torn       failed: suite: torn\n");
	expect_text(run.output, "\n1 passed, 1 failed\n");
}

TEST(matrix, failed_tests_and_guests_are_told)
{
	struct run run;

	make_matrix(":", "case $* in *=sid*) exit 2;; esac; echo 'not ok 3 map.x'; "
		    "echo '8 passed, 1 failed'; exit 1");
	run = run_shell(MATRIX "trixie sid");
	expect_said(run, 1, "");
	expect_text(run.output, " 8 passed, 1 failed, 0 skipped, ");
	expect_text(run.output, "\nnot ok 3 map.x\n");
	expect_text(run.output, "sid        ended without a result, ");
	expect_text(run.output, "\n0 passed, 2 failed\n");
}

/* And so is one that only warns. */
TEST(matrix, failed_build_is_told)
{
	struct run run;

	make_matrix("echo 'x.c: warning: no' >&2; case $* in *=sid*) exit 2;; esac",
		    well);
	run = run_shell(MATRIX "trixie sid");
	expect_said(run, 1, "");
	expect_text(run.output, "failed to build: build/matrix/trixie/build.log");
	expect_text(run.output, "\nx.c: warning: no\n");
	expect_text(run.output, "\n0 passed, 2 failed\n");
}

TEST(matrix, interrupt_ends_what_runs)
{
	struct run run;

	make_matrix(":", "echo $$ >pid; exec sleep 1000");
	run = run_shell("PATH=$PWD/bin sh tests/matrix.sh trixie & matrix=$!\n"
			"while ! [ -s pid ]; do sleep 0.1; done\n"
			"kill -TERM $matrix; wait $matrix; status=$?\n"
			"kill -0 $(cat pid) 2>/dev/null && status=1; exit $status");
	EXPECT_EQ(WEXITSTATUS(run.status), 130);
}

#define HOSTS "PATH=$PWD/bin sh tests/hosts.sh "

TEST(hosts, bad_name)
{
	make_tree();
	expect_said(run_shell(HOSTS "trixie-root trixie-toor"), 2,
		    "there is no host 'trixie-toor'; there are: bookworm-root bookworm-sudo");
	EXPECT_ERRNO(access("build", F_OK), ENOENT);
}

TEST(hosts, without_root)
{
	make_tree();
	fake("id", "echo 1000");
	expect_said(run_shell(HOSTS), 1, "this takes root: sudo make hosts");
	EXPECT_ERRNO(access("build", F_OK), ENOENT);
}

/* An interrupted or failed one is not taken for a tree the next time. */
TEST(hosts, suite_that_cannot_be_had_is_skipped)
{
	struct run run;

	make_tree();
	shell("ln -s \"$(command -v flock)\" bin/");
	fake("id", "echo 0");
	fake("apt-config", "exit 0");
	fake_apt("exit 1");
	fake("mmdebstrap", "mkdir \"$PWD/build/hosts/trixie.tmp\"; echo 'E: no route'; exit 1");
	run = run_shell(HOSTS "trixie-root");
	expect_said(run, 4, "making a minimal Debian trixie");
	EXPECT_STR(run.output,
		   "trixie-root          skipped: cannot make its tree: E: no route (see build/hosts/trixie.log)\n"
		   "0 passed, 0 failed\n");
	EXPECT_STR(shell("ls build/hosts"), "apt.conf\nlock\ntrixie.log\n");
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
	expect_text(run.output, "config: fit for the module\n");
	expect_text(run.output, "config.gz: fit for the module\n");
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
	expect_text(run.output, "config: not fit for the module\n");
	expect_text(run.output, "CONFIG_SHMEM=n, not y: the region is a file of shmem");
	shell(WHOLE_CONFIG " | sed s/SIG_FORCE=n/SIG_FORCE=y/ >config");
	run = run_shell(DOCTOR "config");
	expect_said(run, 1, "");
	expect_text(run.output, "CONFIG_MODULE_SIG_FORCE=y, not n");
}

TEST(doctor, what_only_tests_need_is_no_failure)
{
	struct run run;

	make_tree();
	shell(WHOLE_CONFIG " | grep -v KPROBES= >config");
	run = run_shell(DOCTOR "config");
	expect_said(run, 0, "");
	expect_text(run.output, "tests: CONFIG_KPROBES=n, not y");
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
		"make matrix ", "make install ", "make deb ", "make deb-test ",
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

/* The next compiler has a new warning: it is seen, and stops only lint. */
TEST(setup, warning_of_a_compiler_is_no_error)
{
	struct run run;

	need_tree();
	unsetenv("MAKEFLAGS");
	shell("mkdir copy && cp \"$TOP\"/user/*.[ch] \"$TOP\"/user/Makefile copy/");
	run = run_shell("make -C copy CFLAGS='-O2 -Wpadded' incr_anon");
	expect_status(&run, 0);
	expect_text(run.errors, "[-Wpadded]");
	run = run_shell("make -C copy CFLAGS='-O2 -Wpadded' WERROR=1 -B incr_anon");
	expect_said(run, 2, "[-Werror=padded]");

	EXPECT(!strstr(shell("make -C \"$TOP\" -nB build/obj/harness.o"),
		       " -Werror"));
	expect_text(shell("make -C \"$TOP\" -nB WERROR=1 build/obj/harness.o"),
		    " -Werror ");
}
