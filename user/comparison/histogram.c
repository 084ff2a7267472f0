// SPDX-License-Identifier: GPL-2.0
/* Histograms of waits; histogram.h says how exact they are. */
#include <math.h>

#include "histogram.h"

uint64_t bucket_start(int bucket)
{
	int shift = (bucket >> HISTOGRAM_BITS) - 1;

	if (shift <= 0)
		return bucket;
	return (uint64_t)(bucket - (shift << HISTOGRAM_BITS)) << shift;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
	into->count += from->count;
	if (from->longest > into->longest)
		into->longest = from->longest;
	for (int i = 0; i < BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

double histogram_quantile(const struct histogram *histogram, double share)
{
	uint64_t wanted = ceil(share * histogram->count), seen = 0;
	int i = 0;

	if (!histogram->count)
		return NAN;
	for (seen = histogram->bucket[0]; seen < wanted; seen += histogram->bucket[i])
		i++;
	/* All in the last bucket may be far above its start. */
	if (i == BUCKETS - 1)
		return histogram->longest;
	return fmin((bucket_start(i) + bucket_start(i + 1) - 1) / 2.0, histogram->longest);
}

double histogram_tail(const struct histogram *histogram, double share)
{
	/* 0.999 has no exact double: let 10,000 values have 10 above it. */
	if ((1 - share) * histogram->count < 10 - 1e-6)
		return NAN;
	return histogram_quantile(histogram, share);
}
