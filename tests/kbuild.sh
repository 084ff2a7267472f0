#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the modules in a folder of this project with kbuild.
#
#   kbuild.sh KERNEL FOLDER [VARIABLE=VALUE...]
#
# KERNEL is a name in build/kernel/, FOLDER an absolute path. Where the kernel
# came with a tree of its own (suite.sh), kbuild runs chrooted in that, with
# this project's folder where it is on the host, in a mount and a pid namespace
# that end with it. That takes root, or user namespaces.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
kernel=$top/build/kernel/$1
folder=$2
shift 2
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
mkdir -p "$tree$top"
# The shell stays, as process 1: make in its place could not end by a signal.
# shellcheck disable=SC2016
exec unshare $as_root --mount --pid --fork --kill-child sh -euc '
	tree=$1 top=$2
	shift 2
	mount --rbind "$top" "$tree$top"
	mount -t proc proc "$tree/proc"
	mount --bind /dev/null "$tree/dev/null"
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
		chroot "$tree" make -s --no-print-directory "$@" || exit
' sh "$tree" "$top" -C "$headers" "$@"
