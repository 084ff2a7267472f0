// SPDX-License-Identifier: GPL-2.0
/*
 * Unpacks an archive in the jail: unpack.pl makes one file of all that is in it. It is a
 * student's, or has all submissions, as a learning platform gives them.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "taken.h"

enum {
	MAX_CLASS_SIZE = 40 << 20,	/* has room in the jail beside what comes out */
	MAX_PATH_LENGTH = 1000,
};

/* Is it a path within a folder, without a name that we would not search there? */
static bool is_path(const char *path, int depth)
{
	size_t length;

	if (!*path || *path == '/' || *path == '.' || strstr(path, "/.") ||
	    strstr(path, "//") || strlen(path) > MAX_PATH_LENGTH)
		return false;
	for (; *path; path += length + !!path[length]) {
		length = strcspn(path, "/");
		if (length > NAME_MAX)
			return false;
		depth += path[length] == '/';
	}
	return depth <= MAX_DEPTH + 1;
}

typedef void take_file(const void *of, const char *path, const char *data, size_t length);

/* Call take() for each file: a path, a NUL, a size, a NUL and the data. */
static void read_files(char *data, size_t length, take_file *take, const void *of)
{
	char *path = data, *end = data + length, *number, *from;
	size_t size;

	while ((number = memchr(path, '\0', end - path)) &&
	       (from = memchr(number + 1, '\0', end - number - 1))) {
		size = strtoul(number + 1, NULL, 10);
		if (size > (size_t)(end - from - 1))
			return;
		take(of, path, from + 1, size);
		path = from + 1 + size;
	}
}

/*
 * Run the unpacker. Returns what it made, for free(), or NULL, and says why. how is
 * "deep", or "flat": then archives in the archive are files.
 */
static char *unpacked(const char *archive, size_t archive_length, const char *how,
		      size_t *length, char why[256])
{
	char *command[] = { "perl", "unpack.pl", "archive", (char *)how, NULL };
	char *folder = text_of("%s", report_path("unpack")), *data = NULL;
	char *log = text_of("%s.log", folder), *result = text_of("%s/files", folder);
	FILE *file;
	int status;

	make_folder("../unpack");
	write_copy("../unpack/archive", archive, archive_length);
	copy_ours(UNPACKER, "../unpack/unpack.pl");
	status = run_in_jail(folder, "files", command, log);
	if (status == STATUS_INFRASTRUCTURE)
		die(status, "cannot unpack: see %s", log);
	strcpy(why, "it is damaged");
	if (status == STATUS_HANG) {
		strcpy(why, "it takes too long");
	} else if (status) {
		file = fopen(log, "re");
		if (file && fgets(why, 256, file))
			why[strcspn(why, "\n")] = '\0';
		if (file)
			fclose(file);
	} else {
		data = read_plain(AT_FDCWD, result, "files", 16 << 20, length);
	}
	if (data)
		data[*length] = '\0';
	unlink(result);
	unlink(report_path("unpack/archive"));
	unlink(report_path("unpack/unpack.pl"));
	rmdir(folder);
	free(folder);
	free(log);
	free(result);
	return data;
}

static void take_students(const void *of, const char *path, const char *data, size_t length)
{
	const struct source *archive = of;

	if (is_path(path, archive->depth))
		take_unpacked(archive, path, data, length);
	else
		note("%s in %s is not used: it is too deep or too long, or not within the archive",
		     shown(path), shown(archive->path));
}

void unpack(const struct source *archive)
{
	char why[256];
	size_t length;
	char *data = unpacked(archive->data, archive->length, "deep", &length, why);

	if (data)
		read_files(data, length, take_students, archive);
	else
		note("%s cannot be unpacked: %s", shown(archive->path), shown(why));
	free(data);
}

/* Write a file of a platform's archive; a student's folder is one more to go down. */
static void write_file(const void *of, const char *path, const char *data, size_t length)
{
	char *moved = path_of_moodle(path);
	const char *place = moved ?: path;
	char *full = text_of("%s/%s", (const char *)of, place);
	FILE *file = NULL;

	if (is_path(place, -1)) {
		for (char *slash = full + strlen(of); (slash = strchr(slash + 1, '/'));) {
			*slash = '\0';
			mkdir(full, 0755);
			*slash = '/';
		}
		file = fopen(full, "wxe");
	}
	if (!file || fwrite(data, 1, length, file) != length || fclose(file))
		fprintf(stderr, "grade: %s in it cannot be unpacked\n", shown(path));
	free(full);
	free(moved);
}

char *unpack_all_submissions(const char *path)
{
	char why[256], name[NAME_SIZE], *data, *to;
	size_t length;

	name_of(name, path);
	snprintf(submission.directory, sizeof(submission.directory), "%s/.unpacked",
		 options.grades);
	to = text_of("%s/%s", submission.directory, name);
	remove_directory(to);
	if ((mkdir(submission.directory, 0755) && errno != EEXIST) || mkdir(to, 0755))
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", to, strerror(errno));
	if (mkdir(report_path("build"), 0755) && errno != EEXIST)
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", report_path("build"),
		    strerror(errno));
	data = read_plain(AT_FDCWD, path, path, MAX_CLASS_SIZE, &length);
	if (!data)
		die(STATUS_USAGE, "%s", submission.why);
	data = unpacked(data, length, "flat", &length, why);
	if (!data)
		die(STATUS_USAGE, "%s cannot be unpacked: %s", shown(path), shown(why));
	read_files(data, length, write_file, to);
	free(data);
	printf("%s is unpacked in %s\n", shown(path), to);
	return to;
}
