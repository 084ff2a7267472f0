// SPDX-License-Identifier: GPL-2.0
/*
 * What is taken of a submission: all C files and headers, in their folders; plan.c decides
 * which of them make the module. A folder may be hostile: we read only plain files, follow
 * no link, and bound all.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "code.h"
#include "taken.h"

enum {
	MAX_NAMES = 4096,
	MAX_FILE_SIZE = 1 << 20,
	MAX_TOTAL_SIZE = 16 << 20,	/* fits into the jail with its objects */
	MAX_BASE = 200,		/* of a name that gets a number */
};

struct source files[MAX_FILES + MAX_MAKEFILES + MAX_ARCHIVES];
int file_count;
static int of_kind[KINDS], names_read;
static size_t total;

const char *shown(const char *name)
{
	return cleaned(name, strlen(name));
}

void note(const char *format, ...)
{
	static const char more[] = "There are more of these.\n";
	char *notes = submission.notes;
	size_t length = strlen(notes), space = sizeof(submission.notes) - length;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(notes + length, space, format, args);
	va_end(args);
	if (n + sizeof(more) < space)
		strcat(notes, "\n");
	else if (space > sizeof(more))
		strcpy(notes + length, more);
	else
		notes[length] = '\0';
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

/* FNV-1a: this recognises a submission, it does not protect it. */
void add_to_fingerprint(const void *data, size_t length)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < length; i++)
		submission.fingerprint = (submission.fingerprint ^ bytes[i]) *
				   0x100000001b3;
}

size_t folder_length(const char *path)
{
	return basename(path) - path;
}

bool same_folder(const struct source *a, const struct source *b)
{
	size_t length = folder_length(a->path);

	return length == folder_length(b->path) && !strncmp(a->path, b->path, length);
}

char *path_from(const struct source *file, const char *name)
{
	char *path = text_of("%.*s/%s", (int)folder_length(file->path), file->path, name);
	char *result = check(calloc(1, strlen(path) + 2)), *end = result, *part, *rest;
	bool inside = *name != '/';

	for (part = strtok_r(path, "/", &rest); part && inside;
	     part = strtok_r(NULL, "/", &rest)) {
		if (!strcmp(part, "..")) {
			inside = end > result;
			while (end > result && *--end != '/')
				;
			*end = '\0';
		} else if (strcmp(part, ".")) {
			end += sprintf(end, "%s%s", end > result ? "/" : "", part);
		}
	}
	free(path);
	if (inside)
		return result;
	free(result);
	return NULL;
}

const char *end_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot ? dot : name + strlen(name);
}

static bool ends_with(const char *name, const char *end)
{
	size_t length = strlen(name), other = strlen(end);

	return length >= other && !strcasecmp(name + length - other, end);
}

bool is_archive(const char *name)
{
	return ends_with(name, ".zip") || ends_with(name, ".tar") ||
	       ends_with(name, ".tgz") || ends_with(name, ".tar.gz");
}

bool is_foreign_archive(const char *name)
{
	static const char *const ends[] = {
		".rar", ".7z", ".xz", ".txz", ".bz2", ".tbz", ".zst", ".lzma", ".gz",
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(name, ends[i]))
			return !is_archive(name);
	return false;
}

/* A *.mod.c is left by kbuild where somebody built in the directory. */
enum kind kind_of(const char *name)
{
	if (ends_with(name, ".mod.c"))
		return NO_SOURCE;
	if (ends_with(name, ".c"))
		return C_FILE;
	if (ends_with(name, ".h"))
		return HEADER;
	if (is_archive(name))
		return ARCHIVE;
	return !strcasecmp(name, "Makefile") || !strcmp(name, "Kbuild") ?
	       MAKEFILE : NO_SOURCE;
}

/* Read a plain file; refuse anything else and return NULL. */
char *read_plain(int dir, const char *name, const char *path, off_t max, size_t *length)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat stat;
	ssize_t n = 0;
	char *data = NULL;

	if (fd < 0 && errno == ELOOP)
		refuse("%s is a link, and links are not followed", shown(path));
	else if (fd < 0)
		refuse("%s cannot be read: %s", shown(path), strerror(errno));
	else if (fstat(fd, &stat) || !S_ISREG(stat.st_mode))
		refuse("%s is not a plain file", shown(path));
	else if (stat.st_size > max)
		refuse("%s is longer than %ld bytes", shown(path), (long)max);
	else {
		data = check(malloc(stat.st_size + 1));
		n = read(fd, data, stat.st_size);
		if (n < 0) {
			refuse("%s cannot be read: %s", shown(path), strerror(errno));
			free(data);
			data = NULL;
		}
	}
	if (fd >= 0)
		close(fd);
	*length = n;
	return data;
}

/* A path as it is in the jail: nothing in it is special to make or to a shell. */
static bool is_safe(char c, enum kind kind)
{
	return isalnum((unsigned char)c) || strchr("_-./", c) ||
	       (kind == HEADER && (c == '+' || c & 0x80));
}

static bool is_copy(const char *path)
{
	for (int i = 0; i < file_count; i++)
		if (!strcmp(files[i].copy, path))
			return true;
	return false;
}

/* kbuild wants small letters in ".c"; a header is included by the name that it has. */
static char *copy_of(const char *path, enum kind kind)
{
	const char *end = end_of(path);
	size_t folder = basename(path) - path, length = end - path;
	char *copy, *next;

	if (length > folder + 60 && kind == C_FILE)
		length = folder + 60;
	copy = text_of("%.*s", (int)length, path);
	for (size_t i = 0; i < length; i++)
		if (!is_safe(copy[i], i < folder ? C_FILE : kind) ||
		    (strchr("-.", copy[i]) && (!i || copy[i - 1] == '/')))
			copy[i] = '_';
	end = kind == C_FILE ? ".c" : end;
	next = text_of("%s%s", copy, end);
	for (int i = 2; is_copy(next); i++) {
		free(next);
		if (length > folder + MAX_BASE)
			length = folder + MAX_BASE;
		next = text_of("%.*s_%d%s", (int)length, copy, i, end);
	}
	free(copy);
	return next;
}

static bool is_copied(enum kind kind)
{
	return kind == C_FILE || kind == HEADER;
}

static bool is_in_folder(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	return !strncmp(path, folder, length) && path[length] == '/';
}

/* Would a file lie where a folder has to be? */
static bool has_no_place(const struct source *file)
{
	for (int i = 0; i < file_count && is_copied(file->kind); i++)
		if (is_copied(files[i].kind) &&
		    (is_in_folder(file->copy, files[i].copy) ||
		     is_in_folder(files[i].copy, file->copy)))
			return true;
	return false;
}

static void look_into(struct source *file)
{
	static const char *const starts[] = {
		"init_module",	/* a system call, too, for a program */
		"module_init", "module_misc_device", "module_driver",
		"module_platform_driver",
	};
	const char *at = file->code = code_of(file->data, file->length);
	bool has_main = has_call(at, "main"), kernel = false;
	char name[128];

	while ((at = next_include(at, name))) {
		if (*name == '<' && is_of_libc(name + 1) && !file->program)
			file->program = text_of("includes %s>", name);
		if (!strcmp(name, "<linux/module.h"))
			kernel = !has_main;
	}
	if (has_main && !file->program)
		file->program = text_of("has a main()");
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (has_call(file->code, starts[i]) && !(has_main && !i))
			file->starts = true;
	if (kernel || file->starts || has_call(file->code, "MODULE_LICENSE")) {
		free(file->program);
		file->program = NULL;
	}
	file->ours = strcasestr(file->data, "shmcount");
}

/* ---- the files of a folder ---- */

static bool is_utf16(const char *data, size_t length)
{
	return length >= 4 && (!memcmp(data, "\xff\xfe", 2) || !memcmp(data, "\xfe\xff", 2) ||
			       (data[0] && !data[1] && data[2] && !data[3]) ||
			       (!data[0] && data[1] && !data[2] && data[3]));
}

/* It is refused, but the rest of the submission is not. */
static void leave_out(void)
{
	note("%s, so it is not used", submission.why);
	submission.why[0] = '\0';
	submission.verdict = TESTED;
}

static bool is_full(enum kind kind)
{
	if (kind == MAKEFILE)
		return of_kind[kind] == MAX_MAKEFILES;
	if (kind == ARCHIVE)
		return of_kind[kind] == MAX_ARCHIVES;
	return of_kind[C_FILE] + of_kind[HEADER] == MAX_FILES;
}

static void free_file(struct source *file)
{
	free(file->path);
	free(file->copy);
	free(file->data);
	free(file->code);
	free(file->program);
}

/* Takes over the data. Returns false if the file is refused. */
static bool add_data(const char *path, enum kind kind, int depth, char *data, size_t length)
{
	struct source *file = &files[file_count];

	if (is_full(kind)) {
		free(data);
		if (kind == MAKEFILE || kind == ARCHIVE)
			return refuse("%s is one too many", shown(path));
		return refuse("there are more than %d C files in it", MAX_FILES);
	}
	if (kind != ARCHIVE && total + length > MAX_TOTAL_SIZE) {
		free(data);
		return refuse("its C files are longer than %d MB in all",
			      MAX_TOTAL_SIZE >> 20);
	}
	data[length] = '\0';
	if (kind != ARCHIVE && is_utf16(data, length)) {
		note("%s is a text in UTF-16, which no compiler reads: save it as UTF-8",
		     shown(path));
		free(data);
		return true;
	}
	*file = (struct source) {
		.path = check(strdup(path)), .copy = copy_of(path, kind), .data = data,
		.length = length, .kind = kind, .depth = depth,
	};
	if (has_no_place(file)) {
		note("%s is not used: a file and a folder would have one name", shown(path));
		free_file(file);
		return true;
	}
	if (kind == C_FILE)
		look_into(file);
	/* tests/lab/start.sh has made it. */
	if (kind == MAKEFILE && strstr(data, "make lab-start"))
		submission.of_lab = true;
	if (kind != ARCHIVE)
		total += length;
	of_kind[kind]++;
	file_count++;
	return true;
}

/* Returns false if the file is refused. */
static bool add_file(int dir, const char *name, const char *path, enum kind kind,
		     int depth)
{
	size_t length;
	char *data = read_plain(dir, name, path,
				kind == ARCHIVE ? MAX_TOTAL_SIZE : MAX_FILE_SIZE, &length);

	if (!data)
		return false;
	add_to_fingerprint(path, strlen(path) + 1);
	add_to_fingerprint(data, length);
	return add_data(path, kind, depth, data, length);
}

/* Tell of a file that is of no use. Returns false if one that is of use is refused. */
static bool add_or_tell(int dir, const char *name, const char *path, int depth)
{
	enum kind kind = kind_of(basename(path));

	if (kind != NO_SOURCE)
		return add_file(dir, name, path, kind, depth);
	if (is_foreign_archive(path))
		note("%s is an archive of a kind that is not unpacked: zip and tar.gz are",
		     shown(path));
	else
		ignore(path);
	return true;
}

void take_unpacked(const struct source *archive, const char *path, const char *data,
		   size_t length)
{
	char *full = text_of("%.*s%s", (int)folder_length(archive->path), archive->path, path);
	enum kind kind = kind_of(basename(path));

	if (kind == NO_SOURCE || kind == ARCHIVE)
		ignore(full);
	else if (!add_data(full, kind, archive->depth + 1,
			   memcpy(check(malloc(length + 1)), data, length), length))
		leave_out();
	free(full);
}

static int is_wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "__MACOSX") &&
	       names_read++ < MAX_NAMES;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void free_names(int dir, struct dirent **names, int n)
{
	while (n > 0)
		free(names[--n]);
	free(names);
	if (dir >= 0)
		close(dir);
}

static bool is_folder(int dir, const char *name)
{
	struct stat stat;

	return !fstatat(dir, name, &stat, AT_SYMLINK_NOFOLLOW) &&
	       S_ISDIR(stat.st_mode);
}

static bool scan(int dir, const char *folder, int depth);

static void scan_below(int dir, const char *name, const char *path, int depth)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		refuse("%s cannot be opened: %s", shown(path), strerror(errno));
	else if (depth > MAX_DEPTH)
		refuse("%s is more than %d folders deep", shown(path), MAX_DEPTH);
	else
		scan(fd, path, depth);
	if (fd >= 0)
		close(fd);
}

/*
 * Add the files of a folder, then those of the folders in it. Only in the submission's own
 * folder is a file refused for good; below, it is left out.
 */
static bool scan(int dir, const char *folder, int depth)
{
	int before = names_read, n;
	struct dirent **names;
	bool good = true;

	n = scandirat(dir, ".", &names, is_wanted, by_bytes);
	if (n < 0)
		return refuse("%s cannot be read: %s", shown(folder), strerror(errno));
	if (names_read > MAX_NAMES) {
		names_read = before;
		good = refuse("there are more than %d files in it", MAX_NAMES);
	}
	for (int i = 0; i < 2 * n; i++) {
		const char *name = names[i % n]->d_name;
		char *path = text_of("%s%s%s", folder, *folder ? "/" : "", name);
		enum kind kind = kind_of(name);
		bool is_below = kind == NO_SOURCE && is_folder(dir, name);

		if (!good || is_below != (i >= n)) {
			free(path);
			continue;
		}
		if (is_below)
			scan_below(dir, name, path, depth + 1);
		else if (!add_or_tell(dir, name, path, depth) && !depth)
			good = kind == MAKEFILE || kind == ARCHIVE;
		if (good && submission.why[0])
			leave_out();
		free(path);
	}
	free_names(-1, names, n);
	return good;
}

static void copy_all(const char *plan)
{
	write_copy("submission.mk", plan, strlen(plan));
	for (int i = 0; i < file_count; i++) {
		char *to = text_of("src/%s", files[i].copy);
		bool wanted = is_copied(files[i].kind);

		for (char *slash = to; wanted && (slash = strchr(slash, '/')); slash++) {
			*slash = '\0';
			make_folder(to);
			*slash = '/';
		}
		if (wanted)
			write_copy(to, files[i].data, files[i].length);
		free(to);
	}
}

static void forget_all(void)
{
	while (file_count--)
		free_file(&files[file_count]);
	file_count = names_read = 0;
	total = 0;
	memset(of_kind, 0, sizeof(of_kind));
}

size_t canvas_name(const char *name)
{
	static const char digits[] = "0123456789";

	for (const char *at = name; (at = strchr(at, '_')); at++) {
		size_t user = strspn(at + 1, digits), upload;

		if (at == name || user < 4 || at[1 + user] != '_')
			continue;
		upload = strspn(at + 2 + user, digits);
		if (upload >= 4 && at[2 + user + upload] == '_' && at[3 + user + upload])
			return at + 1 + user - name;
	}
	return 0;
}

/* The files of a student whom Canvas has no folder for; is_theirs() has no argument. */
static const char *theirs;

static int is_theirs(const struct dirent *entry)
{
	size_t length = canvas_name(entry->d_name);

	return length && length == strlen(theirs) &&
	       !strncmp(entry->d_name, theirs, length) && names_read++ < MAX_NAMES;
}

static int names_of_student(const char *path, int *dir, struct dirent ***names)
{
	size_t length = folder_length(path);
	char *folder = text_of("%.*s", (int)length, path);

	theirs = basename(path);
	*dir = open(length ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	names_read = 0;
	return *dir < 0 ? -1 : scandirat(*dir, ".", names, is_theirs, by_bytes);
}

bool is_submission_there(const char *path)
{
	struct dirent **names = NULL;
	int dir, n;

	if (!access(path, F_OK))
		return true;
	n = names_of_student(path, &dir, &names);
	free_names(dir, names, n);
	return n > 0;
}

static bool add_files_of_student(const char *path)
{
	struct dirent **names = NULL;
	int dir, n = names_of_student(path, &dir, &names);
	bool good = true;

	for (int i = 0; i < n && good; i++) {
		const char *name = names[i]->d_name, *file = name + strlen(theirs) + 1;

		file += strspn(file, "0123456789") + 1;
		good = add_or_tell(dir, name, file, 0);
	}
	free_names(dir, names, n);
	return good;
}

/* A submission that is one C file may have any name. */
static bool add_all(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good;

	if (dir < 0 && errno == ENOENT)
		return add_files_of_student(path);
	if (dir < 0 && errno == ENOTDIR)
		return is_archive(path) ?
		       add_file(AT_FDCWD, path, basename(path), ARCHIVE, 0) :
		       add_file(AT_FDCWD, path, "shmcount.c", C_FILE, 0);
	if (dir < 0)
		return refuse("it cannot be opened: %s", strerror(errno));
	good = scan(dir, "", 0);
	close(dir);
	return good;
}

/* Where there is no driver it may be in an archive. */
static void unpack_all(void)
{
	int archives = file_count;

	for (int i = 0; i < file_count; i++)
		if (files[i].kind == C_FILE && !files[i].program)
			archives = 0;
	for (int i = 0; i < archives; i++)
		if (files[i].kind == ARCHIVE)
			unpack(&files[i]);
	for (int i = 0; i < file_count && !archives; i++)
		if (files[i].kind == ARCHIVE)
			ignore(files[i].path);
}

/* The fingerprint has the archives as they are. */
bool take_sources(const char *path, bool copy)
{
	bool good = add_all(path), taken;
	char *plan;

	if (good && copy)
		unpack_all();
	plan = good ? plan_module() : NULL;
	taken = plan;
	if (plan) {
		add_to_fingerprint(plan, strlen(plan));
		if (copy)
			copy_all(plan);
	} else if (!submission.why[0]) {
		const char *why = submission.notes[0] ? submission.notes :
				  "there is no C file in it";

		refuse("%.*s", (int)strcspn(why, "\n"), why);
	}
	if (submission.of_lab && !is_by_steps())
		note("It has the Makefile of make lab-start: POINTS=lab grades it by the steps of the lab");
	free(plan);
	forget_all();
	return taken;
}
