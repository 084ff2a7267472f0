# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
# Each of our scripts begins with this, so that it does the same wherever it is
# started. It sets top, the project's directory, and an environment in which tools do
# and say what the script expects; and it defines say, die, usage, expand_home and what
# is known of architectures.
#
#   . "$(dirname "$0")/surroundings.sh"     (or as far up as tests/ is)

# With CDPATH, cd prints where it goes. A make in a script is no part of the make that
# started the script: it takes neither its options nor its jobs.
unset CDPATH GREP_OPTIONS POSIXLY_CORRECT TAR_OPTIONS
unset MAKEFLAGS MFLAGS MAKELEVEL GNUMAKEFLAGS MAKEFILES
# An empty TMPDIR means the current directory.
[ -n "${TMPDIR-}" ] || unset TMPDIR
# Scripts read what tools say, and rely on its order. A guest has no locales, so a
# user's program loses none by this.
export LC_ALL=C
# Where depmod, modprobe and insmod are; not every user has it.
PATH=$PATH:/usr/sbin:/sbin

# The exit status of die: a script for which 1 means something else sets another.
failure=1
program=${0##*/}
program=${program%.sh}

say() {
	echo "$program: $*" >&2
}

die() {
	say "$*"
	exit "$failure"
}

# Print the part of the head comment that is indented.
usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

# expand_home PATH: print it, with the home directory in place of its "~". Not every shell
# expands that behind SRC= or DIR=.
expand_home() {
	# shellcheck disable=SC2088
	case $1 in
	'~/'*) printf '%s\n' "$HOME/${1#??}" ;;
	*) printf '%s\n' "$1" ;;
	esac
}

# Debian's names of architectures. A kernel in build/kernel/ is of this machine's, unless
# its name says another one: bookworm-arm64.
case $(uname -m) in
x86_64) host_arch=amd64 ;;
aarch64) host_arch=arm64 ;;
*) host_arch=$(uname -m) ;;
esac
[ "$(getconf LONG_BIT 2>/dev/null)" != 32 ] || host_arch="$(uname -m) with programs of 32 bits"

arch_of() {
	case $1 in
	*-arm64*) echo arm64 ;;
	*-amd64*) echo amd64 ;;
	*) echo "$host_arch" ;;
	esac
}

# triplet ARCHITECTURE: how compilers call it.
triplet() {
	case $1 in
	amd64) echo x86_64-linux-gnu ;;
	arm64) echo aarch64-linux-gnu ;;
	esac
}

# The path that make uses, whichever link led here. Scripts are one or two directories
# below it.
top=$(cd "$(dirname "$0")/.." && pwd -P)
[ -e "$top/tests/kernel/surroundings.sh" ] || top=${top%/*}

# The same rule as in the Makefile: the characters of ASCII between these letters are
# neither letters nor digits, and mean something to a shell, to make, kbuild or QEMU.
case $top in
*[\ -*,:-?\[-^\`\{-\}[:cntrl:]]*)
	failure=2 die "the path of this directory, $top, may have only letters, digits and" \
		". _ - + @ ~ in it"
	;;
esac
