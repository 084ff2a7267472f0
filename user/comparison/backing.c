// SPDX-License-Identifier: GPL-2.0
/*
 * The backings: each is a kind of memory that processes can share. To add one,
 * write those of make, open, map and their reverses that the others do not have
 * yet, and add an entry to backings[].
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../libc.h"
#include "compare.h"

/*
 * Copies of the objects to remove at exit: an object may be on a stack, and gcc 14 and
 * 16 warn of a list of those.
 */
static struct made {
	struct object object;
	struct made *next;
} *made;
static pid_t made_by;		/* children of this process remove nothing */

bool lacks(char why[WHY], const char *format, ...)
{
	int error = errno, length;
	va_list args;

	va_start(args, format);
	length = vsnprintf(why, WHY, format, args);
	va_end(args);
	if (error && length < WHY)
		snprintf(why + length, WHY - length, ": %s", strerror(error));
	return false;
}

/* The pid makes the name unique among runs, the number within this run. */
static void make_name(struct object *object, const char *directory)
{
	static int number;

	snprintf(object->name, sizeof(object->name), "%s/compare.%d.%d",
		 directory, getpid(), number++);
}

static void *map(const struct object *object, int fd)
{
	return mmap(NULL, object->size, PROT_READ | PROT_WRITE,
		    object->backing->flags, fd, 0);
}

static void unmap(const struct object *object, void *address)
{
	munmap(address, object->size);
}

static int open_named(struct object *object, const char *name)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		lacks(object->why, "cannot open %s", name);
	return fd;
}

static int open_file(struct object *object)
{
	return open_named(object, object->name);
}

static int open_zero(struct object *object)
{
	return open_named(object, "/dev/zero");
}

/* file on a disk, and on a tmpfs */

static bool make_in(struct object *object, const char *directory, bool tmpfs)
{
	struct statfs fs;
	int fd, error;

	if (statfs(directory, &fs))
		return lacks(object->why, "no directory %s", directory);
	errno = 0;
	if (tmpfs && fs.f_type != TMPFS_MAGIC)
		return lacks(object->why, "%s is not a tmpfs (--tmpfs=DIR)", directory);
	if (!tmpfs && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
		return lacks(object->why, "%s is not on a disk (--disk=DIR)", directory);
	if (fs.f_bavail * fs.f_bsize < 2 * object->size)
		return lacks(object->why, "no room in %s", directory);

	make_name(object, directory);
	fd = open(object->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return lacks(object->why, "cannot make %s", object->name);
	/* On a tmpfs the first touch must allocate the pages. */
	error = tmpfs ? 0 : posix_fallocate(fd, 0, object->size);
	if (!error && ftruncate(fd, object->size))
		error = errno;
	close(fd);
	if (!error)
		return true;
	unlink(object->name);
	errno = error;
	return lacks(object->why, "cannot make %s", object->name);
}

static bool make_file(struct object *object)
{
	return make_in(object, object->locations->disk, false);
}

static bool make_tmpfs(struct object *object)
{
	return make_in(object, object->locations->tmpfs, true);
}

static void remove_file(struct object *object)
{
	unlink(object->name);
}

/* POSIX shared memory */

static bool make_shm(struct object *object)
{
	bool ok;
	int fd;

	make_name(object, "");
	fd = shm_open(object->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (fd < 0)
		return lacks(object->why, "shm_open");
	ok = !ftruncate(fd, object->size) ||
	     lacks(object->why, "cannot make %zu bytes", object->size);
	close(fd);
	if (!ok)
		shm_unlink(object->name);
	return ok;
}

static int open_shm(struct object *object)
{
	int fd = shm_open(object->name, O_RDWR, 0);

	if (fd < 0)
		lacks(object->why, "shm_open");
	return fd;
}

static void remove_shm(struct object *object)
{
	shm_unlink(object->name);
}

/* memfd */

static bool make_memfd(struct object *object)
{
	object->id = memfd_create("compare", MFD_CLOEXEC);
	if (object->id < 0)
		return lacks(object->why, "memfd_create");
	if (ftruncate(object->id, object->size)) {
		lacks(object->why, "cannot make %zu bytes", object->size);
		close(object->id);
		return false;
	}
	snprintf(object->name, sizeof(object->name), "/proc/self/fd/%d",
		 object->id);
	return true;
}

static void remove_memfd(struct object *object)
{
	close(object->id);
}

/* System V shared memory; object->id is its key */

static bool make_sysv(struct object *object)
{
	static int number;
	int id;

	do {
		object->id = (getpid() << 8 ^ ++number) | 1 << 30;
		id = shmget(object->id, object->size,
			    IPC_CREAT | IPC_EXCL | 0600);
	} while (id < 0 && errno == EEXIST);
	return id >= 0 || lacks(object->why, "shmget");
}

static int open_sysv(struct object *object)
{
	int id = shmget(object->id, 0, 0);

	if (id < 0)
		lacks(object->why, "shmget");
	return id;
}

static void *map_sysv(const struct object *object, int id)
{
	(void)object;
	return shmat(id, NULL, 0);
}

static void unmap_sysv(const struct object *object, void *address)
{
	(void)object;
	shmdt(address);
}

static void remove_sysv(struct object *object)
{
	shmctl(shmget(object->id, 0, 0), IPC_RMID, NULL);
}

/*
 * The device. Others may keep a count in it: lock them out (see ../attach.h),
 * save the content, and restore it in the end.
 */

static bool make_device(struct object *object)
{
	void *memory = MAP_FAILED;
	long size;

	snprintf(object->name, sizeof(object->name), "%s",
		 object->locations->device);
	object->id = open_file(object);
	if (object->id < 0)
		return false;
	errno = 0;
	size = lseek(object->id, 0, SEEK_END);
	if (size > 0 && size < (long)object->size)
		lacks(object->why, "the region has %ld bytes, not %zu", size,
		      object->size);
	else if (flock(object->id, LOCK_EX | LOCK_NB))
		lacks(object->why, "%s is in use", object->name);
	else
		memory = map(object, object->id);
	if (memory != MAP_FAILED) {
		object->saved = allocate(1, object->size);
		memcpy(object->saved, memory, object->size);
		munmap(memory, object->size);
		return true;
	}
	if (!object->why[0])
		lacks(object->why, "cannot map %s", object->name);
	close(object->id);
	return false;
}

static void remove_device(struct object *object)
{
	void *memory = map(object, object->id);

	if (memory != MAP_FAILED) {
		memcpy(memory, object->saved, object->size);
		munmap(memory, object->size);
	}
	free(object->saved);
	close(object->id);
}

/* What all backings have in common that mmap() maps, and those of a descriptor. */
#define MAPPED(mmap_flags) .flags = (mmap_flags), .map = map, .unmap = unmap
#define MAPPED_FILE .shares = true, MAPPED(MAP_SHARED), .close = close

const struct backing backings[] = {
	{
		.name = "private", .help = "MAP_PRIVATE with MAP_ANON: the control, each process has its own",
		.shared_by = "nobody", .lasts = "while mapped", .fresh = true,
		MAPPED(MAP_PRIVATE | MAP_ANONYMOUS),
	}, {
		.name = "file", .help = "a file on a disk",
		.shared_by = "name", .lasts = "past a reboot",
		MAPPED_FILE, .fresh = true, .warm = true,
		.make = make_file, .open = open_file, .remove = remove_file,
	}, {
		.name = "tmpfs", .help = "a file on a tmpfs",
		.shared_by = "name", .lasts = "until removed",
		MAPPED_FILE, .fresh = true, .warm = true,
		.make = make_tmpfs, .open = open_file, .remove = remove_file,
	}, {
		.name = "MAP_ANON", .help = "MAP_SHARED with MAP_ANON",
		.shared_by = "fork", .lasts = "while mapped", .shares = true,
		.fresh = true, MAPPED(MAP_SHARED | MAP_ANONYMOUS),
	}, {
		.name = "/dev/zero", .help = "a mapping of /dev/zero",
		.shared_by = "fork", .lasts = "while mapped",
		MAPPED_FILE, .fresh = true, .open = open_zero,
	}, {
		.name = "shm_open", .help = "POSIX shared memory",
		.shared_by = "name", .lasts = "until removed",
		MAPPED_FILE, .fresh = true, .warm = true,
		.make = make_shm, .open = open_shm, .remove = remove_shm,
	}, {
		.name = "memfd", .help = "memfd_create()",
		.shared_by = "descriptor", .lasts = "while in use",
		MAPPED_FILE, .fresh = true, .warm = true,
		.make = make_memfd, .open = open_file, .remove = remove_memfd,
	}, {
		.name = "shmget", .help = "System V shared memory",
		.shared_by = "key", .lasts = "until removed", .shares = true,
		.fresh = true, .warm = true,
		.make = make_sysv, .open = open_sysv, .remove = remove_sysv,
		.map = map_sysv, .unmap = unmap_sysv,
	}, {
		.name = SHMCOUNT_DEVICE, .help = "the region of the device",
		.shared_by = "name", .lasts = "until rmmod",
		MAPPED_FILE, .warm = true,
		.make = make_device, .open = open_file, .remove = remove_device,
	},
};

const int backing_count = ARRAY_SIZE(backings);

const struct backing *backing_named(const char *name)
{
	for (int i = 0; i < backing_count; i++)
		if (!strcmp(backings[i].name, name))
			return &backings[i];
	return NULL;
}

static void remove_all(void)
{
	while (getpid() == made_by && made) {
		struct object object = made->object;

		object_remove(&object);
	}
}

bool object_make(struct object *object, const struct backing *backing,
		 const struct locations *locations, size_t size)
{
	struct made *new;

	*object = (struct object) {
		.backing = backing, .locations = locations, .size = size, .id = -1,
	};
	if (!made_by)
		atexit(remove_all);
	made_by = getpid();
	if (!backing->make)
		return true;
	new = allocate(1, sizeof(*new));
	if (!backing->make(object)) {
		free(new);
		return false;
	}
	object->made = new;
	*new = (struct made) { *object, made };
	made = new;
	return true;
}

void object_remove(struct object *object)
{
	struct made **link = &made;

	if (!object->made)
		return;
	while (*link != object->made)
		link = &(*link)->next;
	*link = object->made->next;
	free(object->made);
	object->made = NULL;
	object->backing->remove(object);
}

void *object_attach(struct object *object)
{
	const struct backing *backing = object->backing;
	int fd = backing->open ? backing->open(object) : -1;
	void *address;

	if (backing->open && fd < 0)
		return NULL;
	address = backing->map(object, fd);
	if (address == MAP_FAILED)
		lacks(object->why, "cannot map it");
	if (backing->close)
		backing->close(fd);
	return address == MAP_FAILED ? NULL : address;
}

void object_detach(struct object *object, void *address)
{
	object->backing->unmap(object, address);
}

void *object_acquire(struct object *object, const struct backing *backing,
		     const struct locations *locations, size_t size)
{
	void *address;

	if (!object_make(object, backing, locations, size))
		return NULL;
	address = object_attach(object);
	if (!address)
		object_remove(object);
	return address;
}

void object_release(struct object *object, void *address)
{
	object_detach(object, address);
	object_remove(object);
}

bool backing_probe(const struct backing *backing,
		   const struct locations *locations, size_t size, char why[WHY])
{
	struct object object;
	void *address = object_acquire(&object, backing, locations, size);

	if (address)
		object_release(&object, address);
	memcpy(why, object.why, WHY);
	return !why[0];
}

void touch(void *address, size_t size)
{
	for (size_t i = 0; i < size; i += page_size())
		__atomic_fetch_or((char *)address + i, 0, __ATOMIC_RELAXED);
}

int futex_wake_error(void *address)
{
	if (syscall(SYS_futex, address, FUTEX_WAKE, 1, NULL, NULL, 0) >= 0)
		return 0;
	return errno;
}
