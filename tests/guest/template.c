// SPDX-License-Identifier: GPL-2.0
/*
 * Templates: guests that have booted, as files. A guest of the same kind is restored
 * from one in a fraction of the time that a boot takes.
 *
 * A template is QEMU's migration stream of a guest in which init waits for its
 * payload, and after that the key and a footer. The key names all that the guest was
 * made of. A template of another key, of another day, or whose checksum is wrong is
 * made anew.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel.h"
#include "runner.h"
#include "signals.h"
#include "status.h"

enum {
	KEY = 4 * PATH_MAX,
	CHUNK = 1 << 20,
	/* The kernel's addresses are those of the template: do not keep it for long. */
	MAX_AGE = 24 * 60 * 60,		/* seconds */
	LARGEST_GUEST = 4096,		/* MB; it boots faster than it is restored */
	ROOM = 300 << 20,		/* bytes; a template takes less */
	MAX_TOTAL = 1000000000,		/* bytes of all templates */
};

struct footer {
	char magic[8];
	uint64_t length, sum;	/* of the stream */
};
static const char magic[] = "shmtmpl1";

static char key[KEY], path[PATH_MAX];

/*
 * As FNV-1a, of eight bytes at a time. The rest of the last eight is zero. Without the
 * rotation the highest bits of one word would change nothing but the highest of the sum.
 */
static uint64_t sum_of(uint64_t sum, const char *data, size_t length)
{
	uint64_t word;

	for (size_t i = 0; i < length; i += sizeof(word)) {
		word = 0;
		memcpy(&word, data + i, length - i < sizeof(word) ?
					length - i : sizeof(word));
		sum = (sum ^ word) * 0x100000001b3;
		sum = sum << 29 | sum >> 35;
	}
	return sum;
}
static const uint64_t empty_sum = 0xcbf29ce484222325;

bool can_restore(void)
{
	char list[PATH_MAX + 32], module[64];
	struct rlimit files;
	FILE *missing;
	bool has_disk;

	if (!options.templates || guest.kvm || options.memory >= LARGEST_GUEST ||
	    is_verb("probe") || getrlimit(RLIMIT_FSIZE, &files) ||
	    files.rlim_max < ROOM)
		return false;
	snprintf(list, sizeof(list), "%s/modules/missing", options.kernel);
	missing = fopen(list, "re");
	has_disk = missing;
	while (missing && fscanf(missing, "%63s %*s", module) == 1)
		has_disk = has_disk && strcmp(module, "payload");
	if (missing)
		fclose(missing);
	if (!has_disk)
		fprintf(stderr, "vm: the kernel lacks virtio_blk, so the guest cannot be restored; booting it\n");
	return has_disk;
}

/* The sum of what follows in this file, at most max bytes of it; sets the length. */
static uint64_t sum_of_stream(int fd, uint64_t max, uint64_t *length)
{
	static char data[CHUNK];
	uint64_t sum = empty_sum;
	size_t filled, wanted;

	*length = 0;
	do {
		ssize_t n;

		wanted = max - *length < CHUNK ? max - *length : CHUNK;
		for (filled = 0; filled < wanted; filled += n) {
			n = read(fd, data + filled, wanted - filled);
			if (n <= 0)
				break;
		}
		sum = sum_of(sum, data, filled);
		*length += filled;
	} while (filled && filled == wanted);
	return sum;
}

/* Of a file of this run. */
static uint64_t sum_of_file(const char *name)
{
	char file[PATH_MAX + 32];
	uint64_t sum, length;
	int fd;

	snprintf(file, sizeof(file), "%s/%s", guest.directory, name);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	sum = sum_of_stream(fd, UINT64_MAX, &length) + length;
	close(fd);
	return sum;
}

static void set_key(void)
{
	char *qemu = find_program(machine->qemu);
	const char *args[MAX_ARGUMENTS];
	size_t length;

	identity(key, PATH_MAX + 100, qemu);
	free(qemu);
	strcat(key, "\n");
	length = strlen(key);
	identity(key + length, PATH_MAX + 100, guest.image);
	length = strlen(key);
	length += snprintf(key + length, KEY - length, "\ninitramfs %016lx\ndisk %d\n"
			   "boot %s\n", sum_of_file("initramfs"), options.disk,
			   boot_of_host());
	machine_arguments(args, -1);
	for (int i = 0; args[i] && length < KEY; i++)
		length += snprintf(key + length, KEY - length, "%s\n", args[i]);
	snprintf(path, sizeof(path), "%.4000s/%016lx", options.templates,
		 sum_of(empty_sum, key, strlen(key)));
}

/* The template's descriptor, or -1 if there is none that is right. */
static int open_template(struct footer *footer)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = strlen(key);
	uint64_t summed;
	char seen[KEY];
	struct stat stat;
	off_t end;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &stat)) {
		end = stat.st_size - sizeof(*footer);
		if (labs(time(NULL) - stat.st_mtime) < MAX_AGE &&
		    pread(fd, footer, sizeof(*footer), end) == sizeof(*footer) &&
		    !memcmp(footer->magic, magic, sizeof(footer->magic)) &&
		    footer->length + length == (uint64_t)end &&
		    pread(fd, seen, length, footer->length) == (ssize_t)length &&
		    !memcmp(seen, key, length) &&
		    sum_of_stream(fd, footer->length, &summed) == footer->sum)
			return fd;
	}
	close(fd);
	return -1;
}

/* Start a process that writes the stream into a pipe. */
static pid_t feed(int template, const struct footer *footer, int *pipe_end)
{
	char *length = text_of("%lu", footer->length);
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		no_guest("cannot make a pipe: %s", strerror(errno));
	fcntl(ends[1], F_SETPIPE_SZ, CHUNK);
	lseek(template, 0, SEEK_SET);
	pid = fork_bound(SIGKILL);
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	if (!pid) {
		signal(SIGPIPE, SIG_DFL);
		dup2(template, STDIN_FILENO);
		dup2(ends[1], STDOUT_FILENO);
		execlp("head", "head", "-c", length, NULL);
		_exit(STATUS_INFRASTRUCTURE);
	}
	free(length);
	close(ends[1]);
	*pipe_end = ends[0];
	return pid;
}

/*
 * Stop the guest first: what a processor writes while QEMU reads the memory can be missed
 * under TCG, where it checks that a page is watched and then writes. On a slow host guests
 * came back with memory of two times, and crashed.
 */
void save_template(void)
{
	dprintf(guest.monitor, "stop\n"
			 "migrate_set_parameter max-bandwidth 1T\n"
			 "migrate \"exec:cat >template\"\n"
			 "info migrate\n"
			 "quit\n");
}

/* Did QEMU's monitor say that all is saved? */
static bool is_saved(void)
{
	char said[65536];
	ssize_t length = recv(guest.monitor, said, sizeof(said) - 1, MSG_DONTWAIT);

	said[length > 0 ? length : 0] = '\0';
	return strstr(said, "completed");
}

/* Add the key and the footer to a stream. Returns false if that fails. */
static bool finish_template(int fd)
{
	size_t length = strlen(key);
	struct footer footer;

	memcpy(footer.magic, magic, sizeof(footer.magic));
	lseek(fd, 0, SEEK_SET);
	footer.sum = sum_of_stream(fd, UINT64_MAX, &footer.length);
	return footer.length &&
	       write(fd, key, length) == (ssize_t)length &&
	       write(fd, &footer, sizeof(footer)) == sizeof(footer);
}

/* Is this the name of a template, or of one that somebody has begun to make? */
static bool is_template(const char *name, const char *end)
{
	return strspn(name, "0123456789abcdef") == 16 && !strcmp(name + 16, end);
}

/* Remove one that was begun, if nobody goes on with it. */
static void remove_unfinished(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		unlink(name);
	close(fd);
}

/*
 * Remove what is of no use any more, and then those that were used the longest time
 * ago, down to the limit.
 */
static void remove_old_templates(void)
{
	char oldest_path[PATH_MAX], other[PATH_MAX];
	struct dirent *entry;
	struct stat stat_of;
	time_t oldest;
	off_t total;
	DIR *list;

	do {
		total = 0;
		oldest = 0;
		list = opendir(options.templates);
		while (list && (entry = readdir(list))) {
			snprintf(other, sizeof(other), "%s/%s",
				 options.templates, entry->d_name);
			if (is_template(entry->d_name, ".new"))
				remove_unfinished(other);
			if (!is_template(entry->d_name, "") || stat(other, &stat_of))
				continue;
			if (time(NULL) - stat_of.st_mtime >= MAX_AGE && !unlink(other))
				continue;
			total += stat_of.st_size;
			if (!oldest || stat_of.st_atime < oldest) {
				oldest = stat_of.st_atime;
				strcpy(oldest_path, other);
			}
		}
		if (list)
			closedir(list);
	} while (total > MAX_TOTAL && !unlink(oldest_path));
}

/* Boot a guest and save it in this file. Returns false if that fails. */
static bool boot_and_save(const char *file)
{
	char link[PATH_MAX + 16];
	int qemu;

	snprintf(link, sizeof(link), "%s/template", guest.directory);
	guest.start = SAVE;
	if (symlink(file, link) || !fill_payload_disk())
		return false;
	qemu = start_and_watch(boot_seconds());
	/* What the kernel has reported it would not report again. */
	return !qemu && guest.splat == SPLAT_NONE && is_saved();
}

/*
 * Open the file and lock it, so that nobody else makes this template now. Returns -1
 * and errno if it cannot be locked, or at an interrupt.
 */
static int lock(const char *file)
{
	struct stat locked, there;
	int fd;

	for (;;) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0)
			return -1;
		while (flock(fd, LOCK_EX)) {
			if (errno == EINTR && !interrupted)
				continue;
			close(fd);
			return -1;
		}
		if (!fstat(fd, &locked) && !stat(file, &there) &&
		    locked.st_ino == there.st_ino)
			return fd;
		/* Whoever had the lock has renamed or removed the file. */
		close(fd);
	}
}

/* Make the template, unless another run has made it meanwhile. */
static int make_template(struct footer *footer)
{
	char fresh[PATH_MAX + 16];
	struct statvfs disk;
	bool made = false;
	int fd, template;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	if (!statvfs(options.templates, &disk) &&
	    disk.f_bavail * disk.f_frsize < ROOM) {
		fd = -1;
		errno = ENOSPC;
	} else {
		fd = lock(fresh);
	}
	if (fd < 0) {
		if (!interrupted)
			fprintf(stderr, "vm: cannot save a guest in %s (%s%s); booting it\n",
				options.templates, strerror(errno), errno == EACCES ?
				": remove it if it is another user's" : "");
		return -1;
	}
	template = open_template(footer);
	if (template < 0 && !interrupted) {
		if (is_verb("shell"))
			fprintf(stderr, "vm: booting a %s and saving it, some seconds\n",
				kind_of_guest());
		made = boot_and_save(fresh) && finish_template(fd) &&
		       !rename(fresh, path);
		template = made ? open_template(footer) : -1;
	}
	if (!made)
		unlink(fresh);
	if (template < 0 && !interrupted)
		fprintf(stderr, "vm: the guest could not be saved; booting it\n");
	close(fd);
	remove_old_templates();
	return template;
}

bool restore(int *qemu)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_NOW },
					  { .tv_nsec = UTIME_OMIT } };
	struct rlimit files, all_files;
	struct footer footer;
	bool filled = false;
	int template;
	pid_t feeder;

	/* The limit is for what a guest writes. */
	getrlimit(RLIMIT_FSIZE, &files);
	all_files = files;
	all_files.rlim_cur = all_files.rlim_max;
	setrlimit(RLIMIT_FSIZE, &all_files);
	mkdir(options.templates, 0777);
	/* QEMU runs in another directory. */
	options.templates = realpath(options.templates, NULL) ?: options.templates;
	set_key();
	template = open_template(&footer);
	if (template < 0)
		template = make_template(&footer);
	*qemu = 0;
	if (template >= 0) {
		futimens(template, times);
		guest.start = RESTORE;
		filled = fill_payload_disk();
	}
	setrlimit(RLIMIT_FSIZE, &files);
	if (template < 0)
		return interrupted;
	if (!filled) {
		fprintf(stderr, "vm: the payload is too large to restore a guest; booting it\n");
		close(template);
		return false;
	}
	if (is_verb("shell"))
		fprintf(stderr, "vm: restoring a %s; exit or Ctrl-D leaves it\n",
			kind_of_guest());
	feeder = feed(template, &footer, &guest.channel);
	close(template);
	*qemu = start_and_watch(options.boot_limit < RESTORE_SECONDS ?
				options.boot_limit : RESTORE_SECONDS);
	close(guest.channel);
	while (waitpid(feeder, NULL, 0) < 0 && errno == EINTR)
		;
	if (guest.up || guest.ready || interrupted || guest.output_error)
		return true;
	fprintf(stderr, "vm: the saved guest did not come back (%s); booting one\n",
		guest.timed_out ? "it says nothing" :
		guest.record.report_lines ? guest.record.report[0] : "QEMU ended");
	unlink(path);
	return false;
}
