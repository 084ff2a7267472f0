// SPDX-License-Identifier: GPL-2.0
/*
 * Tests of what make deb and make install put on a host (make deb-test): in the Debian
 * tree of tree.sh and, last, in a guest whose kernel loads the module.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "program.h"

/* List all files, to see later what is left behind. */
#define LIST "find / -xdev \\( -path /project -o -path /var/lib/dpkg -o " \
	"-path /var/log -o -path /var/cache -o -path /var/backups \\) " \
	"-prune -o -printf '%y %p\\n' | sort "
#define LEFT LIST ">/tmp/after; diff /tmp/before /tmp/after | " \
	"grep '^[<>]' | grep -v ' /var/lib/dkms/mok\\.' "
#define INSTALL "dpkg -i /project/build/deb/*.deb >/tmp/log 2>&1 || " \
	"{ cat /tmp/log; exit 1; }; "

/* MODULE_VERSION in kmod/shmcount.c; and an older one, to upgrade from. */
#define VERSION "1.2"
#define OLDER "1.0"

/* The versions that DKMS, the kernel's modules and /usr/src have of us. */
#define VERSIONS "dkms status | sed \"s/, $RELEASE, .*:/:/\"; " \
	"modinfo -k $RELEASE -F version shmcount; ls /usr/src | grep shmcount; "
#define ALL_OF(version) "shmcount/" version ": installed\n" version "\n" \
	"shmcount-" version "\n"

/* Run a line in a tree, to which KEEP=-k adds what it writes; it must succeed. Returns what it printed. */
static char *enter(const char *tree, const char *line)
{
	struct run run;

	setenv("TREE", tree, 1);
	setenv("LINE", line, 1);
	run = RUN("/bin/sh", "-c",
		  "exec \"$TOP/tests/deb/enter.sh\" $KEEP \"$TOP/build/deb/$TREE\" "
		  "\"RELEASE=$(cat \"$TOP/build/kernel/$GUEST_KERNEL/release\"); "
		  "set -e; $LINE\" 2>&1");
	if (run.status)
		FAIL("in the tree: %s", run.output);
	return run.output;
}

static char *in_tree(const char *line)
{
	return enter("tree", line);
}

TEST(deb, two_packages_and_nothing_from_lintian)
{
	ASSERT_STREQ("shmcount-dkms\nshmcount\n",
		     shell("cd \"$TOP/build/deb\" && ls *.deb | sed 's/_.*//'"));
	shell("test -e \"$TOP/build/deb/lintian.txt\"");
	ASSERT_STREQ("", shell("cat \"$TOP/build/deb/lintian.txt\""));
}

#define SURROUNDINGS "umask 077; export POSIXLY_CORRECT=1 CDPATH=. ARCH=none " \
	"CROSS_COMPILE=none- KBUILD_OUTPUT=/none KCFLAGS=--none CFLAGS=--none " \
	"TAR_OPTIONS=--none GIT_DIR=/none MAKEFLAGS=n; "

/* The same sources make the same packages, byte by byte. */
TEST_LIMIT(deb, same_packages_in_other_surroundings, 300)
{
	static const char sums[] = "cd \"$TOP/build/deb\" && sha256sum *.deb";
	char *before = shell(sums);
	struct run run = RUN("/bin/sh", "-c", SURROUNDINGS
			     "cd \"$TOP\" && tests/deb/build.sh");

	expect_silent(&run, 0);
	ASSERT_STREQ(before, shell(sums));
}

TEST_LIMIT(deb, dkms_builds_the_module_and_signs_it, 300)
{
	char *seen = in_tree(INSTALL "dkms status; "
		"modinfo -k $RELEASE -F filename shmcount; "
		"modinfo -k $RELEASE -F version shmcount; "
		"modinfo -k $RELEASE -F vermagic shmcount; "
		"modinfo -k $RELEASE -F signer shmcount");

	expect_text(seen, ": installed\n");
	expect_text(seen, "/updates/dkms/shmcount.ko");
	expect_text(seen, strtok(shell("cat \"$TOP/build/kernel/$GUEST_KERNEL/release\""), "\n"));
	expect_text(seen, "\nDKMS module signing key\n");
}

TEST_LIMIT(deb, group_rule_and_no_autoload, 300)
{
	char *seen = in_tree(INSTALL "getent group shmcount; "
		"echo options shmcount size=65536 >/etc/modprobe.d/shmcount.conf; "
		"cat /lib/udev/rules.d/60-shmcount.rules; "
		"modprobe -S $RELEASE -c | grep 'options shmcount'; "
		"grep -rs shmcount /etc/modules /etc/modules-load.d "
		"/usr/lib/modules-load.d || echo 'not at boot'");

	expect_text(seen, "shmcount:x:");
	expect_text(seen, "GROUP=\"shmcount\", MODE=\"0660\"");
	expect_text(seen, "options shmcount mode=0660");
	expect_text(seen, "options shmcount size=65536");
	expect_text(seen, "\nnot at boot\n");
}

TEST_LIMIT(deb, programs_run, 300)
{
	char *seen = in_tree(INSTALL "cd /tmp; shmcount incr_anon 2; "
		"shmcount incr3 file 1000 | tail -n 1; "
		"shmcount compare --list | wc -l; "
		"shmcount no_such || echo status $?; "
		"shmcount ../../bin/id || echo status $?; ls /usr/bin | grep -c "
		"'incr\\|^demo\\|^compare\\|samepage' || :");

	expect_text(seen, "gave count 4\n");
	expect_text(seen, "gave count 2000\n");
	expect_text(seen, "there is no program 'no_such': shmcount --help");
	expect_text(seen, "there is no program '../../bin/id'");
	expect_text(seen, "status 2\n0\n");
}

/* Install packages of the same sources as an older version, then those of this one. */
TEST_LIMIT(deb, upgrade_leaves_nothing_of_the_older_version, 600)
{
	shell("\"$TOP/tests/deb/build.sh\" " OLDER " 2>&1");
	ASSERT_STREQ(ALL_OF(OLDER) ALL_OF(VERSION)
		     "ii shmcount " VERSION "\nii shmcount-dkms " VERSION "\n",
		     in_tree("dpkg -i /project/build/deb/" OLDER "/*.deb >/tmp/log 2>&1 "
		     "|| { cat /tmp/log; exit 1; }; " VERSIONS INSTALL VERSIONS
		     "dpkg -l | awk '/shmcount/ { print $1, $2, $3 }'"));
}

/* The group stays, and the key is DKMS's own. */
TEST_LIMIT(deb, purge_leaves_nothing, 300)
{
	ASSERT_STREQ("",
		     in_tree(LIST ">/tmp/before; " INSTALL
		     "dpkg --purge shmcount-dkms shmcount >/tmp/log 2>&1; "
		     LEFT "| grep -v '/etc/g*s*\\(group\\|hadow\\)-*$' || :; "
		     "! dkms status | grep . ; ! dpkg -l | grep shmcount"));
}

#define HOST "KVER=$RELEASE /project/tests/host/install.sh "

#define SECURE_BOOT "Secure Boot is on: the firmware has to know the key"

/* A file stands for the firmware's variable: attributes, then 0 or 1. */
TEST_LIMIT(deb, make_install_tells_of_secure_boot, 300)
{
	char *seen = in_tree("mkdir /tmp/efi; export EFIVARS=/tmp/efi; "
		"printf '\\6\\0\\0\\0\\0' >/tmp/efi/SecureBoot-1; "
		HOST "install 2>/dev/null; "
		"printf '\\6\\0\\0\\0\\1' >/tmp/efi/SecureBoot-1; "
		"rm -f /var/lib/dkms/mok.*; mv /usr/bin/openssl /tmp/; "
		HOST "install 2>/dev/null; mv /tmp/openssl /usr/bin/; "
		"echo and; " HOST "install 2>/dev/null");
	char *on = strstr(seen, "\nand\n");

	ASSERT_TRUE(on);
	expect_text(on, SECURE_BOOT);
	expect_text(on, "mokutil --import /var/lib/dkms/mok.pub\n");
	*on = '\0';
	expect_text(seen, "there is no key yet:  apt install openssl");
	*strstr(seen, SECURE_BOOT) = '\0';
	ASSERT_EQ(8, lines_in(seen));
}

/*
 * make install, again with another PREFIX, and make uninstall twice: the second time
 * changes nothing. It only names what the user has written.
 */
TEST_LIMIT(deb, make_install_is_undone_by_uninstall, 300)
{
	char *seen = in_tree("mkdir -p /etc/modules-load.d; "
		"echo shmcount >/etc/modules-load.d/shmcount.conf; "
		LIST ">/tmp/before; " HOST "install >/dev/null 2>&1; "
		"PREFIX=/usr " HOST "install 2>/dev/null; dkms status; "
		"shmcount incr_anon 2 2>&1 | tail -n 1; "
		HOST "uninstall 2>/dev/null; " HOST "uninstall 2>/dev/null; "
		LEFT "|| :; getent group shmcount || echo 'no group'; echo end");

	expect_text(seen, " is installed for ");
	expect_text(seen, ": installed\n");
	expect_text(seen, "gave count 4\n"
		    "host: /etc/modules-load.d/shmcount.conf is yours, and is left\n");
	expect_text(seen, "is left\nno group\nend\n");
	ASSERT_EQ(10, lines_in(seen));
}

TEST_LIMIT(deb, make_install_in_other_surroundings, 300)
{
	ASSERT_STREQ("shmcount\n",
		     in_tree(SURROUNDINGS "cd /project; "
		     HOST "install >/tmp/log 2>&1 || cat /tmp/log; "
		     "find /usr/local /usr/src/shmcount-* /usr/lib/modules/$RELEASE "
		     "/lib/udev ! -type l ! -perm -a=r; "
		     "modinfo -k $RELEASE -F name shmcount"));
}

TEST_LIMIT(deb, make_install_over_an_older_version, 300)
{
	ASSERT_STREQ(ALL_OF(OLDER) ALL_OF(VERSION),
		     in_tree("mkdir /tmp/p; cp -r /project/kmod /project/user "
		     "/project/tests /tmp/p/; sed -i 's/^MODULE_VERSION(.*/"
		     "MODULE_VERSION(\"" OLDER "\");/' /tmp/p/kmod/shmcount.c; "
		     "KVER=$RELEASE /tmp/p/tests/host/install.sh install >/dev/null 2>&1; "
		     VERSIONS HOST "install >/dev/null 2>&1; " VERSIONS));
}

TEST_LIMIT(deb, make_uninstall_where_dkms_was_removed, 300)
{
	ASSERT_STREQ("",
		     in_tree(LIST ">/tmp/before; " HOST "install >/dev/null 2>&1; "
		     "test -e /lib/modules/$RELEASE/updates/dkms/shmcount.ko*; "
		     "mv /usr/sbin/dkms /tmp/; " HOST "uninstall 2>/dev/null; "
		     "mv /tmp/dkms /usr/sbin/; " LEFT "|| :; "
		     "! modinfo -k $RELEASE shmcount 2>/dev/null; dkms status"));
}

TEST_LIMIT(deb, one_or_the_other, 300)
{
	expect_text(in_tree(INSTALL HOST "install || echo status $?"),
		    "the Debian packages are installed: remove them");
	expect_text(in_tree(INSTALL HOST "uninstall || echo status $?"),
		    "status 1");
}

TEST_LIMIT(deb, module_that_does_not_build_is_told, 300)
{
	expect_text(in_tree("mkdir /tmp/p; cp -r /project/kmod /project/user "
		"/project/tests /tmp/p/; echo '#error' >>/tmp/p/kmod/shmcount.c; "
		"KVER=$RELEASE /tmp/p/tests/host/install.sh install || echo status $?"),
		"DKMS could not build the module: /var/lib/dkms/shmcount/" VERSION "/build/"
		"make.log says why. No module is installed now, but the programs");
}

/*
 * Run this line in the tree, then enter the tree in a guest that sees this host's files:
 * modprobe loads the module, udev applies its rule, and only the group may count.
 */
static void expect_use_in_a_guest(const char *install)
{
	char *seen;

	shell("cd \"$TOP/build/deb\" && rm -rf installed && cp -a tree installed");
	setenv("KEEP", "-k", 1);
	enter("installed", install);
	unsetenv("KEEP");
	seen = shell(
		"cd \"$TOP\"; "
		"tests/guest/vm.sh host tests/deb/enter.sh \"$PWD/build/deb/installed\" '"
		"rmmod shmcount; modprobe shmcount; "
		"stat -c \"without udev: %G %a\" /dev/shmcount; "
		"modprobe -r shmcount; "
		"/lib/systemd/systemd-udevd --daemon 2>/dev/null; "
		"modprobe shmcount; udevadm settle; "
		"stat -c \"with udev: %G %a\" /dev/shmcount; "
		"cat /sys/module/shmcount/version; "
		"as=\"setpriv --reuid=nobody --regid=nogroup\"; "
		"$as --clear-groups shmcount incr_dev 5; echo status $?; "
		"$as --groups=shmcount shmcount incr_dev 5; echo status $?; "
		"udevadm control --exit; modprobe -r shmcount; "
		"[ -e /dev/shmcount ] || echo gone"
		"' 2>&1");

	expect_text(seen, "without udev: root 660\nwith udev: shmcount 660\n" VERSION "\n");
	expect_text(seen, "cannot open /dev/shmcount: Permission denied\nstatus 1\n");
	expect_text(seen, "gave count 10\nstatus 0\ngone\n");
}

TEST_LIMIT(deb, modprobe_and_udev_in_a_guest, 400)
{
	expect_use_in_a_guest(INSTALL);
}

TEST_LIMIT(deb, modprobe_and_udev_after_make_install, 400)
{
	expect_use_in_a_guest(HOST "install");
}
