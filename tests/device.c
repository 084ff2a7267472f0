// SPDX-License-Identifier: GPL-2.0
/* The module and its device, for tests; see device.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "module.h"

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static const char *module_file(void)
{
	const char *file = getenv("MODULE");

	return file ? file : "/lib/shmcount.ko";
}

/* The module's name as it says itself: another's need not be ours (KMOD=). */
static const char *module_name(void)
{
	static char name[64];

	if (name[0])
		return name;
	if (!getenv("SHMCOUNT_GUEST"))
		test_skip("needs the guest: make check runs one");
	if (!module_name_of(module_file(), name, sizeof(name)))
		FAIL("no module in %s: %s", module_file(), strerror(errno));
	return name;
}

int try_load_file(const char *path, const char *parameters)
{
	return module_load(path, parameters);
}

int try_load(const char *parameters)
{
	module_name();
	return module_load(module_file(), parameters);
}

int try_unload(void)
{
	return module_unload(module_name());
}

void load(const char *parameters)
{
	int error = try_load(parameters);

	if (error)
		FAIL(CANNOT_LOAD " (%s): %s", parameters, strerror(error));
}

void unload(void)
{
	int error = try_unload();

	if (error)
		FAIL("cannot unload the module: %s", strerror(error));
}

void load_pages(size_t pages)
{
	char parameters[32];

	snprintf(parameters, sizeof(parameters), "size=%zu",
		 pages * page_size());
	load(parameters);
}

void test_cleanup(void)
{
	static const char *const helpers[] = {
		"force_return", "spare", "own_pages", "textbook", "techniques",
	};
	char path[128];

	if (!getenv("SHMCOUNT_GUEST"))
		return;
	/* What its test did not come to unload, or left to us. */
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		module_unload(helpers[i]);
	snprintf(path, sizeof(path), "/sys/module/%s", module_name());
	if (!access(path, F_OK))
		unload();
}

void force_return(const char *function, long value, int times)
{
	char parameters[128];
	int error;

	module_name();	/* skips where there is no guest */
	snprintf(parameters, sizeof(parameters),
		 "function=%s value=%ld times=%d", function, value, times);
	error = try_load_file("/lib/force_return.ko", parameters);
	if (error == ENOENT)
		test_skip("this kernel has no function %s", function);
	if (error)
		FAIL("cannot force %s to return: %s", function,
		     strerror(error));
}

void stop_forcing(void)
{
	write_to("/sys/module/force_return/parameters/times", "0");
}

int still_forced(void)
{
	return number_in("/sys/module/force_return/parameters/times", "");
}

int open_device(int flags)
{
	return EXPECT_OK(open(DEVICE, flags | O_CLOEXEC));
}

int open_elsewhere(void)
{
	struct stat device;
	int fd, error;

	EXPECT_OK(stat(DEVICE, &device));
	EXPECT_OK(mkdir("ramfs", 0755));
	EXPECT_OK(mount("ramfs", "ramfs", "ramfs", 0, NULL));
	EXPECT_OK(mknod("ramfs/node", S_IFCHR | 0600, device.st_rdev));
	fd = open("ramfs/node", O_RDWR | O_CLOEXEC);
	error = errno;
	EXPECT_OK(umount2("ramfs", MNT_DETACH));
	errno = error;
	return fd;
}

void *map_pages(size_t first, size_t pages, int flags)
{
	int fd = open_device(O_RDWR);
	void *map = mmap(NULL, pages * page_size(), PROT_READ | PROT_WRITE,
			 flags, fd, first * page_size());

	if (map == MAP_FAILED)
		FAIL("cannot map %zu pages from page %zu: %s", pages, first,
		     strerror(errno));
	close(fd);
	return map;
}

long number_in(const char *path, const char *word)
{
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		FAIL("cannot open %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, word, strlen(word))) {
			fclose(file);
			return strtol(line + strlen(word), NULL, 10);
		}
	}
	FAIL("%s has no line '%s'", path, word);
}

long attribute(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/class/misc/shmcount/%s", name);
	return number_in(path, "");
}

void write_to(const char *path, const char *text)
{
	int fd = EXPECT_OK(open(path, O_WRONLY | O_CLOEXEC | O_APPEND));

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("cannot write '%s' to %s: %s", text, path,
		     strerror(errno));
	close(fd);
}

uint64_t frame_of(void *page)
{
	int fd = EXPECT_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	uint64_t entry;

	EXPECT_EQ(pread(fd, &entry, sizeof(entry),
			(uintptr_t)page / page_size() * sizeof(entry)),
		  sizeof(entry));
	close(fd);
	EXPECT(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

void run_unrelated(void (*function)(void *), void *argument)
{
	int report[2];
	char byte;

	EXPECT_OK(pipe2(report, O_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		pid_t between = fork();

		EXPECT_OK(between);
		if (!between) {
			if (fork())
				_exit(0);
			setsid();
			function(argument);
			EXPECT_EQ(write(report[1], "", 1), 1);
			_exit(0);
		}
		EXPECT_EQ(waitpid(between, NULL, 0), between);
	}
	close(report[1]);
	EXPECT_EQ(read(report[0], &byte, 1), 1);
	EXPECT_EQ(read(report[0], &byte, 1), 1);
	close(report[0]);
}

void expect_signal(int signal, void (*function)(void *), void *argument)
{
	pid_t pid = start(function, argument);
	int status;

	EXPECT_EQ(waitpid(pid, &status, 0), pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
		FAIL("expected signal %d (%s), saw status %#x", signal,
		     strsignal(signal), status);
}
