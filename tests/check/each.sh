# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# What matrix.sh and hosts.sh share: they run make on many kernels or hosts.

# run COMMAND...: run it in a session of its own, so that an interrupt ends all of it.
running=
trap '[ -z "$running" ] || kill -TERM "-$running" 2>/dev/null; wait; exit 130' \
	INT TERM HUP
run() {
	setsid "$@" &
	running=$!
	wait $running
	status=$?
	running=
	return $status
}

# counts LOG: "N passed, N failed, N skipped" from the end of the last target's output;
# nothing if it ended without a result.
counts() {
	awk '
	/^hosts: / { last = ""; skipped = 0 }
	/^# [0-9]+ skipped/ { skipped = $2 }
	/^[0-9]+ passed, [0-9]+ failed$/ { last = $0 }
	END { if (last) printf "%s, %d skipped", last, skipped }' "$1"
}

# each NAME...: call run_one() for each name, which returns 0 if it passed, 1 if it
# failed and 4 if it was skipped. Print "N passed, N failed" and exit: 0 if none failed,
# 1 if one failed, 4 if all were skipped.
each() {
	passed=0
	failed=0
	for name; do
		run_one "$name"
		case $? in
		0) passed=$((passed + 1)) ;;
		1) failed=$((failed + 1)) ;;
		esac
	done
	echo "$passed passed, $failed failed"
	[ $failed -eq 0 ] || exit 1
	[ $passed -gt 0 ] || exit 4
	exit 0
}
