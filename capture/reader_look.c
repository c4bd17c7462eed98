/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One look at all flows: those that live (reader_scan.c) and those that have ended are filtered, ranked (reader_rank.c)
 * and added up by group (reader_group.c).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/reader_expected.h"
#include "capture/reader_scan.h"
#include "capture/reader_sums.h"

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

bool look_consider(struct look *look, struct reader_row *row)
{
    if (look->view->filter && !filter_matches(look->view->filter, &look->scene, row)) {
        look->result->hidden++;
        return false;
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
    if (look->group.by)
        reader_groups_add(&look->group, row);
    look->failed = look->rows.failed || look->group.failed;
    return true;
}

/* ---- The interval -------------------------------------------------------------------------------------------- */

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

/* ---- The look ------------------------------------------------------------------------------------------------ */

void look_consider_ended(struct look *look)
{
    for (uint64_t i = 0; i < look->reader->ended_count && !look->failed; i++) {
        struct reader_row row = {.record = look->reader->ended[i]};

        for (int end = 0; look->view->over_span && end < 2; end++) {
            row.rate_packets[end] = row.record.direction[end].packets;
            row.rate_bytes[end] = row.record.direction[end].bytes;
        }
        reader_bytes_ended(look->reader, &row);
        look_consider(look, &row);
    }
}

static struct ranking ranking_of(const struct reader_view *view)
{
    return (struct ranking){.sort = view->sort, .descending = view->descending, .top = view->top};
}

struct look look_of(struct reader *reader, const struct reader_view *view, struct reader_result *result)
{
    return (struct look){
        .reader = reader,
        .view = view,
        .result = result,
        .rows = ranking_of(view),
        .groups = ranking_of(view),
        .group = {.seed = reader->header->hash_seed, .store = &reader->groups},
    };
}

/* ---- Where groups come from ---------------------------------------------------------------------------------- */

/* Whether packets, bytes, flows and a key tell where a group stands. */
static bool sums_tell(uint32_t sort)
{
    switch (sort) {
    case READER_SORT_BYTES:
    case READER_SORT_PACKETS:
    case READER_SORT_BPS:
    case READER_SORT_PPS:
    case READER_SORT_SENT:
    case READER_SORT_RECEIVED:
    case READER_SORT_SENT_BPS:
    case READER_SORT_RECEIVED_BPS:
    case READER_SORT_FLOWS:
    case READER_SORT_SOURCE:
    case READER_SORT_DESTINATION:
    case READER_SORT_SOURCE_PORT:
    case READER_SORT_DESTINATION_PORT:
    case READER_SORT_PROTOCOL:
    case READER_SORT_VLAN:
        return true;
    default:
        return false;
    }
}

/* Whether groups of all live flows, as one queue has them, and of nothing else are asked for. */
static bool sums_serve(const struct look *look)
{
    const struct reader_view *view = look->view;

    return view->group && sums_tell(view->sort) && !view->details && !view->filter && !view->ended &&
           !view->directions && !view->over_span && !look->over && look->reader->header->queue_count == 1 &&
           look->result->interval_ns <= SUMS_INTERVAL_MOST;
}

/* Between two intervals groups are what they were at the last. */
static bool sums_stand(const struct look *look)
{
    const struct group_sums *sums = look->reader->sums;

    return sums_serve(look) && sums && sums->whole && sums->by == look->view->group;
}

/* A look that is kept and does not tell the sums of flows leaves them behind. */
static void groups_begin(struct look *look)
{
    struct reader *reader = look->reader;
    bool serve = look->between ? sums_stand(look) : sums_serve(look);

    if (serve && !reader->sums)
        reader->sums = group_sums_open();
    if (serve && !look->between)
        look->failed |= !reader->sums || !group_sums_begin(reader->sums, look->view->group, reader->header->hash_seed,
                                                           reader->previous_room[0]);
    else if (!look->between && reader->sums)
        group_sums_free(reader->sums);
    look->sums = serve && !look->failed ? reader->sums : NULL;
    look->group.by = serve ? READER_GROUP_NONE : look->view->group;
    reader_groups_begin(&look->group);
}

static void groups_settle(struct look *look)
{
    struct group_sums *sums = look->sums;

    if (sums && look->kept && !group_sums_end(sums))
        look->failed = true;
    look->groups.failed |= look->failed;
    if (!sums)
        reader_groups_rank(&look->group, look->view->directions, &look->groups);
    else if (!look->failed)
        group_sums_rank(sums, &look->groups);
    if (sums && (look->failed || !sums->whole))
        group_sums_free(sums);
}

/* ---- What is asked of flows ---------------------------------------------------------------------------------- */

/* What the filter says is kept from here on, and what another said is forgotten. False: no memory. */
static bool judge_begin(struct reader *reader, const struct reader_view *view)
{
    size_t size = view->filter_count * sizeof *view->filter;
    struct filter_instruction *judge;

    if (reader->judge_count == view->filter_count && memcmp(reader->judge, view->filter, size) == 0)
        return true;
    reader->judge_count = 0;
    judge = realloc(reader->judge, size);
    if (!judge)
        return false;
    memcpy(judge, view->filter, size);
    reader->judge = judge;
    reader->judge_count = view->filter_count;
    for (uint32_t i = 0; i <= reader->previous_room[0] / 64; i++)
        reader->bits[0][i].judged = 0;
    return true;
}

/* How little of most flows is enough. */
static void needs_settle(struct look *look)
{
    const struct reader_view *view = look->view;
    struct reader *reader = look->reader;
    enum filter_needs needs = filter_needs(view->filter, view->filter_count);
    bool by_totals = view->top && !look->group.by && !view->directions && !view->over_span &&
                     ranking_by_totals(&look->rows) && (!look->sums || look->sums->whole);

    look->plain = by_totals && look->kept && !look->failed && view->descending && reader->header->queue_count == 1;
    if (view->filter && look->plain)
        look->stands = filter_stands(view->filter, view->filter_count);
    if (look->stands != FILTER_STANDS_NOT && !judge_begin(reader, view))
        look->stands = FILTER_STANDS_NOT;
    if (look->stands == FILTER_STANDS_NOT && look->kept)
        reader->judge_count = 0;
    look->plain = look->plain && (!view->filter || look->stands != FILTER_STANDS_NOT);
    look->few = by_totals && (needs <= FILTER_NEEDS_KEY || look->plain);
    look->by_key = look->activity || (look->sums && look->kept) || needs >= FILTER_NEEDS_KEY;
    look->by_record = needs == FILTER_NEEDS_RECORD;
}

/* ---- The end of a look --------------------------------------------------------------------------------------- */

/* Puts rows and groups in order and hands them over; whatever failed, nothing is left behind. */
static int look_settle(struct look *look)
{
    struct reader_result *result = look->result;

    groups_settle(look);
    look->rows.failed |= look->failed;
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
    struct look look = look_of(reader, view, result);

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
    look.kept = !look.between && !look.over;
    reader_scan_reserve(&look);
    groups_begin(&look);
    needs_settle(&look);
    reader_scan(&look);
    if (look.activity)
        reader_activity_finish(look.activity);
    if (view->ended)
        look_consider_ended(&look);
    if (view->ended && reader->expected)
        expected_join(reader->expected, &look);
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
