/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The short way of a packet into a slot against the long one: after every packet of long random conversations, what the
 * slot keeps is what record_update makes of a record that was never packed. And what a slot keeps, to the bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/flow_record.h"
#include "capture/flow_slot.h"
#include "table_fixture.h"

#define CONVERSATIONS 300
#define PACKETS 2000

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, AE = 0x100 };

struct conversation {
    struct xtop_slot slot;
    struct xtop_rest rest;
    struct xtop_record record;
    uint64_t plain;  /* packets that went the short way */
    uint64_t behind; /* segments that went the way of those that come late or again */
    uint64_t moved;  /* times that pending counts went to the totals */
};

static uint64_t random_state;

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % below);
}

/* True once in `odds`. */
static bool rarely(uint32_t odds)
{
    return draw(odds) == 0;
}

static struct xtop_key random_key(uint8_t version, uint8_t protocol)
{
    struct xtop_key key = {.port = {(uint16_t)draw(65536), (uint16_t)draw(65536)},
                           .vlan = (uint16_t)draw(4096),
                           .protocol = protocol,
                           .ip_version = version};

    for (int end = 0; end < 2; end++)
        for (int i = 0; i < (version == 4 ? 4 : 16); i++)
            key.address[end][i] = (uint8_t)draw(256);
    return key;
}

/* Mostly what comes next, at times what came before, and flags in any order. */
static void make_tcp(struct packet *packet, const struct xtop_record *record)
{
    static const uint16_t odd_flags[] = {SYN, SYN | ACK, FIN | ACK, RST, 0, AE | ACK, FIN | PSH | ACK};

    packet->tcp_seen = !rarely(50);
    if (!packet->tcp_seen)
        return;
    packet->tcp_flags = rarely(400) ? odd_flags[draw(7)] : (uint16_t)(ACK | (rarely(2) ? PSH : 0));
    packet->opens = (packet->tcp_flags & (SYN | ACK)) == SYN;
    packet->tcp_sequence = record->tcp_next[packet->direction] + (rarely(100) ? draw(3000) - 1500 : 0);
    packet->unusual = rarely(300) ? PACKET_ZERO_WINDOW : 0;
    packet->tcp_options = rarely(3) ? 0 : XTOP_TCP_STAMPED;
    if (rarely(500))
        packet->tcp_options = UINT64_C(1) << draw(64);
    if (rarely(200)) {
        packet->payload_bytes = draw(2);
        packet->tcp_sequence = record->tcp_next[packet->direction] - 1;
    }
}

static struct packet make_packet(const struct xtop_key *key, const struct xtop_record *record)
{
    uint32_t headers = 28 + draw(60) + (rarely(50) ? draw(4000) : 0);
    struct packet packet = {.key = *key,
                            .direction = (uint8_t)draw(2),
                            .ttl = (uint8_t)(rarely(10) ? draw(256) : 64),
                            .dscp = (uint8_t)(rarely(10) ? draw(64) : 0),
                            .ip_flags = (uint8_t)(rarely(50) ? draw(16) : draw(2)),
                            .payload_bytes = rarely(2) ? 0 : draw(1461)};

    if (rarely(100))
        packet.payload_bytes = draw(300000);
    if (key->protocol == 6)
        make_tcp(&packet, record);
    else if (rarely(200))
        packet.opens = 1;
    if (rarely(400) && key->ip_version == 4)
        packet.ipv4_options = 1u << draw(32);
    if (rarely(400) && key->ip_version == 6)
        packet.ipv6_extensions = (uint16_t)(1u << draw(10));
    packet.bytes = packet.payload_bytes + headers;
    packet.size_bin = (uint8_t)parse_size_bin(packet.bytes + 14);
    packet_plain(&packet);
    return packet;
}

/* As flow_table.c does it, but that a slot may stay due for a packet more. */
static void count(struct conversation *talk, const struct packet *packet, uint64_t time)
{
    uint32_t end = packet->direction;
    bool due = slot_due(talk->slot.side[end].pending);
    uint64_t pending = slot_count(&talk->slot, packet, time);

    if (pending) {
        assert_int_equal(pending, talk->slot.side[end].pending);
        talk->plain++;
    } else if ((pending = slot_count_behind(&talk->slot, &talk->rest, packet, time))) {
        assert_int_equal(pending, talk->slot.side[end].pending);
        talk->behind++;
    } else {
        slot_update(&talk->slot, &talk->rest, packet, time);
    }
    if (!slot_due(talk->slot.side[end].pending) || (!due && rarely(2)))
        return;
    slot_settle(&talk->slot, &talk->rest, end);
    talk->moved++;
}

static void assert_same(const struct conversation *talk)
{
    struct xtop_record kept;

    memset(&kept, 0, sizeof kept);
    slot_unpack(&talk->slot, &talk->rest, &kept);
    assert_int_equal(kept.sequence % 2, 0);
    kept.sequence = 0;
    kept.generation = 0;
    assert_memory_equal(&kept, &talk->record, sizeof kept);
}

static void converse(struct conversation *talk, uint8_t version, uint8_t protocol)
{
    struct xtop_key key = random_key(version, protocol);
    struct packet first = make_packet(&key, &talk->record);
    uint64_t time = START;
    bool counted = rarely(2);

    memset(talk, 0, sizeof *talk);
    first.tunnel = (uint8_t)draw(XTOP_TUNNEL_COUNT);
    first.tunnel_id = draw(1 << 30);
    if (counted)
        slot_start_counted(&talk->slot, &talk->rest, &first, time);
    else
        slot_start(&talk->slot, &talk->rest, &first);
    record_start(&talk->record, &first);
    assert_true(slot_holds(&talk->slot, &talk->rest, &key));
    for (uint32_t i = 0; i < PACKETS; i++) {
        struct packet packet = i ? make_packet(&key, &talk->record) : first;

        if (i)
            time += rarely(3) ? draw(10000000) : 1000;
        if (i && rarely(100))
            time -= draw(20000000); /* a clock that steps back */
        if (i || !counted)
            count(talk, &packet, time);
        record_update(&talk->record, &packet, time);
        assert_same(talk);
    }
}

static void check(uint8_t version, uint8_t protocol, uint64_t plain)
{
    static struct conversation talk;
    uint64_t short_way = 0, behind = 0, moved = 0;

    random_state = version * 1000u + protocol;
    for (int i = 0; i < CONVERSATIONS; i++) {
        converse(&talk, version, protocol);
        short_way += talk.plain;
        behind += talk.behind;
        moved += talk.moved;
    }
    assert_true(short_way * 100 >= plain * CONVERSATIONS * PACKETS); /* else this tests nothing */
    assert_true(moved > CONVERSATIONS);
    assert_true(protocol != 6 || behind > CONVERSATIONS);
}

static void test_udp_over_ipv4(void **state)
{
    (void)state;
    check(4, 17, 80);
}

static void test_udp_over_ipv6(void **state)
{
    (void)state;
    check(6, 17, 80);
}

static void test_tcp_over_ipv4(void **state)
{
    (void)state;
    check(4, 6, 20);
}

static void test_tcp_over_ipv6(void **state)
{
    (void)state;
    check(6, 6, 20);
}

/* One word apart from the slot's key, whichever word: never taken for it. The first of IPv4 is the hash's business. */
static void test_a_slot_holds_its_own_key_alone(void **state)
{
    (void)state;
    random_state = 1;
    for (int round = 0; round < 1000; round++) {
        uint8_t version = round & 1 ? 4 : 6;
        struct packet packet = {.key = random_key(version, 17)};
        struct xtop_slot slot = {0};
        struct xtop_rest rest = {0};

        slot_start(&slot, &rest, &packet);
        assert_true(slot_holds(&slot, &rest, &packet.key));
        for (uint32_t byte = version == 4 ? 16 : 0; byte < sizeof packet.key; byte++) {
            struct xtop_key other = packet.key;

            if (version == 4 && byte >= 20 && byte < 32)
                continue; /* no part of an IPv4 address */
            ((uint8_t *)&other)[byte] ^= (uint8_t)(1 + draw(byte == offsetof(struct xtop_key, ip_version) ? 7 : 255));
            assert_false(slot_holds(&slot, &rest, &other));
        }
        slot_free(&slot, &rest);
        assert_false(slot_holds(&slot, &rest, &packet.key));
    }
}

/* A slot found before another flow took it, of a key that differs in the word that line 0 lacks. */
static void test_a_slot_that_changed_hands_within_a_burst(void **state)
{
    struct table_fixture fixture;
    struct packet first = fixture_packet(1, 0), second = fixture_packet(1 + 60000, 0);
    struct lookup lookup[3] = {{.packet = first, .time = START + 1},
                               {.packet = second, .time = START + 2},
                               {.packet = first, .time = START + 3}};

    (void)state;
    assert_int_equal(first.key.port[0], second.key.port[0]); /* so only the first address differs */
    fixture_open(&fixture, 1, 64);
    fixture_feed(&fixture, &first, START);
    flow_table_hash(&fixture.table, lookup, 3);
    flow_table_find(&fixture.table, lookup, 3);
    flow_table_update(&fixture.table, lookup, 3);
    assert_int_equal(fixture.counts.flows_created, 3);
    assert_int_equal(fixture_ended(&fixture, 0)->direction[0].packets, 2);
    assert_int_equal(fixture_ended(&fixture, 1)->direction[0].packets, 1);
    assert_int_equal(fixture_ended(&fixture, 1)->key.address[0][1], second.key.address[0][1]);
    fixture_close(&fixture);
}

/* As many packets of one flow in a burst as it holds: no field of `pending` may run over. */
static void test_bursts_of_one_flow(void **state)
{
    static const uint32_t sizes[] = {40, 100, 200, 400, 800, 1500, 9000, 65000};
    struct table_fixture fixture;
    struct packet packet = fixture_packet(1, 0);
    struct lookup lookup[64];
    uint64_t bytes = 0, packets = 0;

    (void)state;
    fixture_open(&fixture, 16, 16);
    for (uint32_t round = 0; round < 200; round++) {
        packet.bytes = sizes[round % 8];
        packet.payload_bytes = packet.bytes - 28;
        packet.size_bin = (uint8_t)parse_size_bin(packet.bytes);
        packet_plain(&packet);
        for (int i = 0; i < 64; i++)
            lookup[i] = (struct lookup){.packet = packet, .time = START + round};
        flow_table_hash(&fixture.table, lookup, 64);
        flow_table_find(&fixture.table, lookup, 64);
        flow_table_update(&fixture.table, lookup, 64);
        packets += 64;
        bytes += UINT64_C(64) * packet.bytes;
        assert_int_equal(fixture_find(&fixture, &packet)->direction[0].packets, packets);
        assert_int_equal(fixture_find(&fixture, &packet)->direction[0].bytes, bytes);
        assert_int_equal(fixture_find(&fixture, &packet)->direction[0].payload_bytes, bytes - 28 * packets);
    }
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_over_ipv4),
        cmocka_unit_test(test_udp_over_ipv6),
        cmocka_unit_test(test_tcp_over_ipv4),
        cmocka_unit_test(test_tcp_over_ipv6),
        cmocka_unit_test(test_a_slot_holds_its_own_key_alone),
        cmocka_unit_test(test_a_slot_that_changed_hands_within_a_burst),
        cmocka_unit_test(test_bursts_of_one_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
