/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's first files, as an archive that the kernel unpacks: the "newc"
 * format of cpio. All of it is root's, and has the mode that is asked for here,
 * whatever umask and owner the files have on the host.
 */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* Add to the archive. A failed write is seen in ferror(), at the end. */
void initramfs_directory(FILE *archive, const char *name, mode_t mode);
void initramfs_data(FILE *archive, const char *name, mode_t mode,
		    const void *data, size_t length);

/* Add what a file holds. Returns 0, or -1 and errno if it cannot be read. */
int initramfs_file(FILE *archive, const char *name, mode_t mode,
		   const char *path);

/* Close the archive. Returns 0, or -1 and errno if not all could be written. */
int initramfs_end(FILE *archive);

#endif
