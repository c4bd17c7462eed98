/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_flow.h"

/* Of a flow that came by more queues than that, records are copied. */
#define GLANCED_PARTS 8

/* One queue's part of a flow, as far as a glance tells. */
struct part {
    struct reader_place place;
    enum glance glance;
    struct gain gain;
    struct xtop_record record;
    struct pending pending;
};

struct parts {
    struct part part[GLANCED_PARTS];
    uint32_t count;
    bool still; /* all of them, and none is gone */
    bool added; /* or were added to */
    bool gone;  /* of one at least the flow is over */
};

/*
 * Takes a glance at all parts of the flow at `place`: while all stand still or are added to, for else they must be glanced at
 * `afresh`, for what they lasted together. False: one is to be copied.
 */
static bool parts_glance(struct parts *parts, const struct scan *scan, struct reader_place place, bool afresh)
{
    static const struct previous nobody;
    static const struct before nothing = {0, &nobody, &nobody};
    struct reader_place at = place;

    parts->count = 0;
    parts->still = parts->added = true;
    parts->gone = false;
    do {
        const struct before before = {*seen_of(scan, at), previous_of(scan, at), previous_of(scan, place)};
        struct part *part = &parts->part[parts->count];
        enum glance glance;

        if (parts->count == GLANCED_PARTS)
            return false;
        glance = reader_glance(scan->reader, at, afresh ? &nothing : &before, &part->record, &part->pending);
        if (glance == GLANCE_BUSY)
            return false;
        part->place = at;
        part->glance = glance;
        parts->still = parts->still && glance == GLANCE_STILL;
        parts->added = parts->added && (glance == GLANCE_STILL || glance == GLANCE_ADDED);
        if (glance != GLANCE_FREE && !reader_kin_ends(scan->reader, at) &&
            reader_kin_holds(scan->reader, at, part->record.generation)) {
            part->gain = gain_of(scan->look, before.previous, &part->record);
            parts->count++;
        } else {
            parts->still = parts->added = false;
            parts->gone = true;
        }
        if (!parts->added && !afresh)
            return true;
        at = reader_kin_next(scan->reader, at);
    } while (!reader_same_place(at, place));
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

/* A part that was added to. */
static void shares_gain(const struct scan *scan, const struct part *part)
{
    if (!scan->sums)
        return;
    group_sums_gain(scan->sums, group_sums_slot(scan->sums, part->place), &part->gain);
    scan->sums->broken |= !previous_has_room(&part->record);
}

static void parts_keep(const struct scan *scan, const struct parts *parts, bool hidden)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->part[i];

        if (part->glance == GLANCE_STILL) {
            part_keep_still(scan, part->place);
            continue;
        }
        if (!hidden)
            shares_gain(scan, part);
        part_keep(scan, part->place, &part->record, &part->pending, &part->gain);
    }
}

/* Whether nothing is new of the flow that its key is asked for, and who looks for hosts knows its ends and asks for no more. */
static bool ends_suffice(const struct scan *scan, struct reader_place place, const struct parts *parts)
{
    const struct reader_ends *ends = &scan->reader->ends[place.queue][place.slot];
    const struct reader_activity *activity = scan->look->activity;

    if (!parts->added || !activity)
        return parts->added;
    return bits_of(scan, place)->ends_known & bit_of(place) && !reader_activity_whole(activity, ends, 1);
}

static void ends_add(const struct scan *scan, struct reader_place place)
{
    const uint64_t *rate = scan->row.rate_bytes;

    reader_activity_add_ends(scan->look->activity, scan->reader->ends[place.queue][place.slot],
                             bits_of(scan, place)->began & bit_of(place), rate[0] + rate[1]);
}

/* ---- What the filter says ------------------------------------------------------------------------------------ */

/* Whether what it said of the flow in the look before stands. */
static bool verdict_stands(const struct scan *scan, struct reader_place place, const struct parts *parts)
{
    const struct judged judged = slots_judged(scan, (struct reader_place){place.queue, place.slot & ~63u});

    if (!scan->look->kept || scan->look->stands == FILTER_STANDS_NOT) /* or it may have been another filter */
        return false;
    return (parts->still && judged.still & bit_of(place)) || (parts->added && judged.added & bit_of(place));
}

/*
 * Tells what it says of the flow at a glance; false: that takes more than a glance. Whether the flow is in groups or not its key
 * must tell, so there it has to be what it was.
 */
static bool verdict_is_known(const struct scan *scan, struct reader_place place, const struct parts *parts,
                             bool *hidden)
{
    const struct reader_bits *bits = bits_of(scan, place);
    bool hid = bits->hidden & bit_of(place);

    *hidden = false;
    if (!scan->look->view->filter)
        return true;
    if (verdict_stands(scan, place, parts)) {
        *hidden = hid;
        return true;
    }
    if (!scan->look->by_glance)
        return false;
    *hidden = row_is_hidden(scan);
    return !scan->sums || (bits->judged & bit_of(place) && *hidden == hid);
}

/* ---- The flow ------------------------------------------------------------------------------------------------ */

__attribute__((flatten)) bool parts_suffice(struct scan *scan, struct reader_place place)
{
    struct parts parts;
    bool hidden;

    if ((scan->look->by_key && !scan->look->by_new_key) || !parts_glance(&parts, scan, place, false))
        return false;
    if (scan->look->by_key && !ends_suffice(scan, place, &parts))
        return false;
    if (!parts.added && !parts_glance(&parts, scan, place, true))
        return false;
    if (parts.gone && scan->look->plain) /* it leaves first */
        return false;
    parts_add_up(&parts, &scan->row);
    if (!verdict_is_known(scan, place, &parts, &hidden) || (!hidden && !row_is_behind(scan, place, true)))
        return false;
    if (scan->look->activity)
        ends_add(scan, place);
    row_count(scan, place, parts.still, !parts.added);
    row_pass(scan, hidden);
    if (scan->look->kept)
        parts_keep(scan, &parts, hidden);
    if (scan->look->kept && !parts.added)
        ends_forget(scan, place);
    judge_keep(scan, place, hidden);
    return true;
}
