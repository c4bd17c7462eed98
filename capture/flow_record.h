/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet does to its flow's record. Knows the record alone: neither index nor ring.
 */
#ifndef XTOP_FLOW_RECORD_H
#define XTOP_FLOW_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/parse.h"

/* xtop_record.fin_seen: bits 0 and 1 are FIN of direction 0 and 1, bits 2 and 3 say that tcp_next of it is known. */
#define RECORD_FIN_BOTH 3u
#define RECORD_NEXT_KNOWN(direction) (4u << (direction))

/* A segment behind the expected one is late, not sent again, when it follows its predecessor this closely (ns). */
#define RECORD_REORDER_WINDOW UINT64_C(3000000)

/* The sequence lock of flow_abi.h, writer's side. */
static inline void record_write_begin(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_release);
}

static inline void record_write_end(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

static inline bool record_is_live(const struct xtop_record *record)
{
    return record->generation & 1;
}

static inline uint64_t record_last_seen(const struct xtop_record *record)
{
    return record->last_seen[0] > record->last_seen[1] ? record->last_seen[0] : record->last_seen[1];
}

static inline uint64_t record_first_seen(const struct xtop_record *record)
{
    uint64_t first = record->first_seen[0];
    uint64_t second = record->first_seen[1];

    if (first == 0 || (second != 0 && second < first))
        return second;
    return first;
}

static inline uint64_t record_packets(const struct xtop_record *record)
{
    return record->direction[0].packets + record->direction[1].packets;
}

/* True when `from` lies more than `span` before `to`; false when the clock went backwards. */
static inline bool record_older(uint64_t from, uint64_t to, uint64_t span)
{
    return to > from && to - from > span;
}

/* Makes a free record the flow of its first packet; record_update then counts it. */
void record_start(struct xtop_record *record, const struct packet *packet);

/* Marks the record free. */
void record_free(struct xtop_record *record);

/* TCP's share of record_update: state, sequence numbers, round-trip time. `time` in ns. */
void record_update_tcp(struct xtop_record *record, const struct packet *packet, uint64_t time);

/* Headers that few packets have. */
void record_update_rare(struct xtop_record *record, const struct packet *packet);

/* Counts one packet of the flow. */
static inline void record_update(struct xtop_record *record, const struct packet *packet, uint64_t time)
{
    uint32_t from = packet->direction;
    struct xtop_direction *direction = &record->direction[from];

    record_write_begin(&record->sequence);
    if (packet->tcp_seen)
        record_update_tcp(record, packet, time);
    if (direction->packets == 0) {
        record->first_seen[from] = time;
        direction->ttl_min = packet->ttl;
        direction->ttl_max = packet->ttl;
    }
    if (time > record->last_seen[from])
        record->last_seen[from] = time;
    direction->packets++;
    direction->bytes += packet->bytes;
    direction->payload_bytes += packet->payload_bytes;
    direction->size_histogram[packet->size_bin]++;
    direction->tcp_flags |= packet->tcp_flags;
    direction->ip_flags |= packet->ip_flags;
    direction->dscp = packet->dscp;
    if (packet->ttl < direction->ttl_min)
        direction->ttl_min = packet->ttl;
    if (packet->ttl > direction->ttl_max)
        direction->ttl_max = packet->ttl;
    if (packet->opens | ((packet->ipv4_options | packet->ipv6_extensions) != 0) | (packet->tcp_options != 0))
        record_update_rare(record, packet);
    record_write_end(&record->sequence);
}

#endif
