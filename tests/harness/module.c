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
#include "util.h"

enum { MAX_TEXT = 512 };	/* the kernel's KSYM_NAME_LEN */

/* The file in memory. Who reads it unmaps it. */
struct image {
	const char *data;
	size_t size;
};

static bool map_image(struct image *image, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat stat;

	if (fd < 0)
		return false;
	image->data = fstat(fd, &stat) ? MAP_FAILED :
		      mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	image->size = stat.st_size;
	close(fd);
	return image->data != MAP_FAILED;
}

/* The table of sections, and how many there are; NULL if the file has none. */
static const Elf64_Shdr *sections_of(const struct image *image, int *count)
{
	const Elf64_Ehdr *elf = (const void *)image->data;

	if (image->size < sizeof(*elf) || memcmp(elf->e_ident, ELFMAG, SELFMAG) ||
	    elf->e_ident[EI_CLASS] != ELFCLASS64 ||
	    elf->e_shentsize != sizeof(Elf64_Shdr) ||
	    elf->e_shoff % _Alignof(Elf64_Shdr) || elf->e_shoff > image->size ||
	    elf->e_shnum > (image->size - elf->e_shoff) / sizeof(Elf64_Shdr) ||
	    elf->e_shstrndx >= elf->e_shnum)
		return NULL;
	*count = elf->e_shnum;
	return (const void *)(image->data + elf->e_shoff);
}

/* The bytes of a section; NULL if they are not in the file, as of type NOBITS. */
static const char *bytes_of(const struct image *image, const Elf64_Shdr *section)
{
	if (section->sh_type == SHT_NOBITS || section->sh_offset > image->size ||
	    section->sh_size > image->size - section->sh_offset)
		return NULL;
	return image->data + section->sh_offset;
}

/*
 * The text at an offset of a section of texts; "" if none is there that ends soon: to look
 * far for the end of each of many texts takes long.
 */
static const char *text_at(const struct image *image, const Elf64_Shdr *texts,
			   size_t offset)
{
	const char *bytes = bytes_of(image, texts);
	size_t size = bytes && offset < texts->sh_size ? texts->sh_size - offset : 0;

	if (!size || !memchr(bytes + offset, '\0', size < MAX_TEXT ? size : MAX_TEXT))
		return "";
	return bytes + offset;
}

static const char *section_name(const struct image *image, const Elf64_Shdr *sections,
				const Elf64_Shdr *section)
{
	const Elf64_Ehdr *elf = (const void *)image->data;

	return text_at(image, &sections[elf->e_shstrndx], section->sh_name);
}

/* The first section of this name; sets size to its bytes. NULL if the file has none. */
static const char *section(const struct image *image, const char *name, size_t *size)
{
	int count = 0;
	const Elf64_Shdr *sections = sections_of(image, &count);

	for (int i = 0; i < count; i++) {
		const char *bytes = bytes_of(image, &sections[i]);

		if (!bytes || strcmp(section_name(image, sections, &sections[i]), name))
			continue;
		*size = sections[i].sh_size;
		return bytes;
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
	const char *info, *found = NULL;
	struct image image;
	size_t info_size;

	if (!map_image(&image, path))
		return false;
	info = section(&image, ".modinfo", &info_size);
	if (info)
		found = value_of(info, info_size, field);
	if (found)
		snprintf(value, size, "%s", found);
	munmap((void *)image.data, image.size);
	errno = ENOEXEC;
	return found;
}

/* The table of symbols, which is the first, as for the kernel; NULL if there is none. */
static const Elf64_Shdr *symbols_of(const struct image *image, const Elf64_Shdr *sections,
				    int count)
{
	for (const Elf64_Shdr *table = sections; table < sections + count; table++)
		if (table->sh_type == SHT_SYMTAB)
			return table->sh_link < (Elf64_Word)count && bytes_of(image, table) ?
			       table : NULL;
	return NULL;
}

/* Find a function in a table of symbols. */
static bool find_function(const struct image *image, const Elf64_Shdr *sections, int count,
			  const Elf64_Shdr *table, const char *name, struct function *found)
{
	const char *bytes = bytes_of(image, table);
	Elf64_Sym symbol;

	for (size_t i = 0; i < table->sh_size / sizeof(symbol); i++) {
		memcpy(&symbol, bytes + i * sizeof(symbol), sizeof(symbol));
		if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx >= count ||
		    strcmp(text_at(image, &sections[table->sh_link], symbol.st_name), name))
			continue;
		snprintf(found->section, sizeof(found->section), "%s",
			 section_name(image, sections, &sections[symbol.st_shndx]));
		found->offset = symbol.st_value;
		return true;
	}
	return false;
}

/* The file with its sections and its table of symbols, or NULL where it has none. */
static bool map_symbols(struct image *image, const char *path, const Elf64_Shdr **sections,
			int *count, const Elf64_Shdr **table)
{
	*count = 0;
	if (!map_image(image, path))
		return false;
	*sections = sections_of(image, count);
	*table = symbols_of(image, *sections, *count);
	return true;
}

bool module_function(const char *path, const char *name, struct function *function)
{
	const Elf64_Shdr *sections, *table;
	struct image image;
	bool found;
	int count;

	if (!map_symbols(&image, path, &sections, &count, &table))
		return false;
	found = table && find_function(&image, sections, count, table, name, function);
	munmap((void *)image.data, image.size);
	return found;
}

bool module_imports(const char *path, void (*take)(const char *name))
{
	const Elf64_Shdr *sections, *table;
	struct image image;
	Elf64_Sym symbol;
	int count;

	if (!map_symbols(&image, path, &sections, &count, &table))
		return false;
	for (size_t i = 0; table && i < table->sh_size / sizeof(symbol); i++) {
		memcpy(&symbol, bytes_of(&image, table) + i * sizeof(symbol), sizeof(symbol));
		if (symbol.st_shndx == SHN_UNDEF && symbol.st_name)
			take(text_at(&image, &sections[table->sh_link], symbol.st_name));
	}
	munmap((void *)image.data, image.size);
	return count;
}

int module_machine(const char *path)
{
	const Elf64_Ehdr *elf;
	struct image image;
	int machine = EM_NONE;

	if (!map_image(&image, path))
		return machine;
	elf = (const void *)image.data;
	if (image.size >= sizeof(*elf) && !memcmp(elf->e_ident, ELFMAG, SELFMAG))
		machine = elf->e_machine;
	munmap((void *)image.data, image.size);
	return machine;
}

char *module_tool(const char *path, const char *tool)
{
	static const struct {
		int machine;
		const char *prefix;
	} cross[] = {
		{ EM_X86_64, "x86_64-linux-gnu-" }, { EM_AARCH64, "aarch64-linux-gnu-" },
	};
	int machine = module_machine(path);

	for (size_t i = 0; i < ARRAY_SIZE(cross); i++)
		if (machine == cross[i].machine && machine != module_machine("/proc/self/exe"))
			return text_of("%s%s", cross[i].prefix, tool);
	return text_of("%s", tool);
}

bool module_name_of(const char *path, char *name, size_t size)
{
	return module_info_of(path, "name", name, size);
}

void module_name_in_log(const char *path, char *name, size_t size)
{
	if (!module_name_of(path, name, size))
		name[0] = '\0';
	for (char *dash = name; (dash = strchr(dash, '-'));)
		*dash = '_';
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
