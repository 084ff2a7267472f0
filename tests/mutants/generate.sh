#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Make every small wrong version of the module (mutate.c), as a patch each, for a kernel
# in build/kernel/ for which the module is built: kbuild has left the command there, and
# clang takes from it what the preprocessor needs.
#
#   generate.sh KERNEL PATCHES
#
# A patch that was there before and has not changed is not written again.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
[ $# -eq 2 ] || usage
kernel=$top/build/kernel/$1
module=$top/build/kmod/$1
patches=$2
new=$patches.new

# A kernel with a tree of its own was built in there.
tree=
[ ! -d "$kernel/tree" ] || tree=$(realpath "$kernel/tree")
rm -rf "$new"
mkdir -p "$new" "$patches"
new=$(realpath "$new")
# shellcheck disable=SC2046
eval "set -- $(sed -n '1s/^[^=]*:= *//p' "$module/.shmcount.o.cmd" | tr -s ' ' '\n' |
	sed -n -e "s,^-I/usr,-I$tree/usr,; /^-[ID]./p; /^-nostdinc/p" \
		-e "/^-include/{p;n;s,^/usr,$tree/usr,p}" | tr '\n' ' ')"
(cd "$kernel/headers" &&
	"$top/build/tests/mutate" "$new" "$module/shmcount.c" -std=gnu11 -w "$@")
for patch in "$patches"/*.patch "$new"/*.patch; do
	name=${patch##*/}
	if [ ! -e "$new/$name" ]; then
		rm -f "$patches/$name"
	elif ! cmp -s "$new/$name" "$patches/$name"; then
		cp "$new/$name" "$patches/"
	fi
done
rm -r "$new"
