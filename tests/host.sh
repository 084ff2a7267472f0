#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# The module and the programs on this very host.
#
#   host.sh load [PARAMETER=VALUE...]  build the module, load it (make load)
#   host.sh unload                     and unload it again (make unload)
#   host.sh install                    both, for good (make install)
#   host.sh uninstall                  what install did, undone (make uninstall)
#
# install gives the module's source to DKMS, which builds it for the running
# kernel and anew for each that comes, makes the group of the device's node, and
# installs the programs, the udev rule and the modprobe options below PREFIX
# (/usr/local, or /usr). The module is not loaded at boot. KVER=RELEASE: for this
# kernel in place of the running one. With DESTDIR only the files are put below
# that, as for a package, and nothing is built for this host.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
PATH=$PATH:/usr/sbin:/sbin
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR-}
# Each make below has a folder of its own.
case $DESTDIR in
'' | /*) ;;
*) DESTDIR=$PWD/$DESTDIR ;;
esac
efivars=${EFIVARS:-/sys/firmware/efi/efivars}

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

takes_modules() {
	[ -e /proc/modules ] ||
		die "this host's kernel takes no modules: make run and make" \
			"shell have a guest whose kernel does"
}

has_headers() {
	headers=/lib/modules/$1/build
	[ -e "$headers/Makefile" ] ||
		die "the headers of this kernel are missing: install" \
			"linux-headers-$1"
}

# The firmware's variable has four bytes of attributes, and then 1 for on.
secure_boot() {
	for variable in "$efivars"/SecureBoot-*; do
		[ ! -r "$variable" ] ||
			[ "$(od -An -tu1 -j 4 -N 1 "$variable")" -ne 1 ] ||
			return 0
	done
	return 1
}

load() {
	takes_modules
	has_headers "$(uname -r)"
	[ ! -e /sys/module/shmcount ] ||
		die "the module is loaded already: make unload first"
	dir=$top/build/kmod/host
	mkdir -p "$dir"
	ln -sf "$top"/kmod/*.[ch] "$top"/kmod/compat.mk \
		"$top/kmod/Kbuild" "$dir/"
	make -s -C "$headers" M="$dir" CONFIG_DEBUG_INFO_BTF_MODULES= modules >&2
	as_root insmod "$dir/shmcount.ko" "$@" || {
		! secure_boot ||
			die "the kernel refused the module, as Secure Boot is on" \
				"and it is not signed: make install has DKMS" \
				"sign it"
		die "the kernel refused the module: dmesg says why"
	}
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

# What is installed beside the programs and the source: from kmod/host/, to lib/.
conf='udev.rules	udev/rules.d/60-shmcount.rules
modprobe.conf		modprobe.d/shmcount-mode.conf
sysusers.conf		sysusers.d/shmcount.conf'
version=$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' "$top/kmod/shmcount.c")
source=/usr/src/shmcount-$version
lib=$DESTDIR$PREFIX/lib

put_files() {
	umask 022
	install -d "$DESTDIR$source"
	install -m 644 "$top"/kmod/*.[ch] "$top/kmod/compat.mk" \
		"$top/kmod/Kbuild" "$DESTDIR$source/"
	sed "s/#MODULE_VERSION#/$version/" "$top/kmod/host/dkms.conf" \
		>"$DESTDIR$source/dkms.conf"
	echo "$conf" | while read -r from to; do
		install -D -m 644 "$top/kmod/host/$from" "$lib/$to"
	done
	make -s --no-print-directory -C "$top/user" install \
		DESTDIR="$DESTDIR" PREFIX="$PREFIX"
}

# Those of an older version, too. Of a host's folders only ours are removed.
remove_files() {
	rm -rf "$DESTDIR"/usr/src/shmcount-*
	echo "$conf" | while read -r _ to; do
		rm -f "$lib/$to"
	done
	for dir in udev/rules.d udev modprobe.d sysusers.d; do
		[ ! -d "$lib/$dir" ] ||
			rmdir --ignore-fail-on-non-empty "$lib/$dir"
	done
	make -s --no-print-directory -C "$top/user" uninstall \
		DESTDIR="$DESTDIR" PREFIX="$PREFIX"
}

dkms_forgets() {
	dkms status -m shmcount | sed -n 's|^shmcount/\([^,:]*\).*|\1|p' | sort -u |
		while read -r known; do
			dkms remove -m shmcount -v "$known" --all >&2
		done
}

group=$(awk '$1 == "g" { print $2 }' "$top/kmod/host/sysusers.conf")

reload_udev() {
	[ ! -e /run/udev/control ] || udevadm control --reload
	[ ! -e /sys/class/misc/shmcount ] ||
		udevadm trigger --action=change /sys/class/misc/shmcount
}

manageable() {
	command -v dkms >/dev/null ||
		die "dkms is missing: install the Debian package dkms"
	! dpkg-query -W -f '${db:Status-Status}\n' shmcount shmcount-dkms \
		2>/dev/null | grep -qvx 'not-installed\|config-files' ||
		die "the Debian packages are installed: remove them first" \
			"(apt purge shmcount-dkms shmcount)"
}

become_root() {
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "to $1 this takes root, or sudo"
		exec sudo env PREFIX="$PREFIX" KVER="${KVER-}" "$0" "$1"
	fi
}

told() {
	cat <<-END
		host: shmcount $version is installed for $release, and not loaded
		  to load it now:       modprobe shmcount
		  at each boot:         echo shmcount >/etc/modules-load.d/shmcount.conf
		  who may use it:       the group $group (adduser NAME $group)
	END
	key=/var/lib/dkms/mok.pub
	! secure_boot || mokutil --test-key $key 2>/dev/null | grep -q already ||
		cat <<-END
			host: Secure Boot is on: the firmware has to know the key DKMS signs with
			  to make it known:     mokutil --import $key
			  and then reboot, and choose Enroll MOK
		END
}

install_here() {
	[ -n "${KVER-}" ] || takes_modules
	release=${KVER:-$(uname -r)}
	has_headers "$release"
	manageable
	make -s --no-print-directory -C "$top/user" >&2
	become_root install
	dkms_forgets
	put_files
	getent group "$group" >/dev/null || groupadd --system "$group"
	dkms install -m shmcount -v "$version" -k "$release" >&2 ||
		die "DKMS could not build the module:" \
			"/var/lib/dkms/shmcount/$version/build/make.log says why"
	reload_udev
	told
}

# A group with members has them still, should it be installed again.
uninstall_here() {
	manageable
	[ ! -e /sys/module/shmcount ] ||
		die "the module is loaded: make unload first"
	become_root uninstall
	dkms_forgets
	remove_files
	[ "$(getent group "$group" | cut -d : -f 4-)" ] ||
		groupdel "$group" 2>/dev/null || :
	reload_udev
}

verb=${1-}
[ $# -eq 0 ] || shift
case $PREFIX in
/usr | /usr/local) ;;
*) die "PREFIX=$PREFIX: udev and modprobe read below /usr/local and /usr only" ;;
esac
case $verb in
load | unload) $verb "$@" ;;
install)
	if [ -n "$DESTDIR" ]; then
		put_files
	else
		install_here
	fi
	;;
uninstall)
	if [ -n "$DESTDIR" ]; then
		remove_files
	else
		uninstall_here
	fi
	;;
*) die "usage: host.sh load [PARAMETER=VALUE...] | unload | install | uninstall" ;;
esac
