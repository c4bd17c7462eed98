/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow table with all that the worker needs around it, and a source that gives frames out of memory.
 */
#ifndef XTOP_BENCH_TABLE_H
#define XTOP_BENCH_TABLE_H

#include "capture/bench_frames.h"
#include "capture/segment.h"
#include "capture/source.h"
#include "capture/worker.h"

/* A source whose frames were there before. */
struct bench_queue {
    struct source_queue input;
    const struct bench_frames *frames;
    uint32_t next;
};

struct bench_table {
    struct segment segment;
    struct bench_queue input;
    struct source source;
    struct worker_shared shared;
    struct worker_queue queue;
};

/* Returns 0, or -1 with `failure`. `table` must stay where it is. */
int bench_table_open(struct bench_table *table, const struct bench_frames *frames, uint32_t max_flows,
                     bool byte_histogram, struct failure *failure);
void bench_table_close(struct bench_table *table);

/* source_operations.take */
enum source_result bench_take(struct source_queue *queue, struct burst *burst);

#endif
