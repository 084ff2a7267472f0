#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Make what students of the lab get: this tree without the solutions (make handout).
#
#   handout.sh DIR [STEP]
#
# The skeleton in DIR has the steps before STEP done, and without a STEP only the first.
# Only what this list names gets into DIR: a new file stays out until somebody puts it
# here. So no solution gets in by chance. DIR.tar.gz is the same as an archive.
set -eu

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
[ $# -eq 1 ] || [ $# -eq 2 ] || usage
step=${2:-2}
case $step in
[2-9]) ;;
*) failure=2 die "STEP=$step: the skeleton can begin at the steps 2 to 9" ;;
esac
mkdir -p "$(dirname "$1")"
dir=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$top"

# The lab and what runs its tests; the programs, to try a module by hand.
set -- .gitignore COPYING Kconfig.notes kmod/compat.* kmod/lab \
	user/Makefile user/user.mk user/*.[ch] user/comparison/*.[ch] \
	user/timeline/*.[ch] user/timeline/run.sh \
	tests/link.mk tests/*.[ch] tests/harness tests/programs \
	tests/guest tests/kernel tests/check/read.c tests/check/report.h \
	tests/modules/force_return.c tests/modules/mapped_page.c \
	tests/lab/*.mk tests/lab/*.sh tests/lab/*.[ch]
rm -rf "$dir" "$dir.tar.gz"
mkdir -p "$dir"
# In a clone, take only what git knows. If a git of another clone started this, these
# variables name that clone.
# shellcheck disable=SC2046
unset $(git rev-parse --local-env-vars 2>/dev/null)
if [ -e .git ]; then
	git ls-files -- "$@" >"$dir.files"
else
	find "$@" -type f >"$dir.files"
fi
grep -v '_test\.[ch]$\|^tests/guest/README' "$dir.files" | tar -c -T - | tar -x -C "$dir"
rm "$dir.files"

echo 'obj-m := force_return.o mapped_page.o' >"$dir/tests/modules/Kbuild"
# The solution of a step is a patch on that of the step before.
number=2
while [ "$number" -lt "$step" ]; do
	patch -s -p1 -F0 -d "$dir/kmod/lab" <"tests/lab/step-$number.patch"
	number=$((number + 1))
done
[ "$step" = 2 ] || sed -i "s/ Step 1 is done:.*/ The steps before step $step are done./" \
	"$dir/kmod/lab/shmcount.c"
# The last part of the lab's page is about the solution.
sed '/^## And then/,$d' kmod/lab/README.md >"$dir/kmod/lab/README.md"
cat >"$dir/README.md" <<'EOF'
# The lab: /dev/shmcount

[kmod/lab/README.md](kmod/lab/README.md) is where to begin; `make help` lists the
commands. `make run`, `vm`, `shell` and `timeline` work in your folder, or here with `SRC=~/mylab`. The tests that `make lab` runs are in `tests/`, there to be read.
EOF

# Of the Makefile what is left includes the makefiles that are there, and has help for
# what they make.
awk -v dir="$dir" '
/^include / {
	line = "include"
	for (i = 2; i <= NF; i++)
		if (!system("test -e " dir "/" $i))
			line = line " " $i
	if (line != "include")
		print line
	next
}
/^all:$/ { print "all: help"; next }
/^all: / { of_all = 1; next }
of_all && /^\t/ { next }
{ of_all = 0 }
/^#H make/ { keep = $3 ~ /^(run|timeline|shell|vm|lab|lab-start|doctor|clean)$/ }
/^#H [A-Z]/ { keep = $2 !~ /^(PARAMS|TESTS|REPEAT|LOAD|MUTANTS)=/ }
/^#H/ && NF > 1 && !keep { next }
{ print }
' Makefile >"$dir/Makefile"

tar -czf "$dir.tar.gz" -C "$(dirname "$dir")" "$(basename "$dir")"
echo "$dir and $(basename "$dir").tar.gz have the lab without its solutions"
