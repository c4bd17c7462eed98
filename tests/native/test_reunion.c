/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows whose directions come over different queues, each of which ends what it saw by itself: what a reader is told is
 * what one queue would have told, each packet once. tests/native/test_asymmetric.c does it with captures.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "capture/flow_record.h"
#include "capture/reader.h"
#include "capture/reader_reunion.h"
#include "queues_fixture.h"

#define QUEUES 3
#define MOST 200000u
#define IDLE (30 * SECOND)
#define ACTIVE (300 * SECOND)

struct listener {
    struct queues_fixture queues;
    struct xtop_record *told; /* all that the reader was told */
    uint64_t count;
};

static void listener_open(struct listener *listener)
{
    queues_open(&listener->queues, QUEUES, 2 * MOST, 131072);
    listener->told = malloc(MOST * sizeof *listener->told);
    listener->count = 0;
    assert_non_null(listener->told);
}

static void listener_close(struct listener *listener)
{
    queues_close(&listener->queues);
    free(listener->told);
}

/* Returns how many more were told. */
static uint64_t take(struct listener *listener)
{
    uint64_t more =
        reader_take_ended(listener->queues.reader, listener->told + listener->count, MOST - listener->count);

    listener->count += more;
    return more;
}

static struct reader_result look(struct listener *listener)
{
    struct reader_view view = {.over_span = 1};
    struct reader_result result;

    assert_int_equal(reader_look(listener->queues.reader, &view, &result), 0);
    return result;
}

static void assert_packets(const struct xtop_record *record, uint64_t there, uint64_t back)
{
    assert_int_equal(record->direction[0].packets, there);
    assert_int_equal(record->direction[1].packets, back);
}

static void test_what_one_queue_saw_whole_is_told_at_once(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    for (uint32_t flow = 0; flow < 100; flow++)
        queues_feed(&listener.queues, flow % QUEUES, fixture_packet(flow, flow & 1), START);
    queues_age(&listener.queues, START + IDLE);
    assert_int_equal(take(&listener), 0);
    queues_age(&listener.queues, START + IDLE + 1);
    assert_int_equal(reader_take_ended(listener.queues.reader, listener.told, 7), 7);
    assert_int_equal(reader_take_ended(listener.queues.reader, listener.told, MOST), 93);
    assert_int_equal(take(&listener), 0);
    listener_close(&listener);
}

/* One direction rests long before the other: until that has ended, too, both are seen as one flow that lives. */
static void test_a_half_waits_for_the_other(void **state)
{
    struct listener listener;
    struct reader_result result;

    (void)state;
    listener_open(&listener);
    queues_feed(&listener.queues, 0, fixture_packet(1, 0), START);
    for (uint64_t second = 0; second <= 50; second += 10)
        queues_feed(&listener.queues, 1, fixture_packet(1, 1), START + second * SECOND);
    queues_age(&listener.queues, START + 50 * SECOND);
    assert_int_equal(listener.queues.counts[0].flows_ended, 1);
    assert_int_equal(take(&listener), 0);

    result = look(&listener);
    assert_int_equal(result.row_count, 1);
    assert_packets(&result.row[0].record, 1, 6);
    assert_int_equal(result.row[0].rate_packets[0], 1);
    assert_int_equal(result.protocol[17].packets, 6); /* the other is among the protocols of ended flows */
    reader_rows_free(result.row);

    queues_age(&listener.queues, START + 81 * SECOND);
    assert_int_equal(take(&listener), 1);
    assert_packets(&listener.told[0], 1, 6);
    assert_int_equal(listener.told[0].end_reason, XTOP_END_IDLE);
    assert_int_equal(record_first_seen(&listener.told[0]), START);
    assert_int_equal(record_last_seen(&listener.told[0]), START + 50 * SECOND);
    assert_int_equal(take(&listener), 0);
    result = look(&listener);
    assert_int_equal(result.row_count, 0);
    reader_rows_free(result.row);
    listener_close(&listener);
}

/* One direction rests twice for longer than the timeout, the other never; then both, and the ports are used again. */
static void test_pieces_that_only_the_other_direction_joins(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    for (uint64_t second = 0; second <= 200; second++) {
        uint64_t now = START + second * SECOND;

        queues_age(&listener.queues, now);
        if (second == 0 || second == 45 || second == 90 || second == 150)
            queues_feed(&listener.queues, 2, fixture_packet(1, 0), now);
        if (second % 5 == 0 && (second <= 100 || second == 150))
            queues_feed(&listener.queues, 0, fixture_packet(1, 1), now);
        take(&listener);
    }
    assert_int_equal(listener.queues.counts[2].flows_ended, 4);
    assert_int_equal(listener.count, 2);
    assert_packets(&listener.told[0], 3, 21);
    assert_packets(&listener.told[1], 1, 1);
    listener_close(&listener);
}

/*
 * One direction speaks four times a second, the other each forty: whichever queue's part is due first cuts both, and the
 * next pieces begin together, however often. What is left at the end is seen alive.
 */
static void test_active_timeouts_of_both_directions(void **state)
{
    struct listener listener;
    struct reader_result result;
    uint64_t packets[2] = {0, 0};

    (void)state;
    listener_open(&listener);
    for (uint32_t i = 0; i < QUEUES; i++)
        listener.queues.table[i].idle_timeout = 60 * SECOND;
    listener.queues.segment.header->idle_timeout = 60 * SECOND;
    for (uint64_t step = 0; step <= 16000; step++) { /* quarters of a second */
        uint64_t now = START + step * SECOND / 4;

        if (step % 3 < QUEUES - 1) /* the hand comes to one of the queues after the other */
            flow_table_sweep_all(&listener.queues.table[step % 3], now);
        queues_feed(&listener.queues, 0, fixture_packet(1, 0), now);
        if (step % 160 == 1)
            queues_feed(&listener.queues, 1, fixture_packet(1, 1), now);
        take(&listener);
    }
    assert_int_equal(listener.count, 13);
    result = look(&listener);
    assert_int_equal(result.row_count, 1);
    listener.told[listener.count++] = result.row[0].record;
    reader_rows_free(result.row);
    for (uint64_t i = 0; i < listener.count; i++) {
        const struct xtop_record *piece = &listener.told[i];

        assert_true(piece->direction[0].packets > 0 && piece->direction[1].packets > 0);
        assert_true(record_last_seen(piece) - record_first_seen(piece) <= ACTIVE + SECOND);
        assert_int_equal(piece->end_reason, i < 13 ? XTOP_END_ACTIVE : XTOP_END_NONE);
        packets[0] += piece->direction[0].packets;
        packets[1] += piece->direction[1].packets;
    }
    assert_int_equal(packets[0], 16001);
    assert_int_equal(packets[1], 100);
    listener_close(&listener);
}

/* The hands of all queues go round each 0.8 s, from `from` to `to`, one after the other. */
static void pass(struct listener *listener, uint64_t from, uint64_t to)
{
    for (uint64_t time = from; time <= to; time += FLOW_TABLE_TURN)
        queues_age(&listener->queues, time);
}

/* The reader is told of one flow, `there` and `back` packets, that TCP ended. */
static void assert_tcp_ended(struct listener *listener, uint64_t there, uint64_t back, uint8_t state)
{
    assert_int_equal(take(listener), 1);
    assert_packets(&listener->told[listener->count - 1], there, back);
    assert_int_equal(listener->told[listener->count - 1].end_reason, XTOP_END_TCP);
    assert_int_equal(listener->told[listener->count - 1].tcp_state, state);
    assert_int_equal(listener->told[listener->count - 1].initiator, 0);
}

/* No queue saw both FINs: together they did, and the flow ends as over one queue; so does the next of the same ports. */
static void test_fins_over_two_queues(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    for (uint64_t begin = START; begin <= START + 5 * SECOND; begin += 5 * SECOND) {
        queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x02), begin);
        queues_feed(&listener.queues, 2, fixture_tcp(1, 1, 0x12), begin + 1000);
        queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x11), begin + 2000);
        pass(&listener, begin + 3000, begin + SECOND); /* half closed, and silent */
        queues_feed(&listener.queues, 2, fixture_tcp(1, 1, 0x11), begin + SECOND);
        pass(&listener, begin + SECOND, begin + 3 * SECOND);
        assert_int_equal(take(&listener), 0);
        pass(&listener, begin + 3 * SECOND, begin + 4 * SECOND);
        assert_tcp_ended(&listener, 2, 2, XTOP_TCP_CLOSED);
    }
    listener_close(&listener);
}

/* One FIN closes nothing, however quiet it is then. */
static void test_half_closed_over_two_queues(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x02), START);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x12), START + 1000);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x11), START + 2000);
    pass(&listener, START, START + 29 * SECOND);
    assert_int_equal(listener.queues.counts[0].flows_ended + listener.queues.counts[1].flows_ended, 0);
    pass(&listener, START + 29 * SECOND, START + 31 * SECOND);
    assert_int_equal(take(&listener), 1);
    assert_int_equal(listener.told[0].end_reason, XTOP_END_IDLE);
    listener_close(&listener);
}

/* Whoever resets a connection, the other end's part is over as well; not one that began later. */
static void test_reset_over_two_queues(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x02), START);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x14), START + 1000);
    pass(&listener, START, START + 3 * SECOND);
    assert_tcp_ended(&listener, 1, 1, XTOP_TCP_RESET);

    queues_feed(&listener.queues, 1, fixture_tcp(2, 1, 0x14), START + 4 * SECOND);
    queues_feed(&listener.queues, 0, fixture_tcp(2, 0, 0x02), START + 5 * SECOND);
    pass(&listener, START + 5 * SECOND, START + 9 * SECOND);
    assert_int_equal(listener.queues.counts[0].flows_ended, 1);
    listener_close(&listener);
}

/* Who was reset goes on for a while, with packets that are not plain, until nobody is left to tell it of the RST again. */
static void test_a_part_that_goes_on_after_a_reset(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x02), START);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x14), START + 1000);
    pass(&listener, START, START + SECOND);
    for (uint64_t at = START + SECOND; at < START + 5 * SECOND; at += SECOND) {
        queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x11), at);
        pass(&listener, at, at + SECOND);
    }
    assert_int_equal(take(&listener), 0);
    pass(&listener, START + 5 * SECOND, START + 8 * SECOND);
    assert_tcp_ended(&listener, 5, 1, XTOP_TCP_RESET);
    listener_close(&listener);
}

/* Packets after the letter came: the part is judged anew. */
static void test_a_part_that_goes_on_after_both_fins(void **state)
{
    struct listener listener;

    (void)state;
    listener_open(&listener);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x02), START);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x12), START + 1000);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x11), START + 2000);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x11), START + 2000);
    pass(&listener, START, START + SECOND);
    queues_feed(&listener.queues, 1, fixture_tcp(1, 1, 0x11), START + SECOND);
    queues_feed(&listener.queues, 0, fixture_tcp(1, 0, 0x10), START + SECOND);
    pass(&listener, START + SECOND, START + 3 * SECOND);
    assert_int_equal(take(&listener), 0);
    pass(&listener, START + 3 * SECOND, START + 4 * SECOND);
    assert_tcp_ended(&listener, 3, 3, XTOP_TCP_CLOSED);
    listener_close(&listener);
}

/* More halves wait than there is room for: the oldest are told of as they are, and nothing is lost or told twice. */
static void test_more_halves_than_there_is_room_for(void **state)
{
    const uint32_t flows = REUNION_MOST + 5000;
    struct listener listener;
    uint64_t told[2] = {0, 0};

    (void)state;
    listener_open(&listener);
    for (uint32_t flow = 0; flow < flows; flow++) {
        queues_feed(&listener.queues, 0, fixture_packet(flow, 0), START);
        queues_feed(&listener.queues, 1, fixture_packet(flow, 1), START + 20 * SECOND);
    }
    queues_age(&listener.queues, START + IDLE + 1);
    assert_in_range(take(&listener), 5000, flows - 1);
    assert_packets(&listener.told[0], 1, 0);
    queues_age(&listener.queues, START + 60 * SECOND);
    take(&listener);
    assert_packets(&listener.told[listener.count - 1], 1, 1);
    for (uint64_t i = 0; i < listener.count; i++)
        for (int end = 0; end < 2; end++)
            told[end] += listener.told[i].direction[end].packets;
    assert_int_equal(told[0], flows);
    assert_int_equal(told[1], flows);
    assert_int_equal(reader_ended_lost(listener.queues.reader), 0);
    listener_close(&listener);
}

/* ---- While the queues are at work ---------------------------------------------------------------------------- */

#define STEPS 3000u
#define BORN 20u /* flows a step */

static pthread_barrier_t together;

struct writer {
    struct listener *listener;
    uint32_t queue;
};

/* Flow n is born in step n / BORN, in queue n % 3 one direction, in the next queue the other; all end in the same step. */
static void *write_on(void *argument)
{
    const struct writer *writer = argument;

    for (uint32_t step = 0; step < STEPS + 60; step++) {
        uint64_t now = START + step * SECOND;

        pthread_barrier_wait(&together);
        for (uint32_t flow = step * BORN; step < STEPS && flow < (step + 1) * BORN; flow++)
            for (uint32_t end = 0; end < 2; end++)
                if ((flow + end) % QUEUES == writer->queue)
                    queues_feed(&writer->listener->queues, writer->queue, fixture_packet(flow, (uint8_t)end), now);
        flow_table_sweep_all(&writer->listener->queues.table[writer->queue], now);
    }
    return NULL;
}

/* Whatever the reader meets, it is never told of half a flow. */
static void test_a_reader_beside_the_writers(void **state)
{
    struct listener listener;
    struct writer writer[QUEUES];
    pthread_t thread[QUEUES];

    (void)state;
    listener_open(&listener);
    pthread_barrier_init(&together, NULL, QUEUES);
    for (uint32_t i = 0; i < QUEUES; i++) {
        writer[i] = (struct writer){&listener, i};
        assert_int_equal(pthread_create(&thread[i], NULL, write_on, &writer[i]), 0);
    }
    while (listener.count < (uint64_t)STEPS * BORN)
        take(&listener);
    for (uint32_t i = 0; i < QUEUES; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(take(&listener), 0);
    for (uint64_t i = 0; i < listener.count; i++)
        assert_packets(&listener.told[i], 1, 1);
    assert_int_equal(reader_ended_lost(listener.queues.reader), 0);
    pthread_barrier_destroy(&together);
    listener_close(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_one_queue_saw_whole_is_told_at_once),
        cmocka_unit_test(test_a_half_waits_for_the_other),
        cmocka_unit_test(test_pieces_that_only_the_other_direction_joins),
        cmocka_unit_test(test_active_timeouts_of_both_directions),
        cmocka_unit_test(test_fins_over_two_queues),
        cmocka_unit_test(test_half_closed_over_two_queues),
        cmocka_unit_test(test_reset_over_two_queues),
        cmocka_unit_test(test_a_part_that_goes_on_after_a_reset),
        cmocka_unit_test(test_a_part_that_goes_on_after_both_fins),
        cmocka_unit_test(test_more_halves_than_there_is_room_for),
        cmocka_unit_test(test_a_reader_beside_the_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
