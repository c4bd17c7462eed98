/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows that several queues have parts of, which come, grow, end and change slots between looks. What a look tells is held
 * against a walk through all slots here, which adds up by key and remembers nothing but each slot's flow of the look
 * before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>

#include "capture/reader_kin.h"
#include "queues_fixture.h"

#define FLOWS 1500u
#define SLOTS (FLOWS * QUEUES_MOST)
#define TOP 20u
#define ROUNDS 40u
#define HOSTS 9u

/* A flow as the walk adds it up. */
struct sum {
    struct xtop_key key;
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t rate_packets[2];
    uint64_t first, last;
};

/* What a slot held at the look before. */
struct memory {
    uint32_t generation;
    uint64_t packets[2];
};

struct walk {
    struct queues_fixture queues;
    struct reader *whole; /* another reader, which is asked for all rows, so that every record is copied */
    uint32_t sort;
    struct sum *sum;
    uint32_t count;
    struct memory *memory[QUEUES_MOST];
    uint32_t random;
    uint64_t now;
};

static uint32_t draw(struct walk *walk)
{
    return fixture_draw(&walk->random);
}

static int by_key(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct xtop_key));
}

static void add_part(struct walk *walk, struct reader_place place, const struct xtop_record *record)
{
    struct memory *memory = &walk->memory[place.queue][place.slot];
    struct sum *sum = &walk->sum[walk->count++];

    memset(sum, 0, sizeof *sum);
    sum->key = record->key;
    sum->first = record_first_seen(record);
    sum->last = record_last_seen(record);
    for (int end = 0; end < 2; end++) {
        uint64_t before = memory->generation == record->generation ? memory->packets[end] : 0;

        sum->packets[end] = record->direction[end].packets;
        sum->bytes[end] = record->direction[end].bytes;
        sum->rate_packets[end] = sum->packets[end] - before;
        memory->packets[end] = sum->packets[end];
    }
    memory->generation = record->generation;
}

static void sums_join(struct sum *to, const struct sum *from)
{
    for (int end = 0; end < 2; end++) {
        to->packets[end] += from->packets[end];
        to->bytes[end] += from->bytes[end];
        to->rate_packets[end] += from->rate_packets[end];
    }
    to->first = from->first < to->first ? from->first : to->first;
    to->last = from->last > to->last ? from->last : to->last;
}

/* All that lives, by key. */
static void walk_slots(struct walk *walk)
{
    uint32_t parts, flows = 0;

    walk->count = 0;
    for (uint32_t queue = 0; queue < walk->queues.count; queue++)
        for (uint32_t slot = 1; slot <= reader_slots_used(walk->queues.reader, queue); slot++) {
            struct reader_place place = {queue, slot};
            struct xtop_record record;

            if (reader_copy_record(walk->queues.reader, place, &record))
                add_part(walk, place, &record);
        }
    parts = walk->count;
    qsort(walk->sum, parts, sizeof *walk->sum, by_key);
    for (uint32_t i = 0; i < parts; i++)
        if (flows && by_key(&walk->sum[flows - 1], &walk->sum[i]) == 0)
            sums_join(&walk->sum[flows - 1], &walk->sum[i]);
        else
            walk->sum[flows++] = walk->sum[i];
    walk->count = flows;
}

static const struct sum *sum_of(const struct walk *walk, const struct xtop_key *key)
{
    return bsearch(key, walk->sum, walk->count, sizeof *walk->sum, by_key);
}

/* What flows are ranked by, the greatest first. */
static uint64_t rank_of(const struct walk *walk, const struct sum *sum)
{
    return walk->sort == READER_SORT_PPS ? sum->rate_packets[0] + sum->rate_packets[1] : sum->bytes[0] + sum->bytes[1];
}

/* How many flows stand before the row: none of them is left out. */
static uint32_t rows_before(const struct walk *walk, uint64_t rank)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < walk->count; i++)
        count += rank_of(walk, &walk->sum[i]) > rank;
    return count;
}

static void assert_row(const struct walk *walk, const struct reader_row *row, uint32_t number)
{
    const struct sum *sum = sum_of(walk, &row->record.key);

    assert_non_null(sum);
    for (int end = 0; end < 2; end++) {
        assert_int_equal(row->record.direction[end].packets, sum->packets[end]);
        assert_int_equal(row->record.direction[end].bytes, sum->bytes[end]);
        assert_int_equal(row->rate_packets[end], sum->rate_packets[end]);
    }
    assert_int_equal(record_first_seen(&row->record), sum->first);
    assert_int_equal(record_last_seen(&row->record), sum->last);
    assert_true(rows_before(walk, rank_of(walk, sum)) <= number);
}

/* By definition of the bins in flow_abi.h: up to 1 ms, 10 ms, 100 ms, 1 s, 10 s, 60 s, 300 s and more. */
static uint32_t lasted_bin(uint64_t lasted)
{
    static const uint64_t most[] = {1000000, 10000000, 100000000, SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND};
    uint32_t bin = 0;

    while (bin < 7 && lasted > most[bin])
        bin++;
    return bin;
}

static void assert_totals(const struct walk *walk, const struct reader_result *result)
{
    uint64_t duration[XTOP_DURATION_BINS] = {0};
    uint64_t packets = 0, bytes = 0;

    for (uint32_t i = 0; i < walk->count; i++) {
        duration[lasted_bin(walk->sum[i].last - walk->sum[i].first)]++;
        packets += walk->sum[i].packets[0] + walk->sum[i].packets[1];
        bytes += walk->sum[i].bytes[0] + walk->sum[i].bytes[1];
    }
    assert_int_equal(result->flows_live, walk->count);
    assert_int_equal(result->matched, walk->count);
    assert_int_equal(result->rows, walk->count);
    assert_memory_equal(result->duration, duration, sizeof duration);
    assert_int_equal(result->protocol[17].packets + result->protocol[136].packets, packets);
    assert_int_equal(result->protocol[17].bytes + result->protocol[136].bytes, bytes);
}

static void assert_look(struct walk *walk, const struct reader_view *view)
{
    struct reader_result result;

    assert_int_equal(reader_look(walk->queues.reader, view, &result), 0);
    assert_totals(walk, &result);
    assert_int_equal(result.row_count, view->top && view->top < walk->count ? view->top : walk->count);
    for (uint32_t i = 0; i < result.row_count; i++)
        assert_row(walk, &result.row[i], i);
    reader_rows_free(result.row);
}

/* Those of PACKETS_LEAST packets and more. */
#define PACKETS_LEAST 4

static void assert_filtered(struct walk *walk, struct reader_view view)
{
    static const struct filter_instruction program[] = {
        {.field = FILTER_PACKETS,
         .end = FILTER_END_BOTH,
         .if_true = 1,
         .if_false = 2,
         .range.number = {PACKETS_LEAST, UINT64_MAX}},
        {.field = FILTER_ACCEPT},
        {.field = FILTER_REJECT},
    };
    struct reader_result result;
    uint32_t wanted = 0;

    for (uint32_t i = 0; i < walk->count; i++)
        wanted += walk->sum[i].packets[0] + walk->sum[i].packets[1] >= PACKETS_LEAST;
    view.filter = program;
    view.filter_count = sizeof program / sizeof *program;
    assert_int_equal(reader_look(walk->queues.reader, &view, &result), 0);
    assert_int_equal(result.matched, wanted);
    assert_int_equal(result.hidden, walk->count - wanted);
    for (uint32_t i = 0; i < result.row_count; i++)
        assert_true(record_packets(&result.row[i].record) >= PACKETS_LEAST);
    reader_rows_free(result.row);
}

/* Who has all rows looks as well, and finds the same hosts that stand out. */
static void assert_same_hosts(struct walk *walk, uint32_t activity)
{
    struct reader_view view = {.sort = READER_SORT_BYTES, .descending = 1, .activity = activity};
    struct reader_host few[HOSTS], whole[HOSTS];
    struct reader_result result;
    uint32_t count;

    assert_int_equal(reader_look(walk->whole, &view, &result), 0);
    reader_rows_free(result.row);
    if (activity != READER_ACTIVITY_NAME)
        return;
    count = reader_active_hosts(walk->whole, whole, HOSTS);
    assert_true(count > 1);
    assert_int_equal(reader_active_hosts(walk->queues.reader, few, HOSTS), count);
    assert_memory_equal(few, whole, count * sizeof *few);
}

/* The interval's look, and others after it, by several threads, that show the same. */
static void check_look(struct walk *walk, uint64_t top, uint32_t round)
{
    static const uint32_t activity_of[5] = {READER_ACTIVITY_NONE, READER_ACTIVITY_COUNT, READER_ACTIVITY_NAME};
    struct reader_view view = {.sort = walk->sort, .descending = 1, .top = top, .activity = activity_of[round % 5]};

    walk_slots(walk);
    assert_look(walk, &view);
    assert_same_hosts(walk, view.activity);
    view.between = 1;
    view.activity = READER_ACTIVITY_NONE;
    for (view.threads = 0; view.threads < 4; view.threads++) {
        assert_look(walk, &view);
        assert_filtered(walk, view);
    }
}

static void traffic(struct walk *walk, uint32_t round)
{
    uint32_t packets = round % 4 == 3 ? 0 : draw(walk) % (2 * FLOWS);

    walk->now += (round % 5 == 4 ? 25 : 1) * SECOND;
    queues_age(&walk->queues, walk->now); /* slots that come free are used again before the next look */
    for (uint32_t i = 0; i < packets; i++) {
        uint32_t flow = draw(walk) % FLOWS, direction = draw(walk) & 1;
        struct packet packet = fixture_packet(flow, (uint8_t)direction);

        packet.bytes += draw(walk) % 4 * 400;
        packet.key.protocol = flow % 8 ? 17 : 136;
        packet_plain(&packet);
        queues_feed(&walk->queues, queues_choose(&walk->queues, flow, direction, &walk->random), packet, walk->now);
    }
    queues_age(&walk->queues, walk->now);
}

static void check(uint32_t queues, uint64_t top, uint32_t sort)
{
    struct walk walk = {.random = queues, .now = START, .sort = sort};
    char error[200] = "";

    queues_open(&walk.queues, queues, SLOTS, 32768);
    walk.queues.segment.header->state = XTOP_STATE_RUNNING;
    walk.whole = reader_open(walk.queues.segment.fd, error, sizeof error);
    assert_non_null(walk.whole);
    walk.sum = calloc(SLOTS, sizeof *walk.sum);
    for (uint32_t i = 0; i < queues; i++)
        walk.memory[i] = calloc(SLOTS + 1, sizeof *walk.memory[i]);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        traffic(&walk, round);
        check_look(&walk, top, round);
    }
    for (uint32_t i = 0; i < queues; i++)
        free(walk.memory[i]);
    free(walk.sum);
    reader_close(walk.whole);
    queues_close(&walk.queues);
}

static void test_copies_of_parts_are_one_flow(void **state)
{
    (void)state;
    check(2, 0, READER_SORT_BYTES);
    check(5, 0, READER_SORT_BYTES);
}

static void test_glances_at_parts_are_one_flow(void **state)
{
    (void)state;
    check(2, TOP, READER_SORT_BYTES);
    check(5, TOP, READER_SORT_BYTES);
}

/* Where flows stand by their rates nothing is looked at of those whose parts stood still. */
static void test_parts_that_stand_still_are_passed_over(void **state)
{
    (void)state;
    check(2, TOP, READER_SORT_PPS);
    check(5, TOP, READER_SORT_PPS);
    check(7, 3, READER_SORT_PPS);
}

/* More queues than a glance takes in. */
static void test_a_flow_that_comes_by_all_queues(void **state)
{
    struct queues_fixture queues;
    struct reader_view view = {.sort = READER_SORT_PACKETS, .descending = 1, .top = 1};

    (void)state;
    queues_open(&queues, QUEUES_MOST, 1024, 64);
    queues.segment.header->state = XTOP_STATE_RUNNING;
    for (uint64_t round = 1; round <= 5; round++) {
        struct reader_result result;

        for (uint32_t queue = 0; queue < QUEUES_MOST; queue++)
            for (uint32_t flow = 0; flow <= queue; flow++) /* flow 0 comes by all, flow 7 by one */
                queues_feed(&queues, queue, fixture_packet(flow, queue & 1), START + round);
        assert_int_equal(reader_look(queues.reader, &view, &result), 0);
        assert_int_equal(result.matched, QUEUES_MOST);
        assert_int_equal(result.row_count, 1);
        assert_int_equal(result.row[0].record.direction[0].packets, round * QUEUES_MOST / 2);
        assert_int_equal(result.row[0].record.direction[1].packets, round * QUEUES_MOST / 2);
        assert_int_equal(result.row[0].rate_packets[0], QUEUES_MOST / 2);
        reader_rows_free(result.row);
    }
    queues_close(&queues);
}

/* What flow_end of a worker does up to its last step: the flow is out of the index, and its slot is not free yet. */
static void end_all_but(struct flow_table *table, uint32_t slot)
{
    __atomic_store_n(&table->slot[slot].state, table->slot[slot].state | XTOP_SLOT_ENDING, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < table->bucket_count; i++)
        for (uint32_t entry = 0; entry < XTOP_BUCKET_ENTRIES; entry++)
            if (table->bucket[i].slot[entry] == slot)
                table->bucket[i].slot[entry] = table->bucket[i].tag[entry] = 0;
}

/* One direction is about to end while the other comes: that is one flow, at any moment. */
static void check_one_ends_while_another_comes(uint64_t top)
{
    struct reader_view view = {.sort = READER_SORT_PACKETS, .descending = 1, .top = top};
    struct queues_fixture queues;
    struct reader_result result;

    queues_open(&queues, 2, 1024, 64);
    queues.segment.header->state = XTOP_STATE_RUNNING;
    queues_feed(&queues, 0, fixture_packet(1, 0), START);
    assert_int_equal(reader_look(queues.reader, &view, &result), 0);
    assert_int_equal(result.row_count, 1);
    reader_rows_free(result.row);
    end_all_but(&queues.table[0], 1);
    for (int packets = 0; packets < 3; packets++)
        queues_feed(&queues, 1, fixture_packet(1, 1), START + 1);
    assert_int_equal(reader_look(queues.reader, &view, &result), 0);
    assert_int_equal(result.row_count, 1);
    assert_int_equal(result.row[0].record.direction[1].packets, 3);
    assert_int_equal(result.flows_live, 1);
    reader_rows_free(result.row);
    queues_close(&queues);
}

static void test_one_part_ends_while_another_comes(void **state)
{
    (void)state;
    check_one_ends_while_another_comes(0);
    check_one_ends_while_another_comes(TOP);
}

/* What is about to end for longer than a look takes, a part and a flow of one queue, is nobody's, though it stands still. */
static void test_a_part_that_ends_for_long(void **state)
{
    struct reader_view view = {.sort = READER_SORT_PPS, .descending = 1, .top = TOP};
    struct queues_fixture queues;
    struct reader_result result;

    (void)state;
    queues_open(&queues, 2, 1024, 64);
    queues.segment.header->state = XTOP_STATE_RUNNING;
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t flow = 200; flow-- > 0;)
            if (round == 0 || flow > 1)
                queues_feed(&queues, 0, fixture_packet(flow, 0), START + round);
        for (uint32_t slot = 199; round == 1 && slot <= 200; slot++)
            end_all_but(&queues.table[0], slot);
        view.top = round == 1 ? 0 : TOP;
        if (round < 2)
            queues_feed(&queues, 1, fixture_packet(0, 1), START + round);
        assert_int_equal(reader_look(queues.reader, &view, &result), 0);
        assert_int_equal(result.flows_live, round ? 199 : 200);
        assert_int_equal(result.matched, result.flows_live);
        assert_int_equal(result.rows, result.flows_live);
        reader_rows_free(result.row);
    }
    queues_close(&queues);
}

/* What of a flow has ended stands with what lives of it, whether that came or not, and whichever way flows are ranked. */
static void check_ended_part(uint32_t sort, uint64_t top)
{
    struct reader_view view = {.sort = sort, .descending = 1, .top = top};
    struct queues_fixture queues;
    struct reader_result result;

    queues_open(&queues, 2, 1024, 64);
    queues.segment.header->state = XTOP_STATE_RUNNING;
    for (int i = 0; i < 30; i++)
        queues_feed(&queues, 1, fixture_packet(0, 1), START);
    for (int round = 0; round < 6; round++) {
        uint64_t now = START + (uint64_t)round * 12 * SECOND;

        for (uint32_t flow = 200; flow-- > 0 && round % 3 < 2;) /* the one of two parts has one of the last slots */
            for (uint32_t i = 0; i < (flow ? 4 : 2); i++)
                queues_feed(&queues, 0, fixture_packet(flow, 0), now);
        if (round % 3 < 2)
            queues_age(&queues, now); /* in the fourth the part in queue 1 ends */
        assert_true(reader_collect(queues.reader, 0) >= 0);
        assert_int_equal(reader_look(queues.reader, &view, &result), 0);
        assert_int_equal(result.flows_live, 200);
        assert_int_equal(result.rows, 200);
        for (uint64_t i = 0; i < result.row_count; i++)
            if (result.row[i].record.key.address[0][3] == 0)
                assert_int_equal(result.row[i].record.direction[1].packets, 30);
        if (sort == READER_SORT_PACKETS)
            assert_int_equal(result.row[0].record.key.address[0][3], 0);
        reader_rows_free(result.row);
    }
    queues_close(&queues);
}

static void test_what_has_ended_stands_with_what_lives(void **state)
{
    (void)state;
    for (uint64_t top = 0; top < 4; top++) {
        check_ended_part(READER_SORT_PACKETS, top);
        check_ended_part(READER_SORT_PPS, top);
    }
}

/* ---- While workers work -------------------------------------------------------------------------------------- */

#define HOT_FLOWS 300u
#define HOT_PACKETS 400000u

struct worker {
    struct walk *walk;
    uint32_t queue;
    _Atomic bool done;
};

/* Every packet of flow n has 100 + n bytes. Time leaps, so that flows end and slots change hands all the while. */
static void *work(void *argument)
{
    struct worker *worker = argument;

    for (uint32_t i = 0; i < HOT_PACKETS; i++) {
        uint32_t flow = (i * 7 + i / HOT_FLOWS) % HOT_FLOWS;
        struct packet packet = fixture_packet(flow, (uint8_t)worker->queue);

        packet.bytes = 100 + flow;
        packet_plain(&packet);
        queues_feed(&worker->walk->queues, worker->queue, packet, START + i * SECOND / 10);
        if (i % 512 == 0)
            flow_table_sweep_all(&worker->walk->queues.table[worker->queue], START + i * SECOND / 10);
    }
    worker->done = true;
    return NULL;
}

static uint32_t hot_flow(const struct xtop_key *key)
{
    return (uint32_t)key->address[0][2] << 8 | key->address[0][3];
}

/* Groups have as many flows as there are, and their packets and bytes. */
static void assert_groups_are_all(const struct reader_result *result)
{
    uint64_t flows = 0, packets = 0, bytes = 0;

    for (uint64_t i = 0; i < result->group_count; i++) {
        flows += result->group[i].flows;
        packets += record_packets(&result->group[i].record);
        for (int end = 0; end < 2; end++) {
            bytes += result->group[i].record.direction[end].bytes;
            assert_true(result->group[i].record.direction[end].payload_bytes <=
                        result->group[i].record.direction[end].bytes);
            assert_true(result->group[i].record.first_seen[end] <= result->group[i].record.last_seen[end]);
        }
    }
    assert_int_equal(flows, result->flows_live);
    assert_int_equal(packets, result->protocol[17].packets);
    assert_int_equal(bytes, result->protocol[17].bytes);
}

/* No flow comes in two rows, and none has what is another's. */
static void look_at_work(struct reader *reader, uint32_t sort, uint64_t top, uint32_t group)
{
    struct reader_view view = {.sort = sort, .descending = 1, .top = top, .group = group, .details = top > 0};
    bool seen[HOT_FLOWS] = {0};
    struct reader_result result;

    assert_int_equal(reader_look(reader, &view, &result), 0);
    assert_true(result.flows_live <= HOT_FLOWS);
    assert_int_equal(result.flows_live, result.matched);
    assert_int_equal(result.flows_live, result.rows);
    for (uint64_t i = 0; i < result.row_count; i++) {
        const struct xtop_record *record = &result.row[i].record;
        uint32_t flow = hot_flow(&record->key);

        assert_true(flow < HOT_FLOWS && !seen[flow]);
        seen[flow] = true;
        for (int end = 0; end < 2; end++)
            assert_int_equal(record->direction[end].bytes, record->direction[end].packets * (100 + flow));
    }
    if (group)
        assert_groups_are_all(&result);
    reader_rows_free(result.row);
    reader_rows_free(result.group);
}

static void test_looks_while_workers_work(void **state)
{
    struct walk walk = {.now = START};
    struct worker worker[2];
    pthread_t thread[2];

    (void)state;
    queues_open(&walk.queues, 2, HOT_FLOWS, 32768);
    walk.queues.segment.header->state = XTOP_STATE_RUNNING;
    for (uint32_t i = 0; i < 2; i++) {
        worker[i] = (struct worker){.walk = &walk, .queue = i};
        assert_int_equal(pthread_create(&thread[i], NULL, work, &worker[i]), 0);
    }
    for (uint32_t i = 0; !worker[0].done || !worker[1].done; i++)
        look_at_work(walk.queues.reader, i % 4 < 2 ? READER_SORT_PPS : READER_SORT_BYTES, i % 2 ? TOP : 0,
                     i % 64 < 16 ? READER_GROUP_NONE : READER_GROUP_VLAN);
    for (uint32_t i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    queues_close(&walk.queues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_of_parts_are_one_flow),
        cmocka_unit_test(test_glances_at_parts_are_one_flow),
        cmocka_unit_test(test_parts_that_stand_still_are_passed_over),
        cmocka_unit_test(test_a_flow_that_comes_by_all_queues),
        cmocka_unit_test(test_one_part_ends_while_another_comes),
        cmocka_unit_test(test_a_part_that_ends_for_long),
        cmocka_unit_test(test_what_has_ended_stands_with_what_lives),
        cmocka_unit_test(test_looks_while_workers_work),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
