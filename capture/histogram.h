/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bounds of the histograms: writer, reader and screen agree on them here (inclusive upper bounds; xtop.model has
 * the same in its own units).
 */
#ifndef XTOP_HISTOGRAM_H
#define XTOP_HISTOGRAM_H

#include <stdint.h>

#include "capture/flow_abi.h"

static inline uint32_t histogram_bin(uint64_t value, const uint64_t *upper, uint32_t bins)
{
    uint32_t bin = 0;

    while (bin < bins - 1 && value > upper[bin])
        bin++;
    return bin;
}

/* Of the bins of ended_duration, ns. */
static const uint64_t histogram_duration_upper[XTOP_DURATION_BINS - 1] = {
    UINT64_C(1000000),     UINT64_C(10000000),    UINT64_C(100000000),    UINT64_C(1000000000),
    UINT64_C(10000000000), UINT64_C(60000000000), UINT64_C(300000000000),
};

/* Bin of ended_duration; `duration` in ns. */
static inline uint32_t histogram_duration_bin(uint64_t duration)
{
    return histogram_bin(duration, histogram_duration_upper, XTOP_DURATION_BINS);
}

/* The longest that bin `bin` of ended_duration counts, ns; the last counts all that is longer than any. */
static inline uint64_t histogram_duration_most(uint32_t bin)
{
    return bin < XTOP_DURATION_BINS - 1 ? histogram_duration_upper[bin] : UINT64_MAX / 2;
}

/* Bin of ended_packets, the upper bounds 1, 2, 5, 10, 100, 1000, 10000. A branch would be as good as random. */
static inline uint32_t histogram_packets_bin(uint64_t packets)
{
    return (uint32_t)(packets > 1) + (packets > 2) + (packets > 5) + (packets > 10) + (packets > 100) +
           (packets > 1000) + (packets > 10000);
}

_Static_assert(XTOP_PACKETS_BINS == 8, "a bin for what each bound leaves");

/* Bin of xtop_queue.gap; `gap` in ns. */
static inline uint32_t histogram_gap_bin(uint64_t gap)
{
    return ((uint32_t)__builtin_clzll(gap | 1) ^ 63) >> 2;
}

#endif
