/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of one burst of frames: what is left out of it, then stage by stage into the flow table.
 */
#ifndef XTOP_WORKER_BURST_H
#define XTOP_WORKER_BURST_H

#include <stdint.h>

#include "capture/worker.h"

/* Counts a burst's frames into the queue's shard and gives them back. `now` in ns. Also the bench's entry. */
void worker_count_burst(struct worker_queue *queue, struct burst *burst, uint64_t now);

#endif
