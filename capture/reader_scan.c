/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_scan.h"

#include "capture/reader_flow.h"
#include "capture/reader_reunion.h"
#include "capture/reader_rings.h"
#include "capture/reader_slots.h"
#include "capture/sequence_lock.h"

/* Slots ahead of the one that is read that their lines are fetched. */
#define READ_FAR 32

/* ---- Glances ------------------------------------------------------------------------------------------------- */

/* Fills in what of the flow at a glance the look asks besides totals; false: it is another by now. */
static bool row_complete(struct scan *scan, struct reader_place place)
{
    const struct look *look = scan->look;

    if (look->by_key && !reader_glance_key(scan->reader, place, &scan->row.record))
        return false;
    return !look->group.by || reader_glance_details(scan->reader, place, &scan->row);
}

/* Keeps what there is of the flow at a glance, which lies in this slot alone. */
static void flow_keep(struct scan *scan, struct reader_place place, const struct gain *gain)
{
    if (scan->hides)
        shares_leave(scan, place);
    else if (scan->sums)
        group_sums_keep(scan->sums, group_sums_slot(scan->sums, place), previous_of(scan, place), &scan->row.record,
                        gain);
    part_keep(scan, place, &scan->row.record, &scan->pending, gain);
}

/* Counts the flow at a glance, and keeps what is kept of it. */
static void row_settle(struct scan *scan, struct reader_place place, enum glance glance, const struct gain *gain)
{
    const struct look *look = scan->look;
    bool known = bits_of(scan, place)->ends_known & bit_of(place);
    bool still = glance == GLANCE_STILL;

    if (look->activity)
        reader_activity_add(look->activity, &scan->row);
    if (glance == GLANCE_ADDED)
        row_count_added(scan, place, gain);
    else
        row_count(scan, place, still, glance == GLANCE_MOVED);
    row_pass(scan, scan->hides);
    if (look->kept && still)
        part_keep_still(scan, place);
    else if (look->kept)
        flow_keep(scan, place, gain);
    if (look->kept && glance == GLANCE_MOVED)
        ends_forget(scan, place);
    if (look->activity && look->kept)
        ends_keep(scan, place, &scan->row.record, known && glance != GLANCE_MOVED);
    judge_keep(scan, place, scan->hides);
    if (look->kept && !scan->hides && scan->tied)
        previous_keep_key(previous_of(scan, place), &scan->row.record.key);
}

/* Whether the flow at a glance need not be copied: it stands behind those that are wanted. It is counted then. */
static bool row_suffices(struct scan *scan, struct reader_place place, enum glance glance, bool with_key)
{
    struct look *look = scan->look;
    struct reader_row *row = &scan->row;
    struct gain gain = {0};

    if (scan->kin && !reader_kin_holds(scan->reader, place, row->record.generation))
        return false;
    if (glance != GLANCE_STILL || look->between)
        gain = gain_of(look, previous_of(scan, place), &row->record);
    memcpy(row->rate_packets, gain.packets, sizeof gain.packets);
    memcpy(row->rate_bytes, gain.bytes, sizeof gain.bytes);
    if (!row_complete(scan, place))
        return false;
    scan->hides = row_is_hidden(scan);
    if (!scan->hides && !row_is_behind(scan, place, with_key))
        return false;
    if (look->group.by && !scan->hides)
        reader_groups_add(&look->group, row);
    look->failed = look->failed || look->group.failed;
    row_settle(scan, place, glance, &gain);
    return true;
}

/* True when no more need be known of what is at `place`, one queue's alone: there is nothing, or it is done with. */
static bool glance_suffices(struct scan *scan, struct reader_place place)
{
    const struct before before = before_of(scan, place);
    enum glance glance = reader_glance(scan->reader, place, &before, &scan->row.record, &scan->pending);

    if (glance == GLANCE_FREE)
        flow_forget(scan, place);
    if (glance == GLANCE_FREE || glance == GLANCE_BUSY)
        return glance == GLANCE_FREE;
    return row_suffices(scan, place, glance, true);
}

/* The same before more than the slot's own line is there. */
static bool slot_suffices(struct scan *scan, struct reader_place place)
{
    const struct before before = before_of(scan, place);
    enum glance glance = reader_glance_slot(scan->reader, place, &before, &scan->row.record, &scan->pending);

    if (glance == GLANCE_FREE)
        flow_forget(scan, place);
    if (glance == GLANCE_FREE || glance == GLANCE_BUSY || glance == GLANCE_MOVED)
        return glance == GLANCE_FREE;
    return row_suffices(scan, place, glance, false);
}

/* ---- The scan ------------------------------------------------------------------------------------------------ */

/* Lines of the flow at `place` that its slot is not enough for. */
static void fetch_rest(const struct scan *scan, struct reader_place place)
{
    const struct xtop_rest *rest = reader_rest_at(scan->reader, place);
    bool whole = !scan->look->few || scan->look->by_record || scan->look->group.by;

    if (whole || scan->tied || scan->look->by_key)
        __builtin_prefetch(rest->address0);
    if (whole || *seen_of(scan, place) != reader_sequence(scan->reader, place)) {
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

/* Whether all of the flow can be told by what is at `place`, and at a glance. */
static bool is_alone(const struct scan *scan, struct reader_place place)
{
    const struct reader_kin *kin = scan->kin ? reader_kin_at(scan->reader, place) : NULL;

    return !kin || (!kin->next_slot && !reunion_awaits(scan->reader->reunion, kin->hash));
}

void flow_finish(struct scan *scan, struct reader_place place)
{
    const struct reader_kin *kin = scan->kin ? reader_kin_at(scan->reader, place) : NULL;
    bool done = false;

    if (scan->look->few && !scan->look->by_record && !(kin && reunion_awaits(scan->reader->reunion, kin->hash)))
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
        else
            slot_stands_back(scan, place);
    }
}

/* Of most flows it is enough. */
static __attribute__((flatten)) void scan_slots(struct scan *scan, uint32_t queue, uint32_t first, uint32_t last)
{
    for (uint32_t slot = first; slot <= last && !scan->look->failed; slot++) {
        struct reader_place place = {queue, slot};

        fetch_ahead(scan, place, last);
        if (!stands_for_flow(scan, place))
            slot_stands_back(scan, place);
        else if (!is_alone(scan, place))
            flow_finish(scan, place);
        else if (!slot_suffices(scan, place))
            flow_wait(scan, place);
    }
    while (scan->waiting.count)
        flow_leave(scan);
}

/* ---- Plain looks --------------------------------------------------------------------------------------------- */

/* Passes over flows that stood still, and behind: nothing is new of them but that they have no rate. */
static void slots_pass(struct scan *scan, struct reader_place first, uint64_t slots, uint64_t hidden)
{
    slots_fade(scan, first, slots);
    slots_count(scan, slots, hidden);
}

/* Slots ahead of one that moved: those behind the next 64, at which is looked already. */
#define SLOTS_FAR 128

/* Of flows that moved those whose ends are known and enough, where hosts that stand out are looked for. */
static uint64_t moved_ends(const struct scan *scan, struct reader_place first, uint64_t moved)
{
    const struct reader_bits *bits = bits_of(scan, first);
    const struct reader_ends *ends = &scan->reader->ends[first.queue][first.slot];

    if (!scan->look->activity)
        return moved;
    moved &= bits->ends_known;
    return moved & ~reader_activity_whole(scan->look->activity, ends, moved);
}

/* Looks at `slots`, of which `light` may be passed over without their keys, and `hidden` ones of these wherever they stand. */
static __attribute__((flatten)) void slots_look(struct scan *scan, struct reader_place first, uint64_t slots,
                                                uint64_t light, uint64_t hidden, const struct least *least)
{
    static const struct least beyond = {.rate = UINT64_MAX};
    const struct at at = {reader_slot_at(scan->reader, first), previous_of(scan, first), seen_of(scan, first)};
    struct reader_activity *activity = scan->look->activity;
    struct reader_bits *bits = bits_of(scan, first);
    uint64_t passed = 0;

    for (; slots && !scan->look->failed; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        uint64_t bit = slots & -slots;
        struct reader_place place = {first.queue, first.slot + i};
        struct gain gain;

        __builtin_prefetch(at.slot + i + SLOTS_FAR); /* where one flow moved its neighbours did, mostly */
        __builtin_prefetch(at.previous + i + SLOTS_FAR, 1);
        if (light & bit && added_suffices(scan, place, (struct at){at.slot + i, at.previous + i, at.seen + i},
                                          hidden & bit ? &beyond : least, &gain)) {
            passed |= bit;
            if (scan->sums)
                group_sums_gain(scan->sums, group_sums_slot(scan->sums, place), &gain);
            if (activity)
                reader_activity_add_ends(activity, scan->reader->ends[first.queue][place.slot], bits->began & bit,
                                         gain.bytes[0] + gain.bytes[1]);
        } else if (!stands_for_flow(scan, place)) {
            slot_stands_back(scan, place);
        } else if (scan->look->by_key || scan->kin || !slot_suffices(scan, place)) {
            flow_wait(scan, place);
        }
    }
    bits->gained |= passed;
    slots_count(scan, passed, hidden);
}

static void scan_plain(struct scan *scan, uint32_t queue, uint32_t first, uint32_t end)
{
    struct slots next = slots_ahead(scan, (struct reader_place){queue, first}, end);

    while (next.all && !scan->look->failed) {
        struct slots now = next;
        struct least least = ranking_least(&scan->look->rows);
        struct judged judged = slots_judged(scan, now.first);
        uint64_t ringed = scan->kin ? rings_look(scan, now.first, now.moved & now.all) : 0;
        uint64_t whole =
            scan->kin ? slots_whole(scan, now.first, now.all & ~ringed & bits_of(scan, now.first)->counted) : now.all;
        uint64_t behind;

        next = slots_after(scan, &now, end);
        behind = judged.still & whole & ~now.moved;
        if (behind & ~judged.hidden) /* or what is kept of them need not be read */
            behind &= slots_behind(scan, now.first, &least) | judged.hidden;
        behind = slots_ends(scan, now.first, behind);
        slots_pass(scan, now.first, behind, judged.hidden);
        slots_look(scan, now.first, now.all & ~behind & ~ringed,
                   moved_ends(scan, now.first, now.moved & judged.added & whole), judged.hidden, &least);
    }
    while (scan->waiting.count)
        flow_leave(scan);
}

/* ---- Shares -------------------------------------------------------------------------------------------------- */

/* Slots that came into use after there was made room for what is kept of them are for the next look. */
static uint32_t slots_to_scan(const struct reader *reader, uint32_t queue)
{
    uint32_t used = reader_slots_used(reader, queue);

    return used < reader->previous_room[queue] ? used : reader->previous_room[queue] - 1;
}

/* Where a share of slots 0 .. used begins: no two have some of the same 64. */
static uint32_t share_begin(uint32_t used, uint32_t number, uint32_t of)
{
    return number < of ? (uint32_t)((used + UINT64_C(1)) * number / of) & ~63u : used + 1;
}

/* Goes through slots first .. end - 1 of a queue; of the capture's memory no more than a stretch is mapped at a time. */
static void slots_scan(struct scan *scan, uint32_t queue, uint32_t first, uint32_t end)
{
    const struct look *look = scan->look;

    for (uint32_t next; first < end && !look->failed; first = next) {
        next = reader_stretch_end(first, end);
        if (look->plain)
            scan_plain(scan, queue, first, next);
        else if (look->few && !look->by_key)
            scan_slots(scan, queue, first + (first == 0), next - 1); /* there is no slot 0 */
        else
            scan_all(scan, queue, first + (first == 0), next - 1);
        reader_let_go(scan->reader);
    }
}

void reader_scan_share(struct look *look, uint32_t number, uint32_t of)
{
    struct reader *reader = look->reader;
    struct scan scan = {.look = look, .reader = reader, .kin = reader->header->queue_count > 1};

    scan.sums = look->kept ? look->sums : NULL;
    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++)
        slots_scan(&scan, i, share_begin(look->slots[i], number, of), share_begin(look->slots[i], number + 1, of));
    if (look->plain && scan.kin)
        rings_finish(&scan);
}

/* The difference from the look before was counted. */
static void tally_settle(struct look *look)
{
    struct reader *reader = look->reader;
    struct tally tally = look->tally;

    tally_join(&tally, &reader->tally);
    if (look->kept)
        reader->tally = tally;
    tally_join(&tally, &look->unkept);
    tally_tell(&tally, look->result);
}

void reader_scan_reserve(struct look *look)
{
    struct reader *reader = look->reader;

    for (uint32_t i = 0; i < reader->header->queue_count && !look->failed; i++)
        look->failed = !reader_previous_reserve(reader, i, reader_slots_used(reader, i));
}

void reader_scan(struct look *look)
{
    struct reader *reader = look->reader;

    if (look->failed)
        return;
    if (reader->header->queue_count > 1)
        reader_kin_learn(reader);
    for (uint32_t i = 0; i < reader->header->queue_count; i++)
        look->slots[i] = slots_to_scan(reader, i);
    if (!reader_scan_together(look))
        reader_scan_share(look, 0, 1);
    tally_settle(look);
}
