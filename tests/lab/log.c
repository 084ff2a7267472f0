// SPDX-License-Identifier: GPL-2.0
/* Reads in the kernel's log what the module said; see log.h. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "check/report.h"
#include "log.h"
#include "module.h"
#include "util.h"

enum { MAX_TOLD = 4 };

static bool is_of_module(const char *text, const char *name)
{
	size_t length = strlen(name);

	if (strstr(text, " suspiciously returned ") || strstr(text, "VM_FAULT_OOM leaked out"))
		return true;
	/* Each module that Debian did not build gets the lines about taint. */
	return !strncmp(text, name, length) && !strncmp(text + length, ": ", 2) &&
	       !strstr(text, " taints kernel") && !strstr(text, "tainting kernel");
}

char *told_by_log(const char *log, const char *test, const char *module)
{
	char line[1024], name[64], begun[128], *told = "";
	FILE *file = fopen(log, "re");
	bool of_test = false;
	int count = 0;

	module_name_in_log(module, name, sizeof(name));
	for (int number = 1; file && fgets(line, sizeof(line), file);
	     number += !!strchr(line, '\n')) {
		char *stamp = *line == '[' ? strstr(line, "] ") : NULL;
		char *text = stamp ? stamp + 2 : line;

		if (sscanf(text, "test: %127s", begun) == 1) {
			of_test = !strcmp(begun, test);
			if (of_test)
				told = "";
			count = 0;
		} else if (of_test && count < MAX_TOLD && is_of_module(text, name)) {
			text = text_of(": %s\n", cleaned(text, strcspn(text, "\n")));
			if (strstr(told, text))
				continue;
			told = text_of("%s%s:%d%s", told, basename(log), number, text);
			count++;
		}
	}
	if (file)
		fclose(file);
	return told;
}
