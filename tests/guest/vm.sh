#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run a program in a guest that has this tree's kernel, module and programs.
#
#   vm.sh [option]... VERB PROGRAM [ARG...]
#
#   tap    run a test program of the guest and check its TAP
#   run    run one of our programs, in a small guest
#   host   run any program of the host, in a guest that sees the host's files
#   bench  as host, to measure: with a disk at /mnt, and without the kernel's
#          checks that take time
#   count  as bench, on one processor, with a clock that advances by 1 ns with
#          each instruction
#   trace  as host, on one processor: the program starts the other after it has
#          patched the kernel's code
#   shell  a shell in a guest as for host; it takes no PROGRAM
#
#   -c FILE     write the kernel's log there (build/results/console-VERB.log)
#   -l          with the memory that tests of large regions need (tests/large.c), where
#               the host has as much free
#   -f FILE     put FILE into the small guest, too; may be repeated
#   -m FILE     the module, in place of this tree's
#   -o FROM:TO  bring the guest's file FROM, whose path has no colon, back as TO; may be
#               repeated
#   -r FILE     write the record of the verdict there: see tests/guest/verdict.h
#   -t SEC      time limit for tap or run
#
# The environment has what a user may set (see "make help" and the Makefile), KMOD as
# -m and CONSOLE as -c; tap takes no PARAMS. The exit status is that of build/tests/vm;
# tests/harness/status.h has all of them.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
build=$top/build
PATH=$PATH:/usr/sbin:/sbin

log=${CONSOLE-}
module=${KMOD-}
files=
newline='
'
fetch=
record=
limit=
large=
while getopts c:f:lm:o:r:t: option; do
	case $option in
	c) log=$OPTARG ;;
	f) files=$files$OPTARG$newline ;;
	l) large=yes ;;
	m) module=$OPTARG ;;
	o) fetch=$fetch$OPTARG$newline ;;
	r) record=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) usage ;;
	esac
done
shift $((OPTIND - 1))
verb=${1-}
case $verb in
tap | run) guest=small ;;
host | bench | count | trace | shell) guest=full ;;
*) usage ;;
esac
[ "$verb" = shell ] || [ $# -gt 1 ] || usage
shift
runs=${1-}

no_guest() {
	failure=125
	die "infrastructure: $*"
}

memory=${MEMORY-}
case ${memory:-128} in
*[!0-9]* | ????????*) false ;;
*) [ "${memory:-128}" -ge 128 ] ;;
esac || {
	failure=2
	die "MEMORY=$memory: it has to be a number of MB, 128 or more"
}

name=$("$top/tests/kernel/kernel.sh" name "${KERNEL-}") || exit 125
kernel=$build/kernel/$name
# The guest's programs are of its kernel's architecture.
arch=$(arch_of "$name")
built=$build
if [ "$arch" != "$host_arch" ]; then
	built=$build/$arch
	case $verb in
	host | trace | shell)
		failure=2
		die "a guest of $arch runs no program of this machine, whose architecture" \
			"is $host_arch: make run and make check bring their own"
		;;
	esac
fi
module=${module:-$build/kmod/$name/shmcount.ko}

for file in "$kernel/vmlinuz" "$kernel/release" "$build/tests/vm"; do
	[ -e "$file" ] || case $name in
	by-hand) no_guest "KDIR= alone is no guest: VMLINUZ= is the kernel to boot" ;;
	*) no_guest "there is no $file: make run or make vm makes it" ;;
	esac
done
case $verb in
bench | count) needed='^payload \|^host \|^disk ' ;;
*) needed='virtio_pci$\|^host ' ;;
esac
lacking=
[ $guest = small ] ||
	lacking=$(sed -n "/$needed/s/.* //p" "$kernel/modules/missing" 2>/dev/null |
		tr '\n' ' ')
[ -z "$lacking" ] ||
	no_guest "kernel $(cat "$kernel/release") has no module ${lacking}and this" \
		"guest needs it for the host's files and its disk"
[ -r "$module" ] || no_guest "there is no module $module"
wanted=$(cat "$kernel/release")
version=$(modinfo -F vermagic "$module" 2>/dev/null | cut -d ' ' -f 1)
[ -n "$version" ] || no_guest "$module is not a module"
[ "$wanted" = "$version" ] ||
	no_guest "$module is for kernel $version and this guest runs $wanted:" \
		"build it with tests/kernel/kbuild.sh $name DIRECTORY"

mkdir -p "$build/results"
log=${log:-$build/results/console-$verb.log}
append=
tap_limit=600
checked=
[ ! -e "$kernel/fragment" ] || checked=yes
[ -z "$checked" ] || tap_limit=2400
case $verb in
tap) set -- -t "${limit:-$((tap_limit * ${REPEAT:-1}))}" tap "$@" ;;
run) set -- -t "${limit:-120}" run "$@" ;;
host) set -- -H run "$@" ;;
bench) set -- -H -b -d 64 -t 900 run "$@" ;;
count) set -- -H -I -d 64 -t 900 run "$@" ;;
trace)
	set -- -H run "$@"
	append=maxcpus=1
	;;
shell) set -- -H shell "${SHELL:-/bin/sh}" ;;
esac
[ "$verb" = tap ] || set -- -p "${PARAMS-}" "$@"
if [ $guest = small ]; then
	modules=$build/modules/$name
	# Test programs run the others. The less there is, the sooner it is there.
	case $verb-$runs in
	tap-*)
		needed="$built/guest/* $modules/force_return.ko
			$modules/mapped_page.ko $modules/skip_fault_injection.ko
			$modules/own_pages.ko $modules/textbook.ko
			$build/techniques/$name/module/techniques.ko"
		;;
	run-demo) needed="$built/guest/demo $built/guest/incr*" ;;
	*) needed=$built/guest/$runs ;;
	esac
	# The lab's handout has no module that would give a solution away.
	for file in $needed; do
		[ ! -e "$file" ] || set -- -f "$file" "$@"
	done
	# fuzz says with which kernel to run it again. What the kernel does not
	# know of its command line becomes its init's environment.
	append="$append KERNEL=$name"
fi
# The path of a file may have spaces in it.
IFS=$newline
[ $guest = full ] ||
	for file in $files; do
		set -- -f "$file" "$@"
	done
for both in $fetch; do
	set -- -o "$both" "$@"
done
unset IFS
# The guest takes from the host only what the tests touch, but starts only where all of it
# is free. Sanitizers go through all of it.
if [ "$large" ]; then
	free=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	[ -n "$checked" ] && sizes=5120 || sizes='10240 5120'
	for size in $sizes; do
		[ "${free:-0}" -le "$size" ] || memory=${memory:-$size}
	done
	[ "$memory" ] || echo "vm.sh: this host has ${free:-0} MB free, and a large" \
		"guest needs $size: a small one has to do" >&2
fi
# Checkers take memory and time, and some are off until they are asked for.
# The kernel must not call that time a lockup: at boot, on a slow host, it was
# once busy with one thing for 23 s.
if [ -n "$checked" ]; then
	memory=${memory:-2048}
	append="$append page_poison=1 page_owner=on SLOWER=$((4 * ${SLOWER:-1}))"
	append="$append watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
	# Watch one access of 1000, not of 4000: a race is seen in the first run.
	[ "$name" != kcsan ] || append="$append kcsan.skip_watch=1000"
fi
exec "$build/tests/vm" -k "$kernel" -m "$module" -i "$built/guest/init" \
	-c "$log" -a "$append" ${memory:+-M "$memory"} \
	${record:+-r "$record"} -T "$build/templates" "$@"
