/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest's files, as an archive that the kernel unpacks at boot, or init when the
 * guest is restored: the "newc" format of cpio. All files belong to root and have the
 * mode given here, whatever their owner and the umask are on the host.
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

/* Add to the archive. archive_end() reports a failed write. */
void archive_directory(FILE *archive, const char *name, mode_t mode);
void archive_data(FILE *archive, const char *name, mode_t mode,
		    const void *data, size_t length);

/* Add a copy of a file. Returns 0, or -1 and errno if it cannot be read. */
int archive_file(FILE *archive, const char *name, mode_t mode,
		   const char *path);

/* Close the archive. Returns 0, or -1 and errno if a write failed. */
int archive_end(FILE *archive);

/* Write the files of an archive that has no directories. Returns 0, or -1 and errno. */
int unpack_archive(FILE *archive);

#endif
