#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Install the packages that a make target needs, by the table in packages.sh. Ask
# nothing, and leave alone what is installed.
#
#   setup.sh tools    the packages for building and for the guest
#   setup.sh TARGET   those that make TARGET needs as well: check, compare, coverage,
#                     deb, deb-test, lint (and checkpatch), mutants, mutants-all,
#                     timeline
#   setup.sh arm64    those for guests of that architecture, on another one; amd64, too
#   setup.sh ours     no package, but check that we may write here
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build

# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"

# download_source DIR: fetch the package that linux-source stands for; sets source.
download_source() {
	source=$(apt-cache depends linux-source 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
	[ -n "$source" ] && download "$1" "$source"
}

# checkpatch comes only with the kernel's source. Keep it and the files that it reads.
fetch_checkpatch() {
	dir=$build/checkpatch
	[ ! -e "$dir/checkpatch.pl" ] || return 0
	say "fetching checkpatch out of linux-source into build/checkpatch"
	rm -rf "$dir.tmp"
	with_new_lists download_source "$dir.tmp" ||
		die "cannot fetch linux-source, which has checkpatch (no" \
			"network? see build/setup.log)"
	dpkg-deb --fsys-tarfile "$dir.tmp"/*.deb |
		tar -xO "./usr/src/$source.tar.xz" |
		tar -xJ -C "$dir.tmp" --strip-components=2 \
			"$source/scripts/checkpatch.pl" \
			"$source/scripts/spelling.txt" \
			"$source/scripts/const_structs.checkpatch" ||
		die "cannot unpack $source"
	rm -f "$dir.tmp"/*.deb
	rm -rf "$dir"
	mv "$dir.tmp" "$dir"
}

check_ours
mkdir -p "$build"
case ${1-} in
ours) ;;
tools) group tools "$host_arch-guest" ;;
amd64 | arm64) group "$1-guest" "$1-cross" ;;
check | compare | coverage | deb | deb-test | lint | mutants | mutants-all | timeline)
	group "$1"
	[ "$1" != lint ] || fetch_checkpatch
	;;
*) usage ;;
esac
