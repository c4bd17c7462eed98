/* SPDX-License-Identifier: BSD-2-Clause */
/* What rates are over: of a reader's first look, and of those after a capture's end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/flow_record.h"
#include "capture/monotonic_clock.h"
#include "reader_pair.h"

#define MILLISECOND UINT64_C(1000000)

/* A segment whose queue has had packets from `first` to `last`. */
static void open_with_span(struct table_fixture *fixture, uint64_t first, uint64_t last)
{
    struct xtop_queue *queue;

    fixture_open(fixture, 16, 16);
    queue = segment_queue(fixture->segment.header, 0);
    queue->received = 1;
    queue->first_time = first;
    queue->time = last;
    fixture->segment.header->state = XTOP_STATE_RUNNING;
}

static uint64_t interval_of(struct reader *reader, const struct reader_view *view)
{
    struct reader_result result;

    assert_int_equal(reader_look(reader, view, &result), 0);
    reader_rows_free(result.row);
    return result.interval_ns;
}

static void wait_until(uint64_t time)
{
    while (monotonic_now() < time)
        ;
}

/* One packet, 0 ns from the first to the last: over that it would be any number of packets per second. */
static void test_a_capture_that_has_just_begun_is_measured_over_the_time_that_passed(void **state)
{
    const struct reader_view view = {.top = 0};
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t before_open, after_open, before_look, interval;

    (void)state;
    open_with_span(&fixture, START, START);
    before_open = monotonic_now();
    reader = pair_reader(&fixture);
    after_open = monotonic_now();
    wait_until(after_open + 20 * MILLISECOND);
    before_look = monotonic_now();
    interval = interval_of(reader, &view);
    assert_in_range(interval, before_look - after_open, monotonic_now() - before_open);
    reader_close(reader);
    fixture_close(&fixture);
}

static uint64_t first_interval_of_span(uint64_t span, uint32_t capture, const struct reader_view *view)
{
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t interval;

    open_with_span(&fixture, START, START + span);
    reader = pair_reader(&fixture);
    fixture.segment.header->state = capture;
    wait_until(monotonic_now() + MILLISECOND);
    interval = interval_of(reader, view);
    reader_close(reader);
    fixture_close(&fixture);
    return interval;
}

static void test_a_capture_that_has_run_for_long_is_measured_over_its_span(void **state)
{
    const struct reader_view view = {.top = 0};

    (void)state;
    assert_int_equal(first_interval_of_span(1000 * SECOND, XTOP_STATE_RUNNING, &view), 1000 * SECOND);
}

static void test_what_is_over_is_measured_over_its_span(void **state)
{
    const struct reader_view view = {.top = 0}, over_span = {.over_span = 1}, dead = {.over = 1};

    (void)state;
    assert_int_equal(first_interval_of_span(5, XTOP_STATE_DONE, &view), 5);
    assert_int_equal(first_interval_of_span(5, XTOP_STATE_RUNNING, &dead), 5);
    assert_int_equal(first_interval_of_span(5, XTOP_STATE_RUNNING, &over_span), 5);
}

static void feed(struct table_fixture *fixture, uint32_t packets)
{
    struct packet packet = fixture_packet(1, 0);

    for (uint32_t i = 0; i < packets; i++)
        fixture_feed(fixture, &packet, START + i);
}

/* Of the one flow, by the flow and by the group that it is; returns the interval. */
static uint64_t expect_rate(struct reader *reader, struct reader_view *view, uint64_t rate, uint64_t total)
{
    struct reader_result result;

    view->group = READER_GROUP_HOST;
    view->top = 2;
    assert_int_equal(reader_look(reader, view, &result), 0);
    assert_int_equal(result.row_count, 1);
    assert_int_equal(result.row[0].rate_packets[0], rate);
    assert_int_equal(record_packets(&result.row[0].record), total);
    assert_int_equal(result.group_count, 2); /* who sends, and who receives */
    for (int i = 0; i < 2; i++)
        assert_int_equal(result.group[i].rate_packets[0] + result.group[i].rate_packets[1], rate);
    reader_rows_free(result.row);
    reader_rows_free(result.group);
    return result.interval_ns;
}

/* 7 packets, then an interval with 3, then a part of one with 5; `state` is what the header says when nobody is there any more. */
static void look_after_the_end(uint32_t state, uint64_t rate, bool stands)
{
    struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1};
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t interval;

    fixture_open(&fixture, 16, 16);
    reader = pair_reader(&fixture);
    feed(&fixture, 7);
    expect_rate(reader, &view, 7, 7);
    feed(&fixture, 3);
    interval = expect_rate(reader, &view, 3, 10);
    feed(&fixture, 5);
    fixture.segment.header->state = state;
    view.over = 1;
    for (int again = 0; again < 3; again++) {
        uint64_t last = expect_rate(reader, &view, rate, 15);

        assert_true((last == interval) == stands);
        view.between = again == 0; /* whether a key asks or not */
    }
    reader_close(reader);
    fixture_close(&fixture);
}

static void test_a_killed_capture_keeps_the_rates_of_its_last_whole_interval(void **state)
{
    (void)state;
    look_after_the_end(XTOP_STATE_RUNNING, 3, true);
}

static void test_one_that_was_killed_before_the_first_look_has_the_rates_of_its_span(void **state)
{
    struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1, .over = 1};
    struct table_fixture fixture;
    struct reader *reader;

    (void)state;
    open_with_span(&fixture, START, START + 5);
    feed(&fixture, 7);
    reader = pair_reader(&fixture);
    for (int again = 0; again < 3; again++)
        assert_int_equal(expect_rate(reader, &view, 7, 7), 5);
    reader_close(reader);
    fixture_close(&fixture);
}

static void test_one_that_ended_is_measured_to_its_end(void **state)
{
    (void)state;
    look_after_the_end(XTOP_STATE_DONE, 5, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_capture_that_has_just_begun_is_measured_over_the_time_that_passed),
        cmocka_unit_test(test_a_capture_that_has_run_for_long_is_measured_over_its_span),
        cmocka_unit_test(test_what_is_over_is_measured_over_its_span),
        cmocka_unit_test(test_a_killed_capture_keeps_the_rates_of_its_last_whole_interval),
        cmocka_unit_test(test_one_that_was_killed_before_the_first_look_has_the_rates_of_its_span),
        cmocka_unit_test(test_one_that_ended_is_measured_to_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
