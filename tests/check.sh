#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the test programs, on the host and in a guest, and count (make check).
#
#   check.sh ['PATTERN...']   only the tests that a pattern names
#
# The TAP of each goes to build/results/, too. The last line is
# "N passed, N failed"; the exit status is 0 only if none failed and every
# program said that all is well.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
build=$top/build
results=$build/results
export PROGRAMS="$build/tests" GUEST="$build/guest" TOP="$top"

# Patterns are words of one variable, and not for this shell to expand.
patterns=${1-}
set -f

# of PROGRAM: those of the patterns that name a test of it.
of() {
	for pattern in $patterns; do
		"$1" -l "$pattern" >/dev/null 2>&1 && echo "$pattern"
	done
}

pids=

# begin NAME COMMAND...: start it, its output going to NAME.tap.
begin() {
	tap=$results/$1.tap
	shift
	"$@" >"$tap" &
	pid=$!
	pids="$pids $pid"
}

# finish NAME PID: show what comes, until it has ended, and keep its status.
# What is waited for is in the background, so that a signal is heard at once.
finish() {
	echo "# $1"
	tail -n +1 -s 0.1 -f --pid="$2" "$results/$1.tap" &
	shown=$!
	wait "$2"
	echo $? >"$results/$1.status"
	wait "$shown"
}

# chosen LISTER: are there tests of this program to run? Leaves in mine those
# of the patterns that it knows.
chosen() {
	mine=$(of "$1")
	[ -z "$patterns" ] || [ -n "$mine" ]
}

# part NAME LISTER COMMAND...: run the command with the patterns that LISTER,
# the test program itself, knows; not at all if there are patterns for others.
part() {
	name=$1
	chosen "$2" || return 0
	shift 2
	# shellcheck disable=SC2086
	begin "$name" "$@" $mine
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
	shift 2
	begin_half 1 "$@"
	first=$pid
	begin_half 2 "$@"
	second=$pid
	finish "$name-1" "$first"
	finish "$name-2" "$second"
}

begin_half() {
	half=$1
	shift
	CONSOLE=$results/console-$name-$half.log \
		begin "$name-$half" "$@" -s "$half/2"
}

for pattern in $patterns; do
	known=
	for program in "$PROGRAMS/harness_test" "$PROGRAMS/setup_test" \
		"$PROGRAMS/vm_test" "$GUEST/suite"; do
		known=$known$("$program" -l "$pattern" 2>/dev/null)
	done
	if [ -z "$known" ]; then
		echo "check: no test is named '$pattern'" >&2
		exit 2
	fi
done

trap 'kill -TERM $pids 2>/dev/null; wait; exit 130' INT TERM HUP
rm -rf "$results"
mkdir -p "$results"
part harness "$PROGRAMS/harness_test" "$PROGRAMS/harness_test"
part set-up "$PROGRAMS/setup_test" "$PROGRAMS/setup_test"
if [ -z "$patterns" ]; then
	begin this-host env PROGRAMS="$top/user" "$GUEST/suite" 'incr.*' 'compare.*'
	finish this-host "$pid"
fi
halves guest "$GUEST/suite" "$top/tests/vm.sh" tap suite
halves runner "$PROGRAMS/vm_test" "$PROGRAMS/vm_test"

set +f
bad=0
for status in "$results"/*.status; do
	case $(cat "$status") in
	0 | 4) ;;
	*) bad=1 ;;
	esac
done
cat "$results"/*.tap | awk -v bad="$bad" '
/^1\.\./ { planned += substr($1, 4) }
/^ok .* # SKIP/ { skipped++; next }
/^ok / { passed++ }
/^not ok / { failed++ }
/^Bail out!/ { bailed++ }
END {
	# What ended badly without a failed test to show for it has failed too.
	missing = planned - passed - failed - skipped
	if ((bad || bailed || missing) && !failed)
		failed = missing > 0 ? missing : 1
	if (skipped)
		printf "# %d skipped, each with its reason above\n", skipped
	printf "%d passed, %d failed\n", passed, failed
	exit failed > 0
}'
