#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a command in a Debian tree of build/, as chroot does, with some folders of
# the host where they are on the host.
#
#   enter.sh TREE FOLDER... -- COMMAND [ARGUMENT...]
#
# The mounts are in a namespace of their own, and end with the command; so do all
# of its processes. The command runs as who calls this (where that is an ordinary
# user with user namespaces: as their root) and in an environment of its own. This
# takes root, user namespaces or sudo.
#
# Exit status: that of the command; 125 where the tree cannot be entered.
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
program=enter
# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

[ $# -ge 3 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
tree=$1
shift
mounts=0
for folder; do
	[ "$folder" != -- ] || break
	mkdir -p "$tree$folder"
	mounts=$((mounts + 1))
done

# What is done in the namespace, after it was made. Where a container or AppArmor
# gives a namespace and no rights in it, it is the first mount that fails.
# The shell stays, as process 1: the command in its place could not end by a signal.
# shellcheck disable=SC2016
inside='
	tree=$1 user=$2 mounts=$3
	shift 3
	mount -t proc proc "$tree/proc"
	mount --bind /dev/null "$tree/dev/null"
	[ $# -gt 0 ] || exit 0
	while [ "$mounts" -gt 0 ]; do
		mount --rbind "$1" "$tree$1"
		shift
		mounts=$((mounts - 1))
	done
	shift
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
		chroot $user "$tree" "$@" || exit'

# as ROOT USER [ARGUMENT...]: how the namespace is made, and who runs the command.
as() {
	root=$1
	user=$2
	shift 2
	# shellcheck disable=SC2086
	$root --mount --pid --fork --kill-child \
		sh -euc "$inside" sh "$tree" "$user" "$mounts" "$@"
}

uid=$(id -u)
gid=$(id -g)
if [ "$uid" -eq 0 ]; then
	root=unshare user=
	why=$(as "$root" "$user" 2>&1) || root=
else
	root='unshare --map-root-user' user=
	why=$(as "$root" "$user" 2>&1) || {
		root='sudo unshare' user=--userspec=$uid:$gid
		{ may_be_root && as "$root" "$user"; } >&2 || root=
	}
fi
[ -n "$root" ] || {
	say "cannot enter $tree, for which I need root, user namespaces or sudo:" \
		"$why"
	exit 125
}
as "$root" "$user" "$@"
