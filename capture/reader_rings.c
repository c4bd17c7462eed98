/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_rings.h"

#include "capture/reader_reunion.h"

/* ---- While slots are gone through ---------------------------------------------------------------------------- */

/* One part moved: its flow is to be looked at. It may have stood for the flow before. */
static void part_moved(const struct scan *scan, struct reader_place place)
{
    struct reader_place first = reader_kin_first(scan->reader, place);

    if (!reader_same_place(first, place))
        flow_uncount(scan, place);
    bits_of(scan, first)->todo |= bit_of(first);
}

uint64_t rings_look(struct scan *scan, struct reader_place first, uint64_t moved)
{
    uint64_t ringed = bits_of(scan, first)->ringed;

    slots_fade(scan, first, ringed & ~moved);
    for (moved &= ringed; moved; moved &= moved - 1)
        part_moved(scan, (struct reader_place){first.queue, first.slot + (uint32_t)__builtin_ctzll(moved)});
    return ringed;
}

uint64_t slots_whole(const struct scan *scan, struct reader_place first, uint64_t slots)
{
    const struct reunion *reunion = scan->reader->reunion;
    uint64_t whole = slots;

    for (uint64_t left = reunion_holds(reunion) ? slots : 0; left; left &= left - 1) {
        struct reader_place place = {first.queue, first.slot + (uint32_t)__builtin_ctzll(left)};

        if (reunion_awaits(reunion, reader_kin_at(scan->reader, place)->hash))
            whole &= ~(left & -left);
    }
    return whole;
}

/* ---- When all were ------------------------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) void fetch_part(const struct scan *scan, struct reader_place place)
{
    __builtin_prefetch(reader_slot_at(scan->reader, place));
    __builtin_prefetch(seen_of(scan, place), 1);
    __builtin_prefetch(previous_of(scan, place), 1);
    __builtin_prefetch((const uint8_t *)(previous_of(scan, place) + 1) - 1, 1); /* every other one lies in two lines */
    if (scan->sums)
        group_sums_fetch(scan->sums, group_sums_slot(scan->sums, place));
}

/*
 * Lines of flows that are noted among 64 slots, or of the parts after their first: of most there are no others. (By force inline:
 * flow_slot.h says why.)
 */
static inline __attribute__((always_inline)) void firsts_fetch(const struct scan *scan, struct reader_place first)
{
    for (uint64_t left = bits_of(scan, first)->todo; left; left &= left - 1) {
        struct reader_place place = {first.queue, first.slot + (uint32_t)__builtin_ctzll(left)};

        __builtin_prefetch(reader_kin_at(scan->reader, place));
        __builtin_prefetch(counted_of(scan, place), 1);
        fetch_part(scan, place);
    }
}

static inline __attribute__((always_inline)) void others_fetch(const struct scan *scan, struct reader_place first)
{
    for (uint64_t left = bits_of(scan, first)->todo; left; left &= left - 1) {
        struct reader_place place = {first.queue, first.slot + (uint32_t)__builtin_ctzll(left)};
        struct reader_place next = reader_kin_next(scan->reader, place);

        __builtin_prefetch(reader_kin_at(scan->reader, next));
        fetch_part(scan, next);
    }
}

static void part_leaves(const struct scan *scan, struct reader_place place)
{
    shares_leave(scan, place);
    reader_kin_leave(scan->reader, place);
}

/* Parts that are over leave the ring of the flow that `place` stands for. Returns who does then: perhaps nobody who lives. */
static struct reader_place ring_tidy(const struct scan *scan, struct reader_place place)
{
    struct reader_place next = reader_kin_next(scan->reader, place);

    for (struct reader_place at = next; !reader_same_place(at, place); at = next) {
        next = reader_kin_next(scan->reader, at);
        if (reader_kin_is_over(scan->reader, at))
            part_leaves(scan, at);
    }
    next = reader_kin_next(scan->reader, place);
    if (reader_same_place(next, place) || !reader_kin_is_over(scan->reader, place))
        return place;
    flow_uncount(scan, place);
    part_leaves(scan, place);
    return reader_kin_first(scan->reader, next);
}

/* Whoever stands for a flow after `place` did is looked at in its turn, which is yet to come. */
static void ring_finish(struct scan *scan, struct reader_place place)
{
    const struct reader_kin *kin = reader_kin_at(scan->reader, place);
    struct reader_place first = place;

    if (!stands_for_flow(scan, place)) {
        slot_stands_back(scan, place);
        return;
    }
    if (kin->next_slot && !reunion_awaits(scan->reader->reunion, kin->hash) && parts_suffice(scan, place))
        return;
    if (kin->next_slot)
        first = ring_tidy(scan, place);
    if (reader_same_place(first, place))
        flow_finish(scan, place);
    else
        bits_of(scan, first)->todo |= bit_of(first);
}

static void flows_finish(struct scan *scan, struct reader_place first, uint64_t slots)
{
    for (; slots && !scan->look->failed; slots &= slots - 1)
        ring_finish(scan, (struct reader_place){first.queue, first.slot + (uint32_t)__builtin_ctzll(slots)});
}

/*
 * Of flows that stood still those that stand behind the wanted, or are hidden, and are not asked for by who looks for hosts. What
 * has ended of a flow is lent to groups from look to look, and the filter judges it, too.
 */
static uint64_t flows_behind(const struct scan *scan, struct reader_place first, uint64_t still,
                             const struct judged *judged)
{
    const struct least least = ranking_least(&scan->look->rows);

    still &= judged->still & (least.rate ? UINT64_MAX : judged->hidden);
    if (scan->sums || scan->look->stands != FILTER_STANDS_NOT)
        still = slots_whole(scan, first, still);
    return slots_ends(scan, first, still);
}

static void block_finish(struct scan *scan, struct reader_place first)
{
    struct reader_bits *bits = bits_of(scan, first);
    uint64_t todo = bits->todo;
    uint64_t still = bits->counted & bits->ringed & ~todo;
    const struct judged judged = slots_judged(scan, first);
    uint64_t behind = still ? flows_behind(scan, first, still, &judged) : 0;

    slots_count(scan, behind, judged.hidden);
    for (todo |= still & ~behind; todo; todo = bits->todo) {
        bits->todo = 0;
        flows_finish(scan, first, todo);
    }
}

void rings_finish(struct scan *scan)
{
    const struct look *look = scan->look;

    for (uint32_t queue = 0; queue < scan->reader->header->queue_count; queue++)
        for (uint32_t slot = 0; slot <= look->slots[queue]; slot += 64) {
            if (slot + 128 <= look->slots[queue])
                firsts_fetch(scan, (struct reader_place){queue, slot + 128});
            if (slot + 64 <= look->slots[queue])
                others_fetch(scan, (struct reader_place){queue, slot + 64});
            block_finish(scan, (struct reader_place){queue, slot});
            if (slot % READER_STRETCH == READER_STRETCH - 64)
                reader_let_go(scan->reader);
        }
}
