/* SPDX-License-Identifier: BSD-2-Clause */
/* What a reader keeps of ended flows when it knows what will be asked, held against one that keeps them all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "capture/reader_state.h"
#include "queues_fixture.h"

#define FLOWS 3000u
#define ROUNDS 3u /* of which each ends all of them: more than a store that is not to grow would hold */
#define ENDED (FLOWS * ROUNDS)
#define STORE_MOST 1024u

struct pair {
    struct queues_fixture queues;
    struct reader *all; /* the fixture's reader is told what to expect */
};

static struct filter_instruction number_test(uint8_t field, uint64_t least)
{
    return (struct filter_instruction){
        .field = field, .if_true = 2, .if_false = 1, .range.number = {least, UINT64_MAX}};
}

static void collect(struct pair *pair)
{
    assert_true(reader_collect(pair->queues.reader, 0) >= 0);
    assert_true(reader_collect(pair->all, 0) >= 0);
}

/* The same flows again and again, one packet to five each: many rows are equal but for their times. The last of them live. */
static void fill(struct pair *pair, const struct reader_view *view, uint32_t queues)
{
    char error[256];

    queues_open(&pair->queues, queues, 4 * FLOWS, 16384);
    pair->all = reader_open(pair->queues.segment.fd, error, sizeof error);
    assert_non_null(pair->all);
    assert_int_equal(reader_expect(pair->queues.reader, view), 0);
    for (uint32_t round = 0; round <= ROUNDS; round++) {
        uint64_t time = START + round * 100 * SECOND;

        for (uint32_t flow = 0; flow < (round < ROUNDS ? FLOWS : 20); flow++)
            for (uint32_t packet = 0; packet <= flow % 5; packet++)
                queues_feed(&pair->queues, (flow + packet) % queues, fixture_packet(flow, packet & 1), time + flow);
        if (round < ROUNDS)
            queues_age(&pair->queues, time + 50 * SECOND);
        collect(pair);
    }
}

static void pair_close(struct pair *pair)
{
    reader_close(pair->all);
    queues_close(&pair->queues);
}

/* What says something of the rows: the rest is of flows whose bytes are counted by value. */
static void assert_rows_equal(const struct reader_row *a, const struct reader_row *b, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        assert_memory_equal(&a[i], &b[i], offsetof(struct reader_row, histogram));
}

static void compare(struct pair *pair, const struct reader_view *view)
{
    struct reader_result told, all;

    assert_int_equal(reader_look(pair->queues.reader, view, &told), 0);
    assert_int_equal(reader_look(pair->all, view, &all), 0);
    assert_int_equal(all.matched + all.hidden, ENDED + 20);
    assert_int_equal(told.matched, all.matched);
    assert_int_equal(told.hidden, all.hidden);
    assert_int_equal(told.rows, all.rows);
    assert_int_equal(told.row_count, all.row_count);
    assert_rows_equal(told.row, all.row, all.row_count);
    reader_rows_free(told.row);
    reader_rows_free(all.row);
    reader_rows_free(told.group);
    reader_rows_free(all.group);
}

/* Whatever is asked, twice over, in one queue and in three, where pieces of a flow become one before they are counted. */
static void expect_and_compare(struct reader_view view, bool kept_all)
{
    for (uint32_t queues = 1; queues <= 3; queues += 2) {
        struct pair pair;

        fill(&pair, &view, queues);
        if (kept_all)
            assert_int_equal(pair.queues.reader->ended_count, ENDED);
        else
            assert_in_range(pair.queues.reader->ended_room, 1, STORE_MOST);
        assert_int_equal(pair.all->ended_count, ENDED);
        compare(&pair, &view);
        compare(&pair, &view);
        pair_close(&pair);
    }
}

static const struct reader_view ten = {
    .descending = 1, .top = 10, .ended = 1, .over_span = 1, .now = START + 400 * SECOND};

static void test_the_first_rows_of_every_order(void **state)
{
    (void)state;
    for (uint32_t sort = 0; sort < READER_SORT_COUNT; sort++) {
        struct reader_view view = ten;

        view.sort = sort;
        view.descending = sort & 1;
        view.top = 1 + 100 * (sort % 3);
        expect_and_compare(view, sort == READER_SORT_ENTROPY);
    }
}

static void test_filters_of_what_stays(void **state)
{
    const struct filter_instruction packets[] = {
        number_test(FILTER_PACKETS, 3), {.field = FILTER_REJECT}, {.field = FILTER_ACCEPT}};
    struct reader_view view = ten;

    (void)state;
    view.filter = packets;
    view.filter_count = 3;
    expect_and_compare(view, false);
}

/* An age is another at the end than when the flow ended, and so is what comes of it: all flows stay until then. */
static void test_what_cannot_be_foreseen_keeps_all(void **state)
{
    const struct filter_instruction age[] = {
        number_test(FILTER_AGE, 250 * SECOND), {.field = FILTER_REJECT}, {.field = FILTER_ACCEPT}};
    struct reader_view view = ten;

    (void)state;
    view.filter = age;
    view.filter_count = 3;
    expect_and_compare(view, true);
    view = ten;
    view.group = READER_GROUP_HOST;
    expect_and_compare(view, true);
    view = ten;
    view.top = 0;
    expect_and_compare(view, true);
}

/* Of rows that are equal but for their times the top ones are the first of all, the living before the earliest. */
static void test_top_is_a_prefix_of_all(void **state)
{
    struct reader_view view = ten, every = ten;
    struct reader_result top, all;
    struct pair pair;

    (void)state;
    view.top = 30;
    every.top = 0;
    fill(&pair, &view, 1);
    assert_int_equal(reader_look(pair.queues.reader, &view, &top), 0);
    assert_int_equal(reader_look(pair.all, &every, &all), 0);
    assert_int_equal(all.row_count, ENDED + 20);
    assert_rows_equal(top.row, all.row, 30);
    for (uint64_t i = 0; i < 4; i++) { /* flow 4, of five packets, lives and has ended thrice */
        assert_int_equal(all.row[i].record.key.address[0][3], 4);
        assert_int_equal(record_first_seen(&all.row[i].record), START + (i ? i - 1 : ROUNDS) * 100 * SECOND + 4);
    }
    reader_rows_free(top.row);
    reader_rows_free(all.row);
    pair_close(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_rows_of_every_order),
        cmocka_unit_test(test_filters_of_what_stays),
        cmocka_unit_test(test_what_cannot_be_foreseen_keeps_all),
        cmocka_unit_test(test_top_is_a_prefix_of_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
