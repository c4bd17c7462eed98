/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/capture.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "capture/capture_header.h"
#include "capture/flow_parts.h"
#include "capture/memory_available.h"
#include "capture/priority.h"
#include "capture/sandbox.h"

static uint64_t clock_read(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint32_t seed_draw(const struct options *options)
{
    uint32_t seed;

    if (options->hash_seed_given)
        return options->hash_seed;
    if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
        seed = (uint32_t)clock_read(CLOCK_REALTIME); /* no entropy source: a guessable seed is better than none */
    return seed;
}

/* Of each queue: never more than there may be flows. */
static uint32_t byte_histograms_share(const struct options *options, uint32_t queue_count)
{
    uint32_t most = options->max_flows < BYTE_HISTOGRAMS_MOST ? options->max_flows : BYTE_HISTOGRAMS_MOST;
    uint32_t share = most / queue_count;

    return share ? share : 1;
}

/* Viewers of a file at its own pace have the longer ring: nobody waits for these. */
static uint32_t ended_places(const struct options *options)
{
    return options->lossless_ended && !options->realtime ? SEGMENT_ENDED_WAITED_FOR : SEGMENT_ENDED_DEFAULT;
}

/* Of flows that come in from a link. */
static uint32_t flows_in_stock(const struct options *options)
{
    uint64_t fitting;

    if (options->source_kind != XTOP_SOURCE_INTERFACE)
        return STOCKER_NONE;
    fitting = memory_available() / MEMORY_SHARE / (sizeof(struct xtop_slot) + sizeof(struct xtop_rest));
    return fitting < STOCKER_FLOWS ? (uint32_t)fitting : STOCKER_FLOWS;
}

/*
 * A table for so many queues and, where packets do not wait for us, memory for its first flows: half a second's work that
 * no frame must wait for.
 */
static int table_make(struct capture *capture, uint32_t queue_count, struct failure *failure)
{
    const struct options *options = capture->options;
    const struct segment_plan plan = {
        .queue_count = queue_count,
        .max_flows = options->max_flows,
        .ended_capacity = ended_places(options),
        .hash_seed = seed_draw(options),
        .byte_histograms = options->byte_histogram ? byte_histograms_share(options, queue_count) : 0,
    };

    if (segment_create(&capture->segment, &plan, failure) < 0)
        return -1;
    if (options->source_kind != XTOP_SOURCE_FILE && !options->drain)
        stocker_stock(&capture->stocker, capture->segment.header, flows_in_stock(options));
    return 0;
}

/*
 * Table first, then the traffic. What was expected holds but for drivers that make queues when a program comes; for these
 * the table is made again.
 */
static int sources_attach(struct capture *capture, struct failure *failure)
{
    struct source_set *sources = &capture->sources;
    uint32_t expected = sources->expected_queues < XTOP_MAX_QUEUES ? sources->expected_queues : XTOP_MAX_QUEUES;

    if (table_make(capture, expected, failure) < 0 || source_set_attach(sources, failure) < 0)
        return -1;
    if (sources->queue_count != expected) {
        segment_destroy(&capture->segment);
        if (table_make(capture, sources->queue_count, failure) < 0)
            return -1;
    }
    capture_header_fill(capture->segment.header, sources, capture->shared.clock_base);
    return 0;
}

/*
 * The CPU for worker `number`: from --cpus, or round the CPUs this process may use; -1 = leave it to the scheduler, as
 * where the kernel counts and the worker only collects.
 */
static int cpu_choose(const struct options *options, uint32_t number, bool collects)
{
    cpu_set_t allowed;
    uint32_t wanted;

    if (options->cpu_count)
        return options->cpu[number % options->cpu_count];
    if (options->source_kind != XTOP_SOURCE_INTERFACE || collects || sched_getaffinity(0, sizeof allowed, &allowed) < 0)
        return -1;
    wanted = number % (uint32_t)CPU_COUNT(&allowed);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && wanted-- == 0)
            return cpu;
    return -1;
}

/* One a queue, unless fewer were asked for. */
static uint32_t threads_wanted(const struct capture *capture)
{
    uint32_t queues = capture->sources.queue_count;
    uint32_t threads = capture->options->threads;

    return threads && threads < queues ? threads : queues;
}

/* Says what a worker is like that takes from `count` queues, beginning with `first`. */
static void worker_describe(const struct capture *capture, struct worker *worker, uint32_t first, uint32_t count)
{
    uint32_t ring = 0;

    worker->collects = true;
    for (uint32_t i = first; i < first + count; i++) {
        const struct source_queue *input = source_set_queue(&capture->sources, i);

        worker->collects = worker->collects && input->source->operations->take_epoch;
        worker->busy_poll = worker->busy_poll || input->source->busy_poll;
        worker->drains = worker->drains || input->fd >= 0;
        if (input->fd >= 0 && (!ring || input->source->ring_size < ring))
            ring = input->source->ring_size;
    }
    worker->rest.ring = worker->busy_poll ? 0 : ring;
    worker->queue_count = count;
}

/* Prepares queue `number`, which takes from `input`. */
static int queue_plan(struct capture *capture, uint32_t number, struct source_queue *input, int cpu,
                      struct failure *failure)
{
    struct worker_queue *queue = &capture->queue[number];
    uint32_t link = (uint32_t)(input->source - capture->sources.source);

    if (worker_queue_open(queue, &capture->shared, input, number, cpu, capture->options) < 0)
        return failure_set(failure, EXIT_FAILED, "out of memory (%s; lower --max-flows)", strerror(errno));
    queue->counts.link = queue->published->link = link;
    queue->filter = source_set_filter(&capture->sources, input);
    return 0;
}

/* Deals the queues out to the workers, neighbours together, and prepares each. */
static int workers_plan(struct capture *capture, struct failure *failure)
{
    uint32_t queues = capture->sources.queue_count;
    uint32_t threads = threads_wanted(capture);

    capture->queue = calloc(queues, sizeof *capture->queue);
    capture->shared.boxes = queues > 1 ? flow_boxes_open(queues) : NULL;
    if (!capture->queue || (queues > 1 && !capture->shared.boxes))
        return failure_set(failure, EXIT_FAILED, "out of memory");
    for (uint32_t i = 0, next = 0; i < threads; i++) {
        struct worker *worker = &capture->worker[i];

        worker->shared = &capture->shared;
        worker->queue = &capture->queue[next];
        worker_describe(capture, worker, next, queues / threads + (i < queues % threads));
        worker->cpu = cpu_choose(capture->options, i, worker->collects);
        for (uint32_t j = 0; j < worker->queue_count; j++, next++)
            if (queue_plan(capture, next, source_set_queue(&capture->sources, next), worker->cpu, failure) < 0)
                return -1;
    }
    return 0;
}

/*
 * The stocker is in the kernel for milliseconds at a time, and until it comes out no other thread gets its CPU on a
 * kernel without preemption: it keeps off the workers' CPUs where there are others.
 */
static void stocker_make_way(struct capture *capture)
{
    cpu_set_t cpus;

    if (!capture->stocker.running || sched_getaffinity(0, sizeof cpus, &cpus) < 0)
        return;
    for (uint32_t i = 0; i < threads_wanted(capture); i++)
        if (capture->worker[i].cpu >= 0)
            CPU_CLR(capture->worker[i].cpu, &cpus);
    if (CPU_COUNT(&cpus))
        (void)pthread_setaffinity_np(capture->stocker.thread, sizeof cpus, &cpus);
}

static int workers_start(struct capture *capture, struct failure *failure)
{
    uint32_t threads = threads_wanted(capture);

    stocker_make_way(capture);
    for (; capture->worker_count < threads; capture->worker_count++) {
        struct worker *worker = &capture->worker[capture->worker_count];
        int error = worker_start(worker);

        if (error == 0)
            continue;
        if (error == EINVAL && worker->cpu >= 0)
            return failure_set(failure, EXIT_USAGE,
                               "cannot pin a capture thread to CPU %d (%s; choose others by --cpus)", worker->cpu,
                               strerror(error));
        return failure_set(failure, EXIT_FAILED, "cannot start a capture thread (%s)", strerror(error));
    }
    return 0;
}

static int shared_fill(struct capture *capture, struct failure *failure)
{
    capture->shared.header = capture->segment.header;
    capture->shared.stock_fd = -1;
    if (capture->stocker.header && stocker_start(&capture->stocker) == 0)
        capture->shared.stock_fd = capture->stocker.wake_fd;
    capture->shared.drain = capture->options->drain;
    pthread_mutex_init(&capture->shared.gate, NULL);
    capture->taps.idle_timeout = capture->options->idle_timeout;
    capture->shared.taps = &capture->taps;
    capture->shared.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    capture->shared.finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (capture->shared.stop_fd >= 0 && capture->shared.finished_fd >= 0)
        return 0;
    return failure_set(failure, EXIT_FAILED, "cannot wait for capture threads (eventfd: %s)", strerror(errno));
}

/*
 * Rights go on the way, when what needs them is open. Threads begin with the priority of the main thread, since to raise
 * it is a right as well, and then settle on their own.
 */
static int workers_begin(struct capture *capture, struct failure *failure)
{
    struct xtop_header *header = capture->segment.header;
    uint32_t needs = source_set_sandbox_needs(&capture->sources);
    bool link = capture->options->source_kind == XTOP_SOURCE_INTERFACE;
    int usual_nice = link ? priority_raise_thread() : 0;
    int result;

    if (link) {
        priority_raise_session();
        priority_begin_real_time();
    }
    if (sandbox_drop_rights(needs, &header->sandbox, failure) < 0)
        return -1;
    if (shared_fill(capture, failure) < 0)
        return -1;
    if (link)
        (void)parting_start(&capture->parting); /* without it all is closed one after the other */
    capture->shared.usual_nice = usual_nice;
    pthread_mutex_lock(&capture->shared.gate);
    result = workers_plan(capture, failure) < 0 || workers_start(capture, failure) < 0 ? -1 : 0;
    if (link) {
        (void)priority_set_real_time(false);
        priority_set_thread(usual_nice);
    }
    if (result == 0)
        result = sandbox_limit_calls(needs, capture->options->control_fd, &header->sandbox, failure);
    if (result == 0)
        result = source_set_begin(&capture->sources, failure);
    pthread_mutex_unlock(&capture->shared.gate);
    return result;
}

int capture_start(struct capture *capture, const struct options *options, struct failure *failure)
{
    memset(capture, 0, sizeof *capture);
    capture->options = options;
    capture->shared.clock_base = clock_read(CLOCK_REALTIME) - clock_read(CLOCK_MONOTONIC);
    capture->shared.stop_fd = capture->shared.finished_fd = -1;
    flow_taps_init(&capture->taps);
    capture->segment.fd = -1;
    if (source_set_open(&capture->sources, options, failure) < 0)
        return -1;
    if (sources_attach(capture, failure) < 0) {
        source_set_close(&capture->sources);
        segment_destroy(&capture->segment);
        return -1;
    }
    __atomic_store_n(&capture->segment.header->state, XTOP_STATE_RUNNING, __ATOMIC_RELEASE);
    if (workers_begin(capture, failure) < 0) {
        capture_stop(capture);
        capture_close(capture);
        return -1;
    }
    return 0;
}

int capture_event_fd(const struct capture *capture)
{
    return capture->shared.finished_fd;
}

bool capture_note_finished(struct capture *capture)
{
    eventfd_t value = 0;

    if (eventfd_read(capture->shared.finished_fd, &value) == 0)
        capture->finished += (uint32_t)value;
    return capture->finished >= capture->worker_count;
}

void capture_tap(struct capture *capture, int whose, int fd, const struct xtop_key *key,
                 const struct tap_bounds *bounds)
{
    enum tap_reason refusal = source_set_has_frames(&capture->sources) ? TAP_GOES_ON : TAP_NO_FRAMES;

    if (atomic_load(&capture->shared.stop))
        refusal = TAP_STOPPED;
    flow_taps_set(&capture->taps, whose, fd, key, bounds, clock_read(CLOCK_MONOTONIC), refusal);
}

/* Where other links go on, a link that is over is told here; else the capture is. */
static void link_note_over(const struct capture *capture, uint32_t number)
{
    struct xtop_link *link = &capture->segment.header->link[number];

    if (link->state == XTOP_LINK_OVER)
        return;
    for (uint32_t i = 0; i < capture->sources.queue_count && capture->queue; i++)
        if (capture->queue[i].counts.link == number &&
            atomic_load_explicit(&capture->queue[i].failed, memory_order_acquire)) {
            snprintf(link->failure, sizeof link->failure, "%.*s", XTOP_TEXT - 1, capture->queue[i].input->failure.text);
            __atomic_store_n(&link->state, XTOP_LINK_OVER, __ATOMIC_RELEASE);
            return;
        }
}

static void link_refresh(struct capture *capture, uint32_t number)
{
    struct xtop_link *link = &capture->segment.header->link[number];
    struct source *source = &capture->sources.source[number];

    if (capture->sources.count > 1)
        link_note_over(capture, number);
    if (!source->nic_dropped || link->state == XTOP_LINK_OVER)
        return;
    __atomic_store_n(&link->nic_dropped, source->nic_dropped(source), __ATOMIC_RELAXED);
    __atomic_store_n(&link->state, source->link, __ATOMIC_RELAXED);
}

void capture_refresh(struct capture *capture)
{
    flow_taps_tend(&capture->taps, clock_read(CLOCK_MONOTONIC));
    for (uint32_t i = 0; i < capture->sources.count; i++)
        link_refresh(capture, i);
}

const struct failure *capture_failure(const struct capture *capture)
{
    for (uint32_t i = 0; i < capture->sources.queue_count && capture->queue; i++)
        if (capture->queue[i].state == SOURCE_FAILED)
            return &capture->queue[i].input->failure;
    return NULL;
}

void capture_stop(struct capture *capture)
{
    struct xtop_header *header = capture->segment.header;
    const struct failure *failure;

    if (atomic_exchange(&capture->shared.stop, true))
        return;
    eventfd_write(capture->shared.stop_fd, 1);
    for (uint32_t i = 0; i < capture->worker_count; i++)
        worker_await(&capture->worker[i]);
    flow_taps_end(&capture->taps, FLOW_TAPS_OF_ALL, TAP_STOPPED);
    stocker_stop(&capture->stocker);
    failure = capture_failure(capture);
    if (failure)
        snprintf(header->state_text, sizeof header->state_text, "%.*s", XTOP_TEXT - 1, failure->text);
    if (!failure || capture->sources.count > 1)
        capture_refresh(capture);
    __atomic_store_n(&header->state, failure ? XTOP_STATE_FAILED : XTOP_STATE_DONE, __ATOMIC_RELEASE);
}

uint64_t capture_cpu_ns(const struct capture *capture)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < capture->worker_count; i++)
        total += capture->worker[i].cpu_ns;
    return total;
}

static void workers_dismiss(struct capture *capture)
{
    for (uint32_t i = 0; i < capture->worker_count; i++)
        worker_dismiss(&capture->worker[i]);
}

/*
 * All at once, since each step waits in the kernel. Of zero copy the program goes first: a driver that runs none any more
 * sets up no queue anew because its socket goes.
 */
static void sources_let_go(struct capture *capture)
{
    bool program_first = source_set_zero_copy(&capture->sources);

    source_set_part(&capture->sources, &capture->parting);
    if (!program_first)
        workers_dismiss(capture);
    source_set_detach(&capture->sources);
    if (program_first)
        workers_dismiss(capture);
    for (uint32_t i = 0; i < capture->worker_count; i++)
        worker_join(&capture->worker[i]);
    parting_join(&capture->parting);
}

void capture_close(struct capture *capture)
{
    sources_let_go(capture);
    source_set_close(&capture->sources);
    segment_destroy(&capture->segment);
    close(capture->shared.stop_fd);
    close(capture->shared.finished_fd);
    free(capture->queue);
    flow_boxes_close(capture->shared.boxes);
    capture->queue = NULL;
}
