#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the test programs, on the host and in a guest, and report (make check).
#
#   check.sh [-a COMMAND] [-p NAME] [-m MODULE] KERNEL ['PATTERN...']
#
# KERNEL, a name in build/kernel/, is that of the guests. Patterns select tests. With -p
# only the program build/tests/NAME_test runs, and build/results-NAME takes the place of
# build/results. -m is what the report calls the tested module, and -a the command that
# runs a test again, without TESTS= (make check).
#
# Of a suite's kernel and of the debug kernel only the kernel itself is tested, unless
# patterns ask for more: by what runs in the small guest and, where the kernel has
# sanitizers, by the tests that they notice errors.
#
# The environment has what a user may set: see "make help" and the Makefile.
# build/tests/report writes the report: build/results/ gets tap, junit.xml and json, and
# in parts/ what each program printed. The last line is "N passed, N failed"; the exit
# status is 0 only if no test failed and every program reported success.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
failure=2
build=$top/build
# modinfo is there, which an ordinary user's PATH may lack.
PATH=$PATH:/usr/sbin:/sbin

again='make check'
only=
module=${KMOD-}
while getopts a:p:m: option; do
	case $option in
	a) again=$OPTARG ;;
	p) only=$OPTARG ;;
	m) module=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 1 ] || usage

tested=$1
programs=$build/tests
guest=$build/guest
kernel=$build/kernel/$tested
results=$build/results${only:+-$only}
# Patterns are the words of one variable; this shell must not expand them.
patterns=${2-}
# Set where the tests of the host run as well.
host=$only$patterns
[ -e "$kernel/tree" ] || [ -e "$kernel/fragment" ] || host=yes
set -f
# Programs of tests that run on the host, each NAME_test; and those of the guest.
hosts=${only:-setup timeline lab grade mutants harness report}
guests=
[ -n "$only" ] || guests="$programs/vm_test $guest/suite"

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
large=
# Of the parts that run, and of those that are to be shown: NAME:PID. The process that
# shows one.
running=
unshown=
shows=
# They keep two processors busy: each waits for something now and then.
at_once=3

# look: note which parts have ended, and show the next one as soon as the last was shown.
look() {
	left=
	for one in $running; do
		if kill -0 "${one#*:}" 2>/dev/null; then
			left="$left $one"
		else
			wait "${one#*:}"
			echo $? >"$results/parts/${one%:*}.status"
		fi
	done
	running=$left
	[ -z "$shows" ] || kill -0 "$shows" 2>/dev/null || shows=
	[ -z "$shows" ] || return 0
	for one in $unshown; do
		echo "# ${one%:*}"
		tail -n +1 -s 0.1 -f --pid="${one#*:}" "$results/parts/${one%:*}.tap" &
		shows=$!
		unshown=${unshown#" $one"}
		return
	done
}

# Both run in the background, so that wait hears a signal at once. It also reaps what
# has ended meanwhile.
nap() {
	sleep 0.1 &
	wait $!
}

# Wait until one more part may run.
await_room() {
	look
	# shellcheck disable=SC2086
	while set -- $running && [ $# -ge $at_once ]; do
		nap
		look
	done
}

# await NAME: wait until this part has ended.
await() {
	while look && [ "${running#* "$1":}" != "$running" ]; do
		nap
	done
}

finish_all() {
	while [ -n "$running$unshown$shows" ]; do
		look
		nap
	done
}

# begin NAME LISTER 'ARG...' COMMAND...: start the command with the arguments, once there
# is room. LISTER is the test program itself, which lists the tests that they select.
begin() {
	part=$results/parts/$1
	parts="$parts $1"
	args="-r $REPEAT $3"
	# shellcheck disable=SC2086
	"$2" -l $args >"$part.list"
	shift 3
	await_room
	# tail may open it before the command does.
	: >"$part.tap"
	# shellcheck disable=SC2086
	"$@" $args >"$part.tap" &
	running="$running ${part##*/}:$!"
	unshown="$unshown ${part##*/}:$!"
}

# chosen LISTER: are there tests of this program to run? Sets mine to the patterns that
# it knows.
chosen() {
	mine=$(of "$1")
	[ -z "$patterns" ] || [ -n "$mine" ]
}

# halves NAME LISTER COMMAND...: run the command with the patterns that LISTER knows, or
# not at all if all patterns are for other programs. All tests run as two halves; no test
# measures time.
halves() {
	chosen "$2" || return 0
	name=$1
	lister=$2
	shift 2
	if [ -n "$patterns" ]; then
		begin "$name" "$lister" "$mine" "$@"
		return
	fi
	for half in 1 2; do
		CONSOLE=$results/console-$name-$half.log \
			begin "$name-$half" "$lister" "-s $half/2" "$@"
	done
}

# in_guest [ARG...]: run the suite in a guest. begin has set part.
in_guest() {
	exec "$top/tests/guest/vm.sh" -c "$results/console-${part##*/}.log" \
		-r "$part.verdict" $large tap suite "$@"
}

# The tests of user/ that the host can run as well as the guest.
this_host() {
	chosen "$guest/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$guest/suite" -l $mine | grep -E '^(incr|compare)\.') || return 0
	begin this-host "$guest/suite" "$mine" "$guest/suite"
}

# The tests of large regions and, with all others, those of load once more.
large_guest() {
	chosen "$guest/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$guest/suite" -l $mine | grep '^large\.') || return 0
	[ -n "$patterns" ] || mine="$mine load.*"
	large=-l
	begin large-guest "$guest/suite" "$mine" in_guest
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
		"$programs/report" -k "$(cat "$kernel/release")" \
			-m "${module:-build/kmod/$tested/shmcount.ko}" -a "$again" \
			"$results" $parts
	}
}

# Report what has run by then.
interrupted() {
	trap '' INT TERM HUP
	for one in $running $loops; do
		kill -TERM "${one#*:}" 2>/dev/null
	done
	wait
	report
	exit 130
}

for pattern in $patterns; do
	known=
	for name in $hosts; do
		known=$known$("$programs/${name}_test" -l "$pattern" 2>/dev/null)
	done
	for lister in $guests; do
		known=$known$("$lister" -l "$pattern" 2>/dev/null)
	done
	[ -n "$known" ] || die "no test is named '$pattern'"
done

# Sanitizers slow the guest down; the tests of the runner wait as much longer.
slower=
[ ! -e "$kernel/fragment" ] || slower='-t 4'

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

# What takes longest comes first. The tests of this-host count what programs leave on this
# host, and runner and setup run such programs.
if [ -z "$only" ]; then
	[ -z "$host" ] || this_host
	halves guest "$guest/suite" in_guest
	large_guest
	await this-host
	if [ -n "$host" ]; then
		# shellcheck disable=SC2086
		halves runner "$programs/vm_test" "$programs/vm_test" -k "$tested" $slower
	elif [ -e "$kernel/fragment" ]; then
		# shellcheck disable=SC2086
		begin runner "$programs/vm_test" 'sanitizers.*' "$programs/vm_test" \
			-k "$tested" $slower
	fi
fi
if [ -n "$host" ]; then
	for name in $hosts; do
		chosen "$programs/${name}_test" || continue
		begin "$name" "$programs/${name}_test" "$mine" \
			"$programs/${name}_test" -k "$tested"
	done
fi
finish_all
report
