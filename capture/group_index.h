/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finds the number of a group by its key: open addressing, never more than half full. The keys lie with whoever asks; numbers
 * begin at 1, and 0 is none.
 */
#ifndef XTOP_GROUP_INDEX_H
#define XTOP_GROUP_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "capture/flow_abi.h"

struct group_place {
    uint32_t hash;
    uint32_t group; /* 0 = free */
};

struct group_index {
    struct group_place *place;
    uint32_t mask; /* places - 1 */
};

/* Where the keys of groups 1, 2 .. lie. */
struct group_keys {
    const void *first;
    size_t stride; /* bytes from one to the next */
};

/* Room for one more than `count` groups. False: no memory, and all stands as it stood. */
bool group_index_reserve(struct group_index *index, uint64_t count);

/* Forgets all groups, and keeps the memory. */
void group_index_clear(struct group_index *index);

/* Forgets the group of that number, whose key has that hash. */
void group_index_remove(struct group_index *index, uint32_t hash, uint32_t group);

/* Gives the memory back. */
void group_index_free(struct group_index *index);

/* Asks for the line that a search begins at. */
static inline void group_index_fetch(const struct group_index *index, uint32_t hash)
{
    if (index->place)
        __builtin_prefetch(&index->place[hash & index->mask]);
}

/* The group that a search most likely finds, for who wants its line fetched; 0 = none. */
static inline uint32_t group_index_first(const struct group_index *index, uint32_t hash)
{
    return index->place ? index->place[hash & index->mask].group : 0;
}

/* The place of the group of `key`, or the free one where it belongs. There is room (group_index_reserve). */
static inline struct group_place *group_index_find(const struct group_index *index, const struct group_keys *keys,
                                                   const struct xtop_key *key, uint32_t hash)
{
    uint32_t at;

    for (at = hash & index->mask; index->place[at].group; at = (at + 1) & index->mask) {
        const uint8_t *other = (const uint8_t *)keys->first + keys->stride * (index->place[at].group - 1);

        if (index->place[at].hash == hash && memcmp(other, key, sizeof *key) == 0)
            break;
    }
    return &index->place[at];
}

#endif
