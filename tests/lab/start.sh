#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Begin the lab: put the skeleton and a Makefile that knows this project into a new
# directory (make lab-start).
#
#   start.sh DIR
#
# The grader knows the Makefile by the words "make lab-start" (tests/grade/taken.c).
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=lab-start failure=2
[ $# -eq 1 ] || usage
dir=$(expand_home "$1")
[ -n "$dir" ] || die "say where: make lab-start DIR=~/mylab"
[ ! -e "$dir" ] || [ -z "$(ls -A "$dir")" ] || die "there is something in $dir already"

mkdir -p "$dir"
cp "$top/kmod/lab/Kbuild" "$top/kmod/lab/shmcount.c" "$dir/"
cat >"$dir/Makefile" <<END
# Made by make lab-start of shmcount, whose kmod/lab/README.md is the handout.
#
#	make		how far am I?
#	make 5		only step 5
#	make KERNEL=6.12	on another kernel
#	make vm CMD='...'	a command beside the module, in a guest; and so
#				make run, make shell and make timeline
#
# Hand in shmcount.c and this file: by it the grader knows that this is the lab.
SHMCOUNT := $top

there = @\$(MAKE) -s --no-print-directory -C \$(SHMCOUNT) LAB_STARTED=yes \\
	SRC='\$(subst ','\'',\$(CURDIR))'

lab run vm shell timeline:
	+\$(there) \$@
help:
	@sed -n 's/^#	//p' Makefile
# The number of a step.
.DEFAULT:
	@case '\$@' in [0-9]*) ;; *) echo "no '\$@' here: make help" >&2; exit 2 ;; esac
	+\$(there) lab STEP=\$@

.PHONY: lab run vm shell timeline help
END
echo "$dir has the skeleton: go there, and make says how far you are"
