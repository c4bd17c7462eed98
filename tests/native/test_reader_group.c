/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups against arithmetic done here, flow by flow and group by group, the slow way; and a whole look over two queues,
 * each of which saw one direction.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reader.h"
#include "capture/reader_group.h"
#include "capture/reader_rank.h"
#include "queues_fixture.h"

#define FLOWS 20000u
#define HOSTS 700u

static uint32_t seed_state;

static uint32_t draw(uint32_t below)
{
    seed_state = seed_state * 1664525u + 1013904223u;
    return (uint32_t)(((uint64_t)seed_state * below) >> 32);
}

static void put_address(uint8_t address[16], uint32_t value)
{
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t address_of(const uint8_t address[16])
{
    return (uint32_t)address[0] << 24 | (uint32_t)address[1] << 16 | (uint32_t)address[2] << 8 | address[3];
}

/* A flow in canonical order, both directions filled; the capture saw its SYN, so the responder is known. */
static struct reader_row random_flow(void)
{
    struct reader_row row = {.record.key = {.protocol = 6, .ip_version = 4}, .flows = 1};
    uint32_t a = draw(HOSTS), b = draw(HOSTS);

    put_address(row.record.key.address[0], 0x0a000000u + (a < b ? a : b));
    put_address(row.record.key.address[1], 0x0a000000u + (a < b ? b : a));
    row.record.key.port[0] = (uint16_t)(draw(40) + 1000);
    row.record.key.port[1] = (uint16_t)(draw(40) + 1000);
    row.record.key.vlan = (uint16_t)draw(3);
    row.record.initiator = (uint8_t)draw(2);
    row.record.rtt_us = draw(1000);
    for (int end = 0; end < 2; end++) {
        struct xtop_direction *direction = &row.record.direction[end];

        direction->packets = 1 + draw(50);
        direction->bytes = direction->packets * (40 + draw(1400));
        direction->payload_bytes = direction->bytes / 2;
        direction->tcp_flags = 0x02;
        row.record.first_seen[end] = START + draw(1000000);
        row.record.last_seen[end] = row.record.first_seen[end] + draw(1000000);
        row.rate_packets[end] = draw(50);
        row.rate_bytes[end] = draw(50000);
        row.retransmissions[end] = draw(4);
    }
    return row;
}

static struct reader_row *random_flows(void)
{
    struct reader_row *flow = calloc(FLOWS, sizeof *flow);

    assert_non_null(flow);
    seed_state = 1;
    for (uint32_t i = 0; i < FLOWS; i++)
        flow[i] = random_flow();
    return flow;
}

static struct group_store store; /* of all that follows, as of a reader's looks */

static struct ranking group_all(const struct reader_row *flow, uint32_t count, uint32_t by, uint32_t sort, uint64_t top)
{
    struct reader_groups groups = {.by = by, .seed = 99, .store = &store};
    struct ranking ranking = {.sort = sort, .descending = true, .top = top};

    reader_groups_begin(&groups);
    for (uint32_t i = 0; i < count; i++)
        reader_groups_add(&groups, &flow[i]);
    reader_groups_rank(&groups, false, &ranking);
    ranking_finish(&ranking);
    assert_false(ranking.failed);
    return ranking;
}

struct sums {
    uint64_t packets[2], bytes[2], payload[2], rate_packets[2], rate_bytes[2];
    uint64_t retransmissions, flows, first, last, rtt;
};

/* Adds a flow as seen from its end `first`. */
static void sums_add(struct sums *sums, const struct reader_row *flow, uint32_t first)
{
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t end = i == 0 ? first : 1 - first;

        sums->packets[i] += flow->record.direction[end].packets;
        sums->bytes[i] += flow->record.direction[end].bytes;
        sums->payload[i] += flow->record.direction[end].payload_bytes;
        sums->rate_packets[i] += flow->rate_packets[end];
        sums->rate_bytes[i] += flow->rate_bytes[end];
        sums->retransmissions += flow->retransmissions[end];
        if (sums->first == 0 || flow->record.first_seen[end] < sums->first)
            sums->first = flow->record.first_seen[end];
        if (flow->record.last_seen[end] > sums->last)
            sums->last = flow->record.last_seen[end];
    }
    if (flow->record.rtt_us && (sums->rtt == 0 || flow->record.rtt_us < sums->rtt))
        sums->rtt = flow->record.rtt_us;
    sums->flows++;
}

static void assert_sums(const struct reader_row *row, const struct sums *sums)
{
    uint64_t first = row->record.first_seen[0], last = row->record.last_seen[0];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(row->record.direction[i].packets, sums->packets[i]);
        assert_int_equal(row->record.direction[i].bytes, sums->bytes[i]);
        assert_int_equal(row->record.direction[i].payload_bytes, sums->payload[i]);
        assert_int_equal(row->rate_packets[i], sums->rate_packets[i]);
        assert_int_equal(row->rate_bytes[i], sums->rate_bytes[i]);
        first = row->record.first_seen[i] < first ? row->record.first_seen[i] : first;
        last = row->record.last_seen[i] > last ? row->record.last_seen[i] : last;
    }
    assert_int_equal(row->retransmissions[0] + row->retransmissions[1], sums->retransmissions);
    assert_int_equal(row->flows, sums->flows);
    assert_int_equal(row->record.rtt_us, sums->rtt);
    assert_int_equal(first, sums->first);
    assert_int_equal(last, sums->last);
}

static void assert_descending_bytes(const struct ranking *ranking)
{
    for (uint64_t i = 1; i < ranking->count; i++) {
        const struct xtop_direction *before = ranking->row[i - 1].record.direction;
        const struct xtop_direction *after = ranking->row[i].record.direction;

        assert_true(before[0].bytes + before[1].bytes >= after[0].bytes + after[1].bytes);
    }
}

static void test_hosts_send_and_receive(void **state)
{
    struct reader_row *flow = random_flows();
    struct ranking ranking = group_all(flow, FLOWS, READER_GROUP_HOST, READER_SORT_BYTES, 0);

    (void)state;
    assert_int_equal(ranking.count, HOSTS);
    assert_descending_bytes(&ranking);
    for (uint64_t i = 0; i < ranking.count; i++) {
        uint32_t host = address_of(ranking.row[i].record.key.address[0]);
        struct sums sums = {0};

        for (uint32_t j = 0; j < FLOWS; j++)
            for (uint32_t end = 0; end < 2; end++)
                if (address_of(flow[j].record.key.address[end]) == host)
                    sums_add(&sums, &flow[j], end);
        assert_sums(&ranking.row[i], &sums);
    }
    free(ranking.row);
    free(flow);
}

static void test_pairs(void **state)
{
    struct reader_row *flow = random_flows();
    struct ranking ranking = group_all(flow, 2000, READER_GROUP_PAIR, READER_SORT_BYTES, 50);

    (void)state;
    assert_int_equal(ranking.count, 50);
    assert_descending_bytes(&ranking);
    for (uint64_t i = 0; i < ranking.count; i++) {
        const struct xtop_key *pair = &ranking.row[i].record.key;
        struct sums sums = {0};

        assert_int_equal(pair->port[0] + pair->port[1] + pair->protocol + pair->vlan, 0);
        for (uint32_t j = 0; j < 2000; j++)
            if (memcmp(flow[j].record.key.address, pair->address, sizeof pair->address) == 0)
                sums_add(&sums, &flow[j], 0);
        assert_sums(&ranking.row[i], &sums);
    }
    free(ranking.row);
    free(flow);
}

/* So many groups that what flows bring waits for them; each comes again, late. */
static void test_pairs_far_apart(void **state)
{
    struct reader_row *flow = realloc(random_flows(), 2 * FLOWS * sizeof *flow);
    struct ranking ranking;
    uint64_t flows = 0;

    (void)state;
    assert_non_null(flow);
    memcpy(&flow[FLOWS], flow, FLOWS * sizeof *flow);
    ranking = group_all(flow, 2 * FLOWS, READER_GROUP_PAIR, READER_SORT_BYTES, 0);
    assert_true(ranking.count > FLOWS / 2);
    assert_descending_bytes(&ranking);
    for (uint64_t i = 0; i < ranking.count; i++) {
        const struct xtop_key *pair = &ranking.row[i].record.key;
        struct sums sums = {0};

        flows += ranking.row[i].flows;
        for (uint32_t j = 0; i % 64 == 0 && j < 2 * FLOWS; j++)
            if (memcmp(flow[j].record.key.address, pair->address, sizeof pair->address) == 0)
                sums_add(&sums, &flow[j], 0);
        if (i % 64 == 0)
            assert_sums(&ranking.row[i], &sums);
    }
    assert_int_equal(flows, 2 * FLOWS);
    free(ranking.row);
    free(flow);
}

static void test_ports_are_the_responders(void **state)
{
    struct reader_row *flow = random_flows();
    struct ranking ranking = group_all(flow, FLOWS, READER_GROUP_PORT, READER_SORT_BYTES, 0);

    (void)state;
    assert_int_equal(ranking.count, 40);
    for (uint64_t i = 0; i < ranking.count; i++) {
        const struct xtop_key *service = &ranking.row[i].record.key;
        struct sums sums = {0};

        assert_int_equal(service->protocol, 6);
        for (uint32_t j = 0; j < FLOWS; j++)
            if (flow[j].record.key.port[1 - flow[j].record.initiator] == service->port[1])
                sums_add(&sums, &flow[j], flow[j].record.initiator);
        assert_sums(&ranking.row[i], &sums);
    }
    free(ranking.row);
    free(flow);
}

/* Of a connection older than the capture, whoever was heard first passes for its initiator. */
static void test_without_a_syn_a_system_port_serves(void **state)
{
    struct reader_row flow = random_flow();
    struct ranking ranking;

    (void)state;
    flow.record.direction[0].tcp_flags = flow.record.direction[1].tcp_flags = 0x10;
    flow.record.key.port[0] = 443;
    flow.record.key.port[1] = 50000;
    flow.record.initiator = 0;
    ranking = group_all(&flow, 1, READER_GROUP_PORT, READER_SORT_BYTES, 0);
    assert_int_equal(ranking.row[0].record.key.port[1], 443);
    assert_int_equal(ranking.row[0].record.direction[0].bytes, flow.record.direction[1].bytes);
    free(ranking.row);

    flow.record.direction[1].tcp_flags = 0x12; /* the SYN was seen: 443 did call 50000 */
    ranking = group_all(&flow, 1, READER_GROUP_PORT, READER_SORT_BYTES, 0);
    assert_int_equal(ranking.row[0].record.key.port[1], 50000);
    free(ranking.row);
}

static void test_vlans_and_protocols(void **state)
{
    struct reader_row *flow = random_flows();
    struct ranking vlans = group_all(flow, FLOWS, READER_GROUP_VLAN, READER_SORT_FLOWS, 0);
    struct ranking protocols = group_all(flow, FLOWS, READER_GROUP_PROTOCOL, READER_SORT_BYTES, 0);

    (void)state;
    assert_int_equal(vlans.count, 3);
    assert_int_equal(vlans.row[0].flows + vlans.row[1].flows + vlans.row[2].flows, FLOWS);
    assert_true(vlans.row[0].flows >= vlans.row[1].flows && vlans.row[1].flows >= vlans.row[2].flows);
    assert_int_equal(protocols.count, 1);
    assert_int_equal(protocols.row[0].record.key.protocol, 6);
    assert_int_equal(protocols.row[0].flows, FLOWS);
    free(vlans.row);
    free(protocols.row);
    free(flow);
}

/* The first `top` of a ranking are the first of the ranking of all, whatever the order of arrival. */
static void assert_top_is_a_prefix(const struct reader_row *flow, uint32_t count)
{
    for (uint32_t sort = 0; sort < READER_SORT_COUNT; sort++) {
        struct ranking all = group_all(flow, count, READER_GROUP_HOST, sort, 0);
        struct ranking top = group_all(flow, count, READER_GROUP_HOST, sort, 17);

        assert_int_equal(top.count, 17);
        assert_int_equal(top.offered, all.count);
        for (uint64_t i = 0; i < top.count; i++)
            assert_memory_equal(&top.row[i].record.key, &all.row[i].record.key, sizeof(struct xtop_key));
        free(all.row);
        free(top.row);
    }
}

static void test_top_is_a_prefix_of_all(void **state)
{
    struct reader_row *flow = random_flows();

    (void)state;
    assert_top_is_a_prefix(flow, 5000);
    for (uint32_t i = 0; i < HOSTS; i++) { /* all hosts alike, the last address first */
        flow[i] = flow[0];
        put_address(flow[i].record.key.address[0], 0x0a000000u + 2 * (HOSTS - i));
        put_address(flow[i].record.key.address[1], 0x0a000001u + 2 * (HOSTS - i));
    }
    assert_top_is_a_prefix(flow, HOSTS);
    free(flow);
}

/* ---- A whole look -------------------------------------------------------------------------------------------- */

static struct reader_result look(struct queues_fixture *two, uint32_t group, uint32_t directions)
{
    struct reader_view view = {.sort = READER_SORT_BYTES, .descending = 1, .top = 100};
    struct reader_result result;

    view.group = group;
    view.directions = directions;
    view.ended = 1;
    assert_true(reader_collect(two->reader, 0) >= 0);
    assert_int_equal(reader_look(two->reader, &view, &result), 0);
    return result;
}

static void look_free(struct reader_result *result)
{
    reader_rows_free(result->row);
    reader_rows_free(result->group);
}

/* Flow 1's directions meet in different queues: one flow, in whichever group. An ended flow counts, too. */
static void test_halves_and_ended_flows_in_groups(void **state)
{
    struct queues_fixture two;
    struct reader_result result;

    (void)state;
    queues_open(&two, 2, 64, 64);
    queues_feed(&two, 0, fixture_packet(1, 0), START);
    queues_feed(&two, 1, fixture_packet(1, 1), START + 1);
    queues_feed(&two, 1, fixture_packet(1, 1), START + 2);
    queues_feed(&two, 0, fixture_packet(2, 0), START + 3);
    queues_feed(&two, 0, fixture_packet(2, 0), START + 60 * SECOND); /* 30 s of quiet: the first of flow 2 has ended */

    result = look(&two, READER_GROUP_PORT, 0);
    assert_int_equal(result.row_count, 3);
    assert_int_equal(result.group_count, 1);
    assert_int_equal(result.group[0].record.key.port[1], 53);
    assert_int_equal(result.group[0].record.key.protocol, 17);
    assert_int_equal(result.group[0].flows, 3);
    assert_int_equal(result.group[0].record.direction[0].packets, 3);
    assert_int_equal(result.group[0].record.direction[1].packets, 2);
    assert_int_equal(result.group[0].record.direction[1].bytes, 200);
    look_free(&result);

    result = look(&two, READER_GROUP_HOST, 0);
    assert_int_equal(result.group_count, 3); /* 10.0.0.1, 10.0.0.2, 11.0.0.1 */
    assert_int_equal(address_of(result.group[0].record.key.address[0]), 0x0b000001);
    assert_int_equal(result.group[0].record.direction[0].packets, 2);
    assert_int_equal(result.group[0].record.direction[1].packets, 3);
    look_free(&result);
    queues_close(&two);
}

static void test_directions_as_rows(void **state)
{
    struct queues_fixture two;
    struct reader_result result;

    (void)state;
    queues_open(&two, 2, 64, 64);
    queues_feed(&two, 0, fixture_packet(1, 0), START);
    queues_feed(&two, 1, fixture_packet(1, 1), START + 1);
    queues_feed(&two, 1, fixture_packet(1, 1), START + 2);
    queues_feed(&two, 0, fixture_packet(2, 0), START + 3);
    result = look(&two, READER_GROUP_PAIR, 1);
    assert_int_equal(result.matched, 2);
    assert_int_equal(result.rows, 3);
    assert_int_equal(result.row_count, 3);
    assert_int_equal(result.row[0].record.initiator, 1); /* two packets from 11.0.0.1 */
    assert_int_equal(result.row[0].record.direction[1].packets, 2);
    assert_int_equal(result.row[0].record.direction[0].packets, 0);
    assert_int_equal(result.row[0].record.first_seen[0], 0);
    assert_int_equal(result.row[0].rate_packets[0], 0);
    assert_int_equal(result.row[1].record.initiator, 0);
    assert_int_equal(result.group_count, 3); /* two directions of one pair, one of the other */
    look_free(&result);
    result = look(&two, READER_GROUP_NONE, 0);
    assert_int_equal(result.rows, 2);
    assert_int_equal(result.group_count, 0);
    look_free(&result);
    queues_close(&two);
}

/* Rates are what each direction gained between two looks, and add up in groups. */
static void test_rates_of_groups(void **state)
{
    struct queues_fixture two;
    struct reader_result result;

    (void)state;
    queues_open(&two, 2, 64, 64);
    for (uint32_t flow = 0; flow < 5; flow++)
        queues_feed(&two, 0, fixture_packet(flow, 0), START);
    result = look(&two, READER_GROUP_PROTOCOL, 0);
    look_free(&result);
    queues_feed(&two, 0, fixture_packet(3, 0), START + 1);
    queues_feed(&two, 1, fixture_packet(3, 1), START + 1);
    queues_feed(&two, 1, fixture_packet(4, 1), START + 1);
    result = look(&two, READER_GROUP_PROTOCOL, 0);
    assert_int_equal(result.group_count, 1);
    assert_int_equal(result.group[0].flows, 5);
    assert_int_equal(result.group[0].rate_packets[0], 1);
    assert_int_equal(result.group[0].rate_packets[1], 2);
    assert_int_equal(result.group[0].rate_bytes[1], 200);
    look_free(&result);
    queues_close(&two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_send_and_receive),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_pairs_far_apart),
        cmocka_unit_test(test_ports_are_the_responders),
        cmocka_unit_test(test_without_a_syn_a_system_port_serves),
        cmocka_unit_test(test_vlans_and_protocols),
        cmocka_unit_test(test_top_is_a_prefix_of_all),
        cmocka_unit_test(test_halves_and_ended_flows_in_groups),
        cmocka_unit_test(test_directions_as_rows),
        cmocka_unit_test(test_rates_of_groups),
    };

    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    group_store_free(&store);
    return failed;
}
