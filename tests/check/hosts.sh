#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run the README's two commands on the machines that people have (make hosts): each is a
# fresh minimal Debian tree, as a new user would have it.
#
#   hosts.sh [SUITE-KIND...]   such as bookworm-root or trixie-sudo
#
# The suites are bookworm, trixie and unstable. The kinds:
#
#   root        root
#   sudo        an ordinary user who may use sudo
#   refused     as sudo, but the kernel refuses an ordinary user namespaces, as
#               Ubuntu's does
#   user        an ordinary user without sudo; the packages are installed
#   container   the same in a container without privileges: no capability, no way
#               to get one, no user namespace, no /dev/kvm
#   ci          root in such a container, with the capabilities that Docker leaves
#   own         root, with a kernel installed and an apt that knows no other. It runs
#               make run and make vm on that kernel in place of the two commands:
#               with plain modules, and with modules packed by xz and by zstd
#
# Two more are made by hand only, since they take most of an hour:
#
#   arm64       root on an arm64 machine: the tree is the system of a guest that QEMU
#               emulates, with a kernel of its own, and in it QEMU emulates the guests. Of
#               make check it runs some tests. mmdebstrap has to run the tree's programs:
#               tests/README.md has how to teach the kernel that.
#   arm64kvm    the same, but the machine has KVM, and in it the guests use that
#
# The default is all other hosts. HOSTS_RUN names the targets of make to run in each, "run
# check" by default. Each host gets a clone of HEAD, without what is not committed.
# build/hosts/SUITE/ keeps the tree of a suite for the next time; a host works on a copy
# of it, in a mount and a pid namespace, and the copy goes afterwards. This takes from
# the host's apt only the mirror and the way to it (proxies, certificates).
#
# This prints one line for each host; build/hosts/HOST.log has all output. A suite that
# cannot be fetched is skipped, with the reason. The last line counts the hosts:
# "N passed, N failed". Exit status: 0 if no host failed, 1 if one did, 2 for an unknown
# name, 4 if all were skipped.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
# shellcheck source=tests/kernel/packages.sh
. "$top/tests/kernel/packages.sh"
# shellcheck source=tests/check/each.sh
. "$top/tests/check/each.sh"
build=$top/build
hosts=$build/hosts
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The packages of a new user's machine; the project has to get all others.
packages=git,make,ca-certificates,sudo
suites='bookworm trixie unstable'
kinds='root sudo refused user container ci own'
targets=${HOSTS_RUN:-run check}

# The time limit for a target: far more than it takes on a slow machine.
minutes=60

# For the kinds of arm64: what make gets, as an emulator in an emulator is so much slower, and
# the time limit; the tests that make check runs; the size of its disk, and its memory in MB.
slow='SLOWER=20'
slow_minutes=120
few="TESTS='load.* sync.* runner.good_*'"
disk=12G
memory=4096

# Print how this host's apt reaches its mirror, as a configuration of apt.
apt_mirror_config() {
	apt-config dump |
		grep -E '^Acquire::((http|https|ftp)::|Check-|Retries|AllowReleaseInfoChange)' |
		grep -vi 'auto-detect'
	for scheme in http https; do
		eval "proxy=\${${scheme}_proxy-}"
		[ -z "$proxy" ] || echo "Acquire::$scheme::Proxy \"$proxy\";"
	done
}

# What mmdebstrap does first for the kinds of arm64: with all modules the initramfs takes half an
# hour to make, and longer to boot.
# shellcheck disable=SC2016
few_modules='
	mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
	echo MODULES=list >"$1/etc/initramfs-tools/conf.d/few"
	printf "%s\n" virtio_pci virtio_blk virtio_net ext4 \
		>"$1/usr/share/initramfs-tools/modules.d/few"'

# make_tree SUITE KIND: make the tree, whole or not at all. If that fails, set why.
make_tree() {
	tree=$hosts/$1
	include=$packages
	setup_hook=true
	architecture=$host_arch
	case $2 in arm64*)
		(group arm64-host arm64-guest) || {
			why="packages are missing, see above"
			return 1
		}
		tree=$tree.arm64
		architecture=arm64
		include=$include,linux-image-arm64
		setup_hook=$few_modules
		;;
	esac
	[ "$(cat "$tree.made-for" 2>/dev/null)" != "$include" ] || return 0
	command -v mmdebstrap >/dev/null || {
		why="there is no mmdebstrap"
		return 1
	}
	known=$(mirrors)
	[ -n "$known" ] || {
		why="this host's apt knows no mirror of Debian's (apt-get update makes it known)"
		return 1
	}
	say "making a minimal Debian $1 in build/hosts/${tree##*/}"
	why=
	rm -rf "$tree" "$tree.tmp" "$tree.made-for"
	apt_mirror_config >"$hosts/apt.conf"
	for mirror in $known; do
		# Signatures need not be recent: see suite.sh.
		if mmdebstrap --mode=root --variant=important \
			--architectures="$architecture" \
			--setup-hook="$setup_hook" \
			--include="$include" --keyring="$keyring" \
			--aptopt='Acquire::Check-Valid-Until "false"' \
			--aptopt="$hosts/apt.conf" \
			"$1" "$tree.tmp" "$mirror" >"$tree.log" 2>&1; then
			rm -f "$tree.tmp/etc/apt/apt.conf.d/99mmdebstrap"
			mv "$tree.tmp" "$tree"
			echo "$include" >"$tree.made-for"
			return 0
		fi
		why=${why:-cannot make its tree: $(grep '^E:' "$tree.log" |
			head -n 1) (see build/hosts/${tree##*/}.log)}
		rm -rf "$tree.tmp"
	done
	return 1
}

# set_up KIND: add what a machine has and no package brings: users, addresses, the
# clone.
set_up() {
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	hostname >"$root/etc/hostname"
	apt_mirror_config >"$root/etc/apt/apt.conf.d/90mirror"
	cat /etc/ssl/certs/ca-certificates.crt \
		>"$root/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || :
	chroot "$root" useradd --create-home --shell /bin/bash student || return
	case $1 in sudo | refused)
		echo 'student ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/student" ;;
	esac
	home=$root/home/student
	case $1 in root | ci | own | arm64*) home=$root/root ;; esac
	git clone -q --no-hardlinks "$top" "$home/shmcount" || return
	chown -R --reference="$home" "$home/shmcount"
}

root=
trap remove_root EXIT
remove_root() {
	[ -z "$root" ] || rm -rf --one-file-system "$root" "$root".*
}

# inside KIND LINE: run a line of shell in the clone in this host's tree, as the user of
# such a machine; the log gets its output. In its own session nothing can ask at the
# terminal. A machine has a root of its own (pivot_root), in which the kernel lets an
# ordinary user have namespaces; in a chroot, as in many a container, it does not. The
# shell stays as process 1 of a pid namespace that ends with it.
# shellcheck disable=SC2016
inside() {
	run timeout -k 60 ${minutes}m \
		unshare --mount --pid --fork --kill-child sh -euc '
	root=$1 kind=$2 line=$3
	mount --bind "$root" "$root"
	case $kind in
	container | ci)
		mount -t tmpfs -o mode=755 tmpfs "$root/dev"
		for node in null zero full random urandom tty; do
			: >"$root/dev/$node"
			mount --bind "/dev/$node" "$root/dev/$node"
		done
		mkdir "$root/dev/pts" "$root/dev/shm"
		mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
		ln -s pts/ptmx "$root/dev/ptmx"
		ln -s /proc/self/fd "$root/dev/fd"
		;;
	*) mount --rbind /dev "$root/dev" ;;
	esac
	mount --rbind /sys "$root/sys"
	mount -t proc proc "$root/proc"
	mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"

	user=student
	home=/home/student
	path=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games
	set -- --reuid=student --regid=student --init-groups
	case $kind in
	root | ci | own)
		user=root
		home=/root
		path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		set -- --inh-caps=-all
		;;
	esac
	case $kind in
	refused) ;;
	container)
		set -- "$@" --bounding-set=-all --inh-caps=-all --no-new-privs
		;;
	ci)
		left=+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid
		left=$left,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod
		set -- "$@" --bounding-set="-all,$left,+audit_write,+setfcap"
		;;
	*)
		cd "$root"
		pivot_root . mnt
		umount -l mnt
		root=/
		;;
	esac
	exec chroot "$root" env -i HOME="$home" USER="$user" LOGNAME="$user" \
		SHELL=/bin/bash TERM=dumb PATH="$path" \
		${http_proxy:+http_proxy="$http_proxy"} \
		${https_proxy:+https_proxy="$https_proxy"} \
		${no_proxy:+no_proxy="$no_proxy"} \
		setpriv "$@" sh -c "trap \"exit 130\" INT TERM HUP
			cd ~/shmcount
			$line"
	' sh "$root" "$1" "$2" </dev/null >>"$log" 2>&1
}

# boot_inside LINE: run a line of shell as root in the clone on this host's disk, which is
# the system of a guest; the log gets what the guest prints. The second disk has the shell
# script that is its PID 1.
boot_inside() {
	[ -e "$root.disk" ] || mke2fs -q -t ext4 -d "$root" "$root.disk" $disk >>"$log" 2>&1 ||
		return
	cat >"$root.script" <<-END
		export HOME=/root USER=root LOGNAME=root SHELL=/bin/bash TERM=dumb
		export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		stty -onlcr
		mkdir -p /dev/shm
		mount -t tmpfs -o mode=1777 tmpfs /dev/shm
		date -s @$(date +%s)
		modprobe -a virtio_net
		ip link set lo up
		ip address add 10.0.2.15/24 dev eth0
		ip link set eth0 up
		ip route add default via 10.0.2.2
		echo nameserver 10.0.2.3 >/etc/resolv.conf
		uname -a
		(cd ~/shmcount && $1) </dev/null
		echo "ended with status \$?"
		find /tmp -mindepth 1 -printf 'left behind: %p\\n'
		sync
		echo s >/proc/sysrq-trigger
		echo o >/proc/sysrq-trigger
		sleep 99
	END
	truncate -s %512 "$root.script"
	machine=virt
	[ "$kind" = arm64 ] || machine=$machine,virtualization=on,gic-version=3
	set -- "$root/boot/vmlinuz-"* "$root/boot/initrd.img-"*
	run timeout -k 60 ${slow_minutes}m \
		qemu-system-aarch64 -M $machine -cpu max,pauth-impdef=on \
		-accel tcg,thread=multi -smp 2 -m $memory -nodefaults -no-reboot \
		-display none -serial stdio -nic user,model=virtio-net-pci \
		-drive if=virtio,format=raw,cache=unsafe,file="$root.disk" \
		-drive if=virtio,format=raw,readonly=on,file="$root.script" \
		-kernel "$1" -initrd "$2" -append "console=ttyAMA0 quiet panic=-1 \
			net.ifnames=0 root=/dev/vda rw init=/bin/sh -- /dev/vdb" \
		</dev/null >>"$log" 2>&1
	status=$(awk '/^hosts: / { last = 125 } /^ended with status / { last = $4 }
		END { print last }' "$log")
	[ "$status" -eq 0 ]
}

# A user without root cannot install packages, so root installs them first, by the
# project's own set-up, in a clone that is removed again.
install_packages() {
	case $1 in
	root | sudo | refused | ci | arm64*) return 0 ;;
	own)
		inside root 'export DEBIAN_FRONTEND=noninteractive
			apt-get update -q && make tools &&
			apt-get install -qy --no-install-recommends zstd \
				linux-image-'"$host_arch"' linux-headers-'"$host_arch"' &&
			rm -rf build /etc/apt/sources.list* /var/lib/apt/lists/*'
		return
		;;
	esac
	git clone -q --no-hardlinks "$top" "$root/root/shmcount" >>"$log" 2>&1 &&
		inside root 'make tools check-tools' &&
		rm -rf "$root/root/shmcount"
}

# Print a file that should not be there now: root's in a user's clone, or in /tmp.
leftovers() {
	{
		find "$root/tmp" -mindepth 1
		sed -n 's/^left behind: //p' "$log"
		cd "$root/home/student" && find . ! -user "$(stat -c %u .)"
	} | head -n 1
}

# The kind own runs this in place of a target of make. The running kernel is not the one
# that is installed there.
# shellcheck disable=SC2016
own_kernel='
	release=$(ls /lib/modules)
	cd "/lib/modules/$release/kernel"
	dirs="fs net/9p drivers/virtio drivers/block lib crypto arch"
	for pack in "xz -q" "zstd -q --rm" true; do
		find $dirs -name "*.ko.xz" -exec xz -d {} +
		find $dirs -name "*.ko.zst" -exec zstd -dq --rm {} +
		find $dirs -name "*.ko" -exec $pack {} +
		depmod "$release"
		echo "packed by: $pack: $(find $dirs -name "9p.ko*")"
		rm -rf ~/shmcount/build/kernel/host-*
		make -C ~/shmcount KVER="$release" run || exit
		seen=$(make -s --no-print-directory -C ~/shmcount \
			KVER="$release" vm CMD="uname -r") || exit
		[ "$seen" = "$release" ] || exit
	done'

# report HOST RESULT
report() {
	printf '%-20s %s\n' "$@"
}

run_one() {
	suite=${1%-*}
	kind=${1##*-}
	make_tree "$suite" "$kind" || {
		report "$1" "skipped: $why"
		return 4
	}
	log=$hosts/$1.log
	root=$hosts/$1.root
	: >"$log"
	remove_root
	cp -a "$tree" "$root"
	if ! set_up "$kind" >>"$log" 2>&1 || ! install_packages "$kind"; then
		report "$1" "failed: cannot prepare it: $(tail -n 1 "$log")"
		remove_root
		root=
		return 1
	fi
	result=0
	summary=
	wanted=$targets
	[ "$kind" != own ] || wanted=run-and-vm
	for target in $wanted; do
		echo "hosts: make $target on $1" | tee -a "$log" >&2
		started=$(date +%s)
		word=passed
		line="make $target"
		[ "$kind" != own ] || line=$own_kernel
		case $kind in
		arm64*)
			[ "$target" != check ] || line="$line $few"
			[ "$kind" = arm64 ] || line="$line ACCEL=kvm"
			boot_inside "$line $slow"
			;;
		*) inside "$kind" "$line" ;;
		esac || {
			word="failed (status $status)"
			result=1
		}
		total=$(counts "$log")
		summary="$summary${summary:+; }$target $word${total:+, $total}, $(($(date +%s) - started)) s"
	done
	left=$(leftovers)
	[ -z "$left" ] || {
		summary="$summary; left behind: ${left#"$root"}"
		result=1
	}
	report "$1" "$summary"
	remove_root
	root=
	[ $result -eq 0 ] || {
		echo "see build/hosts/$1.log:"
		grep -E '^not ok |^(make|kernel|suite|setup|kbuild|vm|check): |error: ' \
			"$log" | grep -v ': installing \|: fetching ' | tail -n 20
	}
	return $result
}

known=
for suite in $suites; do
	for kind in $kinds; do
		known="$known $suite-$kind"
	done
done
[ $# -gt 0 ] || eval "set -- $known"
for suite in $suites; do
	known="$known $suite-arm64 $suite-arm64kvm"
done
for host; do
	case "$known " in
	*" $host "*) ;;
	*) failure=2 die "there is no host '$host'; there are:$known" ;;
	esac
done
[ "$(id -u)" -eq 0 ] ||
	die "must be root to make and enter Debian trees: sudo make hosts"
mkdir -p "$hosts"
exec 9>"$hosts/lock"
flock -n 9 || die "another make hosts is at work in build/hosts"

each "$@"
