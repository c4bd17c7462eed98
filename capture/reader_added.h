/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that plain packets alone came to since the look before: their slot's line and what was kept of them tell all
 * (reader_glance.c says how that is known).
 */
#ifndef XTOP_READER_ADDED_H
#define XTOP_READER_ADDED_H

#include "capture/reader_gain.h"
#include "capture/reader_state.h"
#include "capture/sequence_lock.h"

static inline struct pending pending_of(const struct xtop_slot *slot)
{
    struct pending pending;

    for (uint32_t end = 0; end < 2; end++) {
        uint64_t word = slot->side[end].pending;

        pending.packets[end] = (uint32_t)pending_packets(word);
        pending.bytes[end] = (uint32_t)pending_bytes(word);
    }
    return pending;
}

/* Whether plain packets alone came since the look before, and it is known from then what the flow lasted. */
static inline bool only_added(const struct before *before, const struct xtop_slot *slot, uint32_t sequence,
                              const struct pending *pending)
{
    const struct previous *previous = before->previous;
    uint32_t written = (sequence - before->seen) / 2;
    uint32_t added = pending->packets[0] + pending->packets[1];

    added -= (uint32_t)previous->side[0].pending_packets + (uint32_t)previous->side[1].pending_packets;
    return added == written && before->seen && !previous_is_due(before->lasts, slot_last_seen(slot));
}

/* What a flow is after it was added to. */
struct added {
    uint32_t sequence;
    struct pending pending;
};

/* Whether the slot holds a flow that is GLANCE_ADDED, and what it is then. */
static inline bool slot_was_added_to(const struct xtop_slot *slot, const struct before *before, struct added *added)
{
    added->sequence = sequence_read_begin(&slot->sequence);
    if ((added->sequence & 1) || added->sequence == 0 || !slot_is_live(slot))
        return false;
    added->pending = pending_of(slot);
    return only_added(before, slot, added->sequence, &added->pending) &&
           sequence_read_stands(&slot->sequence, added->sequence);
}

#endif
