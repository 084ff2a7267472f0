// SPDX-License-Identifier: GPL-2.0
/* The module and its device, for tests; see device.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"
#include "module.h"

const struct test_word test_words[] = {
	{ "DEVICE", "\"" DEVICE "\"" }, { "SHARED_RW", "PROT_READ | PROT_WRITE" }, {},
};

/* "EBUSY (Device or resource busy)" */
static char *error_text(int error)
{
	return text_of("%s (%s)", strerrorname_np(error) ?: "?", strerror(error));
}

size_t half_of_ram(void)
{
	struct sysinfo info;

	ASSERT_OK(sysinfo(&info));
	return info.totalram * info.mem_unit / 2 / page_size() * page_size();
}

static const char *module_file(void)
{
	const char *file = getenv("KMOD");

	return file ? file : "/lib/shmcount.ko";
}

/* The module's name as the file gives it: KMOD= may name any module. */
static const char *module_name(void)
{
	static char name[64];

	if (name[0])
		return name;
	if (!getenv("SHMCOUNT_GUEST"))
		test_skip("needs the guest: make check runs one");
	if (!module_name_of(module_file(), name, sizeof(name)))
		FAIL("no module in %s: %s", module_file(), error_text(errno));
	return name;
}

int try_load_file(const char *path, const char *parameters)
{
	return module_load(path, parameters);
}

static size_t region;	/* its bytes, as the module was asked for; for messages */

static void note_region(const char *parameters)
{
	const char *size = strstr(parameters, "size=");

	region = (size ? strtoul(size + 5, NULL, 10) : 1) + page_size() - 1;
	region -= region % page_size();
}

int try_load(const char *parameters)
{
	int error;

	module_name();
	note_region(parameters);
	test_with("\"%s\"", parameters);
	error = module_load(module_file(), parameters);
	/* What decides the test comes from the host when the module is there. */
	test_ask();
	return error;
}

int try_unload(void)
{
	return module_unload(module_name());
}

void load(const char *parameters)
{
	int error = try_load(parameters);

	if (!error) {
		test_forget();
		return;
	}
	test_not_loaded();
	FAIL("cannot load the module (%s): %s", parameters, error_text(error));
}

void unload(void)
{
	int error = try_unload();

	if (error)
		FAIL("cannot unload the module: %s", error_text(error));
}

void load_pages(size_t pages)
{
	load(text_of("size=%zu", pages * page_size()));
}

int load_and_open(size_t pages, int flags)
{
	load_pages(pages);
	return open_device(flags);
}

void *load_and_map(size_t pages)
{
	load_pages(pages);
	return map_pages(0, pages, MAP_SHARED);
}

void *load_default_and_map(void)
{
	load("");
	return map_pages(0, 1, MAP_SHARED);
}

void test_cleanup(void)
{
	static const char *const helpers[] = {
		"force_return", "mapped_page", "skip_fault_injection", "own_pages",
		"textbook", "techniques",
	};

	if (!getenv("SHMCOUNT_GUEST"))
		return;
	/* The test may have ended before it unloaded these. */
	for (size_t i = 0; i < ARRAY_SIZE(helpers); i++)
		module_unload(helpers[i]);
	if (!access(text_of("/sys/module/%s", module_name()), F_OK))
		unload();
}

void force_return(const char *function, long value, int times)
{
	int error;

	module_name();	/* skips where there is no guest */
	error = try_load_file("/lib/force_return.ko",
			      text_of("function=%s value=%ld times=%d", function, value, times));
	if (error == ENOENT)
		test_skip("this kernel has no function %s", function);
	if (error)
		FAIL("cannot force %s to return: %s", function,
		     error_text(error));
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
	return ASSERT_OK(open(DEVICE, flags | O_CLOEXEC));
}

int open_elsewhere(void)
{
	struct stat device;
	int fd, error;

	ASSERT_OK(stat(DEVICE, &device));
	ASSERT_OK(mkdir("ramfs", 0755));
	ASSERT_OK(mount("ramfs", "ramfs", "ramfs", 0, NULL));
	ASSERT_OK(mknod("ramfs/node", S_IFCHR | 0600, device.st_rdev));
	fd = open("ramfs/node", O_RDWR | O_CLOEXEC);
	error = errno;
	ASSERT_OK(umount2("ramfs", MNT_DETACH));
	errno = error;
	return fd;
}

void *try_map(size_t offset, size_t length, int prot, int flags,
	      int open_flags)
{
	int fd = open_device(open_flags), error;
	void *map;

	test_with("length %zu, offset %lld, region %zu", length, (long long)offset, region);
	map = mmap(NULL, length, prot, flags, fd, offset);
	error = errno;
	close(fd);
	errno = error;
	return map;
}

void *map_pages(size_t first, size_t pages, int flags)
{
	void *map = try_map(first * page_size(), pages * page_size(),
			    PROT_READ | PROT_WRITE, flags, O_RDWR);

	if (map == MAP_FAILED)
		FAIL("cannot map %zu pages from page %zu: %s", pages, first,
		     error_text(errno));
	test_forget();
	return map;
}

long number_in(const char *path, const char *word)
{
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		FAIL("cannot open %s: %s", path, error_text(errno));
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
	return number_in(text_of("/sys/class/misc/shmcount/%s", name), "");
}

void expect_growth_below(const char *field, long before, long kib)
{
	long after = number_in("/proc/meminfo", field);

	if (after > before + kib)
		FAIL("%s went from %ld to %ld KiB", field, before, after);
}

void write_to(const char *path, const char *text)
{
	int fd = ASSERT_OK(open(path, O_WRONLY | O_CLOEXEC | O_APPEND));

	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		FAIL("cannot write '%s' to %s: %s", text, path,
		     error_text(errno));
	close(fd);
}

void start_tracing(void)
{
	if (access(TRACING, F_OK))
		test_skip("this kernel has no tracing");
	write_to(TRACING "events/shmcount/enable", "1");
	write_to(TRACING "tracing_on", "1");
}

FILE *end_of_trace(void)
{
	FILE *trace;

	write_to(TRACING "events/shmcount/enable", "0");
	trace = fopen(TRACING "trace", "re");
	ASSERT_TRUE(trace);
	return trace;
}

uint64_t frame_of(void *page)
{
	int fd = ASSERT_OK(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
	uint64_t entry;

	ASSERT_EQ(sizeof(entry),
		  pread(fd, &entry, sizeof(entry),
			(uintptr_t)page / page_size() * sizeof(entry)));
	close(fd);
	ASSERT_TRUE(entry >> 63);
	return entry & ((1ULL << 55) - 1);
}

void run_unrelated(void (*function)(void *), void *argument)
{
	int report[2];
	char byte;

	ASSERT_OK(pipe2(report, O_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		pid_t between = fork();

		ASSERT_OK(between);
		if (!between) {
			if (fork())
				_exit(0);
			setsid();
			function(argument);
			ASSERT_EQ(1, write(report[1], "", 1));
			_exit(0);
		}
		ASSERT_EQ(between, waitpid(between, NULL, 0));
	}
	close(report[1]);
	for (int i = 0; i < 2; i++)
		if (read(report[0], &byte, 1) != 1)
			FAIL("an unrelated process has ended early");
	close(report[0]);
}

void expect_signal(int signal, void (*function)(void *), void *argument)
{
	pid_t pid = start(function, argument);
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	if (WIFEXITED(status))
		FAIL("expected signal %d (%s), saw exit status %d", signal,
		     strsignal(signal), WEXITSTATUS(status));
	if (WTERMSIG(status) != signal)
		FAIL("expected signal %d (%s), saw signal %d (%s)", signal,
		     strsignal(signal), WTERMSIG(status), strsignal(WTERMSIG(status)));
}

void kill_and_wait(pid_t pid)
{
	ASSERT_OK(kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
}
