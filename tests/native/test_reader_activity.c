/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hosts that stand out, among crowds that do not: each case knows whom it has planted and how much they did.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reader_activity.h"
#include "table_fixture.h"

#define ROOM 9

static void put_address(uint8_t address[16], uint32_t value)
{
    memset(address, 0, 16);
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t address_of(const struct reader_host *host)
{
    const uint8_t *address = host->address;

    return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
}

/* A flow from `from` to `to`, in canonical order; `syn` as its initiator sent it. */
static struct reader_row flow_of(uint32_t from, uint32_t to, uint16_t port, uint8_t protocol, bool syn)
{
    uint32_t initiator = from < to ? 0 : 1;
    struct reader_row row = {.record.key = {.protocol = protocol, .ip_version = 4}, .flows = 1};

    put_address(row.record.key.address[initiator], from);
    put_address(row.record.key.address[!initiator], to);
    row.record.key.port[initiator] = 40000;
    row.record.key.port[!initiator] = port;
    row.record.initiator = (uint8_t)initiator & 1;
    row.record.direction[initiator].tcp_flags = syn ? 0x02 : 0x10;
    row.record.direction[initiator].packets = 1;
    row.rate_bytes[initiator] = 10;
    return row;
}

/* How flows are added: all of them whole; by their ends, and whole those for which that is not enough; so without a rate. */
static enum way { WHOLE, BY_ENDS, STILL, WAYS } way;

static void add(struct reader_activity *activity, const struct reader_row *flow)
{
    struct reader_row row = *flow;
    struct reader_ends ends;
    bool began = reader_activity_ends(activity, &row.record, &ends), whole = true;

    if (way == STILL) {
        memset(row.rate_bytes, 0, sizeof row.rate_bytes);
        whole = reader_activity_add_still(activity, &ends, began);
    } else if (way == BY_ENDS) {
        whole = reader_activity_whole(activity, &ends, 1);
        if (!whole)
            reader_activity_add_ends(activity, ends, began, row.rate_bytes[0] + row.rate_bytes[1]);
    }
    if (whole)
        reader_activity_add(activity, &row);
}

/* Feeds a case's flows to the look under way. */
typedef void (*flow_feeder)(struct reader_activity *activity);

static uint32_t two_looks(flow_feeder feed, struct reader_host hosts[ROOM])
{
    struct reader_activity *activity = NULL;
    uint32_t count;

    assert_int_equal(reader_activity_hosts(NULL, hosts, ROOM), 0);
    for (uint32_t phase = READER_ACTIVITY_COUNT; phase <= READER_ACTIVITY_NAME; phase++) {
        assert_true(reader_activity_begin(&activity, phase, 7));
        feed(activity);
        reader_activity_finish(activity);
    }
    count = reader_activity_hosts(activity, hosts, ROOM);
    reader_activity_free(activity);
    return count;
}

/* Linear counting: how many different things set so many bits. */
static double distinct(uint32_t bits)
{
    return READER_CONTACT_BITS * log((double)READER_CONTACT_BITS / (READER_CONTACT_BITS - bits));
}

/* 200,000 hosts with a flow to one server each. */
static void feed_crowd(struct reader_activity *activity)
{
    for (uint32_t i = 0; i < 200000; i++) {
        struct reader_row row = flow_of(0x0b000000 + i, 0x0a000001, 443, 6, true);

        add(activity, &row);
    }
}

static void feed_scanners(struct reader_activity *activity)
{
    feed_crowd(activity);
    for (uint32_t i = 0; i < 3000; i++) {
        struct reader_row row = flow_of(0x0c000001, 0x0d000000 + i, 22, 6, true);

        add(activity, &row);
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct reader_row row = flow_of(0x0c000002, 0x0d000007, (uint16_t)(1 + i), 6, true);

        add(activity, &row);
    }
}

static void check_scanners(void)
{
    struct reader_host hosts[ROOM];
    uint32_t count = two_looks(feed_scanners, hosts);

    assert_int_equal(count, ROOM);
    assert_int_equal(address_of(&hosts[1]), 0x0c000001);
    assert_int_equal(hosts[1].flows, 3000);
    assert_true(fabs(distinct(hosts[1].host_bits) - 3000) < 150);
    assert_int_equal(hosts[1].port_bits, 1);
    assert_int_equal(address_of(&hosts[2]), 0x0c000002);
    assert_int_equal(hosts[2].flows, 1000);
    assert_int_equal(hosts[2].host_bits, 1);
    assert_true(fabs(distinct(hosts[2].port_bits) - 1000) < 50);
    assert_int_equal(hosts[3].flows, 1);
}

static void test_scanners_stand_out_of_a_crowd(void **state)
{
    (void)state;
    for (way = 0; way < WAYS; way++)
        check_scanners();
    way = WHOLE;
}

static void check_server(void)
{
    struct reader_host hosts[ROOM];
    uint32_t count = two_looks(feed_crowd, hosts);

    assert_int_equal(address_of(&hosts[0]), 0x0a000001);
    assert_int_equal(hosts[0].rate_bytes, 2000000);
    assert_int_equal(hosts[0].flows, 0);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(hosts[i].flows, 1);
}

static void test_the_server_of_a_crowd_has_the_rate_and_touches_nobody(void **state)
{
    (void)state;
    for (way = 0; way < STILL; way++)
        check_server();
    way = WHOLE;
}

/* A server whose connections are older than the capture: it was seen first, as if it had begun them. */
static void feed_old_server(struct reader_activity *activity)
{
    for (uint32_t i = 0; i < 5000; i++) {
        struct reader_row tcp = flow_of(0x0a000001, 0x0b000000 + i, (uint16_t)(32768 + i), 6, false);
        struct reader_row udp = flow_of(0x0a000002, 0x0b000000 + i, (uint16_t)(32768 + i), 17, false);

        udp.record.key.port[udp.record.initiator] = 53;
        add(activity, &tcp);
        add(activity, &udp);
    }
}

static void test_a_server_seen_first_is_no_scanner(void **state)
{
    struct reader_host hosts[ROOM];
    uint32_t count = two_looks(feed_old_server, hosts);

    (void)state;
    assert_true(count > 0);
    for (uint32_t i = 1; i < count; i++)
        assert_true(hosts[i].flows <= 1);
}

static void feed_nothing(struct reader_activity *activity)
{
    (void)activity;
}

static void test_nothing_is_nobody(void **state)
{
    struct reader_host hosts[ROOM];

    (void)state;
    assert_int_equal(two_looks(feed_nothing, hosts), 0);
}

/* More hosts in the chosen buckets than are told apart: no harm, and the one that matters came early enough or not. */
static void feed_flood(struct reader_activity *activity)
{
    struct reader_row scan;

    for (uint32_t i = 0; i < 400; i++) {
        scan = flow_of(0x0c000001, 0x0d000000 + i, 22, 6, true);
        add(activity, &scan);
    }
    for (uint32_t i = 0; i < 3000000; i++) {
        struct reader_row row = flow_of(0x20000000 + i, 0x0a000001 + i % 1000, 443, 6, true);

        add(activity, &row);
    }
}

static void test_three_million_hosts_hide_no_scanner(void **state)
{
    struct reader_host hosts[ROOM];
    uint32_t count = two_looks(feed_flood, hosts);

    (void)state;
    assert_true(count > 1);
    assert_int_equal(address_of(&hosts[1]), 0x0c000001);
    assert_int_equal(hosts[1].flows, 400);
}

/* The same through a look at a segment: the fixture's flows go from 10.x.x.x to 11.0.0.1:53. */
static void test_a_look_finds_them(void **state)
{
    struct reader_view view = {.sort = READER_SORT_BPS, .descending = 1, .top = 1};
    struct reader_result result;
    struct reader_host hosts[ROOM];
    struct table_fixture fixture;
    struct reader *reader;
    char error[256];

    (void)state;
    fixture_open(&fixture, 1024, 64);
    for (uint32_t i = 0; i < 300; i++) {
        struct packet packet = fixture_packet(i, 0);

        fixture_feed(&fixture, &packet, START + i);
    }
    reader = reader_open(fixture.segment.fd, error, sizeof error);
    assert_non_null(reader);
    assert_int_equal(reader_active_hosts(reader, hosts, ROOM), 0);
    for (view.activity = READER_ACTIVITY_COUNT; view.activity <= READER_ACTIVITY_NAME; view.activity++) {
        assert_int_equal(reader_look(reader, &view, &result), 0);
        reader_rows_free(result.row);
    }
    assert_int_equal(reader_active_hosts(reader, hosts, ROOM), ROOM);
    assert_int_equal(hosts[1].flows, 1);
    assert_int_equal(hosts[1].host_bits, 1);
    reader_close(reader);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scanners_stand_out_of_a_crowd),
        cmocka_unit_test(test_the_server_of_a_crowd_has_the_rate_and_touches_nobody),
        cmocka_unit_test(test_a_server_seen_first_is_no_scanner),
        cmocka_unit_test(test_nothing_is_nobody),
        cmocka_unit_test(test_three_million_hosts_hide_no_scanner),
        cmocka_unit_test(test_a_look_finds_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
