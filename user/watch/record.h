/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of record share; record.c says what it is for. */
#ifndef RECORD_H
#define RECORD_H

#include <stdio.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* What a function of libc's does to a semaphore; each is named in events. */
enum { CALL_WAIT, CALL_TRY, CALL_POST, CALLS };

/*
 * Define, by lines written to the file, an event at the beginning and one at the
 * end of each function of an ELF file that takes or posts semaphores: wait_N
 * and waited_N, try_N and tried_N, post_N and posted_N, where N goes on from
 * *number. Returns how many functions there are; 0 if it is no ELF file, or
 * one without them or without their names.
 */
int define_probes(const char *path, int *number, FILE *file);

#endif
