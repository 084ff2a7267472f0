#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Run compilers and static checkers on the sources (make lint). A checker fails if it
# prints a single line. The last line is "N passed, N failed".
#
#   lint.sh KERNEL FLAG...
#
# KERNEL is a name in build/kernel/, to build the modules for; the flags are those that
# the programs are compiled with.
set -u

# shellcheck source=tests/kernel/surroundings.sh
. "$(dirname "$0")/../kernel/surroundings.sh"
[ $# -ge 1 ] || usage
kernel=$1
shift
flags=$*
cd "$top" || exit 1
passed=0
failed=0
# The C files of tests/ that are not kernel code.
programs_of_tests=$(find tests -maxdepth 2 -name '*.c' ! -path 'tests/modules/*')

# check NAME COMMAND...: the command must succeed and print nothing.
check() {
	name=$1
	shift
	if said=$("$@" 2>&1) && [ -z "$said" ]; then
		passed=$((passed + 1))
		echo "ok $name"
	else
		failed=$((failed + 1))
		printf '%s\nnot ok %s\n' "$said" "$name"
	fi
}

# Build all modules of a directory with more warnings and under sparse.
modules() {
	rm -rf build/lint
	mkdir -p "build/lint/$1" build/lint/kmod
	ln -s "$top"/kmod/compat.* build/lint/kmod/
	ln -sf "$top"/kmod/compat.* "$top/$1"/*.[ch] "$top/$1/Kbuild" \
		"build/lint/$1/"
	tests/kernel/kbuild.sh "$kernel" "build/lint/$1" W=1 C=1
	status=$?
	rm -rf build/lint
	return $status
}

# Compile all programs and tests with this compiler. Only here a warning is an error.
# The compilers of some distributions define _FORTIFY_SOURCE by themselves.
compile() {
	status=0
	# One of them includes a header of libclang.
	include=$(clang -print-resource-dir)/../../../include
	for source in user/*.c user/*/*.c $programs_of_tests; do
		# shellcheck disable=SC2086
		"$1" $flags -isystem "$include" -D_FORTIFY_SOURCE=2 -Werror -c -o /dev/null "$source" || status=1
	done
	return $status
}

cppcheck_sources() {
	cppcheck --quiet --std=c11 -D_GNU_SOURCE --inline-suppr \
		'-D_Noreturn=__attribute__((noreturn))' \
		--enable=warning,performance,portability \
		--suppress=missingIncludeSystem --error-exitcode=1 "$@"
}

checkpatch() {
	perl build/checkpatch/checkpatch.pl --no-tree --terse --show-types \
		-f "$@" | sed '/^total: /d'
}

check 'kmod: W=1, sparse' modules kmod
check 'kmod/techniques: W=1, sparse' modules kmod/techniques
check 'kmod/lab: W=1, sparse' modules kmod/lab
check 'tests/modules: W=1, sparse' modules tests/modules
# Only scripts that are run need it, not those that others source.
without_surroundings() {
	grep -l '^#!' "$@" | xargs grep -L 'surroundings.sh"$' || :
}

check 'shell scripts: surroundings.sh first' without_surroundings \
	tests/*/*.sh user/*/*.sh .ci/run
check 'shell scripts: shellcheck' shellcheck -x tests/*/*.sh \
	tests/grade/gradescope/* user/*/*.sh user/shmcount .ci/run
for cc in gcc clang aarch64-linux-gnu-gcc; do
	! command -v $cc >/dev/null ||
		check "programs and tests: $cc -Werror" compile $cc
done
check 'programs: cppcheck' cppcheck_sources user/*.c user/*/*.c
# shellcheck disable=SC2086
check 'tests: cppcheck' cppcheck_sources -Itests -Itests/harness \
	$programs_of_tests
# The run in the README has a row for each path and each lock, in order.
tables_of_comparison() {
	make -s -C user compare || return
	seen=$(awk '
	/^    path .* wake |^    lock .* atomic / { on = 1; next }
	/^$/ { on = 0 }
	on { print $1 }' user/comparison/README.md)
	[ "$seen" = "$(user/compare --list | sed -n 's/^[* ] \([^ ]*\).*/\1/p')" ] ||
		echo "it has: $seen"
}
check 'README: the tables of make compare' tables_of_comparison
check 'kmod: checkpatch --strict' checkpatch --strict kmod/*.[ch] kmod/*/*.[ch]
# Programs are exempt from rules that ask for the kernel's own macros and functions.
not_for_programs=EMBEDDED_FUNCTION_NAME,AVOID_EXTERNS,STATIC_CONST_CHAR_ARRAY
not_for_programs=$not_for_programs,FUNCTION_ARGUMENTS,SPLIT_STRING,VOLATILE
not_for_programs=$not_for_programs,PREFER_DEFINED_ATTRIBUTE_MACRO,ENOSYS
check 'programs and tests: checkpatch' checkpatch --max-line-length=100 \
	--ignore $not_for_programs user/*.[ch] user/comparison/*.[ch] \
	user/timeline/*.[ch] tests/*.[ch] tests/*/*.[ch] \
	tests/grade/samples/*/*.c
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
