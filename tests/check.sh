#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the test programs, on the host and in a guest, and report (make check).
#
#   check.sh ['PATTERN...']   only the tests that a pattern names
#
# ONLY=NAME: those of build/tests/NAME_test, which is of none of the others.
# Without HOST_KERNEL_DIR it is the kernel alone that is tested: with what runs in
# the small guest and, where it has checkers, whether they notice.
#
# REPEAT=N runs each of them N times; LOAD=N keeps the host busy meanwhile, with
# N loops. The report is made by build/tests/report: build/results/ has tap,
# junit.xml and json and, in parts/, what each program printed. The last line is
# "N passed, N failed"; the exit status is 0 only if none failed and every
# program said that all is well. Beside what the tests want (see vm_test.c),
# AGAIN in the environment is the command that this was started by, but for
# TESTS=.
set -u

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
results=$build/results
# Where modinfo is, which an ordinary user's PATH may not have.
PATH=$PATH:/usr/sbin:/sbin
export PROGRAMS="$build/tests" GUEST="$build/guest" TOP="$top"

# Patterns are words of one variable, and not for this shell to expand.
patterns=${1-}
set -f
# Programs of tests that run on the host, each NAME_test; and those of the guest.
hosts=${ONLY-harness setup report mutants lab watch grade}
guests=
[ -n "${ONLY-}" ] || guests="$PROGRAMS/vm_test $GUEST/suite"

die() {
	echo "check: $*" >&2
	exit 2
}

# number NAME LEAST MOST VALUE
number() {
	case $4 in
	'' | *[!0-9]* | ?????*) ;;
	*) [ "$4" -lt "$2" ] || [ "$4" -gt "$3" ] || return 0 ;;
	esac
	die "$1=$4: it has to be a number from $2 to $3"
}

REPEAT=${REPEAT:-1}
LOAD=${LOAD:-0}
number REPEAT 1 1000 "$REPEAT"
number LOAD 0 1000 "$LOAD"
export REPEAT

# of PROGRAM: those of the patterns that name a test of it.
of() {
	for pattern in $patterns; do
		"$1" -l "$pattern" >/dev/null 2>&1 && echo "$pattern"
	done
}

parts=
pids=

# begin NAME LISTER 'ARG...' COMMAND...: start the command, with the arguments.
# LISTER is the test program itself, and says which tests they are.
begin() {
	part=$results/parts/$1
	parts="$parts $1"
	args="-r $REPEAT $3"
	# shellcheck disable=SC2086
	"$2" -l $args >"$part.list"
	shift 3
	# Whoever shows it may come sooner than who writes it.
	: >"$part.tap"
	# shellcheck disable=SC2086
	"$@" $args >"$part.tap" &
	pid=$!
	pids="$pids $pid"
}

# finish NAME PID: show what comes, until it has ended, and keep its status.
# What is waited for is in the background, so that a signal is heard at once.
finish() {
	echo "# $1"
	tail -n +1 -s 0.1 -f --pid="$2" "$results/parts/$1.tap" &
	shown=$!
	wait "$2"
	echo $? >"$results/parts/$1.status"
	pids=$(echo " $pids " | sed "s/ $2 / /")
	wait "$shown"
}

# chosen LISTER: are there tests of this program to run? Leaves in mine those
# of the patterns that it knows.
chosen() {
	mine=$(of "$1")
	[ -z "$patterns" ] || [ -n "$mine" ]
}

# part NAME LISTER COMMAND...: run the command with the patterns that LISTER
# knows; not at all if there are patterns for others.
part() {
	chosen "$2" || return 0
	name=$1
	lister=$2
	shift 2
	begin "$name" "$lister" "$mine" "$@"
	finish "$name" "$pid"
}

# halves NAME LISTER COMMAND...: as part, but all in two that run at the same
# time: a guest keeps about one processor busy, and nothing here is timed.
halves() {
	if [ -n "$patterns" ]; then
		part "$@"
		return
	fi
	name=$1
	begin_half 1 "$@"
	first=$pid
	begin_half 2 "$@"
	second=$pid
	finish "$name-1" "$first"
	finish "$name-2" "$second"
}

begin_half() {
	half=$1
	lister=$3
	shift 3
	CONSOLE=$results/console-$name-$half.log \
		begin "$name-$half" "$lister" "-s $half/2" "$@"
}

# Those tests of the guest's programs that make sense here, too.
this_host() {
	chosen "$GUEST/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$GUEST/suite" -l $mine | grep -E '^(incr|compare)\.') || return 0
	begin this-host "$GUEST/suite" "$mine" \
		env PROGRAMS="$top/user" "$GUEST/suite"
	finish this-host "$pid"
}

# The tests of a region past 2 and past 4 GiB, in a guest of twice that and more.
# It takes from the host only what the tests touch, but starts only where all of it
# is free. A kernel's checkers go through all of it: there 5 GiB have to do.
large_guest() {
	chosen "$GUEST/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$GUEST/suite" -l $mine | grep '^io\.region_beyond_') || return 0
	free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	[ -e "$KERNEL_DIR/fragment" ] && sizes=5120 || sizes='10240 5120'
	for memory in $sizes; do
		[ "${free:-0}" -gt "$memory" ] || continue
		begin large-guest "$GUEST/suite" "$mine" \
			env MEMORY="$memory" CONSOLE="$results/console-large.log" \
			"$top/tests/vm.sh" tap suite
		finish large-guest "$pid"
		return
	done
	echo "# large-guest: not started: it needs $memory MB, and this host" \
		"has ${free:-0} MB free"
}

# Keep a processor busy for as long as this shell is there.
keep_busy() {
	while kill -0 $$ 2>/dev/null; do :; done
}

report() {
	[ -z "$parts" ] || {
		for part in $parts; do
			grep '^# guest under ' "$results/parts/$part.tap"
		done | sort -u
		# shellcheck disable=SC2086
		"$PROGRAMS/report" -k "$(cat "$KERNEL_DIR/release")" \
			-m "${KMOD:-${KO#"$top/"}}" -a "${AGAIN:-make check}" \
			"$results" $parts
	}
}

# What there is by then is reported, too.
interrupted() {
	trap '' INT TERM HUP
	# shellcheck disable=SC2086
	kill -TERM $pids $loops 2>/dev/null
	wait
	report
	exit 130
}

for pattern in $patterns; do
	known=
	for name in $hosts; do
		known=$known$("$PROGRAMS/${name}_test" -l "$pattern" 2>/dev/null)
	done
	for program in $guests; do
		known=$known$("$program" -l "$pattern" 2>/dev/null)
	done
	[ -n "$known" ] || die "no test is named '$pattern'"
done

# What its checkers take, the runner has to wait for.
slower=
[ ! -e "$KERNEL_DIR/fragment" ] || slower='env SLOWER=4'

loops=
trap interrupted INT TERM HUP
# shellcheck disable=SC2086
trap 'kill $loops 2>/dev/null' EXIT
rm -rf "$results"
mkdir -p "$results/parts"
while [ "$LOAD" -gt 0 ]; do
	keep_busy &
	loops="$loops $!"
	LOAD=$((LOAD - 1))
done

if [ -n "${HOST_KERNEL_DIR-}${ONLY-}$patterns" ]; then
	for name in $hosts; do
		part "$name" "$PROGRAMS/${name}_test" "$PROGRAMS/${name}_test"
	done
fi
if [ -n "${ONLY-}" ]; then
	report
	exit
fi
[ -z "${HOST_KERNEL_DIR-}$patterns" ] || this_host
halves guest "$GUEST/suite" "$top/tests/vm.sh" tap suite
large_guest
if [ -n "${HOST_KERNEL_DIR-}$patterns" ]; then
	# shellcheck disable=SC2086
	halves runner "$PROGRAMS/vm_test" $slower "$PROGRAMS/vm_test"
elif [ -e "$KERNEL_DIR/fragment" ]; then
	# shellcheck disable=SC2086
	begin runner "$PROGRAMS/vm_test" 'checkers.*' $slower \
		"$PROGRAMS/vm_test"
	finish runner "$pid"
fi
report
