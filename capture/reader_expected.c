/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_expected.h"

#include <stdlib.h>
#include <string.h>

/* A look that goes on for as long as the capture, over ended flows alone. */
struct expected {
    struct reader_view view;
    struct filter_instruction *filter; /* the view's, a copy */
    struct reader_result counted;
    struct look look;
};

/* Whether the view can be answered by ended flows as they come: the best of them are the best of all. */
static bool view_is_foreseen(const struct reader_view *view)
{
    return view->ended && view->top && !view->group && view->sort != READER_SORT_ENTROPY &&
           filter_is_timeless(view->filter, view->filter_count);
}

static bool filter_copy(struct expected *expected)
{
    size_t size = expected->view.filter_count * sizeof *expected->filter;

    if (!expected->view.filter)
        return true;
    expected->filter = malloc(size);
    if (!expected->filter)
        return false;
    memcpy(expected->filter, expected->view.filter, size);
    expected->view.filter = expected->filter;
    return true;
}

int reader_expect(struct reader *reader, const struct reader_view *view)
{
    struct expected *expected;

    if (view->filter && filter_refusal(view->filter, view->filter_count))
        return READER_BAD_FILTER;
    if (!view_is_foreseen(view))
        return 0;
    expected = calloc(1, sizeof *expected);
    if (!expected)
        return READER_NO_MEMORY;
    expected->view = *view;
    if (!filter_copy(expected)) {
        free(expected);
        return READER_NO_MEMORY;
    }
    expected->look = look_of(reader, &expected->view, &expected->counted);
    expected_close(reader->expected);
    reader->expected = expected;
    return 0;
}

bool expected_settle(struct expected *expected)
{
    look_consider_ended(&expected->look);
    expected->look.reader->ended_count = 0;
    return !expected->look.failed;
}

void expected_join(const struct expected *expected, struct look *look)
{
    ranking_add(&look->rows, &expected->look.rows);
    look->result->matched += expected->counted.matched;
    look->result->hidden += expected->counted.hidden;
    look->failed |= look->rows.failed;
}

void expected_close(struct expected *expected)
{
    if (!expected)
        return;
    ranking_free(&expected->look.rows);
    free(expected->filter);
    free(expected);
}
