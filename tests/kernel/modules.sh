# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# The modules that guests load: from a kernel's packages, or from this machine.

# Each line: the purpose, and the modules, each with the option that builds it in.
modules='payload virtio_pci=VIRTIO_PCI virtio_blk=VIRTIO_BLK
host 9p=9P_FS 9pnet_virtio=NET_9P_VIRTIO overlay=OVERLAY_FS
disk ext4=EXT4_FS
kvm kvm-amd=KVM_AMD'

# unpacked FILE: print a file that may be compressed.
unpacked() {
	case $1 in
	*.xz) xz -dc "$1" ;;
	*.zst) zstd -dcq "$1" ;;
	*.gz) gzip -dc "$1" ;;
	*) cat "$1" ;;
	esac
}

# is_built_in FROM RELEASE MODULE OPTION CONFIG
is_built_in() {
	modprobe -d "$1" -S "$2" --show-depends "$3" 2>/dev/null |
		grep -q "^builtin " || grep -qx "CONFIG_$4=y" "$5" 2>/dev/null
}

# take_modules FROM TO: unpack the modules of the table from FROM/lib/modules into
# TO/modules, and write the load order for each line.
take_modules() {
	release=$(cat "$2/release")
	mkdir -p "$2/modules"
	[ ! -w "$1/lib/modules/$release" ] || [ "$1" = "$sys/" ] ||
		depmod -b "$1" "$release" 2>/dev/null || :
	echo "$modules" | while read -r what names; do
		for module in $names; do
			modprobe -d "$1" -S "$release" --show-depends \
				"${module%=*}" 2>/dev/null || :
		done | awk '$1 == "insmod" { print $2 }' >"$2/modules/order"
		! grep -q '\.zst$' "$2/modules/order" || group zst </dev/null
		while read -r ko; do
			plain=${ko##*/}
			plain=${plain%.ko*}.ko
			[ ! -e "$2/modules/$plain" ] || continue
			unpacked "$ko" >"$2/modules/$plain" ||
				die "cannot unpack $ko"
			echo "$plain"
		done <"$2/modules/order" >"$2/modules/$what"
		rm "$2/modules/order"
		for module in $names; do
			name=${module%=*}
			[ -e "$2/modules/$name.ko" ] ||
				is_built_in "$1" "$release" "$name" \
					"${module#*=}" "$2/config" ||
				echo "$what $name"
		done >>"$2/modules/missing"
	done || exit
	echo "$modules" >"$2/modules/wanted"
}

# A guest that sees the host's files needs all modules for that.
need_modules() {
	lacking=$(sed -n 's/^\(payload\|host\|disk\) //p' "$1/modules/missing")
	[ -z "$lacking" ] ||
		die "kernel $(cat "$1/release") has no module" \
			"$(echo "$lacking" | tr '\n' ' ')and the guest needs it" \
			"to see the host's files"
}

# put_kernel DIR: the kernel in $tmp takes the place of DIR. What was built for the kernel
# before goes: kbuild would take it for up to date.
put_kernel() {
	rm -rf "$1"
	for built in kmod modules techniques lab mutants mutants-all; do
		rm -rf "${build:?}/$built/${1##*/}"
	done
	mv "$tmp" "$1"
}
