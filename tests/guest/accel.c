// SPDX-License-Identifier: GPL-2.0
/*
 * The answers about KVM that are kept; see accel.h.
 *
 * They are in ${XDG_CACHE_HOME:-$HOME/.cache}/shmcount, because they are true of the
 * host and its user, not of one clone: a new clone, or one after make clean, need not
 * ask again, and build/ may belong to another user. Each path of a kernel image has
 * one file, so their number does not grow with each boot. The file holds all that the
 * answer depends on. If any of that has changed, or the file is not what we wrote,
 * the answer is unknown.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "accel.h"
#include "runner.h"

enum { TEXT = 3 * PATH_MAX };

static const char *const answers[] = {
	[KVM_BROKEN] = "broken", [KVM_WORKS] = "works", [KVM_CLOSED] = "closed",
};

char *find_program(const char *name)
{
	const char *path = getenv("PATH") ?: "/bin:/usr/bin";
	char file[PATH_MAX];

	for (const char *next; path; path = next) {
		int length = strcspn(path, ":");

		next = path[length] ? path + length + 1 : NULL;
		snprintf(file, sizeof(file), "%.*s/%s", length ? length : 1,
			 length ? path : ".", name);
		if (!access(file, X_OK))
			return realpath(file, NULL);
	}
	return NULL;
}

void identity(char *text, size_t size, const char *path)
{
	struct stat stat_of = { 0 };

	if (path)
		stat(path, &stat_of);
	snprintf(text, size, "%s %lx:%lx %lx %lx.%lx", path ?: "none",
		 (long)stat_of.st_dev, (long)stat_of.st_ino,
		 (long)stat_of.st_size, (long)stat_of.st_mtim.tv_sec,
		 (long)stat_of.st_mtim.tv_nsec);
}

const char *boot_of_host(void)
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	static char boot[64];

	if (file && !fgets(boot, sizeof(boot), file))
		boot[0] = '\0';
	if (file)
		fclose(file);
	boot[strcspn(boot, "\n")] = '\0';
	return boot;
}

/* What the answer depends on, a line each. */
static void describe(char text[TEXT], const char *image, int seconds)
{
	char kernel_identity[PATH_MAX + 100], qemu_identity[PATH_MAX + 100];
	char *qemu = find_program(machine->qemu);

	identity(kernel_identity, sizeof(kernel_identity), image);
	identity(qemu_identity, sizeof(qemu_identity), qemu);
	snprintf(text, TEXT, "boot %s\nuser %u\nkernel %s\nqemu %s\nseconds %d\n",
		 boot_of_host(), getuid(), kernel_identity, qemu_identity, seconds);
	free(qemu);
}

/* Find the file for this image, and make its directory. Returns false if it cannot. */
static bool find_file(char path[PATH_MAX], const char *image)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	uint64_t hash = 0xcbf29ce484222325;	/* FNV-1a */
	char directory[PATH_MAX - 64];
	int length;

	for (const char *p = image; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
	/* The XDG specification says to ignore a relative path. */
	if (cache && *cache == '/')
		length = snprintf(directory, sizeof(directory), "%s", cache);
	else if (home && *home == '/')
		length = snprintf(directory, sizeof(directory), "%s/.cache", home);
	else
		return false;
	if ((size_t)length >= sizeof(directory) - sizeof("/shmcount"))
		return false;
	mkdir(directory, 0700);
	strcat(directory, "/shmcount");
	mkdir(directory, 0700);
	snprintf(path, PATH_MAX, "%s/kvm-%016lx", directory, hash);
	return true;
}

enum kvm_answer kvm_recall(const char *image, int seconds)
{
	char path[PATH_MAX], wanted[TEXT], seen[TEXT + 16];
	size_t length;
	FILE *file;

	if (!find_file(path, image))
		return KVM_UNKNOWN;
	file = fopen(path, "re");
	if (!file)
		return KVM_UNKNOWN;
	length = fread(seen, 1, sizeof(seen) - 1, file);
	seen[length] = '\0';
	fclose(file);
	describe(wanted, image, seconds);
	length = strlen(wanted);
	if (strncmp(seen, wanted, length))
		return KVM_UNKNOWN;
	for (size_t i = 1; i < ARRAY_SIZE(answers); i++)
		if (!strcmp(seen + length, answers[i]))
			return i;
	return KVM_UNKNOWN;
}

/* rename() lets a reader see the old file or the new one, whole. */
bool kvm_remember(const char *image, int seconds, enum kvm_answer answer)
{
	char path[PATH_MAX], fresh[PATH_MAX + 16], text[TEXT];
	bool kept;
	FILE *file;
	int fd;

	if (!find_file(path, image))
		return false;
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return false;
	file = fdopen(fd, "w");
	describe(text, image, seconds);
	kept = file && fprintf(file, "%s%s", text, answers[answer]) > 0;
	kept = !(file ? fclose(file) : close(fd)) && kept &&
	       !rename(fresh, path);
	if (!kept)
		unlink(fresh);
	return kept;
}
