/* SPDX-License-Identifier: BSD-2-Clause */
#include "table_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(int condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "table_fixture: %s\n", what);
    abort();
}

void fixture_open(struct table_fixture *fixture, uint32_t max_flows, uint32_t ended_capacity)
{
    struct segment_plan plan = {
        .queue_count = 1, .max_flows = max_flows, .ended_capacity = ended_capacity, .hash_seed = 12345};
    struct failure failure = {0};

    memset(fixture, 0, sizeof *fixture);
    require(segment_create(&fixture->segment, &plan, &failure) == 0, failure.text);
    fixture->segment.header->idle_timeout = 30 * SECOND;
    fixture->segment.header->active_timeout = 300 * SECOND;
    require(flow_table_open(&fixture->table, fixture->segment.header, 0, &fixture->counts) == 0, "no memory");
    fixture->table.exact_active = true;
    fixture->copy = calloc(max_flows + 1, sizeof *fixture->copy);
    require(fixture->copy != NULL, "no memory");
}

void fixture_close(struct table_fixture *fixture)
{
    free(fixture->copy);
    flow_table_close(&fixture->table);
    segment_destroy(&fixture->segment);
}

struct packet fixture_packet(uint32_t flow, uint8_t direction)
{
    struct packet packet = {
        .key = {.port = {(uint16_t)(1024 + flow % 60000), 53}, .protocol = 17, .ip_version = 4},
        .direction = direction,
        .ttl = direction ? 60 : 64,
        .size_bin = 1,
        .bytes = 100,
        .payload_bytes = 72,
    };

    for (int i = 0; i < 4; i++)
        packet.key.address[0][i] = (uint8_t)((0x0a000000u + flow) >> (24 - 8 * i));
    memcpy(packet.key.address[1], (uint8_t[]){11, 0, 0, 1}, 4);
    return packet;
}

struct packet fixture_tcp(uint32_t flow, uint8_t direction, uint16_t flags)
{
    struct packet packet = fixture_packet(flow, direction);

    packet.key.protocol = 6;
    packet.tcp_seen = 1;
    packet.tcp_flags = flags;
    packet.opens = (flags & 0x12) == 0x02;
    return packet;
}

void fixture_feed(struct table_fixture *fixture, const struct packet *packet, uint64_t time)
{
    struct lookup lookup = {.packet = *packet, .time = time};

    flow_table_hash(&fixture->table, &lookup, 1);
    flow_table_find(&fixture->table, &lookup, 1);
    flow_table_update(&fixture->table, &lookup, 1);
}

/* The record of a slot; NULL when the slot is free. */
static const struct xtop_record *record_at(const struct table_fixture *fixture, uint32_t slot)
{
    const struct xtop_shard *shard = segment_shard(fixture->segment.header, 0);
    const struct xtop_slot *slots =
        (const struct xtop_slot *)((uintptr_t)fixture->segment.header + shard->slots_offset);
    const struct xtop_rest *rests =
        (const struct xtop_rest *)((uintptr_t)fixture->segment.header + shard->rests_offset);

    if (!slot_is_live(&slots[slot]))
        return NULL;
    slot_unpack(&slots[slot], &rests[slot], &fixture->copy[slot]);
    require(fixture->copy[slot].generation & 1, "a live slot has an even generation");
    return &fixture->copy[slot];
}

const struct xtop_record *fixture_find(const struct table_fixture *fixture, const struct packet *packet)
{
    const struct xtop_record *found = NULL;

    for (uint32_t slot = 1; slot <= segment_shard(fixture->segment.header, 0)->records_used; slot++) {
        const struct xtop_record *record = record_at(fixture, slot);

        if (!record || memcmp(&record->key, &packet->key, sizeof packet->key) != 0)
            continue;
        require(!found, "one key lives in two records");
        found = record;
    }
    return found;
}

uint32_t fixture_live(const struct table_fixture *fixture)
{
    uint32_t live = 0;

    for (uint32_t slot = 1; slot <= segment_shard(fixture->segment.header, 0)->records_used; slot++)
        live += record_at(fixture, slot) != NULL;
    return live;
}

uint64_t fixture_packets(const struct table_fixture *fixture)
{
    const struct xtop_shard *shard = segment_shard(fixture->segment.header, 0);
    uint64_t packets = 0;

    for (uint32_t slot = 1; slot <= shard->records_used; slot++) {
        const struct xtop_record *record = record_at(fixture, slot);

        if (record)
            packets += record->direction[0].packets + record->direction[1].packets;
    }
    for (uint64_t i = 0; i < shard->ended_head; i++)
        packets += fixture_ended(fixture, i)->direction[0].packets + fixture_ended(fixture, i)->direction[1].packets;
    return packets;
}

const struct xtop_record *fixture_ended(const struct table_fixture *fixture, uint64_t number)
{
    const struct xtop_shard *shard = segment_shard(fixture->segment.header, 0);

    require(number < shard->ended_head && shard->ended_head <= shard->ended_capacity, "the ended ring was lapped");
    return (const struct xtop_record *)((uintptr_t)fixture->segment.header + shard->ended_offset) + number;
}

uint32_t fixture_draw(uint32_t *random)
{
    *random = *random * 1664525u + 1013904223u;
    return *random >> 8;
}
