// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of suite.sh, kbuild.sh and enter.sh: kernels of Debian suites, and modules
 * built for them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "program.h"
#include "setup_test.h"

#define SUITE "PATH=$PWD/bin sh tests/kernel/suite.sh "

/* Packages of a kernel 9.9, as apt leaves them and dpkg-deb unpacks them. */
static void fake_packages_of(const char *flavour)
{
	fake_apt("echo \"$*\" >>calls\n"
		 "case $* in\n"
		 "*--print-uris*) echo \"'http://mirror/a.deb' a.deb 3000000 SHA256:0\"\n"
		 "echo \"'http://mirror/b.deb' b.deb 4500000 SHA256:0\";;\n"
		 "*install*)\n"
		 "cd \"${APT_CONFIG%/*}/archives\" && : >a.deb && : >base-files_1.deb\n"
		 "esac");
	fake("dpkg-deb",
	     text_of("case $2 in\n"
	     "*base-files*) mkdir \"$3/usr\" \"$3/usr/bin\" \"$3/dev\"; ln -s usr/bin \"$3/bin\";;\n"
	     "*/a.deb) mkdir \"$3/boot\" \"$3/usr/src\" \"$3/usr/src/linux-headers-9.9-%1$s\"\n"
	     "echo all: >\"$3/usr/src/linux-headers-9.9-%1$s/Makefile\"\n"
	     "echo image >\"$3/boot/vmlinuz-9.9-%1$s\"\n"
	     "touch -t 200001010000 \"$3/boot/vmlinuz-9.9-%1$s\"\n"
	     "echo config >\"$3/boot/config-9.9-%1$s\";;\n"
	     "esac", flavour));
}

static void fake_packages(void)
{
	fake_packages_of("amd64");
}

static void need_keyring(void)
{
	if (access("/usr/share/keyrings/debian-archive-keyring.gpg", R_OK))
		test_skip("needs debian-archive-keyring");
}

static void expect_no_suite(void)
{
	ASSERT_EQ(1, WEXITSTATUS(run_shell("ls build/kernel | grep .").status));
}

TEST(suite, comes_whole_and_is_then_left_alone)
{
	struct run run;

	make_tree();
	need_keyring();
	fake_packages();
	shell("mkdir -p build/kmod/trixie && : >build/kmod/trixie/x.ko");
	run = run_shell(SUITE "trixie");
	expect_said(run, 0, "fetching the kernel of trixie");
	expect_text(run.errors, "that is 7 MB from file:");
	/* kbuild would take what was built for the kernel before for up to date. */
	shell("test ! -e build/kmod/trixie");
	shell("cd build/kernel/trixie && test \"$(cat vmlinuz config release)\" = "
	      "\"$(printf 'image\\nconfig\\n9.9-amd64')\" && "
	      "test -d headers/ && test -L tree/usr/bin/sh && "
	      "test -L tree/usr/bin/awk && test -e tree/dev/null");
	ASSERT_EQ(3, lines_in(run_shell("cat calls").output));
	ASSERT_STREQ("", run_shell(SUITE "trixie").errors);
	ASSERT_EQ(3, lines_in(run_shell("cat calls").output));
	ASSERT_STREQ("trixie\n", run_shell("ls build/kernel").output);
}

/*
 * The headers want the compiler of their architecture. In its place this machine's cross
 * compiler comes, of the same version, and apt is told that the other one is there.
 */
TEST(suite, of_another_architecture_comes_with_a_cross_compiler)
{
	static const char *const flavours[] = { "arm64", "arm64-16k" };

	make_tree();
	need_keyring();
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		fake_packages_of(flavours[i]);
		fake("apt-cache", text_of(
		     "echo \"$APT_CONFIG\" | sed 's/apt.conf$//' >>asked\n"
		     "case $2 in\n"
		     "linux-headers-%1$s:arm64) echo '  Depends: linux-headers-9.9-%1$s:arm64';;\n"
		     "linux-headers-9.9-%1$s:arm64) echo '  Depends: linux-headers-9.9-common'\n"
		     "cp \"$APT_CONFIG\" conf; echo '  Depends: gcc-99-for-host:arm64';;\n"
		     "esac", flavours[i]));
		expect_said(run_shell(text_of(SUITE "trixie-%s", flavours[i])), 0,
			    text_of("fetching the kernel of trixie-%s", flavours[i]));
		shell(text_of("tail -n 1 calls | grep -q ' linux-headers-%1$s:arm64 "
			      "linux-image-%1$s:arm64 gcc-99-aarch64-linux-gnu$' && "
			      "grep -q 'Architectures { \"amd64\"; \"arm64\"; };' conf && "
			      "cd build/kernel/trixie-%1$s && "
			      "test \"$(cat release headers/Makefile)\" = "
			      "\"$(printf '9.9-%1$s\nexport CROSS_COMPILE := aarch64-linux-gnu-\nall:')\"",
			      flavours[i]));
	}
	/* None that would be of another version than the kernel's. */
	fake("apt-cache", "exit 0");
	expect_said(run_shell(SUITE "unstable-arm64"), 4,
		    "the headers of unstable name no compiler");
}

/* All is of its architecture, and no cross compiler comes. */
TEST(suite, kernel_of_an_arm64_host)
{
	make_tree();
	need_keyring();
	fake_packages_of("arm64");
	setenv("MACHINE", "aarch64", 1);
	expect_said(run_shell(SUITE "trixie"), 0, "fetching the kernel of trixie");
	ASSERT_STREQ("9.9-arm64\n", read_text("build/kernel/trixie/release"));
	shell("grep -q 'linux-headers-arm64:arm64 linux-image-arm64:arm64$' calls && "
	      "! grep -e -linux-gnu calls");
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

/* The host's real apt with our configuration, and a mirror that signs nothing. */
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

/* The signal goes to all processes of the group, as from a terminal. */
TEST(suite, interrupt_leaves_nothing)
{
	struct run run;

	make_tree();
	need_keyring();
	fake("dpkg-deb", "exit 0");
	fake_apt("echo called >calls; exec sleep 1000");
	run = run_shell("PATH=$PWD/bin setsid sh tests/kernel/suite.sh trixie & suite=$!\n"
			"while ! [ -s calls ]; do sleep 0.1; done\n"
			"kill -TERM -$suite; wait $suite");
	ASSERT_EQ(130, WEXITSTATUS(run.status));
	expect_no_suite();
}

/* With neither root's rights nor user namespaces. */
TEST(kbuild, no_namespace)
{
	make_tree();
	shell("mkdir -p build/kernel/trixie/tree");
	fake("unshare", "echo 'not permitted' >&2; exit 1");
	expect_said(run_shell("PATH=$PWD/bin sh tests/kernel/kbuild.sh trixie $PWD"), 125,
		    "root, user namespaces or sudo is required: not permitted");
}

/* A guest's root has them; what it has built comes back as an archive. */
TEST(kbuild, no_namespace_but_a_guest)
{
	struct run run;

	make_tree();
	shell("mkdir -p build/kernel/trixie/tree build/tests build/guest built && "
	      "ln -s \"$(command -v tar)\" bin/");
	fake("unshare", "exit 1");
	write_script("build/guest/init", "");
	write_script("build/tests/vm",
		     "#!/bin/sh\nwhile [ \"$1\" != run ]; do [ \"$1\" != -o ] || to=${2#*:}; shift; done\n"
		     "shift 4\n"	/* run sh -c LINE */
		     "echo \"$*\"; touch new.ko; tar -cf \"$to\" new.ko; exit ${ENDS:-0}\n");
	run = run_shell("PATH=$PWD/bin sh tests/kernel/kbuild.sh trixie built W=1");
	expect_status(&run, 0);
	expect_text(run.errors, "kbuild: a guest enters it, which takes some minutes\n");
	expect_text(run.output, text_of("%s/tests/kernel/enter.sh %s/build/kernel/trixie/tree ",
					realpath(".", NULL), realpath(".", NULL)));
	expect_text(run.output, " W=1 modules\n");
	ASSERT_STREQ("new.ko\n", shell("ls -A built"));
	/* If it fails there, it fails here. */
	run = run_shell("rm built/new.ko; ENDS=2 PATH=$PWD/bin sh tests/kernel/kbuild.sh trixie built");
	expect_status(&run, 2);
	ASSERT_STREQ("", shell("ls -A built"));
}

/* If namespaces are refused and there is sudo, the command still runs as the caller. */
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
	run = run_ending("PATH=$PWD/bin sh tests/kernel/enter.sh "
			"\"$TOP/build/kernel/bookworm/tree\" -- id -u", 0);
	ASSERT_STREQ("65534\n", run.output);
}

TEST(kbuild, bad_usage)
{
	make_tree();
	expect_said(run_shell("sh tests/kernel/kbuild.sh trixie"), 2,
		    "kbuild.sh KERNEL DIRECTORY [VARIABLE=VALUE...]");
}

TEST(kbuild, kernel_that_is_not_there)
{
	make_tree();
	expect_said(run_shell("sh tests/kernel/kbuild.sh trixie ."), 1,
		    "build/kernel/trixie: make KERNEL=trixie makes it");
}
