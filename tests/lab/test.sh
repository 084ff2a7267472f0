#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check that each solution of the lab passes its steps and no more (make lab-test).
#
#   test.sh MODULE...
#
# A MODULE named step-N.ko must pass the steps 1 to N of kmod/lab/steps and fail all
# others, and one named wrong-N-NAME.ko all but N; a module of another name must pass all.
# In the handout, from nothing but the kernel, make user must build the programs, and make
# lab must pass step 1 of its skeleton and not step 2, and pass all steps of the last MODULE. The last line is "N passed, N
# failed".
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

# What make lab prints in the handout with the skeleton, and with a module.
handout=build/lab/handout
tests/lab/handout.sh "$handout" >/dev/null && mkdir "$handout/build" &&
	ln -s "$top/build/kernel" "$handout/build/kernel" || exit 1
for module; do :; done
{
	make --no-print-directory -C "$handout" user && echo "its programs are built"
	make --no-print-directory -C "$handout" lab KMOD=
	make --no-print-directory -C "$handout" lab KMOD="$top/$module"
} >"$handout.log" 2>&1
cat "$handout.log"

passed=0
failed=0
# result NAME TEXT: does the handout's log have a line that begins like this?
result() {
	if grep -q "^$2" "$handout.log"; then
		passed=$((passed + 1))
		echo "ok handout: $1"
	else
		failed=$((failed + 1))
		echo "not ok handout: $1"
	fi
}
result 'its programs are built' 'its programs are built$'
result 'its skeleton passes step 1' 'step 1, .*: passed$'
result 'its skeleton does not pass step 2' 'step 2, .*: not yet: '
result "$(basename "$module") passes all steps" "All $max steps pass\\."
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
