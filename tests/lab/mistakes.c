// SPDX-License-Identifier: GPL-2.0
/* Looks a failed test up in the table of frequent mistakes; see mistakes.h. */
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "mistakes.h"
#include "util.h"

const char *question_about(const char *table, const char *test, const char *seen)
{
	static char question[256];
	char line[512], pattern[128], words[128];
	FILE *file = fopen(table, "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		if (line[0] == '#' ||
		    sscanf(line, " %127[^ |] | %127[^|]| %255[^\n]", pattern, words,
			   question) != 3)
			continue;
		while (*words && words[strlen(words) - 1] == ' ')
			words[strlen(words) - 1] = '\0';
		found = !fnmatch(pattern, test, 0) &&
			!fnmatch(text_of("*%s*", words), seen, 0);
	}
	if (file)
		fclose(file);
	return found ? question : NULL;
}
