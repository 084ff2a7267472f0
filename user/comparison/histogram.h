/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Histograms of waits, with log-linear buckets as those of HdrHistogram (G. Tene):
 * values below 1024 have a bucket each; above, each power of two has 512 buckets. So a
 * quantile, which is the middle of a bucket, differs from the value by less than 0.1 %
 * (1/1024). The count and the longest value are exact.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum {
	HISTOGRAM_BITS = 9,	/* 2 to this power is the number of buckets for a power of 2 */
	HISTOGRAM_TOP = 40,	/* the last bucket holds all from 2 to this power on */
	BUCKETS = (HISTOGRAM_TOP - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS,
};

/* Zeroed memory is an empty one. */
struct histogram {
	uint64_t count, longest;
	uint64_t bucket[BUCKETS];
};

/* The bucket of a value, and the least value of a bucket. */
static inline int bucket_of(uint64_t value)
{
	int shift;

	if (value >> HISTOGRAM_TOP)
		return BUCKETS - 1;
	shift = 63 - HISTOGRAM_BITS - __builtin_clzll(value | 1);
	return shift <= 0 ? (int)value :
	       (shift << HISTOGRAM_BITS) + (int)(value >> shift);
}

uint64_t bucket_start(int bucket);

static inline void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram->count++;
	histogram->bucket[bucket_of(value)]++;
	if (value > histogram->longest)
		histogram->longest = value;
}

/* Add all values of one histogram to another, as if each had been added there. */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* The value that this share of all is at most; NAN if there is none. */
double histogram_quantile(const struct histogram *histogram, double share);

/* The same; NAN, too, if fewer than 10 values are expected above it. */
double histogram_tail(const struct histogram *histogram, double share);

#endif
