// SPDX-License-Identifier: GPL-2.0
/*
 * Where the functions are that take or post a semaphore. A semaphore that is
 * free is taken by one instruction, of which the kernel learns nothing; so it
 * is asked to stop at these functions, by uprobes, whose place is an offset in
 * a file. A static program has them in itself, any other in libc's.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

static const struct {
	const char *name;
	int call;
} functions[] = {
	{ "sem_wait", CALL_WAIT }, { "sem_timedwait", CALL_WAIT },
	{ "sem_clockwait", CALL_WAIT }, { "sem_trywait", CALL_TRY },
	{ "sem_post", CALL_POST },
};

static const char *const begins[CALLS] = { "wait", "try", "post" };
static const char *const ends[CALLS] = { "waited", "tried", "posted" };

enum { PLACES = 32 };

/* An ELF file, whole, in memory. */
struct image {
	const unsigned char *data;
	size_t size;
};

/* What is at an offset; NULL if it is not all in the file. */
static const void *at(const struct image *image, Elf64_Off offset, size_t size)
{
	return offset <= image->size && size <= image->size - offset ?
	       image->data + offset : NULL;
}

/* The offset in the file of what is loaded at an address; 0: none. */
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

/* A function has several names, and its file several tables of them. */
static bool is_new(Elf64_Off *places, int *count, Elf64_Off place)
{
	for (int i = 0; i < *count; i++)
		if (places[i] == place)
			return false;
	if (!place || *count == PLACES)
		return false;
	places[(*count)++] = place;
	return true;
}

static void define(const char *path, int call, Elf64_Off place, int number,
		   FILE *file)
{
	fprintf(file, "p:watch/%s_%d %s:0x%lx sem=%%di\n", begins[call],
		number, path, place);
	fprintf(file, "r:watch/%s_%d %s:0x%lx result=$retval:s32\n",
		ends[call], number, path, place);
	fflush(file);
}

static int define_all(const struct image *image, const char *path, int *number,
		      FILE *file)
{
	const Elf64_Ehdr *head = at(image, 0, sizeof(*head));
	const Elf64_Shdr *tables;
	Elf64_Off places[PLACES];
	int count = 0;

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) ||
	    head->e_ident[EI_CLASS] != ELFCLASS64 ||
	    head->e_machine != EM_X86_64)
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
			Elf64_Off place;

			for (size_t f = 0; f < ARRAY_SIZE(functions); f++) {
				if (strcmp(name, functions[f].name))
					continue;
				place = offset_of(image, head,
						  symbol->st_value);
				if (is_new(places, &count, place))
					define(path, functions[f].call, place,
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
