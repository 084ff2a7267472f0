#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Load the module on this host, until it is unloaded.
#
#   load.sh load [PARAMETER=VALUE...]  build the module and load it (make load)
#   load.sh unload                     unload it (make unload)
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=host

# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"

load() {
	takes_modules
	need_headers "$(uname -r)"
	[ ! -e /sys/module/shmcount ] ||
		die "the module is loaded already: make unload first"
	dir=$top/build/kmod/host
	mkdir -p "$dir"
	ln -sf "$top"/kmod/*.[ch] "$top"/kmod/compat.mk \
		"$top/kmod/Kbuild" "$dir/"
	"$top/tests/kernel/kbuild.sh" "/lib/modules/$(uname -r)/build" "$dir" >&2
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
*) die "usage: load.sh load [PARAMETER=VALUE...] | unload" ;;
esac
