#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check a module by the steps of the lab (make lab).
#
#   lab.sh [-a] [-s STEP]
#
# The module is built from the folder that SRC names in the environment
# (kmod/lab, the skeleton, if it names none), or is the file that KMOD names. What
# the options are, and the exit status: see tests/lab/lab.c; 1 is also for a module
# that does not build. What is made is in build/lab, or the folder that LAB_FOLDER
# names.
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
cd "$top"
src=${SRC:-kmod/lab}
# Not every shell expands it behind SRC=.
# shellcheck disable=SC2088
case $src in
'~/'*) src=$HOME/${src#??} ;;
esac

die() {
	echo "lab: $*" >&2
	exit 2
}

names=$(tests/kernel.sh names "${KERNEL-}") || exit 125
name=$(echo "$names" | cut -d ' ' -f 2)

lab=${LAB_FOLDER:-build/lab}
mkdir -p "$lab"
CONSOLE=${CONSOLE-$lab/console.log}
export CONSOLE

# A copy, for kbuild leaves its files beside the sources; and with our compat.*.
if [ -z "${KMOD-}" ]; then
	[ -d "$src" ] || die "there is no folder $src (SRC=)"
	for file in Kbuild shmcount.c; do
		[ -e "$src/$file" ] ||
			die "there is no $file in $src: copy kmod/lab to begin"
	done
	here=$(cd "$lab" && pwd)/$name/mine
	rm -rf "$here"
	mkdir -p "$here"
	cp kmod/compat.h kmod/compat.mk "$src/Kbuild" "$here/"
	cp "$src"/*.[ch] "$here/"
	status=0
	tests/kbuild.sh "$name" "$here" >"$here.log" 2>&1 || status=$?
	as_typed=$(printf %s "$src" | sed 's/[\\&|]/\\&/g')
	sed "s|$here/|$as_typed/|g" "$here.log" >&2
	# No word of kbuild's: it could not be run.
	[ $status -ne 125 ] || exit 125
	if [ $status -ne 0 ] || [ ! -e "$here/shmcount.ko" ]; then
		echo "lab: $src does not build a shmcount.ko: see above" >&2
		exit 1
	fi
	KMOD=$here/shmcount.ko
fi
exec build/tests/lab "$@" kmod/lab/steps "$KMOD"
