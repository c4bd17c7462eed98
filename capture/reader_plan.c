/* SPDX-License-Identifier: BSD-2-Clause */
/* How a look is gone about: where its groups come from, and how little of most flows is enough. */
#include <stdlib.h>
#include <string.h>

#include "capture/reader_scan.h"
#include "capture/reader_sums.h"

/* ---- What a filter says -------------------------------------------------------------------------------------- */

/* Whether flows were judged by the view's filter in the last look that was kept; or by none, and there is none. */
static bool judge_is_same(const struct reader *reader, const struct reader_view *view)
{
    uint64_t count = view->filter ? view->filter_count : 0;

    return reader->judge_count == count &&
           (count == 0 || memcmp(reader->judge, view->filter, count * sizeof *view->filter) == 0);
}

/* From here on is kept what the view's filter says. False: no memory, and nothing is. */
static bool judge_begin(struct reader *reader, const struct reader_view *view)
{
    size_t size = view->filter_count * sizeof *view->filter;
    struct filter_instruction *judge = realloc(reader->judge, size);

    reader->judge_count = 0;
    if (!judge)
        return false;
    memcpy(judge, view->filter, size);
    reader->judge = judge;
    reader->judge_count = view->filter_count;
    for (uint32_t queue = 0; queue < reader->header->queue_count; queue++)
        for (uint32_t i = 0; i <= reader->previous_room[queue] / 64; i++)
            reader->bits[queue][i].judged = 0;
    return true;
}

/* A look that is kept and does not keep what its filter says leaves what is known behind. */
static void judge_settle(struct look *look)
{
    const struct reader_view *view = look->view;
    struct reader *reader = look->reader;

    if (view->filter)
        look->stands = filter_stands(view->filter, view->filter_count);
    look->judged = judge_is_same(reader, view);
    if (!look->kept || look->failed)
        return;
    if (!view->filter || look->stands == FILTER_STANDS_NOT)
        reader->judge_count = 0;
    else if (!look->judged && !judge_begin(reader, view))
        look->stands = FILTER_STANDS_NOT;
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

/* Whether more of groups than sums have is not asked for, or of few. */
static bool details_serve(const struct reader_view *view)
{
    return !view->details || (view->top && view->top <= DETAILS_MOST);
}

/* Whether groups of live flows, and of nothing else, are asked for. */
static bool sums_serve(const struct look *look)
{
    const struct reader_view *view = look->view;

    return view->group && sums_tell(view->sort) && details_serve(view) &&
           (!view->filter || look->stands != FILTER_STANDS_NOT) && !view->ended && !view->directions &&
           !view->over_span && !look->over && look->result->interval_ns <= SUMS_INTERVAL_MOST;
}

/* Between two intervals groups are what they were at the last. */
static bool sums_stand(const struct look *look)
{
    const struct group_sums *sums = look->reader->sums;

    return sums_serve(look) && look->judged && sums && sums->whole && sums->by == look->view->group;
}

/* Begins with sums that are told of flows. False: no memory. */
static bool sums_begin(struct look *look)
{
    struct reader *reader = look->reader;

    if (!reader->sums)
        reader->sums = group_sums_open();
    if (reader->sums && !look->judged)
        group_sums_free(reader->sums);
    return reader->sums && group_sums_begin(reader->sums, look->view->group, reader->header->hash_seed,
                                            reader->previous_room, reader->header->queue_count);
}

/* A look that is kept and does not tell the sums of flows leaves them behind. */
static void groups_begin(struct look *look)
{
    struct reader *reader = look->reader;
    bool serve = look->between ? sums_stand(look) : !look->failed && sums_serve(look) && sums_begin(look);

    if (!serve && !look->between && reader->sums)
        group_sums_free(reader->sums);
    look->sums = serve ? reader->sums : NULL;
    look->group.by = serve ? READER_GROUP_NONE : look->view->group;
    reader_groups_begin(&look->group);
}

void look_end_groups(struct look *look)
{
    struct group_sums *sums = look->sums;

    if (sums && look->kept && !group_sums_end(sums))
        look->failed = true;
    look->groups.failed |= look->failed;
    if (!sums)
        reader_groups_rank(&look->group, look->view->directions, &look->groups);
    else if (!look->failed)
        group_sums_rank(sums, &look->groups);
    if (sums && look->view->details && !look->failed && !look->groups.failed)
        details_tell(look);
    if (sums && (look->failed || !sums->whole))
        group_sums_free(sums);
}

/* ---- What is asked of flows ---------------------------------------------------------------------------------- */

/* How little of most flows is enough. */
static void needs_settle(struct look *look)
{
    const struct reader_view *view = look->view;
    enum filter_needs needs = filter_needs(view->filter, view->filter_count);
    bool by_totals = view->top && !view->directions && !view->over_span && ranking_by_totals(&look->rows) &&
                     (!look->sums || look->sums->whole);

    look->plain = by_totals && look->kept && !look->group.by && view->descending &&
                  (!view->filter || look->stands != FILTER_STANDS_NOT);
    look->few = by_totals && (needs <= FILTER_NEEDS_KEY || look->plain);
    look->by_key = look->activity || look->group.by || (look->sums && look->kept) || needs >= FILTER_NEEDS_KEY;
    look->by_new_key = !look->group.by && (needs < FILTER_NEEDS_KEY || look->plain);
    look->by_glance = needs == FILTER_NEEDS_GLANCE;
    look->by_record = needs == FILTER_NEEDS_RECORD;
}

void look_plan(struct look *look)
{
    judge_settle(look);
    groups_begin(look);
    needs_settle(look);
}
