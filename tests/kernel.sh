#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The kernels of the guests: which one KERNEL= stands for, and how it comes here.
#
#   kernel.sh names [KERNEL]         what KERNEL= stands for, as the three words
#                                    KERNEL SMALL FULL: the name in build/kernel/
#                                    for the guest of run and check, and for the
#                                    one that sees the host's files (-: none)
#   kernel.sh get NAME               the kernel of that name, with its headers
#   kernel.sh by-hand KDIR VMLINUZ   the same for a kernel given by hand
#
# KERNEL is a series (6.1), a Debian suite (trixie), debug, host (a kernel that
# this machine has: the running one, or KVER in the environment), or by-hand.
# Without it, it is what this host's distribution has: a series, else host.
#
# A kernel directory holds vmlinuz, config, release, headers (a link), tree/ where
# its modules have to be built in that (enter.sh), and modules/, with what is in
# the table of modules below: those that show the guest the host's files, their
# load order in modules/host, those for its disk, in modules/disk, and those for a
# guest in it, in modules/kvm; in modules/missing what there is neither as a module
# nor built in. It appears whole or not at all.
set -eu

program=kernel
# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
PATH=$PATH:/usr/sbin:/sbin
# Where this machine's own kernels are looked for: / but for tests.
sys=${SHMCOUNT_ROOT-}

# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

# Each line: what for, and the modules, each with the option that builds it in.
modules='host virtio_pci=VIRTIO_PCI 9p=9P_FS 9pnet_virtio=NET_9P_VIRTIO overlay=OVERLAY_FS
disk virtio_blk=VIRTIO_BLK ext4=EXT4_FS
kvm kvm-amd=KVM_AMD'

by_hand="give a kernel by hand with VMLINUZ=file KDIR=its-headers"

# The flavours of a distribution's kernels: of the small guest, and of the one that
# sees the host's files.
flavours='cloud-amd64 amd64
generic generic'

# The suites that have a series, for hosts whose package lists lack it.
suites='5.10 bullseye
6.1 bookworm
6.12 trixie'

# depends PACKAGE: the packages that it depends on, a line each.
depends() {
	apt-cache depends "$1" 2>/dev/null |
		sed -n 's/^[ |]*\(Pre\)\{0,1\}Depends: \([^<]*\)$/\2/p'
}

# image_of FLAVOUR [SERIES]: the package of the newest image, or of a series.
image_of() {
	for meta in ${2:+"$2-$1"} "$1"; do
		image=$(depends "linux-image-$meta" |
			grep '^linux-image-[0-9]' | head -n 1) || continue
		case $image in
		linux-image-${2:+"$2"[!0-9]}*)
			echo "$image"
			return
			;;
		esac
	done
	return 1
}

# default_series PATTERN: the series that the distribution's own kernel is of, by the
# first of the flavours so named that it has.
default_series() {
	echo "$flavours" | grep "^$1 " | while read -r small full; do
		image=$(image_of "$small") || continue
		echo "$image" |
			sed 's/^linux-image-\([0-9]*\.[0-9]*\).*/\1/'
		break
	done | grep .
}

# A fresh machine has no package lists yet; one that knows a kernel has.
know_kernels() {
	command -v apt-cache >/dev/null || return 0
	apt-cache pkgnames linux-image- 2>/dev/null | grep -q . ||
		! may_be_root || {
		say "fetching the package lists (apt-get update)"
		as_root apt-get update -q >>"$build/setup.log" 2>&1 || :
	}
}

# The image of a kernel that this machine has, by its release; one that we may read
# comes first.
host_image() {
	found=
	for image in "$sys/lib/modules/$1/vmlinuz" "$sys/boot/vmlinuz-$1"; do
		[ ! -e "$image" ] || [ -r "${found:-/nowhere}" ] || found=$image
	done
	[ -n "$found" ] && echo "$found"
}

host_release() {
	echo "${KVER:-$(uname -r)}"
}

# Asking apt takes a second, so keep the answer while the host has the same release
# of its distribution. Do not keep it for the host's own kernel.
# Debian's own kernel comes first, for it is what this project is tried on; then
# the one that runs here; and where that has no image, as under WSL2, the one that
# the distribution has.
name_default() {
	kept=$build/kernel/default
	if [ -s "$kept" ] && cmp -s /etc/os-release "$kept.of"; then
		name_series "$(cat "$kept")"
		return
	fi
	mkdir -p "$build/kernel"
	know_kernels
	if ! series=$(default_series 'cloud-.*'); then
		if host_image "$(host_release)" >/dev/null; then
			name_host
			return
		fi
		series=$(default_series '.*') ||
			die "this host's package lists have no kernel, and there" \
				"is no image of $(host_release) in /boot: $by_hand"
	fi
	cp /etc/os-release "$kept.of" 2>/dev/null || :
	echo "$series" >"$kept"
	name_series "$series"
}

name_host() {
	echo "host host-$(host_release) host-$(host_release)"
}

# A series that is here, or that the host's package lists have, or a suite.
name_series() {
	echo "$flavours" | while read -r small full; do
		if [ -e "$build/kernel/$1-$small/release" ] ||
			image_of "$small" "$1" >/dev/null; then
			echo "$1 $1-$small $1-$full"
			break
		fi
	done | grep . && return
	suite=$(echo "$suites" | sed -n "s/^$1 //p")
	[ -n "$suite" ] ||
		die "no kernel $1 in this host's package lists: $by_hand"
	echo "$1 $suite -"
}

names() {
	case $1 in
	'' | host)
		case ${KVER-} in
		*[!A-Za-z0-9._+~-]*) die "KVER=$KVER is no release of a kernel" ;;
		esac
		if [ -n "$1${KVER-}" ]; then
			name_host
		else
			name_default
		fi
		;;
	by-hand | debug) echo "$1 $1 $1" ;;
	*[!a-z0-9.-]*) die "KERNEL=$1 is no series of kernels, and no Debian suite" ;;
	[0-9]*) name_series "$1" ;;
	*) echo "$1 $1 -" ;;
	esac
}

# closure PACKAGE...: these, and what they depend on of the same kernel.
closure() {
	for package; do
		echo "$package"
		for other in $(depends "$package" |
			grep -E '^linux-(image|binary|modules|base|headers|kbuild)-[0-9]' |
			grep -v -e '-unsigned$'); do
			closure "$other"
		done
	done | sort -u
}

# Find and fetch the packages of a kernel; leaves its release in release.
download_kernel() {
	release=
	image=$(image_of "$3" "$2") || return 1
	release=${image#linux-image-}
	headers=linux-headers-$release
	# Ubuntu has some of the modules in a package beside the image's.
	# shellcheck disable=SC2046
	download "$1" $(closure "$image" "$headers" $(depends "linux-image-$3" |
		grep -Fx "linux-modules-extra-$release"))
}

# The compiler that the headers ask for, which need not be the host's own.
get_compiler() {
	compiler=$(depends "$1" | grep -m 1 -E 'gcc-[0-9]+') || return 0
	number=$(echo "$compiler" | sed 's/.*gcc-\([0-9]*\).*/\1/')
	printf '%s\n' "kernel gcc-$number $compiler - - -" \
		"compiles modules for kernel $release" | packages
}

need_room() {
	! no_room "$1" || die "no room: $2 in $build for $3"
}

get_series() {
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
	need_room 1200000 "a kernel needs 1.2 GB" "a moment"

	say "fetching a kernel and its headers into build/kernel/$name"
	tmp=$dir.tmp
	rm -rf "$tmp"
	with_new_lists download_kernel "$tmp/deb" "$series" "$flavour" || {
		[ -n "$release" ] || {
			# Should that be the default, ask anew the next time.
			rm -f "$build/kernel/default"
			die "no kernel $series ($flavour) in this host's" \
				"package lists: $by_hand"
		}
		die "cannot fetch kernel $release (no network? see" \
			"build/setup.log): $by_hand"
	}
	get_compiler "$headers"
	# Some packages hold lib/modules, some usr/lib/modules.
	mkdir -p "$tmp/usr/lib"
	ln -s usr/lib "$tmp/lib"
	for deb in "$tmp"/deb/*.deb; do
		dpkg-deb -x "$deb" "$tmp" 2>>"$build/setup.log" ||
			die "cannot unpack ${deb##*/} (see build/setup.log)"
	done
	rm -rf "$tmp/deb"

	for file in vmlinuz config; do
		mv "$tmp/boot/$file-$release" "$tmp/$file" 2>/dev/null ||
			mv "$tmp/lib/modules/$release/$file" "$tmp/$file" \
				2>/dev/null ||
			die "no boot/$file-$release in the packages of kernel" \
				"$release"
	done
	echo "$release" >"$tmp/release"
	ln -s "usr/src/linux-headers-$release" "$tmp/headers"
	# The headers name themselves, and their common part, by where they would be
	# installed.
	# shellcheck disable=SC2016
	sed -i -e 's|^KBUILD_OUTPUT=|KBUILD_OUTPUT := |' \
		-e 's|/usr/src/|$(dir $(lastword $(MAKEFILE_LIST)))../|' \
		"$tmp/headers/Makefile"
	take_modules "$tmp" "$tmp"
	case $flavour in
	cloud-*) ;;
	*) need_modules "$tmp" ;;
	esac
	(cd "$tmp" && rm -rf boot lib usr/lib/modules usr/share)
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

debug_source=linux-source-6.1

# Where the debug kernel is built from DIR/source, and its modules will be: on the
# host, if that is of the kernel's time; else in a tree of the suite that is.
begin_debug() {
	# Where there is none of that name apt takes it for a pattern, and finds
	# linux-source-6.12.
	if apt-cache search --names-only "^$debug_source\$" 2>/dev/null |
		grep -q .; then
		group debug
		with_new_lists download "$1/deb" $debug_source ||
			die "cannot fetch $debug_source (no network? see" \
				"build/setup.log)"
		dpkg-deb --fsys-tarfile "$1"/deb/*.deb >"$1/source.tar"
		rm -rf "$1/deb"
		headers=headers
	else
		"$top/tests/suite.sh" bookworm "$1/tree" gcc libc6-dev \
			gzip diffutils flex bison bc libelf-dev xz-utils \
			$debug_source || exit
		tar -C "$1/tree" -cf "$1/source.tar" \
			"./usr/src/$debug_source.tar.xz"
		rm "$1/tree/usr/src/$debug_source.tar.xz"
		headers=tree/usr/src/debug
	fi
}

# make of the debug kernel, on the host or in the tree.
make_debug() {
	if [ -d "$tmp/tree" ]; then
		"$top/tests/enter.sh" "$tmp/tree" -- \
			make -C "${headers#tree}" "$@"
	else
		env -i PATH="$PATH" LC_ALL=C make -C "$tmp/$headers" "$@"
	fi
}

# Built where the modules for it will be, and then cut down to what they need.
get_debug() {
	dir=$build/kernel/debug
	[ "$(fragment)" != "$(cat "$dir/fragment" 2>/dev/null)" ] || return 0
	need_room 3000000 "the debug kernel needs 3 GB" "a while"

	say "fetching $debug_source and building the debug kernel in" \
		"build/kernel/debug (some minutes; its log: build/setup.log)"
	tmp=$dir.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp"
	begin_debug "$tmp"
	[ ! -d "$tmp/tree" ] ||
		"$top/tests/enter.sh" "$tmp/tree" -- true || exit
	mkdir -p "$tmp/$headers"
	tar -xOf "$tmp/source.tar" "./usr/src/$debug_source.tar.xz" |
		tar -xJ -C "$tmp/$headers" --strip-components=1 ||
		die "cannot unpack $debug_source"
	rm "$tmp/source.tar"
	fragment >"$tmp/fragment"
	cp "$tmp/fragment" "$tmp/$headers/"
	{
		make_debug KCONFIG_ALLCONFIG=fragment allnoconfig &&
			cp "$tmp/$headers/.config" "$tmp/config" &&
			make_debug -s -j "$(nproc)" bzImage modules &&
			cp "$tmp/$headers/arch/x86/boot/bzImage" "$tmp/vmlinuz"
	} >"$build/setup.log" 2>&1 ||
		die "cannot build the debug kernel (see build/setup.log)"
	"$top/tests/doctor.sh" "$tmp/config" | grep '^  .*CONFIG_' >&2 &&
		die "the debug kernel is not what Kconfig.notes asks for"
	cat "$tmp/$headers/include/config/kernel.release" >"$tmp/release"

	mkdir "$tmp/kept"
	(cd "$tmp/$headers" && cp -a --parents .config Makefile Module.symvers \
		include scripts tools/objtool/objtool arch/x86/Makefile* \
		arch/x86/include "$tmp/kept")
	rm -rf "${tmp:?}/$headers"
	mv "$tmp/kept" "$tmp/$headers"
	[ "$headers" = headers ] || ln -s "$headers" "$tmp/headers"
	take_modules "$tmp" "$tmp"
	need_modules "$tmp"
	rm -rf "$dir"
	mv "$tmp" "$dir"
}

# unpacked KO: a module, whatever it is packed with.
unpacked() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

# is_built_in FROM RELEASE MODULE OPTION CONFIG
is_built_in() {
	modprobe -d "$1" -S "$2" --show-depends "$3" 2>/dev/null |
		grep -q "^builtin " || grep -qx "CONFIG_$4=y" "$5" 2>/dev/null
}

# take_modules FROM TO: what is in the table of modules, from FROM/lib/modules
# into TO/modules, unpacked, and the load order for each line of it.
take_modules() {
	release=$(cat "$2/release")
	mkdir -p "$2/modules"
	[ ! -w "$1/lib/modules/$release" ] || [ "$1" = "$sys/" ] ||
		depmod -b "$1" "$release" 2>/dev/null || :
	echo "$modules" | while read -r what names; do
		for module in $names; do
			modprobe -d "$1" -S "$release" --show-depends \
				"${module%=*}" 2>/dev/null || :
		done | awk '$1 == "insmod" { print $2 }' >"$2/modules/order"
		! grep -q '\.zst$' "$2/modules/order" || group zst </dev/null
		while read -r ko; do
			plain=${ko##*/}
			plain=${plain%.ko*}.ko
			[ ! -e "$2/modules/$plain" ] || continue
			unpacked "$ko" >"$2/modules/$plain" ||
				die "cannot unpack $ko"
			echo "$plain"
		done <"$2/modules/order" >"$2/modules/$what"
		rm "$2/modules/order"
		for module in $names; do
			name=${module%=*}
			[ -e "$2/modules/$name.ko" ] ||
				is_built_in "$1" "$release" "$name" \
					"${module#*=}" "$2/config" ||
				echo "$what $name"
		done >>"$2/modules/missing"
	done || exit
	echo "$modules" >"$2/modules/wanted"
}

# A guest with the host's files needs all of the modules for that.
need_modules() {
	lacking=$(sed -n 's/^\(host\|disk\) //p' "$1/modules/missing")
	[ -z "$lacking" ] ||
		die "kernel $(cat "$1/release") has no module" \
			"$(echo "$lacking" | tr '\n' ' ')and the guest needs it" \
			"to see the host's files"
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

# take NAME KDIR VMLINUZ: a kernel that is somewhere on this machine.
take() {
	tmp=$build/kernel/$1.tmp
	dir=$tmp
	[ -e "$2/Makefile" ] || die "no kernel headers in $2 (KDIR=)"
	[ -z "$3" ] || [ -r "$3" ] || die "no kernel image $3 (VMLINUZ=)"
	rm -rf "$dir"
	mkdir -p "$dir"
	ln -s "$(realpath "$2")" "$dir/headers"
	# A copy, which is newer than what was built for the one before.
	[ -z "$3" ] || cat "$3" >"$dir/vmlinuz"
	release_of "$2" "$3" >"$dir/release" 2>/dev/null || :
	grep -Eq '^[0-9]+\.[0-9]+' "$dir/release" ||
		die "${3:-$2} does not say its release: is it an x86 kernel?"
	release=$(cat "$dir/release")
	for config in "$sys/boot/config-$release" \
		"$sys/lib/modules/$release/config" \
		"$2/.config"; do
		if [ -r "$config" ]; then
			ln -s "$(realpath "$config")" "$dir/config"
			break
		fi
	done
	# What was built for the kernel that was here before will not do.
	rm -rf "$build/kmod/$1" "$build/bad/$1" "$build/mutants/$1"

	# The image is in boot/ of this host, or of an unpacked package.
	root=$(realpath "$(dirname "${3:-$sys/boot/vmlinuz}")/..")
	[ -d "$root/lib/modules/$release" ] || root=$sys/
	take_modules "$root" "$dir"
	rm -rf "${build:?}/kernel/$1"
	mv "$tmp" "$build/kernel/$1"
	! grep -q '^host ' "$build/kernel/$1/modules/missing" || [ -z "$3" ] ||
		say "no modules of $release beside $3: make vm and make shell" \
			"will need 9p and overlay built into it"
}

get_by_hand() {
	[ -n "$1" ] || die "VMLINUZ= needs KDIR=, the headers of that kernel"
	take by-hand "$1" "$2"
}

# A kernel that this machine has installed.
get_host() {
	release=${1#host-}
	image=$(host_image "$release") ||
		die "there is no image of kernel $release in /boot or" \
			"/lib/modules/$release (KVER=RELEASE: another that is" \
			"installed): $by_hand"
	headers=$sys/lib/modules/$release/build
	[ -e "$headers/Makefile" ] ||
		die "the headers of kernel $release are missing:" \
			"$(headers_of "$release")"
	[ -r "$image" ] ||
		die "only root may read $image: sudo chmod a+r $image"
	[ "$(cat "$build/kernel/$1/modules/wanted" 2>/dev/null)" != "$modules" ] ||
		[ -n "$(find -H "$image" -cnewer "$build/kernel/$1/release")" ] ||
		return 0
	take "$1" "$headers" "$image"
}

# One at a time, as under make -j; and what an interrupt leaves goes.
alone() {
	tmp=
	trap '[ -z "$tmp" ] || rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM HUP
	command -v flock >/dev/null || return 0
	exec 8<"$top/tests/kernel.sh"
	flock 8
}

check_ours
mkdir -p "$build"
case ${1-} in
names) names "${2-}" ;;
get)
	alone
	case ${2-} in
	debug) get_debug ;;
	host-*) get_host "$2" ;;
	[0-9]*-*) get_series "$2" ;;
	*) exec "$top/tests/suite.sh" "${2-}" ;;
	esac
	;;
by-hand)
	alone
	get_by_hand "${2-}" "${3-}"
	;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
