/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups that stand from look to look against arithmetic done here over another reader's rows, flow by flow and group by group,
 * while flows come, go, speak and fall silent; and the index that finds them against a plain list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/group_index.h"
#include "capture/reader_sums.h"
#include "group_arithmetic.h"
#include "reader_pair.h"

#define ROUNDS 40u

static const uint32_t kinds[] = {READER_GROUP_HOST, READER_GROUP_PAIR, READER_GROUP_PORT, READER_GROUP_PROTOCOL,
                                 READER_GROUP_VLAN};

static const uint32_t activity_of[5] = {READER_ACTIVITY_COUNT, READER_ACTIVITY_NAME};

/* What is said of a flow once and for all, and what is said otherwise as it grows. */
static const struct filter_instruction filters[][3] = {
    {{.field = FILTER_PORT, .end = FILTER_END_DESTINATION, .if_true = 1, .if_false = 2, .range.number = {53, 53}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PROTOCOL, .if_true = 1, .if_false = 2, .range.number = {17, 17}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
    {{.field = FILTER_PACKETS, .if_true = 1, .if_false = 2, .range.number = {1, 20}},
     {.field = FILTER_ACCEPT},
     {.field = FILTER_REJECT}},
};

static void view_filter(struct reader_view *view, const struct filter_instruction *filter)
{
    view->filter = filter;
    view->filter_count = filter ? 3 : 0;
}

/* At times the screen is another for a look: of flows, through another filter or none, of other groups. */
static void look_elsewhere(struct pair *pair, struct reader_view view, uint32_t round)
{
    if (round % 16 == 5)
        view.group = READER_GROUP_NONE;
    else if (round % 16 == 9)
        view_filter(&view, view.filter == filters[0] ? NULL : filters[0]);
    else if (round % 16 == 13)
        view.group = view.group % 5 + 1;
    else
        return;
    assert_groups(&(struct looks){pair->few, pair->whole}, view, false);
}

static void check_kind(uint32_t kind, uint32_t sort, const struct filter_instruction *filter)
{
    struct pair *pair = pair_open(kind * 100 + sort);
    struct reader_view view = {.group = kind, .sort = sort, .descending = 1};

    view_filter(&view, filter);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        pair_traffic(pair, round);
        look_elsewhere(pair, view, round);
        view.activity = activity_of[round % 5];
        view.details = round % 3 > 0;
        assert_groups(&(struct looks){pair->few, pair->whole}, view, round % 4 == 0);
        view.between = 1;
        view.activity = READER_ACTIVITY_NONE;
        assert_groups(&(struct looks){pair->few, pair->whole}, view, false); /* a key was pressed */
        if (round % 5 == 4) {
            view_filter(&view, view.filter == filters[0] ? NULL : filters[0]); /* and others */
            assert_groups(&(struct looks){pair->few, pair->whole}, view, false);
            view_filter(&view, filter);
        }
        view.between = 0;
    }
    pair_close(pair);
}

static void test_sums_are_what_flows_add_up_to(void **state)
{
    static const uint32_t sorts[] = {READER_SORT_BPS, READER_SORT_PPS, READER_SORT_BYTES, READER_SORT_FLOWS,
                                     READER_SORT_SENT};

    (void)state;
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (uint32_t j = 0; j < sizeof sorts / sizeof *sorts; j++)
            check_kind(kinds[i], sorts[j], NULL);
}

static void test_sums_of_what_a_filter_lets_through(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (uint32_t j = 0; j < sizeof filters / sizeof *filters; j++)
            check_kind(kinds[i], j ? READER_SORT_BPS : READER_SORT_BYTES, filters[j]);
}

/* Of flows that have sent more than what is kept of a look has room for, nothing may be taken off that was not added. */
static void test_flows_without_room(void **state)
{
    struct reader_view view = {.group = READER_GROUP_HOST, .sort = READER_SORT_BYTES, .descending = 1};
    struct pair *pair = pair_open(4);
    struct reader_result few;

    (void)state;
    for (uint32_t round = 0; round < 12; round++) {
        pair_traffic(pair, round);
        if (round == 6) {
            struct reader_view plain = {.sort = READER_SORT_BYTES};

            pair_grow_totals(pair); /* by more than an interval has room for: rates of this look mean nothing */
            assert_int_equal(reader_look(pair->few, &view, &few), 0);
            reader_rows_free(few.row);
            reader_rows_free(few.group);
            assert_int_equal(reader_look(pair->whole, &plain, &few), 0);
            reader_rows_free(few.row);
            reader_rows_free(few.group);
        }
        assert_groups(&(struct looks){pair->few, pair->whole}, view, false);
    }
    pair_close(pair);
}

/* Hosts of which none was ever seen before take the rooms of those that are gone: as many groups as flows, and no more. */
static void test_rooms_are_used_again(void **state)
{
    struct group_sums *sums = group_sums_open();
    struct previous previous[8] = {{0}};
    const struct gain gain = {{1, 0}, {100, 0}};
    const uint32_t slots = 8;

    (void)state;
    assert_non_null(sums);
    for (uint32_t turn = 0; turn < 1000; turn++) {
        assert_true(group_sums_begin(sums, READER_GROUP_HOST, 1, &slots, 1));
        for (uint32_t slot = 0; turn % 3 == 2 && slot < 8; slot++) /* or all are gone before others come */
            group_sums_forget(sums, slot, &previous[slot]);
        for (uint32_t slot = 0; slot < 8; slot++) {
            struct xtop_record record = {
                .sequence = 2, .generation = turn, .direction = {{.packets = 1, .bytes = 100}}};

            memcpy(record.key.address[0], &(uint32_t[2]){turn, slot}, 8);
            memcpy(record.key.address[1], &(uint32_t[2]){turn, slot + 100}, 8);
            group_sums_keep(sums, slot, &previous[slot], &record, &gain);
            gain_keep(&previous[slot], &record, NULL, &gain);
        }
        assert_true(group_sums_end(sums));
        assert_int_equal(sums->alive, 16);
        assert_true(sums->count <= 17);
    }
    for (uint32_t slot = 0; slot < 8; slot++)
        group_sums_forget(sums, slot, &previous[slot]);
    assert_int_equal(sums->alive, 0);
    group_sums_close(sums);
}

/* Where one queue's slots have become more, those behind them are others than they were: all is told anew. */
static void test_slots_become_more(void **state)
{
    struct group_sums *sums = group_sums_open();
    const struct xtop_record record = {.sequence = 2, .direction = {{.packets = 1, .bytes = 100}}};
    const struct previous previous = {0};
    const struct gain gain = {{1, 0}, {100, 0}};

    (void)state;
    assert_non_null(sums);
    for (uint32_t more = 8; more < 20; more += 8) {
        const uint32_t slots[2] = {more, 8};

        assert_true(group_sums_begin(sums, READER_GROUP_VLAN, 1, slots, 2));
        assert_int_equal(group_sums_slot(sums, (struct reader_place){1, 0}), more);
        assert_int_equal(sums->alive, 0);
        group_sums_keep(sums, group_sums_slot(sums, (struct reader_place){1, 7}), &previous, &record, &gain);
        assert_true(group_sums_end(sums));
        assert_int_equal(sums->sum[1].shares, 1);
    }
    group_sums_close(sums);
}

/* Details are there where they are asked for, and where groups stand in their order. */
static void test_details(void **state)
{
    struct reader_view view = {.group = READER_GROUP_PROTOCOL, .sort = READER_SORT_BPS, .descending = 1, .top = 20};
    struct pair *pair = pair_open(5);
    struct reader_result result;

    (void)state;
    for (uint32_t round = 0; round < 8; round++) {
        pair_traffic(pair, 0);
        view.details = round % 2;
        view.sort = round / 2 % 2 ? READER_SORT_DURATION : READER_SORT_BPS;
        assert_int_equal(reader_look(pair->few, &view, &result), 0);
        assert_true(result.group_count > 0);
        assert_int_equal(result.group[0].record.first_seen[0] != 0, view.details || view.sort == READER_SORT_DURATION);
        reader_rows_free(result.row);
        reader_rows_free(result.group);
    }
    pair_close(pair);
}

/* ---- The index ----------------------------------------------------------------------------------------------- */

#define NUMBERS 3000u

/* Groups come and go, of few hashes and of many; each is found, and none that is gone. */
static void check_index(uint32_t hashes)
{
    static struct xtop_key key[NUMBERS];
    static bool known[NUMBERS];
    const struct group_keys keys = {key, sizeof *key};
    struct group_index index = {0};
    uint32_t random = hashes, count = 0;

    memset(known, 0, sizeof known);
    for (uint32_t i = 0; i < NUMBERS; i++)
        key[i] = (struct xtop_key){.port = {(uint16_t)i, 7}};
    for (uint32_t turn = 0; turn < 40000; turn++) {
        uint32_t i, hash;
        struct group_place *place;

        random = random * 1664525u + 1013904223u;
        i = (random >> 8) % (turn < 20000 ? NUMBERS : NUMBERS / 8);
        hash = i % hashes * UINT32_C(2654435761);
        assert_true(group_index_reserve(&index, count));
        place = group_index_find(&index, &keys, &key[i], hash);
        assert_int_equal(place->group, known[i] ? i + 1 : 0);
        if (known[i])
            group_index_remove(&index, hash, i + 1);
        else
            *place = (struct group_place){hash, i + 1};
        count += known[i] ? -1u : 1u;
        known[i] = !known[i];
    }
    group_index_free(&index);
}

static void test_the_index_finds_who_is_there(void **state)
{
    (void)state;
    check_index(NUMBERS);
    check_index(100);
    check_index(5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_what_flows_add_up_to),
        cmocka_unit_test(test_sums_of_what_a_filter_lets_through),
        cmocka_unit_test(test_flows_without_room),
        cmocka_unit_test(test_rooms_are_used_again),
        cmocka_unit_test(test_slots_become_more),
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_the_index_finds_who_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
