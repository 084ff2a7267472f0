# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# A kernel that is on this machine: installed, or given by hand (kernel.sh get host-*,
# kernel.sh get by-hand).

# bytes FILE OFFSET LENGTH
bytes() {
	tail -c "+$(($2 + 1))" "$1" | head -c "$3"
}

# plain_image FILE: print an image of a kernel as QEMU loads it. That of arm64 may be packed:
# by gzip, or as an EFI program that unpacks itself, whose header says where, how much and
# by what.
plain_image() {
	case $(head -c 8 "$1" | tr -c 'A-Za-z\037\213' .) in
	"$(printf '\037\213')"*) gzip -dc "$1" ;;
	MZ..zimg)
		# shellcheck disable=SC2046
		set -- "$1" $(od -An -tu4 -j 8 -N 8 "$1")
		case $(bytes "$1" 24 4) in
		gzip) bytes "$@" | gzip -dc ;;
		zstd)
			group zst </dev/null
			bytes "$@" | zstd -dcq
			;;
		*) die "$1 is packed by neither gzip nor zstd" ;;
		esac
		;;
	*) cat "$1" ;;
	esac
}

# release_of KDIR VMLINUZ: the release of a kernel image or, without one, of headers.
release_of() {
	if [ -z "$2" ]; then
		cat "$1/include/config/kernel.release"
	elif [ "$(bytes "$2" 514 4 | tr -d '\000')" = HdrS ]; then
		# The x86 boot header points at the release string.
		offset=$(od -An -tu2 -j 526 -N 2 "$2" | tr -d ' ')
		bytes "$2" $((offset + 512)) 200 | tr '\000 ' '\n' | head -n 1
	else
		grep -a -m 1 -o 'Linux version [0-9][^ ]*' "$2" | sed 's/.* //;q'
	fi
}

# take NAME KDIR VMLINUZ: make build/kernel/NAME from a kernel on this machine.
take() {
	tmp=$build/kernel/$1.tmp
	dir=$tmp
	[ -e "$2/Makefile" ] || die "no kernel headers in $2 (KDIR=)"
	[ -z "$3" ] || [ -r "$3" ] || die "no kernel image $3 (VMLINUZ=)"
	rm -rf "$dir"
	mkdir -p "$dir"
	ln -s "$(realpath "$2")" "$dir/headers"
	[ -z "$3" ] || plain_image "$3" >"$dir/vmlinuz" || die "cannot unpack $3"
	release_of "$2" "${3:+"$dir/vmlinuz"}" >"$dir/release" 2>/dev/null || :
	grep -Eq '^[0-9]+\.[0-9]+' "$dir/release" ||
		die "${3:-$2} does not say its release: is it a kernel of $host_arch?"
	release=$(cat "$dir/release")
	for config in "$sys/boot/config-$release" \
		"$sys/lib/modules/$release/config" \
		"$2/.config"; do
		if [ -r "$config" ]; then
			ln -s "$(realpath "$config")" "$dir/config"
			break
		fi
	done

	# The image is in boot/ of this host or of an unpacked package.
	root=$(realpath "$(dirname "${3:-$sys/boot/vmlinuz}")/..")
	[ -d "$root/lib/modules/$release" ] || root=$sys/
	take_modules "$root" "$dir"
	put_kernel "$build/kernel/$1"
	! grep -q '^host ' "$build/kernel/$1/modules/missing" || [ -z "$3" ] ||
		say "no modules of $release beside $3: make vm and make shell" \
			"will need 9p and overlay built into it"
}

# get_host NAME: a kernel that this machine has installed.
get_host() {
	release=${1#host-}
	image=$(host_image "$release") ||
		die "there is no image of kernel $release in /boot or" \
			"/lib/modules/$release (KVER=RELEASE: another that is" \
			"installed): $by_hand"
	need_headers "$release" "$sys"
	[ -r "$image" ] ||
		die "only root may read $image: sudo chmod a+r $image"
	[ "$(cat "$build/kernel/$1/modules/wanted" 2>/dev/null)" != "$modules" ] ||
		[ -n "$(find -H "$image" -cnewer "$build/kernel/$1/release")" ] ||
		return 0
	take "$1" "$sys/lib/modules/$release/build" "$image"
}
