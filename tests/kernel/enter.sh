#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a command in a Debian tree of build/, as chroot does, with some directories of
# the host mounted at the same paths.
#
#   enter.sh TREE DIRECTORY... -- COMMAND [ARGUMENT...]
#
# The mounts are in a namespace of their own, and end with the command and all its
# processes. The command runs as the calling user (an ordinary user with user
# namespaces is root in them) and in an environment of its own. This takes root, user
# namespaces or sudo.
#
# Exit status: that of the command; 125 if the tree cannot be entered.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"

[ $# -ge 3 ] || usage
tree=$1
shift
mounts=0
for dir; do
	[ "$dir" != -- ] || break
	mkdir -p "$tree$dir"
	mounts=$((mounts + 1))
done

# This runs in the new namespace. Where a container or AppArmor gives a namespace
# without any rights in it, the first mount fails. The shell stays as process 1: a
# command in its place could not end by a signal.
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

# as ROOT USER [ARGUMENT...]: make the namespace by ROOT, run the command as USER.
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
	say "cannot enter $tree: root, user namespaces or sudo is required:" \
		"$why"
	exit 125
}
as "$root" "$user" "$@"
