#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Build the Debian packages in build/deb/ (make deb): dpkg-buildpackage runs in a copy of
# this project with kmod/debian/ as its debian/. lintian.txt has what lintian says of
# them. The exit status is 0 only if that is empty.
#
#   build.sh [VERSION]   with VERSION, build the same sources as that version, in
#                        build/deb/VERSION/: the tests of an upgrade begin with it
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=deb
# Others must be able to read and run what is made here, whatever the user's umask.
umask 022
deb=$top/build/deb${1:+/$1}
version=${1:-$(sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' \
	"$top/kmod/shmcount.c")}
source=$deb/shmcount-$version
log=$deb/build.log

# If a git of another clone started this, these variables name that clone.
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars 2>/dev/null)

mkdir -p "$deb"
rm -rf "$deb"/shmcount[-_]* "$deb/lintian.txt"
mkdir "$source"
# In a clone, take only what git knows, and no submissions or other files.
if [ -e "$top/.git" ]; then
	git -C "$top" ls-files -z >"$deb/files"
else
	(cd "$top" && find . -path ./build -prune -o ! -type d -print0) \
		>"$deb/files"
fi
tar -C "$top" --exclude-vcs --owner=0 --group=0 --null -T "$deb/files" -cf - |
	tar -C "$source" -xf -
rm "$deb/files"
mv "$source/kmod/debian" "$source/debian"
sed -i "s/^MODULE_VERSION(.*/MODULE_VERSION(\"$version\");/" \
	"$source/kmod/shmcount.c"
# The version is the module's and the date is that of the last commit, so that the same
# sources make the same packages.
date=$(git -C "$top" log -1 --format=%cD 2>/dev/null) ||
	date=$(date -R -r "$top/kmod/shmcount.c")
maintainer=$(sed -n 's/^Maintainer: //p' "$source/debian/control")
cat >"$source/debian/changelog" <<END
shmcount ($version) unstable; urgency=medium

  * Version $version of the module and the programs.

 -- $maintainer  $date
END

# The environment must not change a package.
(cd "$source" && env -i PATH="$PATH" HOME="${HOME-/}" LC_ALL=C \
	${TMPDIR:+TMPDIR="$TMPDIR"} dpkg-buildpackage --no-sign) \
	>"$log" 2>&1 || {
	tail -n 20 "$log" >&2
	die "cannot build the packages: see ${log#"$top/"}"
}
rm -rf "$source"
root=
[ "$(id -u)" -ne 0 ] || root=--allow-root
lintian $root --display-info --pedantic --tag-display-limit 0 \
	"$deb"/shmcount_*.changes >"$deb/lintian.txt" 2>&1 || :
cat "$deb/lintian.txt"
[ ! -s "$deb/lintian.txt" ] || die "lintian has something to say"
for file in "$deb"/*.deb; do
	echo "made ${file#"$top/"}"
done
