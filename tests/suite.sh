#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The kernel of a Debian suite, with the headers, compiler and build tools that
# go with it, unpacked below build/kernel/SUITE/ and not installed.
#
#   suite.sh SUITE                  bullseye, bookworm, trixie, unstable, ...
#   suite.sh SUITE TREE PACKAGE...  no kernel, but these packages and what kbuild
#                                   runs, as a new folder TREE
#
# Beside vmlinuz, config, release and headers (a link), as kernel.sh has them,
# there is tree/, which kbuild.sh builds modules in. No script of a package is
# run. Of the host's apt only the address of its mirror is taken. What is there
# is left alone; what comes appears whole or not at all.
#
# Exit status: 0; 4 if the suite cannot be had, with the reason; 1 if what was
# had is of no use.
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
program=suite
# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
PATH=$PATH:/usr/sbin:/sbin

skip() {
	echo "suite: $*" >&2
	exit 4
}

# What kbuild runs; the compiler comes as a dependency of the headers.
tools='base-files bash coreutils dash findutils gawk grep make perl sed'
packages="$tools
linux-headers-cloud-amd64 linux-image-cloud-amd64"

# For a tree that is never booted, what makes kernels bootable is there.
provided='linux-initramfs-tool, kmod (= 9999), linux-base (= 9999)'

# configure DIR MIRROR: an apt of its own, with all that it keeps in DIR.
# A signature is always checked, but not whether it is recent: Valid-Until
# keeps a host from missing its updates, and a suite that is archived, or a
# mirror that stands still, is as good as any to build and boot a kernel from.
configure() {
	mkdir -p "$1/lists/partial" "$1/archives/partial"
	echo "deb [signed-by=$keyring check-valid-until=no] $2 $suite main" \
		>"$1/sources.list"
	cat >"$1/status" <<-END
		Package: provided
		Status: install ok installed
		Architecture: all
		Version: 1
		Maintainer: nobody
		Description: what the tree does without
		Provides: $provided
	END
	cat >"$1/apt.conf" <<-END
		Dir::Etc "$1";
		Dir::Etc::main "/dev/null";
		Dir::Etc::parts "/dev/null";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
		Dir::State "$1";
		Dir::State::status "$1/status";
		Dir::Cache "$1";
		Dir::Log "$1";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Retries "2";
	END
	export APT_CONFIG="$1/apt.conf"
}

# download DIR MIRROR: the packages, as DIR/archives/*.deb.
download() {
	rm -rf "$1"
	configure "$1" "$2"
	# shellcheck disable=SC2086
	{
		apt-get update -q &&
			apt-get install -qy --download-only $packages
	} >"$log" 2>&1
}

# Of what the first mirror said, the first complaint; else of what went last.
complaint() {
	sed -n 's/^[EW]: //p' "$log" | head -n 1 | grep . ||
		tail -n 1 "$log"
}

fetch() {
	known=$(mirrors)
	[ -n "$known" ] || skip "this host's apt knows no mirror of Debian's" \
		"(apt-get update makes it known)"
	why=
	for mirror in $known; do
		if (download "$tmp/apt" "$mirror"); then
			return
		fi
		why=${why:-$(complaint)}
	done
	skip "cannot fetch $suite: $why"
}

# base-files comes first: in newer suites it makes /bin a link into /usr.
unpack() {
	mkdir "$tmp/tree"
	for deb in "$tmp"/apt/archives/base-files_*.deb \
		"$tmp"/apt/archives/*.deb; do
		[ -e "$deb" ] || continue
		dpkg-deb --extract "$deb" "$tmp/tree" 2>"$log" ||
			die "cannot unpack ${deb##*/}: $(tail -n 1 "$log")"
		rm "$deb"
	done
	rm -rf "$tmp/apt"
	cd "$tmp/tree"
	rm -rf usr/share/doc usr/share/locale usr/share/man
	# Scripts of packages would have made these.
	[ -e usr/bin/awk ] || ln -s gawk usr/bin/awk
	[ -e bin/sh ] || ln -s dash bin/sh
	: >dev/null
}

# arrange RELEASE: the image and its config are in boot/, or beside the modules.
arrange() {
	for file in vmlinuz config; do
		mv "$tmp/tree/boot/$file-$1" "$tmp/$file" 2>/dev/null ||
			mv "$tmp/tree/usr/lib/modules/$1/$file" "$tmp/$file" ||
			die "there is no $file in the packages of $suite"
	done
	echo "$1" >"$tmp/release"
	echo "$packages" >"$tmp/packages"
	ln -s "tree/usr/src/linux-headers-$1" "$tmp/headers"
	rm -rf lib/modules usr/lib/modules
}

suite=${1-}
case $suite in
'' | *[!a-z0-9-]*)
	echo "suite: '$suite' is not the name of a Debian suite" >&2
	exit 2
	;;
esac
dir=$build/kernel/$suite
what="the kernel of $suite and its compiler into build/kernel/$suite"
if [ $# -gt 1 ]; then
	dir=$2
	shift 2
	packages="$tools $*"
	what="a tree of $suite to build in"
fi
tmp=$dir.tmp
log=$build/suite.log
# One that was unpacked for other packages is fetched anew.
[ "$(cat "$dir/packages" 2>/dev/null)" != "$packages" ] || exit 0

for tool in apt-get dpkg-deb; do
	command -v $tool >/dev/null || skip "no $tool, so this is not Debian"
done
[ -r $keyring ] || skip "no $keyring to check signatures with: install" \
	"debian-archive-keyring"
mkdir -p "$build/kernel"
free=$(df -Pk "$build" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 1000000 ] ||
	skip "no room: $suite needs 1 GB in $build for a moment"

trap 'exit 130' INT TERM HUP
trap 'rm -rf "$tmp"' EXIT
rm -rf "$tmp"
mkdir "$tmp"
say "fetching $what"
fetch
unpack
rm -rf "$dir"
case $packages in
*linux-image*)
	headers=$(cd "$tmp/tree/usr/src" && echo linux-headers-*-cloud-amd64)
	arrange "${headers#linux-headers-}"
	mv "$tmp" "$dir"
	;;
*) mv "$tmp/tree" "$dir" ;;
esac
