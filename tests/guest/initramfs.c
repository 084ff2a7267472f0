// SPDX-License-Identifier: GPL-2.0
/* The guest's first files; see initramfs.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "initramfs.h"

/* Names and data are both padded to four bytes. */
static void pad(FILE *archive, size_t length)
{
	while (length++ % 4)
		putc('\0', archive);
}

/* See Documentation/driver-api/early-userspace/buffer-format.rst. */
static void add(FILE *archive, const char *name, mode_t mode, const void *data,
		size_t length)
{
	size_t named = strlen(name) + 1;
	int header;

	header = fprintf(archive, "070701%08X%08X%08X%08X%08X%08X%08zX"
			 "%08X%08X%08X%08X%08zX%08X",
			 0,			/* inode: nothing is linked */
			 mode, 0, 0, 1,		/* of root; one link */
			 (unsigned int)time(NULL), length,
			 0, 0, 0, 0,		/* no devices */
			 named, 0);
	fwrite(name, 1, named, archive);
	pad(archive, header + named);
	fwrite(data, 1, length, archive);
	pad(archive, length);
}

void initramfs_directory(FILE *archive, const char *name, mode_t mode)
{
	add(archive, name, S_IFDIR | mode, "", 0);
}

void initramfs_data(FILE *archive, const char *name, mode_t mode,
		    const void *data, size_t length)
{
	add(archive, name, S_IFREG | mode, data, length);
}

int initramfs_file(FILE *archive, const char *name, mode_t mode,
		   const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error;
	char *data = NULL;
	struct stat stat;
	ssize_t n = -1;
	size_t length = 0;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &stat))
		data = malloc(stat.st_size + 1);
	/* Ask for one byte more, to see the end, or that the file has grown. */
	while (data && (n = read(fd, data + length,
				 stat.st_size + 1 - length)) > 0)
		length += n;
	error = n ? errno : 0;
	close(fd);
	if (!error && length != (size_t)stat.st_size)
		error = EBUSY;
	if (!error)
		initramfs_data(archive, name, mode, data, length);
	free(data);
	errno = error;
	return error ? -1 : 0;
}

int initramfs_end(FILE *archive)
{
	add(archive, "TRAILER!!!", 0, "", 0);
	return (fflush(archive) || ferror(archive)) | fclose(archive) ? -1 : 0;
}
