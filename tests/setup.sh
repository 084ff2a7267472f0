#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Install what a make target needs of this host's distribution, by the table in
# packages.sh. Nothing is asked, and what is there already is left alone.
#
#   setup.sh ours       nothing, but see that we may write here
#   setup.sh tools      packages for building and the guest
#   setup.sh lint       packages for make lint, and checkpatch
#   setup.sh mutants    packages for make mutants
#   setup.sh compare    packages for make compare
#   setup.sh watch      packages for make watch
#   setup.sh deb        packages for make deb
#   setup.sh deb-test   packages for make deb-test
#   setup.sh check      packages that tests read our files with
#   setup.sh coverage   packages for make coverage
set -eu

program=setup
# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
build=$top/build
PATH=$PATH:/usr/sbin:/sbin

# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

# The package that linux-source stands for; leaves its name in source.
download_source() {
	source=$(apt-cache depends linux-source 2>/dev/null |
		sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
	[ -n "$source" ] && download "$1" "$source"
}

# checkpatch comes with the kernel's source only; we take what it needs.
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
tools | mutants | compare | watch | deb | deb-test | check | coverage)
	group "$1"
	;;
lint)
	group lint
	fetch_checkpatch
	;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
