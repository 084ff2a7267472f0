// SPDX-License-Identifier: GPL-2.0
/*
 * What goes into the guest: an initramfs with init and the guest's modules; a payload
 * with what this run is for, which a boot finds in the initramfs, and a guest that is
 * restored on its first disk; a disk for measurements.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "archive.h"
#include "runner.h"

/* Run a tool in this directory, silently; returns true if it succeeds. */
static bool run_tool(const char *directory, const char *const args[])
{
	pid_t pid = fork();
	int null, status;
	char *path;

	if (!pid) {
		/* An ordinary user's PATH may lack what mke2fs is in. */
		if (asprintf(&path, "%s:/usr/sbin:/sbin",
			     getenv("PATH") ?: "/usr/bin:/bin") > 0)
			setenv("PATH", path, 1);
		null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		if (!chdir(directory))
			execvp(args[0], (char *const *)args);
		dprintf(STDERR_FILENO, "%s: %s\n", args[0], strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && !status;
}

void remove_directory(void)
{
	const char *const args[] = { "rm", "-rf", "--", guest.directory, NULL };

	if (guest.directory[0])
		run_tool(".", args);
}

static void make_directory(void)
{
	const char *set = getenv("TMPDIR") ?: "";
	const char *parent = *set ? set : "/tmp";

	if ((size_t)snprintf(guest.directory, sizeof(guest.directory),
			     "%s/vm.XXXXXX", parent) >= sizeof(guest.directory))
		errno = ENAMETOOLONG;
	else if (mkdtemp(guest.directory))
		return;
	guest.directory[0] = '\0';
	no_guest("cannot make a directory in %s%s: %s", parent,
		 *set ? " (TMPDIR)" : "", strerror(errno));
}

/* A line of the config; see vm.h. */
static void put(FILE *config, const char *key, const char *value)
{
	fprintf(config, "%s=", key);
	for (; *value; value++) {
		if (*value == '\n' || *value == '\\')
			putc('\\', config);
		putc(*value == '\n' ? 'n' : *value, config);
	}
	putc('\n', config);
}

static void put_number(FILE *config, const char *key, int value)
{
	fprintf(config, "%s=%d\n", key, value);
}

/* Words that the kernel mixes into its random numbers. */
static void put_seed(FILE *config)
{
	unsigned int seed[VM_SEED_WORDS];

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		no_guest("no random numbers: %s", strerror(errno));
	fprintf(config, "seed=");
	for (int i = 0; i < VM_SEED_WORDS; i++)
		fprintf(config, "%08x", seed[i]);
	putc('\n', config);
}

static void pack_config(FILE *archive)
{
	struct winsize size = { 0 };
	char *directory = getcwd(NULL, 0), *text;
	struct timespec time;
	size_t length;
	FILE *config = open_memstream(&text, &length);

	if (!config || (options.host && !directory))
		no_guest("the working directory is gone, or there is no memory");
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	put(config, "nonce", guest.nonce);
	clock_gettime(CLOCK_REALTIME, &time);
	fprintf(config, "time=%ld.%09ld\n", time.tv_sec, time.tv_nsec);
	put_seed(config);
	put(config, "verb", options.verb);
	put(config, "parameters", options.parameters);
	put(config, "guest", kind_of_guest());
	put(config, "host", options.host ? "yes" : "");
	put(config, "disk", !options.disk ? "" :
	    guest.start == BOOT ? "/dev/vda" : "/dev/vdb");
	for (int i = 0; i < options.fetch_count; i++)
		put(config, "fetch", options.fetch[i]);
	put(config, "directory", options.host ? directory : "/");
	put_number(config, "rows", size.ws_row ?: 24);
	put_number(config, "columns", size.ws_col ?: 80);
	put(config, "term", getenv("TERM") ?: "dumb");
	for (char **arg = options.argv; *arg; arg++)
		put(config, "argument", *arg);
	fclose(config);
	archive_data(archive, "config", 0600, text, length);
	free(text);
	free(directory);
}

static void pack_file(FILE *archive, const char *name, mode_t mode,
		      const char *path)
{
	if (archive_file(archive, name, mode, path))
		no_guest("cannot %s %s: %s", errno == ENOENT ? "find" : "read",
			 path, strerror(errno));
}

/* Pack a list of modules and what it lists; without a list all is built in. */
static void pack_modules(FILE *archive, const char *list)
{
	char path[4400], name[300], module[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/modules/%s", options.kernel, list);
	file = fopen(path, "re");
	if (!file)
		return;
	snprintf(name, sizeof(name), "modules/%s", list);
	pack_file(archive, name, 0644, path);
	while (fscanf(file, "%255s", module) == 1) {
		snprintf(path, sizeof(path), "%s/modules/%s", options.kernel,
			 module);
		snprintf(name, sizeof(name), "modules/%s", module);
		pack_file(archive, name, 0644, path);
	}
	fclose(file);
}

static void pack_user_file(FILE *archive, const char *path)
{
	const char *base = basename(path);
	bool module = strstr(base, ".ko");
	char name[300];

	snprintf(name, sizeof(name), "%s/%s", module ? "lib" : "bin", base);
	pack_file(archive, name, module ? 0644 : 0755, path);
}

static FILE *begin_archive(const char *name)
{
	char path[4200];
	FILE *archive;

	snprintf(path, sizeof(path), "%s/%s", guest.directory, name);
	archive = fopen(path, "we");
	if (!archive)
		no_guest("cannot write %s: %s", path, strerror(errno));
	return archive;
}

static void end_archive(FILE *archive)
{
	if (archive_end(archive))
		no_guest("cannot write into %s: %s", guest.directory,
			 strerror(errno));
}

static void pack_payload(FILE *archive)
{
	pack_config(archive);
	if (options.module)
		pack_file(archive, "lib/shmcount.ko", 0644, options.module);
	for (int i = 0; i < options.file_count; i++)
		pack_user_file(archive, options.files[i]);
}

void pack_initramfs(void)
{
	static const char *const directories[] = {
		"bin", "lib", "modules", "dev", "proc", "sys",
	};
	FILE *archive = begin_archive("initramfs");

	archive_directory(archive, ".", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		archive_directory(archive, directories[i], 0755);
	archive_directory(archive, "tmp", 01777);
	pack_file(archive, "init", 0755, options.init);
	if (guest.start != BOOT || options.host)
		pack_modules(archive, "payload");
	if (options.host)
		pack_modules(archive, "host");
	if (options.disk)
		pack_modules(archive, "disk");
	if (guest.start == BOOT)
		pack_payload(archive);
	end_archive(archive);
}

/*
 * Blocks have the size that they have on larger disks; mke2fs would choose 1 kB
 * here. Without lazy_itable_init=0 the guest's kernel would finish the file system
 * while others measure.
 */
static void make_disk(void)
{
	char size[32];
	const char *const args[] = {
		"mke2fs", "-q", "-t", "ext4", "-b", "4096",
		"-E", "lazy_itable_init=0", "disk", size, NULL,
	};

	snprintf(size, sizeof(size), "%dM", options.disk);
	if (!run_tool(guest.directory, args))
		no_guest("cannot make a disk of %d MB (is mke2fs there, and room?)",
			 options.disk);
}

void make_payload(void)
{
	make_directory();
	pack_initramfs();
	if (options.disk)
		make_disk();
}

bool fill_payload_disk(void)
{
	FILE *disk = begin_archive("payload");
	int fd = dup(fileno(disk));
	bool fits;

	if (guest.start == RESTORE)
		pack_payload(disk);
	end_archive(disk);
	fits = fd >= 0 && lseek(fd, 0, SEEK_END) <= PAYLOAD_BYTES &&
	       !ftruncate(fd, guest.start == SAVE ? 0 : PAYLOAD_BYTES) &&
	       !ftruncate(fd, PAYLOAD_BYTES);
	close(fd);
	return fits;
}
