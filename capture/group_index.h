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

static inline uint64_t group_hash_fold(uint64_t one, uint64_t other)
{
    unsigned __int128 product = (unsigned __int128)one * other;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/*
 * A key's hash, which nobody sees: in three products side by side, where MurmurHash3's ten steps wait for each other. Odd
 * constants with half of their bits set keep words of a key that are 0 apart.
 */
static inline uint32_t group_hash(const struct xtop_key *key, uint32_t seed)
{
    const uint64_t secret = seed * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t word[5], hash;

    memcpy(word, key, sizeof word);
    hash = group_hash_fold(word[0] ^ secret, word[1] ^ UINT64_C(0xa0761d6478bd642f)) ^
           group_hash_fold(word[2] ^ ~secret, word[3] ^ UINT64_C(0xe7037ed1a0b428db)) ^
           group_hash_fold(word[4] ^ secret, UINT64_C(0x8ebc6af09c88c6e3));
    return (uint32_t)(hash ^ hash >> 32);
}

_Static_assert(sizeof(struct xtop_key) == 5 * sizeof(uint64_t), "group_hash reads five words");

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
