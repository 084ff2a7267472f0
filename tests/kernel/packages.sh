# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# The packages that this project needs, and how to install them. A script that sources
# this sets build first.
#
# Each line of the table: the group, what shows that the package is there, its name for
# apt, dnf, pacman and zypper (-: it has none), and on the next line what needs it. On
# Debian and its derivatives we install what is missing; elsewhere we name it.
package_table='
tools	gcc		gcc gcc gcc gcc
	compiles the module and the programs
tools	libc.a		libc6-dev glibc-static glibc glibc-devel-static
	static programs for the guest
tools	libelf.so.1	libelf1 elfutils-libelf libelf libelf1
	objtool, which kbuild runs, links to it
tools	modprobe	kmod kmod kmod kmod
	finds the order of the guest modules
tools	xz		xz-utils xz xz xz
	unpacks the guest modules
tools	mke2fs		e2fsprogs e2fsprogs e2fsprogs e2fsprogs
	makes the file system of a guest disk
amd64-guest	qemu-system-x86_64	qemu-system-x86 qemu-system-x86-core qemu-system-x86 qemu-x86
	runs the guest
arm64-guest	qemu-system-aarch64	qemu-system-arm qemu-system-aarch64-core qemu-system-aarch64 qemu-arm
	runs the guest
amd64-cross	x86_64-linux-gnu-gcc	gcc-x86-64-linux-gnu gcc-x86_64-linux-gnu - cross-x86_64-gcc12
	compiles the programs of an amd64 guest
amd64-cross	/usr/x86_64-linux-gnu/lib/libc.a	libc6-dev-amd64-cross - - -
	static programs for that guest
arm64-cross	aarch64-linux-gnu-gcc	gcc-aarch64-linux-gnu gcc-aarch64-linux-gnu aarch64-linux-gnu-gcc cross-aarch64-gcc12
	compiles the programs of an arm64 guest
arm64-cross	/usr/aarch64-linux-gnu/lib/libc.a	libc6-dev-arm64-cross - aarch64-linux-gnu-glibc -
	static programs for that guest
arm64-host	qemu-aarch64-static	qemu-user-static qemu-user-static qemu-user-static qemu-linux-user
	runs programs of an arm64 Debian tree
arm64-host	arch-test	arch-test - - -
	tells mmdebstrap that they run
zst	zstd		zstd zstd zstd zstd
	unpacks the modules of this kernel
lint	sparse		sparse sparse sparse sparse
	checks the module (C=1)
lint	shellcheck	shellcheck ShellCheck shellcheck ShellCheck
	checks the shell scripts
lint	cppcheck	cppcheck cppcheck cppcheck cppcheck
	checks the programs and tests
lint	clang		clang clang clang clang
	compiles them as well, with warnings of its own
lint	perl		perl perl-interpreter perl perl
	runs checkpatch
debug	make		make make make make
	builds the debug kernel
debug	flex		flex flex flex flex
	builds its configuration tool
debug	bison		bison bison bison bison
	builds its configuration tool
debug	bc		bc bc bc bc
	makes its table of time constants
debug	libelf.a	libelf-dev elfutils-libelf-devel-static libelf libelf-devel
	builds its objtool
coverage	genhtml		lcov lcov lcov lcov
	shows as pages which lines ran
mutants	patch		patch patch patch patch
	makes wrong versions of the module
mutants-all	clang	clang clang clang clang
	parses the module
mutants-all	clang-c/Index.h	libclang-dev clang-devel clang clang-devel
	lets a program of ours see what clang parsed
deb	dpkg-buildpackage	build-essential - - -
	builds the packages
deb	dh		debhelper - - -
	runs the steps of the build
deb	dh_dkms		dh-dkms - - -
	runs those for DKMS
deb	lintian		lintian - - -
	checks the packages
deb-test	mmdebstrap	mmdebstrap mmdebstrap mmdebstrap -
	makes the Debian tree that the packages go into
compare	gnuplot		gnuplot-nox gnuplot gnuplot gnuplot
	draws the pictures of make compare
timeline	rsvg-convert	librsvg2-bin librsvg2-tools librsvg rsvg-convert
	makes a PNG of the picture of make timeline
timeline	trace-cmd	trace-cmd trace-cmd trace-cmd trace-cmd
	makes the trace of make timeline that KernelShark opens
check	cpio		cpio cpio cpio cpio
	reads the initramfs of the guest
check	sqlite3		sqlite3 sqlite sqlite sqlite3
	reads the CSV and JSON that we write
check	svsematest	rt-tests realtime-tests - rt-tests
	measures the wait for a semaphore, which make compare measures as well
check	musl-gcc	musl-tools musl-gcc musl -
	builds the programs with another C library
check	/usr/share/i18n/locales/tr_TR	locales glibc-locale-source glibc glibc-i18ndata
	provides other languages, in which the scripts must work
check	xmllint		libxml2-utils libxml2 libxml2 libxml2-tools
	reads the XML that we write
check	protoc		protobuf-compiler protobuf-compiler protobuf protobuf-devel
	reads the trace that we write for Perfetto
'

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

# Will as_root work? sudo may ask for a password at the terminal; without a terminal,
# do not wait for one.
may_be_root() {
	[ "$(id -u)" -ne 0 ] || return 0
	command -v sudo >/dev/null || return 1
	sudo -n true 2>/dev/null || { (: </dev/tty) 2>/dev/null && sudo -v; }
}

# make cannot rebuild files that root or another user built here. Skip the files of a
# kernel, which make never writes again, and the trees in build/hosts and build/deb,
# which belong to root.
check_ours() {
	built=build
	[ -e "$build" ] || built=.
	stuck=$(cd "$top" && {
		for dir in $built user; do
			[ ! -e "$dir" ] || [ -w "$dir" ] || echo "$dir"
		done
		find build user \( -path build/hosts -o -path build/deb -o \
			-path 'build/kernel/*/*/*' \) -prune -o \
			! -writable ! -user "$(id -u)" -print -quit 2>/dev/null
	} | head -n 1)
	[ -n "$stuck" ] || return 0
	stuck=$(realpath "$top/$stuck")
	me=$(id -un 2>/dev/null || id -u)
	owner=$(stat -c %U "$stuck")
	[ "$owner" != "$me" ] ||
		die "cannot write to $stuck: clone the project into a directory" \
			"where you can write"
	die "$stuck belongs to $owner, and $me cannot write to it: sudo chown -R" \
		"$me $top makes all of it yours; without sudo, clone it into a" \
		"directory where you can write"
}

# This host's package manager: the column of its names in the table, the command that
# installs a package, and the package with the headers of a kernel.
for manager in apt-get dnf pacman zypper unknown; do
	! command -v $manager >/dev/null || break
done
column=3 how_to_install='apt install' headers_package=linux-headers-RELEASE
case $manager in
dnf) column=4 how_to_install='dnf install' headers_package=kernel-devel-RELEASE ;;
pacman) column=5 how_to_install='pacman -S' headers_package=linux-headers ;;
zypper) column=6 how_to_install='zypper install' headers_package=kernel-default-devel ;;
unknown) how_to_install=install ;;
esac

takes_modules() {
	[ -e /proc/modules ] ||
		die "this host's kernel takes no modules: make run and make" \
			"shell have a guest whose kernel does"
}

# need_headers RELEASE [ROOT]: the headers of a kernel of this host.
need_headers() {
	[ -e "${2-}/lib/modules/$1/build/Makefile" ] ||
		die "the headers of kernel $1 are missing: $how_to_install" \
			"$(echo "$headers_package" | sed "s/RELEASE/$1/")"
}

present() {
	case $1 in
	*.h) [ -e "$(clang -print-resource-dir 2>/dev/null)/../../../include/$1" ] ;;
	*.a) [ -e "$(gcc -print-file-name="$1" 2>/dev/null)" ] ;;
	/*) [ -e "$1" ] ;;
	*.so.*) ldconfig -p 2>/dev/null | grep -q "$1" ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# with_new_lists COMMAND...: if the command fails, fetch new package lists and try it
# again: the mirror may have dropped what the old lists name. An ordinary user cannot
# fetch lists.
with_new_lists() {
	"$@" || {
		may_be_root || return
		as_root apt-get update -q >>"$build/setup.log" 2>&1 || :
		"$@"
	}
}

apt_install() {
	as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get install -qy --no-install-recommends "$@" \
		>>"$build/setup.log" 2>&1
}

# Read lines of the table; print a line "PACKAGE	WHY" for each package that is missing,
# under the name that this host's manager has for it.
missing_of() {
	while read -r line; do
		read -r why || :
		# shellcheck disable=SC2086
		set -- $line
		present "$2" || {
			eval "package=\$$column"
			[ "$package" != - ] || package=$2
			printf '%s\t%s\n' "$package" "$why"
		}
	done
}

# Read lines of the table; install what is missing, or name it. Run one at a time, also
# under make -j.
packages() {
	{
		! command -v flock >/dev/null || flock 9
		install_missing 9>&-
	} 9<"$top/tests/kernel/packages.sh"
}

install_missing() {
	found=$(missing_of)
	[ -n "$found" ] || return 0
	missing=$(echo "$found" | cut -f 1 | tr '\n' ' ')
	missing=${missing% }
	[ "$manager" = apt-get ] ||
		die "missing: $missing; this is not Debian, so install them by" \
			"hand: $how_to_install $missing"
	may_be_root ||
		die "missing: $missing; root or sudo is required to install them" \
			"(as root: apt install $missing)"
	say "installing Debian packages:
$(echo "$found" | sed 's/^\(.*\)	/  \1: /')"
	# shellcheck disable=SC2086
	with_new_lists apt_install $missing ||
		die "cannot install $missing (no network? see" \
			"build/setup.log); install them by hand"
}

# group NAME...: install what is missing of these groups of the table.
group() {
	echo "$package_table" | awk -v groups=" $* " \
		'index(groups, " " $1 " ") { print; getline; print }' | packages
}

# depends PACKAGE: the packages that it depends on, one a line.
depends() {
	apt-cache depends "$1" 2>/dev/null |
		sed -n 's/^[ |]*\(Pre\)\{0,1\}Depends: \([^<]*\)$/\2/p'
}

# The addresses of Debian's main archive that this host's apt knows.
mirrors() {
	# shellcheck disable=SC2016
	apt-get indextargets 'Created-By: Packages' 'Component: main' \
		'Origin: Debian' 'Label: Debian' --format '$(REPO_URI)' |
		sort -u
}

# download DIR PACKAGE...: as the calling user, since _apt may not write below a home
# directory.
download() {
	mkdir -p "$1"
	(cd "$1" && shift && apt-get -o APT::Sandbox::User= download "$@") \
		>"$build/setup.log" 2>&1
}

# no_room KILOBYTES: is less than that free below build/?
no_room() {
	free=$(df -Pk "$build" | awk 'NR == 2 { print $4 }')
	[ "$free" -le "$1" ]
}
