/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_kin.h"

#include <stdatomic.h>
#include <string.h>

#include "capture/hash.h"
#include "capture/reader_gain.h"
#include "capture/reader_index.h"

/* Slots ahead of the one that is looked at: a rest is more than the CPU fetches by itself. */
#define READ_AHEAD 8

/* ---- Rings --------------------------------------------------------------------------------------------------- */

static bool is_before(struct reader_place one, struct reader_place other)
{
    return one.queue != other.queue ? one.queue < other.queue : one.slot < other.slot;
}

static void set_next(const struct reader *reader, struct reader_place place, struct reader_place next)
{
    struct reader_kin *kin = reader_kin_at(reader, place);
    uint64_t *ringed = &reader->bits[place.queue][place.slot / 64].ringed;

    kin->next_queue = next.queue & 255;
    kin->next_slot = reader_same_place(place, next) ? 0 : next.slot;
    *ringed &= ~(UINT64_C(1) << place.slot % 64);
    *ringed |= (uint64_t)(kin->next_slot != 0) << place.slot % 64;
}

static bool in_ring(const struct reader *reader, struct reader_place ring, struct reader_place place)
{
    struct reader_place at = ring;

    do {
        if (reader_same_place(at, place))
            return true;
        at = reader_kin_next(reader, at);
    } while (!reader_same_place(at, ring));
    return false;
}

/* What was counted of a flow when it was in one slot alone is told apart from what is kept of the slot, which is not all any more. */
static void counted_store(const struct reader *reader, struct reader_place place)
{
    struct reader_bits *bits = &reader->bits[place.queue][place.slot / 64];
    const struct previous *previous = &reader->previous[place.queue][place.slot];
    uint64_t bit = UINT64_C(1) << place.slot % 64;

    if (!(bits->counted & bit) || bits->stored & bit)
        return;
    reader->counted[place.queue][place.slot] =
        (struct counted){previous_total(previous, false) & ((UINT64_C(1) << 48) - 1), previous_duration_bin(previous),
                         previous->protocol, previous_total(previous, true)};
    bits->stored |= bit;
}

/* All of the ring are another flow than they were, however still they stood. */
static void ring_change(const struct reader *reader, struct reader_place place)
{
    struct reader_place at = place;

    do {
        reader->seen[at.queue][at.slot] = 0;
        at = reader_kin_next(reader, at);
    } while (!reader_same_place(at, place));
}

static void rings_join(const struct reader *reader, struct reader_place one, struct reader_place other)
{
    struct reader_place next = reader_kin_next(reader, one);

    if (in_ring(reader, one, other))
        return;
    counted_store(reader, one);
    counted_store(reader, other);
    set_next(reader, one, reader_kin_next(reader, other));
    set_next(reader, other, next);
    ring_change(reader, one);
}

/* The flow at `place` is over. */
static void ring_leave(const struct reader *reader, struct reader_place place)
{
    struct reader_place next = reader_kin_next(reader, place);
    struct reader_place at = next;

    if (reader_same_place(next, place))
        return;
    while (!reader_same_place(reader_kin_next(reader, at), place))
        at = reader_kin_next(reader, at);
    set_next(reader, at, next);
    set_next(reader, place, place);
    ring_change(reader, next);
}

void reader_kin_leave(const struct reader *reader, struct reader_place place)
{
    ring_leave(reader, place);
    reader_kin_at(reader, place)->generation = 0;
    reader->seen[place.queue][place.slot] = 0;
}

/* Of one that stood still only the slot's line is read. */
bool reader_kin_is_over(const struct reader *reader, struct reader_place place)
{
    uint32_t sequence = reader_sequence(reader, place);

    if (reader_kin_ends(reader, place))
        return true;
    if (sequence && sequence == reader->seen[place.queue][place.slot])
        return !reader_kin_holds(reader, place, reader->previous[place.queue][place.slot].generation);
    return !reader_kin_holds(reader, place, reader_generation(reader, place));
}

bool reader_kin_is_first(const struct reader *reader, struct reader_place place)
{
    struct reader_place at = place;

    if (!reader_kin_at(reader, place)->next_slot) /* whether it is another flow by now its reader finds out */
        return !reader_kin_ends(reader, place);
    while (!reader_same_place(at = reader_kin_next(reader, at), place))
        if (is_before(at, place))
            return false;
    return true;
}

struct reader_place reader_kin_first(const struct reader *reader, struct reader_place place)
{
    struct reader_place first = place, at = place;

    while (!reader_same_place(at = reader_kin_next(reader, at), place))
        first = is_before(at, first) ? at : first;
    return first;
}

/* ---- Learning ------------------------------------------------------------------------------------------------ */

/* Flows of a block that nothing is known of. */
struct strangers {
    struct xtop_key key[XTOP_BIRTHS_SLOTS];
    uint32_t hash[XTOP_BIRTHS_SLOTS];
    uint32_t slot[XTOP_BIRTHS_SLOTS];
    uint32_t generation[XTOP_BIRTHS_SLOTS];
    uint32_t count;
};

static void kin_become(const struct reader *reader, struct reader_place place, uint32_t generation, uint32_t hash)
{
    struct reader_kin *kin = reader_kin_at(reader, place);

    ring_leave(reader, place);
    kin->generation = generation & KIN_GENERATION;
    kin->hash = hash;
}

static void strangers_add(struct strangers *strangers, const struct reader *reader, struct reader_place place)
{
    uint32_t at = strangers->count;

    if (!reader_copy_key(reader, place, &strangers->key[at], &strangers->generation[at]))
        return;
    strangers->slot[at] = place.slot;
    strangers->count++;
}

/* Of slots first .. last of a block. */
static void strangers_find(struct strangers *strangers, const struct reader *reader, uint32_t queue, uint32_t first,
                           uint32_t last)
{
    strangers->count = 0;
    for (uint32_t slot = first; slot <= last; slot++) {
        struct reader_place place = {queue, slot};

        if (slot + READ_AHEAD <= last)
            __builtin_prefetch(&reader_rest_at(reader, place)[READ_AHEAD].total[0]);
        if (reader_place_live(reader, place) && !reader_kin_holds(reader, place, reader_generation(reader, place)))
            strangers_add(strangers, reader, place);
    }
}

/* What another queue has of the flow at `place`, which is known by now, is of its ring. */
static void ring_complete(const struct reader *reader, struct reader_place place, uint32_t queue,
                          const struct xtop_key *key)
{
    uint32_t hash = reader_kin_at(reader, place)->hash;
    struct reader_place other = {queue, 0};
    uint32_t generation;

    other.slot = reader_index_find(reader, queue, hash, key, &generation);
    if (other.slot == 0 || other.slot >= reader->previous_room[queue])
        return;
    if (!reader_kin_holds(reader, other, generation))
        kin_become(reader, other, generation, hash);
    rings_join(reader, place, other);
}

static void strangers_look_up(struct strangers *strangers, const struct reader *reader, uint32_t queue)
{
    hash_keys(strangers->key, sizeof *strangers->key, strangers->count, reader->header->hash_seed, strangers->hash);
    for (uint32_t i = 0; i < strangers->count; i++)
        for (uint32_t other = 0; other < reader->header->queue_count; other++)
            reader_index_fetch(reader, other, strangers->hash[i]);
    for (uint32_t i = 0; i < strangers->count; i++) {
        struct reader_place place = {queue, strangers->slot[i]};

        kin_become(reader, place, strangers->generation[i], strangers->hash[i]);
        for (uint32_t other = 0; other < reader->header->queue_count; other++)
            if (other != queue)
                ring_complete(reader, place, other, &strangers->key[i]);
    }
}

/* The block's slots that are in use are learned; false: it has more of them than there is room for. */
static bool block_learn(const struct reader *reader, uint32_t queue, uint32_t block)
{
    uint32_t first = block ? block * XTOP_BIRTHS_SLOTS : 1;
    uint32_t last = block * XTOP_BIRTHS_SLOTS + XTOP_BIRTHS_SLOTS - 1;
    uint32_t used = reader_slots_used(reader, queue);
    bool whole;
    struct strangers strangers;

    last = used < last ? used : last;
    whole = last < reader->previous_room[queue];
    strangers_find(&strangers, reader, queue, first, whole ? last : reader->previous_room[queue] - 1);
    strangers_look_up(&strangers, reader, queue);
    return whole;
}

/* Blocks after which what was read of the segment is let go of: each time an index that is looked at in any order comes again. */
#define LEARN_STRETCH (4 * READER_STRETCH / XTOP_BIRTHS_SLOTS)

static void queue_learn(const struct reader *reader, uint32_t queue)
{
    uint64_t offset = reader_shard_at(reader, queue)->births_offset;
    const uint16_t *births = (const uint16_t *)((uintptr_t)reader->header + offset);
    uint16_t *known = reader->births[queue];
    uint32_t last = reader_slots_used(reader, queue);

    last = last < reader->previous_room[queue] ? last : reader->previous_room[queue] - 1;
    for (uint32_t block = 0; block <= last / XTOP_BIRTHS_SLOTS; block++) {
        uint16_t now = __atomic_load_n(&births[block], __ATOMIC_ACQUIRE); /* before how many slots are in use */

        if (now != known[block] && block_learn(reader, queue, block))
            known[block] = now;
        if (block % LEARN_STRETCH == LEARN_STRETCH - 1)
            reader_let_go(reader);
    }
    reader_let_go(reader);
}

void reader_kin_learn(struct reader *reader)
{
    for (uint32_t queue = 0; queue < reader->header->queue_count; queue++)
        queue_learn(reader, queue);
    atomic_thread_fence(memory_order_acquire); /* whose entry was gone from an index is seen to be ending */
}
