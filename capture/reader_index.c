/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_index.h"

#include <string.h>

static bool slot_has(const struct reader *reader, struct reader_place place, const struct xtop_key *key,
                     uint32_t *generation)
{
    struct xtop_key found;

    if (place.slot > reader_shard_at(reader, place.queue)->record_capacity)
        return false;
    return reader_copy_key(reader, place, &found, generation) && memcmp(&found, key, sizeof found) == 0;
}

uint32_t reader_index_find(const struct reader *reader, uint32_t queue, uint32_t hash, const struct xtop_key *key,
                           uint32_t *generation)
{
    uint32_t count = reader_shard_at(reader, queue)->bucket_count;
    struct flow_index_walk walk = flow_index_walk(reader_index_at(reader, queue), count, hash);
    uint32_t slot;

    while ((slot = flow_index_walk_next(&walk)) != 0)
        if (slot_has(reader, (struct reader_place){queue, slot}, key, generation))
            break;
    return slot;
}
