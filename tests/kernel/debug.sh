# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# The kernels that Kconfig.notes describes, built from Debian's source (kernel.sh get
# debug, kernel.sh get kcsan).

# fragment NAME: the config that Kconfig.notes asks for: the first value of each option
# that is not for the other kernels.
fragment() {
	awk -v name="$1" '!/^(#|$)/ && !/^[a-z]*\/arm64/ && ($1 == name || $1 !~ /^(debug|kcsan)$/) {
		split($2, option, /[=,]/)
		if (option[2] == "n")
			print "# CONFIG_" option[1] " is not set"
		else
			print "CONFIG_" option[1] "=" option[2]
	}' "$top/Kconfig.notes"
}

debug_source=linux-source-6.1

# begin_debug DIR: fetch the source to DIR/source.tar. Sets headers, the directory below
# DIR where the kernel and its modules get built: on the host, if its package lists
# have the source; else in a tree of the suite that has it.
begin_debug() {
	# Without a package of that name apt takes it for a pattern, and finds
	# linux-source-6.12.
	if apt-cache search --names-only "^$debug_source\$" 2>/dev/null |
		grep -q .; then
		group debug
		with_new_lists download "$1/deb" $debug_source ||
			die "cannot fetch $debug_source (no network? see" \
				"build/setup.log)"
		dpkg-deb --fsys-tarfile "$1"/deb/*.deb >"$1/source.tar"
		rm -rf "$1/deb"
		headers=headers
	else
		"$top/tests/kernel/suite.sh" bookworm "$1/tree" gcc libc6-dev \
			gzip diffutils flex bison bc libelf-dev xz-utils \
			$debug_source || exit
		tar -C "$1/tree" -cf "$1/source.tar" \
			"./usr/src/$debug_source.tar.xz"
		rm "$1/tree/usr/src/$debug_source.tar.xz"
		headers=tree/usr/src/debug
	fi
}

# Run make for the kernel, on the host or in the tree.
make_debug() {
	if [ -d "$tmp/tree" ]; then
		"$top/tests/kernel/enter.sh" "$tmp/tree" -- \
			make -C "${headers#tree}" "$@"
	else
		env -i PATH="$PATH" LC_ALL=C make -C "$tmp/$headers" "$@"
	fi
}

# get_debug NAME: build the kernel where its modules will be built, then keep only what
# they need.
get_debug() {
	dir=$build/kernel/$1
	[ "$(fragment "$1")" != "$(cat "$dir/fragment" 2>/dev/null)" ] || return 0
	need_room 3000000 "the $1 kernel needs 3 GB" "a while"

	say "fetching $debug_source and building the $1 kernel in" \
		"build/kernel/$1 (some minutes; its log: build/setup.log)"
	tmp=$dir.tmp
	rm -rf "$tmp"
	mkdir -p "$tmp"
	begin_debug "$tmp"
	[ ! -d "$tmp/tree" ] ||
		"$top/tests/kernel/enter.sh" "$tmp/tree" -- true || exit
	mkdir -p "$tmp/$headers"
	tar -xOf "$tmp/source.tar" "./usr/src/$debug_source.tar.xz" |
		tar -xJ -C "$tmp/$headers" --strip-components=1 ||
		die "cannot unpack $debug_source"
	rm "$tmp/source.tar"
	fragment "$1" >"$tmp/fragment"
	cp "$tmp/fragment" "$tmp/$headers/"
	{
		make_debug KCONFIG_ALLCONFIG=fragment allnoconfig &&
			cp "$tmp/$headers/.config" "$tmp/config" &&
			make_debug -s -j "$(nproc)" bzImage modules &&
			cp "$tmp/$headers/arch/x86/boot/bzImage" "$tmp/vmlinuz"
	} >"$build/setup.log" 2>&1 ||
		die "cannot build the $1 kernel (see build/setup.log)"
	"$top/tests/kernel/doctor.sh" "$tmp/config" | grep '^  .*CONFIG_' >&2 &&
		die "the $1 kernel is not what Kconfig.notes asks for"
	cat "$tmp/$headers/include/config/kernel.release" >"$tmp/release"

	mkdir "$tmp/kept"
	(cd "$tmp/$headers" && cp -a --parents .config Makefile Module.symvers \
		include scripts tools/objtool/objtool arch/x86/Makefile* \
		arch/x86/include "$tmp/kept")
	rm -rf "${tmp:?}/$headers"
	mv "$tmp/kept" "$tmp/$headers"
	[ "$headers" = headers ] || ln -s "$headers" "$tmp/headers"
	take_modules "$tmp" "$tmp"
	need_modules "$tmp"
	put_kernel "$dir"
}
