# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# A kernel that is on this machine: installed, or given by hand (kernel.sh get host-*,
# kernel.sh get by-hand).

# release_of KDIR VMLINUZ: the release of a kernel image or, without one, of headers.
release_of() {
	if [ -n "$2" ]; then
		# The x86 boot header points at the release string.
		offset=$(od -An -tu2 -j 526 -N 2 "$2" | tr -d ' ')
		tail -c +$((offset + 513)) "$2" | head -c 200 |
			tr '\000 ' '\n' | head -n 1
	else
		cat "$1/include/config/kernel.release"
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
	[ -z "$3" ] || cat "$3" >"$dir/vmlinuz"
	release_of "$2" "$3" >"$dir/release" 2>/dev/null || :
	grep -Eq '^[0-9]+\.[0-9]+' "$dir/release" ||
		die "${3:-$2} does not say its release: is it an x86 kernel?"
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
