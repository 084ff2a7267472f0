# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Each of our scripts begins with this, so that it does the same wherever it is
# started: the project's folder in top, and an environment in which the tools do and
# say what the script expects.
#
#   . "$(dirname "$0")/surroundings.sh"     (or as far up as tests/ is)

# cd prints where it goes with CDPATH, and a make in a script is no part of the make
# that started the script: it has neither its options nor its jobs.
unset CDPATH GREP_OPTIONS POSIXLY_CORRECT TAR_OPTIONS
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEFILES
# An empty TMPDIR names the folder that one is in.
[ -n "${TMPDIR-}" ] || unset TMPDIR
# Scripts read what tools say, and in which order. A guest has no locale at all, so no
# program of a user's loses one by this.
export LC_ALL=C

# As make names it, whatever link it was reached by. Scripts are one or two folders
# below it.
top=$(cd "$(dirname "$0")/.." && pwd -P)
[ -e "$top/tests/surroundings.sh" ] || top=${top%/*}

# The same rule as in the Makefile. What is between these letters of ASCII is neither
# a letter nor a digit, and means something to a shell, to make, kbuild or QEMU.
case $top in
*[\ -*,:-?\[-^\`\{-\}[:cntrl:]]*)
	echo "${0##*/}: the path of this folder, $top, may have only letters," \
		"digits and . _ - + @ ~ in it" >&2
	exit 2
	;;
esac
