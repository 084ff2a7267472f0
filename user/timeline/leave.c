// SPDX-License-Identifier: GPL-2.0
/*
 * Leaves, for trace-cmd restore, what the kernel's text does not have: the buffer of
 * each processor as the kernel holds it, and the formats of the events in them.
 */
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record.h"

/* Open a file below dir, and make the directories that lead to it. */
static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *slash = path + strlen(dir); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			die("cannot make %s", path);
	}
	file = fopen(path, "we");
	if (!file)
		die("cannot write %s", path);
	return file;
}

static void finish(FILE *file, const char *name)
{
	if (fclose(file))
		die("cannot write %s", name);
}

/* Files of tracefs have no size: read them to their end. */
static void copy(const char *dir, const char *pattern)
{
	char path[200], data[4096];
	glob_t found;

	snprintf(path, sizeof(path), TRACING "/%s", pattern);
	if (glob(path, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		FILE *from = fopen(found.gl_pathv[i], "re"), *to;
		size_t length;

		if (!from)
			die("cannot read %s", found.gl_pathv[i]);
		to = create(dir, found.gl_pathv[i] + strlen(TRACING "/"));
		while ((length = fread(data, 1, sizeof(data), from)))
			fwrite(data, 1, length, to);
		fclose(from);
		finish(to, found.gl_pathv[i]);
	}
	globfree(&found);
}

/*
 * Reading takes the pages out of the buffer; a read gives one page. A processor that was
 * never started has no buffer. Our instance must not be open when we die: nobody could
 * remove it.
 */
static bool leave_buffer(const char *dir, int cpu)
{
	char name[20], path[100], page[65536];
	ssize_t length;
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), OURS "/per_cpu/cpu%d/trace_pipe_raw", cpu);
	if (access(path, F_OK))
		return false;
	snprintf(name, sizeof(name), "cpu%04d", cpu);
	file = create(dir, name);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("cannot open %s", path);
	while ((length = read(fd, page, sizeof(page))) > 0)
		fwrite(page, 1, length, file);
	if (length < 0 && (errno == EAGAIN || errno == ENODEV))
		length = 0;
	if (close(fd) || length)
		die("cannot read %s", path);
	finish(file, name);
	return true;
}

/* A line of trace_marker names the function that writes it by its address. */
static void leave_symbol(const char *dir)
{
	FILE *from = fopen("/proc/kallsyms", "re"), *to = create(dir, "kallsyms");
	char line[400];

	while (from && fgets(line, sizeof(line), from))
		if (strstr(line, " tracing_mark_write\n"))
			fputs(line, to);
	if (from)
		fclose(from);
	finish(to, "kallsyms");
}

void leave_format(const char *dir, const char *event)
{
	char path[100];

	snprintf(path, sizeof(path), "events/%s/format", event);
	copy(dir, path);
	snprintf(path, sizeof(path), "events/%s/*/format", event);
	copy(dir, path);
}

void leave_buffers(const char *dir)
{
	copy(dir, "events/header_*");
	leave_format(dir, "ftrace/print");
	leave_symbol(dir);
	for (int cpu = 0; leave_buffer(dir, cpu); cpu++)
		;
}
