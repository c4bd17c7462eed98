/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/bench_floor.h"

#include <string.h>
#include <sys/mman.h>

#include "capture/bench.h"
#include "capture/flow_abi.h"

#define FLOOR_AHEAD 64

/* Shared memory as the segment is, so that its pages are of the same kind. */
static void *table_map(size_t size)
{
    void *table = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (table == MAP_FAILED)
        return NULL;
    memset(table, 1, size);
    return table;
}

static uint32_t floor_touch(const struct bench_floor *plan, const struct xtop_bucket *bucket,
                            struct xtop_record *record)
{
    const struct bench_lines *lines = plan->lines;
    uint32_t sum = 0;

    for (uint32_t i = 0; i < plan->count; i++) {
        uint32_t ahead = i + FLOOR_AHEAD < plan->count ? i + FLOOR_AHEAD : i;

        __builtin_prefetch(&bucket[lines[ahead].bucket], 0, 3);
        __builtin_prefetch(&record[lines[ahead].record], 1, 3);
        sum += bucket[lines[i].bucket].passed;
        record[lines[i].record].sequence += sum;
    }
    return sum;
}

static double floor_run(const struct bench_floor *plan, const struct xtop_bucket *bucket, struct xtop_record *record)
{
    uint64_t start = bench_cpu_time();
    volatile uint32_t sum = floor_touch(plan, bucket, record);

    (void)sum;
    return (double)(bench_cpu_time() - start) / plan->count;
}

double bench_floor_measure(const struct bench_floor *plan, uint32_t repeat)
{
    size_t bucket_size = plan->bucket_count * sizeof(struct xtop_bucket);
    size_t record_size = plan->record_count * sizeof(struct xtop_record);
    struct xtop_bucket *bucket = table_map(bucket_size);
    struct xtop_record *record = table_map(record_size);
    double times[BENCH_REPEAT_MAX];
    double result = -1;

    if (bucket && record) {
        for (uint32_t i = 0; i < repeat; i++)
            times[i] = floor_run(plan, bucket, record);
        result = bench_median(times, repeat);
    }
    if (bucket)
        munmap(bucket, bucket_size);
    if (record)
        munmap(record, record_size);
    return result;
}
