/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/flow_life.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

#include "capture/flow_index.h"
#include "capture/flow_record.h"
#include "capture/flow_slot.h"
#include "capture/hash.h"
#include "capture/histogram.h"
#include "capture/segment.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* Slots looked at for a flow to push out when the whole neighbourhood is empty. */
#define EVICTION_SAMPLE 64

/* New flows between the fetch of a slot's lines and their writing. */
#define SLOT_AHEAD 8

/* ---- Slots: where records live ------------------------------------------------------------------------------- */

/* Takes up to `wanted` slots from the budget of all shards; returns how many there were. */
static uint32_t budget_claim(struct xtop_header *header, uint32_t wanted)
{
    uint64_t taken = __atomic_load_n(&header->flows_claimed, __ATOMIC_RELAXED);
    uint64_t get;

    do {
        uint64_t left = header->max_flows - taken;

        get = left < wanted ? left : wanted;
        if (get == 0)
            return 0;
    } while (!__atomic_compare_exchange_n(&header->flows_claimed, &taken, taken + get, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return (uint32_t)get;
}

/*
 * Asks for the four lines of the slot that will be taken SLOT_AHEAD flows later: a flow's first packet writes them all.
 * By force inline, as slot_fetch_rest.
 */
static inline __attribute__((always_inline)) void slot_fetch_ahead(const struct flow_table *table)
{
    bool freed = table->free_count > SLOT_AHEAD;
    uint32_t slot = freed ? table->free_slot[table->free_count - SLOT_AHEAD] : table->fresh + SLOT_AHEAD;

    __builtin_prefetch(&table->slot[slot], 1, 3);
    slot_fetch_rest(&table->rest[slot]);
}

/* A free slot, or 0 when the budget is spent. */
static uint32_t slot_take(struct flow_table *table)
{
    slot_fetch_ahead(table);
    if (table->free_count)
        return table->free_slot[--table->free_count];
    if (table->fresh == table->fresh_end) {
        table->fresh_end += budget_claim(table->header, FLOW_TABLE_CLAIM);
        if (table->stock_fd >= 0)
            eventfd_write(table->stock_fd, 1);
    }
    if (table->fresh == table->fresh_end)
        return 0;
    __atomic_store_n(&table->shard->records_used, table->fresh, __ATOMIC_RELEASE);
    return table->fresh++;
}

int flow_table_open(struct flow_table *table, struct xtop_header *header, uint32_t number, struct xtop_queue *counts)
{
    struct xtop_shard *shard = segment_shard(header, number);
    uint8_t *base = (uint8_t *)header;
    uint32_t share = header->max_flows / header->queue_count;

    *table = (struct flow_table){
        .bucket = (struct xtop_bucket *)(base + shard->index_offset),
        .slot = (struct xtop_slot *)(base + shard->slots_offset),
        .rest = (struct xtop_rest *)(base + shard->rests_offset),
        .births = (uint16_t *)(base + shard->births_offset),
        .ended = (struct xtop_record *)(base + shard->ended_offset),
        .shard = shard,
        .header = header,
        .queue = segment_queue(header, number),
        .counts = counts,
        .bucket_count = shard->bucket_count,
        .crowd = UINT64_MAX,
        .number = number,
        .hash_seed = header->hash_seed,
        .idle_timeout = header->idle_timeout,
        .active_timeout = header->active_timeout,
        .fresh = 1,
        .fresh_end = 1,
        .hand = 1,
        .earliest = UINT64_MAX,
        .stock_fd = -1,
    };
    /* A first share is each shard's own, so that none is left with nothing to evict. */
    table->fresh_end += budget_claim(header, share < FLOW_TABLE_CLAIM ? share : FLOW_TABLE_CLAIM);
    table->free_slot = mmap(NULL, shard->record_capacity * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (table->free_slot == MAP_FAILED)
        return -1;
    if (byte_histograms_open(&table->bytes, header, shard, counts) == 0)
        return 0;
    flow_table_close(table);
    return -1;
}

void flow_table_close(struct flow_table *table)
{
    munmap(table->free_slot, table->shard->record_capacity * sizeof(uint32_t));
    table->free_slot = NULL;
    byte_histograms_close(&table->bytes);
}

/* ---- The index ----------------------------------------------------------------------------------------------- */

static void index_remove(struct flow_table *table, uint32_t hash, uint32_t slot)
{
    uint32_t home = flow_index_home(hash, table->bucket_count);

    for (uint32_t at = home, step = 0; step < FLOW_INDEX_NEIGHBOURHOOD; step++) {
        struct xtop_bucket *bucket = &table->bucket[at];

        for (uint32_t match = flow_index_match(bucket, hash); match; match &= match - 1) {
            int i = __builtin_ctz(match);

            if (bucket->slot[i] != slot)
                continue;
            bucket->slot[i] = 0;
            bucket->tag[i] = 0;
            for (uint32_t passed = home; passed != at; passed = flow_index_next(passed, table->bucket_count))
                table->bucket[passed].passed--;
            return;
        }
        at = flow_index_next(at, table->bucket_count);
    }
}

/* ---- The end of a flow --------------------------------------------------------------------------------------- */

static void count_ended(struct flow_table *table, const struct xtop_record *record)
{
    struct xtop_protocol *protocol = &table->queue->ended_protocol[record->key.protocol];
    uint64_t packets = record_packets(record);

    table->counts->flows_ended++;
    table->counts->ended_duration[histogram_duration_bin(record_last_seen(record) - record_first_seen(record))]++;
    table->counts->ended_packets[histogram_packets_bin(packets)]++;
    __atomic_store_n(&protocol->packets, protocol->packets + packets, __ATOMIC_RELAXED);
    __atomic_store_n(&protocol->bytes, protocol->bytes + record->direction[0].bytes + record->direction[1].bytes,
                     __ATOMIC_RELAXED);
    __atomic_store_n(&protocol->flows, protocol->flows + 1, __ATOMIC_RELAXED);
}

/* Files: the ring's next record would lap the owner, who needs every one. Waits for its cursor. */
static void ended_wait(const struct flow_table *table, uint64_t head)
{
    static const struct timespec pause = {.tv_nsec = 200000};

    while (head - atomic_load_explicit(table->ended_cursor, memory_order_acquire) >= table->shard->ended_capacity &&
           !atomic_load_explicit(table->stop, memory_order_relaxed))
        nanosleep(&pause, NULL);
}

static void ended_publish(struct flow_table *table, uint32_t slot, const struct xtop_record *record)
{
    struct xtop_shard *shard = table->shard;
    uint64_t head = shard->ended_head;
    struct xtop_record *room = &table->ended[head & (shard->ended_capacity - 1)];

    if (table->ended_cursor)
        ended_wait(table, head);
    __atomic_store_n(&shard->ended_reserved, head + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
    if (unlikely(byte_histograms_on(&table->bytes)))
        byte_histogram_lap(&table->bytes, head);
    *room = *record;
    if (unlikely(byte_histograms_on(&table->bytes)))
        byte_histogram_end(&table->bytes, slot, room);
    __atomic_store_n(&shard->ended_head, head + 1, __ATOMIC_RELEASE);
}

void flow_fetch_rest(const struct flow_table *table, uint32_t slot, uint32_t number)
{
    const struct xtop_shard *shard = table->shard;
    const uint8_t *room = (const uint8_t *)&table->ended[(shard->ended_head + number) & (shard->ended_capacity - 1)];

    slot_fetch_rest(&table->rest[slot]);
    for (size_t line = 0; line < sizeof(struct xtop_record); line += 64)
        __builtin_prefetch(room + line, 1, 3);
}

void flow_fetch_place(const struct flow_table *table, uint32_t slot)
{
    struct xtop_key key;

    slot_unpack_key(&table->slot[slot], &table->rest[slot], &key);
    __builtin_prefetch(&table->bucket[flow_index_home(hash_key(&key, table->hash_seed), table->bucket_count)], 1, 3);
}

void flow_end(struct flow_table *table, uint32_t slot, uint8_t reason, bool along)
{
    struct xtop_record record;

    slot_unpack(&table->slot[slot], &table->rest[slot], &record);
    record.end_reason = reason & 7;
    record.cut_along = along;
    /* Who finds it alive and not ending will find it in the ring later; who finds it no longer finds it there now. */
    __atomic_store_n(&table->slot[slot].state, table->slot[slot].state | XTOP_SLOT_ENDING, __ATOMIC_RELAXED);
    ended_publish(table, slot, &record);
    atomic_thread_fence(memory_order_release);
    count_ended(table, &record);
    index_remove(table, hash_key(&record.key, table->hash_seed), slot);
    slot_free(&table->slot[slot], &table->rest[slot]);
    table->free_slot[table->free_count++] = slot;
}

/* ---- Making room --------------------------------------------------------------------------------------------- */

struct candidate {
    uint32_t slot;
    uint64_t last_seen;
};

static void candidate_consider(const struct flow_table *table, struct candidate *oldest, uint32_t slot)
{
    uint64_t last = slot_last_seen(&table->slot[slot]);

    if (oldest->slot == 0 || last < oldest->last_seen)
        *oldest = (struct candidate){slot, last};
}

/* The least recently seen flow of the first bucket from `home` on that holds any; 0 when all are empty. */
static uint32_t victim_near(const struct flow_table *table, uint32_t home)
{
    struct candidate oldest = {0};

    for (uint32_t at = home, step = 0; step < FLOW_INDEX_NEIGHBOURHOOD && !oldest.slot; step++) {
        for (uint32_t i = 0; i < XTOP_BUCKET_ENTRIES; i++)
            if (table->bucket[at].slot[i])
                candidate_consider(table, &oldest, table->bucket[at].slot[i]);
        at = flow_index_next(at, table->bucket_count);
    }
    return oldest.slot;
}

/* The least recently seen of the next slots under the clock hand. */
static uint32_t victim_under_hand(const struct flow_table *table)
{
    struct candidate oldest = {0};

    for (uint32_t i = 0; i < EVICTION_SAMPLE && table->fresh > 1; i++) {
        uint32_t slot = (table->hand - 1 + i) % (table->fresh - 1) + 1;

        if (slot_is_live(&table->slot[slot]))
            candidate_consider(table, &oldest, slot);
    }
    return oldest.slot;
}

static bool flow_evict(struct flow_table *table, uint32_t home)
{
    uint32_t slot = victim_near(table, home);

    if (!slot)
        slot = victim_under_hand(table);
    if (!slot)
        return false;
    flow_end(table, slot, XTOP_END_CACHE_FULL, false);
    table->counts->flows_evicted++;
    return true;
}

uint32_t flow_start(struct flow_table *table, const struct lookup *lookup, bool counted)
{
    uint32_t slot = slot_take(table);
    uint16_t *births;

    if (unlikely(!slot)) {
        if (!flow_evict(table, lookup->home))
            return 0;
        slot = slot_take(table);
    }
    while (unlikely(!flow_index_insert(table->bucket, table->bucket_count, lookup->hash, lookup->home, slot)))
        flow_evict(table, lookup->home);
    if (counted)
        slot_start_counted(&table->slot[slot], &table->rest[slot], &lookup->packet, lookup->time);
    else
        slot_start(&table->slot[slot], &table->rest[slot], &lookup->packet);
    if (lookup->time < table->earliest)
        table->earliest = lookup->time;
    /* Who sees the count finds the flow in its slot, and by the index. */
    births = &table->births[slot / XTOP_BIRTHS_SLOTS];
    __atomic_store_n(births, (uint16_t)(*births + 1), __ATOMIC_RELEASE);
    table->counts->flows_created++;
    return slot;
}
