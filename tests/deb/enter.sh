#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a line of shell as root in a Debian tree, with this project at /project.
#
#   enter.sh [-k] TREE 'LINE'
#
# It runs in a chroot, in a mount and a pid namespace that end with it. What it writes
# goes into a layer in memory that ends with it, too; with -k, into the tree.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
keep=
if [ "${1-}" = -k ]; then
	keep=yes
	shift
fi
[ $# -eq 2 ] || usage
# Others must be able to read and run what is made here, whatever the user's umask.
umask 022
# The shell of the line is process 1 in its new root, so that programs such as udevadm,
# which do nothing in a chroot, see a system of its own. The trap is needed because
# signals have no default action for a process 1.
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
	for dir in dev/shm run tmp; do
		mount -t tmpfs -o mode=1777 tmpfs "$root/$dir"
	done
	exec env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C HOME=/root \
		DEBIAN_FRONTEND=noninteractive \
		chroot "$root" sh -c "trap \"exit 130\" INT TERM; $4"
' sh "$1" "$top" "$keep" "$2"
