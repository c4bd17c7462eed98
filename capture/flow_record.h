/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a packet does to its flow's record. Knows the record alone: neither how it is kept (flow_slot.h), nor index, nor
 * ring.
 */
#ifndef XTOP_FLOW_RECORD_H
#define XTOP_FLOW_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"
#include "capture/parse.h"

/* xtop_record.seen: bits 0 and 1 are FIN of direction 0 and 1, bits 2 and 3 say that tcp_next of it is known. */
#define RECORD_FIN_BOTH 3u
#define RECORD_NEXT_KNOWN(direction) (4u << (direction))

/* A segment behind the expected one is late, not sent again, when it follows its predecessor this closely (ns). */
#define RECORD_REORDER_WINDOW UINT64_C(3000000)

/* After FIN both ways or RST a flow is over when nothing came for longer than this (ns). */
#define RECORD_TCP_QUIET UINT64_C(2000000000)

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

/* Adds to the time of `end` in which the record was seen that of another record of the flow. */
static inline void record_widen(struct xtop_record *record, const struct xtop_record *other, int end)
{
    if (other->first_seen[end] && (!record->first_seen[end] || other->first_seen[end] < record->first_seen[end]))
        record->first_seen[end] = other->first_seen[end];
    if (other->last_seen[end] > record->last_seen[end])
        record->last_seen[end] = other->last_seen[end];
}

/*
 * End `end` has sent FIN. Closed is what both have, whether or not a RST came between: so it is the same where the two
 * came over different queues, which cannot tell what was first.
 */
static inline void record_finish(struct xtop_record *record, uint32_t end)
{
    record->seen |= (1u << end) & RECORD_FIN_BOTH;
    if ((record->seen & RECORD_FIN_BOTH) == RECORD_FIN_BOTH)
        record->tcp_state = XTOP_TCP_CLOSED;
    else if (record->tcp_state < XTOP_TCP_FIN)
        record->tcp_state = XTOP_TCP_FIN;
}

/* True when `from` lies more than `span` before `to`; false when the clock went backwards. */
static inline bool record_older(uint64_t from, uint64_t to, uint64_t span)
{
    return to > from && to - from > span;
}

/* Makes *record the flow of its first packet; record_update then counts it. */
void record_start(struct xtop_record *record, const struct packet *packet);

/* Counts one packet of the flow. `time` in ns. */
void record_update(struct xtop_record *record, const struct packet *packet, uint64_t time);

#endif
