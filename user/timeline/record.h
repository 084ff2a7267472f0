/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of record; see record.c. */
#ifndef RECORD_H
#define RECORD_H

#include <stdio.h>

#include "../common.h"

/*
 * Find the functions of an ELF file that take or post semaphores. Write a line
 * to the file for each event to define: one at the call and one at the return,
 * wait_N and waited_N, try_N and tried_N, or post_N and posted_N, where N
 * continues from *number. Returns the number of functions; 0 if the file is no
 * ELF file, or has no such functions, or no names for them.
 */
int define_probes(const char *path, int *number, FILE *file);

#endif
