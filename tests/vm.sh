#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The guest with this tree's kernel, module and programs in it.
#
#   vm.sh tap PROGRAM [ARG...]    run a test program, check its TAP
#   vm.sh run PROGRAM [ARG...]    run one of our programs, in a small guest
#   vm.sh host PROGRAM [ARG...]   run any program of the host's, in a guest that
#                                 sees the host's files
#   vm.sh bench PROGRAM [ARG...]  the same, to measure: with a disk at /mnt, and
#                                 without the kernel's checks that take time
#   vm.sh count PROGRAM [ARG...]  as bench, on one processor and with a clock
#                                 that goes on by 1 ns with each instruction
#   vm.sh trace PROGRAM [ARG...]  as host, on one processor: the program is to
#                                 start the other when it has changed the code
#                                 of the kernel
#   vm.sh shell                   a shell in a guest as for host
#
# KERNEL (see kernel.sh), KMOD (a module in place of ours), PARAMS (its parameters, but for tap), LIMIT (seconds, for tap and run),
# REPEAT (how often a tap program does its tests, and so how long it may take),
# MEMORY (the guest's, in MB, 128 or more; build/tests/vm -h has the default),
# FETCH (FROM:TO, a file of the guest's to bring back) and FILES (more for
# the guest of tap or run) are taken from the environment; and ACCEL (kvm or tcg,
# but for count) by build/tests/vm itself. Exit status: see build/tests/vm -h.
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
PATH=$PATH:/usr/sbin:/sbin

verb=${1-}
case $verb in
tap | run | host | bench | count | trace) [ $# -gt 1 ] || verb= ;;
esac
case $verb in
tap | run) guest=small ;;
host | bench | count | trace | shell) guest=full ;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
shift

die() {
	echo "vm: infrastructure: $*" >&2
	exit 125
}

memory=${MEMORY-}
case ${memory:-128} in
*[!0-9]* | ????????*) false ;;
*) [ "${memory:-128}" -ge 128 ] ;;
esac || {
	echo "vm: MEMORY=$memory: it has to be a number of MB, 128 or more" >&2
	exit 2
}

names=$("$top/tests/kernel.sh" names "${KERNEL-}") || exit 125
read -r KERNEL small full <<END
$names
END
name=$small
if [ $guest = full ]; then
	name=$full
	[ "$name" != - ] ||
		die "the guest of KERNEL=$KERNEL cannot see this host's files"
fi
kernel=$build/kernel/$name
module=${KMOD:-$build/kmod/$name/shmcount.ko}

for file in "$kernel/vmlinuz" "$kernel/release" "$build/tests/vm"; do
	[ -e "$file" ] || case $name in
	by-hand) die "KDIR= alone is no guest: VMLINUZ= is the kernel to boot" ;;
	*) die "there is no $file: make run or make vm makes it" ;;
	esac
done
needed=none
[ $guest = small ] || needed=host
case $verb in bench | count) needed='host\|disk' ;; esac
lacking=$(sed -n "s/^\($needed\) //p" "$kernel/modules/missing" 2>/dev/null | tr '\n' ' ')
[ -z "$lacking" ] ||
	die "kernel $(cat "$kernel/release") has no module ${lacking}and this" \
		"guest needs it for the host's files and its disk"
[ -r "$module" ] || die "there is no module $module"
wanted=$(cat "$kernel/release")
built=$(modinfo -F vermagic "$module" 2>/dev/null | cut -d ' ' -f 1)
[ -n "$built" ] || die "$module is not a module"
[ "$wanted" = "$built" ] ||
	die "$module is for kernel $built and this guest runs $wanted:" \
		"build it with tests/kbuild.sh $name FOLDER"

mkdir -p "$build/results"
log=${CONSOLE:-$build/results/console-$verb.log}
limit=600
append=
[ "$name" != debug ] || limit=2400
case $verb in
tap)
	set -- -t "${LIMIT:-$((limit * ${REPEAT:-1}))}" tap "$@"
	;;
run)
	set -- -p "${PARAMS-}" -t "${LIMIT:-120}" run "$@"
	;;
host)
	set -- -p "${PARAMS-}" -H run "$@"
	;;
bench)
	set -- -p "${PARAMS-}" -H -b -d 64 -t 900 run "$@"
	;;
count)
	set -- -p "${PARAMS-}" -H -I -d 64 -t 900 run "$@"
	;;
trace)
	set -- -p "${PARAMS-}" -H run "$@"
	append=maxcpus=1
	;;
shell)
	set -- -p "${PARAMS-}" -H shell "${SHELL:-/bin/sh}"
	;;
esac
case $verb in
tap | run)
	bad=$build/bad/$name
	for file in "$build"/guest/* "$bad/force_return.ko" "$bad/spare.ko" \
		"$bad/own_pages.ko" "$bad/textbook.ko" \
		"$build/techniques/$name/module/techniques.ko" ${FILES-}; do
		set -- -f "$file" "$@"
	done
	;;
esac
# The checkers take memory and time, and some are off until they are asked for.
# They take time of the kernel as well, which must not call that a lockup: at
# boot, on a slow host, it was once busy with one thing for 23 s.
# What the kernel does not know of its command line is its init's environment.
if [ "$name" = debug ]; then
	memory=${memory:-2048}
	append="$append page_poison=1 page_owner=on SLOWER=4"
	append="$append watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
fi
# fuzz says with which kernel it is to be run again.
if [ $guest = small ]; then
	append="$append KERNEL=$KERNEL"
fi
exec "$build/tests/vm" -k "$kernel" -m "$module" -i "$build/guest/init" \
	-c "$log" -a "$append" ${memory:+-M "$memory"} ${FETCH:+-o "$FETCH"} \
	"$@"
