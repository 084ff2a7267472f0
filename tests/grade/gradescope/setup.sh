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
# The kernel that is graded on is Debian's. In an image of another distribution it comes
# from the mirror whose address is in the file mirror, which you add to gradescope.zip;
# install nothing else from there.
[ "$ID" = debian ] || {
	mirror=$(cat ../mirror)
	apt-get install -qy --no-install-recommends debian-archive-keyring
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"$mirror bookworm main" >/etc/apt/sources.list.d/bookworm.list
	printf '%s\n' 'Package: *' 'Pin: release o=Debian' 'Pin-Priority: -1' \
		>/etc/apt/preferences.d/bookworm
	apt-get update -q
}
make grade-ready KERNEL=bookworm
