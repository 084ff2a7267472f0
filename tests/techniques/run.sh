#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What can a device do that maps its memory by each technique (make techniques)?
# Prints a table, and writes it to build/techniques/techniques.csv.
#
# One guest runs the probes, on two processors. For each technique another counts the
# instructions of a mapping with the program of make compare.
#
#   run.sh MODULE PROGRAM COMPARE    kmod/techniques/, tests/techniques/ and user/compare,
#                                    for the guest
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
[ $# -eq 3 ] || usage
program=techniques
module=$1 probes=$2 compare=$3
build=$top/build
out=$build/techniques

# The description of the parameter lists its values.
names=$(modinfo -F parm "$module" | sed -n 's/^technique:\(.*\) (charp)$/\1/p')
[ -n "$names" ] || die "$module does not list its techniques"

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

say "running the probes in a guest"
# shellcheck disable=SC2086
"$top/tests/guest/vm.sh" bench "$probes" -d /mnt "$module" $names >"$tmp/probes.csv"

# From each run of compare take the cost of one page, from map to unmap.
say "counting instructions in other guests"
for technique in $names; do
	PARAMS="technique=$technique" "$top/tests/guest/vm.sh" -m "$module" \
		-o "/tmp/out/results.csv:$tmp/results.csv" count "$compare" \
		--instructions -q --paths=/dev/shmcount -o /tmp/out setup >/dev/null
	awk -F, -v technique="$technique" '
	{ gsub(/"/, "") }
	NR == 1 {
		for (i = 1; i <= NF; i++)
			column[$i] = i
	}
	$column["path"] == "/dev/shmcount" && $column["pages"] == 1 &&
			$column["what"] == "map+touch+unmap" {
		printf "%s,%d\n", technique, $column["median"]
		found = 1
	}
	END { exit !found }' "$tmp/results.csv"
done >"$tmp/costs"

awk -F, -v OFS=, '
NR == FNR { cost[$1] = $2; next }
{ print $0, FNR == 1 ? "instructions to map touch unmap" : cost[$1] }
' "$tmp/costs" "$tmp/probes.csv" >"$tmp/techniques.csv"
mkdir -p "$out"
mv "$tmp/techniques.csv" "$out/techniques.csv"

# Turn the table: the CSV has more columns than a terminal has room for.
awk -F, '
{
	for (i = 1; i <= NF; i++) {
		cell[i, NR] = $i
		if (length($i) > width[NR])
			width[NR] = length($i)
	}
}
END {
	for (i = 1; i <= NF; i++) {
		line = ""
		for (j = 1; j <= NR; j++)
			line = line sprintf("%-" (width[j] + 2) "s", cell[i, j])
		sub(/ +$/, "", line)
		print line
	}
}' "$out/techniques.csv"
say "the table as CSV is $out/techniques.csv"
