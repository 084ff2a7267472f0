#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Fetch the kernel of a Debian suite, with its headers, compiler and build tools.
# Unpack them below build/kernel/SUITE/ and install nothing.
#
#   suite.sh SUITE[-FLAVOUR]        bullseye, bookworm, trixie, unstable, ...
#   suite.sh SUITE TREE PACKAGE...  no kernel, but these packages and what kbuild
#                                   runs, as a new directory TREE
#
# FLAVOUR is amd64, arm64 or arm64-16k, a kernel whose pages have 16 KiB; by default it is
# this host's architecture. Of another architecture only the kernel comes, with its
# headers: what builds modules for it is of this host's, with a cross compiler.
#
# The kernel directory is as kernel.sh describes it, with tree/, in which kbuild.sh
# builds modules. No script of a package runs. This takes from the host's apt only the
# address of its mirror. It leaves alone what is there; what it fetches appears whole or
# not at all.
#
# Exit status: 0; 4, with the reason, if the suite cannot be fetched; 1 if what was
# fetched is of no use.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"
# shellcheck source=tests/kernel/modules.sh
. "$top/tests/kernel/modules.sh"
sys=
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# What kbuild runs. The compiler is a dependency of the headers.
tools='base-files bash coreutils dash findutils gawk grep make perl sed'

# The tree is never booted, so claim to have what makes kernels bootable.
provided='linux-initramfs-tool, kmod (= 9999), linux-base (= 9999)'

# pretend ARCHITECTURE PACKAGES: claim that the tree has them.
pretend() {
	cat <<-END
		Package: provided-$1
		Status: install ok installed
		Architecture: $1
		Version: 1
		Maintainer: nobody
		Description: what the tree does without
		Provides: $2

	END
}

# configure DIR MIRROR: configure an apt that keeps all its files in DIR. It always
# checks signatures, but not that they are recent: Valid-Until tells a host that it
# misses updates, and a kernel from an archived suite or a stale mirror is good enough
# to build for and to boot.
configure() {
	mkdir -p "$1/lists/partial" "$1/archives/partial"
	echo "deb [signed-by=$keyring check-valid-until=no] $2 $suite main" \
		>"$1/sources.list"
	pretend all "$provided" >"$1/status"
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
		APT::Architecture "$host_arch";
		APT::Architectures { "$host_arch"; "$arch"; };
		APT::Install-Recommends "false";
		APT::Sandbox::User "";
		APT::Update::Error-Mode "any";
		Acquire::Languages "none";
		Acquire::Retries "2";
	END
	export APT_CONFIG="$1/apt.conf"
}

# The headers of another architecture's kernel want its compiler. Take this host's cross
# compiler of that version in its place.
take_cross_compiler() {
	compiler=$(depends "$(depends "linux-headers-$flavour:$arch" |
		grep '^linux-headers-')" | sed -n 's/^\(gcc-[0-9].*\):.*/\1/p')
	[ -n "$compiler" ] || die "the headers of $suite name no compiler"
	pretend "$arch" "$provided, $compiler" >>"$1/status"
	packages="$packages ${compiler%-for-host}-$(triplet "$arch" | tr _ -)"
}

# download DIR MIRROR: say how much it is, and fetch the packages as DIR/archives/*.deb.
download() {
	rm -rf "$1"
	configure "$1" "$2"
	apt-get update -q >"$log" 2>&1 || return
	[ "$arch" = "$host_arch" ] || take_cross_compiler "$1"
	# shellcheck disable=SC2086
	size=$(apt-get install -qy --print-uris $packages 2>/dev/null |
		awk "/^'/ { bytes += \$3 } END { print int(bytes / 1000000) }")
	say "that is $size MB from $2"
	# shellcheck disable=SC2086
	apt-get install -qy --download-only $packages >"$log" 2>&1
}

# The first error or warning in the log; without one, its last line.
first_error() {
	sed -n 's/^[EW]: //p' "$log" | head -n 1 | grep . ||
		tail -n 1 "$log"
}

fetch() {
	known=$(mirrors)
	[ -n "$known" ] || die "this host's apt knows no mirror of Debian's" \
		"(apt-get update makes it known)"
	why=
	for mirror in $known; do
		if (download "$tmp/apt" "$mirror"); then
			return
		fi
		why=${why:-$(first_error)}
	done
	die "cannot fetch $suite: $why"
}

# Unpack base-files first: in newer suites it makes /bin a link into /usr.
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
	# The scripts of packages would make these.
	[ -e usr/bin/awk ] || ln -s gawk usr/bin/awk
	[ -e bin/sh ] || ln -s dash bin/sh
	: >dev/null
}

# arrange RELEASE: the image and its config are in boot/ or beside the modules.
arrange() {
	for file in vmlinuz config; do
		mv "$tmp/tree/boot/$file-$1" "$tmp/$file" 2>/dev/null ||
			mv "$tmp/tree/usr/lib/modules/$1/$file" "$tmp/$file" ||
			die "there is no $file in the packages of $suite"
	done
	echo "$1" >"$tmp/release"
	echo "$wanted" >"$tmp/packages"
	ln -s "tree/usr/src/linux-headers-$1" "$tmp/headers"
	[ "$arch" = "$host_arch" ] ||
		sed -i "1i export CROSS_COMPILE := $(triplet "$arch")-" \
			"$tmp/headers/Makefile"
	take_modules "$tmp/tree" "$tmp"
	rm -rf lib/modules usr/lib/modules
}

name=${1-}
case $name in
'' | *[!a-z0-9-]*)
	failure=2 die "'$name' is not the name of a Debian suite"
	;;
esac
arch=$(arch_of "$name")
suite=${name%%-"$arch"*}
flavour=$arch${name#"${name%-16k}"}
packages="$tools
linux-headers-$flavour:$arch linux-image-$flavour:$arch"
dir=$build/kernel/$name
what="the kernel of $name and its compiler into build/kernel/$name"
if [ $# -gt 1 ]; then
	dir=$2
	shift 2
	packages="$tools $*"
	what="a tree of $suite to build in"
fi
tmp=$dir.tmp
log=$build/suite.log
# A kernel unpacked for another list of packages or modules is fetched anew.
wanted="$packages
$modules"
[ "$(cat "$dir/packages" 2>/dev/null)" != "$wanted" ] || exit 0

# Until all is fetched, a failure means that the suite cannot be fetched.
failure=4
for tool in apt-get dpkg-deb; do
	command -v $tool >/dev/null || die "no $tool, so this is not Debian"
done
[ -r $keyring ] || die "no $keyring to check signatures with: install" \
	"debian-archive-keyring"
mkdir -p "$build/kernel"
! no_room 1000000 ||
	die "no room: $suite needs 1 GB in $build for a moment"

trap 'exit 130' INT TERM HUP
trap 'rm -rf "$tmp"' EXIT
rm -rf "$tmp"
mkdir "$tmp"
say "fetching $what"
fetch
failure=1
unpack
rm -rf "$dir"
case $packages in
*linux-image*)
	headers=$(cd "$tmp/tree/usr/src" && echo linux-headers-*-"$flavour")
	arrange "${headers#linux-headers-}"
	put_kernel "$dir"
	;;
*) mv "$tmp/tree" "$dir" ;;
esac
