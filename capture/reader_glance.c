/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look at a million flows of which two hundred are shown copies few records: a glance tells whether one has a chance.
 * It goes by the reader's protocol of flow_abi.h, like every copy.
 *
 * What a flow's slot was at the look before, with the same sequence, it is now: a sequence comes round after 2^31 packets
 * of one flow, which no interval has room for. And each time that the slot is written, one packet more is pending at most:
 * where as many came to be pending as it was written, each write was a plain packet, and neither the flow's totals nor
 * the flow itself is another than it was. So a look reads one line of most flows that moved, too.
 */
#include "capture/reader_added.h"

/* As slot_unpack has it. */
static void glance_totals(const struct xtop_slot *slot, const struct xtop_rest *rest, const struct pending *pending,
                          struct xtop_record *record)
{
    record->generation = rest->total[0].shared;
    for (uint32_t end = 0; end < 2; end++) {
        const struct xtop_rest_total *total = &rest->total[end];

        record->direction[end].packets = (total->packets + pending->packets[end]) & ((UINT64_C(1) << 48) - 1);
        record->direction[end].bytes = total->bytes + pending->bytes[end];
        record->first_seen[end] = total->first_seen;
        record->last_seen[end] = slot->side[end].last_seen;
    }
}

/* What was, and what was added to it; `pending` NULL: nothing. */
static void glance_previous(const struct previous *previous, const struct pending *pending, struct xtop_record *record)
{
    record->generation = previous->generation;
    for (uint32_t end = 0; end < 2; end++) {
        const struct previous_side *side = &previous->side[end];
        uint64_t packets = pending ? pending->packets[end] - (uint64_t)side->pending_packets : 0;
        uint64_t bytes = pending ? pending->bytes[end] - (uint64_t)side->pending_bytes : 0;

        record->direction[end].packets = (side->packets + packets) & ((UINT64_C(1) << 48) - 1);
        record->direction[end].bytes = side->bytes + bytes;
    }
}

static inline enum glance glance_at(const struct xtop_slot *slot, const struct xtop_rest *rest,
                                    const struct before *then, struct xtop_record *record, struct pending *pending)
{
    uint32_t before = sequence_read_begin(&slot->sequence);
    enum glance glance = GLANCE_MOVED;
    bool live;

    if (before & 1)
        return GLANCE_BUSY;
    live = slot_is_live(slot);
    record->sequence = before;
    record->key.protocol = slot->protocol;
    if (live && before == then->seen && before != 0) {
        glance_previous(then->previous, NULL, record);
        glance = GLANCE_STILL;
    } else if (live) {
        *pending = pending_of(slot);
        if (only_added(then, slot, before, pending)) {
            glance_previous(then->previous, pending, record);
            glance = GLANCE_ADDED;
        } else if (rest) {
            glance_totals(slot, rest, pending, record);
        }
    }
    if (!sequence_read_stands(&slot->sequence, before))
        return GLANCE_BUSY;
    return live ? glance : GLANCE_FREE;
}

enum glance reader_glance(const struct reader *reader, struct reader_place place, const struct before *before,
                          struct xtop_record *record, struct pending *pending)
{
    return glance_at(reader_slot_at(reader, place), reader_rest_at(reader, place), before, record, pending);
}

enum glance reader_glance_slot(const struct reader *reader, struct reader_place place, const struct before *before,
                               struct xtop_record *record, struct pending *pending)
{
    return glance_at(reader_slot_at(reader, place), NULL, before, record, pending);
}

bool reader_glance_details(const struct reader *reader, struct reader_place place, struct reader_row *row)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);
    const struct xtop_rest *rest = reader_rest_at(reader, place);
    struct xtop_record *record = &row->record;

    for (uint32_t end = 0; end < 2; end++) {
        uint64_t headers = rest->total[end].header_bytes + pending_headers(slot->side[end].pending);

        record->direction[end].payload_bytes = record->direction[end].bytes - headers;
        record->first_seen[end] = rest->total[end].first_seen;
        record->last_seen[end] = slot->side[end].last_seen;
        row->retransmissions[end] = rest->retransmissions[end];
    }
    record->rtt_us = rest->total[1].shared;
    return sequence_read_stands(&slot->sequence, record->sequence);
}

bool reader_glance_key(const struct reader *reader, struct reader_place place, struct xtop_record *record)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);
    const struct xtop_rest *rest = reader_rest_at(reader, place);

    slot_unpack_key(slot, rest, &record->key);
    record->initiator = rest->initiator;
    for (uint32_t end = 0; end < 2; end++)
        record->direction[end].tcp_flags = slot->side[end].flags & XTOP_SLOT_TCP_FLAGS;
    return sequence_read_stands(&slot->sequence, record->sequence);
}
