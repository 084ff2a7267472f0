#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module on this very host, until it is unloaded.
#
#   host.sh load [PARAMETER=VALUE...]  build the module, load it (make load)
#   host.sh unload                     and unload it again (make unload)
set -eu

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
PATH=$PATH:/usr/sbin:/sbin

program=host
# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

takes_modules() {
	[ -e /proc/modules ] ||
		die "this host's kernel takes no modules: make run and make" \
			"shell have a guest whose kernel does"
}

load() {
	takes_modules
	headers=/lib/modules/$(uname -r)/build
	[ -e "$headers/Makefile" ] ||
		die "the headers of this kernel are missing:" \
			"$(headers_of "$(uname -r)")"
	[ ! -e /sys/module/shmcount ] ||
		die "the module is loaded already: make unload first"
	dir=$top/build/kmod/host
	mkdir -p "$dir"
	ln -sf "$top"/kmod/*.[ch] "$top"/kmod/compat.mk \
		"$top/kmod/Kbuild" "$dir/"
	"$top/tests/kbuild.sh" "$headers" "$dir" >&2
	as_root insmod "$dir/shmcount.ko" "$@" ||
		die "the kernel refused the module: dmesg says why (where" \
			"Secure Boot is on, make install has DKMS sign it)"
	echo "host: /dev/shmcount is there"
}

unload() {
	takes_modules
	[ -e /sys/module/shmcount ] || die "the module is not loaded"
	as_root rmmod shmcount ||
		die "the module is in use:" \
			"$(cat /sys/class/misc/shmcount/opens) open files," \
			"$(cat /sys/class/misc/shmcount/mappings) mappings"
}

verb=${1-}
[ $# -eq 0 ] || shift
case $verb in
load | unload) $verb "$@" ;;
*) die "usage: host.sh load [PARAMETER=VALUE...] | unload" ;;
esac
