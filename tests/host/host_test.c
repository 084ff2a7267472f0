// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of make install that install nothing here: what it refuses, and what it puts
 * below DESTDIR. deb/deb_test.c tests what it does to a whole system.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "kernel/setup_test.h"

/* MODULE_VERSION in kmod/shmcount.c. */
#define VERSION "1.2"

#define HOST "\"$TOP/tests/host/install.sh\" "

/*
 * Uninstalling leaves only directories that every Debian has, without being told the
 * PREFIX. The name of the tree is relative and has a space, before which it is the
 * name of another file.
 */
TEST(host, staged_files_come_and_go)
{
	struct run run;

	shell("echo kept >a");
	run = run_shell("umask 077; DESTDIR='a root' PREFIX=/usr " HOST "install");
	expect_silent(&run, 0);
	ASSERT_STREQ("", shell("find 'a root' ! -perm -a=r"));
	ASSERT_STREQ("./usr/bin/shmcount\n"
		     "./usr/lib/modprobe.d/shmcount-mode.conf\n"
		     "./usr/lib/sysusers.d/shmcount.conf\n"
		     "./usr/lib/udev/rules.d/60-shmcount.rules\n"
		     "./usr/share/man/man1/shmcount.1\n"
		     "./usr/src/shmcount-" VERSION "/Kbuild\n"
		     "./usr/src/shmcount-" VERSION "/compat.h\n"
		     "./usr/src/shmcount-" VERSION "/compat.mk\n"
		     "./usr/src/shmcount-" VERSION "/dkms.conf\n"
		     "./usr/src/shmcount-" VERSION "/shmcount.c\n"
		     "./usr/src/shmcount-" VERSION "/trace.h\n",
		     shell("cd 'a root' && find . -type f -not -path '*/shmcount/*' | sort"));
	ASSERT_STREQ("PACKAGE_VERSION=\"" VERSION "\"\n",
		     shell("grep VERSION= 'a root'/usr/src/*/dkms.conf"));
	expect_text(shell("'a root'/usr/bin/shmcount incr_anon 2 2>&1"),
		    "gave count 4\n");
	run = run_shell("DESTDIR='a root' " HOST "uninstall");
	expect_silent(&run, 0);
	ASSERT_STREQ("a\na root\nkept\n", shell("ls; cat a"));
	ASSERT_STREQ(".\n./usr\n./usr/bin\n./usr/lib\n./usr/share\n./usr/share/man\n"
		     "./usr/src\n", shell("cd 'a root' && find . | sort"));
}

/* Run without rm, install and make in PATH: what is not refused cannot harm this host. */
static struct run harmless_host(const char *line)
{
	shell("mkdir -p bin && for tool in sh dirname sed awk uname id grep getconf; do "
	      "[ -e bin/$tool ] || ln -s \"$(command -v $tool)\" bin/; done");
	return run_shell(text_of("PATH=bin; export PATH; %s", line));
}

TEST(host, prefix_that_udev_does_not_read)
{
	expect_refusal(harmless_host("PREFIX=/opt " HOST "install"), 1,
		       "PREFIX=/opt: udev and modprobe read below /usr/local");
}

/* KVER names the kernel, so the running one does not matter. */
TEST(host, kernel_without_headers)
{
	shell("mkdir bin && : >bin/dkms && chmod +x bin/dkms");
	expect_refusal(harmless_host("KVER=1.2.3 " HOST "install"), 1,
		       "the headers of kernel 1.2.3 are missing: install linux-headers-1.2.3");
	if (access("/proc/modules", F_OK))
		expect_refusal(harmless_host(HOST "install"), 1,
			       "this host's kernel takes no modules: make run");
}

TEST(host, no_dkms)
{
	if (!run_shell("command -v dkms").status)
		test_skip("dkms is installed here");
	expect_refusal(harmless_host("KVER=1.2.3 " HOST "install"), 1,
		       "dkms is missing: install the Debian package dkms");
}

/* Of any version. A removed package may have left its options. */
TEST(host, beside_the_packages)
{
	shell("mkdir bin && printf '#!/bin/sh\\necho config-files\\necho installed\\n' "
	      ">bin/dpkg-query && chmod +x bin/dpkg-query");
	expect_refusal(harmless_host(HOST "uninstall"), 1,
		       "the Debian packages are installed: remove them first");
}

/*
 * Scripts in place of the programs that would change this host write down what they are
 * told: to remove the files of both prefixes, and what the absent DKMS left.
 */
TEST(host, uninstall_without_dkms)
{
	static const char *const said[] = {
		"rm -rf /var/lib/dkms/shmcount\n",
		"/kmod/host uninstall DESTDIR= PREFIX=/usr/local\n",
		"/user uninstall DESTDIR= PREFIX=/usr/local\n",
		"/kmod/host uninstall DESTDIR= PREFIX=/usr\n",
		"/user uninstall DESTDIR= PREFIX=/usr\n",
		"groupdel shmcount\n",
	};
	char *seen;

	if (!run_shell("command -v dkms").status || !access("/sys/module/shmcount", F_OK))
		test_skip("dkms or the module is here");
	shell("mkdir bin && printf '#!/bin/sh\\necho \"${0##*/} $*\" >>said\\n' "
	      ">bin/rm && printf '#!/bin/sh\\necho 0\\n' >bin/id && "
	      "chmod +x bin/* && for tool in make depmod getent groupdel cut "
	      "udevadm; do cp bin/rm bin/$tool; done");
	must_end_silently(harmless_host(HOST "uninstall"), 0);
	seen = shell("cat said");
	for (size_t i = 0; i < ARRAY_SIZE(said); i++)
		expect_text(seen, said[i]);
}

TEST(host, neither_root_nor_sudo)
{
	shell("mkdir bin && printf '#!/bin/sh\\necho 1000\\n' >bin/id && "
	      "chmod +x bin/id");
	if (!run_shell("PATH=/usr/sbin:/sbin command -v sudo || "
		  "[ /bin -ef /sbin ]").status)
		test_skip("sudo is beside the programs of root here");
	expect_refusal(harmless_host(HOST "uninstall"), 1,
		       "must be root to uninstall, or have sudo");
}
