// SPDX-License-Identifier: GPL-2.0
/* Operations of fuzz on mappings: make, change, read and write them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "model.h"

enum { RW = PROT_READ | PROT_WRITE };

static uint8_t buffer[4 * MAX_PAGE];

static char *pointer(size_t va)
{
	return model.base + va;
}

/* An address as an answer: relative to the vpages. */
static long from_base(void *map)
{
	return map == MAP_FAILED ? -1 : (char *)map - model.base;
}

/* Draw consecutive vpages, half the time of one VMA; returns how many. */
static int draw_vpages(int *at)
{
	int mapped = draw_vpage(NULL);
	int count = one_in(8) ? 1 + below(VPAGES / 2) : 1 + below(4);
	int max = VPAGES;

	*at = mapped >= 0 && !one_in(8) ? mapped : (int)below(VPAGES);
	if (*at == mapped && one_in(2))
		max = end_of_vma(*at);
	return *at + count > max ? max - *at : count;
}

static int draw_prot(void)
{
	size_t number = below(16);

	return number == 0 ? PROT_NONE : number < 4 ? PROT_READ : RW;
}

/*
 * Populating a private writable page copies it, as a write does. Returns false at
 * a page without access: the kernel goes no further.
 */
static bool populate_vpages(int at, int count)
{
	for (int end = at + count; at < end; at++) {
		struct vpage *vpage = &model.vpages[at];

		if (vpage->prot == PROT_NONE)
			return false;
		vpage->touched = true;
		if (!vpage->shared && !vpage->copied && vpage->prot == RW)
			copied_vpage(at);
	}
	return true;
}

struct request {
	int slot, file, prot, flags;
	size_t page, count;		/* of the region */
	int at;
};

static long call_mmap(const struct request *r, size_t at)
{
	return from_base(mmap(pointer(at * PAGE), r->count * PAGE, r->prot,
			      r->flags, model.fd[r->slot], r->page * PAGE));
}

static void map_vpages(const struct request *r)
{
	bool shared = r->flags & MAP_SHARED;

	clear_vpages(r->at, r->count);
	for (size_t i = 0; i < r->count; i++)
		model.vpages[r->at + i] = (struct vpage) {
			.mapped = true, .starts = !i, .page = r->page + i,
			.prot = r->prot, .file = r->file, .shared = shared,
			.may_write = !shared || is_writable(r->file),
			.advice = MADV_NORMAL,
		};
	if (r->flags & MAP_POPULATE)
		populate_vpages(r->at, r->count);
}

static long move(size_t from, size_t to, size_t pages)
{
	return from_base(mremap(pointer(from), pages * PAGE, pages * PAGE,
				MREMAP_MAYMOVE | MREMAP_FIXED, pointer(to)));
}

/* Map behind the vpages, then move. The kernel takes the hint: that room is free. */
static long map_and_move(const struct request *r)
{
	struct request beside = *r;
	long seen;

	beside.flags &= ~MAP_FIXED;
	seen = call_mmap(&beside, VPAGES);
	if (seen != VPAGES * (long)PAGE)
		return answer(seen);
	return answer(move(VPAGES * PAGE, r->at * PAGE, r->count));
}

static bool do_mmap(void)
{
	struct request r = { .slot = draw_descriptor() };
	long seen;

	if (r.slot < 0)
		return false;
	r.file = model.file_of[r.slot];
	r.count = one_in(4) ? 1 + below(run->pages) : 1;
	if (r.count == 1)
		r.count += below(run->pages < 4 ? run->pages : 4);
	r.page = below(run->pages - r.count + 1);
	r.at = below(VPAGES - r.count + 1);
	r.prot = draw_prot();
	r.flags = MAP_FIXED | (one_in(4) ? MAP_PRIVATE : MAP_SHARED) |
		  (one_in(8) ? MAP_POPULATE : 0);
	if (!is_readable(r.file) ||
	    (!is_writable(r.file) && r.flags & MAP_SHARED && r.prot == RW))
		return false;
	note_op("mmap(vpage %ld, %ld pages, prot %ld, flags %#lx, fd %ld, page %ld)",
		r.at, r.count, r.prot, r.flags, r.slot, r.page);
	seen = one_in(4) ? map_and_move(&r) : answer(call_mmap(&r, r.at));
	expect(seen, r.at * (long)PAGE);
	map_vpages(&r);
	return true;
}

/* mmap() that must fail. Behind the vpages, for a failed mmap may unmap. */
static bool do_mmap_wrong(void)
{
	/* From this page on the offset is negative. */
	const size_t end = (1UL << 63) / PAGE;
	const size_t far[] = { 1UL << 20, 1UL << 40, end / 2 + 1, end - 1, end };
	struct request r = {
		.slot = draw_descriptor(), .prot = PROT_READ,
		.flags = MAP_SHARED,
	};
	long wanted = -EINVAL;

	if (r.slot < 0)
		return false;
	r.file = model.file_of[r.slot];
	r.count = 1 + below(run->pages);
	r.page = run->pages - r.count + 1 + below(3);
	r.flags = one_in(2) ? MAP_PRIVATE : MAP_SHARED;
	switch (below(4)) {
	case 0:
		r.page = below(run->pages - r.count + 1);
		r.prot = PROT_READ | PROT_EXEC;
		wanted = -EPERM;
		break;
	case 1:
		r.page = far[below(ARRAY_SIZE(far))];
		break;
	case 2:
		r.prot = RW;
		break;
	}
	if (!is_readable(r.file) ||
	    (!is_writable(r.file) && r.flags == MAP_SHARED && r.prot == RW))
		wanted = -EACCES;
	note_op("mmap(beside, %ld pages, prot %ld, flags %#lx, fd %ld, page %#lx)",
		r.count, r.prot, r.flags, r.slot, r.page);
	expect(answer(call_mmap(&r, VPAGES)), wanted);
	return true;
}

/* mmap() that fails for every file. */
static bool do_mmap_odd(void)
{
	size_t length = one_in(2) ? 0 : PAGE, offset = one_in(2) ? 1 : 0;
	int slot = draw_descriptor();

	if (slot < 0 || (length && !offset))
		return false;
	note_op("mmap(beside, %ld bytes, fd %ld, offset %ld)", length, slot,
		offset);
	expect(answer(from_base(mmap(pointer(VPAGES * PAGE), length, PROT_READ,
				     MAP_PRIVATE, model.fd[slot], offset))),
	       -EINVAL);
	return true;
}

static bool do_munmap(void)
{
	int at, count = draw_vpages(&at);

	note_op("munmap(vpage %ld, %ld pages)", at, count);
	expect(answer(munmap(pointer(at * PAGE), count * (size_t)PAGE)), 0);
	clear_vpages(at, count);
	return true;
}

static bool do_move(void)
{
	int from = draw_vpage(NULL), count, to;
	bool overlap;
	long seen;

	if (from < 0)
		return false;
	count = 1 + below(end_of_vma(from) - from);
	to = below(VPAGES - count + 1);
	note_op("mremap(vpage %ld, %ld pages, MREMAP_FIXED, vpage %ld)", from,
		count, to);
	seen = answer(move(from * PAGE, to * PAGE, count));
	overlap = to < from + count && from < to + count;
	expect(seen, overlap ? -EINVAL : to * (long)PAGE);
	if (!overlap)
		move_vpages(to, from, count);
	return true;
}

static bool do_shrink(void)
{
	int at = draw_vpage(NULL), count, left;

	if (at < 0 || end_of_vma(at) - at < 2)
		return false;
	count = end_of_vma(at) - at;
	left = 1 + below(count - 1);
	note_op("mremap(vpage %ld, %ld pages, to %ld pages)", at, count, left);
	expect(answer(from_base(mremap(pointer(at * PAGE), count * PAGE,
				       left * PAGE, 0))), at * (long)PAGE);
	clear_vpages(at + left, count - left);
	return true;
}

static bool do_grow(void)
{
	int at = draw_vpage(NULL), count, more = 1 + below(4);

	if (at < 0)
		return false;
	count = end_of_vma(at) - at;
	note_op("mremap(vpage %ld, %ld pages, to %ld pages, MREMAP_MAYMOVE)",
		at, count, count + more);
	expect(answer(from_base(mremap(pointer(at * PAGE), count * PAGE,
				       (count + more) * PAGE,
				       MREMAP_MAYMOVE))), -EFAULT);
	return true;
}

/* mprotect() goes from VMA to VMA, and stops at the first that fails. */
static long protect_vpages(int at, int count, int prot)
{
	int end = at + count;

	while (at < end) {
		int next = end_of_vma(at);

		if (!model.vpages[at].mapped)
			return -ENOMEM;
		if (prot & PROT_EXEC ||
		    (prot & PROT_WRITE && !model.vpages[at].may_write))
			return -EACCES;
		next = next < end ? next : end;
		if (model.vpages[at].prot != prot) {
			split_before(at);
			split_before(next);
		}
		for (; at < next; at++)
			model.vpages[at].prot = prot;
	}
	return 0;
}

static bool do_mprotect(void)
{
	int at, count = draw_vpages(&at);
	int prot = one_in(16) ? PROT_READ | PROT_EXEC : draw_prot();
	long seen;

	note_op("mprotect(vpage %ld, %ld pages, prot %ld)", at, count, prot);
	seen = answer(mprotect(pointer(at * PAGE), count * PAGE, prot));
	expect(seen, protect_vpages(at, count, prot));
	return true;
}

static void advise_vpage(struct vpage *vpage, int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
		vpage->advice = advice;
		break;
	case MADV_DONTFORK:
	case MADV_DOFORK:
		vpage->dont_fork = advice == MADV_DONTFORK;
		break;
	case MADV_DONTNEED:
		vpage->touched = false;
		vpage->copied = false;
		break;
	}
}

/*
 * Is this advice refused for every mapping of the device? Newer kernels refuse
 * MADV_DOFORK for VM_DONTEXPAND.
 */
static bool is_refused(int advice, long seen)
{
	return advice == MADV_FREE || advice == MADV_WIPEONFORK ||
	       (advice == MADV_DOFORK && seen == -EINVAL);
}

/* Flags belong to a VMA, so a change splits it. */
static long advise_vpages(int at, int count, int advice, long seen)
{
	int end = at + count;
	long wanted = 0;

	while (at < end) {
		struct vpage first = model.vpages[at], changed = first;
		int next = end_of_vma(at);

		if (!first.mapped) {
			wanted = -ENOMEM;
			at++;
			continue;
		}
		if (is_refused(advice, seen))
			return -EINVAL;
		next = next < end ? next : end;
		advise_vpage(&changed, advice);
		if (changed.advice != first.advice ||
		    changed.dont_fork != first.dont_fork) {
			split_before(at);
			split_before(next);
		}
		for (; at < next; at++)
			advise_vpage(&model.vpages[at], advice);
	}
	return wanted;
}

static bool do_madvise(void)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTNEED, MADV_DONTNEED, MADV_NORMAL,
		MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_COLD,
		MADV_PAGEOUT, MADV_DONTFORK, MADV_DOFORK, MADV_FREE,
		MADV_WIPEONFORK,
	};
	int at, count = draw_vpages(&at);
	int advice = advices[below(ARRAY_SIZE(advices))];
	long seen;

	note_op("madvise(vpage %ld, %ld pages, advice %ld)", at, count, advice);
	seen = answer(madvise(pointer(at * PAGE), count * (size_t)PAGE,
			      advice));
	expect(seen, advise_vpages(at, count, advice, seen));
	return true;
}

/* MADV_REMOVE must fail; the errno depends on the VMA. */
static bool do_remove(void)
{
	static const long refusals[] = { -ENODEV, -EACCES, 0 };
	int at = draw_vpage(NULL);
	long seen;

	if (at < 0)
		return false;
	note_op("madvise(vpage %ld, 1 page, MADV_REMOVE)", at);
	seen = answer(madvise(pointer(at * PAGE), PAGE, MADV_REMOVE));
	if (!seen)
		disagree("expected ENODEV or EACCES, saw success");
	expect_one_of(seen, refusals, "ENODEV or EACCES");
	return true;
}

static bool has_hole(int at, int count)
{
	for (int i = 0; i < count; i++)
		if (!model.vpages[at + i].mapped)
			return true;
	return false;
}

static bool do_msync(void)
{
	int at, count = draw_vpages(&at);

	note_op("msync(vpage %ld, %ld pages, MS_SYNC)", at, count);
	expect(answer(msync(pointer(at * PAGE), count * PAGE, MS_SYNC)),
	       has_hole(at, count) ? -ENOMEM : 0);
	return true;
}

/* mlock() skips these mappings, but populates them. */
static bool do_mlock(void)
{
	int at, count = draw_vpages(&at);
	bool hole = has_hole(at, count);
	long seen;

	note_op("mlock(vpage %ld, %ld pages)", at, count);
	seen = answer(mlock(pointer(at * PAGE), count * PAGE));
	expect(seen, !hole && populate_vpages(at, count) ? 0 : -ENOMEM);
	return true;
}

/* The first access to a page of a mapping counts as a fault. */
static void expect_fault(size_t va)
{
	if (run->kind == IN_TURN && !model.vpages[va / PAGE].touched)
		run->faults++;
}

/* A load or store stays within a page: with two pages it might half succeed. */
static size_t draw_within_page(size_t va)
{
	size_t room = PAGE - va % PAGE;
	size_t length = one_in(8) ? PAGE : 1 + below(64);

	return length < room ? length : room;
}

static bool do_load(void)
{
	size_t va = draw_va(1, is_readable_vpage), length = draw_within_page(va);
	bool works = reach(va, length, PROT_READ) == length;
	long signal;

	note_op("load(va %#lx, %ld bytes)", va, length);
	signal = copy_carefully(buffer, pointer(va), length);
	answer(signal ? signal : (long)length);
	expect(signal, works ? 0 : -(SIGNALLED + SIGSEGV));
	if (works) {
		expect_fault(va);
		check_vpages(va, buffer, length);
	}
	return true;
}

static bool do_store(void)
{
	size_t va = draw_va(1, is_writable_vpage);
	size_t length = writable_run(va, draw_within_page(va));
	bool works = reach(va, length, PROT_WRITE) == length;
	long signal;

	if (!length)
		return false;
	draw_bytes(buffer, length);
	note_op("store(va %#lx, %ld bytes, the first %#lx)", va, length,
		buffer[0]);
	signal = copy_carefully(pointer(va), buffer, length);
	answer(signal ? signal : (long)length);
	expect(signal, works ? 0 : -(SIGNALLED + SIGSEGV));
	if (works) {
		expect_fault(va);
		wrote_vpages(va, buffer, length);
	}
	return true;
}

/* The kernel copies up to the first page that it cannot access. */
static long as_far_as(size_t reached)
{
	return reached ? (long)reached : -EFAULT;
}

static bool do_vm_readv(void)
{
	size_t length = 1 + below(one_in(4) ? 3 * PAGE : 300);
	size_t va = draw_va(length, is_readable_vpage), reached;
	struct iovec local = { buffer, length };
	struct iovec remote = { pointer(va), length };
	long seen;

	reached = reach(va, length, PROT_READ);
	note_op("process_vm_readv(self, va %#lx, %ld bytes)", va, length);
	seen = answer(process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	if (seen == -ENOSYS)
		return true;
	expect(seen, as_far_as(reached));
	check_vpages(va, buffer, reached);
	return true;
}

static bool do_vm_writev(void)
{
	size_t length = 1 + below(one_in(4) ? 3 * PAGE : 300);
	size_t va = draw_va(length, is_writable_vpage), reached;
	struct iovec local = { .iov_base = buffer };
	struct iovec remote = { .iov_base = pointer(va) };
	long seen;

	length = writable_run(va, length);
	if (!length)
		return false;
	local.iov_len = length;
	remote.iov_len = length;
	reached = reach(va, length, RW);
	draw_bytes(buffer, length);
	note_op("process_vm_writev(self, va %#lx, %ld bytes)", va, length);
	seen = answer(process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	if (seen == -ENOSYS)
		return true;
	expect(seen, as_far_as(reached));
	wrote_pinned(va, buffer, reached);
	return true;
}

/* The pages themselves go through a pipe. */
static bool do_vmsplice(void)
{
	size_t length = 1 + below(one_in(4) ? 3 * PAGE : 300);
	size_t va = draw_va(length, is_readable_vpage);
	struct iovec whole = { .iov_base = pointer(va) };
	int ends[2];
	long seen;

	length = known_run(va, reach(va, length, PROT_READ));
	if (!length)
		return false;
	whole.iov_len = length;
	note_op("vmsplice(va %#lx, %ld bytes)", va, length);
	if (pipe(ends))
		disagree("no pipe: %s", answer_text(-errno));
	seen = answer(vmsplice(ends[1], &whole, 1, 0));
	expect(seen, length);
	expect(read(ends[0], buffer, sizeof(buffer)), length);
	close(ends[0]);
	close(ends[1]);
	check_vpages(va, buffer, length);
	return true;
}

/* Returns the node of the page after the call, or -errno. */
static long move_page(void *page, int node)
{
	int status = 0;
	long seen = syscall(SYS_move_pages, 0, 1, &page, &node, &status,
			    MPOL_MF_MOVE_ALL);

	return seen < 0 ? -errno : status;
}

/*
 * To migrate a page the kernel has to find all its mappings. That succeeds while no
 * other process uses the page, unless the kernel has reclaimed it from this process.
 */
static bool do_migrate(void)
{
	int at = draw_vpage(NULL), node = below(2);
	long seen;

	if (at < 0)
		return false;
	note_op("move_pages(vpage %ld, to node %ld)", at, node);
	for (int tries = 0; tries < 10; tries++) {
		seen = answer(move_page(pointer(at * PAGE), node));
		if (seen == node || seen == -ENOENT || run->kind != IN_TURN ||
		    seen == -ENOSYS || seen == -ENODEV)
			return true;
		usleep(1000);
	}
	disagree("expected node %d, saw %s", node, answer_text(seen));
}

const struct operation map_operations[] = {
	{ "mmap", 100, do_mmap },
	{ "mmap_wrong", 20, do_mmap_wrong },
	{ "mmap_odd", 3, do_mmap_odd },
	{ "munmap", 40, do_munmap },
	{ "move", 30, do_move },
	{ "shrink", 15, do_shrink },
	{ "grow", 15, do_grow },
	{ "mprotect", 50, do_mprotect },
	{ "madvise", 60, do_madvise },
	{ "remove", 8, do_remove },
	{ "msync", 8, do_msync },
	{ "mlock", 8, do_mlock },
	{ "load", 150, do_load },
	{ "store", 150, do_store },
	{ "vm_readv", 40, do_vm_readv },
	{ "vm_writev", 30, do_vm_writev },
	{ "vmsplice", 15, do_vmsplice },
	{ "migrate", 15, do_migrate },
	{ NULL, 0, NULL }
};
