// SPDX-License-Identifier: GPL-2.0
/* Kernel modules; see module.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"

bool module_info_of(const char *path, const char *field, char *value,
		    size_t size)
{
	char key[64] = "";
	int length = 1 + sprintf(key + 1, "%.60s=", field);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *data, *found;
	struct stat stat;

	if (fd < 0)
		return false;
	data = fstat(fd, &stat) ? MAP_FAILED :
	       mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return false;
	found = memmem(data, stat.st_size, key, length);
	if (found)
		snprintf(value, size, "%.*s",
			 (int)(data + stat.st_size - found - length),
			 found + length);
	munmap((void *)data, stat.st_size);
	errno = ENOEXEC;
	return found;
}

bool module_name_of(const char *path, char *name, size_t size)
{
	return module_info_of(path, "name", name, size);
}

int module_load(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return errno;
	if (syscall(SYS_finit_module, fd, parameters, 0))
		error = errno;
	close(fd);
	return error;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? errno : 0;
}
