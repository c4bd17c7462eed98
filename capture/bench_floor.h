/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The memory floor: what two random cache lines a packet cost on this machine when nothing else is done.
 */
#ifndef XTOP_BENCH_FLOOR_H
#define XTOP_BENCH_FLOOR_H

#include <stdint.h>

/* The lines that a packet's look-up touches. */
struct bench_lines {
    uint32_t bucket;
    uint32_t record;
};

struct bench_floor {
    const struct bench_lines *lines;
    uint32_t count;
    uint32_t bucket_count;
    uint32_t record_count; /* bench_lines.record is below it */
};

/* ns a packet, or -1 when there is no memory. Tables of its own, of the real ones' size, are touched beforehand. */
double bench_floor_measure(const struct bench_floor *plan, uint32_t repeat);

#endif
