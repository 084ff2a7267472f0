#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Install the module and the programs on this host.
#
#   install.sh install     make install
#   install.sh uninstall   make uninstall: undo what install did
#
# install gives the module's source to DKMS, which builds it for the running kernel and
# again for each new one; makes the group of the device's node; and installs the
# programs, the udev rule and the modprobe options below PREFIX (/usr/local or /usr).
# Nothing loads the module at boot. KVER=RELEASE names a kernel in place of the running
# one. With DESTDIR this only puts the files below that, as for a package, and builds
# nothing for this host.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=host
# Others must be able to read and run what is made here, whatever the user's umask.
umask 022
PREFIX=${PREFIX:-/usr/local}
DESTDIR=${DESTDIR-}
efivars=${EFIVARS:-/sys/firmware/efi/efivars}
version=$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' "$top/kmod/shmcount.c")
group=shmcount
loaded=/sys/module/shmcount

# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"

# Each make below runs in another directory.
case $DESTDIR in
'' | /*) ;;
*) DESTDIR=$PWD/$DESTDIR ;;
esac
case $PREFIX in
/usr | /usr/local) ;;
*) die "PREFIX=$PREFIX: udev and modprobe read below /usr/local and /usr only" ;;
esac

make_in() {
	make -s --no-print-directory -C "$top/$1" "$2" DESTDIR="$DESTDIR" \
		PREFIX="$3" >&2
}

put_files() {
	make_in kmod/host install "$PREFIX"
	make_in user install "$PREFIX"
}

# An earlier install may have had another PREFIX.
remove_files() {
	for prefix in /usr/local /usr; do
		make_in kmod/host uninstall $prefix
		make_in user uninstall $prefix
	done
}

no_packages() {
	! dpkg-query -W -f '${db:Status-Status}\n' shmcount shmcount-dkms \
		2>/dev/null | grep -qvx 'not-installed\|config-files' ||
		die "the Debian packages are installed: remove them first" \
			"(apt purge shmcount-dkms shmcount)"
}

become_root() {
	if [ "$(id -u)" -ne 0 ]; then
		command -v sudo >/dev/null ||
			die "must be root to $1, or have sudo"
		exec sudo env PREFIX="$PREFIX" KVER="${KVER-}" "$0" "$1"
	fi
}

# dkms runs kbuild, which reads much from the environment.
run_dkms() {
	env -i PATH="$PATH" HOME="${HOME-/root}" LC_ALL=C dkms "$@"
}

# If DKMS itself was removed before, what it built is still there.
remove_from_dkms() {
	if command -v dkms >/dev/null; then
		run_dkms status -m shmcount |
			sed -n 's|^shmcount/\([^,:]*\).*|\1|p' | sort -u |
			while read -r known; do
				run_dkms remove -m shmcount -v "$known" --all >&2
			done
		return
	fi
	rm -rf /var/lib/dkms/shmcount
	for kernel in /lib/modules/*; do
		set -- "$kernel"/updates/dkms/shmcount.ko*
		[ -e "$1" ] || continue
		rm "$@"
		(cd "$kernel" &&
			rmdir -p --ignore-fail-on-non-empty updates/dkms)
		depmod "${kernel##*/}"
	done
}

reload_udev() {
	[ ! -e /run/udev/control ] || udevadm control --reload
	[ ! -e /sys/class/misc/shmcount ] ||
		udevadm trigger --action=change /sys/class/misc/shmcount
}

# The firmware's variable has four bytes of attributes, then 1 for on.
secure_boot() {
	for variable in "$efivars"/SecureBoot-*; do
		[ ! -r "$variable" ] ||
			[ "$(od -An -tu1 -j 4 -N 1 "$variable")" -ne 1 ] ||
			return 0
	done
	return 1
}

print_key_help() {
	key=/var/lib/dkms/mok.pub
	echo "host: Secure Boot is on: the firmware has to know the key DKMS signs with"
	if [ -e $key ]; then
		echo "  to make it known:     mokutil --import $key"
		echo "  and then reboot, and choose Enroll MOK"
	else
		echo "  there is no key yet:  apt install openssl mokutil, and" \
			"make install again"
	fi
}

print_installed() {
	said="host: shmcount $version is installed for $release"
	if [ -e $loaded ]; then
		echo "$said"
		echo "  the loaded module is the old one: make unload first"
	else
		echo "$said, and not loaded"
	fi
	cat <<-END
		  to load it now:       modprobe shmcount
		  at each boot:         echo shmcount >/etc/modules-load.d/shmcount.conf
		  who may use it:       the group $group (adduser NAME $group)
	END
	! secure_boot ||
		mokutil --test-key /var/lib/dkms/mok.pub 2>/dev/null |
		grep -q 'already enrolled' || print_key_help
}

install_here() {
	[ -n "${KVER-}" ] || takes_modules
	command -v dkms >/dev/null ||
		die "dkms is missing: install the Debian package dkms"
	release=${KVER:-$(uname -r)}
	need_headers "$release"
	no_packages
	make -s --no-print-directory -C "$top/user" >&2
	become_root install
	remove_from_dkms
	remove_files
	put_files
	getent group "$group" >/dev/null || groupadd --system "$group"
	run_dkms install -m shmcount -v "$version" -k "$release" >&2 ||
		die "DKMS could not build the module:" \
			"/var/lib/dkms/shmcount/$version/build/make.log says" \
			"why. No module is installed now, but the programs and" \
			"the source are: make uninstall takes them back"
	reload_udev
	print_installed
}

# Keep a group that has members: they can use the next install.
uninstall_here() {
	no_packages
	[ ! -e $loaded ] || die "the module is loaded: make unload first"
	become_root uninstall
	remove_from_dkms
	remove_files
	[ "$(getent group "$group" | cut -d : -f 4-)" ] ||
		groupdel "$group" 2>/dev/null || :
	reload_udev
	for file in /etc/modules-load.d/shmcount.conf \
		/etc/modprobe.d/shmcount.conf \
		/etc/udev/rules.d/60-shmcount.rules; do
		[ ! -e "$file" ] || echo "host: $file is yours, and is left"
	done
}

case ${1-}${DESTDIR:+-staged} in
install) install_here ;;
uninstall) uninstall_here ;;
install-staged) put_files ;;
uninstall-staged) remove_files ;;
*) die "usage: install.sh install | uninstall" ;;
esac
