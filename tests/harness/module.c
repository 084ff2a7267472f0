// SPDX-License-Identifier: GPL-2.0
/* Kernel modules; see module.h. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "module.h"

/* The first section of this name; sets size to its bytes. NULL if the file has none. */
static const char *section(const char *file, size_t file_size, const char *name,
			   size_t *size)
{
	const Elf64_Ehdr *elf = (const void *)file;
	const Elf64_Shdr *sections, *names;

	if (file_size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_shentsize != sizeof(*sections) ||
	    elf->e_shoff % _Alignof(Elf64_Shdr) || elf->e_shoff > file_size ||
	    elf->e_shnum > (file_size - elf->e_shoff) / sizeof(*sections) ||
	    elf->e_shstrndx >= elf->e_shnum)
		return NULL;
	sections = (const void *)(file + elf->e_shoff);
	names = &sections[elf->e_shstrndx];
	for (int i = 0; i < elf->e_shnum; i++) {
		const Elf64_Shdr *next = &sections[i];

		/* A section of type NOBITS has no bytes in the file. */
		if (next->sh_type == SHT_NOBITS || names->sh_type == SHT_NOBITS ||
		    names->sh_offset > file_size || next->sh_offset > file_size ||
		    names->sh_size > file_size - names->sh_offset ||
		    next->sh_size > file_size - next->sh_offset ||
		    next->sh_name >= names->sh_size ||
		    names->sh_size - next->sh_name <= strlen(name) ||
		    memcmp(file + names->sh_offset + next->sh_name, name, strlen(name) + 1))
			continue;
		*size = next->sh_size;
		return file + next->sh_offset;
	}
	return NULL;
}

/* The value of a field in a section of lines "field=value", each with a NUL at its end. */
static const char *value_of(const char *info, size_t size, const char *field)
{
	size_t length = strlen(field);

	for (const char *end; size; size -= end + 1 - info, info = end + 1) {
		end = memchr(info, '\0', size);
		if (!end)
			return NULL;
		if (!strncmp(info, field, length) && info[length] == '=')
			return info + length + 1;
	}
	return NULL;
}

bool module_info_of(const char *path, const char *field, char *value,
		    size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *file, *info, *found = NULL;
	size_t info_size;
	struct stat stat;

	if (fd < 0)
		return false;
	file = fstat(fd, &stat) ? MAP_FAILED :
	       mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (file == MAP_FAILED)
		return false;
	info = section(file, stat.st_size, ".modinfo", &info_size);
	if (info)
		found = value_of(info, info_size, field);
	if (found)
		snprintf(value, size, "%s", found);
	munmap((void *)file, stat.st_size);
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
