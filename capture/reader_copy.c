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

/* Measures what one queue has of the row's flow. */
static void row_measure(struct scan *scan, struct reader_place place, const struct xtop_record *record,
                        struct reader_row *row)
{
    struct gain gain = gain_of(scan->look, previous_of(scan, place), record);
    struct pending pending;

    rates_add(row, &gain);
    reader_bytes_live(scan->reader, place, record, row);
    if (!scan->look->kept)
        return;
    part_keep(scan, place, record, part_pending(scan, place, record, &pending) ? &pending : NULL, &gain);
    ends_forget(scan, place);
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
static bool row_add_kin(struct scan *scan, struct reader_place place, struct reader_row *row, bool known)
{
    struct reader_place at = reader_kin_next(scan->reader, place);
    struct xtop_record record;

    for (; !reader_same_place(at, place); at = reader_kin_next(scan->reader, at)) {
        if (!part_copy(scan, at, &record))
            continue;
        row_measure(scan, at, &record, row);
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

__attribute__((flatten)) void flow_copy(struct scan *scan, struct reader_place place)
{
    struct look *look = scan->look;
    struct reader_row row;
    uint8_t lasted;
    bool known;

    memset(row.rate_packets, 0, sizeof row.rate_packets);
    memset(row.rate_bytes, 0, sizeof row.rate_bytes);
    memset(row.histogram, 0, sizeof row.histogram);
    flow_uncount(scan, place);
    known = part_copy(scan, place, &row.record);
    if (known) {
        scan->hides = scan->sums && look->view->filter && !filter_matches(look->view->filter, &look->scene, &row);
        row_measure(scan, place, &row.record, &row);
    } else {
        part_forget(scan, place);
    }
    if (scan->kin)
        known = row_add_kin(scan, place, &row, known);
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
    judge_keep(scan, place, !look_consider(look, &row));
}
