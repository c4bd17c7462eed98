/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_growth.h"

#include <string.h>

#include "capture/flow_index.h"
#include "capture/flow_life.h"
#include "capture/segment_map.h"
#include "capture/segment_present.h"

#define BUCKETS_LEAST 2048

/* Of 7 places. With 4, as the whole index has at its fullest, a flow now and then finds its neighbourhood full. */
#define FLOWS_PER_BUCKET UINT64_C(3)

/* The first buckets, where twice the number is not yet beyond every flow that a neighbourhood may hold. */
#define BUCKETS_APART (2 * FLOW_INDEX_NEIGHBOURHOOD)

static void buckets_use(struct flow_table *table, uint32_t count)
{
    table->bucket_count = count;
    table->crowd = count < table->shard->bucket_count ? count * FLOWS_PER_BUCKET : UINT64_MAX;
}

void flow_table_begin_small(struct flow_table *table)
{
    uint32_t count = table->shard->bucket_count;

    while (count / 2 >= BUCKETS_LEAST)
        count /= 2;
    buckets_use(table, count);
}

/* Where a bucket's flows are now. One that finds no place, as of many with one hash, ends as if the table were full. */
static void bucket_move(struct flow_table *table, const struct xtop_bucket *from)
{
    for (uint32_t i = 0; i < XTOP_BUCKET_ENTRIES; i++) {
        uint32_t home = flow_index_home(from->tag[i], table->bucket_count);

        if (!from->slot[i] || flow_index_insert(table->bucket, table->bucket_count, from->tag[i], home, from->slot[i]))
            continue;
        flow_end(table, from->slot[i], XTOP_END_CACHE_FULL, false);
        table->counts->flows_evicted++;
    }
}

/* Every packet looks somewhere into the index: in small pages it needs more of them than a CPU keeps in mind. */
static void buckets_present(const struct flow_table *table)
{
    uint64_t from = table->shard->index_offset;
    uint64_t to = (from + table->bucket_count * sizeof(struct xtop_bucket)) & ~(SEGMENT_WINDOW - 1);

    if (to > from)
        segment_present(table->header, from, to);
}

void flow_table_grow(struct flow_table *table)
{
    struct xtop_bucket first[BUCKETS_APART];
    uint32_t old = table->bucket_count;
    uint32_t count = table->shard->bucket_count;

    while (count / 2 > old)
        count /= 2;
    memcpy(first, table->bucket, sizeof first);
    memset(table->bucket, 0, sizeof first);
    buckets_use(table, count);
    buckets_present(table);
    for (uint32_t at = old; at-- > BUCKETS_APART;) {
        struct xtop_bucket bucket = table->bucket[at];

        memset(&table->bucket[at], 0, sizeof bucket);
        bucket_move(table, &bucket);
    }
    for (uint32_t at = 0; at < BUCKETS_APART; at++)
        bucket_move(table, &first[at]);
}
