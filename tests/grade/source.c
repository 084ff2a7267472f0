// SPDX-License-Identifier: GPL-2.0
/*
 * What was handed in, made into a module: a folder of C files, one C file, or a
 * module that is built already. All of it is hostile.
 *
 * Only plain files are taken, by names that mean nothing to make or a shell, and
 * from a folder itself, not from folders in it; no link is followed. They are
 * copied, and the copies are built by our Kbuild in a jail (jail.c).
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "grade.h"
#include "module.h"
#include "mutants/child.h"
#include "report/report.h"
#include "runner/vm.h"

enum {
	MOST_FILES = 64,
	MOST_OF_A_FILE = 1 << 20,
	MOST_OF_ALL = 16 << 20,	/* the jail has room for it, and its objects */
	MOST_OF_MODULE = 16 << 20,
	MOST_SAID = 30,		/* lines of the compiler's that are told */
};

/* The file of our own that stands for a shmcount.c among others. */
#define WRAPPER "with_shmcount.c"

static const char *end_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : "";
}

/* What kbuild leaves beside the sources, where one builds there, is none. */
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

/* There is nothing to build; the reason is a sentence. */
static __attribute__((format(printf, 1, 2)))
bool refuse(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(submission.why, sizeof(submission.why), format, args);
	va_end(args);
	submission.verdict = NO_SOURCES;
	return false;
}

/*
 * A name as text: whoever chose it may have wished for something else. The
 * copies are few, and live as long as the program.
 */
static const char *shown(const char *name)
{
	return cleaned(name, strlen(name));
}

/* Open what has to be a plain file; -1, and why, if it is none. */
static int open_plain(int dir, const char *name, off_t most, off_t *size)
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
	else if (stat.st_size > most)
		refuse("%s is longer than %ld bytes", shown(name), (long)most);
	else {
		*size = stat.st_size;
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* FNV-1a: to know again what has been graded, not to guard it. */
static void add_to_print(const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		submission.print = (submission.print ^ bytes[i]) *
				   0x100000001b3;
}

static void write_copy(const char *path, const char *data, size_t length)
{
	FILE *file = fopen(path, "wxe");

	if (!file || fwrite(data, 1, length, file) != length || fclose(file))
		die(STATUS_NOT_GRADED, "cannot write %s: %s", path,
		    strerror(errno));
}

/* Copy a plain file of the submission's to a path of ours; its length, or -1. */
static ssize_t take(int dir, const char *name, off_t most, const char *to)
{
	off_t size = 0;
	int fd = open_plain(dir, name, most, &size);
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
	add_to_print(base, strlen(base) + 1);
	add_to_print(data, length);
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

/* The C files of a folder, in order; those that are none are told of. */
static int read_names(int dir, char *names[MOST_FILES])
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
		if (count == MOST_FILES) {
			refuse("there are more than %d C files in it",
			       MOST_FILES);
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

/* Take the files of a folder, into ours or only into the print of it. */
static bool take_names(int dir, char *names[], int count, bool copy)
{
	ssize_t all = 0;

	for (int i = 0; i < count; i++) {
		ssize_t length;

		if (!is_plain(names[i]))
			return refuse("%s is not a name for a C file here: a letter or '_' first, then letters, digits, '_', '-' and '.', fewer than 64 in all, and not " WRAPPER,
				      shown(names[i]));
		length = take(dir, names[i], MOST_OF_A_FILE,
			      copy ? source_path(names[i]) : NULL);
		if (length < 0)
			return false;
		all += length;
		if (all > MOST_OF_ALL)
			return refuse("its C files are longer than %d MB in all",
				      MOST_OF_ALL >> 20);
	}
	return true;
}

static bool take_folder(const char *path, bool copy, char *objects, size_t size)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *names[MOST_FILES];
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
		       refuse("there is no C file in it (folders in it are not looked into)");
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
		die(STATUS_NOT_GRADED, "cannot read %s: %s", from,
		    strerror(errno));
	length = fread(data, 1, sizeof(data), file);
	fclose(file);
	write_copy(to, data, length);
}

/* Is it what kbuild or the compiler calls wrong? */
static bool is_complaint(const char *line)
{
	return strstr(line, "error: ") || strstr(line, "ERROR: ") ||
	       strstr(line, "warning: ") || strstr(line, "undefined reference") ||
	       strstr(line, "jail: ");
}

/* What is to be told of the build's log; with the paths of the jail left out. */
static char *complaints(bool errors_only)
{
	FILE *log = fopen(report_path("build.log"), "re");
	char line[512], *text, *said = NULL;
	size_t size;
	FILE *stream = open_memstream(&said, &size);
	int lines = 0;

	while (log && fgets(line, sizeof(line), log) && lines < MOST_SAID) {
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

/* The release of the kernel that is graded on. */
static const char *release(void)
{
	static char text[128];
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/build/kernel/%s/release",
		 variable("TOP"), variable("KERNEL"));
	file = fopen(path, "re");
	if (!file || fscanf(file, "%127s", text) != 1)
		die(STATUS_NOT_GRADED, "there is no %s: make grade makes it",
		    path);
	fclose(file);
	return text;
}

static const char *jail_path(void)
{
	return getenv("JAIL") ?: text_of("%s/build/tests/jail", variable("TOP"));
}

static bool build(const char *objects)
{
	char tree[PATH_SIZE], folder[PATH_SIZE], headers[300];
	char list[MOST_FILES * 70 + 16], log[PATH_SIZE];
	char *args[] = {
		(char *)jail_path(), tree, folder, "shmcount.ko", "make", "-s",
		"--no-print-directory", "-C", headers, "M=/home",
		"CONFIG_DEBUG_INFO_BTF_MODULES=", list, "modules", NULL
	};
	int status;

	snprintf(tree, sizeof(tree), "%s/build/kernel/%s/tree",
		 variable("TOP"), variable("KERNEL"));
	snprintf(headers, sizeof(headers), "/usr/src/linux-headers-%s", release());
	snprintf(folder, sizeof(folder), "%s", report_path("build"));
	snprintf(list, sizeof(list), "OBJECTS=%s", objects);
	snprintf(log, sizeof(log), "%s", report_path("build.log"));
	status = run_child(args, log);
	if (status == STATUS_NOT_GRADED)
		die(STATUS_NOT_GRADED, "cannot build: %s", complaints(false));
	submission.verdict = DOES_NOT_BUILD;
	if (status == 124)
		snprintf(submission.why, sizeof(submission.why),
			 "the compiler takes too long over it");
	else if (status == 123)
		snprintf(submission.why, sizeof(submission.why),
			 "the module is larger than 16 MB");
	else if (status || access(source_path("shmcount.ko"), R_OK))
		snprintf(submission.why, sizeof(submission.why),
			 "the compiler does not take it");
	if (submission.why[0]) {
		submission.said = complaints(true);
		if (!*submission.said)
			submission.said = complaints(false);
		return false;
	}
	submission.said = complaints(false);	/* warnings */
	snprintf(folder, sizeof(folder), "%s", source_path("shmcount.ko"));
	if (rename(folder, report_path("shmcount.ko")))
		die(STATUS_NOT_GRADED, "cannot move %s: %s", folder,
		    strerror(errno));
	submission.verdict = TESTED;
	return true;
}

/* A module that is built already: is it one, and for this kernel? */
static bool is_for_our_kernel(void)
{
	char magic[256] = "";

	if (!module_info_of(report_path("shmcount.ko"), "vermagic", magic,
			    sizeof(magic)))
		return refuse("it is not a module");
	magic[strcspn(magic, " ")] = '\0';
	if (!strcmp(magic, release()))
		return true;
	submission.verdict = WRONG_KERNEL;
	snprintf(submission.why, sizeof(submission.why),
		 "it is built for kernel %s, and is graded on %s",
		 shown(magic), release());
	return false;
}

static bool is_folder(const char *path)
{
	struct stat stat_buf;

	return !stat(path, &stat_buf) && S_ISDIR(stat_buf.st_mode);
}

bool make_module(void)
{
	char objects[MOST_FILES * 70] = "", path[PATH_SIZE];
	const char *from = submission.path;

	submission.said = "";
	if (!strcmp(end_of(from), ".ko") && !is_folder(from))
		return take(AT_FDCWD, from, MOST_OF_MODULE,
			    report_path("shmcount.ko")) >= 0 &&
		       is_for_our_kernel();
	if (is_folder(from) ? !take_folder(from, true, objects, sizeof(objects)) :
	    take(AT_FDCWD, from, MOST_OF_A_FILE, source_path("shmcount.c")) < 0)
		return false;
	snprintf(path, sizeof(path), "%s/tests/grade/Kbuild", variable("TOP"));
	copy_ours(path, source_path("Kbuild"));
	snprintf(path, sizeof(path), "%s/kmod/compat.mk", variable("TOP"));
	copy_ours(path, source_path("compat.mk"));
	/* The lab lends it to who builds there. */
	snprintf(path, sizeof(path), "%s/kmod/compat.h", variable("TOP"));
	if (access(source_path("compat.h"), F_OK))
		copy_ours(path, source_path("compat.h"));
	return build(objects);
}

static void add_file_to_print(const char *path)
{
	FILE *file = fopen(path, "re");
	char data[65536];
	size_t length;

	while (file && (length = fread(data, 1, sizeof(data), file)))
		add_to_print(data, length);
	if (file)
		fclose(file);
}

/* What is the same for all submissions: the tests, and the grader itself. */
static uint64_t print_of_all(void)
{
	static const char *const ours[] = {
		"tests/grade/Kbuild", "kmod/compat.mk", "kmod/compat.h",
		"build/guest/init",
	};

	submission.print = 0xcbf29ce484222325;
	add_to_print(release(), strlen(release()));
	add_file_to_print(variable("GRADED"));
	add_file_to_print(variable("POINTS"));
	add_to_print(variable("TESTS"), strlen(variable("TESTS")));
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		add_file_to_print(text_of("%s/%s", variable("TOP"), ours[i]));
	add_file_to_print("/proc/self/exe");
	add_file_to_print(jail_path());
	add_file_to_print(runner_path());
	return submission.print;
}

uint64_t print_of(const char *path)
{
	struct submission kept = submission;
	char objects[MOST_FILES * 70];
	static uint64_t of_all;
	uint64_t print;

	if (!of_all)
		of_all = print_of_all();
	submission.print = of_all;
	if (is_folder(path))
		take_folder(path, false, objects, sizeof(objects));
	else
		take(AT_FDCWD, path, MOST_OF_MODULE, NULL);
	/* What is refused is known again by the reason. */
	add_to_print(submission.why, strlen(submission.why));
	print = submission.print;
	submission = kept;
	return print;
}
