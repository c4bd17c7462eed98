/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * 64 slots at a time, for a look that is kept, the greatest wanted, and what a filter says known: so the screen's is, each second.
 * A flow that stood still is told from those that did not by its sequence alone. Nobody but reader_scan.c includes this.
 */
#ifndef XTOP_READER_SLOTS_H
#define XTOP_READER_SLOTS_H

#include "capture/reader_added.h"
#include "capture/reader_flow.h"
#include "capture/sequence_lock.h"

/* 64 slots, of which the first number is one of 64; the last have less. A bit each. */
struct slots {
    struct reader_place first;
    uint64_t all;
    uint32_t taken; /* to have moved all, without a look; and so many times 64 before */
    uint64_t moved; /* those that may hold another flow than at the look before, or nothing, or another moment of it */
};

static inline uint64_t slots_moved(const struct scan *scan, struct reader_place first, uint32_t count)
{
    const struct xtop_slot *slot = reader_slot_at(scan->reader, first);
    const uint32_t *seen = seen_of(scan, first);
    uint64_t moved = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t sequence = sequence_read_begin(&slot[i].sequence);

        __builtin_prefetch(&slot[i + 64]);
        moved |= (uint64_t)(sequence != seen[i] || sequence == 0) << i;
    }
    return moved;
}

/* The slots from `first` on. What is kept of those that moved, or of all, is on its way. */
static inline struct slots slots_ahead(const struct scan *scan, struct reader_place first, uint32_t end)
{
    uint32_t count = end - first.slot < 64 ? end - first.slot : 64;
    struct slots slots = {.first = first, .all = count < 64 ? (UINT64_C(1) << count) - 1 : UINT64_MAX};

    slots.moved = slots_moved(scan, first, count);
    for (uint64_t moved = slots.moved; moved; moved &= moved - 1)
        __builtin_prefetch(previous_of(scan, first) + __builtin_ctzll(moved), 1);
    return slots;
}

/* Whether a flow of that total stands behind one that has the same rate. */
static inline bool total_is_behind(const struct previous *previous, uint64_t total, const struct least *least)
{
    return total < least->total ||
           (total == least->total && previous->key_known && previous->key_begin > least->key_begin);
}

/* How many times the 64 after such as nearly all moved are taken to have moved, too, before one looks again. */
#define MOVED_MOST 7
#define MOVED_NEARLY 56

/*
 * The slots after `before`. Behind such as nearly all moved it is not asked which: a flow that stood still is one to which
 * nothing was added.
 */
static inline struct slots slots_after(const struct scan *scan, const struct slots *before, uint32_t end)
{
    uint32_t first = before->first.slot + 64 < end ? before->first.slot + 64 : end;
    struct slots slots = {.first = {before->first.queue, first}, .all = UINT64_MAX, .moved = UINT64_MAX};

    slots.taken = before->taken + 1;
    if (end - first < 64 || slots.taken > MOVED_MOST || __builtin_popcountll(before->moved) < MOVED_NEARLY)
        return slots_ahead(scan, slots.first, end);
    return slots;
}

/* Which flows would stand behind the wanted for certain if they had no rate. */
static inline uint64_t slots_behind(const struct scan *scan, struct reader_place first, const struct least *least)
{
    const struct previous *previous = previous_of(scan, first);
    uint64_t behind = 0;

    if (least->rate)
        return UINT64_MAX;
    for (uint32_t i = 0; least->total && i < 64; i++)
        behind |= (uint64_t)total_is_behind(&previous[i], previous_total(&previous[i], least->bytes), least) << i;
    return behind;
}

/* Whether a flow that was added to stands behind the wanted for certain. */
static inline bool added_is_behind(const struct previous *previous, const struct gain *gain, const struct least *least)
{
    const uint64_t *came = least->bytes ? gain->bytes : gain->packets;
    uint64_t rate = least->by_rate ? came[0] + came[1] : 0;

    return rate < least->rate ||
           (rate == least->rate &&
            total_is_behind(previous, previous_total(previous, least->bytes) + came[0] + came[1], least));
}

/* Whether it has room for as much as can be pending, and more. */
static inline bool previous_is_ample(const struct previous *previous)
{
    return (((previous->side[0].packets | previous->side[1].packets) >> 39) |
            ((previous->side[0].bytes | previous->side[1].bytes) >> 45)) == 0;
}

/* What is read and kept of a slot. */
struct at {
    const struct xtop_slot *slot;
    struct previous *previous;
    uint32_t *seen;
};

/* What slot_suffices does, of most flows that moved; tells what the flow has gained. */
static inline bool added_suffices(const struct scan *scan, struct reader_place place, struct at at,
                                  const struct least *least, struct gain *gain)
{
    const struct before before = {*at.seen, at.previous, at.previous};
    struct added added;

    if (!slot_was_added_to(at.slot, &before, &added))
        return false;
    *gain = gain_added(at.previous, &added.pending);
    if (!added_is_behind(at.previous, gain, least) || !previous_is_ample(at.previous))
        return false;
    flow_count_added(scan, place, at.previous->protocol, previous_total(at.previous, false), gain);
    gain_keep_added(at.previous, &added.pending, gain);
    *at.seen = added.sequence;
    return true;
}

#endif
