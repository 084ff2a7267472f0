// SPDX-License-Identifier: GPL-2.0
/*
 * Plans the module of a submission. One C file is the driver; what the Makefile beside it
 * names is built with it, or, without one, the other C files of its folder. What is
 * not built is told of, with the reason.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "code.h"
#include "makefile.h"
#include "taken.h"

enum { MAX_MODULES = 32 };

/* A module that a Makefile names. */
static struct module {
	const struct source *makefile;
	char *name, *missing;		/* its part for which there is no C file */
} modules[MAX_MODULES];
static int module_count;

/* The C file of this name, from another's folder, or NULL. ".o" counts as ".c". */
static struct source *c_file_at(const struct source *from, const char *name)
{
	char *path = path_from(from, name);
	struct source *found = NULL;

	for (int i = 0; path && i < file_count && !found; i++) {
		size_t length = end_of(files[i].path) - files[i].path;

		if (files[i].kind == C_FILE && !strncmp(path, files[i].path, length) &&
		    (!strcmp(path + length, ".o") ||
		     !strcmp(path + length, files[i].path + length)))
			found = &files[i];
	}
	free(path);
	return found;
}

/* Note which files a module of a Makefile is made from. */
static void read_module(struct makefile *makefile, const struct source *from,
			const char *object)
{
	struct module *module = &modules[module_count];
	char *name = text_of("%.*s", (int)(end_of(object) - object), object), *rest;
	char *listed = text_of("%s-objs", name), *listed_y = text_of("%s-y", name);
	char *objs = value_of(makefile, listed), *y = value_of(makefile, listed_y);
	char *parts = text_of("%s %s", objs, y);

	if (!parts[strspn(parts, " \t")]) {
		free(parts);
		parts = check(strdup(object));
	}
	/* If we cannot know its parts, it is as if nothing were said of it. */
	if (module_count < MAX_MODULES && !strchr(parts, UNKNOWN)) {
		*module = (struct module) { from, check(strdup(name)), NULL };
		module_count++;
		for (char *part = strtok_r(parts, " \t", &rest); part;
		     part = strtok_r(NULL, " \t", &rest)) {
			struct source *file = c_file_at(from, part);

			if (file && !file->module)
				file->module = module;
			else if (!file && !module->missing)
				module->missing = check(strdup(part));
		}
	}
	free(name);
	free(listed);
	free(listed_y);
	free(objs);
	free(y);
	free(parts);
}

/* kbuild prefers a Kbuild to a Makefile. */
static bool is_read(const struct source *file)
{
	if (file->kind != MAKEFILE)
		return false;
	for (int i = 0; i < file_count; i++)
		if (&files[i] != file && files[i].kind == MAKEFILE &&
		    same_folder(&files[i], file) &&
		    !strcmp(basename(files[i].path), "Kbuild"))
			return false;
	return true;
}

/* It may be anything anywhere. (The lab's Kbuild includes our compat.mk, which is there.) */
static void tell_of_includes(const struct source *from, struct makefile *makefile)
{
	char *names = value_of(makefile, "include"), *rest;

	for (char *c = names; (c = strchr(c, UNKNOWN));)
		*c = '?';
	for (char *name = strtok_r(names, " \t", &rest); name;
	     name = strtok_r(NULL, " \t", &rest))
		if (strcmp(basename(name), "compat.mk"))
			note("%s includes %s, which the grader does not read",
			     shown(from->path), shown(name));
	free(names);
}

static void read_modules(const struct source *from)
{
	struct makefile *makefile = makefile_of(from->data, from->length);
	char *list = value_of(makefile, "obj-m"), *rest;

	for (char *word = strtok_r(list, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest))
		if (!strcmp(end_of(word), ".o") && !strchr(word, UNKNOWN))
			read_module(makefile, from, word);
	tell_of_includes(from, makefile);
	free(list);
	free_makefile(makefile);
}

/* A C file that another includes is no part of its own. */
static void follow_includes(struct source *file)
{
	const char *at = file->code;
	char name[128];

	while ((at = next_include(at, name))) {
		struct source *other = *name == '"' && kind_of(name + 1) == C_FILE ?
			c_file_at(file, name + 1) : NULL;

		if (other && other != file) {
			other->included = true;
			file->starts |= other->starts;
		}
	}
}

/* Of all C files the driver has the highest; of equal ones, the first in order. */
static int rank(const struct source *file)
{
	const bool better[] = {
		!file->program || file->module, !file->included, file->starts,
		file->ours,
	};
	int rank = 0;

	for (size_t i = 0; i < ARRAY_SIZE(better); i++)
		rank = 2 * rank + better[i];
	rank = (MAX_DEPTH + 1) * rank + MAX_DEPTH - file->depth;
	return 4 * rank + 2 * !!file->module +
	       !strcasecmp(basename(file->path), "shmcount.c");
}

static const struct source *find_driver(void)
{
	const struct source *driver = NULL, *best;

	for (int i = 0; i < file_count; i++)
		if (is_read(&files[i]))
			read_modules(&files[i]);
	for (int i = 0; i < file_count; i++)
		if (files[i].kind == C_FILE)
			follow_includes(&files[i]);
	for (int i = 0; i < file_count; i++)
		if (files[i].kind == C_FILE && (!driver || rank(&files[i]) > rank(driver)))
			driver = &files[i];
	/* In its folder a Makefile knows better. */
	best = driver;
	for (int i = 0; i < file_count && driver && !best->module; i++)
		if (files[i].module && files[i].starts && same_folder(&files[i], driver))
			best = &files[i];
	return best;
}

/* Returns why a C file is not built with the driver, or NULL. For free(). */
static char *why_not(const struct source *file, const struct source *driver)
{
	if (file == driver || (driver->module && file->module == driver->module))
		return NULL;
	if (file->length == driver->length &&
	    !memcmp(file->data, driver->data, file->length))
		return text_of("is the same as %s", driver->path);
	if (file->program)
		return text_of("%s, so it is a program and no kernel code", file->program);
	if (file->included)
		return check(strdup("is included by another"));
	if (file->starts)
		return text_of("is another driver, with a module_init() of its own; %s is taken",
			       driver->path);
	if (driver->module)
		return text_of("is not in %s of %s", driver->module->name,
			       driver->module->makefile->path);
	if (!same_folder(file, driver))
		return text_of("is in another folder than %s", driver->path);
	return driver->program ? text_of("is not %s", driver->path) : NULL;
}

/* Decide which files are built, and tell of the others. */
static void choose(const struct source *driver)
{
	if (driver->module && driver->module->missing)
		note("%s names %s, for which there is no C file",
		     shown(driver->module->makefile->path),
		     shown(driver->module->missing));
	for (int i = 0; i < file_count; i++) {
		struct source *file = &files[i];
		char *why = file->kind == C_FILE ? why_not(file, driver) : NULL;

		file->built = file->kind == C_FILE && !why;
		if (why && !file->included)
			note("%s is not built: it %s", shown(file->path), shown(why));
		else if (file->built && strcmp(file->path, file->copy))
			note("%s is built as %s", shown(file->path), file->copy);
		free(why);
	}
}

/* ---- what our Kbuild gets ---- */

/* Is it NAME or NAME=WORD, without a character that is special anywhere? */
static bool is_definition(const char *text)
{
	size_t length = 0;

	if (isdigit((unsigned char)*text))
		return false;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	if (!length || !text[length])
		return length && length < 64;
	return text[length] == '=' && strlen(text) < 128 &&
	       text[length + 1 + strspn(text + length + 1,
					"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")] == '\0';
}

/* Write -I for the copy of a folder, if there is one and we did not yet. */
static bool put_folder(FILE *to, char **before, const char *folder)
{
	size_t length = strlen(folder);

	for (int i = 0; i < file_count; i++) {
		const struct source *file = &files[i];
		char *word;

		if (length && (strncmp(file->path, folder, length) ||
			       file->path[length] != '/'))
			continue;
		/* The copy of a folder has a name of the same length. */
		word = text_of(" -I$(src)/src/%.*s ", (int)length, file->copy);
		if (!strstr(*before, word)) {
			fprintf(to, "%.*s", (int)strlen(word) - 1, word);
			*before = check(realloc(*before, strlen(*before) +
						strlen(word) + 1));
			strcat(*before, word);
		}
		free(word);
		return true;
	}
	return false;
}

/* Write those words of flags that are harmless, and note the others. */
static void put_flags(FILE *to, char **folders, const struct source *from,
		      struct makefile *makefile, const char *variable)
{
	char *value = value_of(makefile, variable), *rest, *word;
	char unused[256] = "", joined[512];

	for (word = strtok_r(value, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		bool good = false;

		if (!strcmp(word, "-I")) {
			word = strtok_r(NULL, " \t", &rest);
			snprintf(joined, sizeof(joined), "-I%s", word ?: "");
			word = joined;
		}
		if (!strncmp(word, "-D", 2) && is_definition(word + 2)) {
			fprintf(to, " %s", word);
			good = true;
		} else if (!strncmp(word, "-I", 2) && word[2]) {
			char *path = path_from(from, word + 2);

			good = path && put_folder(to, folders, path);
			free(path);
		}
		if (!good && strlen(unused) + strlen(word) + 2 < sizeof(unused)) {
			strcat(unused, " ");
			strcat(unused, word);
		}
	}
	for (char *c = unused; (c = strchr(c, UNKNOWN));)
		*c = '?';
	if (*unused)
		note("Of %s in %s this is not used:%s", variable, shown(from->path),
		     shown(unused));
	free(value);
}

/* The Makefile that names the driver, or that beside it, or NULL. */
static const struct source *makefile_for(const struct source *driver)
{
	if (driver->module)
		return driver->module->makefile;
	for (int i = 0; i < file_count; i++)
		if (is_read(&files[i]) && same_folder(&files[i], driver))
			return &files[i];
	return NULL;
}

/* The flags of all that is built, then those of each file. */
static void put_all_flags(FILE *to, const struct source *driver)
{
	static const char *const variables[] = {
		"ccflags-y", "EXTRA_CFLAGS", "subdir-ccflags-y",
	};
	const struct source *from = makefile_for(driver);
	struct makefile *makefile = from ? makefile_of(from->data, from->length) : NULL;
	char *folders = check(strdup("")), *folder;
	size_t length;
	bool theirs;

	fprintf(to, "ccflags-y +=");
	for (size_t i = 0; makefile && i < ARRAY_SIZE(variables); i++)
		put_flags(to, &folders, from, makefile, variables[i]);
	theirs = *folders;
	for (int i = -1; i < file_count; i++) {
		const struct source *file = i < 0 ? driver : &files[i];

		if (i >= 0 && (theirs || file->kind != HEADER))
			continue;
		length = folder_length(file->path);
		folder = text_of("%.*s", (int)(length ? length - 1 : 0), file->path);
		put_folder(to, &folders, folder);
		free(folder);
	}
	putc('\n', to);
	for (int i = 0; makefile && i < file_count; i++) {
		size_t skip = folder_length(from->path);
		char *name;

		if (!files[i].built || strncmp(files[i].path, from->path, skip))
			continue;
		name = text_of("CFLAGS_%.*s.o", (int)(end_of(files[i].path) - files[i].path - skip),
			       files[i].path + skip);
		fprintf(to, "CFLAGS_src/%.*so +=", (int)strlen(files[i].copy) - 1,
			files[i].copy);
		put_flags(to, &folders, from, makefile, name);
		putc('\n', to);
		free(name);
	}
	free(folders);
	if (makefile)
		free_makefile(makefile);
}

static char *plan_for(const struct source *driver)
{
	char *plan = NULL;
	size_t size;
	FILE *to = check(open_memstream(&plan, &size));

	fprintf(to, "shmcount-y :=");
	for (int i = 0; i < file_count; i++)
		if (files[i].built)
			fprintf(to, " src/%.*so", (int)strlen(files[i].copy) - 1,
				files[i].copy);
	putc('\n', to);
	put_all_flags(to, driver);
	fclose(to);
	return check(plan);
}

char *plan_module(void)
{
	const struct source *driver = find_driver();
	char *plan = NULL;

	if (driver) {
		choose(driver);
		plan = plan_for(driver);
	}
	while (module_count) {
		module_count--;
		free(modules[module_count].name);
		free(modules[module_count].missing);
	}
	return plan;
}
