#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the test programs, on the host and in a guest, and count (make check).
#
#   check.sh ['PATTERN...']   only the tests that a pattern names
#
# The TAP of each goes to build/results/, too. The last line is
# "N passed, N failed[, N skipped]"; the exit status is 0 only if none failed
# and every program said that all is well.
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

# part NAME LISTER COMMAND...: run the command with the patterns that LISTER,
# the test program itself, knows; not at all if there are patterns for others.
part() {
	name=$1
	mine=$(of "$2")
	[ -z "$patterns" ] || [ -n "$mine" ] || return 0
	shift 2
	echo "# $name"
	echo unfinished >"$results/$name.status"
	# shellcheck disable=SC2086
	{
		"$@" $mine
		echo $? >"$results/$name.status"
	} | tee "$results/$name.tap"
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

# What runs in the background does not hear of an interrupt by itself.
trap 'trap "" TERM; kill -TERM 0; wait; exit 130' INT TERM HUP
rm -rf "$results"
mkdir -p "$results"
part harness "$PROGRAMS/harness_test" "$PROGRAMS/harness_test"
part set-up "$PROGRAMS/setup_test" "$PROGRAMS/setup_test"
if [ -z "$patterns" ]; then
	echo "# programs on this host"
	{
		PROGRAMS=$top/user "$GUEST/suite" 'incr.*'
		echo $? >"$results/host.status"
	} | tee "$results/host.tap"
fi
part guest "$GUEST/suite" "$top/tests/vm.sh" tap suite
# A guest that boots keeps one processor busy, and nothing here is timed.
part runner-1 "$PROGRAMS/vm_test" "$PROGRAMS/vm_test" -s 1/2 \
	>"$results/first-half" &
part runner-2 "$PROGRAMS/vm_test" "$PROGRAMS/vm_test" -s 2/2
wait
cat "$results/first-half"
rm -f "$results/first-half"

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
	printf "%d passed, %d failed", passed, failed
	if (skipped)
		printf ", %d skipped", skipped
	printf "\n"
	exit failed > 0
}'
