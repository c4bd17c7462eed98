/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker: one pinned thread that moves frames from its queues into their shards.
 *
 *   take → (parse → hash → find, eight frames at a time) → recycle → update → sweep → publish → (nothing came: poll)
 *
 * Per packet it allocates nothing, takes no lock, makes no system call and reads no clock.
 */
#ifndef XTOP_WORKER_H
#define XTOP_WORKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "capture/dedup.h"
#include "capture/flow_table.h"
#include "capture/flow_tap.h"
#include "capture/fragments.h"
#include "capture/sampling.h"
#include "capture/source.h"
#include "capture/worker_rest.h"

struct flow_path;
struct frame_filter;

/* What all workers of a capture share. */
struct worker_shared {
    pthread_mutex_t gate; /* held until the sandbox is shut: no frame is looked at before */
    int usual_nice;       /* of the process; workers begin at the highest priority */
    struct xtop_header *header;
    _Atomic bool stop;
    int stop_fd;                                    /* eventfd: readable once `stop` is set, wakes sleepers */
    int finished_fd;                                /* eventfd: a worker adds 1 when it has finished */
    int stock_fd;                                   /* the stocker's, for the flow tables; -1 = none */
    struct flow_taps *taps;                         /* NULL = none can be set */
    struct flow_box *boxes;                         /* what queues tell each other; NULL = there is one */
    bool drain;                                     /* recycle frames without looking at them */
    uint64_t clock_base;                            /* ns to add to CLOCK_MONOTONIC for the epoch's time */
    _Atomic uint64_t ended_cursor[XTOP_MAX_QUEUES]; /* files: the owner's cursor in each ended ring */
};

struct worker_queue {
    struct source_queue *input;
    const struct source_operations *operations; /* of its source */
    const struct flow_path *path;               /* the stages, as compiled for this CPU */
    const struct frame_filter *filter;          /* NULL = every frame passes */
    struct xtop_queue *published;
    struct flow_table table;
    struct xtop_queue counts; /* the worker's own totals */
    struct worker_shared *shared;
    uint64_t last_statistics; /* ns */
    uint64_t packet_time;     /* ns: time of the last frame (files) */
    enum source_result state;
    _Atomic bool failed; /* for the main thread: `state` is SOURCE_FAILED, and the failure is told */
    struct fragments *fragments;
    struct dedup *dedup;    /* NULL = off */
    struct sampler sampler; /* of plan.interval 1 where every frame is taken, or the source samples */
    uint32_t mixed; /* groups of frames that were parsed at once, in the burst before, and had both versions of IP */
    bool decap;     /* flows are keyed on the innermost IP header */
};

struct worker {
    pthread_t thread;
    sem_t settled;   /* the thread has made the system calls that a sandbox would forbid */
    sem_t finished;  /* it counts no more */
    sem_t dismissed; /* nobody needs its queues any more */
    struct worker_shared *shared;
    struct worker_queue *queue; /* queue_count of them, this worker's own */
    uint32_t queue_count;
    int cpu;        /* -1 = not pinned */
    bool collects;  /* what the kernel counts, and nothing else */
    bool busy_poll; /* it does not sleep in poll(2) between takes */
    bool drains;    /* rings of the kernel's, which it can wait for */
    struct worker_rest rest;
    uint64_t cpu_ns; /* the thread's CPU time, when it has finished */
};

/*
 * Prepares a queue that takes from `input` and counts into shard `number` of the segment. Returns 0, or -1 with errno.
 * `cpu` is told in the counters.
 */
int worker_queue_open(struct worker_queue *queue, struct worker_shared *shared, struct source_queue *input,
                      uint32_t number, int cpu, const struct options *options);

/* Gives back what worker_queue_open took. */
void worker_queue_close(struct worker_queue *queue);

/* Makes the totals visible to readers. */
void worker_publish(struct worker_queue *queue, uint64_t now);

/*
 * The life of the thread. worker_start returns 0 once it waits at shared->gate, or an errno value; worker_await when the
 * figures are final; then it waits to be dismissed, lets go of its queues and is joined.
 */
int worker_start(struct worker *worker);
void worker_await(struct worker *worker);
void worker_dismiss(struct worker *worker);
void worker_join(struct worker *worker);

#endif
