#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# One device by each technique to map its memory, and what it can do then (make
# techniques): a table, and build/techniques/techniques.csv.
#
# Two guests: in one the probes run, by processes on two processors; the other
# counts the instructions of a mapping, by what make compare counts them with.
# MODULE is the module of kmod/techniques/.
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/../surroundings.sh"
build=$top/build
out=$build/techniques
PATH=$PATH:/usr/sbin:/sbin

# The parameter's description is the list of its values.
names=$(modinfo -F parm "$MODULE" | sed -n 's/^technique:\(.*\) (charp)$/\1/p')
[ -n "$names" ] || {
	echo "techniques: $MODULE does not say what techniques it has" >&2
	exit 1
}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP

echo "techniques: probing, in a guest" >&2
# shellcheck disable=SC2086
"$top/tests/vm.sh" bench "$build/guest/techniques" -d /mnt "$MODULE" $names \
	>"$tmp/probes.csv"

# Of each run of compare the line of one page, from map to unmap.
echo "techniques: counting instructions, in another" >&2
# shellcheck disable=SC2016,SC2086
"$top/tests/vm.sh" count sh -euc '
	compare=$1 module=$2
	shift 2
	rmmod shmcount
	for technique; do
		insmod "$module" technique="$technique"
		"$compare" --instructions -q --paths=/dev/shmcount -o /tmp/out \
			setup >/dev/null
		rmmod techniques
		awk -F, -v technique="$technique" '\''
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
		END { exit !found }'\'' /tmp/out/results.csv
	done' sh "$top/user/compare" "$MODULE" $names >"$tmp/costs"

awk -F, -v OFS=, '
NR == FNR { cost[$1] = $2; next }
{ print $0, FNR == 1 ? "instructions to map touch unmap" : cost[$1] }
' "$tmp/costs" "$tmp/probes.csv" >"$tmp/techniques.csv"
mkdir -p "$out"
mv "$tmp/techniques.csv" "$out/techniques.csv"

# The table lies on its side: it has more columns than a terminal.
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
echo "techniques: the table as CSV is $out/techniques.csv" >&2
