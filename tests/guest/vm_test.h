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

/* The architecture of the guests, if that is not this machine's; else "". */
static inline const char *foreign(void)
{
	const char *arch = shell("\"$TOP/tests/kernel/kernel.sh\" foreign \"$GUEST_KERNEL\"");

	return text_of("%.*s", (int)strcspn(arch, "\n"), arch);
}

/* TOP/build/FILE, of the guests' architecture: TOP/build/arm64/FILE. */
static inline const char *for_guest(const char *file)
{
	const char *arch = foreign();

	return in("TOP", text_of("build/%s%s%s", arch, *arch ? "/" : "", file));
}

/* Skip the test where guests are of another architecture, or where there is no kernel. */
static inline void need_native_guest(void)
{
	of_kernel("kernel", "");
	if (*foreign())
		test_skip("a guest of %s runs no program of this machine, nor under its KVM",
			  foreign());
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
#define WITH(program) "-f", for_guest("guest/" program)
#define INIT for_guest("guest/init")
#define TEMPLATES in("TOP", "build/templates")
#define VM_SH in("TOP", "tests/guest/vm.sh")

/*
 * The beginning of a script that stands in for QEMU. It writes the kernel's log to
 * descriptor 3, and init's report to standard output, in frames. Of the machine virt QEMU
 * says on a socket why it ends; a script may change the reason.
 */
#define QEMU \
"#!/bin/bash\n" \
"for arg; do\n" \
"	case $arg in\n" \
"	file:*) exec 3>\"${arg#file:}\" ;;\n" \
"	socket,id=monitor,*) monitor=${arg##*=} ;;\n" \
"	socket,id=events,*) " SAYS_WHY_IT_ENDS " ;;\n" \
"	esac\n" \
"done\n" \
"nonce=$(cpio --quiet -i --to-stdout config <initramfs | sed -n 's/^nonce=//p')\n" \
"frame() { printf '%s %s %d\\n' $nonce $1 $2; }\n" \
"say() { frame out $((${#1} + 1)); echo \"$1\"; }\n"

#define SAYS_WHY_IT_ENDS \
"events=${arg##*=} why=guest-shutdown; trap 'event SHUTDOWN' EXIT\n" \
"event() { echo \"{\\\"data\\\": {\\\"reason\\\": \\\"$why\\\"}, \\\"event\\\": \\\"$1\\\"}\" >&$events; }"

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

/* The same for a guest of this architecture: EM_X86_64 or EM_AARCH64. */
void set_scene_of(int elf, const char *script);

#endif
