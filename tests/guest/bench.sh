#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# How long does a guest take to boot, and to be restored (make bench-guest)?
#
#   bench.sh [RUNS]
#
# Each kind of guest boots and is restored RUNS times (5), in turn. The table has the
# medians: from QEMU's start to that of the program, and what the restore is of the boot;
# and how long all of "vm.sh KIND PROGRAM" takes, restored, for a program that does
# nothing.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
runs=${1:-5}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

# measure KIND PROGRAM WAY: append the milliseconds to the files KIND.WAY and KIND.all.
measure() {
	begun=$(date +%s%N)
	BOOT=${3#restored} "$top/tests/guest/vm.sh" -r "$tmp/record" "$1" "$2" >/dev/null || return
	echo $((($(date +%s%N) - begun) / 1000000)) >>"$tmp/$1.all.$3"
	sed -n 's/^ready_ms=//p' "$tmp/record" >>"$tmp/$1.$3"
}

median() {
	sort -n "$1" | sed -n "$(((runs + 1) / 2))p"
}

# shellcheck disable=SC2016
BOOT='' "$top/tests/guest/vm.sh" host sh -c 'echo "$SHMCOUNT_GUEST"'
printf '%-8s %10s %10s %7s %10s\n' guest 'boot (ms)' restored ratio all
for kind in run host bench count trace; do
	program=true
	[ $kind != run ] || program=samepage
	# Make the template.
	BOOT='' "$top/tests/guest/vm.sh" $kind $program >/dev/null
	run=0
	while [ $run -lt "$runs" ]; do
		measure $kind $program cold
		measure $kind $program restored
		run=$((run + 1))
	done
	boot=$(median "$tmp/$kind.cold")
	restored=$(median "$tmp/$kind.restored")
	printf '%-8s %10d %10d %7s %10d\n' $kind "$boot" "$restored" \
		"1/$((boot * 10 / restored / 10)).$((boot * 10 / restored % 10))" \
		"$(median "$tmp/$kind.all.restored")"
done
