#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the module for the kernels of some Debian suites, and run the tests of the guest
# on each (make matrix).
#
#   matrix.sh SUITE...
#
# This prints one line for each kernel; build/matrix/SUITE/ has all output. A suite that
# cannot be fetched is skipped, with the reason. The last line counts the kernels:
# "N passed, N failed". Exit status: 0 if no kernel failed, 1 if one did, 4 if all were
# skipped.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
# shellcheck source=tests/check/each.sh
. "$top/tests/check/each.sh"
build=$top/build
cd "$top" || exit 1

# A warning is a failure: it may be the only sign of a changed interface.
build_for() {
	run make -s -j2 KERNEL="$1" KDIR= VMLINUZ= KMOD= W=1 small-guest \
		>"$dir/build.log" 2>&1 && [ ! -s "$dir/build.log" ]
}

test_on() {
	run make -s KERNEL="$1" KDIR= VMLINUZ= KMOD= TESTS= check >"$dir/check.log" 2>&1
	status=$?
	mv "$build/results" "$dir/" 2>/dev/null
	return $status
}

# report RELEASE SUITE RESULT
report() {
	printf '%-28s %-10s %s\n' "$@"
}

run_one() {
	dir=$build/matrix/$1
	rm -rf "$dir"
	mkdir -p "$dir"
	say "$1 (build/matrix/$1/ has all output)"
	run tests/kernel/suite.sh "$1" >"$dir/fetch.log" 2>&1
	case $? in
	0) ;;
	4)
		report - "$1" "skipped: $(tail -n 1 "$dir/fetch.log")"
		return 4
		;;
	*)
		report - "$1" "failed: $(tail -n 1 "$dir/fetch.log")"
		return 1
		;;
	esac
	release=$(cat "$build/kernel/$1/release")
	started=$(date +%s)
	if ! build_for "$1"; then
		report "$release" "$1" "failed to build: build/matrix/$1/build.log"
		tail -n 20 "$dir/build.log"
		return 1
	fi
	test_on "$1"
	status=$?
	result=$(counts "$dir/check.log")
	report "$release" "$1" "${result:-ended without a result}, $(($(date +%s) - started)) s"
	[ $status -ne 0 ] || return 0
	echo "see build/matrix/$1/check.log:"
	grep -v '^ok \|^# begin \|^# took ' "$dir/check.log" | tail -n 40
	return 1
}

each "$@"
