// SPDX-License-Identifier: GPL-2.0
/* The guest's files; see archive.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive.h"

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
			 0, length,		/* no time: the same files, the same archive */
			 0, 0, 0, 0,		/* no devices */
			 named, 0);
	fwrite(name, 1, named, archive);
	pad(archive, header + named);
	fwrite(data, 1, length, archive);
	pad(archive, length);
}

void archive_directory(FILE *archive, const char *name, mode_t mode)
{
	add(archive, name, S_IFDIR | mode, "", 0);
}

void archive_data(FILE *archive, const char *name, mode_t mode,
		    const void *data, size_t length)
{
	add(archive, name, S_IFREG | mode, data, length);
}

int archive_file(FILE *archive, const char *name, mode_t mode,
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
		archive_data(archive, name, mode, data, length);
	free(data);
	errno = error;
	return error ? -1 : 0;
}

int archive_end(FILE *archive)
{
	bool bad;

	add(archive, "TRAILER!!!", 0, "", 0);
	bad = fflush(archive) || ferror(archive);
	return fclose(archive) || bad ? -1 : 0;
}

/* Read names and data with their padding; a FILE with O_DIRECT cannot seek. */
static bool take(FILE *archive, void *to, size_t length, size_t padding)
{
	char rest[4];

	return fread(to, 1, length, archive) == length &&
	       fread(rest, 1, padding, archive) == padding;
}

static int unpack_file(FILE *archive, const char *name, mode_t mode, size_t length)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	static char data[65536];
	size_t part;

	if (fd < 0)
		return -1;
	/* The umask may have taken some of it. */
	fchmod(fd, mode & 07777);
	for (; length; length -= part) {
		part = length < sizeof(data) ? length : sizeof(data);
		if (!take(archive, data, part, part == length ? -length & 3 : 0) ||
		    write(fd, data, part) != (ssize_t)part)
			break;
	}
	return close(fd) || length ? -1 : 0;
}

int unpack_archive(FILE *archive)
{
	char head[111] = "", name[300];
	unsigned int mode, length, named;

	while (take(archive, head, 110, 0)) {
		/* Skip what does not matter here: inode, owner, links and time. */
		if (sscanf(head, "070701%*8x%8x%*32c%8x%*32c%8x", &mode, &length,
			   &named) != 3 || !named || named > sizeof(name) ||
		    !take(archive, name, named, -(110 + named) & 3))
			break;
		if (!strcmp(name, "TRAILER!!!"))
			return 0;
		if (unpack_file(archive, name, mode, length))
			return -1;
	}
	errno = EBADMSG;
	return -1;
}
