/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_scan.h"

#include "capture/reader_flow.h"
#include "capture/reader_reunion.h"

/* Slots ahead of the one that is read that their lines are fetched. */
#define READ_FAR 32

/* ---- Glances ------------------------------------------------------------------------------------------------- */

/* Whether the flow at a glance need not be copied: it stands behind those that are wanted. It is counted then. */
static bool row_suffices(struct scan *scan, struct reader_place place, enum glance glance, bool with_key)
{
    const struct previous *previous = previous_of(scan, place);
    const struct look *look = scan->look;
    struct reader_row *row = &scan->row;
    bool still = glance == GLANCE_STILL;
    struct gain gain = {0};
    bool hidden;

    if (scan->kin && !reader_kin_holds(scan->reader, place, row->record.generation))
        return false;
    if (!still || look->between)
        gain = gain_of(look, previous, &row->record);
    memcpy(row->rate_packets, gain.packets, sizeof gain.packets);
    memcpy(row->rate_bytes, gain.bytes, sizeof gain.bytes);
    if (scan->look->by_key && !reader_glance_key(scan->reader, place, &row->record))
        return false;
    hidden = row_is_hidden(scan);
    if (!hidden && !row_is_behind(scan, place, with_key))
        return false;
    if (look->activity)
        reader_activity_add(look->activity, row);
    row_pass(scan, place, glance == GLANCE_MOVED, hidden);
    part_keep(scan, place, &row->record, still ? NULL : &scan->pending, &gain);
    return true;
}

/* True when no more need be known of what is at `place`, one queue's alone: there is nothing, or it is done with. */
static bool glance_suffices(struct scan *scan, struct reader_place place)
{
    enum glance glance =
        reader_glance(scan->reader, place, previous_of(scan, place), &scan->row.record, &scan->pending);

    if (glance == GLANCE_FREE || glance == GLANCE_BUSY)
        return glance == GLANCE_FREE;
    return row_suffices(scan, place, glance, true);
}

/* The same before more than the slot's own line is there. */
static bool slot_suffices(struct scan *scan, struct reader_place place)
{
    enum glance glance =
        reader_glance_slot(scan->reader, place, previous_of(scan, place), &scan->row.record, &scan->pending);

    if (glance == GLANCE_FREE || glance == GLANCE_BUSY || glance == GLANCE_MOVED)
        return glance == GLANCE_FREE;
    return row_suffices(scan, place, glance, false);
}

/* ---- The scan ------------------------------------------------------------------------------------------------ */

/* Lines of the flow at `place` that its slot is not enough for. */
static void fetch_rest(const struct scan *scan, struct reader_place place)
{
    const struct xtop_rest *rest = reader_rest_at(scan->reader, place);
    bool whole = !scan->look->few;

    if (whole || scan->tied || scan->look->by_key)
        __builtin_prefetch(rest->address0);
    if (whole || previous_of(scan, place)->sequence != reader_sequence(scan->reader, place)) {
        __builtin_prefetch(&rest->total[0]);
        __builtin_prefetch(&rest->total[1]);
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

static void fetch_ahead(const struct scan *scan, struct reader_place place, uint32_t last)
{
    if (place.slot + READ_FAR > last)
        return;
    __builtin_prefetch(reader_slot_at(scan->reader, place) + READ_FAR);
    __builtin_prefetch(previous_of(scan, place) + READ_FAR, 1);
    if (scan->kin)
        fetch_kin(scan, (struct reader_place){place.queue, place.slot + READ_FAR});
}

/* Whether `place` stands for a flow, of which nothing was done yet. */
static bool stands_for_flow(const struct scan *scan, struct reader_place place)
{
    if (!scan->kin)
        return true;
    return reader_kin_at(scan->reader, place)->generation && reader_kin_is_first(scan->reader, place);
}

/* Whether all of the flow can be told by what is at `place`, and at a glance. */
static bool is_alone(const struct scan *scan, struct reader_place place)
{
    const struct reader_kin *kin = scan->kin ? reader_kin_at(scan->reader, place) : NULL;

    return !kin || (!kin->next_slot && !reunion_awaits(scan->reader->reunion, kin->hash));
}

/* Does what is left to do of a flow whose lines have come. */
static void flow_finish(struct scan *scan, struct reader_place place)
{
    const struct reader_kin *kin = scan->kin ? reader_kin_at(scan->reader, place) : NULL;
    bool done = false;

    if (scan->look->few && !(kin && reunion_awaits(scan->reader->reunion, kin->hash)))
        done = kin && kin->next_slot ? parts_suffice(scan, place) : glance_suffices(scan, place);
    if (!done)
        flow_copy(scan, place);
}

static __attribute__((noinline, flatten)) void flow_leave(struct scan *scan)
{
    struct waiting *waiting = &scan->waiting;

    waiting->count--;
    flow_finish(scan, waiting->place[waiting->first++ % READ_AHEAD]);
}

static void flow_wait(struct scan *scan, struct reader_place place)
{
    struct waiting *waiting = &scan->waiting;

    if (waiting->count == READ_AHEAD)
        flow_leave(scan);
    fetch_rest(scan, place);
    waiting->place[(waiting->first + waiting->count++) % READ_AHEAD] = place;
}

/* Of every flow more than its slot's line is wanted. */
static __attribute__((flatten)) void scan_all(struct scan *scan, uint32_t queue, uint32_t first, uint32_t last)
{
    for (uint32_t slot = first; slot <= last && !scan->look->failed; slot++) {
        struct reader_place place = {queue, slot};

        fetch_ahead(scan, place, last);
        if (slot + READ_AHEAD <= last)
            fetch_rest(scan, (struct reader_place){queue, slot + READ_AHEAD});
        if (stands_for_flow(scan, place))
            flow_finish(scan, place);
    }
}

/* Of most flows it is enough. */
static __attribute__((flatten)) void scan_slots(struct scan *scan, uint32_t queue, uint32_t first, uint32_t last)
{
    for (uint32_t slot = first; slot <= last && !scan->look->failed; slot++) {
        struct reader_place place = {queue, slot};

        fetch_ahead(scan, place, last);
        if (!stands_for_flow(scan, place))
            continue;
        if (!is_alone(scan, place))
            flow_finish(scan, place);
        else if (!slot_suffices(scan, place))
            flow_wait(scan, place);
    }
    while (scan->waiting.count)
        flow_leave(scan);
}

/* Slots that came into use after there was made room for what is kept of them are for the next look. */
static uint32_t slots_to_scan(const struct reader *reader, uint32_t queue)
{
    uint32_t used = reader_slots_used(reader, queue);

    return used < reader->previous_room[queue] ? used : reader->previous_room[queue] - 1;
}

/* The slot before the first of a share of `used` slots. */
static uint32_t share_begin(uint32_t used, uint32_t number, uint32_t of)
{
    return (uint32_t)((uint64_t)used * number / of);
}

void reader_scan_share(struct look *look, uint32_t number, uint32_t of)
{
    struct reader *reader = look->reader;
    struct scan scan = {.look = look, .reader = reader, .kin = reader->header->queue_count > 1};

    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++) {
        uint32_t first = share_begin(look->slots[i], number, of) + 1;
        uint32_t last = share_begin(look->slots[i], number + 1, of);

        if (look->few && !look->by_key)
            scan_slots(&scan, i, first, last);
        else
            scan_all(&scan, i, first, last);
    }
}

void reader_scan(struct look *look)
{
    struct reader *reader = look->reader;

    look->kept = !look->between && !look->over;
    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++)
        look->failed = !reader_previous_reserve(reader, i, reader_slots_used(reader, i));
    if (look->failed)
        return;
    if (reader->header->queue_count > 1)
        reader_kin_learn(reader);
    for (uint32_t i = 0; i < reader->header->queue_count; i++)
        look->slots[i] = slots_to_scan(reader, i);
    if (!reader_scan_together(look))
        reader_scan_share(look, 0, 1);
}
