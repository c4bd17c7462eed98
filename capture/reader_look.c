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

#include "capture/monotonic_clock.h"
#include "capture/reader_expected.h"
#include "capture/reader_scan.h"

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

/*
 * Of the first look. What a capture that has begun just now has seen so far may have come within a moment; as long as more
 * can come, its rates are over no less than the time that the reader was open for it.
 */
static uint64_t first_interval(const struct look *look, uint64_t now)
{
    uint64_t span = capture_span(look->reader), open = now - look->reader->opened_at;

    return look->over || span > open ? span : open;
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
        look->result->interval_ns = reader->looked_at ? now - reader->looked_at : first_interval(look, now);
    reader->interval = look->result->interval_ns;
    if (!look->between && !look->over)
        reader->looked_at = now;
}

/*
 * Whether rates stay those of the look before: between two intervals, and where the capture was killed, in the middle of an
 * interval. Nobody knows how much of that it lived.
 */
static bool rates_stand(const struct look *look, bool ended)
{
    bool killed = look->over && !ended;

    return look->reader->looked_at && !look->view->over_span && (killed || (look->view->between && !look->over));
}

/* What the header and the caller say of the capture's end, and with it of the rates. */
static void end_settle(struct look *look)
{
    bool ended = __atomic_load_n(&look->reader->header->state, __ATOMIC_ACQUIRE) >= XTOP_STATE_DONE;

    look->over = look->view->over || ended;
    look->reader->over = look->over;
    look->between = rates_stand(look, ended);
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

/* ---- The end of a look --------------------------------------------------------------------------------------- */

/* Puts rows and groups in order and hands them over; whatever failed, nothing is left behind. */
static int look_settle(struct look *look)
{
    struct reader_result *result = look->result;

    look_end_groups(look);
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
    int status;

    memset(result, 0, sizeof *result);
    if (view->filter && filter_refusal(view->filter, view->filter_count))
        return READER_BAD_FILTER;
    end_settle(&look);
    interval_settle(&look);
    look.scene.now = view->now;
    look.scene.reader = reader;
    look.scene.per_second = result->interval_ns ? 1e9 / (double)result->interval_ns : 0;
    if (view->activity && reader_activity_begin(&reader->activity, view->activity, reader->header->hash_seed))
        look.activity = reader->activity;
    look.kept = !look.between && !look.over;
    reader_scan_reserve(&look);
    look_plan(&look);
    reader_scan(&look);
    if (look.activity)
        reader_activity_finish(look.activity);
    if (view->ended)
        look_consider_ended(&look);
    if (view->ended && reader->expected)
        expected_join(reader->expected, &look);
    reader->final = look.over;
    status = look_settle(&look);
    reader_let_go(reader);
    return status;
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
