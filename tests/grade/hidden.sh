#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Link an instructor's own tests with ours.
#
#   hidden.sh [-l] DIR PROGRAM OBJECT...
#
# DIR has C files like tests/*.c: they can include harness.h, device.h and
# program.h, and each test is a TEST(hidden_GROUP, WHAT). PROGRAM is linked from
# them and the objects. The environment gives CC and CFLAGS. -l: only link it; it is for
# another machine, which runs the tests that PROGRAM of this one has listed.
set -eu

runs_here=yes
[ "${1-}" != -l ] || {
	runs_here=
	shift
}
[ $# -ge 3 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
dir=$1
program=$2
shift 2

die() {
	echo "grade: $*" >&2
	exit 2
}

[ -d "$dir" ] || die "HIDDEN=$dir is not a directory"
work=$program.tmp
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# Students must not see the instructor's path, so take it out of __FILE__. Tests run
# in link order: those that load and unload the module come first.
number=0
for file in "$dir"/*.c; do
	[ -e "$file" ] || die "there is no C file in HIDDEN=$dir"
	number=$((number + 1))
	# shellcheck disable=SC2086
	${CC:-cc} ${CFLAGS-} -ffile-prefix-map="$dir"=tests/hidden \
		-c -o "$work/$number.o" "$file" ||
		die "$file does not compile"
done
# shellcheck disable=SC2086
${CC:-cc} ${CFLAGS-} -static-pie -s -o "$work/all" "$@" "$work"/*.o ||
	die "the tests of HIDDEN=$dir do not link with ours"
check() {
	# shellcheck disable=SC2086
	${CC:-cc} ${CFLAGS-} -static -o "$work/ours" "$@"
	twice=$("$work/all" -l | sort | uniq -d)
	[ -z "$twice" ] || die "two tests in HIDDEN=$dir are called" "$twice"
	"$work/ours" -l | sort >"$work/ours.list"
	theirs=$("$work/all" -l | sort | comm -13 "$work/ours.list" -)
	[ -n "$theirs" ] || die "there is no TEST() in HIDDEN=$dir"
	for test in $theirs; do
		case $test in
		hidden_*) ;;
		*) die "a test in HIDDEN=$dir is called $test, but it has to be a" \
			"TEST(hidden_..., ...)" ;;
		esac
	done
}

[ -z "$runs_here" ] || check "$@"
# Do not touch an unchanged program: its grades stay valid.
cmp -s "$work/all" "$program" || mv "$work/all" "$program"
