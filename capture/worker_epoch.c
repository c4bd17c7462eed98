/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/worker_epoch.h"

/* Entries that go through the table's stages together, as frames of a burst do. */
#define MERGE_AT_ONCE 64

static void lookup_fill(struct lookup *lookup, const struct flow_sum_key *key, const struct flow_sum *sum,
                        uint64_t clock_base)
{
    lookup->packet.key = key->key;
    lookup->packet.direction = key->place & 1;
    lookup->packet.tcp_seen = sum->tcp_seen;
    lookup->time = clock_base + sum->first_seen;
}

static void counts_add(struct xtop_queue *counts, const struct flow_counts *more)
{
    counts->received += more->received;
    counts->received_bytes += more->received_bytes;
    counts->non_ip += more->non_ip;
    counts->malformed += more->malformed;
    counts->sampled_out += more->sampled_out;
    counts->table_full += more->table_full;
    counts->length_mismatch += more->length_mismatch;
    for (uint32_t i = 0; i < XTOP_SIZE_BINS; i++)
        counts->packet_size[i] += more->packet_size[i];
}

void worker_count_epoch(struct worker_queue *queue, const struct flow_epoch *epoch)
{
    uint64_t clock_base = queue->shared->clock_base;
    struct lookup lookup[MERGE_AT_ONCE] = {0};
    const struct flow_sum *sum[MERGE_AT_ONCE];

    if (!queue->counts.first_time)
        queue->counts.first_time = clock_base + (epoch->count ? epoch->entry[0].first_seen : epoch->until);
    for (uint32_t done = 0; done < epoch->count;) {
        uint32_t count = 0;

        for (; count < MERGE_AT_ONCE && done < epoch->count; count++, done++) {
            uint32_t at = epoch->entry[done].at;

            sum[count] = &epoch->sum[at];
            lookup_fill(&lookup[count], &epoch->key[at], sum[count], clock_base);
        }
        flow_table_hash(&queue->table, lookup, count);
        flow_table_find(&queue->table, lookup, count);
        flow_table_merge(&queue->table, lookup, sum, count, clock_base);
    }
    counts_add(&queue->counts, &epoch->counts);
}
