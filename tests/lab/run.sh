#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check a module by the steps of the lab (make lab).
#
#   run.sh DIR SRC [OPTION of build/tests/lab]...
#
# KMOD names the module in the environment; without it, this builds the module from the
# directory SRC ("": kmod/lab, the skeleton). The files go into DIR. tests/lab/lab.c
# describes the options and the exit status; 1 also stands for a module that does not
# build.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=lab failure=2
[ $# -ge 2 ] || usage
cd "$top"
lab=$1
src=${2:-kmod/lab}
shift 2
# Not every shell expands ~ behind SRC=.
# shellcheck disable=SC2088
case $src in
'~/'*) src=$HOME/${src#??} ;;
esac

name=$(tests/kernel/kernel.sh name "${KERNEL-}") || exit 125

mkdir -p "$lab"

# Build a copy, since kbuild leaves its files beside the sources; add our compat.*. If the
# sources and the kernel are those of the last time, the module and its warnings are, too.
if [ -z "${KMOD-}" ]; then
	[ -d "$src" ] || die "there is no directory $src (SRC=)"
	for file in Kbuild shmcount.c; do
		[ -e "$src/$file" ] ||
			die "there is no $file in $src: copy kmod/lab to begin"
	done
	here=$(cd "$lab" && pwd)/$name/mine
	rm -rf "$here.next"
	mkdir -p "$here.next"
	cp kmod/compat.h kmod/compat.mk "$src/Kbuild" "$here.next/"
	cp "$src"/*.[ch] "$here.next/"
	cksum <"build/kernel/$name/vmlinuz" >"$here.next/kernel"
	status=0
	if [ "$name" != by-hand ] &&
		diff -r "$here.next" "$here.built" >/dev/null 2>&1; then
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
	KMOD=$here/shmcount.ko
fi
say "testing it in a guest"
exec build/tests/lab -m kmod/lab/mistakes "$@" "$lab" kmod/lab/steps "$KMOD"
