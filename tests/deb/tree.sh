#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Make a small Debian system in build/deb/tree/ for make deb-test to install in. It is of
# this host's release, with DKMS, and with the headers of the guest's kernel where DKMS
# looks for them. This takes only the sources from the host's apt, and changes nothing
# of the host. It leaves alone a tree that is there; a new one appears whole or not at
# all.
#
#   tree.sh KERNEL    a name in build/kernel/
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
# Others must be able to read and run what is made here, whatever the user's umask.
umask 022
kernel=$top/build/kernel/$1
tree=$top/build/deb/tree
log=$top/build/deb/tree.log
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# DKMS, and what reads the udev rule, makes the group, compiles the programs in make
# install, objtool's library, and what DKMS signs with.
packages=dkms,udev,systemd-standalone-sysusers,libc6-dev,libelf1,openssl

release=$(cat "$kernel/release")
[ "$(cat "$tree/made-for" 2>/dev/null)" != "$packages $release" ] || exit 0
[ "$(id -u)" -eq 0 ] || die "must be root to make and enter a Debian system"
# shellcheck disable=SC1091
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
# shellcheck disable=SC2016
sources=$(apt-get indextargets 'Created-By: Packages' 'Component: main' \
	'Origin: Debian' --format \
	"deb [signed-by=$keyring] "'$(REPO_URI) $(RELEASE) main' | sort -u)
[ -n "$sources" ] || die "this host's apt knows no mirror of Debian's" \
	"(apt-get update makes it known)"

say "making a small Debian $suite with DKMS in build/deb/tree"
mkdir -p "$top/build/deb"
trap 'exit 130' INT TERM HUP
trap 'rm -rf "$tree.tmp"' EXIT
rm -rf "$tree.tmp"
echo "$sources" | mmdebstrap --mode=root --variant=minbase \
	--include=$packages "$suite" "$tree.tmp" - >"$log" 2>&1 ||
	die "cannot make it: $(grep '^E:' "$log" | tail -n 1) (see" \
		"build/deb/tree.log)"
cp -a "$kernel/usr/." "$tree.tmp/usr/"
mkdir -p "$tree.tmp/usr/lib/modules/$release"
ln -s "/usr/src/linux-headers-$release" "$tree.tmp/usr/lib/modules/$release/build"
chroot "$tree.tmp" depmod "$release" 2>>"$log"
echo "$packages $release" >"$tree.tmp/made-for"
rm -rf "$tree"
mv "$tree.tmp" "$tree"
