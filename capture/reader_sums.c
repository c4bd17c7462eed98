/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_sums.h"

#include <stdlib.h>

#include "capture/large_array.h"

/* ---- Memory -------------------------------------------------------------------------------------------------- */

#define LEAST_ROOM 1024u

static uint64_t share_size(const struct group_sums *sums)
{
    return sums->slots * sums->ends * sizeof *sums->share;
}

/* Room for twice as many groups. Few lie in small pages, and cost as little. */
static bool room_grow(struct group_sums *sums)
{
    uint64_t from = sums->room, to = from ? from * 2 : LEAST_ROOM;
    struct large_array arrays[] = {
        {sums->sum, from * sizeof *sums->sum, to * sizeof *sums->sum},
        {sums->key, from * sizeof *sums->key, to * sizeof *sums->key},
        {sums->rated, from * sizeof *sums->rated, to * sizeof *sums->rated},
        {sums->parts, from * sizeof *sums->parts, to * sizeof *sums->parts},
    };
    bool grown = large_arrays_grow(arrays, sizeof arrays / sizeof *arrays);

    sums->sum = arrays[0].at;
    sums->key = arrays[1].at;
    sums->rated = arrays[2].at;
    sums->parts = arrays[3].at;
    if (grown)
        sums->room = to;
    return grown;
}

void group_sums_free(struct group_sums *sums)
{
    large_array_free(sums->sum, sums->room * sizeof *sums->sum);
    large_array_free(sums->key, sums->room * sizeof *sums->key);
    large_array_free(sums->rated, sums->room * sizeof *sums->rated);
    large_array_free(sums->parts, sums->room * sizeof *sums->parts);
    large_array_free(sums->share, share_size(sums));
    free(sums->loan);
    group_index_free(&sums->index);
    *sums = (struct group_sums){0};
}

struct group_sums *group_sums_open(void)
{
    return calloc(1, sizeof(struct group_sums));
}

void group_sums_close(struct group_sums *sums)
{
    if (sums)
        group_sums_free(sums);
    free(sums);
}

/* ---- The table ----------------------------------------------------------------------------------------------- */

/* The group's number, which it is given if it is new; 0: no memory. */
static uint32_t sum_find(struct group_sums *sums, const struct xtop_key *key)
{
    uint32_t hash = group_hash(key, sums->seed);
    struct group_place *place;
    uint32_t number;

    if ((sums->count + UINT64_C(2) > sums->room && !room_grow(sums)) ||
        !group_index_reserve(&sums->index, sums->alive)) {
        sums->failed = true;
        return 0;
    }
    place = group_index_find(&sums->index, &(struct group_keys){sums->key, sizeof *sums->key}, key, hash);
    if (place->group)
        return place->group;
    number = sums->spare;
    if (number)
        sums->spare = sums->sum[number].look;
    else
        number = ++sums->count;
    sums->sum[number] = (struct group_sum){0};
    sums->key[number - 1] = *key;
    *place = (struct group_place){hash, number};
    sums->alive++;
    return number;
}

uint32_t group_sums_number(const struct group_sums *sums, const struct xtop_key *key)
{
    const struct group_keys keys = {sums->key, sizeof *sums->key};

    return group_index_find(&sums->index, &keys, key, group_hash(key, sums->seed))->group;
}

/* Its last flow has left. It has no rate in this look, or who brought it would be there still. */
static void sum_leave(struct group_sums *sums, uint32_t number)
{
    group_index_remove(&sums->index, group_hash(&sums->key[number - 1], sums->seed), number);
    sums->sum[number].look = sums->spare;
    sums->spare = number;
    sums->alive--;
}

/* ---- What a flow brings, and takes with it ------------------------------------------------------------------- */

/* What the flow, or the part, has brought that was seen in the look that `previous` is of. */
static struct gain previous_brought(const struct previous *previous)
{
    const struct previous_side *side = previous->side;

    return (struct gain){{side[0].packets, side[1].packets}, {side[0].bytes, side[1].bytes}};
}

static void sum_take(struct group_sum *sum, uint32_t share, const struct gain *brought)
{
    for (uint32_t to = 0; to < 2; to++) {
        sum->packets[to] -= brought->packets[to ^ share >> 31];
        sum->bytes[to] -= brought->bytes[to ^ share >> 31];
    }
}

static void share_enter(struct group_sums *sums, uint32_t share, const struct gain *brought, const struct gain *gain)
{
    uint32_t number = share & SHARE_GROUP;

    group_sum_add(&sums->sum[number], share, brought);
    sums->sum[number].shares++;
    if (share & SHARE_PART)
        sums->parts[number]++;
    if (gain->packets[0] | gain->packets[1])
        group_sum_rate(sums, share, gain);
}

static void share_leave(struct group_sums *sums, uint32_t share, const struct gain *brought)
{
    uint32_t number = share & SHARE_GROUP;

    sum_take(&sums->sum[number], share, brought);
    if (share & SHARE_PART)
        sums->parts[number]--;
    if (--sums->sum[number].shares == 0)
        sum_leave(sums, number);
}

/* What the flow is to one of its groups, which is made if there is none; 0: no memory. */
static uint32_t share_find(struct group_sums *sums, const struct xtop_record *flow, uint32_t which)
{
    struct xtop_key key;
    uint32_t first = reader_group_key(sums->by, flow, which, &key);
    uint32_t number = sum_find(sums, &key);

    return number ? number | first << 31 : 0;
}

static uint32_t *shares_of(struct group_sums *sums, uint64_t slot)
{
    return &sums->share[slot * sums->ends];
}

/*
 * Of a flow that is in: what came to it. Where who began it decides whose its packets are, and in which group it is, all that is
 * new of it may have decided otherwise than before.
 */
static void share_keep(struct group_sums *sums, uint32_t *share, uint32_t now, const struct previous *previous,
                       const struct xtop_record *record, const struct gain *gain)
{
    const struct gain brings = record_totals(record), brought = previous_brought(previous);

    if (previous->generation == record->generation && *share == now) {
        if (gain->packets[0] | gain->packets[1])
            group_sum_gain(sums, now, gain);
        return;
    }
    share_enter(sums, now, &brings, gain);
    if (*share)
        share_leave(sums, *share, &brought);
    *share = now;
}

void group_sums_keep(struct group_sums *sums, uint64_t slot, const struct previous *previous,
                     const struct xtop_record *record, const struct gain *gain)
{
    sums->broken |= !previous_has_room(record);
    for (uint32_t which = 0; which < sums->ends; which++) {
        uint32_t now = share_find(sums, record, which);

        if (now)
            share_keep(sums, &shares_of(sums, slot)[which], now, previous, record, gain);
    }
}

void group_sums_forget(struct group_sums *sums, uint64_t slot, const struct previous *previous)
{
    const struct gain brought = previous_brought(previous);

    for (uint32_t which = 0; which < sums->ends; which++) {
        uint32_t *share = &shares_of(sums, slot)[which];

        if (*share)
            share_leave(sums, *share, &brought);
        *share = 0;
    }
}

void group_sums_enter(struct group_sums *sums, uint64_t slot, const struct xtop_record *flow, const struct gain *brings,
                      const struct gain *gain, bool counts)
{
    for (uint32_t which = 0; which < sums->ends; which++) {
        uint32_t share = share_find(sums, flow, which);

        if (!share)
            return;
        share |= counts ? 0 : SHARE_PART;
        share_enter(sums, share, brings, gain);
        shares_of(sums, slot)[which] = share;
    }
}

/* ---- Loans --------------------------------------------------------------------------------------------------- */

static bool loan_reserve(struct group_sums *sums)
{
    uint64_t room = sums->loan_room ? sums->loan_room * 2 : 64;
    struct group_loan *loan;

    if (sums->loan_count < sums->loan_room)
        return true;
    loan = realloc(sums->loan, room * sizeof *loan);
    if (!loan)
        return false;
    sums->loan = loan;
    sums->loan_room = room;
    return true;
}

void group_sums_lend(struct group_sums *sums, const struct xtop_record *flow, const struct gain *lent,
                     const struct detail *detail)
{
    for (uint32_t which = 0; which < sums->ends; which++) {
        uint32_t share = share_find(sums, flow, which);

        sums->failed |= !share || !loan_reserve(sums);
        if (sums->failed)
            return;
        group_sum_add(&sums->sum[share & SHARE_GROUP], share, lent);
        sums->loan[sums->loan_count++] = (struct group_loan){share, *lent, *detail};
    }
}

/* Whoever got one has the flow still, of which nobody was told since. */
static void loans_call(struct group_sums *sums)
{
    for (uint64_t i = 0; i < sums->loan_count; i++)
        sum_take(&sums->sum[sums->loan[i].share & SHARE_GROUP], sums->loan[i].share, &sums->loan[i].lent);
    sums->loan_count = 0;
}

/* ---- A look -------------------------------------------------------------------------------------------------- */

/* Room for shares of all queues' slots. */
static bool shares_open(struct group_sums *sums, const uint32_t *slots, uint32_t queues)
{
    for (uint32_t queue = 0; queue < queues; queue++) {
        sums->first[queue] = sums->slots;
        sums->slots += slots[queue];
    }
    sums->share = large_array_grow(NULL, 0, share_size(sums));
    return sums->share && room_grow(sums);
}

static bool slots_are(const struct group_sums *sums, const uint32_t *slots, uint32_t queues)
{
    uint64_t all = 0;

    for (uint32_t queue = 0; queue < queues; queue++)
        all += slots[queue];
    return all == sums->slots; /* they only become more */
}

bool group_sums_begin(struct group_sums *sums, uint32_t by, uint32_t seed, const uint32_t *slots, uint32_t queues)
{
    if (sums->by != by || !slots_are(sums, slots, queues) || sums->look == UINT32_MAX || !sums->whole)
        group_sums_free(sums);
    if (!sums->share) {
        sums->by = by;
        sums->seed = seed;
        sums->ends = reader_groups_of_flow(by);
        if (!shares_open(sums, slots, queues)) {
            group_sums_free(sums);
            return false;
        }
    }
    loans_call(sums);
    sums->look++;
    sums->rated_count = 0;
    return true;
}

bool group_sums_end(struct group_sums *sums)
{
    for (uint32_t i = 0; i < SUMS_WAITING; i++)
        group_sum_gain(sums, sums->waiting[i].share, &sums->waiting[i].gain);
    memset(sums->waiting, 0, sizeof sums->waiting);
    sums->whole = !sums->broken && !sums->failed;
    return !sums->failed;
}

/* ---- Groups as rows ------------------------------------------------------------------------------------------ */

static bool has_rate(const struct group_sums *sums, uint32_t number)
{
    return sums->sum[number].look == sums->look;
}

/* Whether a group stands behind the wanted for certain. */
static bool sum_is_behind(const struct group_sums *sums, uint32_t number, const struct least *least)
{
    const struct group_sum *sum = &sums->sum[number];
    const uint64_t *total = least->bytes ? sum->bytes : sum->packets;
    uint64_t rate = 0;

    if (least->by_rate && has_rate(sums, number))
        rate = least->bytes ? sum->rate_bytes[0] + sum->rate_bytes[1]
                            : (uint64_t)sum->rate_packets[0] + sum->rate_packets[1];
    return least_is_before(least, rate, total[0] + total[1]);
}

static void sum_fill(const struct group_sums *sums, uint32_t number, struct reader_row *row)
{
    const struct group_sum *sum = &sums->sum[number];
    bool rated = has_rate(sums, number);

    row->record.key = sums->key[number - 1];
    row->flows = sum->shares - sums->parts[number];
    for (uint32_t i = 0; i < 2; i++) {
        row->record.direction[i].packets = sum->packets[i] & ((UINT64_C(1) << 48) - 1);
        row->record.direction[i].bytes = sum->bytes[i];
        row->rate_packets[i] = rated ? sum->rate_packets[i] : 0;
        row->rate_bytes[i] = rated ? sum->rate_bytes[i] : 0;
    }
}

/* Offers a group, of which most stand behind the wanted. All other fields of `row` are 0, and stay so. */
static void sum_offer(const struct group_sums *sums, uint32_t number, struct reader_row *row, struct ranking *ranking)
{
    const struct least least = ranking_least(ranking);

    if (sums->sum[number].shares == 0)
        return;
    if (sum_is_behind(sums, number, &least)) {
        ranking_pass(ranking, 1);
        return;
    }
    sum_fill(sums, number, row);
    if (ranking_place(ranking, row) > 0)
        ranking_pass(ranking, 1);
    else
        ranking_offer(ranking, row);
}

/* Those that have a rate first: where rates decide, and enough have one, the others are behind and need not be looked at. */
void group_sums_rank(const struct group_sums *sums, struct ranking *ranking)
{
    uint64_t before = ranking->offered;
    struct reader_row row = {0};

    for (uint32_t i = 0; i < sums->rated_count; i++)
        sum_offer(sums, sums->rated[i], &row, ranking);
    if (ranking_least(ranking).rate) {
        ranking_pass(ranking, sums->alive - (ranking->offered - before));
        return;
    }
    for (uint32_t number = 1; number <= sums->count; number++)
        if (!has_rate(sums, number))
            sum_offer(sums, number, &row, ranking);
}
