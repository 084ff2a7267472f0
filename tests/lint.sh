#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What the compilers and checkers say of the sources (make lint). Silence is
# the aim: each line that a checker prints counts as a failure of it. PROGRAM_FLAGS
# is what the programs are compiled with. The last line is "N passed, N failed".
#
#   lint.sh KERNEL    a name in build/kernel/, to check the modules against
set -u

[ $# -eq 1 ] || {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}
kernel=$1

# shellcheck source=tests/surroundings.sh
. "$(dirname "$0")/surroundings.sh"
cd "$top" || exit 1
passed=0
failed=0

# check NAME COMMAND...: the command must succeed, and say nothing.
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

# All modules of a directory, anew, with more warnings and under sparse.
modules() {
	rm -rf build/lint
	mkdir -p "build/lint/$1" build/lint/kmod
	ln -s "$top"/kmod/compat.* build/lint/kmod/
	ln -sf "$top"/kmod/compat.* "$top/$1"/*.[ch] "$top/$1/Kbuild" \
		"build/lint/$1/"
	rm -f "build/lint/$1/init.c"	# a program
	tests/kbuild.sh "$kernel" "build/lint/$1" W=1 C=1
	status=$?
	rm -rf build/lint
	return $status
}

# All programs and tests by this compiler; a warning is an error only here. Some
# distributions' compilers define _FORTIFY_SOURCE by themselves.
compile() {
	status=0
	for source in user/*.c user/*/*.c tests/*.c tests/*/*.c; do
		case $source in
		tests/bad/init.c) ;;
		tests/bad/*) continue ;;	# modules
		esac
		# shellcheck disable=SC2086
		"$1" $PROGRAM_FLAGS -D_FORTIFY_SOURCE=2 -Werror -c -o /dev/null "$source" || status=1
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
check 'tests/bad: W=1, sparse' modules tests/bad
# Of what is run, and not read by another.
without_surroundings() {
	grep -l '^#!' "$@" | xargs grep -L 'surroundings.sh"$' || :
}

check 'shell scripts: surroundings.sh first' without_surroundings tests/*.sh \
	tests/*/*.sh user/*/*.sh .ci/run
check 'shell scripts: shellcheck' shellcheck -x tests/*.sh tests/*/*.sh \
	user/*/*.sh user/shmcount .ci/run
for cc in gcc clang; do
	! command -v $cc >/dev/null ||
		check "programs and tests: $cc -Werror" compile $cc
done
check 'programs: cppcheck' cppcheck_sources user/*.c user/*/*.c
check 'tests: cppcheck' cppcheck_sources -Itests tests/*.c tests/deb/*.c \
	tests/fuzz/*.c tests/grade/*.c tests/lab/*.c tests/mutants/*.c \
	tests/report/*.c tests/runner/*.c tests/techniques/*.c
check 'kmod: checkpatch --strict' checkpatch --strict kmod/*.[ch] kmod/*/*.[ch]
# Not for programs: rules that want the kernel's macros, or its ways with them.
not_for_programs=EMBEDDED_FUNCTION_NAME,AVOID_EXTERNS,STATIC_CONST_CHAR_ARRAY
not_for_programs=$not_for_programs,FUNCTION_ARGUMENTS,SPLIT_STRING,VOLATILE
not_for_programs=$not_for_programs,PREFER_DEFINED_ATTRIBUTE_MACRO,ENOSYS
check 'programs and tests: checkpatch' checkpatch --max-line-length=100 \
	--ignore $not_for_programs user/*.[ch] user/comparison/*.[ch] \
	user/watch/*.[ch] tests/*.[ch] tests/*/*.[ch] \
	tests/grade/samples/*/*.c
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
