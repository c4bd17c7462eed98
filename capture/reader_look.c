/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at all flows: copy, measure their rates, filter, hand them on to be ranked (reader_rank.c) and to be added up
 * by group (reader_group.c).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/hash.h"
#include "capture/histogram.h"
#include "capture/reader_activity.h"
#include "capture/reader_gain.h"
#include "capture/reader_group.h"
#include "capture/reader_rank.h"
#include "capture/reader_reunion.h"
#include "capture/reader_state.h"

struct look {
    struct reader *reader;
    const struct reader_view *view;
    struct reader_result *result;
    struct filter_scene scene;
    struct ranking rows;
    struct ranking groups;
    struct reader_groups group;
    struct reader_activity *activity; /* NULL: nobody asked */
    bool few;                         /* of most flows a glance is enough: nobody asks for more than their totals */
    bool tied;                        /* the key of the flow before was needed, too */
    struct reader_row glanced;        /* what of a flow was filled in at a glance */
    bool over;    /* the capture has ended: rates are measured from the last look before that, for good */
    bool between; /* rates are those of the look before */
    bool failed;  /* memory ran out */
};

static uint64_t monotonic_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- Rows ---------------------------------------------------------------------------------------------------- */

static void row_reckon_entropy(const struct look *look, struct reader_row *row)
{
    double entropy[3];

    reader_row_entropy(look->reader, row, entropy);
    for (int i = 0; i < 3; i++)
        row->entropy[i] = (float)entropy[i];
}

static void row_consider(struct look *look, struct reader_row *row)
{
    if (look->view->filter && !filter_matches(look->view->filter, &look->scene, row)) {
        look->result->hidden++;
        return;
    }
    look->result->matched++;
    row->flows = 1;
    if (look->view->sort == READER_SORT_ENTROPY)
        row_reckon_entropy(look, row);
    row->retransmissions[0] = row->record.retransmissions[0];
    row->retransmissions[1] = row->record.retransmissions[1];
    if (look->view->directions)
        ranking_offer_directions(&look->rows, row);
    else
        ranking_offer(&look->rows, row);
    if (look->view->group)
        reader_groups_add(&look->group, row);
    look->failed = look->rows.failed || look->group.failed;
}

/* ---- Rates --------------------------------------------------------------------------------------------------- */

static struct gain gain_of(const struct look *look, const struct previous *previous, const struct xtop_record *record)
{
    return look->between ? gain_recall(previous, record) : gain_since(previous, record, look->view->over_span);
}

static void rate_add(struct look *look, struct reader_place place, const struct xtop_record *record,
                     struct reader_row *row)
{
    struct previous unknown = {0}; /* a slot that came into use after this look made its room */
    bool known = place.slot < look->reader->previous_room[place.queue];
    struct previous *previous = known ? &look->reader->previous[place.queue][place.slot] : &unknown;
    struct gain gain = gain_of(look, previous, record);

    for (int end = 0; end < 2; end++) {
        row->rate_packets[end] += gain.packets[end];
        row->rate_bytes[end] += gain.bytes[end];
    }
    if (!look->between && !look->over)
        gain_keep(previous, record, &gain);
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

static void flow_consider(struct look *look, struct reader_row *row)
{
    flow_count(look->result, &row->record, duration_bin(&row->record));
    if (look->activity)
        reader_activity_add(look->activity, row);
    row_consider(look, row);
}

/* The same where pieces of the flow may have ended in other queues; these are counted as what they are. */
static void flow_consider_whole(struct look *look, struct reader_row *row)
{
    struct xtop_record live = row->record;

    flow_count(look->result, &row->record, duration_bin(&row->record));
    reunion_complete(look->reader, row);
    for (int end = 0; look->view->over_span && end < 2; end++) {
        row->rate_packets[end] += row->record.direction[end].packets - live.direction[end].packets;
        row->rate_bytes[end] += row->record.direction[end].bytes - live.direction[end].bytes;
    }
    if (look->activity)
        reader_activity_add(look->activity, row);
    row_consider(look, row);
}

/* Whether the flow at a glance stands behind those that are wanted. It is then done with, but for its rates. */
static bool glance_behind(struct look *look, struct reader_place place, struct reader_row *row)
{
    int order = ranking_place(&look->rows, row);

    look->tied = order == 0;
    if (look->tied)
        order = reader_glance_key(look->reader, place, &row->record) && ranking_key_behind(&look->rows, row);
    return order > 0;
}

/* True when no more need be known of what is at `place`: there is nothing, or it is counted and measured. */
static bool glance_suffices(struct look *look, struct reader_place place)
{
    struct previous *previous = &look->reader->previous[place.queue][place.slot];
    struct reader_row *row = &look->glanced;
    enum glance glance = reader_glance(look->reader, place, previous, &row->record);
    bool still = glance == GLANCE_STILL;
    struct gain gain = {0};

    if (glance == GLANCE_FREE || glance == GLANCE_BUSY)
        return glance == GLANCE_FREE;
    if (!still || look->between)
        gain = gain_of(look, previous, &row->record);
    memcpy(row->rate_packets, gain.packets, sizeof gain.packets);
    memcpy(row->rate_bytes, gain.bytes, sizeof gain.bytes);
    if (!glance_behind(look, place, row))
        return false;
    flow_count(look->result, &row->record, still ? previous->side[0].duration_bin : duration_bin(&row->record));
    look->result->matched++;
    ranking_pass(&look->rows);
    if (look->between || look->over)
        return true;
    if (still)
        gain_nothing(previous);
    else
        gain_keep(previous, &row->record, &gain);
    return true;
}

/* Slots ahead of the one that is read: a rest's lines are more than the CPU fetches by itself. */
#define READ_AHEAD 8
#define READ_FAR 32

static void fetch_ahead(const struct look *look, struct reader_place place, uint32_t last)
{
    const struct reader *reader = look->reader;
    const struct xtop_rest *rest = reader_rest_at(reader, place);
    const struct previous *previous = &reader->previous[place.queue][place.slot];
    bool whole = !look->few;

    if (place.slot + READ_FAR > last)
        return;
    __builtin_prefetch(reader_slot_at(reader, place) + READ_FAR);
    __builtin_prefetch(previous + READ_FAR, 1);
    if (whole || look->tied)
        __builtin_prefetch(rest->address0);
    if (whole || previous->sequence != reader_sequence(reader, place)) {
        __builtin_prefetch(&rest->total[0]);
        __builtin_prefetch(&rest->total[1]);
    }
}

static void scan_one_queue(struct look *look)
{
    uint32_t room = look->reader->previous_room[0] - 1;
    uint32_t used = reader_slots_used(look->reader, 0);

    for (uint32_t slot = 1; slot <= used && !look->failed; slot++) {
        struct reader_place place = {0, slot};
        struct reader_row row;

        fetch_ahead(look, (struct reader_place){0, slot + READ_AHEAD}, used < room ? used : room);
        if (look->few && slot <= room && glance_suffices(look, place))
            continue;
        if (!reader_copy_record(look->reader, place, &row.record))
            continue;
        memset(row.rate_packets, 0, sizeof row.rate_packets);
        memset(row.rate_bytes, 0, sizeof row.rate_bytes);
        memset(row.histogram, 0, sizeof row.histogram);
        reader_bytes_live(look->reader, place, &row.record, &row);
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
        reader_bytes_live(look->reader, half->place, &row.record, &row);
        for (uint32_t at = half->sibling; at; at = halves->half[at].sibling) {
            if (!reader_copy_record(look->reader, halves->half[at].place, &other))
                continue;
            rate_add(look, halves->half[at].place, &other, &row);
            reader_bytes_live(look->reader, halves->half[at].place, &other, &row);
            reader_join(&row.record, &other);
        }
        flow_consider_whole(look, &row);
    }
}

static void scan_live(struct look *look)
{
    struct reader_halves halves;

    for (uint32_t i = 0; i < look->reader->header->queue_count; i++)
        if (!reader_previous_reserve(look->reader, i, reader_slots_used(look->reader, i))) {
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

        for (int end = 0; look->view->over_span && end < 2; end++) {
            row.rate_packets[end] = row.record.direction[end].packets;
            row.rate_bytes[end] = row.record.direction[end].bytes;
        }
        reader_bytes_ended(look->reader, &row);
        row_consider(look, &row);
    }
}

/* ---- The look ------------------------------------------------------------------------------------------------ */

static struct ranking ranking_of(const struct reader_view *view)
{
    return (struct ranking){.sort = view->sort, .descending = view->descending, .top = view->top};
}

/* Puts rows and groups in order and hands them over; whatever failed, nothing is left behind. */
static int look_settle(struct look *look)
{
    struct reader_result *result = look->result;

    look->rows.failed |= look->failed;
    look->groups.failed |= look->failed;
    reader_groups_rank(&look->group, look->view->directions, &look->groups);
    ranking_finish(&look->rows);
    ranking_finish(&look->groups);
    result->row = look->rows.row;
    result->row_count = look->rows.count;
    result->rows = look->rows.offered;
    result->group = look->groups.row;
    result->group_count = look->groups.count;
    result->groups = look->groups.offered;
    if (!look->rows.failed && !look->groups.failed)
        return 0;
    reader_rows_free(result->row);
    reader_rows_free(result->group);
    result->row = NULL;
    result->group = NULL;
    result->row_count = 0;
    result->group_count = 0;
    return READER_NO_MEMORY;
}

int reader_look(struct reader *reader, const struct reader_view *view, struct reader_result *result)
{
    struct look look = {
        .reader = reader,
        .view = view,
        .result = result,
        .rows = ranking_of(view),
        .groups = ranking_of(view),
        .group = {.by = view->group, .seed = reader->header->hash_seed},
    };

    memset(result, 0, sizeof *result);
    if (view->filter && filter_refusal(view->filter, view->filter_count))
        return READER_BAD_FILTER;
    look.over = view->over || __atomic_load_n(&reader->header->state, __ATOMIC_ACQUIRE) >= XTOP_STATE_DONE;
    reader->over = look.over;
    look.between = view->between && reader->looked_at && !look.over && !view->over_span;
    interval_settle(&look);
    look.scene.now = view->now;
    look.scene.reader = reader;
    look.scene.per_second = result->interval_ns ? 1e9 / (double)result->interval_ns : 0;
    if (view->activity && reader_activity_begin(&reader->activity, view->activity, reader->header->hash_seed))
        look.activity = reader->activity;
    look.few = view->top && !view->filter && !view->group && !view->directions && !view->over_span && !look.activity &&
               ranking_by_totals(&look.rows);
    scan_live(&look);
    if (look.activity)
        reader_activity_finish(look.activity);
    if (view->ended)
        scan_ended(&look);
    reader->final = look.over;
    return look_settle(&look);
}

uint32_t reader_active_hosts(const struct reader *reader, struct reader_host *hosts, uint32_t room)
{
    return reader_activity_hosts(reader->activity, hosts, room);
}

void reader_rows_free(struct reader_row *row)
{
    free(row);
}

struct reader_row *reader_rows_ended(const struct reader_row *row, uint64_t count, uint64_t *kept)
{
    struct reader_row *ended;
    uint64_t at = 0;

    *kept = 0;
    for (uint64_t i = 0; i < count; i++)
        *kept += row[i].record.end_reason != XTOP_END_NONE;
    ended = *kept ? malloc(*kept * sizeof *ended) : NULL;
    for (uint64_t i = 0; i < count && ended; i++)
        if (row[i].record.end_reason != XTOP_END_NONE)
            ended[at++] = row[i];
    return ended;
}
