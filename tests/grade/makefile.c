// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a submission's Makefile or Kbuild as text: it is never run. Of its language we
 * know assignments and variables; conditionals are not evaluated, so both branches
 * count. What it includes is not read, but the variable "include" has the names. What we
 * cannot know, such as the output of a command, becomes UNKNOWN, and the words with it
 * are not used.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "check/report.h"
#include "makefile.h"

enum { MAX_VARIABLES = 128, MAX_NESTING = 8, MAX_VALUE = 8192, MAX_EXPANSIONS = 20000 };

struct makefile {
	struct variable {
		char *name, *value;
	} variables[MAX_VARIABLES];
	int count, expansions;
};

/* All of these are the directory of the Makefile, or the one in which make runs. */
static const char *const here[] = {
	"src", "obj", "PWD", "CURDIR", "M", "KBUILD_EXTMOD", "shell pwd",
};

static struct variable *find(struct makefile *makefile, const char *name)
{
	for (int i = 0; i < makefile->count; i++)
		if (!strcmp(makefile->variables[i].name, name))
			return &makefile->variables[i];
	return NULL;
}

static void expand(struct makefile *makefile, const char *text, FILE *to,
		   int nesting);

/* Write the value of what stands in $(...). */
static void put_variable(struct makefile *makefile, const char *name,
			 FILE *to, int nesting)
{
	const struct variable *variable = find(makefile, name);

	for (size_t i = 0; i < ARRAY_SIZE(here); i++)
		if (!strcmp(name, here[i])) {
			putc('.', to);
			return;
		}
	if (variable)
		expand(makefile, variable->value, to, nesting + 1);
	else if (!strncmp(name, "CONFIG_", 7))
		putc('m', to);
	else if (strpbrk(name, " :$"))
		putc(UNKNOWN, to);
}

static void expand(struct makefile *makefile, const char *text, FILE *to,
		   int nesting)
{
	while (*text && ftell(to) < MAX_VALUE) {
		char name[128];
		size_t length;

		if (*text != '$') {
			putc(*text++, to);
			continue;
		}
		if (text[1] != '(' && text[1] != '{') {
			putc(UNKNOWN, to);
			text += text[1] ? 2 : 1;
			continue;
		}
		length = strcspn(text + 2, text[1] == '(' ? ")" : "}");
		snprintf(name, sizeof(name), "%.*s", (int)length, text + 2);
		text += 2 + length + !!text[2 + length];
		if (length >= sizeof(name) || nesting == MAX_NESTING ||
		    makefile->expansions++ > MAX_EXPANSIONS)
			putc(UNKNOWN, to);
		else
			put_variable(makefile, name, to, nesting);
	}
}

static char *expanded(struct makefile *makefile, const char *text)
{
	char *value = NULL;
	size_t size;
	FILE *stream = check(open_memstream(&value, &size));

	expand(makefile, text, stream, 0);
	fclose(stream);
	return check(value);
}

static void assign(struct makefile *makefile, const char *name, char kind,
		   const char *value)
{
	struct variable *variable = find(makefile, name);
	char *before = variable ? variable->value : NULL;

	if (kind == '?' && variable)
		return;
	if (!variable) {
		if (makefile->count == MAX_VARIABLES)
			return;
		variable = &makefile->variables[makefile->count++];
		variable->name = check(strdup(name));
	}
	if (kind == '+' && before)
		variable->value = text_of("%s %.*s", before, MAX_VALUE, value);
	else if (kind == ':')
		variable->value = expanded(makefile, value);
	else
		variable->value = text_of("%.*s", MAX_VALUE, value);
	free(before);
}

/* The names behind include, -include or sinclude; NULL if that is not it. */
static const char *included(const char *line)
{
	static const char *const words[] = { "include", "-include", "sinclude" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t length = strlen(words[i]);

		if (!strncmp(line, words[i], length) && line[length] &&
		    strchr(" \t", line[length]) &&
		    !strchr(":+?=", line[length + strspn(line + length, " \t")]))
			return line + length;
	}
	return NULL;
}

/* Read a line if it is an assignment, or includes a file. */
static void read_line(struct makefile *makefile, char *line)
{
	char *name = line + strspn(line, " \t"), *operator = name, *value, kind;
	int depth = 0;

	line[strcspn(line, "#")] = '\0';
	if (included(name)) {
		assign(makefile, "include", '+', included(name));
		return;
	}
	if (!strncmp(name, "export ", 7))
		operator = name += 7;
	for (; *operator && (depth || !strchr(" \t=:+?", *operator)); operator++)
		depth += strchr("({", *operator) ? 1 : strchr(")}", *operator) ? -1 : 0;
	value = operator + strspn(operator, " \t");
	kind = *value;
	if (kind && strchr(":+?", kind))
		value++;
	if (*value != '=')
		return;
	*operator = '\0';
	value++;
	name = expanded(makefile, name);
	if (*name)
		assign(makefile, name, kind, value + strspn(value, " \t"));
	free(name);
}

struct makefile *makefile_of(const char *data, size_t length)
{
	struct makefile *makefile = check(calloc(1, sizeof(*makefile)));
	char *text = check(malloc(length + 1)), *line, *rest;

	for (size_t i = 0; i < length; i++)
		text[i] = data[i] && data[i] != '\r' ? data[i] : ' ';
	text[length] = '\0';
	/* A backslash joins a line with the next. */
	for (line = text; (line = strchr(line, '\\')); line++) {
		size_t spaces = strspn(line + 1, " ");

		if (line[1 + spaces] == '\n')
			memset(line, ' ', spaces + 2);
	}
	for (line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		read_line(makefile, line);
	free(text);
	return makefile;
}

char *value_of(struct makefile *makefile, const char *name)
{
	const struct variable *variable = find(makefile, name);

	return expanded(makefile, variable ? variable->value : "");
}

void free_makefile(struct makefile *makefile)
{
	for (int i = 0; i < makefile->count; i++) {
		free(makefile->variables[i].name);
		free(makefile->variables[i].value);
	}
	free(makefile);
}
