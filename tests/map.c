// SPDX-License-Identifier: GPL-2.0
/* map: what may be mapped, how, and what becomes of a mapping. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"
#include "harness.h"

enum { PAGES = 4, SHARED_RW = PROT_READ | PROT_WRITE };

static void touch(void *address)
{
	*(volatile char *)address = 1;
}

/* mmap with an offset and length in bytes, by an open of its own. */
static void *try_map(size_t offset, size_t length, int prot, int flags,
		     int open_flags)
{
	int fd = open_device(open_flags);
	void *map = mmap(NULL, length, prot, flags, fd, offset);
	int error = errno;

	close(fd);
	errno = error;
	return map;
}

TEST(map, every_page_at_its_offset)
{
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	for (int i = 0; i < PAGES; i++) {
		char byte = 'a' + i;
		char *map;

		EXPECT_EQ(pwrite(fd, &byte, 1, i * page_size()), 1);
		map = map_pages(i, 1, MAP_SHARED);
		EXPECT_EQ(map[0], byte);
		EXPECT_EQ(map[1], 0);
	}
}

TEST(map, every_offset_and_length_inside)
{
	load_pages(PAGES);
	for (int first = 0; first < PAGES; first++)
		for (int pages = 1; pages <= PAGES - first; pages++)
			memset(map_pages(first, pages, MAP_SHARED), 1,
			       pages * page_size());
}

TEST(map, inside_is_taken)
{
	load_pages(PAGES);
	for (int first = 0; first < PAGES; first++)
		for (int pages = 1; pages <= PAGES - first; pages++)
			map_pages(first, pages, MAP_SHARED);
}

TEST(map, length_counts_in_whole_pages)
{
	load_pages(PAGES);
	EXPECT_OK(try_map(0, 1, SHARED_RW, MAP_SHARED, O_RDWR));
	EXPECT_OK(try_map(0, (PAGES - 1) * page_size() + 1, SHARED_RW,
			  MAP_SHARED, O_RDWR));
	EXPECT_ERRNO(try_map(0, PAGES * page_size() + 1, SHARED_RW, MAP_SHARED,
			     O_RDWR), EINVAL);
}

TEST(map, outside_is_refused)
{
	static const struct { size_t first, pages; } outside[] = {
		{ 0, PAGES + 1 }, { 1, PAGES }, { PAGES - 1, 2 }, { PAGES, 1 },
		{ PAGES + 1, 1 }, { 0, 1UL << 20 }, { 1UL << 20, 1 },
	};

	load_pages(PAGES);
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		size_t offset = outside[i].first * page_size();
		size_t length = outside[i].pages * page_size();

		EXPECT_ERRNO(try_map(offset, length, SHARED_RW, MAP_SHARED,
				     O_RDWR), EINVAL);
		EXPECT_ERRNO(try_map(offset, length, PROT_READ, MAP_PRIVATE,
				     O_RDONLY), EINVAL);
	}
}

TEST(map, overflow_is_refused)
{
	size_t page = page_size();
	size_t last = -page;	/* the last page that an offset can name */

	load_pages(PAGES);
	EXPECT_ERRNO(try_map(last - PAGES * page, PAGES * page, SHARED_RW,
			     MAP_SHARED, O_RDWR), EINVAL);
	EXPECT_ERRNO(try_map(1UL << 63, page, SHARED_RW, MAP_SHARED, O_RDWR),
		     EINVAL);
	EXPECT_ERRNO(try_map((1UL << 63) - page, 2 * page, SHARED_RW,
			     MAP_SHARED, O_RDWR), EINVAL);
	/* What no file can hold the kernel refuses before it asks us. */
	EXPECT_ERRNO(try_map(last, page, SHARED_RW, MAP_SHARED, O_RDWR),
		     EOVERFLOW);
	EXPECT_ERRNO(try_map(last, 2 * page, SHARED_RW, MAP_SHARED, O_RDWR),
		     EOVERFLOW);
}

TEST(map, offset_and_length_must_be_possible)
{
	load_pages(PAGES);
	EXPECT_ERRNO(try_map(1, page_size(), SHARED_RW, MAP_SHARED, O_RDWR),
		     EINVAL);
	EXPECT_ERRNO(try_map(0, 0, SHARED_RW, MAP_SHARED, O_RDWR), EINVAL);
}

TEST(map, two_mappings_are_one_memory)
{
	char *a, *b;

	load_pages(PAGES);
	a = map_pages(0, PAGES, MAP_SHARED);
	b = map_pages(0, PAGES, MAP_SHARED);
	EXPECT(a != b);
	for (size_t i = 0; i < PAGES * page_size(); i += 511) {
		a[i] = i % 127;
		EXPECT_EQ(b[i], i % 127);
		b[i] = i % 113;
		EXPECT_EQ(a[i], i % 113);
	}
}

TEST(map, private_copy)
{
	char *shared, *private;

	load_pages(PAGES);
	shared = map_pages(0, PAGES, MAP_SHARED);
	private = map_pages(0, PAGES, MAP_PRIVATE);
	shared[0] = 'a';
	EXPECT_EQ(private[0], 'a');
	private[0] = 'b';
	EXPECT_EQ(shared[0], 'a');
	shared[0] = 'c';
	EXPECT_EQ(private[0], 'b');
	shared[page_size()] = 'd';
	EXPECT_EQ(private[page_size()], 'd');
}

TEST(map, private_copy_of_a_read_only_open)
{
	char *private;

	load_pages(1);
	private = try_map(0, page_size(), SHARED_RW, MAP_PRIVATE, O_RDONLY);
	EXPECT(private != MAP_FAILED);
	private[0] = 'x';
	EXPECT_EQ(((char *)map_pages(0, 1, MAP_SHARED))[0], 0);
}

TEST(map, read_only_open_is_never_writable)
{
	char *map;

	load_pages(1);
	EXPECT_ERRNO(try_map(0, page_size(), SHARED_RW, MAP_SHARED, O_RDONLY),
		     EACCES);
	map = try_map(0, page_size(), PROT_READ, MAP_SHARED, O_RDONLY);
	EXPECT(map != MAP_FAILED);
	EXPECT_EQ(map[0], 0);
	EXPECT_ERRNO(mprotect(map, page_size(), SHARED_RW), EACCES);
	expect_signal(SIGSEGV, touch, map);
}

TEST(map, write_only_open_cannot_be_mapped)
{
	load_pages(1);
	EXPECT_ERRNO(try_map(0, page_size(), PROT_WRITE, MAP_SHARED, O_WRONLY),
		     EACCES);
}

TEST(map, mprotect_takes_and_gives_back)
{
	char *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 7;
	EXPECT_OK(mprotect(map, page_size(), PROT_READ));
	EXPECT_EQ(map[0], 7);
	expect_signal(SIGSEGV, touch, map);
	EXPECT_OK(mprotect(map, page_size(), PROT_NONE));
	expect_signal(SIGSEGV, touch, map);
	EXPECT_OK(mprotect(map, page_size(), SHARED_RW));
	map[0]++;
	EXPECT_EQ(map[0], 8);
}

TEST(map, never_executable)
{
	void *map;

	load_pages(1);
	EXPECT_ERRNO(try_map(0, page_size(), PROT_READ | PROT_EXEC, MAP_SHARED,
			     O_RDWR), EPERM);
	EXPECT_ERRNO(try_map(0, page_size(), PROT_READ | PROT_EXEC,
			     MAP_PRIVATE, O_RDWR), EPERM);
	map = map_pages(0, 1, MAP_SHARED);
	EXPECT_ERRNO(mprotect(map, page_size(), PROT_READ | PROT_EXEC),
		     EACCES);
}

TEST(map, mremap_does_not_grow)
{
	void *map;

	load_pages(PAGES);
	map = map_pages(0, 1, MAP_SHARED);
	EXPECT_ERRNO(mremap(map, page_size(), 2 * page_size(), 0), EFAULT);
	EXPECT_ERRNO(mremap(map, page_size(), 2 * page_size(),
			    MREMAP_MAYMOVE), EFAULT);
	EXPECT_ERRNO(mremap(map, page_size(), (PAGES + 1) * page_size(),
			    MREMAP_MAYMOVE), EFAULT);
}

TEST(map, mremap_moves_and_shrinks)
{
	char *map, *room, *moved;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	map[page_size()] = 'm';
	room = mmap(NULL, PAGES * page_size(), PROT_NONE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);
	moved = mremap(map, PAGES * page_size(), PAGES * page_size(),
		       MREMAP_MAYMOVE | MREMAP_FIXED, room);
	EXPECT(moved == room);
	EXPECT_EQ(moved[page_size()], 'm');
	EXPECT_EQ(attribute("mappings"), 1);
	expect_signal(SIGSEGV, touch, map);
	EXPECT(mremap(moved, PAGES * page_size(), page_size(), 0) == moved);
	touch(moved);
	expect_signal(SIGSEGV, touch, moved + page_size());
}

TEST(map, partial_munmap)
{
	char *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	memset(map, 'p', PAGES * page_size());
	EXPECT_OK(munmap(map + page_size(), page_size()));
	EXPECT_EQ(attribute("mappings"), 2);
	EXPECT_EQ(map[0], 'p');
	EXPECT_EQ(map[2 * page_size()], 'p');
	expect_signal(SIGSEGV, touch, map + page_size());
	EXPECT_EQ(((char *)map_pages(1, 1, MAP_SHARED))[0], 'p');
}

TEST(map, after_munmap_there_is_nothing)
{
	char *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	touch(map);
	EXPECT_OK(munmap(map, page_size()));
	expect_signal(SIGSEGV, touch, map);
}

TEST(map, mapping_outlives_its_descriptor)
{
	char *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 'k';
	EXPECT_EQ(attribute("opens"), 1);
	EXPECT_EQ(((char *)map_pages(0, 1, MAP_SHARED))[0], 'k');
}

static void write_in_child(void *map)
{
	EXPECT_EQ(*(char *)map, 'p');
	*(char *)map = 'c';
	EXPECT_EQ(attribute("mappings"), 2);
}

TEST(map, fork_shares)
{
	char *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 'p';
	finish(start(write_in_child, map));
	EXPECT_EQ(map[0], 'c');
	EXPECT_EQ(attribute("mappings"), 1);
}

TEST(map, over_another_mapping)
{
	char *anon, *map;
	int fd;

	load_pages(PAGES);
	anon = mmap(NULL, 3 * page_size(), SHARED_RW, MAP_PRIVATE | MAP_ANON,
		    -1, 0);
	memset(anon, 'a', 3 * page_size());
	fd = open_device(O_RDWR);
	map = mmap(anon + page_size(), page_size(), SHARED_RW,
		   MAP_SHARED | MAP_FIXED, fd, 0);
	EXPECT(map == anon + page_size());
	EXPECT_EQ(anon[0], 'a');
	EXPECT_EQ(map[0], 0);
	EXPECT_EQ(anon[2 * page_size()], 'a');
}

TEST(map, populate)
{
	unsigned char in_core[PAGES];
	char *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED | MAP_POPULATE);
	EXPECT_EQ(attribute("faults"), PAGES);
	EXPECT_OK(mincore(map, PAGES * page_size(), in_core));
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(in_core[i] & 1, 1);
}

/* The kernel passes over a mapping that must not grow: no error, no effect. */
TEST(map, mlock_is_taken_without_effect)
{
	void *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	EXPECT_OK(mlock(map, PAGES * page_size()));
	EXPECT_EQ(number_in("/proc/self/status", "VmLck:"), 0);
}

/*
 * The kernel takes the device's file for one of shmem, by its mapping, and
 * asks the node's inode for what only shmem's inodes have.
 */
TEST(map, what_the_kernel_asks_of_shmem)
{
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	memset(map_pages(0, PAGES, MAP_SHARED), 1, PAGES * page_size());
	EXPECT_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	EXPECT_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	EXPECT_EQ(number_in("/proc/self/smaps_rollup", "Swap:"), 0);
	EXPECT_OK(map_pages(0, PAGES, MAP_SHARED));
}

TEST(map, msync_succeeds)
{
	void *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	touch(map);
	EXPECT_OK(msync(map, page_size(), MS_SYNC));
	EXPECT_OK(msync(map, page_size(), MS_ASYNC));
}

/* What would take pages out of the region, from under the others. */
TEST(map, region_cannot_be_shrunk_or_punched)
{
	char *map;
	int fd;

	load_pages(PAGES);
	fd = open_device(O_RDWR);
	map = map_pages(0, PAGES, MAP_SHARED);
	memset(map, 's', PAGES * page_size());
	EXPECT(madvise(map, page_size(), MADV_REMOVE) == -1);
	EXPECT_ERRNO(ftruncate(fd, 0), EINVAL);
	EXPECT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			 page_size()) == -1);
	EXPECT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	EXPECT_OK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	for (size_t i = 0; i < PAGES * page_size(); i++)
		EXPECT_EQ(map[i], 's');
	EXPECT_ERRNO(open(DEVICE, O_RDWR | O_DIRECT), EINVAL);
	EXPECT_OK(open(DEVICE, O_RDWR | O_TRUNC));
	EXPECT_EQ(map[0], 's');
}

TEST(map, pages_come_back_when_page_tables_are_dropped)
{
	char *map;
	long faults;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	memset(map, 'r', PAGES * page_size());
	faults = attribute("faults");
	EXPECT_EQ(faults, PAGES);
	EXPECT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	for (size_t i = 0; i < PAGES * page_size(); i++)
		EXPECT_EQ(map[i], 'r');
	EXPECT_EQ(attribute("faults"), 2 * PAGES);
}

/* As where the page was in swap, and cannot be read from there. */
TEST(map, page_that_cannot_be_had_is_a_sigbus)
{
	char *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	map[0] = 's';
	force_return("shmem_read_mapping_page_gfp", -EIO, 1000);
	expect_signal(SIGBUS, touch, map + page_size());
	EXPECT_EQ(((char *)map_pages(0, 1, MAP_SHARED))[0], 's');
	EXPECT_EQ(attribute("faults"), 2);
	stop_forcing();
	touch(map + page_size());
	EXPECT_EQ(attribute("faults"), 3);
}

/* Have the kernel move a page to a node of memory; returns where it is. */
static int move_page(void *page, int node)
{
	int status = -1;

	EXPECT_OK(syscall(SYS_move_pages, 0, 1, &page, &node, &status,
			  MPOL_MF_MOVE_ALL));
	return status;
}

static void expect_moved(void *map)
{
	uint64_t before;

	EXPECT_EQ(*(char *)map, 'm');
	before = frame_of(map);
	EXPECT_EQ(move_page(map, 1), 1);
	EXPECT_EQ(*(char *)map, 'm');
	EXPECT(frame_of(map) != before);
}

/*
 * To move a page the kernel has to find every mapping of it, of every process
 * and by whatever open; a mapping that is not linked to the region's own
 * i_mmap holds the page in its place. Reclaim and swap stand on the same.
 */
TEST(map, kernel_can_move_the_pages)
{
	char *a, *b;

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one node of memory");
	load_pages(1);
	a = map_pages(0, 1, MAP_SHARED);
	b = map_pages(0, 1, MAP_SHARED);
	a[0] = 'm';
	EXPECT_EQ(b[0], 'm');
	EXPECT_EQ(move_page(a, 0), 0);
	finish(start(expect_moved, a));
	EXPECT_EQ(a[0], 'm');
	EXPECT_EQ(b[0], 'm');
	EXPECT_EQ(frame_of(a), frame_of(b));
	b[0] = 'n';
	EXPECT_EQ(a[0], 'n');
}

/* Make the RAM disk a place to swap to: the format's first page, version 1. */
static void swap_on(const char *disk)
{
	char header[page_size()];
	uint32_t *info = (uint32_t *)(header + 1024);
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		test_skip("this kernel has no RAM disk to swap to: make check KERNEL=debug has one that can");
	EXPECT_OK(fd);
	memset(header, 0, sizeof(header));
	info[0] = 1;
	info[1] = EXPECT_OK(lseek(fd, 0, SEEK_END)) / page_size() - 1;
	memcpy(header + sizeof(header) - 10, "SWAPSPACE2", 10);
	EXPECT_EQ(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
	EXPECT_OK(swapon(disk, 0));
}

TEST(map, pages_are_swapped_out_and_in)
{
	static const char disk[] = "/dev/ram0";
	unsigned char resident[PAGES];
	char *map;

	swap_on(disk);
	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED);
	for (int i = 0; i < PAGES; i++)
		map[i * page_size()] = 'a' + i;
	EXPECT_OK(madvise(map, PAGES * page_size(), MADV_PAGEOUT));
	EXPECT_OK(mincore(map, PAGES * page_size(), resident));
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(resident[i] & 1, 0);
	for (int i = 0; i < PAGES; i++)
		EXPECT_EQ(map[i * page_size()], 'a' + i);
	EXPECT_EQ(attribute("faults"), 2 * PAGES);
	EXPECT_OK(swapoff(disk));
	EXPECT_EQ(map[0], 'a');
}

/*
 * Reclaim may take a page between the fault handler's having it and locking
 * it: then the process faults again, and notices nothing.
 */
TEST(map, page_that_is_gone_before_it_is_locked)
{
	char *map;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	force_return("pagecache_get_page", 0, 2);
	map[0] = 'g';
	EXPECT_EQ(still_forced(), 0);
	EXPECT_EQ(attribute("faults"), 1);
	EXPECT_EQ(map[0], 'g');
}

static void fault_for_ever(void *map)
{
	for (;;) {
		EXPECT_EQ(*(volatile char *)map, 'f');
		EXPECT_OK(madvise(map, page_size(), MADV_DONTNEED));
	}
}

TEST(map, pages_move_while_they_are_faulted_in)
{
	pid_t faulter;
	char *map;
	int moved = 0;

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one node of memory");
	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	map[0] = 'f';
	faulter = start(fault_for_ever, map);
	for (int i = 0; i < 500; i++) {
		moved += move_page(map, i % 2) == i % 2;
		EXPECT_EQ(map[0], 'f');
	}
	EXPECT(moved > 100);
	EXPECT_OK(kill(faulter, SIGKILL));
	EXPECT_EQ(waitpid(faulter, NULL, 0), faulter);
}

TEST(map, name_in_maps)
{
	unsigned long from, to;
	char line[512], name[256] = "";
	void *map;
	FILE *maps;

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	maps = fopen("/proc/self/maps", "re");
	EXPECT(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 &&
		    (void *)from == map)
			sscanf(line, "%*s %*s %*s %*s %*s %255s", name);
	}
	EXPECT_STR(name, DEVICE);
	fclose(maps);
}

static void read_mapping_of_parent(void *map)
{
	char seen[6] = "";
	struct iovec local = { seen, 5 }, remote = { map, 5 };

	EXPECT_EQ(process_vm_readv(getppid(), &local, 1, &remote, 1, 0), 5);
	EXPECT_STR(seen, "hello");
}

/* get_user_pages() takes the page, which it would not of a VM_PFNMAP. */
TEST(map, kernel_can_pin_the_pages)
{
	char *map, seen[6] = "";
	struct iovec whole;
	int pipe_fds[2];

	load_pages(1);
	map = map_pages(0, 1, MAP_SHARED);
	memcpy(map, "hello", 5);
	finish(start(read_mapping_of_parent, map));
	whole = (struct iovec) { map, 5 };
	EXPECT_OK(pipe(pipe_fds));
	EXPECT_EQ(vmsplice(pipe_fds[1], &whole, 1, 0), 5);
	EXPECT_EQ(read(pipe_fds[0], seen, 5), 5);
	EXPECT_STR(seen, "hello");
}
