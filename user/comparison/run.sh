#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make compare: runs compare in the guest, and writes results and pictures to
# build/compare. In the guest it measures setup and wait twice: by the clock, and in a
# second guest, whose clock counts instructions.
#
#   run.sh [-n] [-o DIR] [-p PROGRAM] -- ['WORD...']
#
#   WORD     an option or argument of compare
#   -n       run it on this host
#   -o DIR   write to DIR
#   -p PROGRAM  compare, for a guest of another architecture
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../../tests/kernel/surroundings.sh"
program=compare
out=$top/build/compare
native=
compare=$top/user/compare
while getopts no:p: option; do
	case $option in
	n) native=yes ;;
	o) out=$OPTARG ;;
	p) compare=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
# 8 MiB: 512 pages, the most that setup maps, where a page has 16 KiB.
export PARAMS="${PARAMS:-size=8388608}"
status=0
# An interrupt is for compare, which reports it by its exit status.
trap : INT

# Split the argument into words, but expand no wildcards.
set -f
# shellcheck disable=SC2086
set -- ${1-}

# in_guest KIND ARGUMENT...: run compare in a guest.
in_guest() {
	kind=$1
	shift
	mkdir -p "$tmp/$kind"
	"$top/tests/guest/vm.sh" -o "/mnt/out/table.txt:$tmp/$kind/table.txt" \
		-o "/mnt/out/results.csv:$tmp/$kind/results.csv" \
		-o "/mnt/out/results.json:$tmp/$kind/results.json" \
		"$kind" "$compare" -o /mnt/out --disk=/mnt "$@" >/dev/null ||
		status=$?
	[ -s "$tmp/$kind/results.json" ]
}

# append FROM TO: append the results of one run to those of another.
append() {
	cat "$1/table.txt" >>"$2/table.txt"
	tail -n +2 "$1/results.csv" >>"$2/results.csv"
	{
		sed '$s/]$/,/' "$2/results.json"
		sed '1s/^\[//' "$1/results.json"
	} >"$2/both.json"
	mv "$2/both.json" "$2/results.json"
}

for word; do
	case $word in
	-h | --help | --list) exec "$top/user/compare" "$word" ;;
	-o* | --output*)
		failure=2 die "make compare writes its results to $out"
		;;
	esac
done

set +f

tmp=$(mktemp -d) || exit 1
[ ! -t 2 ] || set -- --progress "$@"
if [ -n "$native" ]; then
	"$top/user/compare" -o "$tmp/bench" "$@" || status=$?
else
	if in_guest bench "$@" && [ $status -ne 130 ] &&
		grep -q '^"setup"\|^"wait"' "$tmp/bench/results.csv"; then
		in_guest count --instructions "$@" && append "$tmp/count" "$tmp/bench"
	fi
	cat "$tmp/bench/table.txt" 2>/dev/null
fi
if [ -s "$tmp/bench/results.csv" ]; then
	(cd "$tmp/bench" && gnuplot "$top/user/comparison/pictures.gp") ||
		status=1
	mkdir -p "$out"
	rm -f "$out"/table.txt "$out"/results.* "$out"/*.png "$out"/*.svg
	mv "$tmp/bench"/* "$out"
	say "the table, results and pictures are in $out"
elif [ $status -eq 0 ]; then
	status=1
fi
rm -rf "$tmp"
exit $status
