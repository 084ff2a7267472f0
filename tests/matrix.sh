#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the module for the kernels of some Debian suites, and run the tests of
# the guest on each (make matrix).
#
#   matrix.sh SUITE...
#
# One line for each kernel; build/matrix/SUITE/ has all that was said. A suite
# that cannot be had is skipped, with the reason. The last line is
# "N passed, N failed", in kernels. Exit status: 0 if no kernel failed, 1 if
# one did, 4 if there was none to run.
set -u

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
cd "$top" || exit 1

running=
trap '[ -z "$running" ] || kill -TERM "-$running" 2>/dev/null; wait; exit 130' \
	INT TERM HUP

# run LOG COMMAND...: in a group of its own, so that an interrupt ends all.
run() {
	log=$1
	shift
	setsid "$@" >"$log" 2>&1 &
	running=$!
	wait $running
	status=$?
	running=
	return $status
}

# A warning may be all that the compiler has to say of a changed interface.
build_for() {
	run "$dir/build.log" make -s KERNEL="$1" KDIR= VMLINUZ= KMOD= W=1 \
		small-guest && [ ! -s "$dir/build.log" ]
}

test_on() {
	run "$dir/check.log" make -s KERNEL="$1" KDIR= VMLINUZ= KMOD= TESTS= \
		check
	status=$?
	mv "$build/results" "$dir/" 2>/dev/null
	return $status
}

# What check.log says at its end, as "N passed, N failed, N skipped".
counts() {
	awk '
	/^# [0-9]+ skipped/ { skipped = $2 }
	/^[0-9]+ passed, [0-9]+ failed$/ { last = $0 }
	END {
		if (last)
			printf "%s, %d skipped", last, skipped
		else
			printf "ended without a result"
	}' "$dir/check.log"
}

# tell RELEASE SUITE RESULT
tell() {
	printf '%-28s %-10s %s\n' "$@"
}

# of SUITE: 0 passed, 1 failed, 4 skipped.
of() {
	dir=$build/matrix/$1
	rm -rf "$dir"
	mkdir -p "$dir"
	echo "matrix: $1 (build/matrix/$1/ has all that is said)" >&2
	run "$dir/fetch.log" tests/suite.sh "$1"
	case $? in
	0) ;;
	4)
		tell - "$1" "skipped: $(tail -n 1 "$dir/fetch.log")"
		return 4
		;;
	*)
		tell - "$1" "failed: $(tail -n 1 "$dir/fetch.log")"
		return 1
		;;
	esac
	release=$(cat "$build/kernel/$1/release")
	begun=$(date +%s)
	if ! build_for "$1"; then
		tell "$release" "$1" "failed to build: build/matrix/$1/build.log"
		tail -n 20 "$dir/build.log"
		return 1
	fi
	test_on "$1"
	status=$?
	tell "$release" "$1" "$(counts), $(($(date +%s) - begun)) s"
	[ $status -ne 0 ] || return 0
	echo "see build/matrix/$1/check.log:"
	grep -v '^ok \|^# begin \|^# took \|^# to run ' "$dir/check.log" | tail -n 40
	return 1
}

passed=0
failed=0
for suite; do
	of "$suite"
	case $? in
	0) passed=$((passed + 1)) ;;
	1) failed=$((failed + 1)) ;;
	esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] || exit 1
[ $passed -gt 0 ] || exit 4
