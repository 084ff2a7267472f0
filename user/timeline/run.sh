#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make timeline: runs a command in the guest under record, and draws the trace.
#
#   run.sh 'OPTION...' [COMMAND [DIR]]
#
# The options are those of timeline, except --pace=MS (default 10) and --program=FILE,
# which become -p and -e of record. COMMAND is user/incr_dev 5 by default. The trace and
# the pictures go to DIR, by default build/timeline. The exit status is that of the
# command; if that is 0, it is 1 if the trace cannot be drawn.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../../tests/kernel/surroundings.sh"
program=timeline
out=${3:-$top/build/timeline}
timeline=$top/user/timeline/timeline
command=${2:-user/incr_dev 5}
pace=10
# An interrupt is for the command; draw what it did until then.
trap : INT

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
	--svg*) failure=2 die "make timeline writes its pictures to $out" ;;
	-h | --help)
		"$timeline" --help
		cat <<-END

			make timeline ARGS='...' takes all of these but --svg, and:

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

# shellcheck disable=SC2016,SC2086
"$top/tests/guest/vm.sh" -o "/dev/shm/timeline.trace:$tmp/trace" trace sh -c '
	: >/dev/shm/timeline.trace
	echo "timeline: $SHMCOUNT_GUEST" >&2
	exec "$@"' sh "$top/user/timeline/record" -p "$pace" $programs \
	/dev/shm/timeline.trace "$command"
status=$?

# The command's failure takes precedence.
give_up() {
	[ $status -ne 0 ] || status=1
	exit $status
}

# Keep the trace first: it may take other options to draw it. Remove the pictures
# of an earlier run.
tail -n 1 "$tmp/trace" 2>/dev/null | grep -q '^# timeline: end' || give_up
mkdir -p "$out" && rm -f "$out/timeline.svg" "$out/timeline.png" &&
	mv "$tmp/trace" "$out/trace" || exit 1
echo
"$timeline" "$@" --svg="$out/timeline.svg" "$out/trace" || {
	say "the trace is ${out#"$top/"}/trace; to draw it:" \
		"user/timeline/timeline --help"
	give_up
}
rsvg-convert --zoom=1.5 --output="$out/timeline.png" "$out/timeline.svg" ||
	die "cannot make a PNG of the picture, $out/timeline.svg"
say "the pictures and the trace are in $out; to look closer:"
say "user/timeline/timeline --from=MS --to=MS ${out#"$top/"}/trace"
exit $status
