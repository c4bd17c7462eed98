/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_index.h"

#include <string.h>

static bool slot_has(const struct reader *reader, struct reader_place place, const struct xtop_key *key,
                     uint32_t *generation)
{
    struct xtop_key found;

    if (place.slot == 0 || place.slot > reader_shard_at(reader, place.queue)->record_capacity)
        return false;
    return reader_copy_key(reader, place, &found, generation) && memcmp(&found, key, sizeof found) == 0;
}

uint32_t reader_index_find(const struct reader *reader, uint32_t queue, uint32_t hash, const struct xtop_key *key,
                           uint32_t *generation)
{
    uint32_t count = reader_shard_at(reader, queue)->bucket_count;
    uint32_t at = flow_index_home(hash, count);

    for (uint32_t step = 0; step < FLOW_INDEX_NEIGHBOURHOOD; step++) {
        const struct xtop_bucket *bucket = reader_index_at(reader, queue) + at;

        for (uint32_t match = flow_index_match(bucket, hash); match; match &= match - 1) {
            uint32_t slot = __atomic_load_n(&bucket->slot[__builtin_ctz(match)], __ATOMIC_RELAXED);

            if (slot_has(reader, (struct reader_place){queue, slot}, key, generation))
                return slot;
        }
        if (__atomic_load_n(&bucket->passed, __ATOMIC_RELAXED) == 0)
            break;
        at = flow_index_next(at, count);
    }
    return 0;
}
