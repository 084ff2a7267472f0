/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model of fuzz: the bytes of the region, and what a process has of it.
 *
 * An offset is in bytes of the region. A spot is in bytes of the process's
 * places, which are PLACES pages in a row of its address space where nothing
 * but the device is ever mapped.
 */
#ifndef FUZZ_MODEL_H
#define FUZZ_MODEL_H

#include "fuzz.h"

/* A page of the process's address space. */
struct place {
	bool mapped, starts;		/* starts: a VMA begins here */
	bool shared, may_write;		/* may_write: mprotect may allow it */
	bool copied;			/* private, and a page of its own */
	bool touched;			/* a fault has given it a page */
	bool dont_fork;
	int page;			/* of the region */
	int prot, file;
	int advice;			/* MADV_NORMAL, _RANDOM, _SEQUENTIAL */
};

/* An open file, there while a descriptor or a mapping is. */
struct file {
	int flags;			/* as open() got them; -1: none */
	bool inherited;			/* the parent's, and counted there */
	long *position;
};

extern struct places {
	char *base;
	struct place at[PLACES];
	uint8_t copies[PLACES][PAGE];	/* what private pages hold */
	struct file files[FILES];
	int fd[DESCRIPTORS], file_of[DESCRIPTORS];	/* -1: none */
} places;

/* Find room for the places, and have nothing there. */
void model_begin(void);

/* Count for the others what this process has open and mapped. */
void model_count(void);

/* What a child has of it that was just forked. */
void model_fork(void);

/* Where nobody uses the module: the region of a new load. */
void model_reload(void);

/* An access mode of an open file; whether anything refers to it. */
bool is_readable(int file);
bool is_writable(int file);
bool is_used(int file);

/*
 * Draw a descriptor that is open, or a place that is mapped and fits (NULL:
 * any); -1: none.
 */
int draw_descriptor(void);
int draw_place(bool (*fits)(const struct place *place));
bool is_readable_place(const struct place *place);
bool is_writable_place(const struct place *place);

/* The first place after this one that is not of its VMA. */
int end_of_vma(int at);

/* Nothing is mapped in these places any more; or these pages are. */
void clear_places(int at, int count);
void move_places(int to, int from, int count);

/* A VMA begins here, if one reaches over it. */
void split_before(int at);

/* Bytes from here on that an access with this protection gets at. */
size_t reach(size_t spot, size_t length, int prot);

/*
 * Bytes from here on that are this process's own to write, or whose contents
 * it knows. Where an access will not get counts as either.
 */
size_t writable_run(size_t spot, size_t length);
size_t known_run(size_t spot, size_t length);

/* Do these bytes of the region appear at these spots? */
bool overlaps(size_t spot, size_t offset, size_t length);

/* Bytes of the region in a row that are this process's own; the next such. */
size_t own_run(size_t offset, size_t length);
size_t next_own(size_t offset);

/* Bytes that this process writes. */
void draw_bytes(uint8_t *bytes, size_t length);

/* The model after a write; the bytes that were read against the model. */
void wrote_region(size_t offset, const uint8_t *bytes, size_t length);
void wrote_places(size_t spot, const uint8_t *bytes, size_t length);
/* As wrote_places(), by who has all pages pinned, and so copied, before. */
void wrote_pinned(size_t spot, const uint8_t *bytes, size_t length);
void check_region(size_t offset, const uint8_t *bytes, size_t length);
void check_places(size_t spot, const uint8_t *bytes, size_t length);

/* A private page has become one of its own, without a write. */
void copied_place(int at);

/* An access has given the pages of these spots to the process. */
void touched_places(size_t spot, size_t length);

/* The bytes that a known run holds. */
void bytes_of_places(size_t spot, uint8_t *bytes, size_t length);

#endif
