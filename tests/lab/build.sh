#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the module of a student, and print its path.
#
#   build.sh DIR SRC
#
# SRC is the directory with its sources ("": kmod/lab, the skeleton), KERNEL in the
# environment the kernel that it is for. The files go into DIR. What the compiler says
# goes to standard error. Exit status 1: it does not build; 2: SRC is not such a
# directory; 125: kbuild cannot run.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=lab failure=2
[ $# -eq 2 ] || usage
cd "$top"
lab=$1
src=$(expand_home "${2:-kmod/lab}")

name=$(tests/kernel/kernel.sh name "${KERNEL-}") || exit 125
[ -d "$src" ] || die "there is no directory $src (SRC=)"
for file in Kbuild shmcount.c; do
	[ -e "$src/$file" ] || die "there is no $file in $src: copy kmod/lab to begin"
done

# Build a copy, since kbuild leaves its files beside the sources; add our compat.*. If the
# sources and the kernel are those of the last time, the module and its warnings are, too.
mkdir -p "$lab"
here=$(cd "$lab" && pwd)/$name/mine
rm -rf "$here.next"
mkdir -p "$here.next"
cp kmod/compat.h kmod/compat.mk "$src/Kbuild" "$here.next/"
cp "$src"/*.[ch] "$here.next/"
cksum <"build/kernel/$name/vmlinuz" >"$here.next/kernel"
status=0
if [ "$name" != by-hand ] && diff -r "$here.next" "$here.built" >/dev/null 2>&1; then
	say "$src has not changed"
else
	say "building $src"
	rm -rf "$here" "$here.built"
	cp -R "$here.next" "$here"
	tests/kernel/kbuild.sh "$name" "$here" >"$here.log" 2>&1 || status=$?
fi
as_typed=$(printf %s "$src" | sed 's/[\\&|]/\\&/g')
sed "s|$here/|$as_typed/|g" "$here.log" >&2
# kbuild itself never gives 125: it did not run.
[ $status -ne 125 ] || exit 125
if [ $status -ne 0 ] || [ ! -e "$here/shmcount.ko" ]; then
	failure=1 die "$src does not build a shmcount.ko: see above"
fi
rm -rf "$here.built"
mv "$here.next" "$here.built"
echo "$here/shmcount.ko"
