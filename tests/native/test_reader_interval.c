/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rates of a reader's first look are over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_capture_that_has_just_begun_is_measured_over_the_time_that_passed),
        cmocka_unit_test(test_a_capture_that_has_run_for_long_is_measured_over_its_span),
        cmocka_unit_test(test_what_is_over_is_measured_over_its_span),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
