/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xtop-bench was asked to measure, and what came of it.
 */
#ifndef XTOP_BENCH_H
#define XTOP_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#define BENCH_STAGES 4 /* parse, hash, lookup, update */
#define BENCH_REPEAT_MAX 1000

struct bench_options {
    const char *pcap; /* NULL = frames of its own */
    uint32_t flows;
    uint32_t packets;
    uint32_t size; /* bytes of a frame, without FCS */
    double zipf;   /* exponent; 0 = all flows alike */
    double new_flow_ratio;
    bool ipv6; /* flows of IPv6, not IPv4 */
    uint32_t repeat;
    int cpu;             /* -1 = the one it runs on */
    bool byte_histogram; /* measure again with payload bytes counted */
    bool json;
};

/* Times are medians of the repeats, CPU ns a packet but for the stages. */
struct bench_result {
    const char *level; /* of the flow path that was measured: flow_path.h */
    double ns_per_packet;
    double stage[BENCH_STAGES];
    double floor_ns;
    double byte_histogram_ns; /* what counting payload bytes adds to a packet; 0 = not asked for */
    double bytes_per_flow;
    uint32_t flows;
    uint32_t packets;
    uint32_t size;
    uint32_t repeat;
};

/* The middle of `count` values, which it sorts. */
double bench_median(double *values, uint32_t count);

/* CPU time of the calling thread, ns. */
uint64_t bench_cpu_time(void);

#endif
