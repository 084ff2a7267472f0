// SPDX-License-Identifier: GPL-2.0
/* The model of fuzz: the bytes of the region and the mappings; see model.h. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "model.h"

struct places places;

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

void model_begin(void)
{
	/* Twice the size: map_and_move() maps behind the places. */
	size_t room = 2 * PLACES * PAGE;

	memset(&places, 0, sizeof(places));
	for (int i = 0; i < FILES; i++)
		places.files[i].flags = -1;
	for (int i = 0; i < DESCRIPTORS; i++)
		places.fd[i] = -1;
	places.base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1,
			   0);
	if (places.base == MAP_FAILED)
		disagree("no address space");
	munmap(places.base, room);
}

bool is_readable(int file)
{
	return (places.files[file].flags & O_ACCMODE) != O_WRONLY;
}

bool is_writable(int file)
{
	return (places.files[file].flags & O_ACCMODE) != O_RDONLY;
}

bool is_used(int file)
{
	for (int i = 0; i < DESCRIPTORS; i++)
		if (places.fd[i] >= 0 && places.file_of[i] == file)
			return true;
	for (int i = 0; i < PLACES; i++)
		if (places.at[i].mapped && places.at[i].file == file)
			return true;
	return false;
}

void model_count(void)
{
	long opens = 0, mappings = 0;

	for (int i = 0; i < FILES; i++) {
		struct file *file = &places.files[i];

		if (file->flags >= 0 && !is_used(i))
			file->flags = -1;
		opens += file->flags >= 0 && !file->inherited;
	}
	for (int i = 0; i < PLACES; i++)
		mappings += places.at[i].mapped && places.at[i].starts;
	me.worker->opens[me.depth] = opens;
	me.worker->mappings[me.depth] = mappings;
}

void model_fork(void)
{
	for (int i = 0; i < FILES; i++)
		places.files[i].inherited = true;
	for (int i = 0; i < PLACES; i++)
		if (places.at[i].mapped && places.at[i].dont_fork)
			clear_places(i, 1);
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

		if (places.fd[slot] >= 0)
			return slot;
	}
	return -1;
}

bool is_readable_place(const struct place *place)
{
	return place->prot & PROT_READ;
}

bool is_writable_place(const struct place *place)
{
	return place->prot & PROT_WRITE;
}

int draw_place(bool (*fits)(const struct place *place))
{
	int first = below(PLACES);

	for (int i = 0; i < PLACES; i++) {
		int at = (first + i) % PLACES;

		if (places.at[at].mapped && (!fits || fits(&places.at[at])))
			return at;
	}
	return -1;
}

int end_of_vma(int at)
{
	do {
		at++;
	} while (at < PLACES && places.at[at].mapped && !places.at[at].starts);
	return at;
}

void split_before(int at)
{
	if (at < PLACES && places.at[at].mapped)
		places.at[at].starts = true;
}

void clear_places(int at, int count)
{
	split_before(at + count);
	memset(&places.at[at], 0, count * sizeof(places.at[0]));
}

/* The ranges do not overlap, and "from" is within one VMA. */
void move_places(int to, int from, int count)
{
	struct place moved[PLACES];

	memcpy(moved, &places.at[from], count * sizeof(moved[0]));
	moved[0].starts = true;
	clear_places(to, count);
	clear_places(from, count);
	memcpy(&places.at[to], moved, count * sizeof(moved[0]));
	memcpy(places.copies[to], places.copies[from], count * PAGE);
}

size_t reach(size_t spot, size_t length, int prot)
{
	size_t n = 0;

	while (n < length) {
		const struct place *place = &places.at[(spot + n) / PAGE];

		if (!place->mapped || (place->prot & prot) != prot)
			break;
		n += PAGE - (spot + n) % PAGE;
	}
	return min(n, length);
}

/* The offset in the region that is mapped at a spot. */
static size_t offset_at(size_t spot)
{
	return places.at[spot / PAGE].page * (size_t)PAGE + spot % PAGE;
}

static size_t run_of(size_t spot, size_t length, bool to_write)
{
	size_t n = 0;

	while (n < length) {
		const struct place *place = &places.at[(spot + n) / PAGE];
		size_t part = min(length - n, PAGE - (spot + n) % PAGE);
		size_t own = part;

		if (place->mapped && !place->copied &&
		    (place->shared || !to_write))
			own = own_run(offset_at(spot + n), part);
		n += own;
		if (own < part)
			break;
	}
	return n;
}

size_t writable_run(size_t spot, size_t length)
{
	return run_of(spot, length, true);
}

size_t known_run(size_t spot, size_t length)
{
	return run_of(spot, length, false);
}

bool overlaps(size_t spot, size_t offset, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		const struct place *place = &places.at[(spot + n) / PAGE];
		size_t at = offset_at(spot + n);

		part = min(length - n, PAGE - (spot + n) % PAGE);
		if (place->mapped && !place->copied && at < offset + length &&
		    offset < at + part)
			return true;
	}
	return false;
}

static bool is_in_meeting(size_t offset)
{
	return offset >= run->meeting &&
	       offset < run->meeting + sizeof(struct meeting);
}

static int owner(size_t offset)
{
	return run->kind == IN_TURN ? me.process :
	       (int)(offset / run->granule % run->processes);
}

size_t own_run(size_t offset, size_t length)
{
	size_t end = min(offset + length, me.size);

	if (offset >= me.size || is_in_meeting(offset))
		return 0;
	if (me.process < COORDINATOR && run->kind != IN_TURN) {
		if (owner(offset) != me.process)
			return 0;
		if (run->processes > 1)
			end = min(end, (offset / run->granule + 1) *
					 run->granule);
	}
	if (offset < run->meeting)
		end = min(end, run->meeting);
	return end - offset;
}

size_t next_own(size_t offset)
{
	while (offset < me.size) {
		int steps = me.process - owner(offset);

		if (is_in_meeting(offset)) {
			offset = run->meeting + sizeof(struct meeting);
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
	if (is_in_meeting(offset) || !seen || seen >> 5 == owner(offset))
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
		const uint8_t *model = run->bytes + offset + i;

		own = own_run(offset + i, length - i);
		if (own && memcmp(bytes + i, model, own)) {
			size_t d = first_difference(bytes + i, model);

			disagree("byte %#lx of the region: expected %#x, saw %#x",
				 (long)(offset + i + d), model[d],
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
	size_t offset = places.at[at].page * (size_t)PAGE;
	uint8_t *copy = places.copies[at];
	long signal = copy_carefully(copy, places.base + at * (size_t)PAGE,
				     PAGE);

	if (signal)
		disagree("no private copy of page %d: %s", places.at[at].page,
			 answer_text(signal));
	if (memcmp(copy + from, bytes, length)) {
		size_t d = first_difference(copy + from, bytes);

		disagree("byte %#lx of a private copy: expected %#x, saw %#x",
			 (long)(offset + from + d), bytes[d], copy[from + d]);
	}
	check_region(offset, copy, from);
	check_region(offset + from + length, copy + from + length,
		     PAGE - from - length);
	places.at[at].copied = true;
}

void copied_place(int at)
{
	copy_page(at, 0, places.copies[at], 0);
}

/* Within one page. */
static void wrote_place(size_t spot, const uint8_t *bytes, size_t length)
{
	int at = spot / PAGE;
	size_t from = spot % PAGE;

	places.at[at].touched = true;
	if (places.at[at].shared)
		wrote_region(offset_at(spot), bytes, length);
	else if (places.at[at].copied)
		memcpy(places.copies[at] + from, bytes, length);
	else
		copy_page(at, from, bytes, length);
}

void wrote_places(size_t spot, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		part = min(length - n, PAGE - (spot + n) % PAGE);
		wrote_place(spot + n, bytes + n, part);
	}
}

void wrote_pinned(size_t spot, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (int shared = 0; shared <= 1; shared++)
		for (size_t n = 0; n < length; n += part) {
			part = min(length - n, PAGE - (spot + n) % PAGE);
			if (places.at[(spot + n) / PAGE].shared == shared)
				wrote_place(spot + n, bytes + n, part);
		}
}

void check_places(size_t spot, const uint8_t *bytes, size_t length)
{
	size_t part;

	for (size_t n = 0; n < length; n += part) {
		int at = (spot + n) / PAGE;
		const uint8_t *copy = places.copies[at] + (spot + n) % PAGE;

		part = min(length - n, PAGE - (spot + n) % PAGE);
		places.at[at].touched = true;
		if (!places.at[at].copied) {
			check_region(offset_at(spot + n), bytes + n, part);
		} else if (memcmp(bytes + n, copy, part)) {
			size_t d = first_difference(bytes + n, copy);

			disagree("byte %#lx of a private copy: expected %#x, saw %#x",
				 (long)(offset_at(spot + n) + d), copy[d],
				 bytes[n + d]);
		}
	}
}

void touched_places(size_t spot, size_t length)
{
	for (size_t n = 0; n < length; n++)
		places.at[(spot + n) / PAGE].touched = true;
}

void bytes_of_places(size_t spot, uint8_t *bytes, size_t length)
{
	for (size_t n = 0; n < length; n++) {
		int at = (spot + n) / PAGE;

		bytes[n] = places.at[at].copied ?
			   places.copies[at][(spot + n) % PAGE] :
			   run->bytes[offset_at(spot + n)];
	}
}
