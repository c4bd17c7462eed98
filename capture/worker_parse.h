/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The worker's first stage: from a burst's frames to look-ups. Counts each frame for what it is.
 */
#ifndef XTOP_WORKER_PARSE_H
#define XTOP_WORKER_PARSE_H

#include <stdint.h>

#include "capture/worker.h"

/*
 * Parses frames `from` .. `to` of a burst; the packets that belong to flows go to `lookup`, which has room for them all.
 * Returns how many. `now`: ns, the time of packets that bring none. Fetches as many of the next burst's frames.
 */
uint32_t worker_parse(struct worker_queue *queue, const struct burst *burst, uint32_t from, uint32_t to, uint64_t now,
                      struct lookup *lookup);

#endif
