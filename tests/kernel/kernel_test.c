// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of kernel.sh: which kernel KERNEL= stands for, and how it gets fetched or
 * taken from this machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "setup_test.h"

TEST(setup, kernel_and_no_debian)
{
	make_tree();
	expect_said(run_shell(KERNEL "get 6.1"), 1,
		    "this is not Debian: give a kernel by hand with VMLINUZ=file KDIR=its-headers");
}

TEST(setup, kernel_that_debian_has_not)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	expect_said(run_shell(KERNEL "get 5.4"), 1,
		    "no kernel 5.4 in this host's package lists");
}

TEST(setup, kernel_and_no_network)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 100");
	expect_said(run_shell(KERNEL "get 6.1"), 1,
		    "cannot fetch kernel 6.1.0-9-amd64 (no network?");
	ASSERT_ERRNO(ENOENT, access("build/kernel/6.1", F_OK));
}

TEST(setup, kernel_and_no_room)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "exit 0");
	fake("df", "echo header; echo 'disk 1000000 900000 100000 90% /'");
	expect_said(run_shell(KERNEL "get 6.1"), 1,
		    "no room: a kernel needs");
}

TEST(setup, kernel_by_hand)
{
	make_tree();
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	expect_said(run_shell(KERNEL "get by-hand '' vmlinuz"), 1,
		    "VMLINUZ= needs KDIR=");
	expect_said(run_shell(KERNEL "get by-hand headers vmlinuz"), 1,
		    "no kernel headers in headers (KDIR=)");
	shell("mkdir headers && touch headers/Makefile");
	expect_said(run_shell(KERNEL "get by-hand headers vmlinuz"), 1,
		    "no kernel image vmlinuz (VMLINUZ=)");
}

/* Packed as Ubuntu's image of arm64, as Fedora's, and by what we cannot unpack. */
TEST(setup, image_of_an_arm64_kernel_says_its_release)
{
	static const char *const packs[] = {
		"cat", "gzip -c", "zboot gzip", "zboot zstd", "zboot lzo",
	};

	make_tree();
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	/* Its header is of 64 bytes: offset and size of what is packed from the eighth on. */
	fake("zboot", "PATH=/usr/bin:/bin; { $1 -qc 2>/dev/null || cat; } >packed; size=$(stat -c %s packed)\n"
	     "printf 'MZ\\0\\0zimg\\100\\0\\0\\0'\n"
	     "printf \"$(printf '\\\\%o' $((size & 255)) $((size >> 8)))\\0\\0\"\n"
	     "printf '\\0\\0\\0\\0\\0\\0\\0\\0%s' $1\n"
	     "head -c $((40 - ${#1})) /dev/zero; cat packed; echo a rest");
	shell("mkdir headers && touch headers/Makefile && "
	      "ln -s \"$(command -v zstd || echo /bin/false)\" bin/zstd && "
	      "printf 'MZ code\\0Linux version %%s (%%s)\\0Linux version 9.9.0-1-arm64 (a@b) #1\\n' >image");
	for (size_t i = 0; i < ARRAY_SIZE(packs); i++) {
		if (strstr(packs[i], "zstd") && WEXITSTATUS(run_shell("command -v zstd").status))
			continue;
		setenv("PACK", packs[i], 1);
		shell("PATH=$PWD/bin:$PATH $PACK <image >packed_image");
		if (strstr(packs[i], "lzo")) {
			expect_said(run_shell(KERNEL "get by-hand headers packed_image"), 1,
				    "packed_image is packed by neither gzip nor zstd");
			continue;
		}
		expect_said(run_shell(KERNEL "get by-hand headers packed_image"), 0, "");
		shell("cd build/kernel/by-hand && cmp vmlinuz ../../../image");
		ASSERT_STREQ("9.9.0-1-arm64\n", read_text("build/kernel/by-hand/release"));
	}
}

/* A kernel that is there stays, until guests need other modules. */
TEST(setup, kernel_without_the_modules_is_fetched_again)
{
	make_tree();
	fake_apt_cache();
	fake("apt-get", "echo called >>calls; exit 100");
	fake("modprobe", "exit 1");
	fake("depmod", "exit 1");
	shell("mkdir -p headers/include/config build/kernel && "
	      "echo 6.1.0-9-amd64 >headers/include/config/kernel.release && "
	      "touch headers/Makefile");
	expect_said(run_shell(KERNEL "get by-hand headers ''"), 0, "");
	shell("mv build/kernel/by-hand build/kernel/6.1");
	expect_said(run_shell(KERNEL "get 6.1"), 0, "");
	ASSERT_ERRNO(ENOENT, access("calls", F_OK));

	shell("sed -i 's/ ext4=.*$//' build/kernel/*/modules/wanted");
	expect_said(run_shell(KERNEL "get 6.1"), 1,
		    "cannot fetch kernel 6.1.0-9-amd64 (no network?");
	ASSERT_OK(access("build/kernel/6.1/release", F_OK));
}

static void expect_name(const char *line, const char *name)
{
	ASSERT_STREQ(name, run_ending(line, 0).output);
}

/* Even if the user has another language, in which apt-cache would answer. */
TEST(kernel, names)
{
	static const char *const names[][2] = {
		{ "6.1", "6.1\n" },
		{ "6.12", "trixie\n" },
		{ "unstable", "unstable\n" },
		{ "debug", "debug\n" },
		{ "kcsan", "kcsan\n" },
		{ "by-hand", "by-hand\n" },
		{ "host", "host-9.9\n" },
		{ "host-9.8", "host-9.8\n" },
	};

	make_tree();
	fake_apt_cache();
	setenv("LANG", "de_DE.UTF-8", 1);
	setenv("LC_ALL", "de_DE.UTF-8", 1);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_name(text_of("KVER=9.9 " KERNEL "name %s", names[i][0]), names[i][1]);
	expect_said(run_shell(KERNEL "name 5.4"), 1,
		    "no kernel 5.4 in this host's package lists");
	expect_said(run_shell(KERNEL "name '../x y'"), 1,
		    "KERNEL=../x y is neither a kernel series nor a Debian suite");
}

/* kernel.sh of a machine of this architecture, whose distribution has this name. */
static void set_machine(const char *machine, const char *codename)
{
	setenv("MACHINE", machine, 1);
	shell(text_of("mkdir -p sys/etc && echo %s >sys/etc/os-release", codename));
}

#define HOST "SHMCOUNT_ROOT=$PWD/sys PATH=$PWD/bin sh tests/kernel/kernel.sh "

/* A kernel of another architecture is that of a Debian suite. */
TEST(kernel, names_of_another_architecture)
{
	static const struct {
		const char *machine, *codename, *arguments, *name;
	} names[] = {
		{ "x86_64", "VERSION_CODENAME=bookworm", "'' arm64", "bookworm-arm64\n" },
		{ "x86_64", "VERSION_CODENAME=trixie", "'' arm64", "trixie-arm64\n" },
		/* Ubuntu's, and a distribution whose versions have no name. */
		{ "x86_64", "VERSION_CODENAME=noble", "'' arm64", "trixie-arm64\n" },
		{ "x86_64", "ID=fedora", "'' arm64", "trixie-arm64\n" },
		{ "x86_64", "", "5.10 arm64", "bullseye-arm64\n" },
		{ "x86_64", "", "6.1 arm64", "bookworm-arm64\n" },
		{ "x86_64", "", "6.12 arm64", "trixie-arm64\n" },
		{ "x86_64", "", "unstable arm64", "unstable-arm64\n" },
		{ "x86_64", "", "bookworm-arm64 arm64", "bookworm-arm64\n" },
		{ "x86_64", "", "trixie-arm64-16k arm64", "trixie-arm64-16k\n" },
		{ "x86_64", "", "trixie-16k arm64", "trixie-arm64-16k\n" },
		/* The name says it all. */
		{ "x86_64", "", "trixie-arm64-16k", "trixie-arm64-16k\n" },
		{ "x86_64", "", "6.12 amd64", "trixie\n" },
		{ "x86_64", "", "debug amd64", "debug\n" },
		{ "aarch64", "VERSION_CODENAME=bookworm", "'' amd64", "bookworm-amd64\n" },
		{ "aarch64", "", "6.12 arm64", "trixie\n" },
	};
	static const char *const others[] = { "debug", "kcsan", "host", "host-9.8", "by-hand" };

	make_tree();
	fake("apt-cache", "exit 0");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		set_machine(names[i].machine, names[i].codename);
		expect_name(text_of(HOST "name %s", names[i].arguments), names[i].name);
	}
	set_machine("x86_64", "");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		expect_said(run_shell(text_of(HOST "name %s arm64", others[i])), 1,
			    text_of("ARCH=arm64: KERNEL=%s is of this machine's architecture, amd64, only",
				    others[i]));
	expect_said(run_shell(HOST "name 5.4 arm64"), 1,
		    "ARCH=arm64: no suite is known that has a kernel 5.4; KERNEL= may name one");
	expect_said(run_shell(HOST "name ../x arm64"), 1, "is neither a kernel series nor");
	expect_said(run_shell(HOST "name ../x-arm64 arm64"), 1, "is neither a kernel series nor");
	expect_said(run_shell(HOST "name trixie-arm64-64k"), 1,
		    "KERNEL=trixie-arm64-64k: an architecture is -amd64, -arm64 or -arm64-16k");
	expect_said(run_shell(HOST "name trixie-amd64 arm64"), 1,
		    "ARCH=arm64: KERNEL=trixie-amd64 is of amd64");
	expect_said(run_shell(HOST "name '' sparc"), 1,
		    "ARCH=sparc: it has to be amd64 or arm64");
}

TEST(kernel, foreign_is_another_architecture)
{
	static const char *const kernels[][3] = {
		{ "x86_64", "6.1", "" }, { "x86_64", "trixie", "" },
		{ "x86_64", "trixie-amd64", "" }, { "x86_64", "bookworm-arm64", "arm64\n" },
		{ "x86_64", "trixie-arm64-16k", "arm64\n" }, { "aarch64", "bookworm-arm64", "" },
		{ "aarch64", "trixie-arm64-16k", "" }, { "aarch64", "6.1", "" },
		{ "aarch64", "bookworm-amd64", "amd64\n" },
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++) {
		set_machine(kernels[i][0], "");
		expect_name(text_of(HOST "foreign %s", kernels[i][1]), kernels[i][2]);
	}
}

TEST(kernel, names_on_an_arm64_host)
{
	make_tree();
	fake("apt-cache", "case $2 in linux-image-arm64) echo '  Depends: linux-image-6.1.0-9-arm64';; esac\n"
	     "case $1 in pkgnames) echo linux-image-arm64;; esac");
	setenv("MACHINE", "aarch64", 1);
	expect_name(KERNEL "name", "6.1\n");
	expect_name(KERNEL "name '' arm64", "6.1\n");
	expect_name(KERNEL "name trixie-arm64-16k", "trixie-arm64-16k\n");
	expect_name(KERNEL "foreign trixie-arm64-16k", "");
	expect_name(KERNEL "name 6.12 amd64", "trixie-amd64\n");
	expect_name(KERNEL "foreign trixie-amd64", "amd64\n");
	expect_said(run_shell(KERNEL "name debug"), 1,
		    "KERNEL=debug is built on amd64 only; this is arm64");
}

/* As a Raspberry Pi may have it; and what no guest is made for. */
TEST(kernel, machines_without_guests)
{
	make_tree();
	fake_apt_cache();
	setenv("MACHINE", "riscv64", 1);
	expect_said(run_shell(KERNEL "name"), 1,
		    "guests need a machine of amd64 or arm64; this is riscv64\n");
	setenv("MACHINE", "aarch64", 1);
	setenv("BITS", "32", 1);
	expect_said(run_shell(KERNEL "name 6.1"), 1,
		    "guests need a machine of amd64 or arm64; this is aarch64 with programs of 32 bits\n");
}

/* The kept answer holds for this release of the distribution and for this kernel. */
TEST(kernel, default_is_asked_anew)
{
	make_tree();
	fake("apt-cache", "case $2 in linux-image-amd64) echo '  Depends: linux-image-6.16+deb14-amd64';; esac\n"
	     "case $1 in pkgnames) echo linux-image-amd64;; esac");
	expect_name(KERNEL "name", "6.16\n");
	fake("apt-cache", "case $2 in linux-image-amd64) echo '  Depends: linux-image-6.17.1-amd64';; esac\n"
	     "case $1 in pkgnames) echo linux-image-amd64;; esac");
	fake("dpkg-deb", "exit 0");
	fake("apt-get", "exit 0");
	expect_said(run_shell(KERNEL "get 6.16"), 1, "no kernel 6.16");
	expect_name(KERNEL "name", "6.17\n");
	shell("echo another >>build/kernel/default.of; echo 6.16 >build/kernel/default");
	expect_name(KERNEL "name", "6.17\n");
	/* KVER= selects a kernel of this host. */
	expect_name("KVER=9.9 " KERNEL "name", "host-9.9\n");
	expect_said(run_shell("KVER='../x y' " KERNEL "name"), 1,
		    "KVER=../x y is not a kernel release");
}

/* A series that is here keeps its meaning, whatever the lists say now. */
TEST(kernel, names_what_is_there)
{
	make_tree();
	fake("apt-cache", "exit 0");
	expect_name(KERNEL "name 6.1", "bookworm\n");
	shell("mkdir -p build/kernel/6.1 && echo 6.1.0 >build/kernel/6.1/release");
	expect_name(KERNEL "name 6.1", "6.1\n");
}

TEST(kernel, default_is_the_hosts_own_where_debian_has_none)
{
	make_tree();
	setenv("RELEASE", "9.9", 1);
	fake("apt-cache", "exit 0");
	fake("apt-get", "exit 100");
	expect_said(run_shell(HOST "name"), 1,
		    "this host's package lists have no kernel, and there is no image of 9.9 in /boot");
	shell("mkdir -p sys/boot && touch sys/boot/vmlinuz-9.9");
	expect_name(HOST "name", "host-9.9\n");
}

/* Ubuntu, and then WSL2, whose running kernel has no image. */
TEST(kernel, default_where_the_distribution_is_not_debian)
{
	make_tree();
	fake("apt-cache",
	     "case $1 in pkgnames) echo linux-image-generic;; esac\n"
	     "case $2 in linux-image-generic) echo '  Depends: linux-image-6.8.0-31-generic';; esac");
	fake("apt-get", "echo called >>\"${0%/*}/../calls\"; exit 100");
	setenv("RELEASE", "9.9", 1);
	fake_sudo();
	shell("mkdir -p sys/boot && touch sys/boot/vmlinuz-9.9");
	expect_name(HOST "name", "host-9.9\n");
	shell("rm sys/boot/vmlinuz-9.9");
	expect_name(HOST "name", "6.8\n");
	ASSERT_ERRNO(ENOENT, access("calls", F_OK));
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
	expect_end(&run, 1, "the headers of kernel 9.9 are missing: ");
	fake("dnf", "exit 1");
	expect_said(run_shell(HOST "get host-9.9"), 1,
		    "are missing: dnf install kernel-devel-9.9");
}

/* Ubuntu has such images. */
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
 * Packages of a kernel 9.9 with its modules below this directory, packed by this command;
 * and a modprobe that finds them.
 */
static void fake_kernel(const char *dir, const char *pack, const char *suffix)
{
	fake("apt-cache",
	     "case $2 in linux-image-amd64) echo '  Depends: linux-image-9.9.0-1';; esac");
	fake("depmod", ":");
	shell("for tool in xz zstd gzip; do "
	      "ln -sf \"$(command -v $tool || echo /bin/false)\" bin/; done");
	/* One package comes; dpkg-deb unpacks it once. */
	fake("apt-get", "[ $3 != download ] || : >kernel.deb");
	fake("dpkg-deb", text_of("[ -d \"$3/%1$s/modules/9.9.0-1\" ] && exit\n"
	     "mkdir -p \"$3/%1$s/modules/9.9.0-1\" \"$3/boot\" \"$3/usr/src/linux-headers-9.9.0-1\"\n"
	     "cd \"$3\"\n"
	     "echo image >boot/vmlinuz-9.9.0-1\n"
	     "echo config >boot/config-9.9.0-1\n"
	     "echo all: >usr/src/linux-headers-9.9.0-1/Makefile\n"
	     "for name in virtio_pci 9p 9pnet_virtio overlay virtio_blk ext4 kvm-amd; do\n"
	     "	echo module $name | %2$s >%1$s/modules/9.9.0-1/$name.ko%3$s\n"
	     "done", dir, pack, suffix));
	fake("modprobe", text_of("file=$2/lib/modules/$4/$6.ko%s\n"
				 "[ -e \"$file\" ] && echo \"insmod $file \"",
				 suffix));
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
		if (!strcmp(packs[i][2], ".zst") &&
		    WEXITSTATUS(run_shell("command -v zstd").status))
			continue;
		fake_kernel(packs[i][0], packs[i][1], packs[i][2]);
		expect_said(run_shell(KERNEL "get 9.9"), 0, "fetching a kernel");
		shell("cd build/kernel/9.9 && "
		      "test \"$(cat vmlinuz config release)\" = "
		      "\"$(printf 'image\\nconfig\\n9.9.0-1')\" && "
		      "test \"$(cat modules/9p.ko)\" = 'module 9p' && "
		      "test \"$(tr '\\n' ' ' <modules/payload)\" = 'virtio_pci.ko virtio_blk.ko ' && "
		      "test ! -s modules/missing && test ! -e lib && cd .. && rm -r 9.9");
	}
}

/* The guest must not be the first to find its list of modules empty. */
TEST(kernel, missing_modules_are_an_error_at_set_up)
{
	make_tree();
	fake_kernel("lib", "cat", "");
	fake("modprobe", "exit 1");
	expect_said(run_shell(KERNEL "get 9.9"), 1,
		    "kernel 9.9.0-1 has no module virtio_pci virtio_blk 9p 9pnet_virtio overlay ext4 and");
	ASSERT_ERRNO(ENOENT, access("build/kernel/9.9", F_OK));
	/* Built in is as good. */
	fake("modprobe", "echo builtin $6");
	expect_said(run_shell(KERNEL "get 9.9"), 0, "");
}

/* It is installed with them. */
TEST(kernel, compiler_of_the_headers)
{
	make_tree();
	fake_kernel("lib", "cat", "");
	fake("apt-cache",
	     "case $2 in linux-image-amd64) echo '  Depends: linux-image-9.9.0-1';; "
	     "linux-headers-9.9.0-1) echo '  Depends: gcc-99-for-host';; esac");
	fake("apt-get", "echo \"$*\" >>\"${0%/*}/../calls\"; [ \"$3\" != download ] || : >kernel.deb");
	fake_sudo();
	expect_said(run_shell(KERNEL "get 9.9"), 0,
		    "gcc-99-for-host: compiles modules for kernel 9.9.0-1");
	shell("grep -q '^install .*gcc-99-for-host' calls");
}
