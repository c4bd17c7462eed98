/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_details.h"

#include <stdlib.h>

#include "capture/reader_scan.h"
#include "capture/reader_sums.h"
#include "capture/sequence_lock.h"

/* Slots ahead that shares are looked at, and the lines of those fetched that are of a group that is shown. */
#define DETAILS_AHEAD 16u

#define PLACES_LEAST 1024u

/* A group that is shown. */
struct shown {
    struct reader_row *row;
    struct detail detail;
};

/* Where it is found by its number. */
struct place {
    uint32_t number; /* 0 = free */
    uint32_t shown;
};

/* Bits by hashes of numbers: of most groups that are not shown they say so, without a guess at a branch. */
#define SIEVE_BITS 32768u

struct details {
    const struct look *look;
    const struct group_sums *sums;
    struct shown *shown; /* as many as there are groups */
    struct place *place;
    uint32_t mask; /* places - 1, of which a quarter is taken at most */
    uint64_t sieve[SIEVE_BITS / 64];
};

/* ---- The groups that are shown ------------------------------------------------------------------------------- */

/* Sixteen bits; groups that are shown may be numbered in turn. */
static inline uint32_t number_hash(uint32_t number)
{
    return number * UINT32_C(2654435769) >> 16;
}

static inline void sieve_add(struct details *details, uint32_t number)
{
    uint32_t hash = number_hash(number) % SIEVE_BITS;

    details->sieve[hash / 64] |= UINT64_C(1) << hash % 64;
}

/* 1: the group of the share may be shown. */
static inline uint64_t sieve_has(const struct details *details, uint32_t share)
{
    uint32_t hash = number_hash(share & SHARE_GROUP) % SIEVE_BITS;

    return details->sieve[hash / 64] >> hash % 64 & 1;
}

/* The place of a group, or the free one where it belongs. */
static inline struct place *place_find(const struct details *details, uint32_t number)
{
    uint32_t at = number_hash(number) & details->mask;

    while (details->place[at].number != number && details->place[at].number)
        at = (at + 1) & details->mask;
    return &details->place[at];
}

/* The group that has the share; NULL: it is not shown, or there is none. */
static inline struct shown *shown_of(const struct details *details, uint32_t share)
{
    const struct place *place = place_find(details, share & SHARE_GROUP);

    return place->number ? &details->shown[place->shown] : NULL;
}

static bool details_open(struct details *details, struct look *look)
{
    uint32_t count = (uint32_t)look->groups.count, places = PLACES_LEAST;

    while (places < 4 * count)
        places *= 2;
    *details = (struct details){.look = look, .sums = look->sums, .mask = places - 1};
    details->shown = calloc(count + UINT64_C(1), sizeof *details->shown);
    details->place = calloc(places, sizeof *details->place);
    if (!details->shown || !details->place)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = group_sums_number(look->sums, &look->groups.row[i].record.key);

        details->shown[i].row = &look->groups.row[i];
        *place_find(details, number) = (struct place){number, i};
        sieve_add(details, number);
    }
    return true;
}

static void details_close(struct details *details)
{
    free(details->shown);
    free(details->place);
}

/* ---- A flow, or a part of one -------------------------------------------------------------------------------- */

/* As slot_unpack has it. */
static void detail_of_slot(const struct xtop_slot *slot, const struct xtop_rest *rest, struct detail *detail)
{
    for (uint32_t end = 0; end < 2; end++) {
        const struct xtop_rest_total *total = &rest->total[end];
        uint64_t pending = slot->side[end].pending;

        detail->payload_bytes[end] =
            total->bytes + pending_bytes(pending) - total->header_bytes - pending_headers(pending);
        detail->first_seen[end] = total->first_seen;
        detail->last_seen[end] = slot->side[end].last_seen;
        detail->retransmissions[end] = rest->retransmissions[end];
    }
    detail->rtt_us = rest->total[1].shared;
}

/* Reads the flow that the look kept of the slot; false: by now there is another, or none. */
static inline bool detail_read(const struct reader *reader, struct reader_place place, struct detail *detail)
{
    const struct xtop_slot *slot = reader_slot_at(reader, place);
    const struct xtop_rest *rest = reader_rest_at(reader, place);
    uint32_t sequence = sequence_read_begin(&slot->sequence);
    struct xtop_record record;

    detail_of_slot(slot, rest, detail);
    if (sequence == reader->seen[place.queue][place.slot] && sequence_read_stands(&slot->sequence, sequence))
        return true;
    if (!reader_copy_record(reader, place, &record) ||
        record.generation != reader->previous[place.queue][place.slot].generation)
        return false;
    *detail = detail_of(&record);
    return true;
}

/* ---- Adding up ----------------------------------------------------------------------------------------------- */

/* A direction with packets was seen for the first time and for the last. */
static void detail_add(struct detail *sum, uint32_t share, const struct detail *more)
{
    for (uint32_t to = 0; to < 2; to++) {
        uint32_t from = to ^ share >> 31;

        if (more->last_seen[from] == 0)
            continue;
        sum->payload_bytes[to] += more->payload_bytes[from];
        sum->retransmissions[to] += more->retransmissions[from];
        if (sum->first_seen[to] == 0 || more->first_seen[from] < sum->first_seen[to])
            sum->first_seen[to] = more->first_seen[from];
        if (more->last_seen[from] > sum->last_seen[to])
            sum->last_seen[to] = more->last_seen[from];
    }
    if (more->rtt_us && (sum->rtt_us == 0 || more->rtt_us < sum->rtt_us))
        sum->rtt_us = more->rtt_us;
}

/* Whether a group that is shown may have a share in the slot. */
static inline bool slot_is_wanted(const struct details *details, uint64_t number)
{
    const uint32_t *share = &details->sums->share[number * details->sums->ends];

    return sieve_has(details, share[0]) | sieve_has(details, share[details->sums->ends - 1]);
}

static inline void slot_fetch(const struct reader *reader, struct reader_place place)
{
    const struct xtop_rest *rest = reader_rest_at(reader, place);

    __builtin_prefetch(reader_slot_at(reader, place));
    __builtin_prefetch(&rest->total[0]);
    __builtin_prefetch(&rest->total[1]);
    __builtin_prefetch(rest->address0);
}

static void slot_add(const struct details *details, struct reader_place place)
{
    const uint32_t *share = &details->sums->share[group_sums_slot(details->sums, place) * details->sums->ends];
    struct detail detail;

    if (!detail_read(details->look->reader, place, &detail))
        return;
    for (uint32_t which = 0; which < details->sums->ends; which++) {
        struct shown *shown = shown_of(details, share[which]);

        if (shown)
            detail_add(&shown->detail, share[which], &detail);
    }
}

/* The last slot of a queue that has shares: between two intervals others may have come into use. */
static uint32_t last_slot(const struct details *details, uint32_t queue)
{
    const struct group_sums *sums = details->sums;
    uint64_t end = queue + 1 < details->look->reader->header->queue_count ? sums->first[queue + 1] : sums->slots;
    uint64_t room = end - sums->first[queue];

    return details->look->slots[queue] < room ? details->look->slots[queue] : (uint32_t)room - 1;
}

/* Of slots first .. end - 1. */
static void slots_add(const struct details *details, uint32_t queue, uint32_t first, uint32_t end)
{
    uint64_t fetched = 0, bit = 1; /* of the next 64 slots, and of this one; both go round */

    for (uint32_t slot = first; slot < end + DETAILS_AHEAD; slot++, bit = bit << 1 | bit >> 63) {
        struct reader_place ahead = {queue, slot};

        if (slot >= first + DETAILS_AHEAD && fetched & (bit >> DETAILS_AHEAD | bit << (64 - DETAILS_AHEAD)))
            slot_add(details, (struct reader_place){queue, slot - DETAILS_AHEAD});
        fetched &= ~bit;
        if (slot >= end || !slot_is_wanted(details, group_sums_slot(details->sums, ahead)))
            continue;
        fetched |= bit;
        slot_fetch(details->look->reader, ahead);
    }
}

static void queue_add(const struct details *details, uint32_t queue)
{
    uint32_t end = last_slot(details, queue) + 1;

    for (uint32_t first = 0, next; first < end; first = next) {
        next = reader_stretch_end(first, end);
        slots_add(details, queue, first, next);
        reader_let_go(details->look->reader);
    }
}

static void loans_add(const struct details *details)
{
    for (uint64_t i = 0; i < details->sums->loan_count; i++) {
        const struct group_loan *loan = &details->sums->loan[i];
        struct shown *shown = shown_of(details, loan->share);

        if (shown)
            detail_add(&shown->detail, loan->share, &loan->detail);
    }
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

/* Of a flow that moved since it was looked at payload has come further than bytes: never to more than there are. */
static void row_tell(const struct shown *shown)
{
    struct xtop_record *record = &shown->row->record;

    for (uint32_t to = 0; to < 2; to++) {
        uint64_t payload = shown->detail.payload_bytes[to], bytes = record->direction[to].bytes;

        record->direction[to].payload_bytes = payload < bytes ? payload : bytes;
        record->first_seen[to] = shown->detail.first_seen[to];
        record->last_seen[to] = shown->detail.last_seen[to];
        shown->row->retransmissions[to] = shown->detail.retransmissions[to];
    }
    record->rtt_us = shown->detail.rtt_us;
}

void details_tell(struct look *look)
{
    struct details details;

    if (details_open(&details, look)) {
        for (uint32_t queue = 0; queue < look->reader->header->queue_count; queue++)
            queue_add(&details, queue);
        loans_add(&details);
        for (uint64_t i = 0; i < look->groups.count; i++)
            row_tell(&details.shown[i]);
    } else {
        look->failed = true;
    }
    details_close(&details);
}
