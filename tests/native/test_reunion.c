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

#include "capture/flow_parts.h"
#include "capture/flow_record.h"
#include "capture/reader.h"
#include "capture/reader_reunion.h"
#include "table_fixture.h"

#define QUEUES 3
#define MOST 200000u
#define IDLE (30 * SECOND)
#define ACTIVE (300 * SECOND)

struct queues {
    struct segment segment;
    struct xtop_queue counts[QUEUES];
    struct flow_table table[QUEUES];
    struct flow_boxes *boxes;
    struct reader *reader;
    struct xtop_record *told; /* all that the reader was told */
    uint64_t count;
};

static void queues_open(struct queues *queues)
{
    struct segment_plan plan = {
        .queue_count = QUEUES, .max_flows = 2 * MOST, .ended_capacity = 131072, .hash_seed = 12345};
    struct failure failure;
    char error[256];

    memset(queues, 0, sizeof *queues);
    assert_int_equal(segment_create(&queues->segment, &plan, &failure), 0);
    queues->segment.header->idle_timeout = IDLE;
    queues->segment.header->active_timeout = ACTIVE;
    queues->boxes = flow_boxes_open(QUEUES);
    assert_non_null(queues->boxes);
    for (uint32_t i = 0; i < QUEUES; i++) {
        assert_int_equal(flow_table_open(&queues->table[i], queues->segment.header, i, &queues->counts[i]), 0);
        queues->table[i].boxes = queues->boxes;
    }
    queues->reader = reader_open(queues->segment.fd, error, sizeof error);
    queues->told = malloc(MOST * sizeof *queues->told);
    assert_non_null(queues->reader);
    assert_non_null(queues->told);
}

static void queues_close(struct queues *queues)
{
    reader_close(queues->reader);
    for (int i = 0; i < QUEUES; i++)
        flow_table_close(&queues->table[i]);
    flow_boxes_close(queues->boxes);
    segment_destroy(&queues->segment);
    free(queues->told);
}

static void feed(struct queues *queues, int queue, struct packet packet, uint64_t time)
{
    struct lookup lookup = {.packet = packet, .time = time};

    flow_table_hash(&queues->table[queue], &lookup, 1);
    flow_table_find(&queues->table[queue], &lookup, 1);
    flow_table_update(&queues->table[queue], &lookup, 1);
}

static void age(struct queues *queues, uint64_t time)
{
    for (int i = 0; i < QUEUES; i++)
        flow_table_sweep_all(&queues->table[i], time);
}

/* Returns how many more were told. */
static uint64_t take(struct queues *queues)
{
    uint64_t more = reader_take_ended(queues->reader, queues->told + queues->count, MOST - queues->count);

    queues->count += more;
    return more;
}

static struct reader_result look(struct queues *queues)
{
    struct reader_view view = {.over_span = 1};
    struct reader_result result;

    assert_int_equal(reader_look(queues->reader, &view, &result), 0);
    return result;
}

static void assert_packets(const struct xtop_record *record, uint64_t there, uint64_t back)
{
    assert_int_equal(record->direction[0].packets, there);
    assert_int_equal(record->direction[1].packets, back);
}

static void test_what_one_queue_saw_whole_is_told_at_once(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    for (uint32_t flow = 0; flow < 100; flow++)
        feed(&queues, (int)flow % QUEUES, fixture_packet(flow, flow & 1), START);
    age(&queues, START + IDLE);
    assert_int_equal(take(&queues), 0);
    age(&queues, START + IDLE + 1);
    assert_int_equal(reader_take_ended(queues.reader, queues.told, 7), 7);
    assert_int_equal(reader_take_ended(queues.reader, queues.told, MOST), 93);
    assert_int_equal(take(&queues), 0);
    queues_close(&queues);
}

/* One direction rests long before the other: until that has ended, too, both are seen as one flow that lives. */
static void test_a_half_waits_for_the_other(void **state)
{
    struct queues queues;
    struct reader_result result;

    (void)state;
    queues_open(&queues);
    feed(&queues, 0, fixture_packet(1, 0), START);
    for (uint64_t second = 0; second <= 50; second += 10)
        feed(&queues, 1, fixture_packet(1, 1), START + second * SECOND);
    age(&queues, START + 50 * SECOND);
    assert_int_equal(queues.counts[0].flows_ended, 1);
    assert_int_equal(take(&queues), 0);

    result = look(&queues);
    assert_int_equal(result.row_count, 1);
    assert_packets(&result.row[0].record, 1, 6);
    assert_int_equal(result.row[0].rate_packets[0], 1);
    assert_int_equal(result.protocol[17].packets, 6); /* the other is among the protocols of ended flows */
    reader_rows_free(result.row);

    age(&queues, START + 81 * SECOND);
    assert_int_equal(take(&queues), 1);
    assert_packets(&queues.told[0], 1, 6);
    assert_int_equal(queues.told[0].end_reason, XTOP_END_IDLE);
    assert_int_equal(record_first_seen(&queues.told[0]), START);
    assert_int_equal(record_last_seen(&queues.told[0]), START + 50 * SECOND);
    assert_int_equal(take(&queues), 0);
    result = look(&queues);
    assert_int_equal(result.row_count, 0);
    reader_rows_free(result.row);
    queues_close(&queues);
}

/* One direction rests twice for longer than the timeout, the other never; then both, and the ports are used again. */
static void test_pieces_that_only_the_other_direction_joins(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    for (uint64_t second = 0; second <= 200; second++) {
        uint64_t now = START + second * SECOND;

        age(&queues, now);
        if (second == 0 || second == 45 || second == 90 || second == 150)
            feed(&queues, 2, fixture_packet(1, 0), now);
        if (second % 5 == 0 && (second <= 100 || second == 150))
            feed(&queues, 0, fixture_packet(1, 1), now);
        take(&queues);
    }
    assert_int_equal(queues.counts[2].flows_ended, 4);
    assert_int_equal(queues.count, 2);
    assert_packets(&queues.told[0], 3, 21);
    assert_packets(&queues.told[1], 1, 1);
    queues_close(&queues);
}

/*
 * One direction speaks four times a second, the other each forty: whichever queue's part is due first cuts both, and the
 * next pieces begin together, however often. What is left at the end is seen alive.
 */
static void test_active_timeouts_of_both_directions(void **state)
{
    struct queues queues;
    struct reader_result result;
    uint64_t packets[2] = {0, 0};

    (void)state;
    queues_open(&queues);
    for (uint32_t i = 0; i < QUEUES; i++)
        queues.table[i].idle_timeout = 60 * SECOND;
    queues.segment.header->idle_timeout = 60 * SECOND;
    for (uint64_t step = 0; step <= 16000; step++) { /* quarters of a second */
        uint64_t now = START + step * SECOND / 4;

        if (step % 3 < QUEUES - 1) /* the hand comes to one of the queues after the other */
            flow_table_sweep_all(&queues.table[step % 3], now);
        feed(&queues, 0, fixture_packet(1, 0), now);
        if (step % 160 == 1)
            feed(&queues, 1, fixture_packet(1, 1), now);
        take(&queues);
    }
    assert_int_equal(queues.count, 13);
    result = look(&queues);
    assert_int_equal(result.row_count, 1);
    queues.told[queues.count++] = result.row[0].record;
    reader_rows_free(result.row);
    for (uint64_t i = 0; i < queues.count; i++) {
        const struct xtop_record *piece = &queues.told[i];

        assert_true(piece->direction[0].packets > 0 && piece->direction[1].packets > 0);
        assert_true(record_last_seen(piece) - record_first_seen(piece) <= ACTIVE + SECOND);
        assert_int_equal(piece->end_reason, i < 13 ? XTOP_END_ACTIVE : XTOP_END_NONE);
        packets[0] += piece->direction[0].packets;
        packets[1] += piece->direction[1].packets;
    }
    assert_int_equal(packets[0], 16001);
    assert_int_equal(packets[1], 100);
    queues_close(&queues);
}

/* The hands of all queues go round each 0.8 s, from `from` to `to`, one after the other. */
static void pass(struct queues *queues, uint64_t from, uint64_t to)
{
    for (uint64_t time = from; time <= to; time += FLOW_TABLE_TURN)
        age(queues, time);
}

/* The reader is told of one flow, `there` and `back` packets, that TCP ended. */
static void assert_tcp_ended(struct queues *queues, uint64_t there, uint64_t back, uint8_t state)
{
    assert_int_equal(take(queues), 1);
    assert_packets(&queues->told[queues->count - 1], there, back);
    assert_int_equal(queues->told[queues->count - 1].end_reason, XTOP_END_TCP);
    assert_int_equal(queues->told[queues->count - 1].tcp_state, state);
    assert_int_equal(queues->told[queues->count - 1].initiator, 0);
}

/* No queue saw both FINs: together they did, and the flow ends as over one queue; so does the next of the same ports. */
static void test_fins_over_two_queues(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    for (uint64_t begin = START; begin <= START + 5 * SECOND; begin += 5 * SECOND) {
        feed(&queues, 0, fixture_tcp(1, 0, 0x02), begin);
        feed(&queues, 2, fixture_tcp(1, 1, 0x12), begin + 1000);
        feed(&queues, 0, fixture_tcp(1, 0, 0x11), begin + 2000);
        pass(&queues, begin + 3000, begin + SECOND); /* half closed, and silent */
        feed(&queues, 2, fixture_tcp(1, 1, 0x11), begin + SECOND);
        pass(&queues, begin + SECOND, begin + 3 * SECOND);
        assert_int_equal(take(&queues), 0);
        pass(&queues, begin + 3 * SECOND, begin + 4 * SECOND);
        assert_tcp_ended(&queues, 2, 2, XTOP_TCP_CLOSED);
    }
    queues_close(&queues);
}

/* One FIN closes nothing, however quiet it is then. */
static void test_half_closed_over_two_queues(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    feed(&queues, 0, fixture_tcp(1, 0, 0x02), START);
    feed(&queues, 1, fixture_tcp(1, 1, 0x12), START + 1000);
    feed(&queues, 0, fixture_tcp(1, 0, 0x11), START + 2000);
    pass(&queues, START, START + 29 * SECOND);
    assert_int_equal(queues.counts[0].flows_ended + queues.counts[1].flows_ended, 0);
    pass(&queues, START + 29 * SECOND, START + 31 * SECOND);
    assert_int_equal(take(&queues), 1);
    assert_int_equal(queues.told[0].end_reason, XTOP_END_IDLE);
    queues_close(&queues);
}

/* Whoever resets a connection, the other end's part is over as well; not one that began later. */
static void test_reset_over_two_queues(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    feed(&queues, 0, fixture_tcp(1, 0, 0x02), START);
    feed(&queues, 1, fixture_tcp(1, 1, 0x14), START + 1000);
    pass(&queues, START, START + 3 * SECOND);
    assert_tcp_ended(&queues, 1, 1, XTOP_TCP_RESET);

    feed(&queues, 1, fixture_tcp(2, 1, 0x14), START + 4 * SECOND);
    feed(&queues, 0, fixture_tcp(2, 0, 0x02), START + 5 * SECOND);
    pass(&queues, START + 5 * SECOND, START + 9 * SECOND);
    assert_int_equal(queues.counts[0].flows_ended, 1);
    queues_close(&queues);
}

/* Packets after the letter came: the part is judged anew. */
static void test_a_part_that_goes_on_after_both_fins(void **state)
{
    struct queues queues;

    (void)state;
    queues_open(&queues);
    feed(&queues, 0, fixture_tcp(1, 0, 0x02), START);
    feed(&queues, 1, fixture_tcp(1, 1, 0x12), START + 1000);
    feed(&queues, 0, fixture_tcp(1, 0, 0x11), START + 2000);
    feed(&queues, 1, fixture_tcp(1, 1, 0x11), START + 2000);
    pass(&queues, START, START + SECOND);
    feed(&queues, 1, fixture_tcp(1, 1, 0x11), START + SECOND);
    feed(&queues, 0, fixture_tcp(1, 0, 0x10), START + SECOND);
    pass(&queues, START + SECOND, START + 3 * SECOND);
    assert_int_equal(take(&queues), 0);
    pass(&queues, START + 3 * SECOND, START + 4 * SECOND);
    assert_tcp_ended(&queues, 3, 3, XTOP_TCP_CLOSED);
    queues_close(&queues);
}

/* More halves wait than there is room for: the oldest are told of as they are, and nothing is lost or told twice. */
static void test_more_halves_than_there_is_room_for(void **state)
{
    const uint32_t flows = REUNION_MOST + 5000;
    struct queues queues;
    uint64_t told[2] = {0, 0};

    (void)state;
    queues_open(&queues);
    for (uint32_t flow = 0; flow < flows; flow++) {
        feed(&queues, 0, fixture_packet(flow, 0), START);
        feed(&queues, 1, fixture_packet(flow, 1), START + 20 * SECOND);
    }
    age(&queues, START + IDLE + 1);
    assert_in_range(take(&queues), 5000, flows - 1);
    assert_packets(&queues.told[0], 1, 0);
    age(&queues, START + 60 * SECOND);
    take(&queues);
    assert_packets(&queues.told[queues.count - 1], 1, 1);
    for (uint64_t i = 0; i < queues.count; i++)
        for (int end = 0; end < 2; end++)
            told[end] += queues.told[i].direction[end].packets;
    assert_int_equal(told[0], flows);
    assert_int_equal(told[1], flows);
    assert_int_equal(reader_ended_lost(queues.reader), 0);
    queues_close(&queues);
}

/* ---- While the queues are at work ---------------------------------------------------------------------------- */

#define STEPS 3000u
#define BORN 20u /* flows a step */

static pthread_barrier_t together;

struct writer {
    struct queues *queues;
    int queue;
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
                if ((flow + end) % QUEUES == (uint32_t)writer->queue)
                    feed(writer->queues, writer->queue, fixture_packet(flow, (uint8_t)end), now);
        flow_table_sweep_all(&writer->queues->table[writer->queue], now);
    }
    return NULL;
}

/* Whatever the reader meets, it is never told of half a flow. */
static void test_a_reader_beside_the_writers(void **state)
{
    struct queues queues;
    struct writer writer[QUEUES];
    pthread_t thread[QUEUES];

    (void)state;
    queues_open(&queues);
    pthread_barrier_init(&together, NULL, QUEUES);
    for (int i = 0; i < QUEUES; i++) {
        writer[i] = (struct writer){&queues, i};
        assert_int_equal(pthread_create(&thread[i], NULL, write_on, &writer[i]), 0);
    }
    while (queues.count < (uint64_t)STEPS * BORN)
        take(&queues);
    for (int i = 0; i < QUEUES; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(take(&queues), 0);
    for (uint64_t i = 0; i < queues.count; i++)
        assert_packets(&queues.told[i], 1, 1);
    assert_int_equal(reader_ended_lost(queues.reader), 0);
    pthread_barrier_destroy(&together);
    queues_close(&queues);
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
        cmocka_unit_test(test_a_part_that_goes_on_after_both_fins),
        cmocka_unit_test(test_more_halves_than_there_is_room_for),
        cmocka_unit_test(test_a_reader_beside_the_writers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
