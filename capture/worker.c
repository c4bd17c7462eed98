/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/worker.h"

#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "capture/flow_growth.h"
#include "capture/flow_path.h"
#include "capture/monotonic_clock.h"
#include "capture/priority.h"
#include "capture/segment.h"
#include "capture/sequence_lock.h"
#include "capture/worker_burst.h"
#include "capture/worker_epoch.h"

/* The kernel's loss counters cost a system call: ask ten times a second. */
#define STATISTICS_EVERY UINT64_C(100000000)

static uint64_t clock_now(const struct worker_shared *shared)
{
    return shared->clock_base + monotonic_now();
}

/* fragments_release: a fragment that waited goes the way of all packets, alone. */
static void fragment_count(void *receiver, struct lookup *lookup, uint32_t length)
{
    struct worker_queue *queue = receiver;

    queue->counts.received++;
    queue->counts.received_bytes += length;
    queue->counts.packet_size[lookup->packet.size_bin]++;
    lookup->frame = NULL; /* it was given back long ago */
    flow_table_hash(&queue->table, lookup, 1);
    flow_table_find(&queue->table, lookup, 1);
    flow_table_update(&queue->table, lookup, 1);
}

int worker_queue_open(struct worker_queue *queue, struct worker_shared *shared, struct source_queue *input,
                      uint32_t number, int cpu, const struct options *options)
{
    *queue = (struct worker_queue){
        .input = input,
        .operations = input->source->operations,
        .path = flow_path_choose(),
        .published = segment_queue(shared->header, number),
        .shared = shared,
        .state = SOURCE_IDLE,
    };
    queue->counts.queue = queue->input->number;
    queue->counts.cpu = cpu;
    queue->decap = options->decap;
    sampler_init(&queue->sampler, input->source->samples ? (struct sampling){.interval = 1} : options->sampling,
                 shared->header->hash_seed + ((uint64_t)number << 32));
    if (flow_table_open(&queue->table, shared->header, number, &queue->counts) < 0)
        return -1;
    queue->fragments = fragments_open(shared->header->hash_seed, fragment_count, queue);
    if (options->dedup_window)
        queue->dedup = dedup_open(shared->header->hash_seed, options->dedup_window);
    if (!queue->fragments || (options->dedup_window && !queue->dedup)) {
        worker_queue_close(queue);
        return -1;
    }
    queue->table.stock_fd = shared->stock_fd;
    queue->table.boxes = shared->boxes;
    queue->table.bytes.keep = options->lossless_ended;
    queue->table.exact_active = options->source_kind == XTOP_SOURCE_FILE;
    queue->table.unhurried = options->source_kind == XTOP_SOURCE_FILE && !options->realtime;
    if (options->source_kind == XTOP_SOURCE_FILE)
        flow_table_begin_small(&queue->table);
    if (options->lossless_ended) {
        queue->table.ended_cursor = &shared->ended_cursor[number];
        queue->table.stop = &shared->stop;
    }
    return 0;
}

void worker_queue_close(struct worker_queue *queue)
{
    fragments_close(queue->fragments);
    dedup_close(queue->dedup);
    flow_table_close(&queue->table);
}

void worker_publish(struct worker_queue *queue, uint64_t now)
{
    const size_t from = offsetof(struct xtop_queue, queue);
    const size_t to = offsetof(struct xtop_queue, padding1);

    queue->counts.time = now;
    sequence_write_begin(&queue->published->sequence);
    memcpy((uint8_t *)queue->published + from, (const uint8_t *)&queue->counts + from, to - from);
    sequence_write_end(&queue->published->sequence);
}

static void drain_burst(struct worker_queue *queue, const struct burst *burst)
{
    for (uint32_t i = 0; i < burst->count; i++)
        queue->counts.received_bytes += burst->frame[i].length;
    queue->counts.received += burst->count;
    queue->counts.filtered += burst->count;
    queue->operations->recycle(queue->input, burst);
}

/* A round of a queue whose source counts in the kernel. What came was there before: it earns no time to stay awake. */
static void epoch_turn(struct worker_queue *queue, bool at_once)
{
    const struct source_operations *operations = queue->operations;
    uint64_t begun = clock_now(queue->shared);
    struct flow_epoch epoch = {0};
    uint64_t until;

    queue->state = operations->take_epoch(queue->input, &epoch, at_once);
    if (!epoch.until)
        return;
    until = queue->shared->clock_base + epoch.until;
    if (epoch.counts.received) {
        worker_count_epoch(queue, &epoch);
        queue->counts.busy_ns += clock_now(queue->shared) - begun - epoch.waited;
    }
    flow_table_sweep(&queue->table, until);
    worker_publish(queue, until);
}

/* One round of a queue: at most one burst. Returns the frames that came. */
static uint32_t queue_turn(struct worker_queue *queue, uint64_t now)
{
    const struct source_operations *operations = queue->operations;
    struct burst burst;

    if (operations->take_epoch) {
        epoch_turn(queue, false);
        return 0;
    }
    burst.count = 0;
    burst.timed = false;
    burst.next_count = 0;
    queue->state = operations->take(queue->input, &burst);
    if (burst.count && burst.timed && !queue->input->own_clock)
        queue->packet_time = burst.frame[burst.count - 1].time;
    if (queue->packet_time)
        now = queue->packet_time;
    if (burst.count && !queue->counts.first_time)
        queue->counts.first_time = burst.timed ? burst.frame[0].time : now;
    if (burst.count && queue->shared->drain)
        drain_burst(queue, &burst);
    else if (burst.count)
        worker_count_burst(queue, &burst, now);
    fragments_expire(queue->fragments, now);
    flow_table_sweep(&queue->table, now);
    if (burst.count)
        worker_publish(queue, now);
    return burst.count;
}

static void queue_ask_statistics(struct worker_queue *queue, uint64_t now)
{
    if (now - queue->last_statistics < STATISTICS_EVERY)
        return;
    queue->last_statistics = now;
    queue->operations->statistics(queue->input, &queue->counts);
    worker_publish(queue, queue->packet_time ? queue->packet_time : now);
}

static bool queue_is_over(const struct worker_queue *queue)
{
    return queue->state == SOURCE_END || queue->state == SOURCE_FAILED;
}

/* After the stop: what lies in a ring was received and must be counted; what comes meanwhile need not. */
static void queue_drain(struct worker_queue *queue, uint64_t now)
{
    uint32_t came;

    for (uint64_t left = queue->input->ring_frames; left && !queue_is_over(queue); left -= came < left ? came : left)
        if ((came = queue_turn(queue, now)) == 0)
            return;
}

/* The last words of a queue: what its ring still holds, the flows that are due, the kernel's counters. */
static void queue_finish(struct worker_queue *queue)
{
    uint64_t now = clock_now(queue->shared);

    if (!queue_is_over(queue) && queue->operations->take_epoch)
        epoch_turn(queue, true);
    queue_drain(queue, now);
    if (queue->packet_time)
        now = queue->packet_time;
    fragments_expire(queue->fragments, UINT64_MAX);
    if (queue_is_over(queue))
        flow_table_sweep_all(&queue->table, now);
    if (queue->state != SOURCE_FAILED)
        queue->operations->statistics(queue->input, &queue->counts);
    worker_publish(queue, now);
}

/* Sleeps until a frame, the stop, or the first queue's patience ends. */
static void worker_wait(const struct worker *worker)
{
    struct pollfd fds[XTOP_MAX_QUEUES * 2 + 1];
    nfds_t count = 0;
    int timeout = 100;

    for (uint32_t i = 0; i < worker->queue_count; i++) {
        const struct source_queue *input = worker->queue[i].input;

        fds[count++] = (struct pollfd){.fd = input->fd, .events = POLLIN};
        if (input->other_fd)
            fds[count++] = (struct pollfd){.fd = input->other_fd, .events = POLLIN};
        if (input->wait_ms < timeout)
            timeout = input->wait_ms;
        worker->queue[i].counts.wakeups++;
    }
    fds[count++] = (struct pollfd){.fd = worker->shared->stop_fd, .events = POLLIN};
    poll(fds, count, timeout);
}

/* Runs each queue once. Returns false when all are over; *frames tells how many came. */
static bool worker_round(struct worker *worker, uint32_t *frames)
{
    bool running = false;

    *frames = 0;
    for (uint32_t i = 0; i < worker->queue_count; i++) {
        struct worker_queue *queue = &worker->queue[i];
        uint64_t now = clock_now(worker->shared);
        uint32_t came;

        if (queue_is_over(queue))
            continue;
        came = queue_turn(queue, now);
        *frames += came;
        if (queue->state == SOURCE_FAILED)
            atomic_store_explicit(&queue->failed, true, memory_order_release);
        if (came)
            queue->counts.busy_ns += clock_now(worker->shared) - now;
        queue_ask_statistics(queue, now);
        running = true;
    }
    return running;
}

/* Workers begin before other programs (capture.c): who drains no ring of the kernel's, or never rests, gives that back. */
static void worker_settle_priority(struct worker *worker)
{
    bool link = worker->shared->header->source_kind == XTOP_SOURCE_INTERFACE;

    if (!link)
        return;
    if (worker->rest.ring)
        worker->rest.real_time = priority_is_real_time();
    else
        (void)priority_set_real_time(false);
    if (!worker->drains)
        priority_set_thread(worker->shared->usual_nice);
}

static uint64_t worker_busy(const struct worker *worker)
{
    uint64_t busy = 0;

    for (uint32_t i = 0; i < worker->queue_count; i++)
        busy += worker->queue[i].counts.busy_ns;
    return busy;
}

/* Takes the place among other programs that it has earned. */
static void worker_take_place(struct worker *worker, uint64_t now)
{
    struct worker_rest *rest = &worker->rest;
    bool real_time = worker_rest_earns_real_time(rest, worker_busy(worker), now);

    if (real_time == rest->real_time || rest->refused)
        return;
    if (priority_set_real_time(real_time) < 0)
        rest->refused = true;
    else
        rest->real_time = real_time;
}

/* After a round: rests when nothing came. */
static void worker_rest(struct worker *worker, uint32_t frames)
{
    uint64_t now = clock_now(worker->shared);
    uint64_t nap;

    if (frames)
        worker_rest_earn(&worker->rest, frames, now);
    if (worker_rest_is_due(&worker->rest, now))
        worker_take_place(worker, now);
    if (frames || worker->busy_poll)
        return;
    switch (worker_rest_idle(&worker->rest, now, &nap)) {
    case REST_LOOK:
        return;
    case REST_NAP:
        nanosleep(&(struct timespec){.tv_nsec = (long)nap}, NULL);
        return;
    case REST_POLL:
        worker_wait(worker);
    }
}

static void sem_take(sem_t *semaphore)
{
    while (sem_wait(semaphore) < 0)
        ;
}

static void *worker_run(void *argument)
{
    struct worker *worker = argument;
    struct timespec used;
    uint32_t frames;

    pthread_setname_np(pthread_self(), "xtop-worker");
    worker_settle_priority(worker);
    sem_post(&worker->settled);
    pthread_mutex_lock(&worker->shared->gate);
    pthread_mutex_unlock(&worker->shared->gate);
    while (!atomic_load_explicit(&worker->shared->stop, memory_order_relaxed)) {
        if (!worker_round(worker, &frames))
            break;
        worker_rest(worker, frames);
    }
    for (uint32_t i = 0; i < worker->queue_count; i++)
        queue_finish(&worker->queue[i]);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    worker->cpu_ns = (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
    eventfd_write(worker->shared->finished_fd, 1);
    sem_post(&worker->finished);
    sem_take(&worker->dismissed);
    for (uint32_t i = 0; i < worker->queue_count; i++)
        if (worker->queue[i].operations->let_go)
            worker->queue[i].operations->let_go(worker->queue[i].input);
    return NULL;
}

int worker_start(struct worker *worker)
{
    pthread_attr_t attributes;
    cpu_set_t cpus;
    int result;

    pthread_attr_init(&attributes);
    if (worker->cpu >= 0) {
        CPU_ZERO(&cpus);
        CPU_SET(worker->cpu, &cpus);
        pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus);
    }
    sem_init(&worker->settled, 0, 0);
    sem_init(&worker->finished, 0, 0);
    sem_init(&worker->dismissed, 0, 0);
    result = pthread_create(&worker->thread, &attributes, worker_run, worker);
    pthread_attr_destroy(&attributes);
    if (result == 0)
        sem_take(&worker->settled);
    return result;
}

void worker_await(struct worker *worker)
{
    sem_take(&worker->finished);
}

void worker_dismiss(struct worker *worker)
{
    sem_post(&worker->dismissed);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    for (uint32_t i = 0; i < worker->queue_count; i++)
        worker_queue_close(&worker->queue[i]);
}
