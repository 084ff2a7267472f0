// SPDX-License-Identifier: GPL-2.0
/* What is in a C file; see code.h. Nothing is preprocessed. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "check/report.h"
#include "code.h"

char *code_of(const char *data, size_t length)
{
	char *code = check(malloc(length + 1)), in = '\0';
	bool first = true, directive = false;

	for (size_t i = 0; i < length; i++) {
		char c = data[i], next = i + 1 < length ? data[i + 1] : '\0';
		size_t at = i;

		code[i] = in || !c ? ' ' : c;
		if (c == '\n') {
			code[i] = c;
			in = in == '*' ? in : '\0';
			directive = false;
		} else if (in == '*' && c == '*' && next == '/') {
			in = '\0';
			i++;
		} else if (in == '"' || in == '\'') {
			if (c == '\\' && next && next != '\n')
				i++;
			else if (c == in)
				in = '\0';
		} else if (!in && c == '/' && (next == '*' || next == '/')) {
			in = next;
			code[i++] = ' ';
		} else if (!in && c == '#' && first) {
			directive = true;
		} else if (!in && !directive && (c == '"' || c == '\'')) {
			in = c;
		}
		if (i > at)
			code[i] = ' ';
		first = c == '\n' || (first && isspace((unsigned char)code[at]));
	}
	code[length] = '\0';
	return code;
}

bool has_call(const char *code, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = code; (at = strstr(at, name)); at += length) {
		const char *end = at + length;

		if (at > code && (isalnum((unsigned char)at[-1]) || at[-1] == '_'))
			continue;
		if (end[strspn(end, " \t\n")] == '(')
			return true;
	}
	return false;
}

const char *next_include(const char *code, char name[128])
{
	for (; code; code = strchr(code, '\n')) {
		const char *at = code + strspn(code, " \t\r\n");
		size_t length;

		code = at;
		if (*at != '#')
			continue;
		at += 1 + strspn(at + 1, " \t");
		if (strncmp(at, "include", 7))
			continue;
		at += 7 + strspn(at + 7, " \t");
		length = strcspn(at, *at == '<' ? ">\n" : "\n");
		if (*at == '"')
			length = 1 + strcspn(at + 1, "\"\n");
		if (*at && strchr("<\"", *at) && length < 128) {
			snprintf(name, 128, "%.*s", (int)length, at);
			return at;
		}
	}
	return NULL;
}

bool is_of_libc(const char *header)
{
	static const char *const headers[] = {
		"assert.h", "ctype.h", "err.h", "errno.h", "fcntl.h", "getopt.h",
		"inttypes.h", "limits.h", "math.h", "poll.h", "pthread.h", "sched.h",
		"semaphore.h", "signal.h", "stdint.h", "stdio.h", "stdlib.h",
		"string.h", "strings.h", "time.h", "unistd.h",
	};

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
		if (!strcmp(header, headers[i]))
			return true;
	return !strncmp(header, "sys/", 4);
}
