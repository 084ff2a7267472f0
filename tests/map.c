// SPDX-License-Identifier: GPL-2.0
/* map: which mappings the device accepts, and how they behave. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/kernel-page-flags.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "harness.h"
#include "module.h"

enum { PAGES = 4, SHARED_RW = PROT_READ | PROT_WRITE };

static void touch(void *address)
{
	*(volatile char *)address = 1;
}

static void *try_shared(size_t offset, size_t length)
{
	return try_map(offset, length, SHARED_RW, MAP_SHARED, O_RDWR);
}

static void *try_page(int prot, int flags, int open_flags)
{
	return try_map(0, page_size(), prot, flags, open_flags);
}

TEST(map, every_page_at_its_offset)
{
	int fd = load_and_open(PAGES, O_RDWR);

	for (int i = 0; i < PAGES; i++) {
		char byte = 'a' + i;
		char *map;

		ASSERT_EQ(1, pwrite(fd, &byte, 1, i * page_size()));
		map = map_pages(i, 1, MAP_SHARED);
		ASSERT_EQ(byte, map[0]);
		ASSERT_EQ(0, map[1]);
	}
}

static void number_pages(void *pages)
{
	size_t count = *(size_t *)pages;
	char *map = map_pages(0, count, MAP_SHARED);

	alarm(10 * slower_by());
	for (size_t i = 0; i < count; i++)
		*(int *)(map + i * page_size()) = i + 1;
}

/* Fill the region while shmem uses huge pages wherever it can. */
static void number_pages_of_huge_pages(size_t pages)
{
	static const char setting[] =
		"/sys/kernel/mm/transparent_hugepage/shmem_enabled";
	FILE *file = fopen(setting, "re");
	char old[16];
	long before;
	int status;

	if (!file)
		test_skip("this kernel has no huge pages for shmem");
	ASSERT_EQ(1, fscanf(file, "%*[^[][%15[^]]", old));
	fclose(file);
	before = number_in("/proc/vmstat", "thp_file_alloc");
	write_to(setting, "force");
	/* Restore the setting whatever becomes of the process. */
	waitpid(start(number_pages, &pages), &status, 0);
	write_to(setting, old);
	ASSERT_EQ(0, status);
	if (number_in("/proc/vmstat", "thp_file_alloc") == before)
		test_skip("the kernel has no huge page to give");
}

/* The pages of two huge pages: 2 MiB each, or 32 where a page has 16 KiB. */
static size_t pages_of_two(void)
{
	static const char size[] = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";
	size_t bytes;

	if (access(size, F_OK))
		test_skip("this kernel has no huge pages");
	bytes = 2 * number_in(size, "");
	if (bytes > half_of_ram())
		test_skip("two huge pages need a guest of %zu MB", bytes >> 19);
	return bytes / page_size();
}

/* In a huge page the fault handler has to find the part that is wanted. */
TEST(map, each_page_within_huge_pages)
{
	size_t pages = pages_of_two();
	int fd = load_and_open(pages, O_RDWR), seen;
	char *map;

	number_pages_of_huge_pages(pages);
	map = map_pages(0, pages, MAP_SHARED);
	for (size_t i = 0; i < pages; i++) {
		ASSERT_EQ(sizeof(seen), pread(fd, &seen, sizeof(seen), i * page_size()));
		ASSERT_EQ(i + 1, seen);
		ASSERT_EQ(i + 1, *(int *)(map + i * page_size()));
	}
}

/*
 * The region has a reference to each of its pages, and so has each mapping, which gives it
 * back when it goes. A fault handler that takes none (get_page()) gives away the region's:
 * the page is free, and the kernel crashes later and elsewhere. The kernel does not count
 * the mappings of a page that it only knows by its number (VM_PFNMAP).
 */
TEST(map, mapping_has_a_reference_to_its_page)
{
	void *map = load_and_map(1);
	int error;

	touch(map);
	error = try_load_file("/lib/mapped_page.ko",
			      text_of("address=%lu references=2", (unsigned long)map));
	if (error == ENODATA)
		FAIL("the page of the region is mapped, and has one reference: the mapping gives it back at munmap, and nothing holds the page any more (does the fault handler take one, as get_page() does?)");
	if (error != EFAULT)
		ASSERT_ERROR(EALREADY, error);
}

/* Count the references of a page: does it have more? */
static bool has_more_references(void *map, int than)
{
	int error = try_load_file("/lib/mapped_page.ko",
				  text_of("address=%lu most=%d", (unsigned long)map, than));

	/* EFAULT: the kernel does not count (VM_PFNMAP). */
	if (error != E2BIG && error != EFAULT)
		ASSERT_ERROR(EALREADY, error);
	return error == E2BIG;
}

/*
 * A page with references that nobody gives back is never freed. The region has one, the
 * mapping another, and lists of the kernel's have a few for a while.
 */
TEST(map, faults_keep_no_reference)
{
	enum { FAULTS = 16 };
	void *map = load_and_map(1);

	for (int i = 0; i < FAULTS; i++) {
		touch(map);
		ASSERT_OK(madvise(map, page_size(), MADV_DONTNEED));
	}
	touch(map);
	if (has_more_references(map, FAULTS))
		FAIL("after %d faults, in one mapping, the page has more references than %d",
		     FAULTS + 1, FAULTS);
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
	ASSERT_OK(try_shared(0, 1));
	ASSERT_OK(try_shared(0, (PAGES - 1) * page_size() + 1));
	ASSERT_ERRNO(EINVAL, try_shared(0, PAGES * page_size() + 1));
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

		ASSERT_ERRNO(EINVAL, try_shared(offset, length));
		ASSERT_ERRNO(EINVAL,
			     try_map(offset, length, PROT_READ, MAP_PRIVATE,
				     O_RDONLY));
	}
}

/*
 * The sum of offset and length fits into 64 bits whatever a driver does: the kernel refuses
 * the rest itself, with EOVERFLOW. A difference can wrap, and 32 bits cut an offset.
 */
TEST(map, overflow_is_refused)
{
	size_t page = page_size();
	size_t last = -page;	/* the last page that an offset can name */

	load_pages(PAGES);
	ASSERT_ERRNO(EINVAL, try_shared(last - PAGES * page, PAGES * page));
	ASSERT_ERRNO(EINVAL, try_shared(1UL << 63, page));
	ASSERT_ERRNO(EINVAL, try_shared((1UL << 63) - page, 2 * page));
	ASSERT_ERRNO(EOVERFLOW, try_shared(last, page));
	ASSERT_ERRNO(EOVERFLOW, try_shared(last, 2 * page));
}

TEST(map, offset_and_length_must_be_possible)
{
	load_pages(PAGES);
	ASSERT_ERRNO(EINVAL, try_shared(1, page_size()));
	ASSERT_ERRNO(EINVAL, try_shared(0, 0));
}

TEST(map, two_mappings_are_one_memory)
{
	char *a = load_and_map(PAGES);
	char *b = map_pages(0, PAGES, MAP_SHARED);

	ASSERT_TRUE(a != b);
	for (size_t i = 0; i < PAGES * page_size(); i += 511) {
		a[i] = i % 127;
		ASSERT_EQ(i % 127, b[i]);
		b[i] = i % 113;
		ASSERT_EQ(i % 113, a[i]);
	}
}

TEST(map, private_copy)
{
	char *shared = load_and_map(PAGES);
	char *private = map_pages(0, PAGES, MAP_PRIVATE);

	shared[0] = 'a';
	ASSERT_EQ('a', private[0]);
	private[0] = 'b';
	ASSERT_EQ('a', shared[0]);
	shared[0] = 'c';
	ASSERT_EQ('b', private[0]);
	shared[page_size()] = 'd';
	ASSERT_EQ('d', private[page_size()]);
}

TEST(map, private_copy_of_a_read_only_open)
{
	char *private;

	load_pages(1);
	private = try_page(SHARED_RW, MAP_PRIVATE, O_RDONLY);
	ASSERT_OK(private);
	private[0] = 'x';
	ASSERT_EQ(0, ((char *)map_pages(0, 1, MAP_SHARED))[0]);
}

TEST(map, read_only_open_is_never_writable)
{
	char *map;

	load_pages(1);
	ASSERT_ERRNO(EACCES, try_page(SHARED_RW, MAP_SHARED, O_RDONLY));
	map = try_page(PROT_READ, MAP_SHARED, O_RDONLY);
	ASSERT_OK(map);
	ASSERT_EQ(0, map[0]);
	ASSERT_ERRNO(EACCES, mprotect(map, page_size(), SHARED_RW));
	expect_signal(SIGSEGV, touch, map);
}

TEST(map, write_only_open_cannot_be_mapped)
{
	load_pages(1);
	ASSERT_ERRNO(EACCES, try_page(PROT_WRITE, MAP_SHARED, O_WRONLY));
}

TEST(map, mprotect_takes_and_gives_back)
{
	char *map = load_and_map(1);

	map[0] = 7;
	ASSERT_OK(mprotect(map, page_size(), PROT_READ));
	ASSERT_EQ(7, map[0]);
	expect_signal(SIGSEGV, touch, map);
	ASSERT_OK(mprotect(map, page_size(), PROT_NONE));
	expect_signal(SIGSEGV, touch, map);
	ASSERT_OK(mprotect(map, page_size(), SHARED_RW));
	map[0]++;
	ASSERT_EQ(8, map[0]);
}

/* The kernel has other flags for each of these. */
static const struct { int flags, open_flags; } kinds[] = {
	{ MAP_SHARED, O_RDWR }, { MAP_SHARED, O_RDONLY },
	{ MAP_PRIVATE, O_RDWR }, { MAP_PRIVATE, O_RDONLY },
};

TEST(map, never_executable)
{
	load_pages(1);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int flags = kinds[i].flags, open_flags = kinds[i].open_flags;
		void *map;

		ASSERT_ERRNO(EPERM, try_page(PROT_READ | PROT_EXEC, flags, open_flags));
		map = try_page(PROT_READ, flags, open_flags);
		ASSERT_OK(map);
		ASSERT_ERRNO(EACCES, mprotect(map, page_size(), PROT_READ | PROT_EXEC));
		ASSERT_ERRNO(EACCES, mprotect(map, page_size(), PROT_EXEC));
	}
}

TEST(map, mremap_does_not_grow)
{
	load_pages(PAGES);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		void *map = try_page(PROT_READ, kinds[i].flags, kinds[i].open_flags);

		ASSERT_OK(map);
		/* Without MAYMOVE there may be no room behind it, which hides that it can grow. */
		ASSERT_ERRNO(EFAULT,
			     mremap(map, page_size(), 2 * page_size(), MREMAP_MAYMOVE));
		ASSERT_ERRNO(EFAULT, mremap(map, page_size(), 2 * page_size(), 0));
		ASSERT_ERRNO(EFAULT,
			     mremap(map, page_size(), (PAGES + 1) * page_size(),
				    MREMAP_MAYMOVE));
	}
}

TEST(map, mremap_moves_and_shrinks)
{
	char *map = load_and_map(PAGES), *room, *moved;

	map[page_size()] = 'm';
	room = mmap(NULL, PAGES * page_size(), PROT_NONE,
		    MAP_PRIVATE | MAP_ANON, -1, 0);
	moved = mremap(map, PAGES * page_size(), PAGES * page_size(),
		       MREMAP_MAYMOVE | MREMAP_FIXED, room);
	ASSERT_TRUE(moved == room);
	ASSERT_EQ('m', moved[page_size()]);
	ASSERT_EQ(1, attribute("mappings"));
	expect_signal(SIGSEGV, touch, map);
	ASSERT_TRUE(mremap(moved, PAGES * page_size(), page_size(), 0) == moved);
	touch(moved);
	expect_signal(SIGSEGV, touch, moved + page_size());
}

TEST(map, partial_munmap)
{
	char *map = load_and_map(PAGES);

	memset(map, 'p', PAGES * page_size());
	ASSERT_OK(munmap(map + page_size(), page_size()));
	ASSERT_EQ(2, attribute("mappings"));
	ASSERT_EQ('p', map[0]);
	ASSERT_EQ('p', map[2 * page_size()]);
	expect_signal(SIGSEGV, touch, map + page_size());
	ASSERT_EQ('p', ((char *)map_pages(1, 1, MAP_SHARED))[0]);
}

TEST(map, after_munmap_there_is_nothing)
{
	char *map = load_and_map(1);

	touch(map);
	ASSERT_OK(munmap(map, page_size()));
	expect_signal(SIGSEGV, touch, map);
}

TEST(map, mapping_outlives_its_descriptor)
{
	char *map = load_and_map(1);

	map[0] = 'k';
	ASSERT_EQ(1, attribute("opens"));
	ASSERT_EQ('k', ((char *)map_pages(0, 1, MAP_SHARED))[0]);
}

static void write_in_child(void *map)
{
	ASSERT_EQ('p', *(char *)map);
	*(char *)map = 'c';
	ASSERT_EQ(2, attribute("mappings"));
}

TEST(map, fork_shares)
{
	char *map = load_and_map(1);

	map[0] = 'p';
	finish(start(write_in_child, map));
	ASSERT_EQ('c', map[0]);
	ASSERT_EQ(1, attribute("mappings"));
}

static void write_copy_in_child(void *copy)
{
	char *private = copy;

	ASSERT_EQ('p', private[0]);
	ASSERT_EQ('r', private[page_size()]);
	private[0] = 'c';
	private[page_size()] = 'c';
	ASSERT_EQ('c', private[0]);
}

/* What the child writes, neither its parent nor the region sees. */
TEST(map, fork_copies_a_private_mapping)
{
	char *shared = load_and_map(2);
	char *private = map_pages(0, 2, MAP_PRIVATE);

	shared[0] = 'r';
	shared[page_size()] = 'r';
	private[0] = 'p';
	finish(start(write_copy_in_child, private));
	ASSERT_EQ('p', private[0]);
	ASSERT_EQ('r', private[page_size()]);
	ASSERT_EQ('r', shared[0]);
	ASSERT_EQ('r', shared[page_size()]);
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
	ASSERT_TRUE(map == anon + page_size());
	ASSERT_EQ('a', anon[0]);
	ASSERT_EQ(0, map[0]);
	ASSERT_EQ('a', anon[2 * page_size()]);
}

TEST(map, populate)
{
	unsigned char in_core[PAGES];
	char *map;

	load_pages(PAGES);
	map = map_pages(0, PAGES, MAP_SHARED | MAP_POPULATE);
	ASSERT_EQ(PAGES, attribute("faults"));
	ASSERT_OK(mincore(map, PAGES * page_size(), in_core));
	for (int i = 0; i < PAGES; i++)
		ASSERT_EQ(1, in_core[i] & 1);
}

/* The kernel skips a mapping that must not grow: no error, no effect. */
TEST(map, mlock_is_taken_without_effect)
{
	void *map = load_and_map(PAGES);

	ASSERT_OK(mlock(map, PAGES * page_size()));
	ASSERT_EQ(0, number_in("/proc/self/status", "VmLck:"));
}

/*
 * By its f_mapping the kernel takes the device's file for a shmem file, and
 * reads data around the node's inode that only shmem inodes have.
 */
TEST(map, what_the_kernel_asks_of_shmem)
{
	int fd = load_and_open(PAGES, O_RDWR);

	memset(map_pages(0, PAGES, MAP_SHARED), 1, PAGES * page_size());
	ASSERT_EQ(F_SEAL_SEAL, fcntl(fd, F_GET_SEALS));
	ASSERT_ERRNO(EPERM, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	ASSERT_EQ(0, number_in("/proc/self/smaps_rollup", "Swap:"));
	ASSERT_OK(map_pages(0, PAGES, MAP_SHARED));
}

TEST(map, msync_succeeds)
{
	void *map = load_and_map(1);

	touch(map);
	ASSERT_OK(msync(map, page_size(), MS_SYNC));
	ASSERT_OK(msync(map, page_size(), MS_ASYNC));
}

/* Nobody may take pages out of the region while others use them. */
TEST(map, region_cannot_be_shrunk_or_punched)
{
	int fd = load_and_open(PAGES, O_RDWR);
	char *map = map_pages(0, PAGES, MAP_SHARED);

	memset(map, 's', PAGES * page_size());
	ASSERT_TRUE(madvise(map, page_size(), MADV_REMOVE) == -1);
	ASSERT_ERRNO(EINVAL, ftruncate(fd, 0));
	ASSERT_TRUE(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			      page_size()) == -1);
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	ASSERT_ERROR(0, posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
	for (size_t i = 0; i < PAGES * page_size(); i++)
		ASSERT_EQ('s', map[i]);
	ASSERT_ERRNO(EINVAL, open(DEVICE, O_RDWR | O_DIRECT));
	ASSERT_OK(open(DEVICE, O_RDWR | O_TRUNC));
	ASSERT_EQ('s', map[0]);
}

TEST(map, pages_come_back_when_page_tables_are_dropped)
{
	char *map = load_and_map(PAGES);

	memset(map, 'r', PAGES * page_size());
	ASSERT_EQ(PAGES, attribute("faults"));
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	for (size_t i = 0; i < PAGES * page_size(); i++)
		ASSERT_EQ('r', map[i]);
	ASSERT_EQ(2 * PAGES, attribute("faults"));
}

/*
 * The page is there, or is made: no process waits for a disk. Kernels before 6.0 count
 * the fault of a first write to a page of any file as a major one.
 */
TEST(map, faults_of_reads_are_minor_ones)
{
	struct rusage before, after;
	volatile char *map = load_and_map(PAGES);

	ASSERT_OK(getrusage(RUSAGE_SELF, &before));
	for (int i = 0; i < PAGES; i++)
		ASSERT_EQ(0, map[i * page_size()]);
	ASSERT_OK(getrusage(RUSAGE_SELF, &after));
	ASSERT_EQ(before.ru_majflt, after.ru_majflt);
}

/* For example, a page in swap that cannot be read. */
TEST(map, page_that_cannot_be_had_is_a_sigbus)
{
	char *map = load_and_map(PAGES);

	map[0] = 's';
	force_return("shmem_read_mapping_page_gfp", -EIO, 1000);
	expect_signal(SIGBUS, touch, map + page_size());
	ASSERT_EQ('s', ((char *)map_pages(0, 1, MAP_SHARED))[0]);
	ASSERT_EQ(2, attribute("faults"));
	stop_forcing();
	touch(map + page_size());
	ASSERT_EQ(3, attribute("faults"));
}

/* The kernel makes room, and the process faults again and notices nothing. */
TEST(map, fault_without_memory_is_tried_again)
{
	char *map = load_and_map(1);

	force_return("shmem_read_mapping_page_gfp", -ENOMEM, 1);
	map[0] = 'e';
	ASSERT_EQ(0, still_forced());
	ASSERT_EQ('e', ((char *)map_pages(0, 1, MAP_SHARED))[0]);
}

/* Move a page to a memory node; returns the node it is on. */
static int move_page(void *page, int node)
{
	int status = -1;

	ASSERT_OK(syscall(SYS_move_pages, 0, 1, &page, &node, &status,
			  MPOL_MF_MOVE_ALL));
	return status;
}

static void expect_moved(void *map)
{
	uint64_t before;

	ASSERT_EQ('m', *(char *)map);
	before = frame_of(map);
	ASSERT_EQ(1, move_page(map, 1));
	ASSERT_EQ('m', *(char *)map);
	ASSERT_TRUE(frame_of(map) != before);
}

/* The node that a page is on. */
static int node_of(void *page)
{
	int status = -1;

	ASSERT_OK(syscall(SYS_move_pages, 0, 1, &page, NULL, &status, 0));
	return status;
}

/* Does it move? Somebody may have a reference to it for a moment. */
static bool moves(void *page, int node)
{
	bool moved = false;

	for (int i = 0; i < 10 && !moved; i++) {
		usleep(i * 2000);
		moved = move_page(page, node) == node;
	}
	return moved;
}

/* A mapping of the page, by an open file of its own. */
struct mapper {
	const char *name;
	int prot, open_flags;
	char *map;
};

/*
 * The page does not move: take away each mapping in turn, and see if it does then. The
 * region and the last mapping have a reference, and lists of the kernel's a few.
 */
static _Noreturn void fail_to_move(struct mapper *mappers, int count)
{
	enum { FEW = 5 };
	int node = node_of(mappers[0].map);

	for (int i = 0; i < count; i++) {
		struct mapper *gone = &mappers[i];

		ASSERT_OK(munmap(gone->map, page_size()));
		if (moves(mappers[!i].map, !node))
			FAIL("the page stays on node %d while %s maps it, and moves without that mapping",
			     node, gone->name);
		gone->map = try_page(gone->prot, MAP_SHARED, gone->open_flags);
		ASSERT_OK(gone->map);
		ASSERT_EQ('m', *gone->map);
	}
	for (int i = 1; i < count; i++)
		ASSERT_OK(munmap(mappers[i].map, page_size()));
	if (has_more_references(mappers[0].map, FEW))
		FAIL("the page stays on node %d: with one mapping left it has more references than %d",
		     node, FEW);
	FAIL("whichever of the %d mappings of the page goes: it stays on node %d", count, node);
}

/*
 * To move a page the kernel must find every mapping of it, in every process and
 * by every open file. A mapping that is not in the region's own i_mmap keeps
 * the page where it is. Reclaim and swap need the same.
 */
TEST(map, kernel_can_move_the_pages)
{
	struct mapper mappers[] = {
		{ "the first open for reading and writing", SHARED_RW, O_RDWR, NULL },
		{ "the second open for reading and writing", SHARED_RW, O_RDWR, NULL },
		{ "the open for reading only", PROT_READ, O_RDONLY, NULL },
	};
	char *a, *b, *reader;

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one node of memory");
	load_pages(1);
	for (size_t i = 0; i < ARRAY_SIZE(mappers); i++) {
		mappers[i].map = try_page(mappers[i].prot, MAP_SHARED, mappers[i].open_flags);
		ASSERT_OK(mappers[i].map);
	}
	a = mappers[0].map;
	b = mappers[1].map;
	reader = mappers[2].map;
	a[0] = 'm';
	ASSERT_EQ('m', b[0]);
	ASSERT_EQ('m', reader[0]);
	if (!moves(a, 1) || !moves(a, 0))
		fail_to_move(mappers, ARRAY_SIZE(mappers));
	finish(start(expect_moved, a));
	ASSERT_EQ('m', a[0]);
	ASSERT_EQ('m', b[0]);
	ASSERT_EQ('m', reader[0]);
	ASSERT_EQ(frame_of(b), frame_of(a));
	ASSERT_EQ(frame_of(reader), frame_of(a));
	b[0] = 'n';
	ASSERT_EQ('n', a[0]);
	ASSERT_EQ('n', reader[0]);
}

/* Make the RAM disk a swap area: write its header, version 1. */
static void swap_on(const char *disk)
{
	char header[page_size()];
	uint32_t *info = (uint32_t *)(header + 1024);
	int fd = open(disk, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		test_skip("this kernel has no RAM disk to swap to: make check KERNEL=debug has one that can");
	ASSERT_OK(fd);
	memset(header, 0, sizeof(header));
	info[0] = 1;
	info[1] = ASSERT_OK(lseek(fd, 0, SEEK_END)) / page_size() - 1;
	memcpy(header + sizeof(header) - 10, "SWAPSPACE2", 10);
	ASSERT_EQ(sizeof(header), pwrite(fd, header, sizeof(header), 0));
	close(fd);
	ASSERT_OK(swapon(disk, 0));
}

TEST(map, pages_are_swapped_out_and_in)
{
	static const char disk[] = "/dev/ram0";
	unsigned char resident[PAGES];
	char *map;

	swap_on(disk);
	map = load_and_map(PAGES);
	for (int i = 0; i < PAGES; i++)
		map[i * page_size()] = 'a' + i;
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_PAGEOUT));
	ASSERT_OK(mincore(map, PAGES * page_size(), resident));
	for (int i = 0; i < PAGES; i++)
		ASSERT_EQ(0, resident[i] & 1);
	for (int i = 0; i < PAGES; i++)
		ASSERT_EQ('a' + i, map[i * page_size()]);
	ASSERT_EQ(2 * PAGES, attribute("faults"));
	ASSERT_OK(swapoff(disk));
	ASSERT_EQ('a', map[0]);
}

/*
 * Reclaim may take the page before the fault handler locks it. The process then
 * faults again and notices nothing.
 */
TEST(map, page_that_is_gone_before_it_is_locked)
{
	char *map = load_and_map(1);

	force_return("pagecache_get_page", 0, 2);
	map[0] = 'g';
	ASSERT_EQ(0, still_forced());
	ASSERT_EQ(1, attribute("faults"));
	ASSERT_EQ('g', map[0]);
}

/* Hold the lock of a page until mapped_page is unloaded (tests/modules/mapped_page.c). */
static void hold_page(void *map)
{
	int error = try_load_file("/lib/mapped_page.ko",
				  text_of("address=%lu", (unsigned long)map));

	if (error == ENXIO)
		FAIL("no file owns the pages of the region");
	ASSERT_EQ(0, error);
}

/* Wait until a process sleeps in the kernel, for the lock of a page, or has ended. */
static void wait_until_blocked(pid_t pid)
{
	for (int i = 0; state_of(pid, NULL) == 'R'; i++) {
		if (i == 5000)
			FAIL("process %d does not wait for the page", pid);
		usleep(1000);
	}
}

static void truncate_page(void *unused)
{
	(void)unused;
	write_to("/sys/module/mapped_page/parameters/truncate", "1");
}

/* When the test waits for the page, let it go; before that, queue for it if asked to. */
static void let_page_go(void *queue)
{
	pid_t truncating = 0;

	wait_until_blocked(getppid());
	if (queue) {
		truncating = start(truncate_page, NULL);
		wait_until_blocked(truncating);
	}
	ASSERT_ERROR(0, module_unload("mapped_page"));
	if (queue)
		finish(truncating);
}

/* Fault a page in by b while its lock is held, and it is truncated before or after. */
static void lose_page(char *a, char *b, bool before)
{
	pid_t truncating = 0, letting_go;

	touch(a);
	hold_page(a);
	if (before) {
		truncating = start(truncate_page, NULL);
		wait_until_blocked(truncating);
	}
	letting_go = start(let_page_go, before ? NULL : b);
	touch(b);
	finish(letting_go);
	if (before)
		finish(truncating);
	b[0] = 'n';
	ASSERT_EQ('n', a[0]);
}

/*
 * A fault that finds a page must hold its lock until the page is mapped: otherwise a
 * page that leaves the region in between gets mapped, and nobody else ever sees it.
 * Here the lock goes to who waits longest, and the fault and a truncation wait for
 * it, in either order.
 */
TEST(map, page_that_leaves_the_region_is_not_mapped)
{
	static const char fairness[] = "/proc/sys/vm/page_lock_unfairness";
	const char *was;
	char *a;

	if (access(fairness, F_OK))
		test_skip("this kernel cannot give the lock of a page to who waits longest");
	was = text_of("%ld", number_in(fairness, ""));
	a = load_and_map(2);
	write_to(fairness, "0");
	for (int i = 0; i < 2; i++)
		lose_page(a + i * page_size(), map_pages(i, 1, MAP_SHARED), i);
	write_to(fairness, was);
}

/* The registers of a device must not be cached; memory must be. */
TEST(map, pages_are_cached)
{
	void *map = load_and_map(1);

	touch(map);
	hold_page(map);
	ASSERT_EQ(0, number_in("/sys/module/mapped_page/parameters/uncached", "N"));
}

/*
 * Reclaim looks for pages on its lists, and leaves alone those that are marked as
 * unevictable. A page gets onto a list when some more have been touched.
 */
TEST(map, pages_can_be_evicted)
{
	enum { MANY = 128 };
	int fd = ASSERT_OK(open("/proc/kpageflags", O_RDONLY | O_CLOEXEC));
	char *map = load_and_map(MANY);
	int on_lists = 0;

	memset(map, 1, MANY * page_size());
	for (int i = 0; i < MANY; i++) {
		uint64_t flags, frame = frame_of(map + i * page_size());

		ASSERT_EQ(sizeof(flags),
			  pread(fd, &flags, sizeof(flags), frame * sizeof(flags)));
		on_lists += flags >> KPF_LRU & 1;
		ASSERT_EQ(0, flags >> KPF_UNEVICTABLE & 1);
	}
	ASSERT_TRUE(on_lists > 0);
}

static void fault_for_ever(void *map)
{
	for (;;) {
		ASSERT_EQ('f', *(volatile char *)map);
		ASSERT_OK(madvise(map, page_size(), MADV_DONTNEED));
	}
}

TEST(map, pages_move_while_they_are_faulted_in)
{
	pid_t faulter;
	char *map;
	int moved = 0;

	if (access("/sys/devices/system/node/node1", F_OK))
		test_skip("this machine has one node of memory");
	map = load_and_map(1);
	map[0] = 'f';
	faulter = start(fault_for_ever, map);
	for (int i = 0; i < 200; i++) {
		moved += move_page(map, i % 2) == i % 2;
		ASSERT_EQ('f', map[0]);
	}
	ASSERT_TRUE(moved > 40);
	kill_and_wait(faulter);
}

TEST(map, name_in_maps)
{
	unsigned long from, to;
	char line[512], name[256] = "";
	void *map;
	FILE *maps;

	map = load_and_map(1);
	maps = fopen("/proc/self/maps", "re");
	ASSERT_TRUE(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 &&
		    (void *)from == map)
			sscanf(line, "%*s %*s %*s %*s %*s %255s", name);
	}
	ASSERT_STREQ(DEVICE, name);
	fclose(maps);
}

/*
 * The flags of a mapping, two letters each, as smaps has them, but without "sd": a
 * kernel with soft-dirty bits sets it in every new mapping.
 */
static char *vm_flags(const void *map)
{
	unsigned long from, to;
	char line[512], *soft_dirty;
	bool found = false;
	FILE *smaps;

	smaps = fopen("/proc/self/smaps", "re");
	ASSERT_TRUE(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx", &from, &to) == 2)
			found = (void *)from == map;
		if (!found || strncmp(line, "VmFlags: ", 9))
			continue;
		fclose(smaps);
		line[strcspn(line, "\n")] = '\0';
		soft_dirty = strstr(line, " sd");
		if (soft_dirty)
			memmove(soft_dirty, soft_dirty + 3, strlen(soft_dirty + 3) + 1);
		return text_of("%s", line + 9);
	}
	FAIL("smaps has no flags of %p", map);
}

/* kmod/README.md says what the letters mean. */
TEST(map, flags_are_the_documented_ones)
{
	static const struct { int prot, flags, open_flags; const char *seen; } maps[] = {
		{ SHARED_RW, MAP_SHARED, O_RDWR, "rd wr sh mr mw ms de " },
		{ PROT_READ, MAP_SHARED, O_RDWR, "rd sh mr mw ms de " },
		{ PROT_NONE, MAP_SHARED, O_RDWR, "sh mr mw ms de " },
		{ PROT_READ, MAP_SHARED, O_RDONLY, "rd mr ms de " },
		{ SHARED_RW, MAP_PRIVATE, O_RDWR, "rd wr mr mw de ac " },
		{ SHARED_RW, MAP_PRIVATE, O_RDONLY, "rd wr mr mw de ac " },
		{ PROT_READ, MAP_PRIVATE, O_RDONLY, "rd mr mw de " },
	};

	load_pages(1);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		void *map = try_page(maps[i].prot, maps[i].flags, maps[i].open_flags);

		ASSERT_OK(map);
		ASSERT_STREQ(maps[i].seen, vm_flags(map));
	}
}

/* Dump core, with these kinds of memory in it (core(5): coredump_filter). */
static void dump_core(void *kinds_of_memory)
{
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	memset(map_pages(0, 1, MAP_SHARED), 'c', page_size());
	write_to("/proc/self/coredump_filter", kinds_of_memory);
	ASSERT_OK(setrlimit(RLIMIT_CORE, &none));
	abort();
}

/* True if the file "core" has the page that dump_core() filled. */
static bool core_has_region(void)
{
	char page[page_size()], filled[page_size()];
	int core = ASSERT_OK(open("core", O_RDONLY | O_CLOEXEC));
	bool found = false;

	memset(filled, 'c', page_size());
	while (read(core, page, page_size()) > 0)
		found = found || !memcmp(page, filled, page_size());
	close(core);
	ASSERT_OK(unlink("core"));
	return found;
}

/* The region counts as shared memory of a file, bit 3; 0x33 is the default. */
TEST(map, core_dump_has_the_region_if_asked_to)
{
	load_pages(1);
	if (access("/proc/sys/kernel/core_pattern", F_OK))
		test_skip("this kernel dumps no core");
	expect_signal(SIGABRT, dump_core, "0x8");
	ASSERT_TRUE(core_has_region());
	expect_signal(SIGABRT, dump_core, "0x33");
	ASSERT_TRUE(!core_has_region());
}

static void read_mapping_of_parent(void *map)
{
	char seen[6] = "";
	struct iovec local = { seen, 5 }, remote = { map, 5 };

	ASSERT_EQ(5, process_vm_readv(getppid(), &local, 1, &remote, 1, 0));
	ASSERT_STREQ("hello", seen);
}

/* get_user_pages() finds the page; in a VM_PFNMAP mapping it would not. */
TEST(map, kernel_can_pin_the_pages)
{
	char *map = load_and_map(1), seen[6] = "";
	struct iovec whole = { map, 5 };
	int pipe_fds[2];

	memcpy(map, "hello", 5);
	finish(start(read_mapping_of_parent, map));
	ASSERT_OK(pipe(pipe_fds));
	ASSERT_EQ(5, vmsplice(pipe_fds[1], &whole, 1, 0));
	ASSERT_EQ(5, read(pipe_fds[0], seen, 5));
	ASSERT_STREQ("hello", seen);
}
