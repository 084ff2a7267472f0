/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A writer of JSON, which keeps the commas, the line breaks and the quoting: the
 * members of the outermost object, and the elements of each array, are on lines of
 * their own. The name of a member comes first; that of an element is NULL.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stdio.h>

struct json {
	FILE *file;
	int depth;		/* objects and arrays that are open */
	bool filled;		/* the innermost of them has a member */
};

/* The bracket is '{' or '[', and '}' or ']' closes it. */
void json_open(struct json *json, const char *name, char bracket);
void json_close(struct json *json, char bracket);

/* The text is UTF-8, with no control characters but tabs and newlines. */
void json_string(struct json *json, const char *name, const char *text);
void json_number(struct json *json, const char *name, int decimals, double value);
void json_bool(struct json *json, const char *name, bool value);

#endif
