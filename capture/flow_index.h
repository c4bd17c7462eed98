/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bucketed index: which slot holds the flow of a hash. Knows nothing of records.
 */
#ifndef XTOP_FLOW_INDEX_H
#define XTOP_FLOW_INDEX_H

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "capture/flow_abi.h"

/* A flow lies in its home bucket or one of the next ones, so many in all. */
#define FLOW_INDEX_NEIGHBOURHOOD 8

/* Bit i is set when tag[i] == tag. */
static inline uint32_t flow_index_match(const struct xtop_bucket *bucket, uint32_t tag)
{
#ifdef __SSE2__
    __m128i wanted = _mm_set1_epi32((int)tag);
    __m128i low = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)&bucket->tag[0]), wanted);
    __m128i high = _mm_cmpeq_epi32(_mm_load_si128((const __m128i *)&bucket->tag[4]), wanted);
    int mask = _mm_movemask_ps(_mm_castsi128_ps(low)) | _mm_movemask_ps(_mm_castsi128_ps(high)) << 4;

    return (uint32_t)mask & ((1u << XTOP_BUCKET_ENTRIES) - 1); /* lane 7 is `passed` */
#else
    uint32_t mask = 0;

    for (uint32_t i = 0; i < XTOP_BUCKET_ENTRIES; i++)
        mask |= (uint32_t)(bucket->tag[i] == tag) << i;
    return mask;
#endif
}

/* The home bucket of a hash: the hash's high bits scaled to `count`, so count need not be a power of two. */
static inline uint32_t flow_index_home(uint32_t hash, uint32_t count)
{
    return (uint32_t)((uint64_t)hash * count >> 32);
}

static inline uint32_t flow_index_next(uint32_t bucket, uint32_t count)
{
    return bucket + 1 == count ? 0 : bucket + 1;
}

/* Puts `slot` in the first free entry from `home` on; false when the neighbourhood is full. */
static inline bool flow_index_insert(struct xtop_bucket *index, uint32_t count, uint32_t hash, uint32_t home,
                                     uint32_t slot)
{
    for (uint32_t at = home, step = 0; step < FLOW_INDEX_NEIGHBOURHOOD; step++) {
        struct xtop_bucket *bucket = &index[at];

        for (uint32_t i = 0; i < XTOP_BUCKET_ENTRIES; i++) {
            if (bucket->slot[i])
                continue;
            bucket->tag[i] = hash;
            bucket->slot[i] = slot;
            for (uint32_t passed = home; passed != at; passed = flow_index_next(passed, count))
                index[passed].passed++;
            return true;
        }
        at = flow_index_next(at, count);
    }
    return false;
}

/* A look for a hash in an index that goes on with it: a flow that lived before and still does is found. */
struct flow_index_walk {
    const struct xtop_bucket *bucket; /* bucket_count of them */
    uint32_t bucket_count;
    uint32_t hash;
    uint32_t at;
    uint32_t step;
    uint32_t match; /* entries of bucket `at` to look at */
};

static inline struct flow_index_walk flow_index_walk(const struct xtop_bucket *bucket, uint32_t count, uint32_t hash)
{
    uint32_t home = flow_index_home(hash, count);

    return (struct flow_index_walk){bucket, count, hash, home, 0, flow_index_match(&bucket[home], hash)};
}

/* The next slot that the hash may be in; 0 = none any more. */
static inline uint32_t flow_index_walk_next(struct flow_index_walk *walk)
{
    for (;;) {
        const struct xtop_bucket *bucket = &walk->bucket[walk->at];

        while (walk->match) {
            uint32_t slot = __atomic_load_n(&bucket->slot[__builtin_ctz(walk->match)], __ATOMIC_RELAXED);

            walk->match &= walk->match - 1;
            if (slot)
                return slot;
        }
        if (++walk->step == FLOW_INDEX_NEIGHBOURHOOD || __atomic_load_n(&bucket->passed, __ATOMIC_RELAXED) == 0)
            return 0;
        walk->at = flow_index_next(walk->at, walk->bucket_count);
        walk->match = flow_index_match(&walk->bucket[walk->at], walk->hash);
    }
}

#endif
