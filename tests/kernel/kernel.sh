#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Name and fetch the kernels of the guests.
#
#   kernel.sh name [KERNEL [ARCH]]   print what KERNEL= and ARCH= stand for: a name
#                                    in build/kernel/
#   kernel.sh foreign NAME           print its architecture, if that is not this
#                                    machine's
#   kernel.sh get NAME               fetch or build the kernel of that name, with
#                                    its headers
#   kernel.sh get by-hand KDIR VMLINUZ   the same for a kernel given by hand
#
# KERNEL is a series (6.1), a Debian suite (trixie), debug, kcsan, host (a kernel
# that this machine has: the running one, or KVER in the environment), by-hand, or a
# name in build/kernel/. By default it is the series that this host's distribution has,
# else host. ARCH is amd64 or arm64, by default that of this machine. A kernel of another
# one is a suite's (suite.sh), and its name says so: trixie-arm64.
#
# A kernel directory holds vmlinuz, config, release, headers (a link) and modules/. It
# holds tree/ if its modules have to be built in a tree of its own (enter.sh). modules/
# has the modules of the table in modules.sh, and for each purpose of that table a file
# with their load order: payload for what a restored guest gets, host to see the host's
# files, disk for the file system of a guest that measures, kvm for a guest in the guest.
# modules/missing lists what is neither a module nor built in. A kernel directory appears
# whole or not at all.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
# The root below which this machine's kernels are: / but for tests.
sys=${SHMCOUNT_ROOT-}

# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"
for part in modules fetch debug by_hand; do
	# shellcheck source=/dev/null
	. "$top/tests/kernel/$part.sh"
done

by_hand="give a kernel by hand with VMLINUZ=file KDIR=its-headers"

# The flavours of a distribution's kernels that have all drivers: Debian's, Ubuntu's.
flavours="$host_arch generic"

# The suites that have a series, for hosts whose package lists lack it.
suites='5.10 bullseye
6.1 bookworm
6.12 trixie'

# image_of FLAVOURS [SERIES]: the package of the newest image, or of the newest of a
# series, in the first flavour that has it.
image_of() {
	for flavour in $1; do
		for meta in ${2:+"$2-$flavour"} "$flavour"; do
			image=$(depends "linux-image-$meta" |
				grep '^linux-image-[0-9]' | head -n 1) || continue
			case $image in
			linux-image-${2:+"$2"[!0-9]}*)
				echo "$image"
				return
				;;
			esac
		done
	done
	return 1
}

# Fetch the package lists on a fresh machine, which knows no kernel yet.
fetch_first_lists() {
	command -v apt-cache >/dev/null || return 0
	apt-cache pkgnames linux-image- 2>/dev/null | grep -q . ||
		! may_be_root || {
		say "fetching the package lists (apt-get update)"
		as_root apt-get update -q >>"$build/setup.log" 2>&1 || :
	}
}

# host_image RELEASE: the image of a kernel that this machine has. Prefer one that we may
# read.
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
# of its distribution. Do not keep it for the host's own kernel. Debian's own kernel
# comes first, since this project is tried on it; then the running kernel; and where
# that has no image, as under WSL2, the kernel of the distribution.
name_default() {
	kept=$build/kernel/default
	if [ -s "$kept" ] && cmp -s "$sys/etc/os-release" "$kept.of"; then
		name_series "$(cat "$kept")"
		return
	fi
	mkdir -p "$build/kernel"
	fetch_first_lists
	if ! image=$(image_of "$host_arch"); then
		if host_image "$(host_release)" >/dev/null; then
			name host
			return
		fi
		image=$(image_of "$flavours") ||
			die "this host's package lists have no kernel, and there" \
				"is no image of $(host_release) in /boot: $by_hand"
	fi
	cp "$sys/etc/os-release" "$kept.of" 2>/dev/null || :
	echo "$image" | sed 's/^linux-image-\([0-9]*\.[0-9]*\).*/\1/' >"$kept"
	name_series "$(cat "$kept")"
}

# A series that is here already or in the host's package lists; else a suite that has it.
name_series() {
	if [ -e "$build/kernel/$1/release" ] || image_of "$flavours" "$1" >/dev/null; then
		echo "$1"
		return
	fi
	suite=$(echo "$suites" | sed -n "s/^$1 //p")
	[ -n "$suite" ] ||
		die "no kernel $1 in this host's package lists: $by_hand"
	echo "$suite"
}

# name_foreign KERNEL ARCH: the suite that has this series or, by default, this host's.
# One that has no kernel to fetch, such as Ubuntu's, stands for the newest of the table.
name_foreign() {
	case $1 in
	*-"$2"*)
		name "$1"
		return
		;;
	*-16k)
		name "${1%-16k}-$2-16k"
		return
		;;
	debug | kcsan | host* | by-hand)
		die "ARCH=$2: KERNEL=$1 is of this machine's architecture, $host_arch, only"
		;;
	'')
		codename=$(sed -n 's/^VERSION_CODENAME=//p' "$sys/etc/os-release")
		suite=$(echo "$suites" | sed -n "s/.* \($codename\)\$/\1/p")
		[ -n "$suite" ] || suite=$(echo "$suites" | sed -n '$s/.* //p')
		;;
	[0-9]*)
		suite=$(echo "$suites" | sed -n "s/^$1 //p")
		[ -n "$suite" ] || die "ARCH=$2: no suite is known that has a kernel $1;" \
			"KERNEL= may name one"
		;;
	*) suite=$1 ;;
	esac
	name "$suite-$2"
}

name() {
	case $host_arch in
	amd64 | arm64) ;;
	*) die "guests need a machine of amd64 or arm64; this is $host_arch" ;;
	esac
	case $1 in
	host-* | *-amd64 | *-arm64 | *-arm64-16k) ;;
	*-amd64* | *-arm64*) die "KERNEL=$1: an architecture is -amd64, -arm64 or -arm64-16k" ;;
	esac
	case $1 in
	*-amd64* | *-arm64*)
		of=$(arch_of "$1")
		[ "${2:-$of}" = "$of" ] || die "ARCH=$2: KERNEL=$1 is of $of"
		;;
	esac
	case ${2:-$host_arch} in
	"$host_arch") ;;
	amd64 | arm64)
		name_foreign "$1" "$2"
		return
		;;
	*) die "ARCH=$2: it has to be amd64 or arm64" ;;
	esac
	case $1 in
	'' | host)
		case ${KVER-} in
		*[!A-Za-z0-9._+~-]*) die "KVER=$KVER is not a kernel release" ;;
		esac
		if [ -n "$1${KVER-}" ]; then
			echo "host-$(host_release)"
		else
			name_default
		fi
		;;
	host-*)
		KVER=${1#host-}
		name host
		;;
	debug | kcsan)
		[ "$host_arch" = amd64 ] ||
			die "KERNEL=$1 is built on amd64 only; this is $host_arch"
		echo "$1"
		;;
	by-hand) echo "$1" ;;
	*[!a-z0-9.-]*) die "KERNEL=$1 is neither a kernel series nor a Debian suite" ;;
	[0-9]*) name_series "$1" ;;
	*) echo "$1" ;;
	esac
}

# Run one at a time, also under make -j, and clean up after an interrupt.
alone() {
	tmp=
	trap '[ -z "$tmp" ] || rm -rf "$tmp"' EXIT
	trap 'exit 130' INT TERM HUP
	command -v flock >/dev/null || return 0
	exec 8<"$top/tests/kernel/kernel.sh"
	flock 8
}

check_ours
mkdir -p "$build"
case ${1-} in
name) name "${2-}" "${3-}" ;;
foreign)
	arch=$(arch_of "${2-}")
	[ "$arch" = "$host_arch" ] || echo "$arch"
	;;
get)
	alone
	case ${2-} in
	debug | kcsan) get_debug "$2" ;;
	host-*) get_host "$2" ;;
	by-hand)
		[ -n "${3-}" ] || die "VMLINUZ= needs KDIR=, the headers of that kernel"
		take by-hand "$3" "${4-}"
		;;
	[0-9]*) get_series "$2" ;;
	*) exec "$top/tests/kernel/suite.sh" "${2-}" ;;
	esac
	;;
*) usage ;;
esac
