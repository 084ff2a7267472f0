// SPDX-License-Identifier: GPL-2.0
/*
 * What is known about KVM; see accel.h.
 *
 * It is kept in ${XDG_CACHE_HOME:-$HOME/.cache}/shmcount and not in build/: it is
 * true of the host and its user, not of one clone; a new clone, or one that make
 * clean has emptied, need not ask again, and build/ may be another user's.
 * There is one file for each path of a kernel image, so they do not grow in
 * number with each boot. It holds all that the answer depends on; where that
 * is not what it is now, or the file is no longer what we wrote, nothing is
 * known.
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
#include "vm.h"

enum { TEXT = 3 * PATH_MAX };

static const char *const answers[] = {
	[KVM_BROKEN] = "broken", [KVM_WORKS] = "works", [KVM_CLOSED] = "closed",
};

/* The program that execvp() would take, or NULL. */
static char *find_program(const char *name)
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

/* Which file this is: another, or one that was written anew, differs. */
static void identity(char *text, size_t size, const char *path)
{
	struct stat stat_of = { 0 };

	if (path)
		stat(path, &stat_of);
	snprintf(text, size, "%s %lx:%lx %lx %lx.%lx", path ?: "none",
		 (long)stat_of.st_dev, (long)stat_of.st_ino,
		 (long)stat_of.st_size, (long)stat_of.st_mtim.tv_sec,
		 (long)stat_of.st_mtim.tv_nsec);
}

/* What the answer depends on, a line each. */
static void describe(char text[TEXT], const char *image, int seconds)
{
	char *qemu = find_program(VM_QEMU), boot[64] = "";
	char kernel_identity[PATH_MAX + 100], qemu_identity[PATH_MAX + 100];
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (file && !fgets(boot, sizeof(boot), file))
		boot[0] = '\0';
	if (file)
		fclose(file);
	boot[strcspn(boot, "\n")] = '\0';
	identity(kernel_identity, sizeof(kernel_identity), image);
	identity(qemu_identity, sizeof(qemu_identity), qemu);
	snprintf(text, TEXT, "boot %s\nuser %u\nkernel %s\nqemu %s\nseconds %d\n",
		 boot, getuid(), kernel_identity, qemu_identity, seconds);
	free(qemu);
}

/*
 * The file for this image, whose folder is made. Returns false where there is
 * no place for it.
 */
static bool find_file(char path[PATH_MAX], const char *image)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	uint64_t hash = 0xcbf29ce484222325;	/* FNV-1a */
	char folder[PATH_MAX - 64];
	int length;

	for (const char *p = image; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
	/* By its specification a relative one is to be ignored. */
	if (cache && *cache == '/')
		length = snprintf(folder, sizeof(folder), "%s", cache);
	else if (home && *home == '/')
		length = snprintf(folder, sizeof(folder), "%s/.cache", home);
	else
		return false;
	if ((size_t)length >= sizeof(folder) - sizeof("/shmcount"))
		return false;
	mkdir(folder, 0700);
	strcat(folder, "/shmcount");
	mkdir(folder, 0700);
	snprintf(path, PATH_MAX, "%s/kvm-%016lx", folder, hash);
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

/* Whoever reads meanwhile sees the old file, or the new one, and all of it. */
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
