/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that stand from look to look of flows that several queues have parts of, while parts come, speak, end and change slots,
 * and some wait, ended, for others that live; against arithmetic over another reader's rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "group_arithmetic.h"
#include "queues_fixture.h"
#include "reader_pair.h"

#define FLOWS 400u
#define ROUNDS 40u
#define TOP 20u

static const uint32_t kinds[] = {READER_GROUP_HOST, READER_GROUP_PAIR, READER_GROUP_PORT, READER_GROUP_PROTOCOL,
                                 READER_GROUP_VLAN};

struct link {
    struct queues_fixture queues;
    struct looks looks;
    uint32_t random;
    uint64_t now;
};

static uint32_t draw(struct link *link)
{
    return fixture_draw(&link->random);
}

static struct link *link_open(uint32_t queues, uint32_t random)
{
    struct link *link = calloc(1, sizeof *link);
    char error[200] = "";

    assert_non_null(link);
    queues_open(&link->queues, queues, FLOWS * 2, 4096);
    link->queues.segment.header->state = XTOP_STATE_RUNNING;
    link->looks.few = link->queues.reader;
    link->looks.whole = reader_open(link->queues.segment.fd, error, sizeof error);
    assert_non_null(link->looks.whole);
    link->random = random;
    link->now = START;
    return link;
}

static void link_close(struct link *link)
{
    reader_close(link->looks.whole);
    queues_close(&link->queues);
    free(link);
}

/* Idle flows end after 30 s: a part that has not spoken for two long rounds does, while another lives. */
static void traffic(struct link *link, uint32_t round)
{
    uint32_t packets = round % 4 == 3 ? 0 : draw(link) % (2 * FLOWS);

    link->now += (round % 5 == 4 ? 17 : 1) * SECOND;
    queues_age(&link->queues, link->now);
    for (uint32_t i = 0; i < packets; i++) {
        uint32_t flow = draw(link) % FLOWS;
        struct packet packet = pair_packet(&link->random, draw(link) & 1 ? flow : flow / 16);

        queues_feed(&link->queues, queues_choose(&link->queues, flow, packet.direction, &link->random), packet,
                    link->now);
    }
    queues_age(&link->queues, link->now);
}

/* Both take what has ended: of a flow that lives in another queue it waits. */
static void collect(const struct link *link)
{
    assert_true(reader_collect(link->looks.few, 0) >= 0);
    assert_true(reader_collect(link->looks.whole, 0) >= 0);
}

/* Flows through the same filter: the few that are shown are the first of all. */
static void assert_flows(const struct looks *looks, struct reader_view view)
{
    struct reader_view plain = view;
    struct reader_result few, all;

    plain.activity = READER_ACTIVITY_NONE;
    view.top = TOP;
    assert_int_equal(reader_look(looks->few, &view, &few), 0);
    assert_int_equal(reader_look(looks->whole, &plain, &all), 0);
    assert_int_equal(few.flows_live, all.flows_live);
    assert_int_equal(few.matched, all.row_count);
    assert_int_equal(few.hidden, all.hidden);
    assert_int_equal(few.row_count, all.row_count < TOP ? all.row_count : TOP);
    for (uint64_t i = 0; i < few.row_count; i++) {
        const struct xtop_record *one = &few.row[i].record, *other = &all.row[i].record;

        assert_memory_equal(&one->key, &other->key, sizeof one->key);
        for (int end = 0; end < 2; end++)
            assert_int_equal(one->direction[end].packets, other->direction[end].packets);
        assert_memory_equal(few.row[i].rate_packets, all.row[i].rate_packets, sizeof all.row[i].rate_packets);
    }
    reader_rows_free(few.row);
    reader_rows_free(all.row);
}

/* What is said of a flow once and for all, of its packets, and of what a packet may change. */
static const struct filter_instruction filters[][3] = {
    {{.field = FILTER_PORT, .end = FILTER_END_DESTINATION, .if_true = 1, .if_false = 2, .range.number = {53, 53}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PROTOCOL, .if_true = 1, .if_false = 2, .range.number = {17, 17}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PACKETS, .if_true = 1, .if_false = 2, .range.number = {4, 20}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_DURATION, .if_true = 1, .if_false = 2, .range.number = {SECOND, UINT64_MAX}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
};

static void check_kind(uint32_t queues, uint32_t kind, uint32_t sort, const struct filter_instruction *filter)
{
    static const uint32_t activity_of[5] = {READER_ACTIVITY_COUNT, READER_ACTIVITY_NAME};
    struct link *link = link_open(queues, kind * 100 + sort + queues);
    struct reader_view view = {
        .group = kind, .sort = sort, .descending = 1, .filter = filter, .filter_count = filter ? 3 : 0};

    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct reader_view elsewhere = view;

        traffic(link, round);
        if (round % 3 == 0)
            collect(link);
        if (filter && round % 8 == 5) { /* the screen shows flows through another filter for a look */
            elsewhere.filter = filter == filters[0] ? filters[1] : filters[0];
            elsewhere.group = READER_GROUP_NONE;
            assert_flows(&link->looks, elsewhere);
        } else if (round % 16 == 9) { /* or flows at all, or other groups */
            elsewhere.group = round % 32 == 9 ? READER_GROUP_NONE : kind % 5 + 1;
            assert_groups(&link->looks, elsewhere, false);
        }
        view.activity = activity_of[round % 5];
        view.details = round % 3 > 0;
        if (kind == READER_GROUP_NONE)
            assert_flows(&link->looks, view);
        else
            assert_groups(&link->looks, view, round % 3 == 0);
        view.activity = READER_ACTIVITY_NONE;
        view.between = 1;
        if (filter) { /* a key was pressed: what the interval's filter says does not stand for another */
            elsewhere.filter = filter == filters[0] ? filters[1] : filters[0];
            elsewhere.group = READER_GROUP_NONE;
            elsewhere.between = 1;
            assert_flows(&link->looks, elsewhere);
        }
        if (kind != READER_GROUP_NONE)
            assert_groups(&link->looks, view, false); /* a key was pressed */
        view.between = 0;
    }
    link_close(link);
}

static void check_queues(uint32_t queues)
{
    static const uint32_t sorts[] = {READER_SORT_BPS, READER_SORT_PACKETS, READER_SORT_FLOWS};

    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (uint32_t j = 0; j < sizeof sorts / sizeof *sorts; j++)
            check_kind(queues, kinds[i], sorts[j], NULL);
}

static void test_groups_of_two_queues(void **state)
{
    (void)state;
    check_queues(2);
}

static void test_groups_of_several_queues(void **state)
{
    (void)state;
    check_queues(5);
}

static void test_what_filters_let_through(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof filters / sizeof *filters; i++)
        for (uint32_t queues = 2; queues < 6; queues += 3) {
            check_kind(queues, READER_GROUP_NONE, READER_SORT_PPS, filters[i]);
            check_kind(queues, READER_GROUP_NONE, READER_SORT_PACKETS, filters[i]);
            check_kind(queues, READER_GROUP_VLAN, READER_SORT_BPS, filters[i]);
            check_kind(queues, READER_GROUP_HOST, READER_SORT_PACKETS, filters[i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups_of_two_queues),
        cmocka_unit_test(test_groups_of_several_queues),
        cmocka_unit_test(test_what_filters_let_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
