/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/flow_parts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "capture/flow_index.h"
#include "capture/flow_record.h"
#include "capture/flow_unpack.h"
#include "capture/hash.h"
#include "capture/segment.h"
#include "capture/sequence_lock.h"

#define TCP 6
#define COPY_TRIES 4

/* Parts of one flow may be stamped so far apart: bursts of two queues, ns. */
#define CLOCKS_APART UINT64_C(100000000)

/* News older than this was told, or there was nobody to tell it. */
#define NEWS_KEPT (2 * RECORD_TCP_QUIET)

/* 0 = empty; else the slot, above it the generation, whose lowest bit, set in all that lives, says which news. */
typedef _Atomic uint64_t place;

struct flow_box {
    _Atomic bool full; /* a letter was put since it was opened */
    place place[FLOW_BOX_PLACES];
} __attribute__((aligned(64)));

struct flow_box *flow_boxes_open(uint32_t queues)
{
    struct flow_box *boxes = aligned_alloc(64, queues * sizeof *boxes);

    return boxes ? memset(boxes, 0, queues * sizeof *boxes) : NULL;
}

void flow_boxes_close(struct flow_box *boxes)
{
    free(boxes);
}

/* ---- Letters ----------------------------------------------------------------------------------------------------- */

static bool letter_put(struct flow_box *box, const struct flow_letter *letter)
{
    uint64_t word = (uint64_t)((letter->generation & ~1u) | letter->news) << 32 | letter->slot;
    uint64_t there = 0;
    bool put = atomic_compare_exchange_strong(&box->place[letter->slot % FLOW_BOX_PLACES], &there, word);

    atomic_store(&box->full, true);
    return put || there == word;
}

bool flow_letters_wait(const struct flow_table *table)
{
    return atomic_load_explicit(&table->boxes[table->number].full, memory_order_relaxed);
}

uint32_t flow_letters_take(struct flow_table *table, struct flow_letter *letter)
{
    struct flow_box *box = &table->boxes[table->number];
    uint32_t count = 0;

    atomic_store(&box->full, false); /* first: what is put from here on is seen now or leads here again */
    for (uint32_t i = 0; i < FLOW_BOX_PLACES; i++) {
        uint64_t word =
            atomic_load_explicit(&box->place[i], memory_order_relaxed) ? atomic_exchange(&box->place[i], 0) : 0;

        if (word)
            letter[count++] = (struct flow_letter){(uint32_t)word, (uint32_t)(word >> 32) | 1, word >> 32 & 1};
    }
    return count;
}

/* ---- The other parts --------------------------------------------------------------------------------------------- */

/* A part of a flow in another queue's shard: a copy. */
struct part {
    uint32_t queue;
    uint32_t number;
    struct xtop_slot slot;
    struct xtop_rest rest;
};

/* The reader's protocol (flow_abi.h). False: it is written all the time, and whoever asks comes again. */
static bool part_copy(const struct xtop_slot *slot, const struct xtop_rest *rest, struct part *part)
{
    for (int i = 0; i < COPY_TRIES; i++) {
        uint32_t before = sequence_read_begin(&slot->sequence);

        part->slot = *slot;
        part->rest = *rest;
        if (sequence_read_stands(&slot->sequence, before) && !(before & 1))
            return slot_is_live(&part->slot) && !(part->slot.state & XTOP_SLOT_ENDING);
    }
    return false;
}

static bool part_is_of(const struct part *part, const struct xtop_key *key)
{
    struct xtop_key other;

    slot_unpack_key(&part->slot, &part->rest, &other);
    return memcmp(&other, key, sizeof other) == 0;
}

/* Looks for the part of a flow in the shard of `part->queue`. */
static bool part_find(const struct flow_table *table, const struct xtop_key *key, uint32_t hash, struct part *part)
{
    const struct xtop_shard *shard = segment_shard(table->header, part->queue);
    uintptr_t base = (uintptr_t)table->header;
    const struct xtop_bucket *bucket = (const struct xtop_bucket *)(base + shard->index_offset);
    const struct xtop_slot *slot = (const struct xtop_slot *)(base + shard->slots_offset);
    const struct xtop_rest *rest = (const struct xtop_rest *)(base + shard->rests_offset);
    struct flow_index_walk walk = flow_index_walk(bucket, shard->bucket_count, hash);

    while ((part->number = flow_index_walk_next(&walk)) != 0)
        if (part->number <= shard->record_capacity && part_copy(&slot[part->number], &rest[part->number], part) &&
            part_is_of(part, key))
            return true;
    return false;
}

/* The next queue's part of a flow behind `part->queue`. */
static bool part_next(const struct flow_table *table, const struct xtop_key *key, uint32_t hash, struct part *part)
{
    while (++part->queue < table->header->queue_count)
        if (part->queue != table->number && part_find(table, key, hash, part))
            return true;
    return false;
}

static bool part_write_to(const struct flow_table *table, const struct part *part, enum flow_news news)
{
    const struct flow_letter letter = {part->number, part->rest.total[0].shared, news};

    return letter_put(&table->boxes[part->queue], &letter);
}

/* ---- News -------------------------------------------------------------------------------------------------------- */

bool flow_part_has_news(const struct xtop_slot *slot, uint64_t now)
{
    uint16_t flags = slot->side[0].flags | slot->side[1].flags;
    bool one_way = slot->side[0].last_seen == 0 || slot->side[1].last_seen == 0;

    if (!one_way || slot->protocol != TCP || !(flags & (PACKET_TCP_FIN | PACKET_TCP_RST)))
        return false;
    /* Who is closed by a FIN was told so, or knows it of itself; one that is by a RST tells it until it ends. */
    return flags & PACKET_TCP_RST || (!(slot->state & XTOP_SLOT_CLOSED) && now - slot_last_seen(slot) < NEWS_KEPT);
}

/* Whether what `record` tells, FIN or RST, closes the part as well. */
static bool part_is_closed_by(const struct part *part, const struct xtop_record *record)
{
    if (record->tcp_state == XTOP_TCP_RESET)
        return slot_first_seen(&part->rest) <= record_last_seen(record) + CLOCKS_APART;
    return ((part->rest.seen | record->seen) & RECORD_FIN_BOTH) == RECORD_FIN_BOTH;
}

bool flow_part_tell(struct flow_table *table, uint32_t slot)
{
    struct part part = {.queue = UINT32_MAX};
    struct xtop_record record;
    bool told = true;
    uint32_t hash;

    slot_unpack(&table->slot[slot], &table->rest[slot], &record);
    hash = hash_key(&record.key, table->hash_seed);
    while (part_next(table, &record.key, hash, &part)) {
        if (!part_is_closed_by(&part, &record))
            continue;
        flow_part_close(&table->slot[slot]);
        told = (part.slot.state & XTOP_SLOT_CLOSED || part_write_to(table, &part, FLOW_CLOSED)) && told;
    }
    return told;
}

/*
 * The oldest part cuts: it is due first, and what began after its time is of the next piece for all. Were a younger one
 * to cut it, nothing would say of the older that they were of one piece (cut_of in capture/reader_reunion.c).
 */
static bool part_is_oldest(const struct flow_table *table, const struct xtop_key *key, uint32_t hash, uint64_t first)
{
    struct part part = {.queue = UINT32_MAX};

    while (part_next(table, key, hash, &part))
        if (slot_first_seen(&part.rest) < first)
            return false;
    return true;
}

bool flow_part_cut(struct flow_table *table, uint32_t slot)
{
    struct part part = {.queue = UINT32_MAX};
    struct xtop_key key;
    bool told = true;
    uint32_t hash;

    slot_unpack_key(&table->slot[slot], &table->rest[slot], &key);
    hash = hash_key(&key, table->hash_seed);
    if (!part_is_oldest(table, &key, hash, slot_first_seen(&table->rest[slot])))
        return false;
    while (part_next(table, &key, hash, &part))
        told = part_write_to(table, &part, FLOW_CUT) && told;
    return told;
}
