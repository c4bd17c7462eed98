/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_table.h"

#include "capture/flow_index.h"
#include "capture/flow_life.h"
#include "capture/flow_record.h"
#include "capture/flow_slot.h"
#include "capture/hash.h"
#include "capture/histogram.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* Packets that are counted while the rests of the next ones come. */
#define REST_AHEAD 8

/* One packet in so many must have been odd in the burst before. */
#define ODD_SHARE 8

/* The slot that holds `key`, or 0. The worker's own flow_index_walk: by that one a new flow takes 2.3 % more instructions. */
static uint32_t index_find(const struct flow_table *table, const struct xtop_key *key, uint32_t hash, uint32_t home)
{
    for (uint32_t at = home, step = 0; step < FLOW_INDEX_NEIGHBOURHOOD; step++) {
        const struct xtop_bucket *bucket = &table->bucket[at];

        for (uint32_t match = flow_index_match(bucket, hash); match; match &= match - 1) {
            uint32_t slot = bucket->slot[__builtin_ctz(match)];

            if (slot && slot_holds(&table->slot[slot], &table->rest[slot], key))
                return slot;
        }
        if (bucket->passed == 0)
            return 0;
        at = flow_index_next(at, table->bucket_count);
    }
    return 0;
}

static inline void lookup_aim(const struct flow_table *table, struct lookup *lookup, uint32_t hash)
{
    lookup->hash = hash;
    lookup->home = flow_index_home(hash, table->bucket_count);
    __builtin_prefetch(&table->bucket[lookup->home], 0, 3);
}

void flow_table_hash(struct flow_table *table, struct lookup *lookup, uint32_t count)
{
    uint32_t hash[SOURCE_BURST];

    hash_keys(&lookup->packet.key, sizeof *lookup, count, table->hash_seed, hash);
    for (uint32_t i = 0; i < count; i++)
        lookup_aim(table, &lookup[i], hash[i]);
}

void flow_table_find(struct flow_table *table, struct lookup *lookup, uint32_t count)
{
    uint64_t turn = table->counts->flows_ended;

    for (uint32_t i = 0; i < count; i++) {
        const struct xtop_bucket *bucket = &table->bucket[lookup[i].home];
        uint32_t match = flow_index_match(bucket, lookup[i].hash);

        if (!match && unlikely(bucket->passed)) {
            bucket = &table->bucket[flow_index_next(lookup[i].home, table->bucket_count)];
            match = flow_index_match(bucket, lookup[i].hash);
        }
        lookup[i].turn = turn;
        lookup[i].slot = match ? bucket->slot[__builtin_ctz(match)] : 0;
        __builtin_prefetch(&table->slot[lookup[i].slot], 1, 3);
        if (unlikely(lookup[i].packet.key.ip_version == 6))
            __builtin_prefetch(table->rest[lookup[i].slot].address0, 0, 3);
    }
}

/* Whether a packet comes too late for the flow that it found. */
static inline bool flow_is_over(const struct flow_table *table, uint32_t at, const struct lookup *lookup)
{
    const struct xtop_slot *slot = &table->slot[at];
    uint64_t last = slot_last_seen(slot);
    uint64_t quiet = (lookup->time - last) & -(uint64_t)(lookup->time > last); /* no branch: it is as good as random */

    if (unlikely(quiet > table->idle_timeout))
        return true;
    if (unlikely(quiet > RECORD_TCP_QUIET) && lookup->packet.tcp_seen && slot->state & XTOP_SLOT_CLOSED)
        return true;
    return table->exact_active && unlikely(record_older(table->earliest, lookup->time, table->active_timeout)) &&
           record_older(slot_first_seen(&table->rest[at]), lookup->time, table->active_timeout);
}

/* The slot of a look-up's flow; 0 where there is none, or one that was over, and is now. */
static inline uint32_t flow_place(struct flow_table *table, const struct lookup *at)
{
    uint32_t slot = at->slot;

    /* A slot that was given up since find looked may hold a flow of another hash, which slot_holds cannot tell. */
    if (unlikely(!slot || at->turn != table->counts->flows_ended ||
                 !slot_holds(&table->slot[slot], &table->rest[slot], &at->packet.key)))
        slot = index_find(table, &at->packet.key, at->hash, at->home);
    if (slot && unlikely(flow_is_over(table, slot, at))) {
        flow_end(table, slot, flow_due(table, slot, at->time), false);
        slot = 0;
    }
    return slot;
}

/* Slots whose pending counts are to be moved when their totals have come in. */
struct due {
    uint64_t *gap; /* the queue's */
    uint32_t odd;  /* packets of this burst that needed the whole record */
    uint32_t count;
    struct {
        uint32_t slot;
        uint32_t end;
    } at[SOURCE_BURST];
};

/* The first packet after which a slot is due asks for the totals; one that comes before they were moved moves them. */
static __attribute__((noinline)) void slot_fell_due(struct flow_table *table, struct due *due, uint32_t at,
                                                    const struct packet *packet)
{
    struct xtop_slot *slot = &table->slot[at];
    uint32_t end = packet->direction;

    if (((slot->side[end].pending - packet->pending) & SLOT_PENDING_DUE) || due->count == SOURCE_BURST) {
        slot_settle(slot, &table->rest[at], end);
        return;
    }
    __builtin_prefetch(&table->rest[at].total[end], 1, 3);
    due->at[due->count].slot = at;
    due->at[due->count++].end = end;
}

/* The longer ways of a packet that is not plain; what is pending then, as slot_count says it. */
static __attribute__((noinline)) uint64_t flow_update(struct flow_table *table, struct due *due, uint32_t at,
                                                      const struct lookup *lookup)
{
    struct xtop_slot *slot = &table->slot[at];
    struct xtop_rest *rest = &table->rest[at];
    uint64_t pending = slot_count_behind(slot, rest, &lookup->packet, lookup->time);

    if (pending)
        return pending;
    if (lookup->time < table->earliest)
        table->earliest = lookup->time;
    slot_update(slot, rest, &lookup->packet, lookup->time);
    due->odd++;
    return 0;
}

static inline void flow_count(struct flow_table *table, struct due *due, uint32_t slot, const struct lookup *lookup)
{
    struct xtop_slot *at = &table->slot[slot];
    uint64_t gap = lookup->time - at->side[lookup->packet.direction].last_seen;
    uint64_t pending = slot_count(at, &lookup->packet, lookup->time);

    if (unlikely(!pending))
        pending = flow_update(table, due, slot, lookup);
    if (unlikely(slot_due(pending)))
        slot_fell_due(table, due, slot, &lookup->packet);
    due->gap[histogram_gap_bin(gap)]++;
}

/*
 * Packets that will not be plain need their flows' rests as well; the slots have come since find. Always inline, as
 * slot_fetch_rest.
 */
static inline __attribute__((always_inline)) void rests_fetch(const struct flow_table *table,
                                                              const struct lookup *lookup, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!lookup[i].slot || (lookup[i].packet.allows | table->slot[lookup[i].slot].state) == 0xff)
            continue;
        slot_fetch_rest(&table->rest[lookup[i].slot]);
    }
}

/* A new flow and its first packet, which no packet came before; 0 when there is no room. */
static __attribute__((noinline)) uint32_t flow_begin(struct flow_table *table, struct due *due,
                                                     const struct lookup *lookup)
{
    uint32_t slot = flow_start(table, lookup, true);

    if (slot)
        due->gap[histogram_gap_bin(lookup->time)]++;
    return slot;
}

/* Counts a few packets; returns how many found room. */
static inline uint32_t flows_update(struct flow_table *table, struct due *due, const struct lookup *lookup,
                                    uint32_t count)
{
    bool bytes = byte_histograms_on(&table->bytes);
    uint32_t placed = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = flow_place(table, &lookup[i]);

        if (slot)
            flow_count(table, due, slot, &lookup[i]);
        else if (!(slot = flow_begin(table, due, &lookup[i])))
            continue;
        if (unlikely(bytes)) /* now: the slot may be another's before the burst is over */
            byte_histogram_add(&table->bytes, slot, &lookup[i].packet, lookup[i].frame);
        placed++;
    }
    return placed;
}

/* The same, a few at a time while the rests of the next ones come. */
static __attribute__((noinline)) uint32_t flows_update_ahead(struct flow_table *table, struct due *due,
                                                             const struct lookup *lookup, uint32_t count)
{
    uint32_t placed = 0;

    for (uint32_t from = 0, to; from < count; from = to) {
        to = from + REST_AHEAD < count ? from + REST_AHEAD : count;
        rests_fetch(table, &lookup[to], count - to < REST_AHEAD ? count - to : REST_AHEAD);
        placed += flows_update(table, due, &lookup[from], to - from);
    }
    return placed;
}

void flow_table_update(struct flow_table *table, struct lookup *lookup, uint32_t count)
{
    struct due due;
    uint32_t placed;

    due.gap = table->queue->gap;
    due.count = due.odd = 0;
    /* To look ahead costs a plain packet a nanosecond or two: it is for bursts that follow one of many odd packets. */
    if (unlikely(table->odd * ODD_SHARE >= count))
        placed = flows_update_ahead(table, &due, lookup, count);
    else
        placed = flows_update(table, &due, lookup, count);
    for (uint32_t i = 0; i < due.count; i++)
        slot_settle(&table->slot[due.at[i].slot], &table->rest[due.at[i].slot], due.at[i].end);
    table->odd = due.odd;
    table->counts->accounted += placed;
    table->counts->table_full += count - placed;
}

void flow_table_merge(struct flow_table *table, struct lookup *lookup, const struct flow_sum *const *sum,
                      uint32_t count, uint64_t clock_base)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = flow_place(table, &lookup[i]);

        if (!slot)
            slot = flow_start(table, &lookup[i], false);
        if (!slot) {
            table->counts->table_full += sum[i]->packets;
            continue;
        }
        if (lookup[i].time < table->earliest)
            table->earliest = lookup[i].time;
        slot_merge(&table->slot[slot], &table->rest[slot], lookup[i].packet.direction, sum[i], clock_base);
        table->counts->accounted += sum[i]->packets;
    }
}
