#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tell which lines and branches of kmod/ the tests run on the debug kernel (make
# coverage): print a summary, write pages to build/coverage/html/. The exit status is 1
# if a test failed, a line did not run, or a branch was not taken for which
# coverage.notes has no reason.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
out=$top/build/coverage
module=$top/build/kmod/debug
branches='lcov_branch_coverage=1'

# half K: every other test, in a guest of its own; what it ran goes to half-K.
# The guest's runner takes this shell's place, to hear of signals itself.
half() {
	dir=$out/half-$1
	mkdir -p "$dir"
	ln -s "$module/shmcount.gcno" "$dir/"
	exec env KERNEL=debug "$top/tests/guest/vm.sh" -c "$dir/console.log" \
		-o "/sys/kernel/debug/gcov$module/shmcount.gcda:$dir/shmcount.gcda" \
		tap suite -s "$1/2" >"$dir/tap"
}

# The lcov of Debian 12 prints perl's warnings about itself.
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
# The module is built from links to kmod/; the report names the files they point to.
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

# Read the notes and the source first, then what ran.
awk -v top="$top/" '
FILENAME ~ /\.notes$/ {
	# Lines without a blank line between them share a reason.
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
}' "$top/tests/check/coverage.notes" "$top"/kmod/*.[ch] "$out/kmod.info" \
	>"$out/summary.txt"
status=$?
cat "$out/summary.txt"
echo "to read beside the source: build/coverage/html/index.html"
if [ $failed -ne 0 ]; then
	grep -h '^not ok' "$out"/half-*/tap
	die "tests failed: see build/coverage/half-*/tap"
fi
exit $status
