/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The record that a slot and its rest keep: how struct xtop_slot and xtop_rest of flow_abi.h are read, by writer and
 * readers alike.
 */
#ifndef XTOP_FLOW_UNPACK_H
#define XTOP_FLOW_UNPACK_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_abi.h"

#define PENDING_BYTES_MASK ((1u << XTOP_PENDING_BYTES_BITS) - 1)

static inline uint32_t pending_bin(uint64_t pending, uint32_t bin)
{
    static const uint8_t at[XTOP_PENDING_BINS] = {0, 7, 13, 18, 22, 26};
    static const uint8_t bits[XTOP_PENDING_BINS] = {7, 6, 5, 4, 4, 7};

    return (uint32_t)(pending >> at[bin]) & ((1u << bits[bin]) - 1);
}

static inline uint64_t pending_bytes(uint64_t pending)
{
    return pending >> XTOP_PENDING_BYTES_AT & PENDING_BYTES_MASK;
}

static inline uint64_t pending_headers(uint64_t pending)
{
    return pending >> XTOP_PENDING_HEADERS_AT;
}

static inline uint64_t pending_packets(uint64_t pending)
{
    uint64_t packets = 0;

    for (uint32_t bin = 0; bin < XTOP_PENDING_BINS; bin++)
        packets += pending_bin(pending, bin);
    return packets;
}

static inline bool slot_is_live(const struct xtop_slot *slot)
{
    return slot->state & XTOP_SLOT_VERSION;
}

static inline uint64_t slot_last_seen(const struct xtop_slot *slot)
{
    return slot->side[0].last_seen > slot->side[1].last_seen ? slot->side[0].last_seen : slot->side[1].last_seen;
}

static inline uint64_t slot_first_seen(const struct xtop_rest *rest)
{
    uint64_t first = rest->total[0].first_seen;
    uint64_t second = rest->total[1].first_seen;

    if (first == 0 || (second != 0 && second < first))
        return second;
    return first;
}

/* The whole record. On a reader's side: of a copy that is whole. */
void slot_unpack(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_record *record);

/* Its key alone. */
void slot_unpack_key(const struct xtop_slot *slot, const struct xtop_rest *rest, struct xtop_key *key);

#endif
