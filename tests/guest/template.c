// SPDX-License-Identifier: GPL-2.0
/*
 * Templates: guests that have booted, as files. A guest of the same kind is restored
 * from one in a fraction of the time that a boot takes.
 *
 * A template is QEMU's migration stream of a guest in which init waits for its
 * payload, and after that the key and a footer. The key names all that the guest was
 * made of. A template of another key, of another day, or whose checksum is wrong is
 * not used: QEMU gets the last part of the stream only after the sum was right.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel.h"
#include "runner.h"

enum {
	KEY = 4 * PATH_MAX,
	CHUNK = 1 << 20,
	/* The kernel's addresses are those of the template: do not keep it for long. */
	MAX_AGE = 24 * 60 * 60,		/* seconds */
	LARGEST_GUEST = 4096,		/* MB; it boots faster than it is restored */
};
static const off_t max_total = 1000000000;	/* bytes of all templates */

struct footer {
	char magic[8];
	uint64_t length, sum;	/* of the stream */
};
static const char magic[] = "shmtmpl1";

static char key[KEY], path[PATH_MAX];
static int monitor;	/* of the QEMU that saves */

/* FNV-1a, of eight bytes at a time. The rest of the last eight is zero. */
static uint64_t sum_of(uint64_t sum, const char *data, size_t length)
{
	uint64_t word;

	for (size_t i = 0; i < length; i += sizeof(word)) {
		word = 0;
		memcpy(&word, data + i, length - i < sizeof(word) ?
					length - i : sizeof(word));
		sum = (sum ^ word) * 0x100000001b3;
	}
	return sum;
}
static const uint64_t empty_sum = 0xcbf29ce484222325;

bool can_restore(void)
{
	char list[PATH_MAX + 32], module[64];
	FILE *missing;
	bool has_disk;

	if (!options.templates || guest.kvm || options.memory >= LARGEST_GUEST ||
	    is_verb("probe"))
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

/* The sum of a file of this run; 0 if it cannot be read. */
static uint64_t sum_of_file(const char *name)
{
	char file[PATH_MAX + 32], data[65536];
	uint64_t sum = empty_sum;
	size_t length;
	FILE *stream;

	snprintf(file, sizeof(file), "%s/%s", guest.directory, name);
	stream = fopen(file, "re");
	while (stream && (length = fread(data, 1, sizeof(data), stream)))
		sum = sum_of(sum, data, length);
	if (stream)
		fclose(stream);
	return stream ? sum : 0;
}

static void set_key(void)
{
	char *qemu = find_program(VM_QEMU);
	const char *args[MAX_ARGUMENTS];
	size_t length;

	identity(key, PATH_MAX + 100, qemu);
	free(qemu);
	strcat(key, "\n");
	length = strlen(key);
	identity(key + length, PATH_MAX + 100, guest.image);
	length = strlen(key);
	length += snprintf(key + length, KEY - length, "\ninitramfs %016lx\ndisk %d\n",
			   sum_of_file("initramfs"), options.disk);
	machine_arguments(args, -1);
	for (int i = 0; args[i] && length < KEY; i++)
		length += snprintf(key + length, KEY - length, "%s\n", args[i]);
	snprintf(path, sizeof(path), "%.4000s/%016lx", options.templates,
		 sum_of(empty_sum, key, strlen(key)));
}

/* The template's descriptor, or -1. Its footer is right; its sum is still unknown. */
static int open_template(struct footer *footer)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = strlen(key);
	char seen[KEY];
	struct stat stat;
	off_t end;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &stat)) {
		end = stat.st_size - sizeof(*footer);
		if (time(NULL) - stat.st_mtime < MAX_AGE &&
		    pread(fd, footer, sizeof(*footer), end) == sizeof(*footer) &&
		    !memcmp(footer->magic, magic, sizeof(footer->magic)) &&
		    footer->length + length == (uint64_t)end &&
		    pread(fd, seen, length, footer->length) == (ssize_t)length &&
		    !memcmp(seen, key, length))
			return fd;
	}
	close(fd);
	return -1;
}

/*
 * Start a process that writes the stream into a pipe. It keeps the last part back
 * until the sum of all is right, so that no guest runs that was damaged.
 */
static pid_t feed(int template, const struct footer *footer, int *pipe_end)
{
	static char data[CHUNK];
	uint64_t sum = empty_sum, left = footer->length;
	pid_t parent = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		no_guest("cannot make a pipe: %s", strerror(errno));
	fcntl(ends[1], F_SETPIPE_SZ, CHUNK);
	pid = fork();
	if (pid < 0)
		no_guest("cannot fork: %s", strerror(errno));
	if (pid) {
		close(ends[1]);
		*pipe_end = ends[0];
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close(ends[0]);
	lseek(template, 0, SEEK_SET);
	while (left) {
		ssize_t length = read(template, data, left < CHUNK ? left : CHUNK);

		if (length <= 0)
			break;
		left -= length;
		sum = sum_of(sum, data, length);
		if (!left && sum != footer->sum)
			break;
		for (ssize_t done = 0, n; done < length; done += n) {
			n = write(ends[1], data + done, length - done);
			if (n < 0)
				_exit(1);
		}
	}
	_exit(left != 0);
}

void save_template(void)
{
	dprintf(monitor, "migrate_set_parameter max-bandwidth 1T\n"
			       "migrate \"exec:cat >template\"\n"
			       "info migrate\n"
			       "quit\n");
}

/* Did QEMU's monitor say that all is saved? */
static bool is_saved(void)
{
	char said[65536];
	ssize_t length = recv(monitor, said, sizeof(said) - 1, MSG_DONTWAIT);

	said[length > 0 ? length : 0] = '\0';
	return strstr(said, "completed");
}

/* Add the key and the footer to a stream. Returns false if that fails. */
static bool finish_template(int fd)
{
	struct footer footer = { .sum = empty_sum };
	size_t length = strlen(key);
	static char data[CHUNK];
	ssize_t part;

	memcpy(footer.magic, magic, sizeof(footer.magic));
	lseek(fd, 0, SEEK_SET);
	while ((part = read(fd, data, sizeof(data))) > 0) {
		footer.sum = sum_of(footer.sum, data, part);
		footer.length += part;
	}
	return !part && footer.length &&
	       write(fd, key, length) == (ssize_t)length &&
	       write(fd, &footer, sizeof(footer)) == sizeof(footer);
}

/* Remove those that were used the longest time ago, down to the limit. */
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
			if (stat(other, &stat_of) || !S_ISREG(stat_of.st_mode))
				continue;
			total += stat_of.st_size;
			if (!oldest || stat_of.st_atime < oldest) {
				oldest = stat_of.st_atime;
				strcpy(oldest_path, other);
			}
		}
		if (list)
			closedir(list);
	} while (total > max_total && !unlink(oldest_path));
}

/* Boot a guest and save it in this file. Returns false if that fails. */
static bool boot_and_save(const char *file)
{
	char link[PATH_MAX + 16];
	bool saved = false;
	int ends[2], qemu;

	snprintf(link, sizeof(link), "%s/template", guest.directory);
	guest.start = SAVE;
	if (symlink(file, link) || !fill_payload_disk() ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return false;
	monitor = ends[0];
	guest.channel = ends[1];
	qemu = start_and_watch(boot_seconds());
	saved = !qemu && is_saved();
	close(ends[0]);
	close(ends[1]);
	return saved;
}

/* Open the file and lock it, so that nobody else makes this template now. */
static int lock(const char *file)
{
	struct stat locked, there;
	int fd;

	for (;;) {
		fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		if (fd < 0)
			return -1;
		while (flock(fd, LOCK_EX) && errno == EINTR && !interrupted)
			;
		if (interrupted ||
		    (!fstat(fd, &locked) && !stat(file, &there) &&
		     locked.st_ino == there.st_ino))
			return fd;
		/* Whoever had the lock has renamed or removed the file. */
		close(fd);
	}
}

/* Make the template, unless another run has made it meanwhile. */
static int make_template(struct footer *footer)
{
	char fresh[PATH_MAX + 16];
	bool made = false;
	int fd, template;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = lock(fresh);
	if (fd < 0) {
		fprintf(stderr, "vm: cannot save a guest as %s (%s); booting it\n",
			fresh, strerror(errno));
		return -1;
	}
	template = open_template(footer);
	if (template < 0 && !interrupted) {
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
	struct footer footer;
	int template;
	pid_t feeder;

	mkdir(options.templates, 0777);
	/* QEMU runs in another directory. */
	options.templates = realpath(options.templates, NULL) ?: options.templates;
	set_key();
	template = open_template(&footer);
	if (template < 0)
		template = make_template(&footer);
	*qemu = 0;
	if (template < 0)
		return interrupted;
	futimens(template, times);
	guest.start = RESTORE;
	if (!fill_payload_disk()) {
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
	fprintf(stderr, "vm: the saved guest did not come back; booting one\n");
	unlink(path);
	return false;
}
