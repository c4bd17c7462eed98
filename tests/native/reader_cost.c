/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a reader costs the worker: the flow path of live capture goes through frames in memory without a pause, and in
 * every other window a reader on another CPU looks once a second as the screen does. Not a test: tests/bench/reader_cost.py
 * makes figures of what this prints, the worker's CPU time a packet in ns, alone and watched, a pair of windows a line.
 *   reader_cost [FLOWS [PAIRS [SECONDS_A_WINDOW]]]
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "capture/bench_table.h"
#include "capture/reader.h"
#include "capture/worker_burst.h"

#define NS UINT64_C(1000000000)

/* Where the worker stands; told at the end of each turn through the frames, some 40 ms. */
struct stand {
    uint64_t packets;
    uint64_t cpu; /* ns */
};

struct busy_worker {
    struct bench_table table;
    struct bench_frames frames;
    pthread_mutex_t lock;
    struct stand stand;
    atomic_bool stop;
    int cpu;
};

static uint64_t clock_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
}

static void cpu_take(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

/* All frames once, as worker_round moves them. */
static void turn(struct busy_worker *worker)
{
    struct worker_queue *queue = &worker->table.queue;
    struct burst burst;

    worker->table.input.next = 0;
    for (;;) {
        uint64_t now = clock_read(CLOCK_MONOTONIC);

        if (bench_take(&worker->table.input.input, &burst) == SOURCE_END)
            return;
        worker_count_burst(queue, &burst, now);
        flow_table_sweep(&queue->table, now);
        worker_publish(queue, now);
        queue->counts.busy_ns += clock_read(CLOCK_MONOTONIC) - now;
    }
}

static void *work(void *argument)
{
    struct busy_worker *worker = argument;

    cpu_take(worker->cpu);
    while (!worker->stop) {
        turn(worker);
        pthread_mutex_lock(&worker->lock);
        worker->stand.packets += worker->frames.count;
        worker->stand.cpu = clock_read(CLOCK_THREAD_CPUTIME_ID);
        pthread_mutex_unlock(&worker->lock);
    }
    return NULL;
}

static struct stand stand_of(struct busy_worker *worker)
{
    struct stand stand;

    pthread_mutex_lock(&worker->lock);
    stand = worker->stand;
    pthread_mutex_unlock(&worker->lock);
    return stand;
}

/* The `number`th look of a screen: two of five go through all keys, for hosts that stand out. */
static void look(struct reader *reader, uint32_t number)
{
    static const uint32_t phase[5] = {READER_ACTIVITY_COUNT, READER_ACTIVITY_NAME};
    struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1, .top = 200, .activity = phase[number % 5]};
    struct reader_result result;

    if (reader_look(reader, &view, &result))
        exit(1);
    reader_rows_free(result.row);
}

/* CPU ns a packet of the worker in a window of so many seconds; `reader` NULL: nobody looks. */
static double window(struct busy_worker *worker, struct reader *reader, uint32_t seconds)
{
    static uint32_t looks;
    struct stand from = stand_of(worker), to;
    struct timespec next;

    clock_gettime(CLOCK_MONOTONIC, &next);
    for (uint32_t second = 0; second < seconds; second++) {
        if (reader)
            look(reader, looks++);
        next.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    to = stand_of(worker);
    return to.packets == from.packets ? 0 : (double)(to.cpu - from.cpu) / (double)(to.packets - from.packets);
}

static void measure(struct busy_worker *worker, struct reader *reader, uint32_t pairs, uint32_t seconds)
{
    look(reader, 2);
    (void)window(worker, NULL, 1);
    for (uint32_t pair = 0; pair < pairs; pair++) {
        bool first = pair % 2; /* which of the two comes first alternates */
        double one = window(worker, first ? reader : NULL, seconds);
        double other = window(worker, first ? NULL : reader, seconds);

        printf("%.3f %.3f\n", first ? other : one, first ? one : other);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    struct bench_options options = {.flows = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000, .size = 64};
    uint32_t pairs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 10;
    uint32_t seconds = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 2;
    struct busy_worker *worker = calloc(1, sizeof *worker);
    struct failure failure = {0};
    struct reader *reader;
    char error[256] = "";
    pthread_t thread;

    options.packets = 1000000;
    if (!worker || bench_frames_make(&worker->frames, &options, &failure) < 0 ||
        bench_table_open(&worker->table, &worker->frames, options.flows + options.flows / 2, false, &failure) < 0) {
        fprintf(stderr, "reader_cost: %s\n", failure.text);
        return 1;
    }
    pthread_mutex_init(&worker->lock, NULL);
    worker->table.segment.header->state = XTOP_STATE_RUNNING;
    worker->cpu = 1;
    cpu_take(0);
    turn(worker);
    reader = reader_open(worker->table.segment.fd, error, sizeof error);
    if (!reader || pthread_create(&thread, NULL, work, worker)) {
        fprintf(stderr, "reader_cost: %s\n", error);
        return 1;
    }
    measure(worker, reader, pairs, seconds);
    worker->stop = true;
    pthread_join(thread, NULL);
    reader_close(reader);
    bench_table_close(&worker->table);
    bench_frames_free(&worker->frames);
    free(worker);
    return 0;
}
