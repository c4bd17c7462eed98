/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at all flows: copy, filter, rank. The wanted rows are kept in a heap whose root is the least of them, so a
 * million flows cost a comparison each and only the few that enter the heap cost more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/hash.h"
#include "capture/histogram.h"
#include "capture/reader_state.h"

struct metric {
    uint64_t high;
    uint64_t low;
};

/* A row's place in the order. */
struct rank {
    struct metric metric;
    uint64_t row;
};

struct look {
    struct reader *reader;
    const struct reader_view *view;
    struct reader_result *result;
    struct filter_scene scene;
    struct rank *rank;
    uint64_t room; /* of rank and rows */
    bool over;     /* the capture has ended: rates are measured from the last look before that, for good */
    bool between;  /* rates are those of the look before */
    bool failed;   /* memory ran out */
};

static uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- Metric and order ---------------------------------------------------------------------------------------- */

static struct metric metric_address(const struct xtop_record *record, uint32_t end)
{
    uint64_t part[2];

    memcpy(part, record->key.address[end], sizeof part);
    if (record->key.ip_version == 4) /* before all of IPv6, by value */
        return (struct metric){0, __builtin_bswap64(part[0]) >> 32};
    return (struct metric){__builtin_bswap64(part[0]), __builtin_bswap64(part[1])};
}

static struct metric metric_of(const struct reader_row *row, uint32_t sort)
{
    const struct xtop_record *record = &row->record;
    const struct xtop_direction *a = &record->direction[0];
    const struct xtop_direction *b = &record->direction[1];
    uint32_t from = record->initiator & 1;

    switch (sort) {
    case READER_SORT_PACKETS:
        return (struct metric){0, a->packets + b->packets};
    case READER_SORT_BPS:
        return (struct metric){row->rate_bytes, a->bytes + b->bytes};
    case READER_SORT_PPS:
        return (struct metric){row->rate_packets, a->packets + b->packets};
    case READER_SORT_PAYLOAD_BYTES:
        return (struct metric){0, a->payload_bytes + b->payload_bytes};
    case READER_SORT_SOURCE:
        return metric_address(record, from);
    case READER_SORT_DESTINATION:
        return metric_address(record, !from);
    case READER_SORT_SOURCE_PORT:
        return (struct metric){0, record->key.port[from]};
    case READER_SORT_DESTINATION_PORT:
        return (struct metric){0, record->key.port[!from]};
    case READER_SORT_PROTOCOL:
        return (struct metric){record->key.protocol, a->bytes + b->bytes};
    case READER_SORT_VLAN:
        return (struct metric){record->key.vlan, a->bytes + b->bytes};
    case READER_SORT_FIRST_SEEN:
        return (struct metric){0, record_first_seen(record)};
    case READER_SORT_LAST_SEEN:
        return (struct metric){0, record_last_seen(record)};
    case READER_SORT_DURATION:
        return (struct metric){0, record_last_seen(record) - record_first_seen(record)};
    case READER_SORT_RTT:
        return (struct metric){record->rtt_us, a->bytes + b->bytes};
    case READER_SORT_RETRANSMISSIONS:
        return (struct metric){record->retransmissions[0] + (uint64_t)record->retransmissions[1], a->bytes + b->bytes};
    default:
        return (struct metric){0, a->bytes + b->bytes};
    }
}

static int metric_compare(struct metric a, struct metric b)
{
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low < b.low ? -1 : a.low > b.low;
}

/* Negative when a stands before b on the screen. Equals are ordered by key, so that nothing jumps about. */
static int rank_compare(const struct look *look, const struct rank *a, const struct rank *b)
{
    const struct reader_row *row = look->result->row;
    int order = metric_compare(a->metric, b->metric);

    if (order)
        return look->view->descending ? -order : order;
    order = memcmp(&row[a->row].record.key, &row[b->row].record.key, sizeof(struct xtop_key));
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* Moves the rank at `at` down until no child stands behind it on the screen: the root is the last of the wanted. */
static void heap_sift(struct look *look, uint64_t at, uint64_t count)
{
    for (;;) {
        uint64_t last = at;

        for (uint64_t child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++)
            if (rank_compare(look, &look->rank[last], &look->rank[child]) < 0)
                last = child;
        if (last == at)
            return;
        struct rank held = look->rank[at];

        look->rank[at] = look->rank[last];
        look->rank[last] = held;
        at = last;
    }
}

static void heap_make(struct look *look, uint64_t count)
{
    for (uint64_t at = count / 2; at-- > 0;)
        heap_sift(look, at, count);
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static bool rows_reserve(struct look *look)
{
    uint64_t room = look->room ? look->room * 2 : 1024;
    struct reader_row *row;
    struct rank *rank;

    if (look->result->row_count < look->room)
        return true;
    row = realloc(look->result->row, room * sizeof *row);
    if (row)
        look->result->row = row;
    rank = realloc(look->rank, room * sizeof *rank);
    if (rank)
        look->rank = rank;
    if (!row || !rank) {
        look->failed = true;
        return false;
    }
    look->room = room;
    return true;
}

static void row_append(struct look *look, const struct reader_row *row, struct metric metric)
{
    uint64_t at = look->result->row_count;

    if (!rows_reserve(look))
        return;
    look->result->row[at] = *row;
    look->rank[at] = (struct rank){metric, at};
    look->result->row_count++;
    if (look->view->top && look->result->row_count == look->view->top)
        heap_make(look, look->view->top);
}

/* The heap is full: the row enters in the place of the last, when it stands before it. */
static void row_replace(struct look *look, const struct reader_row *row, struct metric metric)
{
    struct rank *last = &look->rank[0];
    int order = metric_compare(metric, last->metric);

    if (look->view->descending)
        order = -order;
    if (order == 0)
        order = memcmp(&row->record.key, &look->result->row[last->row].record.key, sizeof row->record.key);
    if (order >= 0)
        return;
    look->result->row[last->row] = *row;
    last->metric = metric;
    heap_sift(look, 0, look->view->top);
}

static void row_consider(struct look *look, const struct reader_row *row)
{
    struct metric metric;

    if (look->view->filter && !filter_matches(look->view->filter, &look->scene, row)) {
        look->result->hidden++;
        return;
    }
    look->result->matched++;
    metric = metric_of(row, look->view->sort);
    if (look->rank && look->view->top && look->result->row_count == look->view->top)
        row_replace(look, row, metric);
    else
        row_append(look, row, metric);
}

/* ---- Rates --------------------------------------------------------------------------------------------------- */

static bool previous_reserve(struct reader *reader, uint32_t queue, uint32_t used)
{
    struct previous *grown;
    uint32_t room = reader->previous_room[queue] ? reader->previous_room[queue] : 1024;

    while (room <= used)
        room = room > UINT32_MAX / 2 ? UINT32_MAX : room * 2;
    if (room == reader->previous_room[queue])
        return true;
    grown = realloc(reader->previous[queue], (uint64_t)room * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + reader->previous_room[queue], 0, (uint64_t)(room - reader->previous_room[queue]) * sizeof *grown);
    reader->previous[queue] = grown;
    reader->previous_room[queue] = room;
    return true;
}

/* What the record gained since the look before; from now on it is measured from here. */
static void rate_measure(struct look *look, struct previous *previous, const struct xtop_record *record,
                         struct reader_row *row)
{
    uint64_t packets = record_packets(record);
    uint64_t bytes = record->direction[0].bytes + record->direction[1].bytes;
    bool same = previous->generation == record->generation;
    uint64_t rate_packets = look->view->over_span || !same ? packets : packets - previous->packets;
    uint64_t rate_bytes = look->view->over_span || !same ? bytes : bytes - previous->bytes;

    row->rate_packets += rate_packets;
    row->rate_bytes += rate_bytes;
    if (!look->over)
        *previous = (struct previous){
            .generation = record->generation,
            .rate_packets = rate_packets < UINT32_MAX ? (uint32_t)rate_packets : UINT32_MAX,
            .packets = packets,
            .bytes = bytes,
            .rate_bytes = rate_bytes,
        };
}

/* Between two intervals a flow has the rates of the last; one that came since then has none yet. */
static void rate_recall(const struct previous *previous, const struct xtop_record *record, struct reader_row *row)
{
    if (previous->generation != record->generation)
        return;
    row->rate_packets += previous->rate_packets;
    row->rate_bytes += previous->rate_bytes;
}

static void rate_add(struct look *look, struct reader_place place, const struct xtop_record *record,
                     struct reader_row *row)
{
    struct previous unknown = {0}; /* a slot that came into use after this look made its room */
    bool known = place.slot < look->reader->previous_room[place.queue];
    struct previous *previous = known ? &look->reader->previous[place.queue][place.slot] : &unknown;

    if (look->between)
        rate_recall(previous, record, row);
    else
        rate_measure(look, previous, record, row);
}

/* From the first frame to the last, as the queues saw it. */
static uint64_t capture_span(const struct reader *reader)
{
    uint64_t first = UINT64_MAX, last = 0;

    for (uint32_t i = 0; i < reader->header->queue_count; i++) {
        struct xtop_queue queue;

        reader_queue(reader, i, &queue);
        if (queue.received == 0)
            continue;
        first = queue.first_time < first ? queue.first_time : first;
        last = queue.time > last ? queue.time : last;
    }
    return last > first ? last - first : 0;
}

static void interval_settle(struct look *look)
{
    struct reader *reader = look->reader;
    uint64_t now = monotonic_now();

    if (look->view->over_span)
        look->result->interval_ns = capture_span(reader);
    else if (reader->final || look->between)
        look->result->interval_ns = reader->interval;
    else
        look->result->interval_ns = reader->looked_at ? now - reader->looked_at : capture_span(reader);
    reader->interval = look->result->interval_ns;
    if (!look->between)
        reader->looked_at = now;
}

/* ---- The scan ------------------------------------------------------------------------------------------------ */

static void flow_count(struct reader_result *result, const struct xtop_record *record)
{
    struct xtop_protocol *protocol = &result->protocol[record->key.protocol];
    uint64_t packets = record_packets(record);

    result->flows_live++;
    result->duration[histogram_duration_bin(record_last_seen(record) - record_first_seen(record))]++;
    result->packets[histogram_packets_bin(packets)]++;
    protocol->flows++;
    protocol->packets += packets;
    protocol->bytes += record->direction[0].bytes + record->direction[1].bytes;
}

static void flow_consider(struct look *look, struct reader_row *row)
{
    flow_count(look->result, &row->record);
    row_consider(look, row);
}

static void scan_one_queue(struct look *look)
{
    uint32_t used = reader_slots_used(look->reader, 0);

    for (uint32_t slot = 1; slot <= used && !look->failed; slot++) {
        struct reader_place place = {0, slot};
        struct reader_row row;

        if (!reader_copy_record(look->reader, place, &row.record))
            continue;
        row.rate_packets = 0;
        row.rate_bytes = 0;
        rate_add(look, place, &row.record, &row);
        flow_consider(look, &row);
    }
}

static void scan_halves(struct look *look, const struct reader_halves *halves)
{
    for (uint32_t i = 1; i <= halves->count && !look->failed; i++) {
        const struct reader_half *half = &halves->half[i];
        struct reader_row row = {0};
        struct xtop_record other;

        if (half->secondary || !reader_copy_record(look->reader, half->place, &row.record))
            continue;
        rate_add(look, half->place, &row.record, &row);
        for (uint32_t at = half->sibling; at; at = halves->half[at].sibling) {
            if (!reader_copy_record(look->reader, halves->half[at].place, &other))
                continue;
            rate_add(look, halves->half[at].place, &other, &row);
            reader_join(&row.record, &other);
        }
        flow_consider(look, &row);
    }
}

static void scan_live(struct look *look)
{
    struct reader_halves halves;

    for (uint32_t i = 0; i < look->reader->header->queue_count; i++)
        if (!previous_reserve(look->reader, i, reader_slots_used(look->reader, i))) {
            look->failed = true;
            return;
        }
    if (look->reader->header->queue_count == 1) {
        scan_one_queue(look);
        return;
    }
    if (reader_find_halves(look->reader, &halves) < 0) {
        look->failed = true;
        return;
    }
    scan_halves(look, &halves);
    free(halves.half);
}

static void scan_ended(struct look *look)
{
    for (uint64_t i = 0; i < look->reader->ended_count && !look->failed; i++) {
        struct reader_row row = {.record = look->reader->ended[i]};

        if (look->view->over_span) {
            row.rate_packets = record_packets(&row.record);
            row.rate_bytes = row.record.direction[0].bytes + row.record.direction[1].bytes;
        }
        row_consider(look, &row);
    }
}

/* Heap sort: what is left is in the screen's order. Then the rows follow their ranks. */
static void rows_sort(struct look *look)
{
    struct reader_result *result = look->result;
    struct reader_row *sorted;

    if (result->row_count == 0 || !look->rank)
        return;
    sorted = malloc(result->row_count * sizeof *sorted);
    if (!sorted) {
        look->failed = true;
        return;
    }
    heap_make(look, result->row_count);
    for (uint64_t left = result->row_count; left > 0; left--) {
        sorted[left - 1] = result->row[look->rank[0].row];
        sorted[left - 1].flow_id = hash_key(&sorted[left - 1].record.key, HASH_FLOW_ID_SEED);
        look->rank[0] = look->rank[left - 1];
        heap_sift(look, 0, left - 1);
    }
    free(result->row);
    result->row = sorted;
}

int reader_look(struct reader *reader, const struct reader_view *view, struct reader_result *result)
{
    struct look look = {.reader = reader, .view = view, .result = result};

    memset(result, 0, sizeof *result);
    if (view->filter && filter_refusal(view->filter, view->filter_count))
        return READER_BAD_FILTER;
    look.over = view->over || __atomic_load_n(&reader->header->state, __ATOMIC_ACQUIRE) >= XTOP_STATE_DONE;
    reader->over = look.over;
    look.between = view->between && reader->looked_at && !look.over && !view->over_span;
    interval_settle(&look);
    look.scene.now = view->now;
    look.scene.per_second = result->interval_ns ? 1e9 / (double)result->interval_ns : 0;
    scan_live(&look);
    if (view->ended)
        scan_ended(&look);
    if (!look.failed)
        rows_sort(&look);
    reader->final = look.over;
    free(look.rank);
    if (!look.failed)
        return 0;
    reader_rows_free(result->row);
    result->row = NULL;
    result->row_count = 0;
    return READER_NO_MEMORY;
}

void reader_rows_free(struct reader_row *row)
{
    free(row);
}
