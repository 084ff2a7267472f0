#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the test programs, on the host and in a guest, and report (make check).
#
#   check.sh [-p NAME] [-m MODULE] KERNEL HOST_KERNEL ['PATTERN...']
#
# Tests run on KERNEL in the small guest, and on HOST_KERNEL in the guest that sees the
# host's files: names in build/kernel/. Patterns select tests. With -p only the program
# build/tests/NAME_test runs; -m is what the report calls the tested module.
#
# Where HOST_KERNEL is "-", only KERNEL itself is tested: by what runs in the small
# guest and, where the kernel has sanitizers, by the tests that they notice errors.
#
# REPEAT=N runs each test N times; LOAD=N keeps the host busy with N loops. AGAIN is the
# command that started this, without TESTS=. build/tests/report writes the report:
# build/results/ gets tap, junit.xml and json, and in parts/ what each program printed.
# The last line is "N passed, N failed"; the exit status is 0 only if no test failed and
# every program reported success.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
failure=2
build=$top/build
results=$build/results
# modinfo is there, which an ordinary user's PATH may lack.
PATH=$PATH:/usr/sbin:/sbin

only=
module=${KMOD-}
while getopts p:m: option; do
	case $option in
	p) only=$OPTARG ;;
	m) module=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || usage

# The tests read these: where things are, and what the kernels are called.
export TOP="$top" PROGRAMS="$build/tests" SMALL_KERNEL="$1"
unset FULL_KERNEL
[ "$2" = - ] || export FULL_KERNEL="$2"
GUEST=$build/guest
kernel=$build/kernel/$1
RELEASE=$(cat "$kernel/release")
export RELEASE
# Set where the tests of the host run as well.
host=${FULL_KERNEL-}$only${3-}

# Patterns are the words of one variable; this shell must not expand them.
patterns=${3-}
set -f
# Programs of tests that run on the host, each NAME_test; and those of the guest.
hosts=${only:-harness setup report mutants lab timeline grade}
guests=
[ -n "$only" ] || guests="$PROGRAMS/vm_test $GUEST/suite"

# number NAME MIN MAX VALUE
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

# of PROGRAM: the patterns that name a test of it.
of() {
	for pattern in $patterns; do
		"$1" -l "$pattern" >/dev/null 2>&1 && echo "$pattern"
	done
}

parts=
pids=

# begin NAME LISTER 'ARG...' COMMAND...: start the command with the arguments. LISTER
# is the test program itself, which lists the tests that they select.
begin() {
	part=$results/parts/$1
	parts="$parts $1"
	args="-r $REPEAT $3"
	# shellcheck disable=SC2086
	"$2" -l $args >"$part.list"
	shift 3
	# tail may open it before the command does.
	: >"$part.tap"
	# shellcheck disable=SC2086
	"$@" $args >"$part.tap" &
	pid=$!
	pids="$pids $pid"
}

# finish NAME PID: show the output until the command ends, and keep its status. Both
# run in the background, so that wait hears a signal at once.
finish() {
	echo "# $1"
	tail -n +1 -s 0.1 -f --pid="$2" "$results/parts/$1.tap" &
	shown=$!
	wait "$2"
	echo $? >"$results/parts/$1.status"
	pids=$(echo " $pids " | sed "s/ $2 / /")
	wait "$shown"
}

# chosen LISTER: are there tests of this program to run? Sets mine to the patterns that
# it knows.
chosen() {
	mine=$(of "$1")
	[ -z "$patterns" ] || [ -n "$mine" ]
}

# part NAME LISTER COMMAND...: run the command with the patterns that LISTER knows, or
# not at all if all patterns are for other programs.
part() {
	chosen "$2" || return 0
	name=$1
	lister=$2
	shift 2
	begin "$name" "$lister" "$mine" "$@"
	finish "$name" "$pid"
}

# halves NAME LISTER COMMAND...: as part, but all tests run as two halves at the same
# time: a guest keeps about one processor busy, and no test measures time.
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

# in_guest MEMORY [ARG...]: run the suite in a guest with so much memory ("": as usual).
# begin has set part.
in_guest() {
	export MEMORY="$1"
	shift
	exec "$top/tests/guest/vm.sh" -c "$results/console-${part##*/}.log" \
		-r "$part.verdict" tap suite "$@"
}

# The tests of user/ that the host can run as well as the guest.
this_host() {
	chosen "$GUEST/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$GUEST/suite" -l $mine | grep -E '^(incr|compare)\.') || return 0
	begin this-host "$GUEST/suite" "$mine" \
		env PROGRAMS="$top/user" "$GUEST/suite"
	finish this-host "$pid"
}

# The tests of a region past 2 and past 4 GiB, in a guest with twice that and more. The
# guest takes from the host only what the tests touch, but starts only where all of it
# is free. The debug kernel's sanitizers go through all of it, so it gets 5 GiB.
large_guest() {
	chosen "$GUEST/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$GUEST/suite" -l $mine | grep '^io\.region_beyond_') || return 0
	free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	[ -e "$kernel/fragment" ] && sizes=5120 || sizes='10240 5120'
	for memory in $sizes; do
		[ "${free:-0}" -gt "$memory" ] || continue
		begin large-guest "$GUEST/suite" "$mine" in_guest "$memory"
		finish large-guest "$pid"
		return
	done
	echo "# large-guest: not started: it needs $memory MB, and this host" \
		"has ${free:-0} MB free"
}

# Keep a processor busy while this shell lives.
keep_busy() {
	while kill -0 $$ 2>/dev/null; do :; done
}

report() {
	[ -z "$parts" ] || {
		for part in $parts; do
			grep '^# guest under ' "$results/parts/$part.tap"
		done | sort -u
		# shellcheck disable=SC2086
		"$PROGRAMS/report" -k "$RELEASE" -m "${module:-build/kmod/$SMALL_KERNEL/shmcount.ko}" \
			-a "${AGAIN:-make check}" \
			"$results" $parts
	}
}

# Report what has run by then.
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
	for lister in $guests; do
		known=$known$("$lister" -l "$pattern" 2>/dev/null)
	done
	[ -n "$known" ] || die "no test is named '$pattern'"
done

# Sanitizers slow the guest down; the runner waits as much longer.
slower=
[ ! -e "$kernel/fragment" ] || slower='env SLOWER=4'

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

if [ -n "$host" ]; then
	for name in $hosts; do
		part "$name" "$PROGRAMS/${name}_test" "$PROGRAMS/${name}_test"
	done
fi
if [ -n "$only" ]; then
	report
	exit
fi
[ -z "$host" ] || this_host
halves guest "$GUEST/suite" in_guest "${MEMORY-}"
large_guest
if [ -n "$host" ]; then
	# shellcheck disable=SC2086
	halves runner "$PROGRAMS/vm_test" $slower "$PROGRAMS/vm_test"
elif [ -e "$kernel/fragment" ]; then
	# shellcheck disable=SC2086
	begin runner "$PROGRAMS/vm_test" 'sanitizers.*' $slower \
		"$PROGRAMS/vm_test"
	finish runner "$pid"
fi
report
