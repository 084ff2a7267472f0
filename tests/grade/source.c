// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a module of a submission: a directory of C files, one C file, or a module
 * that is built already. Any of them may be hostile.
 *
 * We copy only plain files from the directory itself, with names that have no
 * special character for make or a shell, and follow no link. Our Kbuild builds the
 * copies in a jail (jail.c).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grade.h"
#include "module.h"
#include "child.h"

enum {
	MAX_FILES = 64,
	MAX_FILE_SIZE = 1 << 20,
	MAX_TOTAL_SIZE = 16 << 20,	/* fits into the jail with its objects */
	MAX_MODULE_SIZE = 16 << 20,
	MAX_COMPLAINTS = 30,		/* lines of the compiler in a report */
};

/* We add these files of our own to a submission. */
static const char *const build_files[] = {
	"tests/grade/Kbuild", "kmod/compat.mk", "kmod/compat.h",
};

/* This file of ours includes a shmcount.c that is one of several C files. */
#define WRAPPER "with_shmcount.c"

static const char *end_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

/* A *.mod.c is left by kbuild where somebody built in the directory. */
static bool is_source(const char *name)
{
	size_t length = strlen(name);

	if (name[0] == '.' ||
	    (length >= 6 && !strcmp(name + length - 6, ".mod.c")))
		return false;
	return !strcmp(end_of(name), ".c") || !strcmp(end_of(name), ".h");
}

static bool is_plain(const char *name)
{
	if (!isalpha((unsigned char)*name) && *name != '_')
		return false;
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_-.", *c))
			return false;
	return strlen(name) < 64 && strcmp(name, WRAPPER);
}

#define refuse(...) reject(NO_SOURCES, __VA_ARGS__)

/* A name that is safe to print. The few copies are never freed. */
static const char *shown(const char *name)
{
	return cleaned(name, strlen(name));
}

/* Open a plain file and get its size; refuse anything else and return -1. */
static int open_plain(int dir, const char *name, off_t max, off_t *size)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 && errno == ELOOP)
		refuse("%s is a link, and links are not followed", shown(name));
	else if (fd < 0)
		refuse("%s cannot be read: %s", shown(name), strerror(errno));
	else if (fstat(fd, &stat) || !S_ISREG(stat.st_mode))
		refuse("%s is not a plain file", shown(name));
	else if (stat.st_nlink > 1)
		refuse("%s is a hard link, and links are not followed",
		       shown(name));
	else if (stat.st_size > max)
		refuse("%s is longer than %ld bytes", shown(name), (long)max);
	else {
		*size = stat.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* FNV-1a: this recognises a submission, it does not protect it. */
static void add_to_fingerprint(const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		submission.fingerprint = (submission.fingerprint ^ bytes[i]) *
				   0x100000001b3;
}

static void write_copy(const char *path, const char *data, size_t length)
{
	FILE *file = fopen(path, "wxe");

	if (!file || fwrite(data, 1, length, file) != length || fclose(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %s", path,
		    strerror(errno));
}

/* Copy a plain file of the submission; returns its length, or -1. */
static ssize_t take(int dir, const char *name, off_t max, const char *to)
{
	off_t size = 0;
	int fd = open_plain(dir, name, max, &size);
	const char *base;
	ssize_t length;
	char *data;

	if (fd < 0)
		return -1;
	data = check(malloc(size + 1));
	length = read(fd, data, size);
	close(fd);
	if (length < 0) {
		refuse("%s cannot be read: %s", shown(name), strerror(errno));
		return -1;
	}
	base = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	add_to_fingerprint(base, strlen(base) + 1);
	add_to_fingerprint(data, length);
	if (to)
		write_copy(to, data, length);
	free(data);
	return length;
}

static const char *source_path(const char *name)
{
	char inside[300];

	snprintf(inside, sizeof(inside), "build/%s", name);
	return report_path(inside);
}

static void ignore(const char *name)
{
	char *list = submission.ignored;
	size_t length = strlen(list), size = sizeof(submission.ignored);

	if (length + strlen(name) + 8 < size)
		snprintf(list + length, size - length, "%s%s",
			 length ? ", " : "", shown(name));
	else if (!strstr(list, ", ..."))
		strncat(list, ", ...", size - length - 1);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Read the names of the C files of a directory, sorted; note the other names. */
static int read_names(int dir, char *names[MAX_FILES])
{
	DIR *stream = fdopendir(dup(dir));
	struct dirent *entry;
	int count = 0;

	while (stream && (entry = readdir(stream))) {
		if (!is_source(entry->d_name)) {
			if (entry->d_name[0] != '.')
				ignore(entry->d_name);
			continue;
		}
		if (count == MAX_FILES) {
			refuse("there are more than %d C files in it",
			       MAX_FILES);
			count = 0;
			break;
		}
		names[count++] = check(strdup(entry->d_name));
	}
	if (stream)
		closedir(stream);
	qsort(names, count, sizeof(names[0]), by_name);
	return count;
}

/* Add the files to the fingerprint, and copy them if asked to. */
static bool take_names(int dir, char *names[], int count, bool copy)
{
	ssize_t all = 0;

	for (int i = 0; i < count; i++) {
		ssize_t length;

		if (!is_plain(names[i]))
			return refuse("%s is not a name for a C file here: a letter or '_' first, then letters, digits, '_', '-' and '.', fewer than 64 in all, and not " WRAPPER,
				      shown(names[i]));
		length = take(dir, names[i], MAX_FILE_SIZE,
			      copy ? source_path(names[i]) : NULL);
		if (length < 0)
			return false;
		all += length;
		if (all > MAX_TOTAL_SIZE)
			return refuse("its C files are longer than %d MB in all",
				      MAX_TOTAL_SIZE >> 20);
	}
	return true;
}

static bool take_directory(const char *path, bool copy, char *objects, size_t size)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *names[MAX_FILES];
	int count, parts = 0;
	size_t length = 0;
	bool taken;

	if (dir < 0)
		return refuse("%s cannot be opened: %s", shown(path),
			      strerror(errno));
	count = read_names(dir, names);
	taken = take_names(dir, names, count, copy);
	close(dir);
	if (!taken)
		return false;
	for (int i = 0; i < count; i++)
		parts += !strcmp(end_of(names[i]), ".c");
	if (!parts)
		return submission.why[0] ? false :
		       refuse("there is no C file in it (subdirectories are not searched)");
	for (int i = 0; i < count; i++) {
		bool ours = !strcmp(names[i], "shmcount.c");

		if (!strcmp(end_of(names[i]), ".c") && !(ours && parts == 1))
			length += snprintf(objects + length, size - length,
					   "%.*so ", (int)strlen(names[i]) - 1 +
					   (ours ? (int)strlen("with_") : 0),
					   ours ? WRAPPER : names[i]);
	}
	if (copy && strstr(objects, "with_shmcount.o "))
		write_copy(source_path(WRAPPER), "#include \"shmcount.c\"\n", 22);
	return true;
}

static void copy_ours(const char *from, const char *to)
{
	FILE *file = fopen(from, "re");
	char data[16384];
	size_t length;

	if (!file)
		die(STATUS_INFRASTRUCTURE, "cannot read %s: %s", from,
		    strerror(errno));
	length = fread(data, 1, sizeof(data), file);
	fclose(file);
	write_copy(to, data, length);
}

/* Is the line a complaint of kbuild, the compiler or the jail? */
static bool is_complaint(const char *line)
{
	return strstr(line, "error: ") || strstr(line, "ERROR: ") ||
	       strstr(line, "warning: ") || strstr(line, "undefined reference") ||
	       strstr(line, "jail: ");
}

/* The lines of the build log for the report, without the paths of the jail. */
static char *complaints(bool errors_only)
{
	FILE *log = fopen(report_path("build.log"), "re");
	char line[512], *text, *said = NULL;
	size_t size;
	FILE *stream = open_memstream(&said, &size);
	int lines = 0;

	while (log && fgets(line, sizeof(line), log) && lines < MAX_COMPLAINTS) {
		size_t length;

		if (errors_only && (!is_complaint(line) ||
				    strstr(line, "warning: ")))
			continue;
		length = strcspn(line, "\n");
		text = strstr(line, "/home/");
		if (text && text - line < 32) {
			memmove(text, text + 6, strlen(text + 6) + 1);
			length -= 6;
		}
		text = cleaned(line, length);
		fprintf(stream, "%s\n", text);
		free(text);
		lines++;
	}
	if (log)
		fclose(log);
	fclose(stream);
	return check(said);
}

/* The release of the kernel that tests the submissions. */
static const char *release(void)
{
	static char text[128];
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "build/kernel/%s/release", options.kernel);
	file = fopen(path, "re");
	if (!file || fscanf(file, "%127s", text) != 1)
		die(STATUS_INFRASTRUCTURE, "there is no %s: make grade makes it",
		    path);
	fclose(file);
	return text;
}

#define JAIL "build/tests/jail"

static bool build(const char *objects)
{
	char tree[PATH_SIZE], directory[PATH_SIZE], headers[300];
	char list[MAX_FILES * 70 + 16], log[PATH_SIZE];
	char *args[] = {
		JAIL, tree, directory, "shmcount.ko", "make", "-s",
		"--no-print-directory", "-C", headers, "M=/home",
		"CONFIG_DEBUG_INFO_BTF_MODULES=", list, "modules", NULL
	};
	int status;

	snprintf(tree, sizeof(tree), "build/kernel/%s/tree", options.kernel);
	snprintf(headers, sizeof(headers), "/usr/src/linux-headers-%s", release());
	snprintf(directory, sizeof(directory), "%s", report_path("build"));
	snprintf(list, sizeof(list), "OBJECTS=%s", objects);
	snprintf(log, sizeof(log), "%s", report_path("build.log"));
	status = run_child(args, log);
	if (status == STATUS_INFRASTRUCTURE)
		die(STATUS_INFRASTRUCTURE, "cannot build: %s", complaints(false));
	if (status || access(source_path("shmcount.ko"), R_OK)) {
		submission.said = complaints(true);
		if (!*submission.said)
			submission.said = complaints(false);
		return reject(DOES_NOT_BUILD, "%s",
			      status == STATUS_HANG ? "the compiler takes too long" :
			      status == STATUS_NO_FILE ? "the module is larger than 16 MB" :
			      "the compiler rejects it");
	}
	submission.said = complaints(false);	/* warnings */
	if (rename(source_path("shmcount.ko"), report_path("shmcount.ko")))
		die(STATUS_INFRASTRUCTURE, "cannot move %s: %s",
		    source_path("shmcount.ko"), strerror(errno));
	return true;
}

/* Is the file a module, and built for this kernel? */
static bool is_for_our_kernel(void)
{
	char magic[256] = "";

	if (!module_info_of(report_path("shmcount.ko"), "vermagic", magic,
			    sizeof(magic)))
		return refuse("it is not a module");
	magic[strcspn(magic, " ")] = '\0';
	if (!strcmp(magic, release()))
		return true;
	return reject(WRONG_KERNEL, "it is built for kernel %s, but the tests run on %s",
		      shown(magic), release());
}

static bool is_directory(const char *path)
{
	struct stat stat_buf;

	return !stat(path, &stat_buf) && S_ISDIR(stat_buf.st_mode);
}

bool make_module(void)
{
	char objects[MAX_FILES * 70] = "";
	const char *from = submission.path;

	submission.said = "";
	if (!strcmp(end_of(from), ".ko") && !is_directory(from))
		return take(AT_FDCWD, from, MAX_MODULE_SIZE,
			    report_path("shmcount.ko")) >= 0 &&
		       is_for_our_kernel();
	if (is_directory(from) ? !take_directory(from, true, objects, sizeof(objects)) :
	    take(AT_FDCWD, from, MAX_FILE_SIZE, source_path("shmcount.c")) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(build_files); i++) {
		const char *copy = source_path(strrchr(build_files[i], '/') + 1);

		/* A student who worked in kmod/lab may have a compat.h. */
		if (strcmp(build_files[i], "kmod/compat.h") || access(copy, F_OK))
			copy_ours(build_files[i], copy);
	}
	return build(objects);
}

static void add_file_to_fingerprint(const char *path)
{
	FILE *file = fopen(path, "re");
	char data[65536];
	size_t length;

	while (file && (length = fread(data, 1, sizeof(data), file)))
		add_to_fingerprint(data, length);
	if (file)
		fclose(file);
}

/* What all submissions share: the tests and the grader itself. */
static uint64_t fingerprint_of_all(void)
{
	submission.fingerprint = 0xcbf29ce484222325;
	add_to_fingerprint(release(), strlen(release()));
	add_file_to_fingerprint(options.graded);
	add_file_to_fingerprint(options.points);
	add_to_fingerprint(options.tests, strlen(options.tests));
	for (size_t i = 0; i < ARRAY_SIZE(build_files); i++)
		add_file_to_fingerprint(build_files[i]);
	add_file_to_fingerprint("build/guest/init");
	add_file_to_fingerprint("/proc/self/exe");
	add_file_to_fingerprint(JAIL);
	add_file_to_fingerprint(RUNNER);
	return submission.fingerprint;
}

uint64_t fingerprint_of(const char *path)
{
	struct submission kept = submission;
	char objects[MAX_FILES * 70];
	static uint64_t of_all;
	uint64_t fingerprint;

	if (!of_all)
		of_all = fingerprint_of_all();
	submission.fingerprint = of_all;
	if (is_directory(path))
		take_directory(path, false, objects, sizeof(objects));
	else
		take(AT_FDCWD, path, MAX_MODULE_SIZE, NULL);
	/* The same submission is refused for the same reason. */
	add_to_fingerprint(submission.why, strlen(submission.why));
	fingerprint = submission.fingerprint;
	submission = kept;
	return fingerprint;
}
