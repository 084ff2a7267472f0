// SPDX-License-Identifier: GPL-2.0
/* A writer of JSON; see json.h. */
#include "json.h"

static void put_string(FILE *file, const char *text)
{
	putc('"', file);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\' || *text == '\n' || *text == '\t')
			putc('\\', file);
		putc(*text == '\n' ? 'n' : *text == '\t' ? 't' : *text, file);
	}
	putc('"', file);
}

/* All that comes before a value. */
static void begin(struct json *json, const char *name)
{
	if (json->filled)
		putc(',', json->file);
	if (json->depth == 1 || (json->depth && !name))
		putc('\n', json->file);
	else if (json->filled)
		putc(' ', json->file);
	json->filled = true;
	if (!name)
		return;
	put_string(json->file, name);
	fputs(": ", json->file);
}

void json_open(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	putc(bracket, json->file);
	json->depth++;
	json->filled = false;
}

void json_close(struct json *json, char bracket)
{
	json->depth--;
	json->filled = true;
	if (bracket == ']' || !json->depth)
		putc('\n', json->file);
	putc(bracket, json->file);
	if (!json->depth)
		putc('\n', json->file);
}

void json_string(struct json *json, const char *name, const char *text)
{
	begin(json, name);
	put_string(json->file, text);
}

void json_number(struct json *json, const char *name, int decimals, double value)
{
	begin(json, name);
	fprintf(json->file, "%.*f", decimals, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	fputs(value ? "true" : "false", json->file);
}
