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
hosts=${only:-harness setup report mutants lab timeline grade}
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

# overlap NAME: the part that begin has started runs while the next one begins, so two
# run at the same time. finish_last ends this.
last=
overlap() {
	begun="$1 $pid"
	finish_last
	last=$begun
}

finish_last() {
	# shellcheck disable=SC2086
	[ -z "$last" ] || finish $last
	last=
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
	overlap this-host
}

# The tests of large regions and, with all others, those of load once more.
large_guest() {
	chosen "$guest/suite" || return 0
	# shellcheck disable=SC2086
	mine=$("$guest/suite" -l $mine | grep '^large\.') || return 0
	[ -n "$patterns" ] || mine="$mine load.*"
	large=-l
	begin large-guest "$guest/suite" "$mine" in_guest
	finish large-guest "$pid"
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
	# shellcheck disable=SC2086
	kill -TERM $pids $loops 2>/dev/null
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

if [ -n "$host" ]; then
	for name in $hosts; do
		chosen "$programs/${name}_test" || continue
		begin "$name" "$programs/${name}_test" "$mine" \
			"$programs/${name}_test" -k "$tested"
		overlap "$name"
	done
fi
[ -z "$host" ] || [ -n "$only" ] || this_host
finish_last
if [ -n "$only" ]; then
	report
	exit
fi
halves guest "$guest/suite" in_guest
large_guest
if [ -n "$host" ]; then
	# shellcheck disable=SC2086
	halves runner "$programs/vm_test" "$programs/vm_test" -k "$tested" $slower
elif [ -e "$kernel/fragment" ]; then
	# shellcheck disable=SC2086
	begin runner "$programs/vm_test" 'sanitizers.*' "$programs/vm_test" \
		-k "$tested" $slower
	finish runner "$pid"
fi
report
