/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stocker: a thread that makes pages of the flow table present before a worker needs them. A first touch of a
 * shared page costs microseconds (measured here: 4 µs; a ring of 16,384 frames lasts 7 ms at 2.3 Mpps), so a burst of
 * new flows would lose frames to page faults. It keeps a constant number of flows ahead: memory still grows with the
 * flows that come, not with --max-flows. Where the kernel has no MADV_POPULATE_WRITE (before 5.14) it does nothing.
 */
#ifndef XTOP_STOCKER_H
#define XTOP_STOCKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"

/* Flows in stock, all shards together. */
#define STOCKER_FLOWS 262144

struct stocker {
    struct xtop_header *header;
    pthread_t thread;
    bool running;
    _Atomic bool stop;
    int wake_fd;                       /* eventfd: workers write it when they claim slots (flow_table.stock_fd) */
    uint32_t ahead;                    /* flows, a shard */
    uint32_t stocked[XTOP_MAX_QUEUES]; /* records of a shard that are present, from 1 on */
    bool indexed[XTOP_MAX_QUEUES];     /* its index is present */
};

/* Stocks a first time, then starts the thread. Returns 0 or an errno value; without a stocker all works, slower. */
int stocker_start(struct stocker *stocker, struct xtop_header *header);

/* Ends the thread and closes wake_fd. Idempotent. */
void stocker_stop(struct stocker *stocker);

#endif
