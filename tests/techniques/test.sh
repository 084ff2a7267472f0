#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Does make techniques print the table that kmod/README.md shows (make
# techniques-test)? The last row, the cost of a mapping, must only have numbers.
# The last line is "N passed, N failed".
#
#   test.sh MODULE PROGRAM COMPARE    as run.sh has them
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
[ $# -eq 3 ] || usage
cd "$top" || exit 1
csv=build/techniques/techniques.csv
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
rm -f $csv
tests/techniques/run.sh "$@" >"$tmp/seen"
sed -n '/^    technique  /,/^    instructions /s/^    //p' kmod/README.md >"$tmp/wanted"
[ -e $csv ] || : >$csv

awk -F, '
function check(what, ok)
{
	count[ok ? "passed" : "failed"]++
	print (ok ? "ok " : "not ok ") what
}

FILENAME ~ /wanted$/ {
	wanted[++rows] = $0
	next
}
FILENAME ~ /seen$/ {
	seen[++lines] = $0
	next
}
NF == rows {
	columns++
}
END {
	for (i = 1; i < rows; i++) {
		if (seen[i] != wanted[i])
			print "# saw: " seen[i]
		check(wanted[i], seen[i] == wanted[i])
	}
	check(seen[rows], lines == rows && rows > 1 &&
		seen[rows] ~ /^instructions to map touch unmap( +[1-9][0-9]+)+$/ &&
		split(seen[rows], cost, " ") - 5 == split(seen[1], name, " ") - 1)
	check("the CSV has one line for each column, and no others",
		columns > 0 && columns == FNR &&
		columns == split(seen[1], name, " "))
	printf "%d passed, %d failed\n", count["passed"], count["failed"]
	exit count["failed"] > 0
}' "$tmp/wanted" "$tmp/seen" $csv
