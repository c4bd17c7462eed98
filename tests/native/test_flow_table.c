/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The flow table: nothing found twice, nothing lost, ends for the right reason, and the conservation law throughout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/flow_growth.h"
#include "capture/flow_index.h"
#include "capture/hash.h"
#include "capture/histogram.h"
#include "table_fixture.h"

enum { FIN_ACK = 0x11, RST = 0x04, SYN = 0x02, SYN_ACK = 0x12, ACK = 0x10 };

static void assert_law(const struct table_fixture *fixture, uint64_t fed)
{
    assert_int_equal(fixture->counts.accounted + fixture->counts.table_full, fed);
    assert_int_equal(fixture_packets(fixture), fixture->counts.accounted);
    assert_int_equal(fixture->counts.flows_created - fixture->counts.flows_ended, fixture_live(fixture));
    assert_int_equal(segment_shard(fixture->segment.header, 0)->ended_head, fixture->counts.flows_ended);
}

static void feed(struct table_fixture *fixture, struct packet packet, uint64_t time)
{
    fixture_feed(fixture, &packet, time);
}

static void test_both_directions_meet_in_one_record(void **state)
{
    struct table_fixture fixture;
    struct packet packet = fixture_packet(1, 0);
    const struct xtop_record *record;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_packet(1, 1), START);
    feed(&fixture, fixture_packet(1, 0), START + 5);
    feed(&fixture, fixture_packet(1, 1), START + 9);
    record = fixture_find(&fixture, &packet);
    assert_non_null(record);
    assert_int_equal(record->initiator, 1); /* the sender of the first packet */
    assert_int_equal(record->direction[0].packets, 1);
    assert_int_equal(record->direction[1].packets, 2);
    assert_int_equal(record->direction[1].bytes, 200);
    assert_int_equal(record->direction[1].payload_bytes, 144);
    assert_int_equal(record->direction[1].size_histogram[1], 2);
    assert_int_equal(record->direction[0].ttl_min, 64);
    assert_int_equal(record->direction[1].ttl_max, 60);
    assert_int_equal(record->first_seen[1], START);
    assert_int_equal(record->last_seen[1], START + 9);
    assert_int_equal(record->first_seen[0], START + 5);
    assert_int_equal(record->sequence % 2, 0);
    assert_law(&fixture, 3);
    fixture_close(&fixture);
}

static void test_a_late_syn_turns_the_flow_round(void **state)
{
    struct table_fixture fixture;
    struct packet packet = fixture_tcp(1, 0, SYN);

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_tcp(1, 1, SYN_ACK), START);
    assert_int_equal(fixture_find(&fixture, &packet)->initiator, 1);
    feed(&fixture, packet, START + 1);
    assert_int_equal(fixture_find(&fixture, &packet)->initiator, 0);
    fixture_close(&fixture);
}

static void test_thousands_of_flows_are_found_again(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 8192, 16);
    for (int round = 0; round < 3; round++)
        for (uint32_t flow = 0; flow < 8192; flow++)
            feed(&fixture, fixture_packet(flow, (uint8_t)(round & 1)), START + (uint64_t)round);
    assert_int_equal(fixture.counts.flows_created, 8192);
    assert_int_equal(fixture.counts.flows_ended, 0);
    assert_int_equal(fixture_live(&fixture), 8192);
    for (uint32_t flow = 0; flow < 8192; flow += 97) {
        struct packet packet = fixture_packet(flow, 0);

        assert_int_equal(fixture_find(&fixture, &packet)->direction[0].packets, 2);
    }
    assert_law(&fixture, 3 * 8192);
    fixture_close(&fixture);
}

/* Two new flows, and twice the same new flow, in one burst: look-up came before either was put in. */
static void test_a_burst_that_makes_its_own_flows(void **state)
{
    struct table_fixture fixture;
    struct lookup lookup[64];
    struct packet packet = fixture_packet(7, 0);

    (void)state;
    fixture_open(&fixture, 64, 64);
    for (uint32_t i = 0; i < 64; i++)
        lookup[i] = (struct lookup){.packet = fixture_packet(i % 8, (uint8_t)(i / 8 % 2)), .time = START + i};
    flow_table_hash(&fixture.table, lookup, 64);
    flow_table_find(&fixture.table, lookup, 64);
    flow_table_update(&fixture.table, lookup, 64);
    assert_int_equal(fixture.counts.flows_created, 8);
    assert_int_equal(fixture_find(&fixture, &packet)->direction[0].packets, 4);
    assert_law(&fixture, 64);
    fixture_close(&fixture);
}

/* Flow n's packets have 100 + n bytes: no record may hold another flow's packet. */
static void assert_own_bytes(const struct xtop_record *record)
{
    uint64_t flow = record->key.address[0][3];

    for (int i = 0; i < 2; i++)
        assert_int_equal(record->direction[i].bytes, record->direction[i].packets * (100 + flow));
}

/* A burst whose first packets push out the flows that its later ones have already looked up. */
static void test_a_burst_that_evicts_what_it_found(void **state)
{
    struct table_fixture fixture;
    struct lookup lookup[64];
    uint64_t fed = 0;

    (void)state;
    fixture_open(&fixture, 4, 4096);
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t flow = (i * 7 + round) % 9;

            lookup[i] = (struct lookup){.packet = fixture_packet(flow, 0), .time = START + fed + i};
            lookup[i].packet.bytes = 100 + flow;
        }
        flow_table_hash(&fixture.table, lookup, 64);
        flow_table_find(&fixture.table, lookup, 64);
        flow_table_update(&fixture.table, lookup, 64);
        fed += 64;
        assert_true(fixture_live(&fixture) <= 4);
        assert_law(&fixture, fed);
    }
    assert_true(fixture.counts.flows_evicted > 0);
    for (uint64_t i = 0; i < fixture.counts.flows_ended; i++)
        assert_own_bytes(fixture_ended(&fixture, i));
    for (uint32_t flow = 0; flow < 9; flow++) {
        struct packet packet = fixture_packet(flow, 0);
        const struct xtop_record *record = fixture_find(&fixture, &packet);

        if (record)
            assert_own_bytes(record);
    }
    fixture_close(&fixture);
}

static void test_the_least_recently_seen_makes_room(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 4, 64); /* one bucket: the neighbourhood is the whole table */
    for (uint32_t flow = 0; flow < 4; flow++)
        feed(&fixture, fixture_packet(flow, 0), START + flow);
    feed(&fixture, fixture_packet(0, 1), START + 10); /* seen again, from the other side */
    feed(&fixture, fixture_packet(4, 0), START + 11);
    assert_int_equal(fixture.counts.flows_evicted, 1);
    assert_int_equal(fixture.counts.table_full, 0);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_CACHE_FULL);
    assert_int_equal(fixture_ended(&fixture, 0)->key.address[0][3], 1);
    assert_law(&fixture, 6);
    fixture_close(&fixture);
}

static void test_the_budget_is_kept(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 100, 8192);
    for (uint32_t flow = 0; flow < 5000; flow++) {
        feed(&fixture, fixture_packet(flow, 0), START + flow);
        assert_true(fixture.counts.flows_created - fixture.counts.flows_ended <= 100);
    }
    assert_true(fixture_live(&fixture) <= 100);
    assert_true(fixture.segment.header->flows_claimed <= 100);
    assert_int_equal(fixture.counts.flows_evicted, fixture.counts.flows_ended);
    assert_law(&fixture, 5000);
    fixture_close(&fixture);
}

static void test_idle_is_exact(void **state)
{
    struct table_fixture fixture;
    const struct xtop_record *ended;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_packet(1, 0), START);
    feed(&fixture, fixture_packet(1, 1), START + 30 * SECOND); /* just in time */
    assert_int_equal(fixture.counts.flows_created, 1);
    feed(&fixture, fixture_packet(1, 1), START + 60 * SECOND + 1);
    assert_int_equal(fixture.counts.flows_created, 2);
    ended = fixture_ended(&fixture, 0);
    assert_int_equal(ended->end_reason, XTOP_END_IDLE);
    assert_int_equal(ended->direction[0].packets + ended->direction[1].packets, 2);
    assert_law(&fixture, 3);
    fixture_close(&fixture);
}

static void test_active_timeout_splits_a_busy_flow(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    for (uint32_t i = 0; i <= 60; i++)
        feed(&fixture, fixture_packet(1, 0), START + i * 10 * SECOND);
    assert_int_equal(fixture.counts.flows_ended, 1);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_ACTIVE);
    assert_int_equal(fixture_ended(&fixture, 0)->direction[0].packets, 31); /* 0, 10 ... 300 s */
    assert_law(&fixture, 61);
    fixture_close(&fixture);
}

static void test_fin_both_ways_then_quiet(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_tcp(1, 0, FIN_ACK), START);
    flow_table_sweep_all(&fixture.table, START + 3 * SECOND);
    assert_int_equal(fixture.counts.flows_ended, 0); /* one side only: half closed lives on */
    feed(&fixture, fixture_tcp(1, 1, FIN_ACK), START + 3 * SECOND);
    feed(&fixture, fixture_tcp(1, 0, ACK), START + 4 * SECOND);
    flow_table_sweep_all(&fixture.table, START + 6 * SECOND);
    assert_int_equal(fixture.counts.flows_ended, 0); /* 2 s of quiet, not more */
    flow_table_sweep_all(&fixture.table, START + 6 * SECOND + 1);
    assert_int_equal(fixture.counts.flows_ended, 1);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_TCP);
    assert_int_equal(fixture_ended(&fixture, 0)->tcp_state, XTOP_TCP_CLOSED);
    assert_law(&fixture, 3);
    fixture_close(&fixture);
}

static void test_reset_then_quiet(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_tcp(1, 0, RST), START);
    feed(&fixture, fixture_tcp(1, 1, ACK), START + 2 * SECOND);
    assert_int_equal(fixture.counts.flows_created, 1);
    feed(&fixture, fixture_tcp(1, 0, SYN), START + 4 * SECOND + 1);
    assert_int_equal(fixture.counts.flows_created, 2);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_TCP);
    fixture_close(&fixture);
}

/* The hand may not have passed: the packet itself must find that its flow is over. */
/* Packets of one sender that the kernel counted together: flags, of SYN and first ACK the times. */
static void merge(struct table_fixture *fixture, uint8_t direction, uint16_t flags, uint64_t time)
{
    const struct flow_sum sum = {
        .packets = 1,
        .first_seen = time,
        .last_seen = time,
        .first_ack = (flags & SYN_ACK) == ACK ? time : 0,
        .tcp_flags = flags,
        .opens = (flags & SYN_ACK) == SYN,
        .tcp_seen = 1,
    };
    const struct flow_sum *sums[] = {&sum};
    struct lookup lookup = {.packet = fixture_tcp(1, direction, flags), .time = time};

    flow_table_hash(&fixture->table, &lookup, 1);
    flow_table_find(&fixture->table, &lookup, 1);
    flow_table_merge(&fixture->table, &lookup, sums, 1, 0);
}

/* RTT is that of the handshake, not of what came by the same ports before. */
static void test_sums_of_a_connection_that_was_refused_at_first(void **state)
{
    struct table_fixture fixture;
    struct packet packet = fixture_tcp(1, 0, SYN);
    const uint64_t again = START + SECOND;

    (void)state;
    fixture_open(&fixture, 64, 64);
    merge(&fixture, 0, SYN, START);
    merge(&fixture, 1, RST | ACK, START + SECOND / 100);
    merge(&fixture, 0, SYN, again);
    merge(&fixture, 1, SYN_ACK, again + SECOND / 200);
    merge(&fixture, 0, ACK, again + SECOND / 100);
    assert_int_equal(fixture_find(&fixture, &packet)->rtt_us, 10000);
    assert_law(&fixture, 5);
    fixture_close(&fixture);
}

static void test_a_packet_after_the_quiet_starts_anew(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_tcp(1, 0, FIN_ACK), START);
    feed(&fixture, fixture_tcp(1, 1, FIN_ACK), START + 1);
    feed(&fixture, fixture_tcp(1, 0, ACK), START + 2 * SECOND + 1); /* just in time */
    assert_int_equal(fixture.counts.flows_created, 1);
    feed(&fixture, fixture_tcp(1, 0, SYN), START + 4 * SECOND + 2);
    assert_int_equal(fixture.counts.flows_created, 2);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_TCP);
    assert_law(&fixture, 4);
    fixture_close(&fixture);
}

/* The clock may leap (a file, a suspended host): what ended first is the reason, not what is noticed first. */
static void test_a_closed_flow_found_late_ended_by_tcp(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_tcp(1, 0, RST), START);
    flow_table_sweep_all(&fixture.table, START + 60 * SECOND);
    assert_int_equal(fixture.counts.flows_ended, 1);
    assert_int_equal(fixture_ended(&fixture, 0)->end_reason, XTOP_END_TCP);
    fixture_close(&fixture);
}

/* The hand must reach everything by itself, however large its steps. */
static void test_the_hand_comes_round(void **state)
{
    struct table_fixture fixture;
    uint64_t now = START;

    (void)state;
    fixture_open(&fixture, 4096, 4096);
    for (uint32_t flow = 0; flow < 3000; flow++)
        feed(&fixture, fixture_packet(flow, 0), now);
    for (; now < START + 32 * SECOND; now += SECOND / 100)
        flow_table_sweep(&fixture.table, now);
    assert_int_equal(fixture.counts.flows_ended, 3000);
    assert_int_equal(fixture_live(&fixture), 0);
    assert_law(&fixture, 3000);
    fixture_close(&fixture);
}

/* Sweeps once each 10 ms until `end`; returns the flows that have ended. */
static uint64_t sweep_until(struct table_fixture *fixture, uint64_t end)
{
    for (uint64_t now = START; now < end; now += SECOND / 100)
        flow_table_sweep(&fixture->table, now);
    return fixture->counts.flows_ended;
}

/* All are over after 30 s. A turn takes 3.2 s, while half of the table is free, and else 0.8 s. */
static void test_a_hand_that_takes_its_time(void **state)
{
    struct table_fixture fixture;

    (void)state;
    for (uint32_t flows = 2000; flows <= 3000; flows += 1000) {
        bool crowded = flows > 4096 / 2;

        fixture_open(&fixture, 4096, 4096);
        fixture.table.unhurried = true;
        for (uint32_t flow = 0; flow < flows; flow++)
            feed(&fixture, fixture_packet(flow, 0), START);
        assert_int_equal(sweep_until(&fixture, START + 31 * SECOND) == flows, crowded);
        assert_in_range(fixture.counts.flows_ended, flows / 4, flows);
        assert_int_equal(sweep_until(&fixture, START + 34 * SECOND), flows);
        fixture_close(&fixture);
    }
}

static void test_a_clock_that_runs_backwards_ends_nothing(void **state)
{
    struct table_fixture fixture;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_packet(1, 0), START);
    feed(&fixture, fixture_packet(1, 0), START - 1000 * SECOND);
    flow_table_sweep(&fixture.table, START - 1000 * SECOND);
    flow_table_sweep_all(&fixture.table, START - 1000 * SECOND);
    assert_int_equal(fixture.counts.flows_created, 1);
    assert_int_equal(fixture.counts.flows_ended, 0);
    assert_law(&fixture, 2);
    fixture_close(&fixture);
}

static void test_a_slot_used_again_is_told_apart(void **state)
{
    struct table_fixture fixture;
    struct packet first = fixture_packet(1, 0);
    struct packet second = fixture_packet(2, 0);
    const struct xtop_record *record;
    uint32_t generation;

    (void)state;
    fixture_open(&fixture, 1, 64);
    fixture_feed(&fixture, &first, START);
    record = fixture_find(&fixture, &first);
    generation = record->generation;
    assert_int_equal(generation % 2, 1);
    fixture_feed(&fixture, &second, START + 1);
    assert_null(fixture_find(&fixture, &first));
    assert_ptr_equal(fixture_find(&fixture, &second), record);
    assert_int_equal(record->generation, generation + 2);
    assert_int_equal(record->sequence % 2, 0);
    assert_int_equal(record->direction[0].packets, 1); /* nothing of the first is left */
    assert_law(&fixture, 2);
    fixture_close(&fixture);
}

/* Fills one bucket far over, then ends the flows in it: those that had to move on must still be found. */
static void test_flows_past_a_full_bucket(void **state)
{
    struct table_fixture fixture;
    uint32_t crowd[24];
    uint32_t found = 0;

    (void)state;
    fixture_open(&fixture, 400, 1024); /* 100 buckets */
    for (uint32_t flow = 0; found < 24; flow++) {
        struct packet packet = fixture_packet(flow, 0);

        if (flow_index_home(hash_key(&packet.key, 12345), fixture.table.bucket_count) == 99) /* wraps to bucket 0 */
            crowd[found++] = flow;
    }
    for (uint32_t i = 0; i < 24; i++)
        feed(&fixture, fixture_packet(crowd[i], 0), START + (i < 12 ? 0 : 20 * SECOND));
    flow_table_sweep_all(&fixture.table, START + 31 * SECOND); /* ends the first twelve */
    assert_int_equal(fixture.counts.flows_ended, 12);
    for (uint32_t i = 12; i < 24; i++)
        feed(&fixture, fixture_packet(crowd[i], 1), START + 31 * SECOND);
    assert_int_equal(fixture.counts.flows_created, 24);
    assert_law(&fixture, 36);
    flow_table_sweep_all(&fixture.table, START + 100 * SECOND);
    for (uint32_t i = 0; i < fixture.table.bucket_count; i++)
        assert_int_equal(fixture.table.bucket[i].passed, 0);
    fixture_close(&fixture);
}

/* More flows with one home than eight buckets hold: some must go, none may be lost or found twice. */
static void test_a_neighbourhood_that_is_full(void **state)
{
    struct table_fixture fixture;
    uint32_t found = 0;

    (void)state;
    fixture_open(&fixture, 400, 1024);
    for (uint32_t flow = 0; found < 100; flow++) {
        struct packet packet = fixture_packet(flow, 0);

        if (flow_index_home(hash_key(&packet.key, 12345), fixture.table.bucket_count) != 50)
            continue;
        fixture_feed(&fixture, &packet, START + found);
        assert_non_null(fixture_find(&fixture, &packet));
        found++;
    }
    assert_int_equal(fixture.counts.flows_evicted, 100 - FLOW_INDEX_NEIGHBOURHOOD * XTOP_BUCKET_ENTRIES);
    assert_law(&fixture, 100);
    fixture_close(&fixture);
}

/* The table is full, and nothing lives near the new flow's home: some flow elsewhere must go. */
static void test_a_full_table_and_an_empty_neighbourhood(void **state)
{
    struct table_fixture fixture;
    uint32_t flow = 0;

    (void)state;
    fixture_open(&fixture, 400, 1024); /* 100 buckets of 7 */
    for (uint32_t fed = 0; fed < 400; flow++) {
        struct packet packet = fixture_packet(flow, 0);

        if (flow_index_home(hash_key(&packet.key, 12345), fixture.table.bucket_count) < 70) {
            fixture_feed(&fixture, &packet, START + fed);
            fed++;
        }
    }
    assert_int_equal(fixture.counts.flows_evicted, 0);
    for (uint32_t fed = 0; fed < 1; flow++) {
        struct packet packet = fixture_packet(flow, 0);

        if (flow_index_home(hash_key(&packet.key, 12345), fixture.table.bucket_count) == 88) {
            fixture_feed(&fixture, &packet, START + 1000);
            fed++;
        }
    }
    assert_int_equal(fixture.counts.flows_evicted, 1);
    assert_int_equal(fixture.counts.table_full, 0);
    assert_int_equal(fixture_ended(&fixture, 0)->direction[0].packets, 1);
    assert_law(&fixture, 401);
    fixture_close(&fixture);
}

static void assert_index_is_empty(const struct table_fixture *fixture)
{
    static const struct xtop_bucket empty;
    const struct xtop_shard *shard = segment_shard(fixture->segment.header, 0);

    for (uint32_t i = 0; i < shard->bucket_count; i++)
        assert_memory_equal(&fixture->table.bucket[i], &empty, sizeof empty);
}

/*
 * An index that begins small and doubles: each flow is found again after each time, and at the end nothing is left.
 * At its largest it has more than one huge page.
 */
static void test_an_index_that_grows(void **state)
{
    const uint32_t flows = 240000;
    struct table_fixture fixture;
    uint32_t counts[8], sizes = 0;

    (void)state;
    fixture_open(&fixture, 4 * 65536 + 3, 4 * 65536); /* not a power of two */
    flow_table_begin_small(&fixture.table);
    for (uint32_t flow = 0; flow < flows; flow++) {
        feed(&fixture, fixture_packet(flow, 0), START);
        feed(&fixture, fixture_packet(flow / 2, 1), START);
        flow_table_sweep(&fixture.table, START);
        if (sizes == 0 || counts[sizes - 1] != fixture.table.bucket_count)
            counts[sizes++] = fixture.table.bucket_count;
    }
    assert_int_equal(sizes, 5);
    assert_int_equal(counts[4], segment_shard(fixture.segment.header, 0)->bucket_count);
    for (uint32_t i = 0; i + 1 < sizes; i++)
        assert_int_equal(counts[i], counts[i + 1] / 2);
    for (uint32_t flow = 0; flow < flows; flow++)
        feed(&fixture, fixture_packet(flow, 1), START + 1);
    assert_int_equal(fixture.counts.flows_created, flows);
    assert_int_equal(fixture.counts.flows_evicted, 0);
    assert_law(&fixture, 3 * (uint64_t)flows);
    flow_table_sweep_all(&fixture.table, START + 100 * SECOND);
    assert_law(&fixture, 3 * (uint64_t)flows);
    assert_index_is_empty(&fixture);
    fixture_close(&fixture);
}

/* Flows past a full bucket, at the index's end and so at its begin, when it doubles; and in its first buckets. */
static void test_growth_round_the_end(void **state)
{
    struct table_fixture fixture;
    uint32_t crowd[72];
    uint32_t found = 0;

    (void)state;
    fixture_open(&fixture, 65536, 1024);
    flow_table_begin_small(&fixture.table);
    for (uint32_t flow = 0; found < 72; flow++) {
        struct packet packet = fixture_packet(flow, 0);
        uint32_t home = flow_index_home(hash_key(&packet.key, 12345), fixture.table.bucket_count);

        if (home == (found < 24 ? fixture.table.bucket_count - 1 : found < 48 ? 0 : 15))
            crowd[found++] = flow;
    }
    for (uint32_t i = 0; i < 72; i++)
        feed(&fixture, fixture_packet(crowd[i], 0), START);
    for (uint32_t times = 1; times <= 2; times++) {
        assert_true(fixture.table.bucket_count < segment_shard(fixture.segment.header, 0)->bucket_count);
        flow_table_grow(&fixture.table);
        for (uint32_t i = 0; i < 72; i++)
            feed(&fixture, fixture_packet(crowd[i], 1), START + times);
        assert_int_equal(fixture.counts.flows_created, 72);
        assert_law(&fixture, 72 + 72 * times);
    }
    flow_table_sweep_all(&fixture.table, START + 100 * SECOND);
    assert_index_is_empty(&fixture);
    fixture_close(&fixture);
}

static void test_what_is_told_of_ended_flows(void **state)
{
    struct table_fixture fixture;
    const struct xtop_protocol *udp;

    (void)state;
    fixture_open(&fixture, 64, 64);
    feed(&fixture, fixture_packet(1, 0), START);
    feed(&fixture, fixture_packet(1, 0), START + 5 * SECOND);
    feed(&fixture, fixture_packet(1, 1), START + 7 * SECOND);
    feed(&fixture, fixture_packet(2, 1), START);
    flow_table_sweep_all(&fixture.table, START + 100 * SECOND);
    udp = &segment_queue(fixture.segment.header, 0)->ended_protocol[17];
    assert_int_equal(udp->flows, 2);
    assert_int_equal(udp->packets, 4);
    assert_int_equal(udp->bytes, 400);
    assert_int_equal(fixture.counts.ended_duration[4], 1); /* 7 s: more than 1, up to 10 */
    assert_int_equal(fixture.counts.ended_duration[0], 1); /* a single packet */
    assert_int_equal(fixture.counts.ended_packets[2], 1);  /* 3: more than 2, up to 5 */
    assert_int_equal(fixture.counts.ended_packets[0], 1);
    fixture_close(&fixture);
}

/* Random traffic with leaps in time over a table that is too small, the law checked all along. */
static void test_the_law_under_random_traffic(void **state)
{
    struct table_fixture fixture;
    uint64_t now = START;
    uint64_t ends = 0;

    (void)state;
    fixture_open(&fixture, 256, 65536);
    srand(20240131);
    for (uint32_t fed = 1; fed <= 60000; fed++) {
        uint32_t flow = (uint32_t)rand() % (rand() % 4 ? 200 : 3000);

        now += rand() % 2000 ? (uint64_t)(rand() % 1000000) : 31 * SECOND;
        if (rand() % 3)
            feed(&fixture, fixture_packet(flow, (uint8_t)(rand() & 1)), now);
        else
            feed(&fixture, fixture_tcp(flow, (uint8_t)(rand() & 1), (uint16_t)(1 << rand() % 5)), now);
        flow_table_sweep(&fixture.table, now);
        if (fed % 5000 == 0)
            assert_law(&fixture, fed);
    }
    assert_int_equal(fixture.counts.table_full, 0);
    for (int protocol = 0; protocol < 256; protocol++)
        ends += segment_queue(fixture.segment.header, 0)->ended_protocol[protocol].flows;
    assert_int_equal(ends, fixture.counts.flows_ended);
    fixture_close(&fixture);
}

/* A hungry shard may take what is free of the budget, not what another was promised, and never more than there is. */
static void test_shards_share_one_budget(void **state)
{
    struct segment_plan plan = {.queue_count = 2, .max_flows = 3000, .ended_capacity = 8192, .hash_seed = 1};
    struct failure failure;
    struct segment segment;
    struct flow_table table[2];
    struct xtop_queue counts[2] = {0};

    (void)state;
    assert_int_equal(segment_create(&segment, &plan, &failure), 0);
    segment.header->idle_timeout = segment.header->active_timeout = 300 * SECOND;
    for (uint32_t i = 0; i < 2; i++)
        assert_int_equal(flow_table_open(&table[i], segment.header, i, &counts[i]), 0);
    for (uint32_t at = 0; at < 8000; at++) {
        struct lookup lookup = {.packet = fixture_packet(at % 4000, 0), .time = START + at};
        struct flow_table *one = &table[at >= 4000];

        flow_table_hash(one, &lookup, 1);
        flow_table_find(one, &lookup, 1);
        flow_table_update(one, &lookup, 1);
    }
    assert_true(segment.header->flows_claimed <= 3000);
    assert_int_equal(counts[0].accounted + counts[0].table_full, 4000);
    assert_int_equal(counts[1].accounted + counts[1].table_full, 4000);
    assert_true(counts[0].flows_created - counts[0].flows_ended + counts[1].flows_created - counts[1].flows_ended <=
                3000);
    assert_int_equal(counts[0].table_full + counts[1].table_full, 0); /* each has something of its own to push out */
    for (uint32_t i = 0; i < 2; i++)
        flow_table_close(&table[i]);
    segment_destroy(&segment);
}

static void test_bins_of_ended_flows(void **state)
{
    static const uint64_t duration[] = {1000000, 10000000, 100000000, SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND};
    static const uint64_t packets[] = {1, 2, 5, 10, 100, 1000, 10000};

    (void)state;
    for (uint32_t i = 0; i < 7; i++) {
        assert_int_equal(histogram_duration_bin(duration[i]), i);
        assert_int_equal(histogram_duration_bin(duration[i] + 1), i + 1);
        assert_int_equal(histogram_packets_bin(packets[i]), i);
        assert_int_equal(histogram_packets_bin(packets[i] + 1), i + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_directions_meet_in_one_record),
        cmocka_unit_test(test_a_late_syn_turns_the_flow_round),
        cmocka_unit_test(test_thousands_of_flows_are_found_again),
        cmocka_unit_test(test_a_burst_that_makes_its_own_flows),
        cmocka_unit_test(test_a_burst_that_evicts_what_it_found),
        cmocka_unit_test(test_the_least_recently_seen_makes_room),
        cmocka_unit_test(test_the_budget_is_kept),
        cmocka_unit_test(test_idle_is_exact),
        cmocka_unit_test(test_active_timeout_splits_a_busy_flow),
        cmocka_unit_test(test_fin_both_ways_then_quiet),
        cmocka_unit_test(test_reset_then_quiet),
        cmocka_unit_test(test_sums_of_a_connection_that_was_refused_at_first),
        cmocka_unit_test(test_a_packet_after_the_quiet_starts_anew),
        cmocka_unit_test(test_a_closed_flow_found_late_ended_by_tcp),
        cmocka_unit_test(test_the_hand_comes_round),
        cmocka_unit_test(test_a_hand_that_takes_its_time),
        cmocka_unit_test(test_a_clock_that_runs_backwards_ends_nothing),
        cmocka_unit_test(test_a_slot_used_again_is_told_apart),
        cmocka_unit_test(test_flows_past_a_full_bucket),
        cmocka_unit_test(test_a_neighbourhood_that_is_full),
        cmocka_unit_test(test_a_full_table_and_an_empty_neighbourhood),
        cmocka_unit_test(test_an_index_that_grows),
        cmocka_unit_test(test_growth_round_the_end),
        cmocka_unit_test(test_what_is_told_of_ended_flows),
        cmocka_unit_test(test_the_law_under_random_traffic),
        cmocka_unit_test(test_shards_share_one_budget),
        cmocka_unit_test(test_bins_of_ended_flows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
