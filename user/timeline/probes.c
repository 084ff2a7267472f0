// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the functions that take or post a semaphore. Taking a free semaphore is
 * one instruction, which the kernel does not see. Uprobes stop the program at
 * these functions instead; a uprobe is placed at an offset in a file. A static
 * program contains the functions, any other calls those in libc's file.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

/* The functions, and the events at their call and at their return. */
static const struct function {
	const char *name, *begin, *end;
} functions[] = {
	{ "sem_wait", "wait", "waited" },
	{ "sem_timedwait", "wait", "waited" },
	{ "sem_clockwait", "wait", "waited" },
	{ "sem_trywait", "try", "tried" },
	{ "sem_post", "post", "posted" },
};

/* Where a machine has the first argument of a function. */
static const struct {
	Elf64_Half machine;
	const char *argument;
} machines[] = {
	{ EM_X86_64, "%di" }, { EM_AARCH64, "%x0" },
};

enum { MAX_FUNCTIONS = 32 };

/* A whole ELF file in memory. */
struct image {
	const unsigned char *data;
	size_t size;
};

/* Returns what is at an offset; NULL if the file ends before size bytes. */
static const void *at(const struct image *image, Elf64_Off offset, size_t size)
{
	return offset <= image->size && size <= image->size - offset ?
	       image->data + offset : NULL;
}

/* The offset in the file of what is loaded at an address, or 0. */
static Elf64_Off offset_of(const struct image *image, const Elf64_Ehdr *head,
			   Elf64_Addr address)
{
	const Elf64_Phdr *part = at(image, head->e_phoff,
				    head->e_phnum * sizeof(*part));

	for (int i = 0; part && i < head->e_phnum; i++)
		if (part[i].p_type == PT_LOAD && address >= part[i].p_vaddr &&
		    address - part[i].p_vaddr < part[i].p_filesz)
			return address - part[i].p_vaddr + part[i].p_offset;
	return 0;
}

static const char *name_of(const struct image *image, const Elf64_Shdr *names,
			   Elf64_Word name)
{
	const char *text = at(image, names->sh_offset, names->sh_size);

	if (!text || name >= names->sh_size ||
	    !memchr(text + name, '\0', names->sh_size - name))
		return "";
	return text + name;
}

/* A function can have several names, and a file several symbol tables. */
static bool is_new(Elf64_Off *offsets, int *count, Elf64_Off offset)
{
	for (int i = 0; i < *count; i++)
		if (offsets[i] == offset)
			return false;
	if (!offset || *count == MAX_FUNCTIONS)
		return false;
	offsets[(*count)++] = offset;
	return true;
}

static void define(const char *path, const struct function *function,
		   Elf64_Off offset, const char *argument, int number, FILE *file)
{
	fprintf(file, "p:timeline/%s_%d %s:0x%lx sem=%s\n", function->begin,
		number, path, offset, argument);
	fprintf(file, "r:timeline/%s_%d %s:0x%lx result=$retval:s32\n",
		function->end, number, path, offset);
	fflush(file);
}

static int define_all(const struct image *image, const char *path, int *number,
		      FILE *file)
{
	const Elf64_Ehdr *head = at(image, 0, sizeof(*head));
	const Elf64_Shdr *tables;
	const char *argument = NULL;
	Elf64_Off offsets[MAX_FUNCTIONS];
	int count = 0;

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) ||
	    head->e_ident[EI_CLASS] != ELFCLASS64)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(machines); i++)
		if (head->e_machine == machines[i].machine)
			argument = machines[i].argument;
	if (!argument)
		return 0;
	tables = at(image, head->e_shoff, head->e_shnum * sizeof(*tables));
	for (int i = 0; tables && i < head->e_shnum; i++) {
		size_t symbols = tables[i].sh_size / sizeof(Elf64_Sym);
		const Elf64_Sym *symbol = at(image, tables[i].sh_offset,
					     tables[i].sh_size);

		if ((tables[i].sh_type != SHT_SYMTAB &&
		     tables[i].sh_type != SHT_DYNSYM) ||
		    tables[i].sh_link >= head->e_shnum || !symbol)
			continue;
		for (; symbols--; symbol++) {
			const char *name = name_of(image, tables +
						   tables[i].sh_link,
						   symbol->st_name);
			Elf64_Off offset;

			for (size_t f = 0; f < ARRAY_SIZE(functions); f++) {
				if (strcmp(name, functions[f].name))
					continue;
				offset = offset_of(image, head,
						  symbol->st_value);
				if (is_new(offsets, &count, offset))
					define(path, &functions[f], offset, argument,
					       (*number)++, file);
			}
		}
	}
	return count;
}

int define_probes(const char *path, int *number, FILE *file)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), found = 0;
	struct image image;
	struct stat stat;
	void *data;

	if (fd < 0)
		return 0;
	if (!fstat(fd, &stat) && S_ISREG(stat.st_mode) && stat.st_size) {
		image.size = stat.st_size;
		data = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data != MAP_FAILED) {
			image.data = data;
			found = define_all(&image, path, number, file);
			munmap(data, image.size);
		}
	}
	close(fd);
	return found;
}
