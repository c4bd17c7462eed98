/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A look that shows few of many flows takes a glance at most of them. What it tells is held against a look that copies
 * every record, and glances against a writer at full speed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reader_gain.h"
#include "capture/reader_state.h"
#include "numbered_writer.h"
#include "reader_pair.h"

#define FLOWS PAIR_FLOWS
#define TOP 20u
#define ROUNDS 40u
#define HOSTS 9u

static const uint32_t sorts[] = {READER_SORT_BPS, READER_SORT_PPS, READER_SORT_BYTES, READER_SORT_PACKETS};

static void assert_rows_equal(const struct reader_row *a, const struct reader_row *b)
{
    assert_memory_equal(&a->record, &b->record, sizeof a->record);
    assert_memory_equal(a->rate_packets, b->rate_packets, sizeof a->rate_packets);
    assert_memory_equal(a->rate_bytes, b->rate_bytes, sizeof a->rate_bytes);
}

static void assert_same_hosts(const struct pair *pair)
{
    struct reader_host few[HOSTS], whole[HOSTS];
    uint32_t count = reader_active_hosts(pair->few, few, HOSTS);

    assert_true(count > 1);
    assert_int_equal(reader_active_hosts(pair->whole, whole, HOSTS), count);
    assert_memory_equal(few, whole, count * sizeof *few);
}

static void assert_same_look(struct pair *pair, struct reader_view view)
{
    struct reader_result few, whole;

    view.top = TOP;
    assert_int_equal(reader_look(pair->few, &view, &few), 0);
    view.top = 0;
    view.threads = 0;
    assert_int_equal(reader_look(pair->whole, &view, &whole), 0);
    assert_int_equal(few.flows_live, fixture_live(&pair->fixture));
    assert_int_equal(few.flows_live, whole.flows_live);
    assert_int_equal(few.matched, whole.matched);
    assert_int_equal(few.hidden, whole.hidden);
    assert_int_equal(few.rows, whole.rows);
    assert_memory_equal(few.duration, whole.duration, sizeof few.duration);
    assert_memory_equal(few.packets, whole.packets, sizeof few.packets);
    assert_memory_equal(few.protocol, whole.protocol, sizeof few.protocol);
    assert_int_equal(few.row_count, whole.row_count < TOP ? whole.row_count : TOP);
    for (uint64_t i = 0; i < few.row_count; i++) {
        assert_rows_equal(&few.row[i], &whole.row[i]);
        for (int end = 0; end < 2; end++)
            assert_true(few.row[i].rate_packets[end] <= pair->most && few.row[i].rate_bytes[end] / 1300 <= pair->most);
    }
    if (view.activity == READER_ACTIVITY_NAME)
        assert_same_hosts(pair);
    reader_rows_free(few.row);
    reader_rows_free(whole.row);
}

/* As hosts that stand out are looked for: two looks in a row, of which none is between two intervals. */
static const uint32_t activity_of[5] = {READER_ACTIVITY_COUNT, READER_ACTIVITY_NAME};

/* Filters of what a glance tells, and one of what it does not. */
static const struct filter_instruction filters[][3] = {
    {{.field = FILTER_PROTOCOL, .if_true = 1, .if_false = 2, .range.number = {17, 17}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PORT, .end = FILTER_END_SOURCE, .if_true = 1, .if_false = 2, .range.number = {1500, 3000}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PACKETS, .end = FILTER_END_DESTINATION, .if_true = 1, .if_false = 2, .range.number = {2, 9}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_ADDRESS_V4,
      .end = FILTER_END_SOURCE,
      .if_true = 1,
      .if_false = 2,
      .range.address = {{0}, {0, 0, 0, 64}}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_BITS_PER_SECOND, .if_true = 1, .if_false = 2, .range.real = {1, 1e30}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_BYTES, .end = FILTER_END_BOTH, .if_true = 1, .if_false = 2, .range.number = {400, 2000}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_BYTES_PER_PACKET, .if_true = 1, .if_false = 2, .range.real = {200, 700}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_DURATION, .if_true = 1, .if_false = 2, .range.number = {0, SECOND}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_TCP_STATE, .if_true = 1, .if_false = 2, .range.number = {XTOP_TCP_SYN, XTOP_TCP_ESTABLISHED}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_TCP_FLAGS, .if_true = 2, .if_false = 1, .range.bits = {0x08, 0x08}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PAYLOAD_BYTES, .if_true = 1, .if_false = 2, .range.number = {300, 3000}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_AGE, .if_true = 1, .if_false = 2, .range.number = {3 * SECOND, 30 * SECOND}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
};

static void check_looks(uint32_t sort, uint32_t descending)
{
    struct pair *pair = pair_open(sort * 2 + descending);
    struct reader_view view = {.sort = sort, .descending = descending};

    for (uint32_t round = 0; round < ROUNDS; round++) {
        pair->most = UINT64_C(2) * FLOWS;
        if (round == ROUNDS / 4)
            pair_grow_totals(pair);
        pair_traffic(pair, round);
        view.between = round % 5 == 2;
        view.threads = round % 4; /* of those who look at a few rows */
        view.activity = activity_of[round % 5];
        view.filter = round % 3 && !(view.activity && round >= ROUNDS / 2)
                          ? filters[pair_draw(pair) % (sizeof filters / sizeof *filters)]
                          : NULL;
        view.filter_count = view.filter ? 3 : 0;
        assert_same_look(pair, view);
        if (round == ROUNDS / 2) /* another order, as of a key pressed between two intervals */
            view.sort = sorts[pair_draw(pair) % 4];
    }
    view.activity = READER_ACTIVITY_NONE;
    pair->fixture.segment.header->state = XTOP_STATE_DONE;
    for (int look = 0; look < 2; look++)
        assert_same_look(pair, view);
    pair_close(pair);
}

static void test_a_glance_tells_what_a_copy_tells(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        for (uint32_t descending = 0; descending < 2; descending++)
            check_looks(sorts[i], descending);
}

/* The same filter look for look: what it said of a flow stands, as long as it is true. At times there is another, or none. */
static void check_a_filter_that_stays(const struct filter_instruction *filter, uint32_t sort)
{
    struct pair *pair = pair_open(sort * 100 + filter->field);
    struct reader_view view = {.sort = sort, .descending = 1};

    for (uint32_t round = 0; round < ROUNDS; round++) {
        pair->most = UINT64_C(2) * FLOWS;
        if (round == ROUNDS / 2)
            pair_grow_totals(pair);
        pair_traffic(pair, round);
        view.now = pair->now;
        view.between = round % 11 == 4;
        view.activity = view.between ? READER_ACTIVITY_NONE : activity_of[round % 5];
        view.filter = round % 9 == 7 ? NULL : filter;
        if (round % 9 == 8)
            view.filter = filters[pair_draw(pair) % (sizeof filters / sizeof *filters)];
        view.filter_count = view.filter ? 3 : 0;
        view.descending = round % 13 != 12;
        assert_same_look(pair, view);
    }
    pair_close(pair);
}

static void test_what_a_filter_said_stands(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof filters / sizeof *filters; i++)
        for (uint32_t j = 0; j < sizeof sorts / sizeof *sorts; j++)
            check_a_filter_that_stays(filters[i], sorts[j]);
}

/* A packet for each of FLOWS flows whose key begins with `least` or more, all alike; which keys they have is by `kind`. */
static void feed_alike(struct pair *pair, uint32_t kind, uint8_t least)
{
    pair->now += SECOND;
    for (uint32_t flow = 0; flow < FLOWS; flow++) {
        struct packet packet = fixture_packet(flow, 0);

        packet.key.address[0][0] = (uint8_t)((flow + kind) * 7 % 251);
        packet_plain(&packet);
        if (packet.key.address[0][0] >= least)
            fixture_feed(&pair->fixture, &packet, pair->now);
    }
}

/* Nothing but keys tells which are wanted, look for look, also of flows that take over the slots of others. */
static void check_flows_alike(uint32_t sort)
{
    struct pair *pair = pair_open(sort);
    struct reader_view view = {.sort = sort, .descending = 1};

    pair->most = FLOWS;
    for (uint32_t kind = 0; kind < 3; kind++) {
        for (uint32_t round = 0; round < 8; round++) {
            if (round % 4 < 3) /* or all stand still */
                feed_alike(pair, kind, round < 5 ? 0 : 100);
            assert_same_look(pair, view);
        }
        pair->now += 40 * SECOND;
        flow_table_sweep(&pair->fixture.table, pair->now);
        assert_int_equal(fixture_live(&pair->fixture), 0);
        if (kind == 0)
            assert_same_look(pair, view); /* or others come before anybody has looked */
    }
    pair_close(pair);
}

static void test_flows_that_are_alike(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof sorts / sizeof *sorts; i++)
        check_flows_alike(sorts[i]);
}

/* Every packet of numbered flow n has 100 + n bytes, so a glance with a word of another moment does not divide. */
static uint64_t glance_all(struct reader *reader, struct previous *previous, uint32_t *seen)
{
    uint64_t whole = 0;

    for (uint32_t slot = 1; slot <= reader_slots_used(reader, 0); slot++) {
        struct reader_place place = {0, slot};
        struct xtop_record record = {.sequence = 0};
        struct pending pending = {0};
        struct before before = {seen[slot], &previous[slot], &previous[slot]};
        enum glance glance = reader_glance(reader, place, &before, &record, &pending);
        struct gain nothing = {0};
        uint64_t packets = record.direction[0].packets + record.direction[1].packets;

        if (glance == GLANCE_FREE || glance == GLANCE_BUSY || !reader_glance_key(reader, place, &record))
            continue;
        assert_int_equal(glance == GLANCE_STILL, seen[slot] == record.sequence);
        assert_int_equal(record.direction[0].bytes + record.direction[1].bytes,
                         packets * (100u + record.key.address[0][3]));
        if (glance == GLANCE_MOVED)
            previous_keep_duration(&previous[slot], &record);
        if (glance != GLANCE_STILL)
            seen[slot] = gain_keep(&previous[slot], &record, &pending, &nothing);
        whole++;
    }
    return whole;
}

static void check_glances(uint32_t max_flows, uint32_t flows)
{
    struct previous *previous = calloc(max_flows + 1, sizeof *previous);
    uint32_t *seen = calloc(max_flows + 1, sizeof *seen);
    uint64_t whole = 0;

    assert_non_null(previous);
    assert_non_null(seen);
    for (int round = 0; round < 20 && whole < 20000; round++) {
        struct table_fixture fixture;
        struct reader *reader;
        pid_t child;

        fixture_open(&fixture, max_flows, 64);
        fixture.segment.header->state = XTOP_STATE_RUNNING;
        reader = pair_reader(&fixture);
        child = writer_start(&fixture, 1000000, flows);
        while (__atomic_load_n(&fixture.segment.header->state, __ATOMIC_ACQUIRE) == XTOP_STATE_RUNNING)
            whole += glance_all(reader, previous, seen);
        writer_join(child);
        whole += glance_all(reader, previous, seen);
        memset(seen, 0, (max_flows + 1) * sizeof *seen);
        memset(previous, 0, (max_flows + 1) * sizeof *previous);
        reader_close(reader);
        fixture_close(&fixture);
    }
    assert_true(whole >= 20000);
    free(previous);
    free(seen);
}

static void test_glances_are_whole(void **state)
{
    (void)state;
    check_glances(64, 32);
    check_glances(3, 5); /* slots that change hands */
}

/* Small numbers are exact, others right to more than three digits, and what is beyond all stays the greatest. */
static void check_brief(uint64_t value)
{
    uint64_t kept = brief_value(brief_pack(value));

    if (value >> 42)
        assert_int_equal(kept, UINT64_C(4095) << 30);
    else if (value <= 4096)
        assert_int_equal(kept, value);
    else
        assert_true((kept > value ? kept - value : value - kept) <= value / 4000);
}

static void test_brief_rates(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 100000; value++)
        check_brief(value);
    for (uint32_t bits = 17; bits <= 64; bits++)
        for (uint64_t off = 0; off < 3000; off++) {
            check_brief((UINT64_MAX >> (64 - bits)) - off * off);
            check_brief((UINT64_MAX >> (64 - bits)) / 2 + off * off);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_brief_rates),
        cmocka_unit_test(test_a_glance_tells_what_a_copy_tells),
        cmocka_unit_test(test_what_a_filter_said_stands),
        cmocka_unit_test(test_flows_that_are_alike),
        cmocka_unit_test(test_glances_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
