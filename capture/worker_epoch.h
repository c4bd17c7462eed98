/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's way of counting for sources that count in the kernel: whole epochs instead of bursts of frames.
 */
#ifndef XTOP_WORKER_EPOCH_H
#define XTOP_WORKER_EPOCH_H

#include "capture/flow_epoch.h"
#include "capture/worker.h"

/* Merges the flows of an epoch into the queue's shard and adds its counters. */
void worker_count_epoch(struct worker_queue *queue, const struct flow_epoch *epoch);

#endif
