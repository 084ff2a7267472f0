#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check that each solution of the lab passes its steps and no more (make lab-test).
#
#   test.sh MODULE...
#
# A MODULE named step-N.ko must pass the steps 1 to N of kmod/lab/steps and fail all
# others, and one named wrong-N-NAME.ko all but N; a module of another name must pass all. The last line is "N passed, N failed".
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
cd "$top" || exit 1
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
trap 'exit 130' INT TERM HUP
max=$(awk '/^[0-9]/ { max = $1 } END { print max }' kmod/lab/steps)

# half N MODULE...: check every second module, from the first (1) or the second (0) on.
half() {
	half=$1
	number=0
	mine=
	shift
	for module; do
		number=$((number + 1))
		[ $((number % 2)) -ne "$half" ] || mine="$mine $module"
	done
	[ -n "$mine" ] || return 0
	mkdir -p "build/lab/half-$half"
	# shellcheck disable=SC2086
	build/tests/lab -a "build/lab/half-$half" kmod/lab/steps $mine
}

# A guest keeps about one processor busy.
{
	half 1 "$@" &
	half 0 "$@"
	wait
} | tee "$said"

passed=0
failed=0
for module; do
	name=$(basename "$module" .ko)
	last=$max
	without=0
	case $name in
	step-*) last=${name#step-} ;;
	wrong-*) without=${name#wrong-} without=${without%%-*} ;;
	esac
	wanted="$name passes $(seq 1 "$last" | grep -vx "$without" | tr '\n' ' ')"
	wanted=${wanted% }
	if grep -qx "$wanted" "$said"; then
		passed=$((passed + 1))
		echo "ok $wanted, and no other step"
	else
		failed=$((failed + 1))
		echo "not ok $wanted, and no other step:" \
			"$(grep "^$name passes" "$said" || echo it has no result)"
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
