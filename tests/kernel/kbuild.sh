#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the modules in a directory with kbuild, for one of the kernels here.
#
#   kbuild.sh KERNEL DIRECTORY [VARIABLE=VALUE...]
#
# KERNEL is a name in build/kernel/, or the path of a kernel's headers. If the kernel
# came with a tree of its own (suite.sh), kbuild runs in that tree, which has DIRECTORY
# and this project at the same paths as the host (enter.sh). Where no way leads into the
# tree, as in most containers, kbuild runs in a guest that sees this host's files, if
# build/ has the runner. kbuild sees nothing of the environment (KBUILD_OUTPUT, KCFLAGS,
# ...).
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build

# in_guest COMMAND...: run it as the root of a guest that sees the host's files. What it
# writes is gone with the guest, so DIRECTORY comes back in an archive.
in_guest() {
	say "a guest enters it, which takes some minutes"
	archive=$dir/.built.tar
	trap 'rm -f "$archive"' EXIT
	trap 'exit 130' INT TERM HUP
	# shellcheck disable=SC2016
	"$build/tests/vm" -b -1 -H -a "maxcpus=1 mitigations=off" \
		-k "$kernel" \
		-i "$build/guest/init" -T "$build/templates" \
		-o "/built.tar:$archive" run sh -c '
			dir=$1
			shift
			"$@"
			status=$?
			tar -cf /built.tar -C "$dir" .
			exit $status' sh "$dir" "$@" || return
	tar -xf "$archive" -C "$dir"
}

[ $# -ge 2 ] || usage
case $1 in
*/*)
	kernel=
	headers=$1
	;;
*)
	kernel=$top/build/kernel/$1
	headers=$kernel/headers
	;;
esac
dir=$(cd "$2" && pwd)
shift 2
[ -z "$kernel" ] || [ -d "$kernel" ] ||
	die "there is no $kernel: make KERNEL=${kernel##*/} makes it"
# Our modules get no BTF, so they need no pahole; newer kernels still compare its
# version with the one that built them.
# shellcheck disable=SC2016
set -- M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= \
	PAHOLE_VERSION='$(CONFIG_PAHOLE_VERSION)' "$@" modules
if [ -n "$kernel" ] && [ -d "$kernel/tree" ]; then
	headers=$(realpath "$headers")
	set -- "$top/tests/kernel/enter.sh" "$kernel/tree" "$top" "$dir" -- \
		make -s --no-print-directory \
		-C "${headers#"$(realpath "$kernel/tree")"}" "$@"
	status=0
	"$@" || status=$?
	# A guest of another architecture would run none of this host's programs.
	[ "$(arch_of "${kernel##*/}")" = "$host_arch" ] || exit $status
	if [ $status -eq 125 ] && [ -x "$build/tests/vm" ] && [ -x "$build/guest/init" ]; then
		in_guest "$@"
		exit
	fi
	exit $status
fi
exec env -i PATH="$PATH" HOME="${HOME-}" ${TMPDIR:+TMPDIR="$TMPDIR"} LC_ALL=C \
	make -s --no-print-directory -C "$headers" "$@"
