/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/bench_table.h"

#include <errno.h>
#include <string.h>

#include "capture/stocker.h"

/* Fixed, so that every run fills the same buckets. */
#define BENCH_HASH_SEED 0x78746f70

/* No flow ends of age while we measure: ns. */
#define BENCH_TIMEOUT UINT64_C(3600000000000)

/*
 * The descriptors that the burst after the next one needs: they come from memory, where a ring's lie in the cache, and would
 * be waited for once a line.
 */
static void bench_fetch(const struct bench_frame *frame, uint32_t left)
{
    uint32_t count = left < SOURCE_BURST ? left : SOURCE_BURST;

    for (uint32_t i = 0; i < count; i += 64 / sizeof *frame)
        __builtin_prefetch(&frame[i], 0, 3);
}

enum source_result bench_take(struct source_queue *queue, struct burst *burst)
{
    struct bench_queue *input = (struct bench_queue *)queue;
    const struct bench_frames *frames = input->frames;
    const struct bench_frame *next = &frames->frame[input->next];
    uint32_t left = frames->count - input->next;

    burst->count = left < SOURCE_BURST ? left : SOURCE_BURST;
    burst->timed = false;
    for (uint32_t i = 0; i < burst->count; i++) {
        burst->frame[i].data = frames->data + next[i].at;
        burst->frame[i].captured = next[i].captured;
        burst->frame[i].length = next[i].length;
        burst->frame[i].cookie = next[i].at;
    }
    input->next += burst->count;
    next += burst->count;
    left -= burst->count;
    burst->next_count = left < SOURCE_BURST ? left : SOURCE_BURST;
    for (uint32_t i = 0; i < burst->next_count; i++)
        burst->next[i] = frames->data + next[i].at;
    bench_fetch(next + burst->next_count, left - burst->next_count);
    return burst->count ? SOURCE_FRAMES : SOURCE_END;
}

static void bench_recycle(struct source_queue *queue, const struct burst *burst)
{
    (void)queue;
    (void)burst;
}

static const struct source_operations bench_operations = {
    .name = "bench",
    .take = bench_take,
    .recycle = bench_recycle,
};

int bench_table_open(struct bench_table *table, const struct bench_frames *frames, uint32_t max_flows,
                     bool byte_histogram, struct failure *failure)
{
    struct segment_plan plan = {1, max_flows, 4096, BENCH_HASH_SEED, 0};
    struct stocker stocker;
    static const struct options options = {.source_kind = XTOP_SOURCE_INTERFACE, .decap = true};

    if (byte_histogram)
        plan.byte_histograms = max_flows < BYTE_HISTOGRAMS_MOST ? max_flows : BYTE_HISTOGRAMS_MOST;
    *table = (struct bench_table){.input = {.input = {.fd = -1, .link = frames->link}, .frames = frames}};
    if (segment_create(&table->segment, &plan, failure) < 0)
        return -1;
    stocker_stock(&stocker, table->segment.header, max_flows);
    table->segment.header->idle_timeout = BENCH_TIMEOUT;
    table->segment.header->active_timeout = BENCH_TIMEOUT;
    table->source = (struct source){.operations = &bench_operations, .queue = {&table->input.input}, .queue_count = 1};
    table->input.input.source = &table->source;
    table->shared.header = table->segment.header;
    table->shared.stock_fd = -1;
    if (worker_queue_open(&table->queue, &table->shared, &table->input.input, 0, -1, &options) == 0)
        return 0;
    segment_destroy(&table->segment);
    return failure_set(failure, EXIT_FAILED, "cannot make the flow table (%s; lower --flows)", strerror(errno));
}

void bench_table_close(struct bench_table *table)
{
    worker_queue_close(&table->queue);
    segment_destroy(&table->segment);
}
