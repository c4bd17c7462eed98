/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The beginning and the end of a flow in a shard: its slot, its place in the index, its way into the ring of ended flows.
 * capture/flow_table.c (packets) and capture/flow_hand.c (time) say when; nobody else includes it.
 */
#ifndef XTOP_FLOW_LIFE_H
#define XTOP_FLOW_LIFE_H

#include "capture/flow_record.h"
#include "capture/flow_table.h"
#include "capture/flow_unpack.h"

/* A new flow's slot, in the index already; 0 when there is no room to be made. `counted`: its first packet is, too. */
uint32_t flow_start(struct flow_table *table, const struct lookup *lookup, bool counted);

/* Ends the flow in `slot`: tells of it in the ring, and frees the slot. `along`: as another queue's part of it. */
void flow_end(struct flow_table *table, uint32_t slot, uint8_t reason, bool along);

/* Before flow_end, for flows that end together: fetches what it reads of a flow; `number` flows end before this one. */
void flow_fetch_rest(const struct flow_table *table, uint32_t slot, uint32_t number);

/* The same, when flow_fetch_rest's lines have come: where the index holds the flow. */
void flow_fetch_place(const struct flow_table *table, uint32_t slot);

/* Why the flow is over at `now`, or XTOP_END_NONE. */
static inline uint8_t flow_due(const struct flow_table *table, uint32_t at, uint64_t now)
{
    const struct xtop_slot *slot = &table->slot[at];
    uint64_t last = slot_last_seen(slot);

    /* Of the two the shorter decides, however late the hand or the next packet finds the flow. */
    if (slot->state & XTOP_SLOT_CLOSED && table->idle_timeout >= RECORD_TCP_QUIET &&
        record_older(last, now, RECORD_TCP_QUIET))
        return XTOP_END_TCP;
    if (record_older(last, now, table->idle_timeout))
        return XTOP_END_IDLE;
    /* The first comparison spares a line of each slot as long as the capture is young. */
    if (record_older(table->earliest, now, table->active_timeout) &&
        record_older(slot_first_seen(&table->rest[at]), now, table->active_timeout))
        return XTOP_END_ACTIVE;
    return XTOP_END_NONE;
}

#endif
