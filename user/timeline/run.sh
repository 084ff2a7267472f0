#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make timeline: runs a command in the guest under record, and draws the trace.
#
#   run.sh [-n] -- 'OPTION...' [COMMAND [DIR]]
#   run.sh -r DIR -- COMMAND [OPTION-OF-RECORD...]
#
#   -n       run it on this host
#   -r DIR   only record, and leave trace and trace.dat in DIR; if the latter cannot be
#            made, said has the reason
#
# The options are those of timeline, except --pace=MS (default 10) and --program=FILE,
# which become -p and -e of record. COMMAND is user/incr_dev 5 by default. The traces and
# the pictures go to DIR, by default build/timeline. The exit status is that of the
# command; if that is 0, it is 1 if the trace cannot be drawn, or there is no trace.dat.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../../tests/kernel/surroundings.sh"
program=timeline
native=
recorded=
while getopts nr: option; do
	case $option in
	n) native=yes ;;
	r) recorded=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
out=${3:-$top/build/timeline}
timeline=$top/user/timeline/timeline
command=${2:-user/incr_dev 5}
pace=10
# An interrupt is for the command; draw what it did until then.
trap : INT

# The trace in a directory is whole.
has_ended() {
	tail -n 1 "$1/trace" 2>/dev/null | grep -q '^# timeline: end'
}

# As root, trace-cmd restore mounts tracefs and sets kptr_restrict: it does so where the
# run was recorded. It makes the head of trace.dat first.
make_dat() {
	"$timeline" --raw="$recorded" "$recorded/trace" >/dev/null &&
		trace-cmd restore -c -t "$recorded" -k "$recorded/kallsyms" \
			-o "$recorded/head" &&
		trace-cmd restore -i "$recorded/head" -o "$recorded/trace.dat" "$recorded"/cpu*
}

if [ "$recorded" ]; then
	command=$1
	shift
	"$top/user/timeline/record" "$@" "$recorded" "$command"
	status=$?
	! has_ended "$recorded" || make_dat >"$recorded/said" 2>&1
	exit $status
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Split the options into words, but expand no wildcards.
set -f
programs=
# shellcheck disable=SC2086
set -- ${1-}
for word; do
	shift
	case $word in
	--pace=*) pace=${word#*=} ;;
	--program=*) programs="$programs -e ${word#*=}" ;;
	--svg* | --perfetto* | --raw*)
		failure=2 die "make timeline writes its files to $out"
		;;
	-h | --help)
		"$timeline" --help
		cat <<-END

			make timeline ARGS='...' takes all of these but --svg, --perfetto
			and --raw, and:

			  --pace=MS       read a line of the command's output each MS ms,
			                  like a slow terminal (10; 0: at once)
			  --program=FILE  look for semaphores in this program, too
		END
		exit
		;;
	*) set -- "$@" "$word" ;;
	esac
done
case $pace in
'' | *[!0-9]* | ?????*) failure=2 die "'$pace' is not a number of ms (0 to 9999)" ;;
esac
# Report a wrong option now, not after the command has run.
"$timeline" "$@" /dev/null >/dev/null 2>"$tmp/said"
[ $? -ne 2 ] || {
	cat "$tmp/said" >&2
	exit 2
}

if [ "$native" ]; then
	[ -z "${KMOD-}" ] || {
		failure=2
		die "NATIVE=1 takes the module that is loaded, no KMOD= and no SRC="
	}
	# shellcheck disable=SC2086
	"$top/user/timeline/run.sh" -r "$tmp/recorded" -- "$command" -p "$pace" $programs
	status=$?
else
	mkdir "$tmp/recorded" || exit 1
	# shellcheck disable=SC2016,SC2086
	"$top/tests/guest/vm.sh" -o "/dev/shm/tar:$tmp/tar" trace sh -c '
		trap : INT
		: >/dev/shm/tar
		echo "timeline: $SHMCOUNT_GUEST" >&2
		"$0" -r /dev/shm/timeline -- "$@"
		status=$?
		cd /dev/shm/timeline && tar -cf /dev/shm/tar trace* said 2>/dev/null
		exit $status' "$top/user/timeline/run.sh" "$command" -g -p "$pace" $programs
	status=$?
	tar -C "$tmp/recorded" -xf "$tmp/tar" 2>/dev/null
fi

# The command's failure takes precedence.
give_up() {
	[ $status -ne 0 ] || status=1
	exit $status
}

# Keep the trace first: it may take other options to draw it. Remove the pictures
# of an earlier run, and its traces for other tools.
has_ended "$tmp/recorded" || give_up
mkdir -p "$out" && (cd "$out" && rm -f timeline.svg timeline.png trace.pftrace trace.dat) &&
	mv "$tmp/recorded/trace" "$out/" || exit 1
[ ! -e "$tmp/recorded/trace.dat" ] || mv "$tmp/recorded/trace.dat" "$out/"
echo
"$timeline" "$@" --svg="$out/timeline.svg" --perfetto="$out/trace.pftrace" \
	"$out/trace" || {
	say "the trace is ${out#"$top/"}/trace; to draw it:" \
		"user/timeline/timeline --help"
	give_up
}
rsvg-convert --zoom=1.5 --output="$out/timeline.png" "$out/timeline.svg" ||
	die "cannot make a PNG of the picture, $out/timeline.svg"
[ -e "$out/trace.dat" ] || {
	cat "$tmp/recorded/said" >&2
	say "cannot make $out/trace.dat"
	give_up
}
say "the pictures and the traces are in $out; to look closer:"
say "user/timeline/timeline --from=MS --to=MS ${out#"$top/"}/trace"
exit $status
