/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_scan.h"

#include <string.h>

#include "capture/histogram.h"
#include "capture/reader_gain.h"
#include "capture/reader_kin.h"
#include "capture/reader_reunion.h"

/* Slots ahead of the one that is read: a rest's lines are more than the CPU fetches by itself. */
#define READ_AHEAD 8
#define READ_FAR 32

/* Of a flow that came by more queues than that, records are copied. */
#define GLANCED_PARTS 8

/* One queue's part of a flow, as far as a glance tells. */
struct part {
    struct reader_place place;
    bool still; /* since the look before */
    struct gain gain;
    struct xtop_record record;
};

struct scan {
    struct look *look;
    struct reader *reader;
    bool kin;              /* there are several queues */
    bool kept;             /* what is seen now is what the next look is measured against */
    bool tied;             /* of the last flow the key was needed, too */
    struct reader_row row; /* what of a flow was filled in at a glance */
    struct part part[GLANCED_PARTS];
    uint32_t parts;
    bool parts_still; /* since the look before */
};

static struct previous *previous_of(const struct scan *scan, struct reader_place place)
{
    return &scan->reader->previous[place.queue][place.slot];
}

static inline struct gain gain_of(const struct look *look, const struct previous *previous,
                                  const struct xtop_record *record)
{
    return look->between ? gain_recall(previous, record) : gain_since(previous, record, look->view->over_span);
}

static void rates_add(struct reader_row *row, const struct gain *gain)
{
    for (int end = 0; end < 2; end++) {
        row->rate_packets[end] += gain->packets[end];
        row->rate_bytes[end] += gain->bytes[end];
    }
}

static void flow_count(struct reader_result *result, const struct xtop_record *record, uint32_t lasted)
{
    struct xtop_protocol *protocol = &result->protocol[record->key.protocol];
    uint64_t packets = record_packets(record);

    result->flows_live++;
    result->duration[lasted]++;
    result->packets[histogram_packets_bin(packets)]++;
    protocol->flows++;
    protocol->packets += packets;
    protocol->bytes += record->direction[0].bytes + record->direction[1].bytes;
}

/* ---- Copies -------------------------------------------------------------------------------------------------- */

/* Measures what one queue has of the row's flow. */
static void row_measure(struct scan *scan, struct reader_place place, const struct xtop_record *record,
                        struct reader_row *row)
{
    struct previous *previous = previous_of(scan, place);
    struct gain gain = gain_of(scan->look, previous, record);

    rates_add(row, &gain);
    reader_bytes_live(scan->reader, place, record, row);
    if (scan->kept)
        gain_keep(previous, record, &gain);
}

/* What one queue has of the flow that was learned to be at `place`. Without kin: what there is. */
static bool part_copy(const struct scan *scan, struct reader_place place, struct xtop_record *record)
{
    return reader_copy_record(scan->reader, place, record) &&
           (!scan->kin || reader_kin_holds(scan->reader, place, record->generation));
}

/* Adds what the other queues have of the flow whose first part is at `place`; false: it is over, and they have nothing. */
static bool row_add_kin(struct scan *scan, struct reader_place place, struct reader_row *row, bool known)
{
    struct reader_place at = reader_kin_next(scan->reader, place);
    struct xtop_record record;

    for (; at.queue != place.queue || at.slot != place.slot; at = reader_kin_next(scan->reader, at)) {
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

static __attribute__((noinline, flatten)) void flow_copy(struct scan *scan, struct reader_place place)
{
    struct look *look = scan->look;
    struct reader_row row;
    uint8_t lasted;
    bool known;

    memset(row.rate_packets, 0, sizeof row.rate_packets);
    memset(row.rate_bytes, 0, sizeof row.rate_bytes);
    memset(row.histogram, 0, sizeof row.histogram);
    known = part_copy(scan, place, &row.record);
    if (known)
        row_measure(scan, place, &row.record, &row);
    if (scan->kin)
        known = row_add_kin(scan, place, &row, known);
    if (!known)
        return;
    lasted = duration_bin(&row.record);
    if (scan->kept)
        previous_of(scan, place)->side[0].duration_bin = lasted;
    flow_count(look->result, &row.record, lasted);
    if (scan->kin)
        row_add_ended(scan, &row);
    if (look->activity)
        reader_activity_add(look->activity, &row);
    look_consider(look, &row);
}

/* ---- Glances ------------------------------------------------------------------------------------------------- */

/* Whether the flow at a glance stands behind those that are wanted. */
static bool row_is_behind(struct scan *scan, struct reader_place place)
{
    int order = ranking_place(&scan->look->rows, &scan->row);

    scan->tied = order == 0;
    if (scan->tied)
        order = reader_glance_key(scan->reader, place, &scan->row.record) &&
                ranking_key_behind(&scan->look->rows, &scan->row);
    return order > 0;
}

static void part_keep(const struct scan *scan, struct reader_place place, const struct xtop_record *record, bool still,
                      const struct gain *gain)
{
    if (!scan->kept)
        return;
    if (still)
        gain_nothing(previous_of(scan, place));
    else
        gain_keep(previous_of(scan, place), record, gain);
}

/* Counts a flow that need not be offered. */
static void row_pass(struct scan *scan, struct reader_place place, bool still)
{
    struct previous *previous = previous_of(scan, place);
    uint8_t lasted = still ? previous->side[0].duration_bin : duration_bin(&scan->row.record);

    if (scan->kept && !still)
        previous->side[0].duration_bin = lasted;
    flow_count(scan->look->result, &scan->row.record, lasted);
    scan->look->result->matched++;
    ranking_pass(&scan->look->rows);
}

/* True when no more need be known of what is at `place`, one queue's alone: there is nothing, or it is done with. */
static bool glance_suffices(struct scan *scan, struct reader_place place)
{
    const struct previous *previous = previous_of(scan, place);
    struct reader_row *row = &scan->row;
    enum glance glance = reader_glance(scan->reader, place, previous, &row->record);
    bool still = glance == GLANCE_STILL;
    struct gain gain = {0};

    if (glance == GLANCE_FREE || glance == GLANCE_BUSY)
        return glance == GLANCE_FREE;
    if (scan->kin && !reader_kin_holds(scan->reader, place, row->record.generation))
        return false;
    if (!still || scan->look->between)
        gain = gain_of(scan->look, previous, &row->record);
    memcpy(row->rate_packets, gain.packets, sizeof gain.packets);
    memcpy(row->rate_bytes, gain.bytes, sizeof gain.bytes);
    if (!row_is_behind(scan, place))
        return false;
    row_pass(scan, place, still);
    part_keep(scan, place, &row->record, still, &gain);
    return true;
}

/* Takes a glance at all parts of the flow at `place`; `afresh`: at what stood still, too. False: one is to be copied. */
static bool parts_glance(struct scan *scan, struct reader_place place, bool afresh)
{
    static const struct previous nobody;
    struct reader_place at = place;

    scan->parts = 0;
    scan->parts_still = true;
    do {
        const struct previous *previous = previous_of(scan, at);
        struct part *part = &scan->part[scan->parts];
        enum glance glance;

        if (scan->parts == GLANCED_PARTS)
            return false;
        glance = reader_glance(scan->reader, at, afresh ? &nobody : previous, &part->record);
        if (glance == GLANCE_BUSY)
            return false;
        part->place = at;
        part->still = glance == GLANCE_STILL;
        scan->parts_still = scan->parts_still && part->still; /* nor is one gone */
        if (glance != GLANCE_FREE && reader_kin_holds(scan->reader, at, part->record.generation)) {
            part->gain = gain_of(scan->look, previous, &part->record);
            scan->parts++;
        }
        at = reader_kin_next(scan->reader, at);
    } while (at.queue != place.queue || at.slot != place.slot);
    return scan->parts && scan->part[0].place.slot == place.slot;
}

/* The row of all parts. */
static void parts_add_up(struct scan *scan)
{
    struct xtop_record *sum = &scan->row.record;

    *sum = scan->part[0].record;
    memset(scan->row.rate_packets, 0, sizeof scan->row.rate_packets);
    memset(scan->row.rate_bytes, 0, sizeof scan->row.rate_bytes);
    for (uint32_t i = 0; i < scan->parts; i++) {
        const struct xtop_record *record = &scan->part[i].record;

        rates_add(&scan->row, &scan->part[i].gain);
        for (int end = 0; i > 0 && end < 2; end++) {
            sum->direction[end].packets += record->direction[end].packets;
            sum->direction[end].bytes += record->direction[end].bytes;
            record_widen(sum, record, end);
        }
    }
}

/* The same as glance_suffices of a flow that several queues have parts of, at its first. */
static bool glances_suffice(struct scan *scan, struct reader_place place)
{
    bool still;

    if (!parts_glance(scan, place, false))
        return false;
    still = scan->parts_still;
    if (!still && !parts_glance(scan, place, true))
        return false;
    parts_add_up(scan);
    if (!row_is_behind(scan, place))
        return false;
    row_pass(scan, place, still);
    for (uint32_t i = 0; i < scan->parts; i++)
        part_keep(scan, scan->part[i].place, &scan->part[i].record, scan->part[i].still, &scan->part[i].gain);
    return true;
}

/* ---- The scan ------------------------------------------------------------------------------------------------ */

static void fetch_flow(const struct scan *scan, struct reader_place place)
{
    const struct xtop_rest *rest = reader_rest_at(scan->reader, place);
    bool whole = !scan->look->few;

    if (whole || scan->tied)
        __builtin_prefetch(rest->address0);
    if (whole || previous_of(scan, place)->sequence != reader_sequence(scan->reader, place)) {
        __builtin_prefetch(&rest->total[0]);
        __builtin_prefetch(&rest->total[1]);
    }
}

static void fetch_ahead(const struct scan *scan, struct reader_place place, uint32_t last)
{
    if (place.slot + READ_AHEAD + READ_FAR > last)
        return;
    __builtin_prefetch(reader_slot_at(scan->reader, place) + READ_AHEAD + READ_FAR);
    __builtin_prefetch(previous_of(scan, place) + READ_AHEAD + READ_FAR, 1);
    place.slot += READ_AHEAD;
    fetch_flow(scan, place);
}

static __attribute__((flatten)) void scan_queue(struct scan *scan, uint32_t queue, uint32_t last)
{
    for (uint32_t slot = 1; slot <= last && !scan->look->failed; slot++) {
        struct reader_place place = {queue, slot};

        fetch_ahead(scan, place, last);
        if (!scan->look->few || !glance_suffices(scan, place))
            flow_copy(scan, place);
    }
}

static void fetch_kin(const struct scan *scan, struct reader_place place)
{
    struct reader_place next = reader_kin_next(scan->reader, place);

    if (next.slot == place.slot)
        return;
    __builtin_prefetch(reader_kin_at(scan->reader, next));
    __builtin_prefetch(previous_of(scan, next), 1);
    __builtin_prefetch(reader_slot_at(scan->reader, next));
}

/* The same where there are several queues. */
static __attribute__((flatten)) void scan_queue_of_kin(struct scan *scan, uint32_t queue, uint32_t last)
{
    for (uint32_t slot = 1; slot <= last && !scan->look->failed; slot++) {
        struct reader_place place = {queue, slot};
        const struct reader_kin *kin = reader_kin_at(scan->reader, place);
        bool done = false;

        fetch_ahead(scan, place, last);
        if (slot + READ_FAR <= last)
            fetch_kin(scan, (struct reader_place){queue, slot + READ_FAR});
        if (!kin->generation || !reader_kin_is_first(scan->reader, place))
            continue;
        if (scan->look->few && !reunion_awaits(scan->reader->reunion, kin->hash))
            done = kin->next_slot ? glances_suffice(scan, place) : glance_suffices(scan, place);
        if (!done)
            flow_copy(scan, place);
    }
}

/* Slots that came into use after there was made room for what is kept of them are for the next look. */
static uint32_t slots_to_scan(const struct reader *reader, uint32_t queue)
{
    uint32_t used = reader_slots_used(reader, queue);

    return used < reader->previous_room[queue] ? used : reader->previous_room[queue] - 1;
}

void reader_scan(struct look *look)
{
    struct reader *reader = look->reader;
    struct scan scan = {.look = look, .reader = reader, .kept = !look->between && !look->over};

    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++)
        look->failed = !reader_previous_reserve(reader, i, reader_slots_used(reader, i));
    if (look->failed)
        return;
    scan.kin = reader->header->queue_count > 1;
    if (scan.kin)
        reader_kin_learn(reader);
    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++)
        if (scan.kin)
            scan_queue_of_kin(&scan, i, slots_to_scan(reader, i));
        else
            scan_queue(&scan, i, slots_to_scan(reader, i));
}
