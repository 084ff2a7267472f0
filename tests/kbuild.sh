#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the modules in a folder with kbuild, for one of the kernels here.
#
#   kbuild.sh KERNEL FOLDER [VARIABLE=VALUE...]
#
# KERNEL is a name in build/kernel/. Where the kernel came with a tree of its own
# (suite.sh), kbuild runs chrooted in that, with FOLDER and this project's folder
# where they are on the host, in a mount and a pid namespace that end with it.
# That takes root, or user namespaces.
set -eu

[ $# -ge 2 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
top=$(cd "$(dirname "$0")/.." && pwd)
kernel=$top/build/kernel/$1
folder=$(cd "$2" && pwd)
shift 2
[ -d "$kernel" ] || {
	case $kernel in
	*-amd64) how="make ${kernel#"$top/"}/vmlinuz fetches" ;;
	*) how="make KERNEL=${kernel##*/} makes" ;;
	esac
	echo "kbuild: there is no $kernel: $how it" >&2
	exit 1
}
set -- M="$folder" CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules
[ -d "$kernel/tree" ] ||
	exec make -s --no-print-directory -C "$kernel/headers" "$@"

as_root=
[ "$(id -u)" -eq 0 ] || as_root=--map-root-user
why=$(unshare $as_root --mount --pid --fork true 2>&1) || {
	echo "kbuild: cannot enter $kernel/tree, for which I need root or user" \
		"namespaces: $why" >&2
	exit 1
}

tree=$kernel/tree
headers=/usr/src/linux-headers-$(cat "$kernel/release")
# The shell stays, as process 1: make in its place could not end by a signal.
# shellcheck disable=SC2016
exec unshare $as_root --mount --pid --fork --kill-child sh -euc '
	tree=$1
	for folder in "$2" "$3"; do
		mkdir -p "$tree$folder"
		mount --rbind "$folder" "$tree$folder"
	done
	shift 3
	mount -t proc proc "$tree/proc"
	mount --bind /dev/null "$tree/dev/null"
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
		chroot "$tree" make -s --no-print-directory "$@" || exit
' sh "$tree" "$top" "$folder" -C "$headers" "$@"
