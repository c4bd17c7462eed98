/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/reader_rank.h"

#include <stdlib.h>
#include <string.h>

#include "capture/flow_record.h"
#include "capture/hash.h"

struct metric {
    uint64_t high;
    uint64_t low;
};

/* Most of a row's order lies beside its place: a million rows are compared twenty times each, and are far apart. */
struct rank {
    struct metric metric;
    uint64_t key; /* the first bytes of the row's key, as a number of the same order */
    uint64_t row;
};

/* ---- Metric and order ---------------------------------------------------------------------------------------- */

static struct metric metric_address(const struct xtop_record *record, uint32_t end)
{
    uint64_t part[2];

    memcpy(part, record->key.address[end], sizeof part);
    if (record->key.ip_version == 4) /* before all of IPv6, by value */
        return (struct metric){0, __builtin_bswap64(part[0]) >> 32};
    return (struct metric){__builtin_bswap64(part[0]), __builtin_bswap64(part[1])};
}

static uint64_t sum(const uint64_t pair[2])
{
    return pair[0] + pair[1];
}

/* What names a row, or a property of its packets that is no quantity; where equal, the greater volume wins. */
static uint64_t metric_property(const struct reader_row *row, uint32_t sort)
{
    const struct xtop_record *record = &row->record;
    const struct xtop_direction *forward = &record->direction[record->initiator & 1];

    switch (sort) {
    case READER_SORT_PROTOCOL:
        return record->key.protocol;
    case READER_SORT_VLAN:
        return record->key.vlan;
    case READER_SORT_RTT:
        return record->rtt_us;
    case READER_SORT_RETRANSMISSIONS:
        return (uint64_t)row->retransmissions[0] + row->retransmissions[1];
    case READER_SORT_ENTROPY: /* those that have none behind all others */
        return row->entropy[2] < 0 ? 0 : 1 + (uint64_t)((double)row->entropy[2] * 1e6);
    case READER_SORT_FLOWS:
        return row->flows;
    case READER_SORT_STATE: /* those that ended, by reason, behind all states of the living */
        return (uint64_t)record->end_reason << 8 | record->tcp_state;
    case READER_SORT_FLAGS:
        return record->direction[0].tcp_flags | record->direction[1].tcp_flags;
    case READER_SORT_TTL:
        return forward->ttl_min;
    default:
        return forward->dscp;
    }
}

static struct metric metric_of(const struct reader_row *row, uint32_t sort)
{
    const struct xtop_record *record = &row->record;
    const struct xtop_direction *a = &record->direction[0];
    const struct xtop_direction *b = &record->direction[1];
    uint32_t from = record->initiator & 1;

    switch (sort) {
    case READER_SORT_BYTES:
        return (struct metric){0, a->bytes + b->bytes};
    case READER_SORT_PACKETS:
        return (struct metric){0, a->packets + b->packets};
    case READER_SORT_BPS:
        return (struct metric){sum(row->rate_bytes), a->bytes + b->bytes};
    case READER_SORT_PPS:
        return (struct metric){sum(row->rate_packets), a->packets + b->packets};
    case READER_SORT_PAYLOAD_BYTES:
        return (struct metric){0, a->payload_bytes + b->payload_bytes};
    case READER_SORT_SENT:
        return (struct metric){0, record->direction[from].bytes};
    case READER_SORT_RECEIVED:
        return (struct metric){0, record->direction[!from].bytes};
    case READER_SORT_SENT_BPS:
        return (struct metric){row->rate_bytes[from], record->direction[from].bytes};
    case READER_SORT_RECEIVED_BPS:
        return (struct metric){row->rate_bytes[!from], record->direction[!from].bytes};
    case READER_SORT_SOURCE:
        return metric_address(record, from);
    case READER_SORT_DESTINATION:
        return metric_address(record, !from);
    case READER_SORT_SOURCE_PORT:
        return (struct metric){0, record->key.port[from]};
    case READER_SORT_DESTINATION_PORT:
        return (struct metric){0, record->key.port[!from]};
    case READER_SORT_FIRST_SEEN:
        return (struct metric){0, record_first_seen(record)};
    case READER_SORT_LAST_SEEN:
        return (struct metric){0, record_last_seen(record)};
    case READER_SORT_DURATION:
        return (struct metric){0, record_last_seen(record) - record_first_seen(record)};
    default:
        return (struct metric){metric_property(row, sort), a->bytes + b->bytes};
    }
}

bool ranking_by_totals(const struct ranking *ranking)
{
    switch (ranking->sort) {
    case READER_SORT_BYTES:
    case READER_SORT_PACKETS:
    case READER_SORT_BPS:
    case READER_SORT_PPS:
        return true;
    default:
        return false;
    }
}

static int metric_compare(struct metric a, struct metric b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

/*
 * Rows of equal metric stand by key, so that nothing jumps about; of a flow's two directions the end tells, and of a flow that came
 * again the one that lives is the first, then the earliest.
 */
static int row_compare(const struct reader_row *a, const struct reader_row *b)
{
    int order = memcmp(&a->record.key, &b->record.key, sizeof a->record.key);
    uint64_t a_seen, b_seen;

    if (order || a->record.initiator != b->record.initiator)
        return order ? order : a->record.initiator - b->record.initiator;
    if (!a->record.end_reason != !b->record.end_reason)
        return a->record.end_reason ? 1 : -1;
    a_seen = record_first_seen(&a->record);
    b_seen = record_first_seen(&b->record);
    return (a_seen > b_seen) - (a_seen < b_seen);
}

static uint64_t key_begin(const struct reader_row *row)
{
    uint64_t begin;

    memcpy(&begin, row->record.key.address[0], sizeof begin);
    return __builtin_bswap64(begin);
}

/* Negative when a stands before b on the screen. */
static int rank_compare(const struct ranking *ranking, const struct rank *a, const struct rank *b)
{
    int order = metric_compare(a->metric, b->metric);

    if (order)
        return ranking->descending ? -order : order;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    order = row_compare(&ranking->row[a->row], &ranking->row[b->row]);
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* ---- The heap ------------------------------------------------------------------------------------------------ */

/* Moves the rank at `at` down until no child stands behind it on the screen: the root is the last of the wanted. */
static void heap_sift(struct ranking *ranking, uint64_t at, uint64_t count)
{
    struct rank *rank = ranking->rank;

    for (;;) {
        uint64_t last = at;

        for (uint64_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (rank_compare(ranking, &rank[last], &rank[child]) < 0)
                last = child;
        if (last == at)
            return;
        struct rank held = rank[at];

        rank[at] = rank[last];
        rank[last] = held;
        at = last;
    }
}

static void heap_make(struct ranking *ranking)
{
    for (uint64_t at = ranking->count / 2; at-- > 0;)
        heap_sift(ranking, at, ranking->count);
}

void ranking_free(struct ranking *ranking)
{
    free(ranking->row);
    free(ranking->rank);
    ranking->row = NULL;
    ranking->rank = NULL;
}

static bool reserve(struct ranking *ranking)
{
    uint64_t room = ranking->room ? ranking->room * 2 : 1024;
    struct reader_row *row;
    struct rank *rank;

    if (ranking->count < ranking->room)
        return true;
    row = realloc(ranking->row, room * sizeof *row);
    if (row)
        ranking->row = row;
    rank = realloc(ranking->rank, room * sizeof *rank);
    if (rank)
        ranking->rank = rank;
    if (!row || !rank) {
        ranking->failed = true;
        return false;
    }
    ranking->room = room;
    return true;
}

static void append(struct ranking *ranking, const struct reader_row *row, struct metric metric)
{
    if (!reserve(ranking))
        return;
    ranking->row[ranking->count] = *row;
    ranking->rank[ranking->count] = (struct rank){metric, key_begin(row), ranking->count};
    ranking->count++;
    if (ranking->count == ranking->top)
        heap_make(ranking);
}

static bool heap_full(const struct ranking *ranking)
{
    return ranking->top && ranking->count == ranking->top;
}

/* Where a row of that metric stands beside the last of the wanted. */
static int last_compare(const struct ranking *ranking, struct metric metric)
{
    int order = metric_compare(metric, ranking->rank[0].metric);

    return ranking->descending ? -order : order;
}

int ranking_place(const struct ranking *ranking, const struct reader_row *row)
{
    return heap_full(ranking) ? last_compare(ranking, metric_of(row, ranking->sort)) : -1;
}

struct least ranking_least(const struct ranking *ranking)
{
    uint32_t sort = ranking->sort;
    struct least least = {.key_begin = UINT32_MAX,
                          .by_rate = sort == READER_SORT_BPS || sort == READER_SORT_PPS,
                          .bytes = sort == READER_SORT_BYTES || sort == READER_SORT_BPS};

    if (heap_full(ranking) && ranking->descending && ranking_by_totals(ranking)) {
        least.rate = ranking->rank[0].metric.high;
        least.total = ranking->rank[0].metric.low;
        least.key_begin = (uint32_t)(ranking->rank[0].key >> 48);
    }
    return least;
}

bool ranking_key_behind(const struct ranking *ranking, const struct reader_row *row)
{
    return memcmp(&row->record.key, &ranking->row[ranking->rank[0].row].record.key, sizeof row->record.key) > 0;
}

/* The heap is full: the row enters in the place of the last, when it stands before it. */
static void replace(struct ranking *ranking, const struct reader_row *row, struct metric metric)
{
    struct rank *last = &ranking->rank[0];
    int order = last_compare(ranking, metric);

    if (order == 0)
        order = row_compare(row, &ranking->row[last->row]);
    if (order >= 0)
        return;
    ranking->row[last->row] = *row;
    last->metric = metric;
    last->key = key_begin(row);
    heap_sift(ranking, 0, ranking->count);
}

void ranking_offer(struct ranking *ranking, const struct reader_row *row)
{
    struct metric metric = metric_of(row, ranking->sort);

    ranking->offered++;
    if (heap_full(ranking))
        replace(ranking, row, metric);
    else
        append(ranking, row, metric);
}

void ranking_offer_directions(struct ranking *ranking, const struct reader_row *row)
{
    for (uint8_t end = 0; end < 2; end++) {
        struct reader_row one = *row;
        uint8_t other = !end;

        if (row->record.direction[end].packets == 0)
            continue;
        memset(&one.record.direction[other], 0, sizeof one.record.direction[other]);
        one.record.initiator = end;
        one.record.first_seen[other] = 0;
        one.record.last_seen[other] = 0;
        one.record.tcp_options[other] = 0;
        one.record.ipv4_options[other] = 0;
        one.record.retransmissions[other] = 0;
        one.retransmissions[other] = 0;
        one.rate_packets[other] = 0;
        one.rate_bytes[other] = 0;
        one.histogram[other] = 0;
        one.entropy[2] = one.entropy[end];
        ranking_offer(ranking, &one);
    }
}

void ranking_add(struct ranking *ranking, const struct ranking *from)
{
    uint64_t offered = ranking->offered + from->offered;

    for (uint64_t i = 0; i < from->count && !ranking->failed; i++)
        ranking_offer(ranking, &from->row[i]);
    ranking->offered = offered;
    ranking->failed |= from->failed;
}

void ranking_join(struct ranking *ranking, struct ranking *from)
{
    ranking_add(ranking, from);
    ranking_free(from);
}

static int rank_order(const void *a, const void *b, void *ranking)
{
    return rank_compare(ranking, a, b);
}

/* Puts the rows where their ranks are, each once, around the circles that the moves make. */
static void rows_follow(struct reader_row *row, struct rank *rank, uint64_t count)
{
    for (uint64_t begin = 0; begin < count; begin++) {
        struct reader_row held;
        uint64_t at = begin;

        if (rank[begin].row == begin)
            continue;
        held = row[begin];
        for (uint64_t from = rank[at].row; from != begin; at = from, from = rank[at].row) {
            row[at] = row[from];
            rank[at].row = at;
        }
        row[at] = held;
        rank[at].row = at;
    }
}

static void sort(struct ranking *ranking)
{
    qsort_r(ranking->rank, ranking->count, sizeof *ranking->rank, rank_order, ranking);
    rows_follow(ranking->row, ranking->rank, ranking->count);
    for (uint64_t i = 0; i < ranking->count; i++)
        ranking->row[i].flow_id = hash_key(&ranking->row[i].record.key, HASH_FLOW_ID_SEED);
}

void ranking_finish(struct ranking *ranking)
{
    if (ranking->count && !ranking->failed)
        sort(ranking);
    free(ranking->rank);
    ranking->rank = NULL;
    if (!ranking->failed)
        return;
    free(ranking->row);
    ranking->row = NULL;
    ranking->count = 0;
}
