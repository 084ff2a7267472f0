#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Load and unload the module on this very host (make load, make unload).
#
#   host.sh load [PARAMETER=VALUE...]
#   host.sh unload
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin

die() {
	echo "host: $*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

verb=${1-}
[ $# -eq 0 ] || shift
[ -e /proc/modules ] ||
	die "this host's kernel takes no modules: make run and make shell have" \
		"a guest whose kernel does"
case $verb in
load)
	headers=/lib/modules/$(uname -r)/build
	[ -e "$headers/Makefile" ] ||
		die "the headers of this kernel are missing: install" \
			"linux-headers-$(uname -r)"
	[ ! -e /sys/module/shmcount ] ||
		die "the module is loaded already: make unload first"
	dir=$top/build/kmod/host
	mkdir -p "$dir"
	ln -sf "$top"/kmod/* "$dir/"
	make -s -C "$headers" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= modules >&2
	as_root insmod "$dir/shmcount.ko" "$@" ||
		die "the kernel refused the module: dmesg says why (with Secure" \
			"Boot it must be signed)"
	echo "host: /dev/shmcount is there"
	;;
unload)
	[ -e /sys/module/shmcount ] || die "the module is not loaded"
	as_root rmmod shmcount ||
		die "the module is in use:" \
			"$(cat /sys/class/misc/shmcount/opens) open files," \
			"$(cat /sys/class/misc/shmcount/mappings) mappings"
	;;
*) die "usage: host.sh load [PARAMETER=VALUE...] | unload" ;;
esac
