/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/bench_floor.h"

#include "capture/bench.h"
#include "capture/flow_abi.h"

#define FLOOR_AHEAD 64

static uint32_t floor_touch(const struct bench_floor *plan)
{
    const struct bench_lines *lines = plan->lines;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t ahead = i + FLOOR_AHEAD < plan->count ? i + FLOOR_AHEAD : i;

        __builtin_prefetch(&plan->bucket[lines[ahead].bucket], 0, 3);
        __builtin_prefetch(&plan->slot[lines[ahead].slot], 1, 3);
        sum += plan->bucket[lines[i].bucket].passed;
        plan->slot[lines[i].slot].sequence += sum;
    }
    return sum;
}

static double floor_run(const struct bench_floor *plan)
{
    uint64_t start = bench_cpu_time();
    volatile uint32_t sum = floor_touch(plan);

    (void)sum;
    return (double)(bench_cpu_time() - start) / plan->count;
}

double bench_floor_measure(const struct bench_floor *plan, uint32_t repeat)
{
    double times[BENCH_REPEAT_MAX];

    for (uint32_t i = 0; i < repeat; i++)
        times[i] = floor_run(plan);
    return bench_median(times, repeat);
}
