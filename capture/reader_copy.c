/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_added.h"
#include "capture/reader_flow.h"
#include "capture/reader_reunion.h"

/* What is pending of the part that was copied, if it still is what it was; else that is not known. */
static bool part_pending(const struct scan *scan, struct reader_place place, const struct xtop_record *record,
                         struct pending *pending)
{
    const struct xtop_slot *slot = reader_slot_at(scan->reader, place);

    *pending = pending_of(slot);
    return sequence_read_stands(&slot->sequence, record->sequence);
}

/* What one queue's part of a flow has sent, and gained. */
struct measured_part {
    struct reader_place place;
    struct gain totals, gain;
    struct detail detail;
};

/* All of them, where groups are told of the flow. */
struct measured {
    uint32_t count;
    struct measured_part part[XTOP_MAX_QUEUES];
};

/* Measures what one queue has of the row's flow. */
static void row_measure(struct scan *scan, struct reader_place place, const struct xtop_record *record,
                        struct reader_row *row, struct measured *measured)
{
    struct gain gain = gain_of(scan->look, previous_of(scan, place), record);
    struct pending pending;

    rates_add(row, &gain);
    reader_bytes_live(scan->reader, place, record, row);
    if (!scan->look->kept)
        return;
    part_keep(scan, place, record, part_pending(scan, place, record, &pending) ? &pending : NULL, &gain);
    ends_forget(scan, place);
    if (scan->sums && measured->count < XTOP_MAX_QUEUES)
        measured->part[measured->count++] =
            (struct measured_part){place, record_totals(record), gain, detail_of(record)};
}

/* What one queue has of the flow that was learned to be at `place`. Without kin: what there is. */
static bool part_copy(const struct scan *scan, struct reader_place place, struct xtop_record *record)
{
    if (!scan->kin)
        return reader_copy_record(scan->reader, place, record);
    return !reader_kin_ends(scan->reader, place) && reader_copy_record(scan->reader, place, record) &&
           reader_kin_holds(scan->reader, place, record->generation);
}

/* Adds what the other queues have of the flow whose first part is at `place`; false: it is over, and they have nothing. */
static bool row_add_kin(struct scan *scan, struct reader_place place, struct reader_row *row, bool known,
                        struct measured *measured)
{
    struct reader_place at = reader_kin_next(scan->reader, place);
    struct xtop_record record;

    for (; !reader_same_place(at, place); at = reader_kin_next(scan->reader, at)) {
        if (!part_copy(scan, at, &record))
            continue;
        row_measure(scan, at, &record, row, measured);
        if (known)
            reader_join(&row->record, &record);
        else
            row->record = record;
        known = true;
    }
    return known;
}

/* Adds what of the flow has ended in other queues; it was counted when it did. */
static void row_add_ended(const struct scan *scan, struct reader_row *row)
{
    const struct xtop_record live = row->record;

    reunion_complete(scan->reader, row);
    for (int end = 0; scan->look->view->over_span && end < 2; end++) {
        row->rate_packets[end] += row->record.direction[end].packets - live.direction[end].packets;
        row->rate_bytes[end] += row->record.direction[end].bytes - live.direction[end].bytes;
    }
}

/* ---- What the flow is to its groups -------------------------------------------------------------------------- */

/* All slots of the ring, of whatever flow they were; before what is kept of them is overwritten. */
static void ring_shares_leave(const struct scan *scan, struct reader_place place)
{
    struct reader_place at = place;

    do {
        shares_leave(scan, at);
        at = scan->kin ? reader_kin_next(scan->reader, at) : place;
    } while (!reader_same_place(at, place));
}

/* What the flow is lent is what its parts do not bring: of times and RTT, which do not add up, all. */
static void lent_take(struct gain *lent, struct detail *detail, const struct measured_part *part)
{
    for (int end = 0; end < 2; end++) {
        lent->packets[end] -= part->totals.packets[end];
        lent->bytes[end] -= part->totals.bytes[end];
        detail->payload_bytes[end] -= part->detail.payload_bytes[end];
        detail->retransmissions[end] -= part->detail.retransmissions[end];
    }
}

/* The flow's parts bring what they are, and it is lent what it is besides. */
static void flow_shares_enter(const struct scan *scan, const struct measured *measured, const struct xtop_record *flow)
{
    struct gain lent = record_totals(flow);
    struct detail detail = detail_of(flow);

    for (uint32_t i = 0; i < measured->count; i++) {
        const struct measured_part *part = &measured->part[i];

        scan->sums->broken |= *seen_of(scan, part->place) == 0;
        group_sums_enter(scan->sums, group_sums_slot(scan->sums, part->place), flow, &part->totals, &part->gain,
                         i == 0);
        lent_take(&lent, &detail, part);
    }
    if (lent.packets[0] | lent.packets[1])
        group_sums_lend(scan->sums, flow, &lent, &detail);
}

/* ---- A flow -------------------------------------------------------------------------------------------------- */

__attribute__((flatten)) void flow_copy(struct scan *scan, struct reader_place place)
{
    struct look *look = scan->look;
    struct measured measured;
    struct reader_row row;
    uint8_t lasted;
    bool known, shown;

    measured.count = 0;
    memset(row.rate_packets, 0, sizeof row.rate_packets);
    memset(row.rate_bytes, 0, sizeof row.rate_bytes);
    memset(row.histogram, 0, sizeof row.histogram);
    flow_uncount(scan, place);
    if (scan->sums)
        ring_shares_leave(scan, place);
    known = part_copy(scan, place, &row.record);
    if (known)
        row_measure(scan, place, &row.record, &row, &measured);
    else
        part_forget(scan, place);
    if (scan->kin)
        known = row_add_kin(scan, place, &row, known, &measured);
    if (!known)
        return;
    lasted = look->kept ? previous_keep_duration(previous_of(scan, place), &row.record) : duration_bin(&row.record);
    flow_count(scan, place, &row.record, lasted);
    if (scan->kin)
        row_add_ended(scan, &row);
    if (look->activity)
        reader_activity_add(look->activity, &row);
    if (look->activity && look->kept)
        ends_keep(scan, place, &row.record, false);
    shown = look_consider(look, &row);
    judge_keep(scan, place, !shown);
    if (scan->sums && shown)
        flow_shares_enter(scan, &measured, &row.record);
    if (look->kept && scan->kin && reunion_awaits(scan->reader->reunion, reader_kin_at(scan->reader, place)->hash))
        *seen_of(scan, place) = 0; /* what waits for it may be gone at the next look, and then it is another */
}
