// SPDX-License-Identifier: GPL-2.0
/* Unpacks an archive in the jail: unpack.pl makes one file of all that is in it. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "taken.h"

/* Is it a path within a folder, without a name that we would not search there? */
static bool is_path(const char *path, int depth)
{
	if (!*path || *path == '/' || *path == '.' || strstr(path, "/.") ||
	    strstr(path, "//"))
		return false;
	for (; *path; path++)
		depth += *path == '/';
	return depth <= MAX_DEPTH + 1;
}

/* Hand on each file: a path, a NUL, a size, a NUL and the data. */
static void read_files(const struct source *archive, taker *take, char *data, size_t length)
{
	char *path = data, *end = data + length, *number, *from;
	size_t size;

	while ((number = memchr(path, '\0', end - path)) &&
	       (from = memchr(number + 1, '\0', end - number - 1))) {
		size = strtoul(number + 1, NULL, 10);
		if (size > (size_t)(end - from - 1))
			return;
		if (is_path(path, archive->depth))
			take(archive, path, from + 1, size);
		else
			note("%s in %s is not used: it is too deep, or not within the archive",
			     shown(path), shown(archive->path));
		path = from + 1 + size;
	}
}

bool unpack(const struct source *archive, char *nested, taker *take)
{
	char *command[] = { "perl", "unpack.pl", "archive", nested, NULL };
	char line[256] = "it is damaged", *data;
	char *folder = text_of("%s", report_path("unpack"));
	char *log = text_of("%s.log", folder), *result = text_of("%s/files", folder);
	size_t length;
	FILE *file;
	int status;
	bool good;

	make_folder("../unpack");
	write_copy("../unpack/archive", archive->data, archive->length);
	copy_ours(UNPACKER, "../unpack/unpack.pl");
	status = run_in_jail(folder, "files", command, log);
	if (status == STATUS_INFRASTRUCTURE)
		die(status, "cannot unpack: see %s", log);
	data = status ? NULL : read_plain(AT_FDCWD, result, "files", 16 << 20, &length);
	good = data;
	if (good) {
		data[length] = '\0';
		read_files(archive, take, data, length);
		free(data);
	} else {
		file = fopen(log, "re");
		if (status == STATUS_HANG)
			strcpy(line, "it takes too long");
		else if (file && fgets(line, sizeof(line), file))
			line[strcspn(line, "\n")] = '\0';
		if (file)
			fclose(file);
		note("%s cannot be unpacked: %s", shown(archive->path), shown(line));
	}
	unlink(result);
	unlink(report_path("unpack/archive"));
	unlink(report_path("unpack/unpack.pl"));
	rmdir(folder);
	free(folder);
	free(log);
	free(result);
	return good;
}
