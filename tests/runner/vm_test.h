/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of the runner share; the environment is told in vm_test.c. */
#ifndef VM_TEST_H
#define VM_TEST_H

#include "program.h"

enum { GUEST_LIMIT = 90 };

/*
 * The beginning of a QEMU that is a script: its log goes by descriptor 3, its
 * report by standard output, in frames.
 */
#define QEMU \
"#!/bin/sh\n" \
"for arg; do\n" \
"	case $arg in file:*) exec 3>\"${arg#file:}\" ;; esac\n" \
"done\n" \
"nonce=$(cpio --quiet -i --to-stdout orders <initramfs | head -c 32)\n" \
"frame() { printf '%s %s %d\\n' $nonce $1 $2; }\n" \
"say() { frame o $((${#1} + 1)); echo \"$1\"; }\n"

/* What the script of a guest does in which one test passes. */
#define QEMU_PASSES \
"frame up 0; frame ready 0\n" \
"say 'TAP version 13'; say 1..1; say '# begin a.b'; say 'ok 1 a.b'\n" \
"frame exit 0\n" \
"exit $EXIT\n"

/*
 * Have a script for a QEMU in this folder, first in PATH, and beside it a kernel
 * and an init that are none. SCENE in its environment is this folder, EXIT the
 * status that a guest leaves by.
 */
void set_scene(const char *script);

#endif
