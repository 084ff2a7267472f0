#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the modules in a folder with kbuild, for one of the kernels here.
#
#   kbuild.sh KERNEL FOLDER [VARIABLE=VALUE...]
#
# KERNEL is a name in build/kernel/, or the path of a kernel's headers. Where the
# kernel came with a tree of its own (suite.sh), kbuild runs in that, with FOLDER and
# this project's folder where they are on the host (enter.sh). What kbuild would
# take from the environment (KBUILD_OUTPUT, KCFLAGS, ...) is not passed on.
set -eu

[ $# -ge 2 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
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
folder=$(cd "$2" && pwd)
shift 2
[ -z "$kernel" ] || [ -d "$kernel" ] || {
	case $kernel in
	*-amd64) how="make ${kernel#"$top/"}/vmlinuz fetches" ;;
	*) how="make KERNEL=${kernel##*/} makes" ;;
	esac
	echo "kbuild: there is no $kernel: $how it" >&2
	exit 1
}
# No BTF is made for our modules, so pahole is not needed; newer kernels
# compare its version with their own all the same.
# shellcheck disable=SC2016
set -- M="$folder" CONFIG_DEBUG_INFO_BTF_MODULES= \
	PAHOLE_VERSION='$(CONFIG_PAHOLE_VERSION)' "$@" modules
if [ -n "$kernel" ] && [ -d "$kernel/tree" ]; then
	headers=$(realpath "$headers")
	exec "$top/tests/enter.sh" "$kernel/tree" "$top" "$folder" -- \
		make -s --no-print-directory \
		-C "${headers#"$(realpath "$kernel/tree")"}" "$@"
fi
exec env -i PATH="$PATH" HOME="${HOME-}" ${TMPDIR:+TMPDIR="$TMPDIR"} LC_ALL=C \
	make -s --no-print-directory -C "$headers" "$@"
