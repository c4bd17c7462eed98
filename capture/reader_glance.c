/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at a million flows of which two hundred are shown copies few records: a glance tells whether one has a chance.
 * It goes by the reader's protocol of flow_abi.h, like every copy. What a flow's slot was at the look before, with the
 * same sequence, it is now: a sequence comes round after 2^31 packets of one flow, which no interval has room for.
 */
#include "capture/reader_gain.h"
#include "capture/reader_state.h"
#include "capture/sequence_lock.h"

/* As slot_unpack has it. */
static void glance_totals(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_record *record)
{
    record->generation = rest->total[0].shared;
    record->key.protocol = slot->protocol;
    for (uint32_t end = 0; end < 2; end++) {
        const struct xtop_rest_total *total = &rest->total[end];
        uint64_t pending = slot->side[end].pending;

        record->direction[end].packets = total->packets + pending_packets(pending);
        record->direction[end].bytes = total->bytes + pending_bytes(pending);
        record->first_seen[end] = total->first_seen;
        record->last_seen[end] = slot->side[end].last_seen;
    }
}

static void glance_previous(const struct previous *previous, struct xtop_record *record)
{
    record->sequence = previous->sequence;
    record->generation = previous->generation;
    record->key.protocol = previous->side[0].protocol;
    for (uint32_t end = 0; end < 2; end++) {
        record->direction[end].packets = previous->side[end].packets;
        record->direction[end].bytes = previous->side[end].bytes;
    }
}

enum glance reader_glance(const struct reader *reader, struct reader_place place, const struct previous *previous,
                          struct xtop_record *record)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);
    uint32_t before = sequence_read_begin(&slot->sequence);
    bool still = before == previous->sequence && before != 0;
    bool live;

    if (before & 1)
        return GLANCE_BUSY;
    live = slot_is_live(slot);
    if (still)
        glance_previous(previous, record);
    else if (live)
        glance_totals(slot, reader_rest_at(reader, place), record);
    record->sequence = before;
    if (!sequence_read_stands(&slot->sequence, before))
        return GLANCE_BUSY;
    if (!live)
        return GLANCE_FREE;
    return still ? GLANCE_STILL : GLANCE_MOVED;
}

bool reader_glance_key(const struct reader *reader, struct reader_place place, struct xtop_record *record)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);

    slot_unpack_key(slot, reader_rest_at(reader, place), &record->key);
    return sequence_read_stands(&slot->sequence, record->sequence);
}
