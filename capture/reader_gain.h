/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow gained since the look before, and what is kept of it for the next: rates are the reader's arithmetic.
 */
#ifndef XTOP_READER_GAIN_H
#define XTOP_READER_GAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "capture/flow_record.h"
#include "capture/flow_unpack.h"
#include "capture/histogram.h"
#include "capture/reader_state.h"

#define PREVIOUS_PACKETS ((UINT64_C(1) << 40) - 1)
#define PREVIOUS_BYTES ((UINT64_C(1) << 46) - 1)
#define PREVIOUS_DUE ((1u << 29) - 1)
#define PREVIOUS_NOT_KNOWN 0xff /* no slot has that much pending */

/* What one end had sent at the look before. */
struct previous_side {
    uint64_t packets : 40;        /* modulo 2^40 */
    uint64_t pending_packets : 8; /* how many of them lay in the slot; PREVIOUS_NOT_KNOWN */
    uint64_t shared : 16;         /* previous_duration_bin, previous_due */
    uint64_t bytes : 46;          /* modulo 2^46 */
    uint64_t pending_bytes : 18;
};

/*
 * A flow at the look before, by slot: all that is needed of a flow that was not touched since, or only added to. Whether it
 * stands for what the slot holds says reader.seen.
 */
struct previous {
    uint32_t generation;
    uint8_t protocol;
    bool key_known;
    uint16_t key_begin; /* the first bytes of the key as a number, where they had to be looked at */
    struct previous_side side[2];
    uint16_t rate_packets[2]; /* by end, in the interval up to then: brief_pack */
    uint16_t rate_bytes[2];
};

_Static_assert(sizeof(struct previous) == 48, "a million flows take as many MB of each reader");

#define BRIEF_FRACTION 11 /* bits */
#define BRIEF_MOST ((UINT64_C(2) << (BRIEF_FRACTION + 30)) - 1)

/*
 * A number in two bytes: 11 bits of fraction with the leading one left out, below them 5 of exponent. Up to 4,096 it is
 * exact, and above off by 1/8,192 at most: what is shown until the next interval has three digits.
 */
static inline uint16_t brief_pack(uint64_t value)
{
    uint32_t shift = 0;

    if (value >> (BRIEF_FRACTION + 1)) {
        value = value < BRIEF_MOST ? value : BRIEF_MOST;
        value += (UINT64_C(1) << (63 - BRIEF_FRACTION - __builtin_clzll(value))) >> 1;
        value = value < BRIEF_MOST ? value : BRIEF_MOST;
        shift = 63 - BRIEF_FRACTION - (uint32_t)__builtin_clzll(value);
    }
    value >>= shift;
    return (uint16_t)(value >> BRIEF_FRACTION ? (shift + 1) << BRIEF_FRACTION | (value & ((1u << BRIEF_FRACTION) - 1))
                                              : value);
}

static inline uint64_t brief_value(uint16_t brief)
{
    uint64_t fraction = brief & ((1u << BRIEF_FRACTION) - 1);
    uint32_t exponent = brief >> BRIEF_FRACTION;

    return exponent ? (fraction | UINT64_C(1) << BRIEF_FRACTION) << (exponent - 1) : fraction;
}

static inline uint8_t duration_bin(const struct xtop_record *record)
{
    return (uint8_t)histogram_duration_bin(record_last_seen(record) - record_first_seen(record));
}

/* Of the flow that a slot stands for: what it lasted. */
static inline uint8_t previous_duration_bin(const struct previous *previous)
{
    return (uint8_t)(previous->side[1].shared >> 13);
}

/* Times as they are kept: units of 2^30 ns, modulo 2^29. A flow that stands still for nine years is mistaken. */
static inline uint32_t coarse_time(uint64_t time)
{
    return (uint32_t)(time >> 30) & PREVIOUS_DUE;
}

/* Whether a flow that was last seen at `last_seen` may have come out of its bin. */
static inline bool previous_is_due(const struct previous *previous, uint64_t last_seen)
{
    uint32_t due = (uint32_t)previous->side[0].shared | (uint32_t)(previous->side[1].shared & 0x1fff) << 16;

    if (previous_duration_bin(previous) == XTOP_DURATION_BINS - 1)
        return false;
    return ((coarse_time(last_seen) - due) & PREVIOUS_DUE) <= PREVIOUS_DUE / 2;
}

/* Keeps what the flow of `record` lasted; returns its bin. */
static inline uint8_t previous_keep_duration(struct previous *previous, const struct xtop_record *record)
{
    uint64_t first = record_first_seen(record);
    uint32_t bin = histogram_duration_bin(record_last_seen(record) - first);
    uint32_t due = coarse_time(first + histogram_duration_most(bin));

    previous->side[0].shared = due & 0xffff;
    previous->side[1].shared = (due >> 16) | bin << 13;
    return (uint8_t)bin;
}

/* All that a flow, or a part of one, has sent. */
static inline struct gain record_totals(const struct xtop_record *record)
{
    return (struct gain){{record->direction[0].packets, record->direction[1].packets},
                         {record->direction[0].bytes, record->direction[1].bytes}};
}

/* Between two intervals a flow has the rates of the last; one that came since then has none yet. */
static inline struct gain gain_recall(const struct previous *previous, const struct xtop_record *record)
{
    struct gain gain = {0};

    for (int end = 0; previous->generation == record->generation && end < 2; end++) {
        gain.packets[end] = brief_value(previous->rate_packets[end]);
        gain.bytes[end] = brief_value(previous->rate_bytes[end]);
    }
    return gain;
}

/* What came since the look before; all there is where the slot was another flow's then, or nobody's, or `whole` says so. */
static inline struct gain gain_since(const struct previous *previous, const struct xtop_record *record, bool whole)
{
    bool since = previous->generation == record->generation && !whole;
    struct gain gain;

    for (int end = 0; end < 2; end++) {
        uint64_t packets = record->direction[end].packets;
        uint64_t bytes = record->direction[end].bytes;

        gain.packets[end] = since ? (packets - previous->side[end].packets) & PREVIOUS_PACKETS : packets;
        gain.bytes[end] = since ? (bytes - previous->side[end].bytes) & PREVIOUS_BYTES : bytes;
    }
    return gain;
}

static inline void rates_keep(struct previous *previous, const struct gain *gain)
{
    if ((gain->packets[0] | gain->packets[1] | gain->bytes[0] | gain->bytes[1]) >> BRIEF_FRACTION == 0) {
        for (int end = 0; end < 2; end++) { /* small numbers are what they are */
            previous->rate_packets[end] = (uint16_t)gain->packets[end];
            previous->rate_bytes[end] = (uint16_t)gain->bytes[end];
        }
        return;
    }
    for (int end = 0; end < 2; end++) {
        previous->rate_packets[end] = brief_pack(gain->packets[end]);
        previous->rate_bytes[end] = brief_pack(gain->bytes[end]);
    }
}

/* Whether there is room for the totals of a flow. Else its slot is looked at as if it never had been. */
static inline bool previous_has_room(const struct xtop_record *record)
{
    uint64_t beyond = 0;

    for (int end = 0; end < 2; end++) {
        beyond |= record->direction[end].packets & ~PREVIOUS_PACKETS;
        beyond |= record->direction[end].bytes & ~PREVIOUS_BYTES;
    }
    return beyond == 0 && record->sequence != 0;
}

/*
 * From now on what a slot has of a flow is measured from here. `pending` of the same moment; NULL: not known. Returns what
 * the slot was seen at, reader.seen.
 */
static inline uint32_t gain_keep(struct previous *previous, const struct xtop_record *record,
                                 const struct pending *pending, const struct gain *gain)
{
    for (int end = 0; end < 2; end++) {
        struct previous_side *side = &previous->side[end];
        uint64_t packets = record->direction[end].packets;
        uint64_t bytes = record->direction[end].bytes;

        side->packets = packets & PREVIOUS_PACKETS;
        side->pending_packets = PREVIOUS_NOT_KNOWN;
        if (pending && pending->packets[end] < PREVIOUS_NOT_KNOWN)
            side->pending_packets = pending->packets[end] & 0xff;
        side->bytes = bytes & PREVIOUS_BYTES;
        side->pending_bytes = pending ? pending->bytes[end] & PENDING_BYTES_MASK : 0;
    }
    rates_keep(previous, gain);
    previous->key_known = previous->key_known && previous->generation == record->generation;
    previous->generation = record->generation;
    previous->protocol = record->key.protocol;
    return previous_has_room(record) ? record->sequence : 0;
}

/* The key of the flow that is kept, for who has looked at it. */
static inline void previous_keep_key(struct previous *previous, const struct xtop_key *key)
{
    previous->key_begin = (uint16_t)(key->address[0][0] << 8 | key->address[0][1]);
    previous->key_known = true;
}

/* All that was kept of the flow's packets, or of its bytes. */
static inline uint64_t previous_total(const struct previous *previous, bool bytes)
{
    const struct previous_side *side = previous->side;

    return bytes ? (uint64_t)side[0].bytes + side[1].bytes : (uint64_t)side[0].packets + side[1].packets;
}

/* What was added to the flow since then. */
static inline struct gain gain_added(const struct previous *previous, const struct pending *pending)
{
    struct gain gain;

    for (int end = 0; end < 2; end++) {
        gain.packets[end] = pending->packets[end] - (uint64_t)previous->side[end].pending_packets;
        gain.bytes[end] = pending->bytes[end] - (uint64_t)previous->side[end].pending_bytes;
    }
    return gain;
}

/* gain_keep of a flow that was added to; its totals have room still. */
static inline void gain_keep_added(struct previous *previous, const struct pending *pending, const struct gain *gain)
{
    for (int end = 0; end < 2; end++) {
        struct previous_side *side = &previous->side[end];

        side->packets += gain->packets[end];
        side->pending_packets = pending->packets[end] & 0xff;
        side->bytes += gain->bytes[end];
        side->pending_bytes = pending->bytes[end] & PENDING_BYTES_MASK;
    }
    rates_keep(previous, gain);
}

/* The flow stood still, and what is known of it stays so but its rates. */
static inline void gain_nothing(struct previous *previous)
{
    memset(previous->rate_packets, 0, sizeof previous->rate_packets);
    memset(previous->rate_bytes, 0, sizeof previous->rate_bytes);
}

#endif
