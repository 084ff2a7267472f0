/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the runner share. */
#ifndef VM_TEST_H
#define VM_TEST_H

#include "harness.h"
#include "program.h"

enum { GUEST_LIMIT = 90 };

/*
 * TOP/build/WHAT/KERNEL/FILE, KERNEL being that of the guests. Without a kernel the test
 * is skipped.
 */
static inline const char *of_kernel(const char *what, const char *file)
{
	return in("TOP", text_of("build/%s/%s%s%s", what, in("GUEST_KERNEL", ""),
				 *file ? "/" : "", file));
}

/*
 * The runner with the files of each guest; what is put in, and the program, follow.
 * That of a scene is a script: see set_scene().
 */
#define SMALL_GUEST \
	"vm", "-T", TEMPLATES, "-k", of_kernel("kernel", ""), "-i", INIT
#define FULL_GUEST \
	"vm", "-T", TEMPLATES, "-H", "-k", of_kernel("kernel", ""), "-i", INIT
#define SCENE_GUEST "vm", "-k", ".", "-i", "init"
#define MODULE of_kernel("kmod", "shmcount.ko")
#define WITH(program) "-f", in("TOP", "build/guest/" program)
#define INIT in("TOP", "build/guest/init")
#define TEMPLATES in("TOP", "build/templates")
#define VM_SH in("TOP", "tests/guest/vm.sh")

/*
 * The beginning of a script that stands in for QEMU. It writes the kernel's log to
 * descriptor 3, and init's report to standard output, in frames.
 */
#define QEMU \
"#!/bin/sh\n" \
"for arg; do\n" \
"	case $arg in file:*) exec 3>\"${arg#file:}\" ;; esac\n" \
"done\n" \
"nonce=$(cpio --quiet -i --to-stdout config <initramfs | sed -n 's/^nonce=//p')\n" \
"frame() { printf '%s %s %d\\n' $nonce $1 $2; }\n" \
"say() { frame out $((${#1} + 1)); echo \"$1\"; }\n"

/* The rest of that script, for a guest in which one test passes. */
#define QEMU_PASSES \
"frame up 0; frame ready 0\n" \
"say 'TAP version 13'; say 1..1; say '# begin a.b'; say 'ok 1 a.b'\n" \
"frame exit 0\n" \
"exit $EXIT\n"

/*
 * Put the script into this directory as QEMU, first in PATH, with an empty kernel and
 * init; have the runner use TCG. SCENE in QEMU's environment is this directory, EXIT
 * the status by which a guest ends.
 */
void set_scene(const char *script);

#endif
