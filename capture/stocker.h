/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stocker: a thread that makes memory of the flow table present before a worker needs it. A first touch of a
 * shared page costs microseconds (measured here: 4 µs; a ring of 16,384 frames lasts 7 ms at 2.3 Mpps), so a burst of
 * new flows would lose frames to page faults. It keeps a constant number of flows ahead of those that came.
 *
 * Memory is made present as huge pages by MADV_COLLAPSE (Linux 6.1; it asks nobody's shmem_enabled): a window of
 * 2 MiB, 8,192 records, took 0.2 ms here where 512 page faults take 2.2 ms, and the worker's look-ups then need fewer
 * TLB entries. Older kernels get small pages by MADV_POPULATE_WRITE (5.14); before that it does nothing.
 */
#ifndef XTOP_STOCKER_H
#define XTOP_STOCKER_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"

/*
 * Flows in stock at most, all shards together: a table of the default size. With 131,072, 262,144 or 524,288 the stocker did not
 * keep ahead of 1,000,000 new flows at 4.05 Mpps on two cores; with this four runs of four lost none (docs/performance.md).
 */
#define STOCKER_FLOWS 1048576

/* Where packets wait for us, nothing is in stock: what is in use becomes huge pages, for who looks through it. */
#define STOCKER_NONE 0

struct stocker {
    struct xtop_header *header;
    pthread_t thread;
    sem_t settled; /* the thread has made the system calls that a sandbox would forbid */
    bool running;
    _Atomic bool stop;
    int wake_fd;                     /* eventfd: workers write it when they claim slots (flow_table.stock_fd) */
    uint32_t ahead;                  /* flows, a shard */
    uint64_t slots[XTOP_MAX_QUEUES]; /* a shard's slots are present up to this offset of the segment */
    uint64_t rests[XTOP_MAX_QUEUES]; /* so are their rests */
    bool indexed[XTOP_MAX_QUEUES];   /* its index is present */
};

/*
 * Stocks `flows` a first time. The index of a segment with one shard is made present at once, that of others when their
 * first flow has come: RSS may leave a queue without any. With none in stock it is when an eighth of the table is in use.
 */
void stocker_stock(struct stocker *stocker, struct xtop_header *header, uint32_t flows);

/* Starts the thread, after that. Returns 0 or an errno value; without it all works, slower. */
int stocker_start(struct stocker *stocker);

/* Ends the thread and closes wake_fd. Idempotent. */
void stocker_stop(struct stocker *stocker);

#endif
