// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a module of a submission: a directory of C files, one C file, or a module
 * that is built already. Any of them may be hostile. Our Kbuild builds copies of what
 * taken.c takes, in a jail (jail.c).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "taken.h"
#include "module.h"
#include "child.h"

enum {
	MAX_MODULE_SIZE = 16 << 20,
	MAX_COMPLAINTS = 30,		/* lines of the compiler in a report */
};

/* We add these files of our own to a submission. */
static const char *const build_files[] = {
	"tests/grade/Kbuild", "kmod/compat.mk", "kmod/compat.h",
};

static const char *source_path(const char *name)
{
	char *inside = text_of("build/%s", name);
	const char *path = report_path(inside);

	free(inside);
	return path;
}

void write_copy(const char *name, const char *data, size_t length)
{
	const char *path = source_path(name);
	FILE *file = fopen(path, "wxe");

	if (!file || fwrite(data, 1, length, file) != length || fclose(file))
		die(STATUS_INFRASTRUCTURE, "cannot write %s: %s", path,
		    strerror(errno));
}

void make_folder(const char *name)
{
	if (mkdir(source_path(name), 0755) && errno != EEXIST)
		die(STATUS_INFRASTRUCTURE, "cannot make %s: %s", source_path(name),
		    strerror(errno));
}

void copy_ours(const char *from, const char *name)
{
	FILE *file = fopen(from, "re");
	char data[16384];
	size_t length;

	if (!file)
		die(STATUS_INFRASTRUCTURE, "cannot read %s: %s", from,
		    strerror(errno));
	length = fread(data, 1, sizeof(data), file);
	fclose(file);
	write_copy(name, data, length);
}

/* Is the line a complaint of kbuild, the compiler or the jail? */
static bool is_complaint(const char *line)
{
	return strstr(line, "error: ") || strstr(line, "ERROR: ") ||
	       strstr(line, "warning: ") || strstr(line, "undefined reference") ||
	       strstr(line, "jail: ");
}

/*
 * A line of the log that a limit of the jail has caused, in words, or NULL. The compiler
 * calls it an internal error of its own.
 */
static const char *limit_in(const char *line)
{
	static const char *const limits[][2] = {
		{ "File size limit exceeded", "the compiler makes a file of more than 32 MB" },
		{ "CPU time limit exceeded",
		  "the compiler takes more than a minute of processor time" },
		{ "out of memory", "the compiler needs more than 1 GB of memory" },
		{ "memory exhausted", "the compiler needs more than 1 GB of memory" },
		{ "No space left on device", "its build needs more than 64 MB of files" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		if (strstr(line, limits[i][0]) && !strstr(line, "#error"))
			return limits[i][1];
	return NULL;
}

/*
 * The lines of the build log for the report, without the paths of the jail. *limit
 * becomes the first limit that the build met.
 */
static char *complaints(bool errors_only, const char **limit)
{
	FILE *log = fopen(report_path("build.log"), "re");
	char line[512], *text, *said = NULL;
	size_t size;
	FILE *stream = open_memstream(&said, &size);
	int lines = 0;

	while (log && fgets(line, sizeof(line), log) && lines < MAX_COMPLAINTS) {
		const char *met = limit_in(line);
		size_t length;

		if (met && !*limit)
			*limit = met;
		if (met || (errors_only && (!is_complaint(line) ||
					    strstr(line, "warning: "))))
			continue;
		length = strcspn(line, "\n");
		text = strstr(line, "/home/");
		if (text && text - line < 32) {
			size_t path = strncmp(text + 6, "src/", 4) ? 6 : 10;

			memmove(text, text + path, strlen(text + path) + 1);
			length -= path;
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

int run_in_jail(const char *directory, const char *file, char *const command[],
		const char *log)
{
	char *tree = text_of("build/kernel/%s/tree", options.kernel);
	char *args[24] = { JAIL, tree, (char *)directory, (char *)file };
	int status;

	for (size_t i = 4; *command && i + 1 < ARRAY_SIZE(args); i++)
		args[i] = *command++;
	status = run_child(args, log);
	free(tree);
	return status;
}

const char *addr2line_in_jail(const char *module, char *const command[])
{
	static bool refused;	/* do not let a module that takes long do so again */
	char *args[24] = { NULL };
	static char output[PATH_SIZE];
	char directory[PATH_SIZE];

	snprintf(directory, sizeof(directory), "%s", report_path("build/where"));
	snprintf(output, sizeof(output), "%s", report_path("build/lines"));
	make_folder("where");
	if (refused || (link(module, source_path("where/module")) && errno != EEXIST))
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(args) - 1 && command[i]; i++)
		args[i] = strcmp(command[i], "MODULE") ? command[i] : "module";
	refused = run_in_jail(directory, "nothing", args, output);
	return refused ? NULL : output;
}

static bool build(void)
{
	char directory[PATH_SIZE], headers[300], log[PATH_SIZE];
	const char *limit = NULL;
	char *command[] = {
		"make", "-k", "-s", "--no-print-directory", "-C", headers, "M=/home",
		"CONFIG_DEBUG_INFO_BTF_MODULES=", "modules", NULL
	};
	int status;

	snprintf(headers, sizeof(headers), "/usr/src/linux-headers-%s", release());
	snprintf(directory, sizeof(directory), "%s", report_path("build"));
	snprintf(log, sizeof(log), "%s", report_path("build.log"));
	progress("building it");
	status = run_in_jail(directory, "shmcount.ko", command, log);
	if (status == STATUS_INFRASTRUCTURE)
		return reject(NOT_GRADED, "cannot build: %s", complaints(false, &limit));
	if (status || access(source_path("shmcount.ko"), R_OK)) {
		submission.said = complaints(true, &limit);
		if (!*submission.said)
			submission.said = complaints(false, &limit);
		return reject(DOES_NOT_BUILD, "%s", limit ?:
			      status == STATUS_HANG ? "the compiler takes too long" :
			      status == STATUS_NO_FILE ? "the module is larger than 16 MB" :
			      "the compiler rejects it");
	}
	submission.said = complaints(false, &limit);	/* warnings */
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
		      cleaned(magic, strlen(magic)), release());
}

static bool is_module(const char *path)
{
	struct stat stat_buf;

	return !strcmp(end_of(path), ".ko") &&
	       (stat(path, &stat_buf) || !S_ISDIR(stat_buf.st_mode));
}

/* Take a module that is built; returns false if it cannot be read. */
static bool take_module(const char *path, const char *to)
{
	size_t length;
	char *data = read_plain(AT_FDCWD, path, basename(path), MAX_MODULE_SIZE, &length);

	if (!data)
		return false;
	add_to_fingerprint(data, length);
	if (to)
		write_copy(to, data, length);
	free(data);
	return true;
}

bool make_module(void)
{
	const char *from = submission.path;

	submission.said = "";
	if (is_module(from))
		return take_module(from, "../shmcount.ko") && is_for_our_kernel();
	if (!take_sources(from, true))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(build_files); i++)
		copy_ours(build_files[i], strrchr(build_files[i], '/') + 1);
	return build();
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
	add_file_to_fingerprint(in_guest(options.graded));
	add_file_to_fingerprint(points_file());
	add_to_fingerprint(options.tests, strlen(options.tests));
	for (size_t i = 0; i < ARRAY_SIZE(build_files); i++)
		add_file_to_fingerprint(build_files[i]);
	add_file_to_fingerprint(UNPACKER);
	add_file_to_fingerprint(in_guest("build/guest/init"));
	add_file_to_fingerprint("/proc/self/exe");
	add_file_to_fingerprint(JAIL);
	add_file_to_fingerprint(RUNNER);
	return submission.fingerprint;
}

uint64_t fingerprint_of(const char *path)
{
	struct submission kept = submission;
	static uint64_t of_all;
	uint64_t fingerprint;

	if (!of_all)
		of_all = fingerprint_of_all();
	submission.fingerprint = of_all;
	submission.of_lab = false;
	if (is_module(path))
		take_module(path, NULL);
	else
		take_sources(path, false);
	/* The same submission is refused for the same reason, and told of in the same words. */
	add_to_fingerprint(submission.why, strlen(submission.why));
	add_to_fingerprint(submission.notes, strlen(submission.notes));
	fingerprint = submission.fingerprint;
	kept.of_lab = submission.of_lab;
	submission = kept;
	return fingerprint;
}
