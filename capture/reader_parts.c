/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_flow.h"

/* Of a flow that came by more queues than that, records are copied. */
#define GLANCED_PARTS 8

/* One queue's part of a flow, as far as a glance tells. */
struct part {
    struct reader_place place;
    bool still; /* since the look before */
    struct gain gain;
    struct xtop_record record;
    struct pending pending;
};

struct parts {
    struct part part[GLANCED_PARTS];
    uint32_t count;
    bool still; /* all of them, and none is gone */
};

/*
 * Takes a glance at all parts of the flow at `place`: while all stand still, for else they must be glanced at `afresh`, for
 * what they lasted together. False: one is to be copied.
 */
static bool parts_glance(struct parts *parts, const struct scan *scan, struct reader_place place, bool afresh)
{
    static const struct previous nobody;
    static const struct before nothing = {0, &nobody};
    struct reader_place at = place;

    parts->count = 0;
    parts->still = true;
    do {
        const struct before before = before_of(scan, at);
        struct part *part = &parts->part[parts->count];
        enum glance glance;

        if (parts->count == GLANCED_PARTS)
            return false;
        glance = reader_glance(scan->reader, at, afresh ? &nothing : &before, &part->record, &part->pending);
        if (glance == GLANCE_BUSY)
            return false;
        part->place = at;
        part->still = glance == GLANCE_STILL;
        parts->still = parts->still && part->still;
        if (!parts->still && !afresh)
            return true;
        if (glance != GLANCE_FREE && reader_kin_holds(scan->reader, at, part->record.generation)) {
            part->gain = gain_of(scan->look, before.previous, &part->record);
            parts->count++;
        }
        at = reader_kin_next(scan->reader, at);
    } while (at.queue != place.queue || at.slot != place.slot);
    return parts->count && parts->part[0].place.slot == place.slot;
}

/* The row of all parts. */
static void parts_add_up(const struct parts *parts, struct reader_row *row)
{
    struct xtop_record *sum = &row->record;

    *sum = parts->part[0].record;
    memset(row->rate_packets, 0, sizeof row->rate_packets);
    memset(row->rate_bytes, 0, sizeof row->rate_bytes);
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct xtop_record *record = &parts->part[i].record;

        rates_add(row, &parts->part[i].gain);
        for (int end = 0; i > 0 && end < 2; end++) {
            sum->direction[end].packets += record->direction[end].packets;
            sum->direction[end].bytes += record->direction[end].bytes;
            record_widen(sum, record, end);
        }
    }
}

static void parts_keep(const struct scan *scan, const struct parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->part[i];

        if (part->still)
            part_keep_still(scan, part->place);
        else
            part_keep(scan, part->place, &part->record, &part->pending, &part->gain);
    }
}

__attribute__((flatten)) bool parts_suffice(struct scan *scan, struct reader_place place)
{
    struct parts parts;
    bool still, hidden;

    if (scan->look->by_key || !parts_glance(&parts, scan, place, false))
        return false;
    still = parts.still;
    if (!still && !parts_glance(&parts, scan, place, true))
        return false;
    parts_add_up(&parts, &scan->row);
    hidden = row_is_hidden(scan);
    if (!hidden && !row_is_behind(scan, place, true))
        return false;
    row_count(scan, place, still, !still);
    row_pass(scan, hidden);
    if (scan->look->kept)
        parts_keep(scan, &parts);
    return true;
}
