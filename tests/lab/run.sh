#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Check a module by the steps of the lab (make lab).
#
#   run.sh DIR SRC [OPTION of build/tests/lab]...
#
# KMOD names the module in the environment; without it, build.sh builds the module from
# the directory SRC. The files go into DIR. tests/lab/lab.c describes the options and the
# exit status; 1 also stands for a module that does not build. (make lab ends with 0 where
# this ends with 1.)
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
program=lab failure=2
[ $# -ge 2 ] || usage
cd "$top"
lab=$1
src=$2
shift 2

[ "${KMOD-}" ] || KMOD=$(tests/lab/build.sh "$lab" "$src")
mkdir -p "$lab"
say "testing it in a guest"
exec build/tests/lab -m kmod/lab/mistakes "$@" "$lab" kmod/lab/steps "$KMOD"
