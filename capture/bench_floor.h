/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory floor: what two random cache lines a packet cost on this machine when nothing else is done. They lie in the
 * very table that was measured, so both figures are of the same pages.
 */
#ifndef XTOP_BENCH_FLOOR_H
#define XTOP_BENCH_FLOOR_H

#include <stdint.h>

#include "capture/flow_abi.h"

/* The lines that a packet's look-up touches. */
struct bench_lines {
    uint32_t bucket;
    uint32_t slot;
};

struct bench_floor {
    const struct bench_lines *lines;
    uint32_t count;
    const struct xtop_bucket *bucket;
    struct xtop_slot *slot; /* a table that has served: `sequence` of its slots is spoilt */
};

/* ns a packet, the median of `repeat` runs. */
double bench_floor_measure(const struct bench_floor *plan, uint32_t repeat);

#endif
