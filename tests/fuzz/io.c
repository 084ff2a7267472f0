// SPDX-License-Identifier: GPL-2.0
/* Operations of fuzz on descriptors: open to close, read, write, seek. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "device.h"
#include "model.h"

static uint8_t buffer[MAX_SIZE + MAX_PAGE];

static size_t draw_length(void)
{
	switch (below(16)) {
	case 0:
		return 0;
	case 1:
		return below(run->size + PAGE);
	case 2:
	case 3:
		return below(2 * PAGE);
	default:
		return 1 + below(300);
	}
}

/* An offset: inside, near a page boundary, near the end, far away, negative. */
static long draw_offset(void)
{
	switch (below(32)) {
	case 0:
		return -1 - (long)below(PAGE);
	case 1:
		return 1L << (20 + below(42));
	case 2:
	case 3:
		return run->size + below(PAGE);
	case 4:
	case 5:
		return run->size - below(300);
	case 6:
	case 7:
	case 8:
		return below(run->pages) * PAGE + below(2) * (PAGE - 40);
	default:
		return below(run->size);
	}
}

static bool do_open(void)
{
	static const int modes[] = { O_RDWR, O_RDWR, O_RDONLY, O_WRONLY };
	int flags = modes[below(ARRAY_SIZE(modes))] |
		    (one_in(8) ? O_APPEND : 0) | (one_in(8) ? O_TRUNC : 0);
	bool direct = one_in(16);
	int slot = 0, file = 0;
	long seen;

	while (slot < DESCRIPTORS && model.fd[slot] >= 0)
		slot++;
	while (file < FILES && model.files[file].flags >= 0)
		file++;
	if (slot == DESCRIPTORS || file == FILES)
		return false;
	note_op("open(flags %#lo), to be fd %ld", flags | (direct ? O_DIRECT : 0),
		slot);
	seen = open(DEVICE, flags | (direct ? O_DIRECT : 0) | O_CLOEXEC);
	answer(seen < 0 ? seen : slot);
	if (direct) {
		expect(seen < 0 ? -errno : seen, -EINVAL);
		return true;
	}
	if (seen < 0)
		disagree("expected success, saw %s", answer_text(-errno));
	model.fd[slot] = seen;
	model.file_of[slot] = file;
	model.files[file] = (struct file) {
		.flags = flags,
		.position = &me.worker->positions[me.depth][file],
	};
	*model.files[file].position = 0;
	return true;
}

static bool do_close(void)
{
	int slot = draw_descriptor();

	if (slot < 0)
		return false;
	note_op("close(fd %ld)", slot);
	expect(answer(close(model.fd[slot])), 0);
	model.fd[slot] = -1;
	return true;
}

static bool do_dup(void)
{
	int slot = draw_descriptor(), to = 0;
	int fd;

	while (to < DESCRIPTORS && model.fd[to] >= 0)
		to++;
	if (slot < 0 || to == DESCRIPTORS)
		return false;
	note_op("dup(fd %ld), to be fd %ld", slot, to);
	fd = fcntl(model.fd[slot], F_DUPFD_CLOEXEC, 0);
	answer(fd < 0 ? fd : to);
	if (fd < 0)
		disagree("expected success, saw %s", answer_text(-errno));
	model.fd[to] = fd;
	model.file_of[to] = model.file_of[slot];
	return true;
}

/* Predict the answer to a read or a write. */
static long predict(int file, bool writes, long offset, size_t length)
{
	bool ends = writes && model.files[file].flags & O_APPEND;
	size_t room;

	if (offset < 0)
		return -EINVAL;
	if (writes ? !is_writable(file) : !is_readable(file))
		return -EBADF;
	if (!length)
		return 0;
	if (ends || offset >= (long)run->size)
		return writes ? -ENOSPC : 0;
	room = run->size - offset;
	return length < room ? length : room;
}

/* How many bytes this process may write there: only its own. */
static size_t may_write(long offset, size_t length)
{
	size_t own;

	if (offset < 0 || offset >= (long)run->size)
		return length;
	own = own_run(offset, length);
	return offset + own == run->size ? length : own;
}

static long draw_own_offset(void)
{
	long offset = draw_offset();

	if (offset < 0 || offset >= (long)run->size)
		return offset;
	return next_own(offset);
}

/* At the position of the file; at an offset; at an offset, in two pieces. */
enum variant { AT_POSITION, AT_OFFSET, IN_TWO_PIECES };

static ssize_t read_or_write(bool writes, enum variant variant, int fd, size_t length, size_t first,
			     long offset)
{
	struct iovec pieces[] = {
		{ buffer, first }, { buffer + first, length - first },
	};

	switch (variant) {
	case AT_POSITION:
		return writes ? write(fd, buffer, length) : read(fd, buffer, length);
	case AT_OFFSET:
		return writes ? pwrite(fd, buffer, length, offset) :
				pread(fd, buffer, length, offset);
	default:
		return writes ? pwritev(fd, pieces, 2, offset) : preadv(fd, pieces, 2, offset);
	}
}

/*
 * The format gets descriptor, length, offset, of a write the first byte, and how many
 * bytes are in the first piece.
 */
static bool transfer(const char *format, bool writes, enum variant variant)
{
	size_t length = draw_length(), first;
	long *position, offset, seen;
	int slot = draw_descriptor();

	if (slot < 0)
		return false;
	position = model.files[model.file_of[slot]].position;
	offset = variant == AT_POSITION ? *position :
		 writes ? draw_own_offset() : draw_offset();
	if (writes) {
		length = may_write(offset, length);
		draw_bytes(buffer, length);
	}
	first = variant == IN_TWO_PIECES ? below(length + 1) : length;
	note(format, (const long [7]) { 0, slot, length, offset, writes ? buffer[0] : first,
					first });
	seen = answer(read_or_write(writes, variant, model.fd[slot], length, first, offset));
	expect(seen, predict(model.file_of[slot], writes, offset, length));
	if (seen <= 0)
		return true;
	if (writes)
		wrote_region(offset, buffer, seen);
	else
		check_region(offset, buffer, seen);
	if (variant == AT_POSITION)
		*position += seen;
	return true;
}

static bool do_pread(void)
{
	return transfer("pread(fd %ld, %ld bytes, %#lx)", false, AT_OFFSET);
}

static bool do_read(void)
{
	return transfer("read(fd %ld, %ld bytes), at %#lx", false, AT_POSITION);
}

static bool do_preadv(void)
{
	return transfer("preadv(fd %ld, %ld bytes, %#lx), %ld in the first piece", false,
			IN_TWO_PIECES);
}

static bool do_pwrite(void)
{
	return transfer("pwrite(fd %ld, %ld bytes, %#lx), the first %#lx", true, AT_OFFSET);
}

static bool do_write(void)
{
	return transfer("write(fd %ld, %ld bytes), at %#lx, the first %#lx", true, AT_POSITION);
}

static bool do_pwritev(void)
{
	return transfer("pwritev(fd %ld, %ld bytes, %#lx), the first %#lx, %ld in the first piece",
			true, IN_TWO_PIECES);
}

static bool do_seek(void)
{
	static const int whences[] = {
		SEEK_SET, SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_CUR, SEEK_END,
		SEEK_DATA, SEEK_HOLE, 99,
	};
	int slot = draw_descriptor();
	int whence = whences[below(ARRAY_SIZE(whences))];
	long offset = draw_offset(), wanted, seen, *position;

	if (slot < 0)
		return false;
	position = model.files[model.file_of[slot]].position;
	if (whence == SEEK_END || (whence == SEEK_CUR && one_in(2)))
		offset = -offset;
	wanted = whence == SEEK_CUR ? *position + offset :
		 whence == SEEK_END ? (long)run->size + offset : offset;
	if (wanted < 0 || wanted > (long)run->size || whence > SEEK_END)
		wanted = -EINVAL;
	note_op("lseek(fd %ld, %ld, whence %ld), at %#lx", slot, offset, whence,
		*position);
	seen = answer(lseek(model.fd[slot], offset, whence));
	expect(seen, wanted);
	if (seen >= 0)
		*position = seen;
	return true;
}

/*
 * Is a copy exact that ends at a page without access? Before 5.14 arm64 moves some bytes
 * at a time, and counts none of those that it moves when it gets there.
 */
static bool is_exact_at_a_hole(void)
{
	struct utsname system;
	int major, minor;

	if (uname(&system) || strcmp(system.machine, "aarch64") ||
	    sscanf(system.release, "%d.%d", &major, &minor) != 2)
		return true;
	return major > 5 || (major == 5 && minor >= 14);
}

/* A read of the region into a mapping of it. */
static bool do_read_into(void)
{
	int slot = draw_descriptor();
	size_t length = 1 + below(one_in(4) ? 2 * PAGE : 300), reached;
	size_t va = draw_va(length, NULL), offset = next_own(below(run->size));
	long seen;

	if (slot < 0 || !is_readable(model.file_of[slot]))
		return false;
	length = writable_run(va, own_run(offset, length));
	if (!length || overlaps(va, offset, length))
		return false;
	reached = reach(va, length, PROT_WRITE);
	if (reached && reached < length && !is_exact_at_a_hole())
		return false;
	note_op("pread(fd %ld, into va %#lx, %ld bytes, %#lx)", slot, va,
		length, offset);
	seen = answer(pread(model.fd[slot], model.base + va, length,
			    offset));
	expect(seen, reached ? (long)reached : -EFAULT);
	memcpy(buffer, run->bytes + offset, reached);
	if (reached)
		wrote_vpages(va, buffer, reached);
	return true;
}

/*
 * If part of the memory cannot be read, kernels differ in how much of the rest they
 * write.
 */
static void expect_part(long seen, size_t length, size_t reached)
{
	if (reached == length || !reached)
		expect(seen, reached ? (long)reached : -EFAULT);
	else if (seen != -EFAULT && (seen <= 0 || seen > (long)reached))
		disagree("expected 1 to %zu or EFAULT, saw %s", reached,
			 answer_text(seen));
}

/*
 * A private copy holds bytes of other processes, too. When racing, this process must
 * neither write those nor let them decide what it does.
 */
static bool has_copy(size_t va, size_t length)
{
	for (size_t at = va / PAGE; at * PAGE < va + length; at++)
		if (model.vpages[at].copied)
			return true;
	return false;
}

/* A write to the region from a mapping of it. */
static bool do_write_from(void)
{
	int slot = draw_descriptor();
	size_t length = 1 + below(one_in(4) ? 2 * PAGE : 300), reached;
	size_t va = draw_va(length, NULL), offset = next_own(below(run->size));
	long seen;

	if (slot < 0 || !is_writable(model.file_of[slot]) ||
	    model.files[model.file_of[slot]].flags & O_APPEND)
		return false;
	length = known_run(va, own_run(offset, length));
	if (!length || overlaps(va, offset, length))
		return false;
	reached = reach(va, length, PROT_READ);
	if (run->kind != IN_TURN && has_copy(va, reached))
		return false;
	bytes_of_vpages(va, buffer, reached);
	note_op("pwrite(fd %ld, from va %#lx, %ld bytes, %#lx)", slot, va,
		length, offset);
	seen = answer(pwrite(model.fd[slot], model.base + va, length,
			     offset));
	expect_part(seen, length, reached);
	if (seen > 0) {
		touched_vpages(va, seen);
		wrote_region(offset, buffer, seen);
	}
	return true;
}

/* Nobody may change the size of the region. */
static bool do_resize(void)
{
	int slot = draw_descriptor();
	size_t offset = below(run->pages) * PAGE;
	bool truncate = one_in(2);

	if (slot < 0)
		return false;
	if (truncate) {
		note_op("ftruncate(fd %ld, %#lx)", slot, offset);
		expect(answer(ftruncate(model.fd[slot], offset)), -EINVAL);
	} else {
		int mode = one_in(2) ? 0 : FALLOC_FL_PUNCH_HOLE |
					   FALLOC_FL_KEEP_SIZE;

		note_op("fallocate(fd %ld, mode %ld, %#lx, 1 page)", slot, mode,
			offset);
		expect(answer(fallocate(model.fd[slot], mode, offset, PAGE)),
		       is_writable(model.file_of[slot]) ? -ENODEV : -EBADF);
	}
	return true;
}

static bool do_sync_file(void)
{
	int slot = draw_descriptor();
	bool advise = one_in(2);

	if (slot < 0)
		return false;
	if (advise) {
		note_op("posix_fadvise(fd %ld, POSIX_FADV_DONTNEED)", slot);
		expect(answer(posix_fadvise(model.fd[slot], 0, 0,
					    POSIX_FADV_DONTNEED)), 0);
	} else {
		note_op("fsync(fd %ld)", slot);
		expect(answer(fsync(model.fd[slot])), 0);
	}
	return true;
}

const struct operation io_operations[] = {
	{ "open", 50, do_open },
	{ "close", 30, do_close },
	{ "dup", 15, do_dup },
	{ "pread", 60, do_pread },
	{ "read", 40, do_read },
	{ "preadv", 20, do_preadv },
	{ "pwrite", 60, do_pwrite },
	{ "write", 40, do_write },
	{ "pwritev", 20, do_pwritev },
	{ "seek", 50, do_seek },
	{ "read_into", 30, do_read_into },
	{ "write_from", 30, do_write_from },
	{ "resize", 8, do_resize },
	{ "sync_file", 15, do_sync_file },
	{ NULL, 0, NULL }
};
