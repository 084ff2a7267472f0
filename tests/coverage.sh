#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Which lines and branches of kmod/ the tests run on the debug kernel (make
# coverage): a summary here, pages to read in build/coverage/html/. Exit status
# 1 if a test failed, a line did not run, or a branch was not taken that
# coverage.notes gives no reason for.
set -u

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
out=$top/build/coverage
module=$top/build/kmod/debug
branches='lcov_branch_coverage=1'

die() {
	echo "coverage: $*" >&2
	exit 1
}

# half K: every other test, in a guest of its own; what it ran goes to half-K.
# The guest's runner takes this shell's place, to hear of signals itself.
half() {
	dir=$out/half-$1
	mkdir -p "$dir"
	ln -s "$module/shmcount.gcno" "$dir/"
	exec env KERNEL=debug CONSOLE="$dir/console.log" \
		FETCH="/sys/kernel/debug/gcov$module/shmcount.gcda:$dir/shmcount.gcda" \
		"$top/tests/vm.sh" tap suite -s "$1/2" >"$dir/tap"
}

# lcov as Debian 12 has it warns of itself, in words of perl.
quietly() {
	"$@" --rc "$branches" >>"$out/lcov.log" 2>&1 ||
		die "$1 failed: see build/coverage/lcov.log"
}

rm -rf "$out"
mkdir -p "$out"
trap 'kill $one $two 2>/dev/null; wait; exit 130' INT TERM HUP
echo "coverage: every test on the debug kernel, some minutes" >&2
half 1 &
one=$!
half 2 &
two=$!
failed=0
wait "$one" || failed=1
wait "$two" || failed=1
# The module is built from links to kmod/; the report is of what they name.
for k in 1 2; do
	quietly lcov -c -d "$out/half-$k" -o "$out/half-$k/all.info"
	sed "s|^SF:$module/|SF:$top/kmod/|" "$out/half-$k/all.info" \
		>"$out/half-$k/named.info"
	quietly lcov -e "$out/half-$k/named.info" "$top/kmod/*" \
		-o "$out/half-$k/kmod.info"
done
quietly lcov -a "$out/half-1/kmod.info" -a "$out/half-2/kmod.info" \
	-o "$out/kmod.info"
quietly genhtml --branch-coverage --prefix "$top" --title shmcount \
	-o "$out/html" "$out/kmod.info"

# The source and the notes, and then what ran.
awk -v top="$top/" '
FILENAME ~ /\.notes$/ {
	# Lines that stand together have their reason together.
	if (/^$/)
		abouts = 0
	else if (/^\t/)
		for (i = 1; i <= abouts; i++)
			reason[about[i]] = reason[about[i]] " " substr($0, 2)
	else if (!/^#/)
		about[++abouts] = $0
	next
}
FILENAME !~ /\.info$/ {
	sub(/^[\t ]+/, "")
	line[FILENAME, FNR] = $0
	next
}
/^SF:/ { file = substr($0, 4); name = substr(file, length(top) + 1) }
/^DA:/ {
	split(substr($0, 4), field, ",")
	lines++
	if (field[2])
		lines_run++
	else
		missed = missed sprintf("  %s:%d: %s\n", name, field[1],
					line[file, field[1]])
}
/^BRDA:/ {
	split(substr($0, 6), field, ",")
	total++
	if (field[4] != "-" && field[4] > 0) {
		taken++
		next
	}
	spot = name ": " line[file, field[1]]
	if (!not_taken[spot]++)
		order[++count] = spot
}
END {
	printf "lines:    %d of %d run\n%s", lines_run, lines, missed
	printf "branches: %d of %d taken\n", taken, total
	for (i = 1; i <= count; i++) {
		spot = order[i]
		if (!(spot in reason))
			unexplained++
		printf "  %s\n    %d not taken:%s\n", spot, not_taken[spot],
			spot in reason ? reason[spot] : \
					  " no reason is given"
	}
	for (spot in reason)
		if (!(spot in not_taken)) {
			printf "  %s\n    is in coverage.notes, and all of it was taken\n",
				spot
			unexplained++
		}
	exit !lines || lines_run < lines || unexplained > 0
}' "$top/tests/coverage.notes" "$top"/kmod/*.[ch] "$out/kmod.info" \
	>"$out/summary.txt"
status=$?
cat "$out/summary.txt"
echo "to read beside the source: build/coverage/html/index.html"
if [ $failed -ne 0 ]; then
	grep -h '^not ok' "$out"/half-*/tap
	die "tests failed: see build/coverage/half-*/tap"
fi
exit $status
