// SPDX-License-Identifier: GPL-2.0
/* The file of incr2 and incr3: open it, and remove it after a failure. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common.h"
#include "incr.h"

static const char *new_file;	/* NULL: the file existed before */

void remove_new_file(void)
{
	if (new_file)
		unlink(new_file);
}

/*
 * Open the file, or create it, and lock it. Returns -1 if the name no longer
 * leads to it: the run that created it has failed and removed it.
 */
static int open_locked(const char *path, bool *created)
{
	struct stat opened, named;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	*created = fd >= 0;
	if (fd < 0 && errno == EEXIST)
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s", path);
	if (fstat(fd, &opened))
		die("cannot stat %s", path);
	if (!S_ISREG(opened.st_mode))
		diex("%s is not a regular file", path);
	if (flock(fd, LOCK_EX | LOCK_NB))
		diex("%s is in use by another run", path);
	if (!stat(path, &named) && named.st_dev == opened.st_dev &&
	    named.st_ino == opened.st_ino)
		return fd;
	close(fd);
	return -1;
}

int open_file(const char *path, long size)
{
	char zero[size];
	struct stat stat;
	bool created;
	int fd, error;

	do
		fd = open_locked(path, &created);
	while (fd < 0);
	if (created) {
		new_file = path;
		on_failure = remove_new_file;
	}
	if (fstat(fd, &stat))
		die("cannot stat %s", path);

	/* Allocate first: on a full disk, storing to the mapping is a SIGBUS. */
	error = posix_fallocate(fd, 0, size);
	memset(zero, 0, size);
	if (!error && pwrite(fd, zero, size, 0) != size)
		error = errno;
	if (error) {
		if (ftruncate(fd, stat.st_size))
			error = errno;
		errno = error;
		die("cannot write %ld bytes to %s", size, path);
	}
	return fd;
}
