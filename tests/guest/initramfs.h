/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's first files, as an archive that the kernel unpacks: the "newc" format
 * of cpio. All files belong to root and have the mode given here, whatever their owner
 * and the umask are on the host.
 */
#ifndef INITRAMFS_H
#define INITRAMFS_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* Add to the archive. initramfs_end() reports a failed write. */
void initramfs_directory(FILE *archive, const char *name, mode_t mode);
void initramfs_data(FILE *archive, const char *name, mode_t mode,
		    const void *data, size_t length);

/* Add a copy of a file. Returns 0, or -1 and errno if it cannot be read. */
int initramfs_file(FILE *archive, const char *name, mode_t mode,
		   const char *path);

/* Close the archive. Returns 0, or -1 and errno if a write failed. */
int initramfs_end(FILE *archive);

#endif
