// SPDX-License-Identifier: GPL-2.0
/* io: read, write and seek, as on a file of fixed size. */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "harness.h"

enum { PAGES = 2, RANDOM_OPERATIONS = 2000 };

TEST(io, what_is_written_is_read)
{
	char text[] = "shared memory", seen[sizeof(text)];
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_EQ(sizeof(text), write(fd, text, sizeof(text)));
	ASSERT_EQ(sizeof(text), lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
	ASSERT_EQ(sizeof(seen), read(fd, seen, sizeof(seen)));
	ASSERT_STREQ(text, seen);
	ASSERT_EQ(1, pwrite(fd, "M", 1, 7));
	ASSERT_EQ(sizeof(seen), pread(fd, seen, sizeof(seen), 0));
	ASSERT_STREQ("shared Memory", seen);
	ASSERT_EQ(sizeof(text), lseek(fd, 0, SEEK_CUR));
}

TEST(io, new_region_reads_as_zero_to_its_end)
{
	size_t size = PAGES * page_size();
	char *seen = malloc(size + 1);
	int fd = load_and_open(PAGES, O_RDONLY);

	memset(seen, 1, size + 1);
	ASSERT_EQ(size, read(fd, seen, size + 1));
	for (size_t i = 0; i < size; i++)
		ASSERT_EQ(0, seen[i]);
	ASSERT_EQ(1, seen[size]);
	ASSERT_EQ(size, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(0, read(fd, seen, 1));
}

TEST(io, read_ends_with_the_region)
{
	size_t size = PAGES * page_size();
	char seen[16];
	int fd = load_and_open(PAGES, O_RDONLY);

	ASSERT_EQ(5, pread(fd, seen, sizeof(seen), size - 5));
	ASSERT_EQ(0, pread(fd, seen, sizeof(seen), size));
	ASSERT_EQ(0, pread(fd, seen, sizeof(seen), size + 1));
	ASSERT_EQ(0, pread(fd, seen, sizeof(seen), 1L << 62));
	ASSERT_EQ(0, pread(fd, seen, 0, 0));
	ASSERT_ERRNO(EINVAL, pread(fd, seen, 1, -1));
}

TEST(io, write_is_cut_at_the_end)
{
	size_t size = PAGES * page_size();
	char *bytes = calloc(1, size + 1), seen[5];
	int fd = load_and_open(PAGES, O_RDWR);

	memset(bytes, 'w', size + 1);
	ASSERT_EQ(5, pwrite(fd, bytes, 16, size - 5));
	ASSERT_EQ(5, pread(fd, seen, sizeof(seen), size - 5));
	ASSERT_EQ(0, memcmp(seen, bytes, 5));
	ASSERT_EQ(1, pwrite(fd, "zz", 2, size - 1));
	ASSERT_EQ(1, pread(fd, seen, sizeof(seen), size - 1));
	ASSERT_EQ('z', seen[0]);
	ASSERT_EQ(size, write(fd, bytes, size + 1));
	ASSERT_EQ(size, lseek(fd, 0, SEEK_CUR));
}

TEST(io, write_past_the_end_has_no_space)
{
	size_t size = PAGES * page_size();
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_ERRNO(ENOSPC, pwrite(fd, "x", 1, size));
	ASSERT_ERRNO(ENOSPC, pwrite(fd, "x", 1, size + 1));
	ASSERT_ERRNO(ENOSPC, pwrite(fd, "x", 1, 1L << 62));
	ASSERT_ERRNO(EINVAL, pwrite(fd, "x", 1, -1));
	ASSERT_EQ(size, lseek(fd, 0, SEEK_END));
	ASSERT_ERRNO(ENOSPC, write(fd, "x", 1));
	ASSERT_EQ(0, write(fd, "x", 0));
	ASSERT_EQ(0, pwrite(fd, "x", 0, size + 1));
}

TEST(io, append_writes_at_the_end_where_no_space_is)
{
	int fd = load_and_open(PAGES, O_RDWR | O_APPEND);

	ASSERT_ERRNO(ENOSPC, write(fd, "x", 1));
	ASSERT_EQ(0, write(fd, "x", 0));
}

/* RWF_APPEND is for that write only. */
TEST(io, rwf_append_writes_where_o_append_does)
{
	struct iovec x = { "x", 1 };
	char seen;
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_ERRNO(ENOSPC, pwritev2(fd, &x, 1, 0, RWF_APPEND));
	ASSERT_ERRNO(ENOSPC, pwritev2(fd, &x, 1, -1, RWF_APPEND));
	ASSERT_EQ(1, pread(fd, &seen, 1, 0));
	ASSERT_EQ(0, seen);
	ASSERT_EQ(0, lseek(fd, 0, SEEK_CUR));
	ASSERT_EQ(1, write(fd, "y", 1));
	ASSERT_EQ(1, lseek(fd, 0, SEEK_CUR));
}

TEST(io, other_flags_do_not_append)
{
	static const int flags[] = { 0, RWF_HIPRI, RWF_DSYNC, RWF_SYNC };
	struct iovec x = { "x", 1 };
	char seen[ARRAY_SIZE(flags)];
	int fd = load_and_open(PAGES, O_RDWR);

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		ASSERT_EQ(1, pwritev2(fd, &x, 1, i, flags[i]));
	ASSERT_EQ(sizeof(seen), pread(fd, seen, sizeof(seen), 0));
	ASSERT_EQ(0, memcmp(seen, "xxxx", sizeof(seen)));
}

TEST(io, seek)
{
	long size = PAGES * page_size();
	int fd = load_and_open(PAGES, O_RDONLY);

	ASSERT_EQ(size, lseek(fd, 0, SEEK_END));
	ASSERT_EQ(size - 1, lseek(fd, -1, SEEK_END));
	ASSERT_EQ(size, lseek(fd, 1, SEEK_CUR));
	ASSERT_EQ(10, lseek(fd, 10, SEEK_SET));
	ASSERT_EQ(0, lseek(fd, -10, SEEK_CUR));
	ASSERT_ERRNO(EINVAL, lseek(fd, -1, SEEK_SET));
	ASSERT_ERRNO(EINVAL, lseek(fd, -1, SEEK_CUR));
	ASSERT_ERRNO(EINVAL, lseek(fd, size + 1, SEEK_SET));
	ASSERT_ERRNO(EINVAL, lseek(fd, 1, SEEK_END));
	ASSERT_ERRNO(EINVAL, lseek(fd, 0, 99));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_CUR));
}

/* A region of fixed size is all data; nothing looks for holes. */
TEST(io, seek_data_and_hole_are_refused)
{
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_EQ(1, pwrite(fd, "d", 1, page_size()));
	ASSERT_ERRNO(EINVAL, lseek(fd, 0, SEEK_DATA));
	ASSERT_ERRNO(EINVAL, lseek(fd, 0, SEEK_HOLE));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_CUR));
}

TEST(io, unknown_ioctl_is_enotty)
{
	static const unsigned long requests[] = {
		0, TCGETS, TIOCGWINSZ, FIONREAD, _IO('s', 0), _IOWR('s', 1, long),
	};
	char argument[64] = "";
	int fd = load_and_open(PAGES, O_RDWR);

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		ASSERT_ERRNO(ENOTTY, ioctl(fd, requests[i], argument));
}

/* As on a file, also at its end: no read or write has to wait. */
TEST(io, poll_is_ready_both_ways)
{
	struct pollfd both = { .events = POLLIN | POLLOUT };

	both.fd = load_and_open(PAGES, O_RDWR);
	for (int whence = SEEK_SET; whence <= SEEK_END; whence += SEEK_END) {
		ASSERT_OK(lseek(both.fd, 0, whence));
		ASSERT_EQ(1, poll(&both, 1, 0));
		ASSERT_EQ(POLLIN | POLLOUT, both.revents);
	}
}

static void expect_pages(size_t expected, const char *parameters)
{
	char last;
	int fd;

	load(parameters);
	fd = open_device(O_RDONLY);
	ASSERT_EQ(expected * page_size(), lseek(fd, 0, SEEK_END));
	ASSERT_EQ(1, pread(fd, &last, 1, expected * page_size() - 1));
	close(fd);
	unload();
}

TEST(io, size_is_rounded_up_to_pages)
{
	expect_pages(1, "");
	for (size_t pages = 1; pages <= 3; pages++) {
		expect_pages(pages, text_of("size=%zu", pages * page_size()));
		expect_pages(pages, text_of("size=%zu", (pages - 1) * page_size() + 1));
	}
}

TEST(io, mapping_and_read_agree)
{
	int fd = load_and_open(PAGES, O_RDWR);
	char *map = map_pages(0, PAGES, MAP_SHARED), seen[8];
	uint64_t word = test_word(), word_seen;

	*(uint64_t *)map = word;
	ASSERT_EQ(8, pread(fd, &word_seen, 8, 0));
	ASSERT_EQ(word, word_seen);
	test_saw(word_seen);
	memcpy(map + page_size() - 4, "straddle", 8);
	ASSERT_EQ(8, pread(fd, seen, 8, page_size() - 4));
	ASSERT_EQ(0, memcmp(seen, "straddle", 8));
	ASSERT_EQ(4, pwrite(fd, "DDLE", 4, page_size()));
	ASSERT_EQ(0, memcmp(map + page_size() - 4, "straDDLE", 8));
}

TEST(io, pieces)
{
	size_t size = PAGES * page_size();
	char a[3] = "ab", b[3] = "cd", seen[4];
	struct iovec in[] = { { a, 2 }, { b, 2 } };
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_EQ(4, pwritev(fd, in, 2, 0));
	ASSERT_EQ(4, pread(fd, seen, 4, 0));
	ASSERT_EQ(0, memcmp(seen, "abcd", 4));
	ASSERT_EQ(3, pwritev(fd, in, 2, size - 3));
	ASSERT_EQ(3, preadv(fd, in, 2, size - 3));
	ASSERT_EQ(0, memcmp(a, "ab", 2));
	ASSERT_EQ('c', b[0]);
}

TEST(io, bad_address)
{
	void *gone;
	int fd;

	load_pages(PAGES);
	gone = mmap(NULL, page_size(), PROT_READ, MAP_PRIVATE | MAP_ANON, -1,
		    0);
	ASSERT_OK(munmap(gone, page_size()));
	fd = open_device(O_RDWR);
	ASSERT_ERRNO(EFAULT, read(fd, gone, 8));
	ASSERT_ERRNO(EFAULT, write(fd, gone, 8));
	ASSERT_EQ(0, lseek(fd, 0, SEEK_CUR));
}

/* A read or write at this position moved so many bytes, of five that it can. */
static void expect_advance(int fd, long position, ssize_t moved)
{
	if (moved < 0)
		ASSERT_ERROR(EFAULT, errno);
	else
		ASSERT_EQ(5, moved);
	ASSERT_EQ(position + (moved < 0 ? 0 : moved), lseek(fd, 0, SEEK_CUR));
}

/*
 * The buffer ends after five bytes of sixteen. The device may move the five, or
 * none. It accesses its second page from there on: kernels differ in what they
 * move of one page.
 */
TEST(io, position_after_a_hole_in_the_buffer)
{
	long position = page_size() - 5;
	int fd = load_and_open(PAGES, O_RDWR);
	char *buffer = mmap(NULL, 2 * page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANON, -1, 0);

	ASSERT_OK(munmap(buffer + page_size(), page_size()));
	ASSERT_EQ(position, lseek(fd, position, SEEK_SET));
	expect_advance(fd, position, write(fd, buffer + position, 16));
	ASSERT_EQ(position, lseek(fd, position, SEEK_SET));
	expect_advance(fd, position, read(fd, buffer + position, 16));
}

/* A write from, and a read into, the page that it accesses. */
TEST(io, buffer_in_the_region_itself)
{
	int fd = load_and_open(PAGES, O_RDWR);
	char *map = map_pages(0, PAGES, MAP_SHARED);

	memcpy(map, "self", 4);
	ASSERT_EQ(4, pwrite(fd, map, 4, page_size() + 8));
	ASSERT_EQ(0, memcmp(map + page_size() + 8, "self", 4));
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	ASSERT_EQ(4, pwrite(fd, map, 4, 8));
	ASSERT_EQ(0, memcmp(map + 8, "self", 4));
	ASSERT_OK(madvise(map, PAGES * page_size(), MADV_DONTNEED));
	ASSERT_EQ(4, pread(fd, map + 100, 4, 0));
	ASSERT_EQ(0, memcmp(map + 100, "self", 4));
}

/* A thread reads from the device, or writes to it. */
struct transfer {
	int fd;
	bool reads;
	char *buffer;
};

static void *transfer_a_page(void *argument)
{
	const struct transfer *transfer = argument;

	ASSERT_EQ(page_size(), transfer->reads ?
		  pread(transfer->fd, transfer->buffer, page_size(), 0) :
		  pwrite(transfer->fd, transfer->buffer, page_size(), 0));
	return NULL;
}

/*
 * Whoever touches the page has to wait until the test gives it memory. The
 * descriptor can be read when somebody waits.
 */
static int make_absent_page(char **page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register area = {
		.range.len = page_size(),
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 && errno == ENOSYS)
		test_skip("this kernel has no userfaultfd()");
	ASSERT_OK(fd);
	*page = mmap(NULL, page_size(), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANON, -1, 0);
	area.range.start = (uintptr_t)*page;
	ASSERT_OK(ioctl(fd, UFFDIO_API, &api));
	ASSERT_OK(ioctl(fd, UFFDIO_REGISTER, &area));
	return fd;
}

/*
 * mmap(), a fault and munmap() hold a lock of the address space that the other
 * thread's copy needs. In a deadlock the alarm ends both threads.
 */
static void map_during_transfer(void *reads)
{
	struct transfer transfer = { open_device(O_RDWR), *(int *)reads, NULL };
	int memory = make_absent_page(&transfer.buffer);
	struct uffdio_zeropage zero = {
		.range = { (uintptr_t)transfer.buffer, page_size() },
	};
	struct uffd_msg touched;
	pthread_t thread;
	char *map;

	alarm(5 * slower_by());
	ASSERT_ERROR(0, pthread_create(&thread, NULL, transfer_a_page, &transfer));
	ASSERT_EQ(sizeof(touched), read(memory, &touched, sizeof(touched)));
	map = map_pages(0, PAGES, MAP_SHARED);
	memset(map, 1, PAGES * page_size());
	ASSERT_OK(munmap(map, PAGES * page_size()));
	ASSERT_OK(ioctl(memory, UFFDIO_ZEROPAGE, &zero));
	ASSERT_ERROR(0, pthread_join(thread, NULL));
}

TEST_LIMIT(io, others_map_while_one_waits_for_its_buffer, 40)
{
	for (int reads = 0; reads < 2; reads++) {
		load_pages(PAGES);
		finish(start(map_during_transfer, &reads));
		unload();
	}
}

TEST(io, access_mode_of_the_open)
{
	char byte;

	load_pages(PAGES);
	ASSERT_ERRNO(EBADF, write(open_device(O_RDONLY), "x", 1));
	ASSERT_ERRNO(EBADF, read(open_device(O_WRONLY), &byte, 1));
	ASSERT_EQ(1, write(open_device(O_WRONLY), "x", 1));
}

TEST(io, fsync_succeeds)
{
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_OK(fsync(fd));
	ASSERT_OK(fdatasync(fd));
}

TEST(io, opens_have_positions_of_their_own)
{
	char byte;
	int a, b;

	load_pages(PAGES);
	a = open_device(O_RDWR);
	b = open_device(O_RDWR);
	ASSERT_EQ(2, write(a, "12", 2));
	ASSERT_EQ(1, read(b, &byte, 1));
	ASSERT_EQ('1', byte);
	ASSERT_EQ(2, lseek(a, 0, SEEK_CUR));
	ASSERT_EQ(1, lseek(b, 0, SEEK_CUR));
}

/* Returns the result of an asynchronous operation. */
static long transfer_async(int fd, int operation, void *buffer, size_t length,
			   long offset)
{
	struct iocb request = {
		.aio_fildes = fd, .aio_lio_opcode = operation,
		.aio_buf = (uintptr_t)buffer, .aio_nbytes = length,
		.aio_offset = offset,
	};
	struct iocb *requests[] = { &request };
	aio_context_t context = 0;
	struct io_event event;

	ASSERT_OK(syscall(SYS_io_setup, 1, &context));
	ASSERT_EQ(1, syscall(SYS_io_submit, context, 1, requests));
	ASSERT_EQ(1, syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
	ASSERT_OK(syscall(SYS_io_destroy, context));
	return event.res;
}

/* The kernel drops the file that the request names when it has ended. */
TEST(io, asynchronous_operations_leave_nothing_open)
{
	char text[] = "asynchronous", seen[sizeof(text)] = "";
	long offset = page_size() - 5;
	int fd = load_and_open(PAGES, O_RDWR);

	ASSERT_EQ(sizeof(text),
		  transfer_async(fd, IOCB_CMD_PWRITE, text, sizeof(text), offset));
	ASSERT_EQ(sizeof(text),
		  transfer_async(fd, IOCB_CMD_PREAD, seen, sizeof(seen), offset));
	ASSERT_STREQ(text, seen);
	ASSERT_OK(close(fd));
	unload();
}

/* The model is an array, on which the test repeats each operation. */
TEST(io, agrees_with_a_model)
{
	size_t size = PAGES * page_size();
	char *model = calloc(1, size), *map, *data = malloc(size);
	int fd = load_and_open(PAGES, O_RDWR);

	map = map_pages(0, PAGES, MAP_SHARED);
	srandom(1);
	for (int i = 0; i < RANDOM_OPERATIONS; i++) {
		size_t offset = random() % (size + 100);
		size_t length = random() % 300;
		ssize_t fits = offset >= size ? 0 :
			       offset + length > size ? size - offset : length;

		memset(data, random(), length);
		switch (random() % 3) {
		case 0:
			if (offset >= size && length)
				ASSERT_ERRNO(ENOSPC,
					     pwrite(fd, data, length, offset));
			else
				ASSERT_EQ(fits,
					  pwrite(fd, data, length, offset));
			memcpy(model + offset, data, fits);
			break;
		case 1:
			ASSERT_EQ(fits, pread(fd, data, length, offset));
			ASSERT_EQ(0, memcmp(data, model + offset, fits));
			break;
		case 2:
			memcpy(map + offset, data, fits);
			memcpy(model + offset, data, fits);
			break;
		}
	}
	ASSERT_EQ(0, memcmp(map, model, size));
}
