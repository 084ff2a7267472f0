// SPDX-License-Identifier: GPL-2.0
/* The model of fuzz: the bytes of the region and the mappings; see model.h. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

struct model model;

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void model_begin(void)
{
	/* Twice the size: map_and_move() maps behind the vpages. */
	size_t room = 2 * VPAGES * PAGE;

	memset(&model, 0, offsetof(struct model, copies));
	for (int i = 0; i < FILES; i++)
		model.files[i].flags = -1;
	for (int i = 0; i < DESCRIPTORS; i++)
		model.fd[i] = -1;
	model.base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1,
			   0);
	if (model.base == MAP_FAILED)
		disagree("no address space");
	munmap(model.base, room);
}

bool is_readable(int file)
{
	return (model.files[file].flags & O_ACCMODE) != O_WRONLY;
}

bool is_writable(int file)
{
	return (model.files[file].flags & O_ACCMODE) != O_RDONLY;
}

bool is_used(int file)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		if (model.fd[i] >= 0 && model.file_of[i] == file)
			return true;
	for (int i = 0; i < VPAGES; i++)
		if (model.vpages[i].mapped && model.vpages[i].file == file)
			return true;
	return false;
}

void model_count(void)
{
	long opens = 0, mappings = 0;

	for (int i = 0; i < FILES; i++) {
		struct file *file = &model.files[i];

		if (file->flags >= 0 && !is_used(i))
			file->flags = -1;
		opens += file->flags >= 0 && !file->inherited;
	}
	for (int i = 0; i < VPAGES; i++)
		mappings += model.vpages[i].mapped && model.vpages[i].starts;
	me.worker->opens[me.depth] = opens;
	me.worker->mappings[me.depth] = mappings;
}

void model_fork(void)
{
	for (int i = 0; i < FILES; i++)
		model.files[i].inherited = true;
	for (int i = 0; i < VPAGES; i++)
		if (model.vpages[i].mapped && model.vpages[i].dont_fork)
			clear_vpages(i, 1);
	model_count();
}

void model_reload(void)
{
	memset(run->bytes, 0, run->size);
	run->sum = 0;
	run->under_semaphore = 0;
	run->under_mutex = 0;
	run->faults = 0;
	run->faults_read = 0;
	run->loads++;
}

int draw_descriptor(void)
{
	int first = below(DESCRIPTORS);

	for (int i = 0; i < DESCRIPTORS; i++) {
		int slot = (first + i) % DESCRIPTORS;

		if (model.fd[slot] >= 0)
			return slot;
	}
	return -1;
}

bool is_readable_vpage(const struct vpage *vpage)
{
	return vpage->prot & PROT_READ;
}

bool is_writable_vpage(const struct vpage *vpage)
{
	return vpage->prot & PROT_WRITE;
}

int draw_vpage(bool (*fits)(const struct vpage *vpage))
{
	int first = below(VPAGES);

	for (int i = 0; i < VPAGES; i++) {
		int at = (first + i) % VPAGES;

		if (model.vpages[at].mapped && (!fits || fits(&model.vpages[at])))
			return at;
	}
	return -1;
}

size_t draw_va(size_t length, bool (*fits)(const struct vpage *vpage))
{
	int at = one_in(16) ? -1 : draw_vpage(one_in(4) ? NULL : fits);
	size_t va;

	if (at < 0)
		at = below(VPAGES);
	va = at * (size_t)PAGE + below(PAGE);
	if (one_in(4))
		va -= va % PAGE;
	if (va + length > (size_t)VPAGES * PAGE)
		va = (size_t)VPAGES * PAGE - length;
	return va;
}

int end_of_vma(int at)
{
	do {
		at++;
	} while (at < VPAGES && model.vpages[at].mapped && !model.vpages[at].starts);
	return at;
}

void split_before(int at)
{
	if (at < VPAGES && model.vpages[at].mapped)
		model.vpages[at].starts = true;
}

void clear_vpages(int at, int count)
{
	split_before(at + count);
	memset(&model.vpages[at], 0, count * sizeof(model.vpages[0]));
}

/* The ranges do not overlap, and "from" is within one VMA. */
void move_vpages(int to, int from, int count)
{
	struct vpage moved[VPAGES];

	memcpy(moved, &model.vpages[from], count * sizeof(moved[0]));
	moved[0].starts = true;
	clear_vpages(to, count);
	clear_vpages(from, count);
	memcpy(&model.vpages[to], moved, count * sizeof(moved[0]));
	for (int i = 0; i < count; i++)
		if (moved[i].copied)
			memcpy(model.copies[to + i], model.copies[from + i], PAGE);
}

size_t reach(size_t va, size_t length, int prot)
{
	size_t n = 0;

	while (n < length) {
		const struct vpage *vpage = &model.vpages[(va + n) / PAGE];

		if (!vpage->mapped || (vpage->prot & prot) != prot)
			break;
		n += PAGE - (va + n) % PAGE;
	}
	return min(n, length);
}

/* The offset in the region that is mapped at a va. */
static size_t offset_at(size_t va)
{
	return model.vpages[va / PAGE].page * (size_t)PAGE + va % PAGE;
}

static size_t run_of(size_t va, size_t length, bool to_write)
{
	size_t n = 0;

	while (n < length) {
		const struct vpage *vpage = &model.vpages[(va + n) / PAGE];
		size_t part = min(length - n, PAGE - (va + n) % PAGE);
		size_t own = part;

		if (vpage->mapped && !vpage->copied &&
		    (vpage->shared || !to_write))
			own = own_run(offset_at(va + n), part);
		n += own;
		if (own < part)
			break;
	}
	return n;
}

size_t writable_run(size_t va, size_t length)
{
	return run_of(va, length, true);
}

size_t known_run(size_t va, size_t length)
{
	return run_of(va, length, false);
}

bool overlaps(size_t va, size_t offset, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		const struct vpage *vpage = &model.vpages[(va + n) / PAGE];
		size_t at = offset_at(va + n);

		part = min(length - n, PAGE - (va + n) % PAGE);
		if (vpage->mapped && !vpage->copied && at < offset + length &&
		    offset < at + part)
			return true;
	}
	return false;
}

bool is_in_sync_area(size_t offset)
{
	return offset >= run->sync_offset &&
	       offset < run->sync_offset + sizeof(struct sync_area);
}

static int owner(size_t offset)
{
	return run->kind == IN_TURN ? me.process :
	       (int)(offset / run->granule % run->processes);
}

size_t own_run(size_t offset, size_t length)
{
	size_t end = min(offset + length, me.size);

	if (offset >= me.size || is_in_sync_area(offset))
		return 0;
	if (me.process < COORDINATOR && run->kind != IN_TURN) {
		if (owner(offset) != me.process)
			return 0;
		if (run->processes > 1)
			end = min(end, (offset / run->granule + 1) *
					 run->granule);
	}
	if (offset < run->sync_offset)
		end = min(end, run->sync_offset);
	return end - offset;
}

size_t next_own(size_t offset)
{
	while (offset < me.size) {
		int steps = me.process - owner(offset);

		if (is_in_sync_area(offset)) {
			offset = run->sync_offset + sizeof(struct sync_area);
			continue;
		}
		if (!steps)
			break;
		if (steps < 0)
			steps += run->processes;
		offset = (offset / run->granule + steps) * run->granule;
	}
	return offset;
}

/*
 * When processes race, the upper bits of a byte that is not 0 are its owner. Even
 * with length 0 there is a first byte, for reports.
 */
void draw_bytes(uint8_t *bytes, size_t length)
{
	uint64_t random = draw();

	for (size_t i = 0; i < length || !i; i++) {
		random = random * 6364136223846793005 + 1442695040888963407;
		bytes[i] = random >> 56;
		if (run->kind != IN_TURN)
			bytes[i] = me.process << 5 | bytes[i] >> 3;
	}
}

void wrote_region(size_t offset, const uint8_t *bytes, size_t length)
{
	memcpy(run->bytes + offset, bytes, length);
}

/* Check a byte that this process does not own. */
static void check_other(size_t offset, uint8_t seen)
{
	if (is_in_sync_area(offset) || !seen || seen >> 5 == owner(offset))
		return;
	disagree("byte %#lx of the region is process %d's: expected 0 or %#x to %#x, saw %#x",
		 (long)offset, owner(offset), owner(offset) << 5,
		 (owner(offset) << 5) + 31, seen);
}

static size_t first_difference(const uint8_t *a, const uint8_t *b)
{
	size_t i = 0;

	while (a[i] == b[i])
		i++;
	return i;
}

void check_region(size_t offset, const uint8_t *bytes, size_t length)
{
	size_t own;

	for (size_t i = 0; i < length; i += own) {
		const uint8_t *expected = run->bytes + offset + i;

		own = own_run(offset + i, length - i);
		if (own && memcmp(bytes + i, expected, own)) {
			size_t d = first_difference(bytes + i, expected);

			disagree("byte %#lx of the region: expected %#x, saw %#x",
				 (long)(offset + i + d), expected[d],
				 bytes[i + d]);
		}
		if (!own) {
			check_other(offset + i, bytes[i]);
			own = 1;
		}
	}
}

/* A write has copied a private page: from now on all its bytes are known. */
static void copy_page(int at, size_t from, const uint8_t *bytes, size_t length)
{
	size_t offset = model.vpages[at].page * (size_t)PAGE;
	uint8_t *copy = model.copies[at];
	long signal = copy_carefully(copy, model.base + at * (size_t)PAGE,
				     PAGE);

	if (signal)
		disagree("no private copy of page %d: %s", model.vpages[at].page,
			 answer_text(signal));
	if (memcmp(copy + from, bytes, length)) {
		size_t d = first_difference(copy + from, bytes);

		disagree("byte %#lx of a private copy: expected %#x, saw %#x",
			 (long)(offset + from + d), bytes[d], copy[from + d]);
	}
	check_region(offset, copy, from);
	check_region(offset + from + length, copy + from + length,
		     PAGE - from - length);
	model.vpages[at].copied = true;
}

void copied_vpage(int at)
{
	copy_page(at, 0, model.copies[at], 0);
}

/* Within one page. */
static void wrote_vpage(size_t va, const uint8_t *bytes, size_t length)
{
	int at = va / PAGE;
	size_t from = va % PAGE;

	model.vpages[at].touched = true;
	if (model.vpages[at].shared)
		wrote_region(offset_at(va), bytes, length);
	else if (model.vpages[at].copied)
		memcpy(model.copies[at] + from, bytes, length);
	else
		copy_page(at, from, bytes, length);
}

void wrote_vpages(size_t va, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		part = min(length - n, PAGE - (va + n) % PAGE);
		wrote_vpage(va + n, bytes + n, part);
	}
}

void wrote_pinned(size_t va, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (int shared = 0; shared <= 1; shared++)
		for (size_t n = 0; n < length; n += part) {
			part = min(length - n, PAGE - (va + n) % PAGE);
			if (model.vpages[(va + n) / PAGE].shared == shared)
				wrote_vpage(va + n, bytes + n, part);
		}
}

void check_vpages(size_t va, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		int at = (va + n) / PAGE;
		const uint8_t *copy = model.copies[at] + (va + n) % PAGE;

		part = min(length - n, PAGE - (va + n) % PAGE);
		model.vpages[at].touched = true;
		if (!model.vpages[at].copied) {
			check_region(offset_at(va + n), bytes + n, part);
		} else if (memcmp(bytes + n, copy, part)) {
			size_t d = first_difference(bytes + n, copy);

			disagree("byte %#lx of a private copy: expected %#x, saw %#x",
				 (long)(offset_at(va + n) + d), copy[d],
				 bytes[n + d]);
		}
	}
}

void touched_vpages(size_t va, size_t length)
{
	for (size_t n = 0; n < length; n++)
		model.vpages[(va + n) / PAGE].touched = true;
}

void bytes_of_vpages(size_t va, uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++) {
		int at = (va + n) / PAGE;

		bytes[n] = model.vpages[at].copied ?
			   model.copies[at][(va + n) % PAGE] :
			   run->bytes[offset_at(va + n)];
	}
}
