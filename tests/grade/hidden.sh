#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Make an instructor's own tests part of the guest's program with the tests.
#
#   hidden.sh FOLDER PROGRAM OBJECT...
#
# FOLDER has C files as tests/*.c are: harness.h, device.h and program.h are
# there for them, and each test is a TEST(hidden_GROUP, WHAT). PROGRAM is made of
# them and of the objects. CC and CFLAGS are taken from the environment.
set -eu

[ $# -ge 3 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/../surroundings.sh"
folder=$1
program=$2
shift 2

die() {
	echo "grade: $*" >&2
	exit 2
}

[ -d "$folder" ] || die "HIDDEN=$folder is no folder"
work=$program.tmp
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# The path of an instructor is nobody's business: __FILE__ leaves it out, and
# puts these tests after those that ask whether the module loads.
number=0
for file in "$folder"/*.c; do
	[ -e "$file" ] || die "there is no C file in HIDDEN=$folder"
	number=$((number + 1))
	# shellcheck disable=SC2086
	${CC:-cc} ${CFLAGS-} -ffile-prefix-map="$folder"=tests/hidden \
		-c -o "$work/$number.o" "$file" ||
		die "$file does not compile"
done
# shellcheck disable=SC2086
${CC:-cc} ${CFLAGS-} -static -o "$work/ours" "$@"
# shellcheck disable=SC2086
${CC:-cc} ${CFLAGS-} -static -o "$work/all" "$@" "$work"/*.o ||
	die "the tests of HIDDEN=$folder do not go with ours"
twice=$("$work/all" -l | sort | uniq -d)
[ -z "$twice" ] || die "two tests in HIDDEN=$folder are called" "$twice"
"$work/ours" -l | sort >"$work/ours.list"
theirs=$("$work/all" -l | sort | comm -13 "$work/ours.list" -)
[ -n "$theirs" ] || die "there is no TEST() in HIDDEN=$folder"
for test in $theirs; do
	case $test in
	hidden_*) ;;
	*) die "a test in HIDDEN=$folder is called $test: TEST(hidden_...," \
		"...) is what they have to be" ;;
	esac
done
# The same program stays as it is, so that what was graded with it stays graded.
cmp -s "$work/all" "$program" || mv "$work/all" "$program"
