#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Gradescope runs this once, as root, for its image of the autograder: fetch and build all
# that make grade needs. gradescope.zip (make gradescope-zip) has it beside shmcount/.
set -eu

cd "$(dirname "$0")/shmcount"
# shellcheck source=/dev/null
. /etc/os-release
apt-get update -q
apt-get install -qy --no-install-recommends make
# The kernel that is graded on is Debian's. Install nothing else of Debian's.
[ "$ID" = debian ] || {
	apt-get install -qy --no-install-recommends debian-archive-keyring
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian bookworm main" >/etc/apt/sources.list.d/bookworm.list
	printf '%s\n' 'Package: *' 'Pin: release o=Debian' 'Pin-Priority: -1' \
		>/etc/apt/preferences.d/bookworm
	apt-get update -q
}
make grade-ready KERNEL=bookworm
