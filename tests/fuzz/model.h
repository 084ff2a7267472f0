/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model of fuzz: the bytes of the region, and what a process has of it.
 *
 * An offset counts bytes of the region. The places are PLACES consecutive pages of a
 * process's address space where nothing but the device is ever mapped; a spot counts
 * bytes of them.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"

/* A page of the process's address space. */
struct place {
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

extern struct places {
	char *base;
	struct place at[PLACES];
	uint8_t copies[PLACES][PAGE];	/* what private pages hold */
	struct file files[FILES];
	int fd[DESCRIPTORS], file_of[DESCRIPTORS];	/* -1: none */
} places;

/* Find address space for the places; nothing is mapped there yet. */
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

/* Draw an open descriptor, or a mapped place that fits (NULL: any); -1: none. */
int draw_descriptor(void);
int draw_place(bool (*fits)(const struct place *place));
bool is_readable_place(const struct place *place);
bool is_writable_place(const struct place *place);

/* The first place after this one that belongs to another VMA, or none. */
int end_of_vma(int at);

/* Unmap places; move places. */
void clear_places(int at, int count);
void move_places(int to, int from, int count);

/* If a VMA spans this border, split it here. */
void split_before(int at);

/* How many bytes an access reaches with this protection. */
size_t reach(size_t spot, size_t length, int prot);

/*
 * How many bytes from here on this process may write; or knows. A place that is not
 * mapped counts as both.
 */
size_t writable_run(size_t spot, size_t length);
size_t known_run(size_t spot, size_t length);

/* Are these bytes of the region mapped at these spots? */
bool overlaps(size_t spot, size_t offset, size_t length);

/* How many bytes from here on this process owns; the next byte that it owns. */
size_t own_run(size_t offset, size_t length);
size_t next_own(size_t offset);

/* Draw bytes for a write. */
void draw_bytes(uint8_t *bytes, size_t length);

/* Update the model after a write; compare bytes that were read with it. */
void wrote_region(size_t offset, const uint8_t *bytes, size_t length);
void wrote_places(size_t spot, const uint8_t *bytes, size_t length);
/* The same for process_vm_writev(), which pins, and so copies, all pages first. */
void wrote_pinned(size_t spot, const uint8_t *bytes, size_t length);
void check_region(size_t offset, const uint8_t *bytes, size_t length);
void check_places(size_t spot, const uint8_t *bytes, size_t length);

/* A private page was copied without a write. */
void copied_place(int at);

/* An access has mapped the pages of these spots. */
void touched_places(size_t spot, size_t length);

/* The bytes of a run that is known. */
void bytes_of_places(size_t spot, uint8_t *bytes, size_t length);

#endif
