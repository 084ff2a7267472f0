# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# A kernel of this host's distribution, with its headers (kernel.sh get).

# closure PACKAGE...: these, and the packages of the same kernel that they depend on.
closure() {
	for package; do
		echo "$package"
		for other in $(depends "$package" |
			grep -E '^linux-(image|binary|modules|base|headers|kbuild)-[0-9]' |
			grep -v -e '-unsigned$'); do
			closure "$other"
		done
	done | sort -u
}

# download_kernel DIR SERIES: fetch the packages of a kernel; sets release.
download_kernel() {
	release=
	image=$(image_of "$flavours" "$2") || return 1
	release=${image#linux-image-}
	headers=linux-headers-$release
	# Ubuntu has some modules in a package of their own.
	# shellcheck disable=SC2046
	download "$1" $(closure "$image" "$headers" $(depends linux-image-generic |
		grep -Fx "linux-modules-extra-$release"))
}

# The headers may ask for a compiler that is not the host's own.
get_compiler() {
	compiler=$(depends "$1" | grep -m 1 -E 'gcc-[0-9]+') || return 0
	number=$(echo "$compiler" | sed 's/.*gcc-\([0-9]*\).*/\1/')
	printf '%s\n' "kernel gcc-$number $compiler - - -" \
		"compiles modules for kernel $release" | packages
}

need_room() {
	! no_room "$1" || die "no room: $2 in $build for $3"
}

get_series() {
	series=$1
	dir=$build/kernel/$series
	# A kernel unpacked for another table of modules is fetched anew.
	[ "$(cat "$dir/modules/wanted" 2>/dev/null)" != "$modules" ] || return 0

	for tool in apt-get apt-cache dpkg-deb; do
		command -v "$tool" >/dev/null ||
			die "no $tool, so this is not Debian: $by_hand"
	done
	need_room 1200000 "a kernel needs 1.2 GB" "a moment"

	say "fetching a kernel and its headers into build/kernel/$series"
	tmp=$dir.tmp
	rm -rf "$tmp"
	with_new_lists download_kernel "$tmp/deb" "$series" || {
		[ -n "$release" ] || {
			# If that was the default, ask anew the next time.
			rm -f "$build/kernel/default"
			die "no kernel $series in this host's package lists: $by_hand"
		}
		die "cannot fetch kernel $release (no network? see" \
			"build/setup.log): $by_hand"
	}
	get_compiler "$headers"
	# Some packages hold lib/modules, some usr/lib/modules.
	mkdir -p "$tmp/usr/lib"
	ln -s usr/lib "$tmp/lib"
	for deb in "$tmp"/deb/*.deb; do
		dpkg-deb -x "$deb" "$tmp" 2>>"$build/setup.log" ||
			die "cannot unpack ${deb##*/} (see build/setup.log)"
	done
	rm -rf "$tmp/deb"

	for file in vmlinuz config; do
		mv "$tmp/boot/$file-$release" "$tmp/$file" 2>/dev/null ||
			mv "$tmp/lib/modules/$release/$file" "$tmp/$file" \
				2>/dev/null ||
			die "no boot/$file-$release in the packages of kernel" \
				"$release"
	done
	echo "$release" >"$tmp/release"
	ln -s "usr/src/linux-headers-$release" "$tmp/headers"
	# The headers name each other by the path where a package installs them.
	# shellcheck disable=SC2016
	sed -i -e 's|^KBUILD_OUTPUT=|KBUILD_OUTPUT := |' \
		-e 's|/usr/src/|$(dir $(lastword $(MAKEFILE_LIST)))../|' \
		"$tmp/headers/Makefile"
	take_modules "$tmp" "$tmp"
	need_modules "$tmp"
	(cd "$tmp" && rm -rf boot lib usr/lib/modules usr/share)
	put_kernel "$dir"
}
