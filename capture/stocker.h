/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The stocker: a thread that makes pages of the flow table present before a worker needs them. A first touch of a
 * shared page costs microseconds (measured here: 4 µs; a ring of 16,384 frames lasts 7 ms at 2.3 Mpps), so a burst of
 * new flows would lose frames to page faults. It keeps a constant number of flows ahead of those that came; a table
 * of the default size is present from the start (272 MiB), which a smaller --max-flows makes less. Where the kernel has no MADV_POPULATE_WRITE (before 5.14) it does nothing.
 */
#ifndef XTOP_STOCKER_H
#define XTOP_STOCKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"

/*
 * Flows in stock, all shards together. Measured on two cores, 3 M frames of 1,000,000 new flows at 2.3 Mpps: a stock of
 * 65,536 or 262,144 lost 0 to 5 % since the stocker could not keep ahead; with this one none was lost.
 */
#define STOCKER_FLOWS 1048576

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
