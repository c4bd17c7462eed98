/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's index as a reader sees it, while the queue's worker goes on with it: a flow that lived before and still does
 * is found.
 */
#ifndef XTOP_READER_INDEX_H
#define XTOP_READER_INDEX_H

#include "capture/flow_index.h"
#include "capture/reader_state.h"

static inline const struct xtop_bucket *reader_index_at(const struct reader *reader, uint32_t queue)
{
    uint64_t offset = reader_shard_at(reader, queue)->index_offset;

    return (const struct xtop_bucket *)((uintptr_t)reader->header + offset);
}

/* Fetches the line that reader_index_find looks at first. */
static inline void reader_index_fetch(const struct reader *reader, uint32_t queue, uint32_t hash)
{
    __builtin_prefetch(reader_index_at(reader, queue) +
                       flow_index_home(hash, reader_shard_at(reader, queue)->bucket_count));
}

/* The slot in which the queue has the flow of `key`, whose hash this is, and its generation; 0 = it has none. */
uint32_t reader_index_find(const struct reader *reader, uint32_t queue, uint32_t hash, const struct xtop_key *key,
                           uint32_t *generation);

#endif
