/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the shared segment of flow_abi.h: a memfd, mapped writable here and sealed against everybody else.
 */
#ifndef XTOP_SEGMENT_H
#define XTOP_SEGMENT_H

#include <stdint.h>

#include "capture/failure.h"
#include "capture/flow_abi.h"
#include "capture/segment_map.h"

#define SEGMENT_ENDED_DEFAULT 65536

/*
 * Where the worker waits for its owner, who takes them each 10 ms: in that time some 6,000 flows end. Four times as many
 * places are 12 MiB more that are touched for the first time, and then not in a cache.
 */
#define SEGMENT_ENDED_WAITED_FOR 16384

struct segment_plan {
    uint32_t queue_count;
    uint32_t max_flows;
    uint32_t ended_capacity; /* records of a shard's ended ring, a power of two */
    uint32_t hash_seed;
    uint32_t byte_histograms; /* of a shard; 0 = bytes are not counted */
};

struct segment {
    int fd; /* sealed: F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL */
    struct xtop_header *header;
};

/* Creates and lays out a segment; no page of a shard is touched. Returns 0, or -1 with `failure`. */
int segment_create(struct segment *segment, const struct segment_plan *plan, struct failure *failure);

/* Unmaps and closes; readers keep their own mappings. */
void segment_destroy(struct segment *segment);

static inline struct xtop_queue *segment_queue(const struct xtop_header *header, uint32_t number)
{
    return (struct xtop_queue *)((uintptr_t)header + header->queues_offset) + number;
}

static inline struct xtop_shard *segment_shard(const struct xtop_header *header, uint32_t number)
{
    return (struct xtop_shard *)((uintptr_t)header + header->shards_offset) + number;
}

#endif
