/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/bench_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/bench_floor.h"
#include "capture/bench_table.h"
#include "capture/flow_path.h"
#include "capture/monotonic_clock.h"
#include "capture/worker_burst.h"

uint64_t bench_cpu_time(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return (a > b) - (a < b);
}

double bench_median(double *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* ---- The runs ------------------------------------------------------------------------------------------------ */

/* All frames, as worker_round and queue_turn move them. Returns CPU ns a packet. */
static double run_frames(struct bench_table *table)
{
    struct worker_queue *queue = &table->queue;
    uint64_t start = bench_cpu_time();
    struct burst burst;

    table->input.next = 0;
    for (;;) {
        uint64_t now = monotonic_now();

        if (bench_take(&table->input.input, &burst) == SOURCE_END)
            break;
        worker_count_burst(queue, &burst, now);
        flow_table_sweep(&queue->table, now);
        worker_publish(queue, now);
        queue->counts.busy_ns += monotonic_now() - now;
    }
    return (double)(bench_cpu_time() - start) / table->input.frames->count;
}

/* Puts flows 0 .. flows - 1 into the table, both directions of each. */
static void run_warm(struct bench_table *table, uint32_t flows, bool ipv6)
{
    const uint32_t size = ipv6 ? BENCH_FRAME_MIN_IPV6 : BENCH_FRAME_MIN;
    uint8_t data[SOURCE_BURST][BENCH_FRAME_MIN_IPV6];
    struct burst burst = {0};

    for (uint64_t i = 0; i < UINT64_C(2) * flows; i++) {
        struct frame *frame = &burst.frame[burst.count];

        bench_frame_write(data[burst.count], size, (uint32_t)(i / 2), i & 1, ipv6);
        *frame = (struct frame){.data = data[burst.count], .captured = size, .length = size};
        if (++burst.count == SOURCE_BURST || i + 1 == UINT64_C(2) * flows) {
            worker_count_burst(&table->queue, &burst, monotonic_now());
            burst.count = 0;
        }
    }
}

static void table_warm(struct bench_table *table, const struct bench_options *options, uint32_t flows)
{
    if (options->pcap)
        run_frames(table);
    else
        run_warm(table, flows, options->ipv6);
}

/* The stages of one burst with a clock between them. */
static void burst_stages(struct bench_table *table, const struct burst *burst, struct lookup *lookup, double *stage[],
                         uint32_t number)
{
    const struct flow_path *path = table->queue.path;
    struct flow_table *flows = &table->queue.table;
    uint64_t at[BENCH_STAGES + 2];
    uint32_t count;

    at[0] = monotonic_now();
    at[1] = monotonic_now(); /* at[1] - at[0] is what the clock itself costs */
    count = path->parse(&table->queue, burst, 0, burst->count, at[1], lookup);
    at[2] = monotonic_now();
    path->hash(flows, lookup, count);
    at[3] = monotonic_now();
    path->find(flows, lookup, count);
    at[4] = monotonic_now();
    path->update(flows, lookup, count);
    at[5] = monotonic_now();
    for (uint32_t i = 0; i < BENCH_STAGES; i++) {
        double ns = (double)(at[i + 2] - at[i + 1]) - (double)(at[1] - at[0]);

        stage[i][number] = ns > 0 ? ns / burst->count : 0;
    }
}

/*
 * A pass of its own: the time of each stage, and the lines that each packet touches. The median over the bursts
 * leaves out those in which the kernel took the CPU away.
 */
static int run_stages(struct bench_table *table, double *stage, struct bench_lines *lines)
{
    uint32_t bursts = (table->input.frames->count + SOURCE_BURST - 1) / SOURCE_BURST;
    double *times = malloc((size_t)bursts * BENCH_STAGES * sizeof *times);
    double *of[BENCH_STAGES] = {times, times + bursts, times + 2 * (size_t)bursts, times + 3 * (size_t)bursts};
    __attribute__((aligned(32))) struct lookup lookup[SOURCE_BURST] = {0};
    struct burst burst;

    if (!times)
        return -1;
    table->input.next = 0;
    for (uint32_t i = 0; i < bursts; i++) {
        bench_take(&table->input.input, &burst);
        burst_stages(table, &burst, lookup, of, i);
        for (uint32_t j = 0; j < burst.count; j++)
            lines[i * SOURCE_BURST + j] = (struct bench_lines){lookup[j].home, lookup[j].slot};
    }
    for (uint32_t i = 0; i < BENCH_STAGES; i++)
        stage[i] = bench_median(of[i], bursts);
    free(times);
    return 0;
}

/* How many flows a file holds. */
static int count_flows(const struct bench_frames *frames, uint32_t *flows, struct failure *failure)
{
    struct bench_table table;

    if (bench_table_open(&table, frames, frames->count, false, failure) < 0)
        return -1;
    run_frames(&table);
    *flows = (uint32_t)table.queue.counts.flows_created;
    bench_table_close(&table);
    if (*flows == 0)
        return failure_set(failure, EXIT_USAGE, "no flows in the file (no IP packet; give another file)");
    return 0;
}

/* The main figure: a table for each repeat where packets open flows, else one for all. */
static int run_repeats(struct bench_table *table, struct bench_result *result, const struct bench_options *options,
                       struct failure *failure)
{
    const struct bench_frames *frames = table->input.frames;
    uint32_t max_flows = table->segment.header->max_flows;
    bool bytes = byte_histograms_on(&table->queue.table.bytes);
    double times[BENCH_REPEAT_MAX];

    table_warm(table, options, result->flows);
    for (uint32_t i = 0; i < options->repeat; i++) {
        times[i] = run_frames(table);
        if (!frames->new_flows || i + 1 == options->repeat)
            continue;
        bench_table_close(table);
        if (bench_table_open(table, frames, max_flows, bytes, failure) < 0)
            return -1;
        table_warm(table, options, result->flows);
    }
    result->ns_per_packet = bench_median(times, options->repeat);
    return 0;
}

static int run_all(struct bench_result *result, const struct bench_options *options, const struct bench_frames *frames,
                   struct bench_lines *lines, struct failure *failure)
{
    struct bench_floor plan = {.lines = lines, .count = frames->count};
    uint32_t max_flows = result->flows + frames->new_flows;
    struct bench_table table;

    if (bench_table_open(&table, frames, max_flows, false, failure) < 0 ||
        run_repeats(&table, result, options, failure) < 0)
        return -1;
    result->level = table.queue.path->level;
    plan.bucket = table.queue.table.bucket;
    plan.slot = table.queue.table.slot;
    result->bytes_per_flow = (table.queue.table.bucket_count * (double)sizeof(struct xtop_bucket) +
                              max_flows / (double)XTOP_BIRTHS_SLOTS * sizeof(uint16_t) +
                              segment_shard(table.segment.header, 0)->record_capacity *
                                  (double)(sizeof(struct xtop_slot) + sizeof(struct xtop_rest))) /
                             max_flows;
    if (run_stages(&table, result->stage, lines) < 0) {
        bench_table_close(&table);
        return failure_set(failure, EXIT_FAILED, "cannot measure the stages (%s; lower --packets)", strerror(ENOMEM));
    }
    result->floor_ns = bench_floor_measure(&plan, options->repeat);
    bench_table_close(&table);
    return 0;
}

/* The main figure again with payload bytes counted; what that adds to a packet. */
static int run_bytes(struct bench_result *result, const struct bench_options *options,
                     const struct bench_frames *frames, struct failure *failure)
{
    struct bench_result counted = *result;
    struct bench_table table;

    if (bench_table_open(&table, frames, result->flows + frames->new_flows, true, failure) < 0 ||
        run_repeats(&table, &counted, options, failure) < 0)
        return -1;
    bench_table_close(&table);
    result->byte_histogram_ns = counted.ns_per_packet - result->ns_per_packet;
    return 0;
}

int bench_run(struct bench_result *result, const struct bench_options *options, const struct bench_frames *frames,
              struct failure *failure)
{
    struct bench_lines *lines = malloc(frames->count * sizeof *lines);
    int done;

    *result = (struct bench_result){.flows = options->flows, .packets = frames->count, .repeat = options->repeat};
    result->size = (uint32_t)(frames->bytes / frames->count);
    if (!lines)
        return failure_set(failure, EXIT_FAILED, "cannot hold %u packets (%s; lower --packets)", frames->count,
                           strerror(ENOMEM));
    done = options->pcap ? count_flows(frames, &result->flows, failure) : 0;
    if (done == 0)
        done = run_all(result, options, frames, lines, failure);
    if (done == 0 && options->byte_histogram)
        done = run_bytes(result, options, frames, failure);
    free(lines);
    return done;
}
