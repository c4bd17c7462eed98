/* SPDX-License-Identifier: BSD-2-Clause */
#include "reader_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

uint32_t pair_draw(struct pair *pair)
{
    return fixture_draw(&pair->random);
}

struct reader *pair_reader(const struct table_fixture *fixture)
{
    char error[200] = "";
    struct reader *reader = reader_open(fixture->segment.fd, error, sizeof error);

    if (!reader)
        fail_msg("reader_open: %s", error);
    return reader;
}

struct pair *pair_open(uint32_t random)
{
    struct pair *pair = calloc(1, sizeof *pair);

    assert_non_null(pair);
    fixture_open(&pair->fixture, PAIR_FLOWS, 64);
    pair->fixture.segment.header->state = XTOP_STATE_RUNNING;
    pair->few = pair_reader(&pair->fixture);
    pair->whole = pair_reader(&pair->fixture);
    pair->random = random;
    pair->now = START;
    return pair;
}

void pair_close(struct pair *pair)
{
    reader_close(pair->few);
    reader_close(pair->whole);
    fixture_close(&pair->fixture);
    free(pair);
}

struct packet pair_packet(uint32_t *random, uint32_t flow)
{
    static const uint16_t flags[4] = {0x02, 0x12, 0x18, 0x10}; /* SYN, ACK, PSH */
    struct packet packet = fixture_packet(flow, (uint8_t)(fixture_draw(random) & 1));

    if (flow % 5 == 0) {
        packet = fixture_tcp(flow, packet.direction, flags[fixture_draw(random) % 4]);
        packet.tcp_sequence = fixture_draw(random) % 8 * packet.payload_bytes; /* some come again */
    } else {
        packet.key.protocol = fixture_draw(random) % 8 ? 17 : 136;
    }
    packet.key.address[0][2] = 0; /* hosts of many flows, which their ports tell apart */
    packet.key.address[0][3] = (uint8_t)(flow % (flow % 7 * 30 + 5));
    packet.key.port[1] = flow % 3 ? 53 : (uint16_t)(5000 + flow % 11);
    packet.key.vlan = flow % 4;
    packet.bytes += fixture_draw(random) % 4 * 400;
    packet.payload_bytes += fixture_draw(random) % 2 * (packet.bytes - 100);
    packet_plain(&packet);
    return packet;
}

void pair_traffic(struct pair *pair, uint32_t round)
{
    uint32_t packets = round % 4 == 3 ? 0 : pair_draw(pair) % (2 * PAIR_FLOWS);

    pair->now += (round % 7 == 6 ? 40 : 1) * SECOND;
    for (uint32_t i = 0; i < packets; i++) {
        uint32_t any = pair_draw(pair) % (PAIR_FLOWS + PAIR_FLOWS / 2);
        struct packet packet = pair_packet(&pair->random, pair_draw(pair) & 1 ? any : any & ~63u);

        fixture_feed(&pair->fixture, &packet, pair->now);
    }
    flow_table_sweep(&pair->fixture.table, pair->now);
}

void pair_grow_totals(struct pair *pair)
{
    const struct xtop_shard *shard = segment_shard(pair->fixture.segment.header, 0);
    struct xtop_slot *slots =
        (struct xtop_slot *)((uintptr_t)pair->fixture.segment.header + (uint64_t)shard->slots_offset);
    struct xtop_rest *rests =
        (struct xtop_rest *)((uintptr_t)pair->fixture.segment.header + (uint64_t)shard->rests_offset);

    for (uint32_t slot = 1; slot <= shard->records_used; slot += 7) {
        rests[slot].total[slot & 1].bytes += (UINT64_C(1) << 46) - 1000 * (slot % 3);
        rests[slot].total[slot & 1].packets += (UINT64_C(1) << 40) - 10 * (slot % 5);
        slots[slot].sequence += 2;
    }
    pair->most = UINT64_MAX;
}
