#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a line of shell as root in a Debian tree, with this project at /project.
#
#   enter.sh TREE 'LINE'
#
# It runs chrooted, in a mount and a pid namespace that end with it. What it writes
# goes into a layer in memory, and is gone then; with KEEP=1 the tree has it.
set -eu

[ $# -eq 2 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/../surroundings.sh"
# What is made here is for others to read and run, whatever is asked for new files.
umask 022
# Process 1 is the shell of the line, in its new root: programs as udevadm, which
# do nothing in a chroot, take it for a system of its own. The trap is there as a
# process 1 has no default action for signals.
# shellcheck disable=SC2016
exec unshare --mount --pid --fork --kill-child sh -euc '
	tree=$1
	mnt=$2/build/deb/mnt
	mkdir -p "$mnt"
	mount -t tmpfs tmpfs "$mnt"
	mkdir "$mnt/upper" "$mnt/work" "$mnt/root"
	root=$mnt/root
	if [ -n "$3" ]; then
		mount --bind "$tree" "$root"
	else
		mount -t overlay overlay "$root" -o \
			"lowerdir=$tree,upperdir=$mnt/upper,workdir=$mnt/work"
	fi
	mkdir -p "$root/project"
	mount --bind "$2" "$root/project"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	mount -t proc proc "$root/proc"
	for folder in dev/shm run tmp; do
		mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"
	done
	exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root \
		DEBIAN_FRONTEND=noninteractive \
		chroot "$root" sh -c "trap \"exit 130\" INT TERM; $4"
' sh "$1" "$top" "${KEEP-}" "$2"
