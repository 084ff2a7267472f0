/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model of fuzz: the bytes of the region, and what a process has of it.
 *
 * An offset counts bytes of the region. The vpages are VPAGES consecutive pages of a
 * process's address space where nothing but the device is ever mapped. A va, a virtual
 * address, counts bytes from the start of the first vpage.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"

/* A page of the process's address space. */
struct vpage {
	bool mapped, starts;		/* starts: a VMA begins here */
	bool shared, may_write;		/* may_write: VM_MAYWRITE */
	bool copied;			/* private, and copied by a write */
	bool touched;			/* a fault has mapped the page */
	bool dont_fork;
	int page;			/* of the region */
	int prot, file;
	int advice;			/* MADV_NORMAL, _RANDOM, _SEQUENTIAL */
};

/* An open file; it lives as long as a descriptor or a mapping of it. */
struct file {
	int flags;			/* as open() got them; -1: none */
	bool inherited;			/* from the parent, which counts it */
	long *position;
};

/* What this process has of the region. */
extern struct model {
	char *base;
	struct vpage vpages[VPAGES];
	struct file files[FILES];
	int fd[DESCRIPTORS], file_of[DESCRIPTORS];	/* -1: none */
	uint8_t copies[VPAGES][MAX_PAGE];	/* what private pages hold, once copied */
} model;

/* Find address space for the vpages; nothing is mapped there yet. */
void model_begin(void);

/* Publish how much this process has open and mapped. */
void model_count(void);

/* In a new child: what it has inherited. */
void model_fork(void);

/* After a load: the region is new. */
void model_reload(void);

/* An access mode of an open file; whether anything refers to it. */
bool is_readable(int file);
bool is_writable(int file);
bool is_used(int file);

/* Draw an open descriptor, or a mapped vpage that fits (NULL: any); -1: none. */
int draw_descriptor(void);
int draw_vpage(bool (*fits)(const struct vpage *vpage));
/*
 * Draw a va with room for length bytes, in most cases in a vpage that is mapped and
 * fits.
 */
size_t draw_va(size_t length, bool (*fits)(const struct vpage *vpage));
bool is_readable_vpage(const struct vpage *vpage);
bool is_writable_vpage(const struct vpage *vpage);

/* The first vpage after this one that belongs to another VMA, or none. */
int end_of_vma(int at);

/* Unmap vpages; move vpages. */
void clear_vpages(int at, int count);
void move_vpages(int to, int from, int count);

/* If a VMA spans this border, split it here. */
void split_before(int at);

/* How many bytes an access reaches with this protection. */
size_t reach(size_t va, size_t length, int prot);

/* How many bytes from here on this process may write, or are not mapped. */
size_t writable_run(size_t va, size_t length);

/* How many bytes from here on this process knows, or are not mapped. */
size_t known_run(size_t va, size_t length);

/* Are these bytes of the region mapped at these addresses? */
bool overlaps(size_t va, size_t offset, size_t length);

/* Is this byte of the region in the area whose words processes wait for? */
bool is_in_sync_area(size_t offset);

/* How many bytes from here on this process owns; the next byte that it owns. */
size_t own_run(size_t offset, size_t length);
size_t next_own(size_t offset);

/* Draw bytes for a write. */
void draw_bytes(uint8_t *bytes, size_t length);

/* Update the model after a write; compare bytes that were read with it. */
void wrote_region(size_t offset, const uint8_t *bytes, size_t length);
void wrote_vpages(size_t va, const uint8_t *bytes, size_t length);
/* The same for process_vm_writev(), which pins, and so copies, all pages first. */
void wrote_pinned(size_t va, const uint8_t *bytes, size_t length);
void check_region(size_t offset, const uint8_t *bytes, size_t length);
void check_vpages(size_t va, const uint8_t *bytes, size_t length);

/* A private page was copied without a write. */
void copied_vpage(int at);

/* An access has mapped the pages of these addresses. */
void touched_vpages(size_t va, size_t length);

/* The bytes of a run that is known. */
void bytes_of_vpages(size_t va, uint8_t *bytes, size_t length);

#endif
