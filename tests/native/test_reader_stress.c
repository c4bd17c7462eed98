/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader that ships looks on while a writer goes at full speed over a handful of records: no row is torn, no ended
 * flow comes twice or vanishes uncounted, and a writer that is gone in the middle of a write does not hold the reader.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "numbered_writer.h"

#define UPDATES 1000000u
#define ROUNDS 20          /* writers, until the reader has seen enough */
#define ROWS_TO_SEE 20000u /* rows, so that a reader that does not check is found out */

struct watched {
    struct table_fixture fixture;
    struct reader *reader;
    uint64_t rows;  /* live flows seen */
    uint64_t ended; /* ended flows collected */
};

static void watched_open(struct watched *watched, uint32_t max_flows, uint32_t ended_capacity)
{
    char error[200] = "";

    fixture_open(&watched->fixture, max_flows, ended_capacity);
    watched->fixture.segment.header->state = XTOP_STATE_RUNNING;
    watched->reader = reader_open(watched->fixture.segment.fd, error, sizeof error);
    if (!watched->reader)
        fail_msg("reader_open: %s", error);
    watched->ended = 0;
}

static void watched_close(struct watched *watched)
{
    reader_close(watched->reader);
    fixture_close(&watched->fixture);
}

static void look_once(struct watched *watched)
{
    const struct reader_view view = {.sort = READER_SORT_PACKETS, .descending = 1, .ended = 1};
    struct reader_result result;

    assert_int_equal(reader_look(watched->reader, &view, &result), 0);
    for (uint64_t i = 0; i < result.row_count; i++)
        assert_whole(&result.row[i].record);
    watched->rows += result.row_count;
    reader_rows_free(result.row);
}

static void watch_until_done(struct watched *watched)
{
    const struct xtop_header *header = reader_header(watched->reader);
    int done = 0;

    while (!done) {
        int64_t taken;

        done = __atomic_load_n(&header->state, __ATOMIC_ACQUIRE) == XTOP_STATE_DONE;
        look_once(watched);
        taken = reader_collect(watched->reader, 8);
        assert_true(taken >= 0);
        watched->ended += (uint64_t)taken;
    }
}

static void check_rows(uint32_t max_flows, uint32_t flows)
{
    struct watched watched = {.rows = 0};

    for (int round = 0; round < ROUNDS && watched.rows < ROWS_TO_SEE; round++) {
        pid_t child;

        watched_open(&watched, max_flows, 64);
        child = writer_start(&watched.fixture, UPDATES, flows);
        watch_until_done(&watched);
        writer_join(child);
        watched_close(&watched);
    }
    assert_true(watched.rows >= ROWS_TO_SEE);
}

static void test_one_hot_record(void **state)
{
    (void)state;
    check_rows(1, 1);
}

static void test_a_handful_of_records(void **state)
{
    (void)state;
    check_rows(64, 32);
}

/* Five flows through three slots: each update may end a flow and give its slot to another. */
static void test_slots_that_change_hands(void **state)
{
    (void)state;
    check_rows(3, 5);
}

/* A table of one, a ring of four: the reader is lapped all the time, and must account for each ended flow. */
static void test_ended_flows_are_taken_or_counted(void **state)
{
    struct watched watched = {.rows = 0};
    pid_t child;

    (void)state;
    watched_open(&watched, 1, 4);
    child = writer_start(&watched.fixture, UPDATES, 1000);
    watch_until_done(&watched);
    writer_join(child);
    assert_int_equal(watched.ended + reader_ended_lost(watched.reader), UPDATES - 1); /* all but the one that lives */
    assert_int_equal(reader_ended_cursor(watched.reader, 0), UPDATES - 1);
    assert_true(watched.ended >= 4);
    watched_close(&watched);
}

/* kill -9 can leave a record's sequence odd: the flow is shown as it was left. */
static void test_a_write_that_never_ended(void **state)
{
    struct watched watched = {.rows = 0};
    struct packet packet = numbered_packet(3, 0);
    struct xtop_slot *slot;

    (void)state;
    watched_open(&watched, 16, 16);
    fixture_feed(&watched.fixture, &packet, START);
    slot = (struct xtop_slot *)((uintptr_t)watched.fixture.segment.header +
                                segment_shard(watched.fixture.segment.header, 0)->slots_offset) +
           1;
    slot->sequence |= 1;
    look_once(&watched);
    assert_int_equal(watched.rows, 1);
    watched_close(&watched);
}

/* Flows end one after the other, and a reader that keeps ten of them knows the last ten whenever it is asked. */
static void test_the_newest_ended_flows_are_kept(void **state)
{
    struct watched watched = {.rows = 0};
    uint64_t now = START;

    (void)state;
    watched_open(&watched, 64, 64);
    for (uint32_t flow = 0; flow < 100; flow++, now += 100 * SECOND) {
        const struct reader_view view = {.sort = READER_SORT_LAST_SEEN, .descending = 1, .ended = 1};
        const struct packet packet = fixture_packet(flow, 0);
        struct reader_result result;

        fixture_feed(&watched.fixture, &packet, now);
        flow_table_sweep(&watched.fixture.table, now + 90 * SECOND);
        assert_int_equal(reader_collect(watched.reader, 10), 1);
        assert_int_equal(reader_look(watched.reader, &view, &result), 0);
        assert_in_range(result.row_count, flow < 10 ? flow + 1 : 10, 12);
        for (uint32_t i = 0; i < 10 && i <= flow; i++)
            assert_int_equal(result.row[i].record.last_seen[0], now - i * 100 * SECOND);
        reader_rows_free(result.row);
    }
    watched_close(&watched);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_hot_record),           cmocka_unit_test(test_a_handful_of_records),
        cmocka_unit_test(test_slots_that_change_hands),  cmocka_unit_test(test_ended_flows_are_taken_or_counted),
        cmocka_unit_test(test_a_write_that_never_ended), cmocka_unit_test(test_the_newest_ended_flows_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
