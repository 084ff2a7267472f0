#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# make watch: runs a command (VM_CMD) in the guest under record, and draws what
# was seen. The words of WATCH_ARGS are options of timeline, but for
# --pace=MS (by default 10) and --program=FILE, which are -p and -e of record.
# The trace and the pictures are left in build/watch. The exit status is that of
# the command; if that is 0, 1 if the trace cannot be drawn.
set -u

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/../../tests/surroundings.sh"
out=${WATCH_OUT:-$top/build/watch}
timeline=$top/user/watch/timeline
command=${VM_CMD:-user/incr_dev 5}
pace=10
# An interrupt is for the command; what was seen by then is drawn.
trap : INT

die() {
	echo "watch: $1" >&2
	exit "$2"
}

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Words of one variable, and not for this shell to expand.
set -f
programs=
# shellcheck disable=SC2086
set -- ${WATCH_ARGS-}
for word; do
	shift
	case $word in
	--pace=*) pace=${word#*=} ;;
	--program=*) programs="$programs -e ${word#*=}" ;;
	--svg*) die "make watch leaves its pictures in $out" 2 ;;
	-h | --help)
		"$timeline" --help
		cat <<-END

			make watch ARGS='...' takes all of these but --svg, and:

			  --pace=MS       a line of what the command prints is taken each
			                  MS ms, as a slow terminal does (10; 0: at once)
			  --program=FILE  look for semaphores in this program, too
		END
		exit
		;;
	*) set -- "$@" "$word" ;;
	esac
done
case $pace in
'' | *[!0-9]* | ?????*) die "'$pace' is not a number of ms (0 to 9999)" 2 ;;
esac
# What is wrong with the options is said now, and not when all has been run.
"$timeline" "$@" /dev/null >/dev/null 2>"$tmp/said"
[ $? -ne 2 ] || {
	cat "$tmp/said" >&2
	exit 2
}

# shellcheck disable=SC2016,SC2086
FETCH=/dev/shm/watch.trace:$tmp/trace "$top/tests/vm.sh" trace sh -c '
	: >/dev/shm/watch.trace
	echo "watch: $SHMCOUNT_GUEST" >&2
	exec "$@"' sh "$top/user/watch/record" -p "$pace" $programs \
	/dev/shm/watch.trace "$command"
status=$?

# The command's own failure is the first to be told of.
give_up() {
	[ $status -ne 0 ] || status=1
	exit $status
}

# What was seen is kept first, as it may take other options to draw it; pictures
# of another run are not to lie beside it.
tail -n 1 "$tmp/trace" 2>/dev/null | grep -q '^# watch: end' || give_up
mkdir -p "$out" && rm -f "$out/timeline.svg" "$out/timeline.png" &&
	mv "$tmp/trace" "$out/trace" || exit 1
echo
"$timeline" "$@" --svg="$out/timeline.svg" "$out/trace" || {
	echo "watch: the trace is ${out#"$top/"}/trace; to draw it:" \
		"user/watch/timeline --help" >&2
	give_up
}
rsvg-convert --zoom=1.5 --output="$out/timeline.png" "$out/timeline.svg" ||
	die "cannot make a PNG of the picture, $out/timeline.svg" 1
echo "watch: the pictures and the trace are in $out; to look closer:" >&2
echo "watch: user/watch/timeline --from=MS --to=MS ${out#"$top/"}/trace" >&2
exit $status
