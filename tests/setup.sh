#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Set up what the build, the guest and the checks need. Nothing is asked, and
# what is there already is left alone.
#
#   setup.sh tools                   Debian packages for building and the guest
#   setup.sh lint                    Debian packages for make lint, checkpatch
#   setup.sh mutants                 Debian packages for make mutants
#   setup.sh compare                 Debian packages for make compare
#   setup.sh deb                     Debian packages for make deb
#   setup.sh deb-test                Debian packages for make deb-test
#   setup.sh check                   Debian packages that tests read our files with
#   setup.sh coverage                Debian packages for make coverage
#   setup.sh kernel SERIES-FLAVOUR   a kernel and its headers in build/kernel/
#   setup.sh kernel debug            the same, built here from Kconfig.notes
#   setup.sh by-hand KDIR VMLINUZ    the same layout for a kernel given by hand
#
# A kernel directory holds vmlinuz, config, release, headers (a link) and
# modules/, with what is in the table of modules below: those that show the
# guest the host's files, their load order in modules/host, and those for its
# disk, in modules/disk. It appears whole or not at all.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
PATH=$PATH:/usr/sbin:/sbin

die() {
	echo "setup: $*" >&2
	exit 1
}

say() {
	echo "setup: $*" >&2
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Each line: the Debian package, what shows that it is there, why it is needed.
tools='
gcc		gcc			compiles the module and the programs
libc6-dev	libc.a			static programs for the guest
libelf1		libelf.so.1		objtool, which kbuild runs, links to it
qemu-system-x86	qemu-system-x86_64	runs the guest
cpio		cpio			packs the initramfs of the guest
kmod		modprobe		finds the order of the guest modules
xz-utils	xz			unpacks the guest modules
e2fsprogs	mke2fs			makes the file system of a guest disk
'
lint='
sparse		sparse		checks the module (C=1)
shellcheck	shellcheck	checks the shell scripts
cppcheck	cppcheck	checks the programs and tests
perl		perl		runs checkpatch
'
debug='
make		make		builds the debug kernel
flex		flex		builds its configuration tool
bison		bison		the same
bc		bc		makes its table of time constants
libelf-dev	libelf.a	builds its objtool
'
coverage='
lcov		genhtml		tells which lines ran, as pages
'
mutants='
patch		patch		makes wrong versions of the module
'
deb='
build-essential	dpkg-buildpackage	builds the packages
debhelper	dh			the steps of that
dh-dkms		dh_dkms			those for DKMS
lintian		lintian			checks the packages
'
deb_test='
mmdebstrap	mmdebstrap	makes the Debian tree that they are installed in
'
compare='
gnuplot-nox	gnuplot		draws the pictures of make compare
'
watch='
librsvg2-bin	rsvg-convert	makes a PNG of the timeline of make watch
'
check='
sqlite3		sqlite3		reads the CSV and JSON that we write
libxml2-utils	xmllint		reads the XML that we write
'

present() {
	case $1 in
	*.a) [ -e "$(gcc -print-file-name="$1" 2>/dev/null)" ] ;;
	*.so.*) ldconfig -p 2>/dev/null | grep -q "$1" ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# with_new_lists COMMAND...: what fails is tried again with new package lists, for
# what old ones name may not be there any more.
with_new_lists() {
	"$@" || {
		as_root apt-get update -q >>"$build/setup.log" 2>&1 || :
		"$@"
	}
}

install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qy --no-install-recommends "$@" \
		>"$build/setup.log" 2>&1
}

# Install what is missing of the table on standard input.
packages() {
	missing=
	reasons=
	while read -r package probe why; do
		if [ -n "$package" ] && ! present "$probe"; then
			missing="$missing $package"
			reasons="$reasons
  $package: $why"
		fi
	done
	[ -n "$missing" ] || return 0

	command -v apt-get >/dev/null ||
		die "missing:$missing; this is not Debian, so install them by hand"
	[ "$(id -u)" -eq 0 ] || command -v sudo >/dev/null ||
		die "missing:$missing; to install them I need root or sudo"
	say "installing Debian packages:$reasons"
	# shellcheck disable=SC2086
	with_new_lists install $missing ||
		die "cannot install$missing (no network? see build/setup.log);" \
			"install them by hand"
}

# download DIR PACKAGE...: as who we are, for _apt may not write below a home
# directory.
download() {
	mkdir -p "$1"
	(cd "$1" && shift && apt-get -o APT::Sandbox::User= download "$@") \
		>"$build/setup.log" 2>&1
}

# The package that linux-source stands for; leaves its name in source.
download_source() {
	source=$(apt-cache depends linux-source 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
	[ -n "$source" ] && download "$1" "$source"
}

# checkpatch comes with the kernel's source only; we take what it needs.
fetch_checkpatch() {
	dir=$build/checkpatch
	[ ! -e "$dir/checkpatch.pl" ] || return 0
	say "fetching checkpatch out of linux-source into build/checkpatch"
	rm -rf "$dir.tmp"
	with_new_lists download_source "$dir.tmp" ||
		die "cannot fetch linux-source, which has checkpatch (no" \
			"network? see build/setup.log)"
	dpkg-deb --fsys-tarfile "$dir.tmp"/*.deb |
		tar -xO "./usr/src/$source.tar.xz" |
		tar -xJ -C "$dir.tmp" --strip-components=2 \
			"$source/scripts/checkpatch.pl" \
			"$source/scripts/spelling.txt" \
			"$source/scripts/const_structs.checkpatch" ||
		die "cannot unpack $source"
	rm -f "$dir.tmp"/*.deb
	rm -rf "$dir"
	mv "$dir.tmp" "$dir"
}

# Each line: what for, and the modules.
modules='host virtio_pci 9p 9pnet_virtio overlay
disk virtio_blk ext4
kvm kvm-amd'

by_hand="give a kernel by hand with VMLINUZ=file KDIR=its-headers"

# Print the real image and headers packages of a series and flavour.
resolve() {
	for meta in "$1-$2" "$2"; do
		image=$(apt-cache depends "linux-image-$meta" 2>/dev/null |
			sed -n 's/^[ |]*Depends: \(linux-image-[0-9].*\)/\1/p' |
			head -n 1)
		case $image in
		linux-image-"$1".*)
			echo "$image linux-headers-${image#linux-image-}"
			return
			;;
		esac
	done
	return 1
}

# Find and fetch the packages of a kernel; leaves its release in release.
download_kernel() {
	release=
	names=$(resolve "$2" "$3") || return 1
	for headers in $names; do :; done
	release=${headers#linux-headers-}
	names="$names $(apt-cache depends "$headers" |
		sed -nE 's/^ *Depends: (linux-(headers|kbuild)-.*)/\1/p')"
	# shellcheck disable=SC2086
	download "$1" $names
}

fetch_kernel() {
	name=$1
	series=${name%%-*}
	flavour=${name#*-}
	dir=$build/kernel/$name
	# One that was unpacked for another table of modules is fetched anew.
	[ "$(cat "$dir/modules/wanted" 2>/dev/null)" != "$modules" ] || return 0

	for tool in apt-get apt-cache dpkg-deb; do
		command -v "$tool" >/dev/null ||
			die "no $tool, so this is not Debian: $by_hand"
	done
	free=$(df -Pk "$build" | awk 'NR == 2 { print $4 }')
	[ "$free" -gt 1200000 ] ||
		die "no room: a kernel needs 1.2 GB in $build for a moment"

	say "fetching a kernel and its headers into build/kernel/$name"
	tmp=$dir.tmp
	rm -rf "$tmp"
	with_new_lists download_kernel "$tmp/deb" "$series" "$flavour" || {
		[ -n "$release" ] ||
			die "no kernel $series ($flavour) in this host's" \
				"package lists: $by_hand"
		die "cannot fetch kernel $release (no network? see" \
			"build/setup.log): $by_hand"
	}
	for deb in "$tmp"/deb/*.deb; do
		dpkg-deb -x "$deb" "$tmp" 2>>"$build/setup.log" ||
			die "cannot unpack ${deb##*/} (see build/setup.log)"
	done
	rm -rf "$tmp/deb"

	mv "$tmp/boot/vmlinuz-$release" "$tmp/vmlinuz"
	mv "$tmp/boot/config-$release" "$tmp/config"
	echo "$release" >"$tmp/release"
	ln -s "usr/src/linux-headers-$release" "$tmp/headers"
	# The headers name their common part by where they would be installed.
	# shellcheck disable=SC2016
	sed -i 's|^include /usr/src/|include $(dir $(lastword $(MAKEFILE_LIST)))../|' \
		"$tmp/headers/Makefile"
	take_modules "$tmp" "$tmp"
	(cd "$tmp" && rm -rf boot lib usr/share)
	rm -rf "$dir"
	mv "$tmp" "$dir"
}

# The config that Kconfig.notes asks for: of each option its first value.
fragment() {
	awk '!/^(#|$)/ {
		split($2, option, /[=,]/)
		if (option[2] == "n")
			print "# CONFIG_" option[1] " is not set"
		else
			print "CONFIG_" option[1] "=" option[2]
	}' "$top/Kconfig.notes"
}

# Built where the modules for it will be, and then cut down to what they need.
build_debug_kernel() {
	dir=$build/kernel/debug
	[ "$(fragment)" != "$(cat "$dir/fragment" 2>/dev/null)" ] || return 0
	echo "$debug" | packages
	free=$(df -Pk "$build" | awk 'NR == 2 { print $4 }')
	[ "$free" -gt 3000000 ] ||
		die "no room: the debug kernel needs 3 GB in $build for a while"

	source=linux-source-6.1
	say "fetching $source and building the debug kernel in build/kernel/debug" \
		"(some minutes; its log: build/setup.log)"
	tmp=$dir.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp/headers"
	with_new_lists download "$tmp/deb" "$source" ||
		die "cannot fetch $source (no network? see build/setup.log)"
	dpkg-deb --fsys-tarfile "$tmp"/deb/*.deb |
		tar -xO "./usr/src/$source.tar.xz" |
		tar -xJ -C "$tmp/headers" --strip-components=1 ||
		die "cannot unpack $source"
	fragment >"$tmp/fragment"
	{
		make -C "$tmp/headers" KCONFIG_ALLCONFIG="$tmp/fragment" \
			allnoconfig &&
			cp "$tmp/headers/.config" "$tmp/config" &&
			make -C "$tmp/headers" -s -j "$(nproc)" bzImage modules &&
			cp "$tmp/headers/arch/x86/boot/bzImage" "$tmp/vmlinuz"
	} >"$build/setup.log" 2>&1 ||
		die "cannot build the debug kernel (see build/setup.log)"
	"$top/tests/doctor.sh" "$tmp/config" | grep '^  .*CONFIG_' >&2 &&
		die "the debug kernel is not what Kconfig.notes asks for"
	cat "$tmp/headers/include/config/kernel.release" >"$tmp/release"

	mkdir "$tmp/kept"
	(cd "$tmp/headers" && cp -a --parents .config Makefile Module.symvers \
		include scripts tools/objtool/objtool arch/x86/Makefile* \
		arch/x86/include ../kept)
	rm -rf "$tmp/headers" "$tmp/deb"
	mv "$tmp/kept" "$tmp/headers"
	take_modules "$tmp" "$tmp"
	rm -rf "$dir"
	mv "$tmp" "$dir"
}

# take_modules FROM TO: what is in the table of modules, from FROM/lib/modules
# into TO/modules, unpacked, and the load order for each line of it.
take_modules() {
	release=$(cat "$2/release")
	mkdir -p "$2/modules"
	depmod -b "$1" "$release" 2>/dev/null || :
	echo "$modules" | while read -r what names; do
		for module in $names; do
			modprobe -d "$1" -S "$release" --show-depends \
				"$module" 2>/dev/null || :
		done | awk '$1 == "insmod" { print $2 }' | while read -r ko; do
			plain=${ko##*/}
			plain=${plain%.xz}
			[ ! -e "$2/modules/$plain" ] || continue
			case $ko in
			*.xz) xz -dc "$ko" >"$2/modules/$plain" ;;
			*) cp "$ko" "$2/modules/$plain" ;;
			esac
			echo "$plain"
		done >"$2/modules/$what"
	done
	echo "$modules" >"$2/modules/wanted"
}

# The release that a kernel image or its headers are of.
release_of() {
	if [ -n "$2" ]; then
		# The x86 boot header points at the release string.
		offset=$(od -An -tu2 -j 526 -N 2 "$2" | tr -d ' ')
		tail -c +$((offset + 513)) "$2" | head -c 200 |
			tr '\000 ' '\n' | head -n 1
	else
		cat "$1/include/config/kernel.release"
	fi
}

kernel_by_hand() {
	dir=$build/kernel/by-hand
	[ -n "$1" ] || die "VMLINUZ= needs KDIR=, the headers of that kernel"
	[ -e "$1/Makefile" ] || die "no kernel headers in $1 (KDIR=)"
	[ -z "$2" ] || [ -r "$2" ] || die "no kernel image $2 (VMLINUZ=)"
	rm -rf "$dir"
	mkdir -p "$dir"
	ln -s "$(realpath "$1")" "$dir/headers"
	[ -z "$2" ] || ln -s "$(realpath "$2")" "$dir/vmlinuz"
	release_of "$1" "$2" >"$dir/release" 2>/dev/null || :
	grep -Eq '^[0-9]+\.[0-9]+' "$dir/release" ||
		die "${2:-$1} does not say its release: is it an x86 kernel?"
	# What was built for the kernel that was here before will not do.
	rm -rf "$build/kmod/by-hand" "$build/bad/by-hand" \
		"$build/mutants/by-hand"

	# The image is in boot/ of this host, or of an unpacked package.
	root=$(realpath "$(dirname "${2:-/boot/vmlinuz}")/..")
	[ -d "$root/lib/modules/$(cat "$dir/release")" ] || root=/
	take_modules "$root" "$dir"
	[ -z "$2" ] || [ -s "$dir/modules/host" ] ||
		say "no modules of $(cat "$dir/release") beside $2: make vm and" \
			"make shell will need 9p and overlay built into it"
}

mkdir -p "$build"
case ${1-} in
tools) echo "$tools" | packages ;;
lint)
	echo "$lint" | packages
	fetch_checkpatch
	;;
mutants) echo "$mutants" | packages ;;
compare) echo "$compare" | packages ;;
watch) echo "$watch" | packages ;;
deb) echo "$deb" | packages ;;
deb-test) echo "$deb_test" | packages ;;
check) echo "$check" | packages ;;
coverage) echo "$coverage" | packages ;;
kernel)
	case $2 in
	debug) build_debug_kernel ;;
	*) fetch_kernel "$2" ;;
	esac
	;;
by-hand) kernel_by_hand "$2" "$3" ;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
