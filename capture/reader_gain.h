/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a flow gained since the look before, and what is kept of it for the next: rates are the reader's arithmetic.
 */
#ifndef XTOP_READER_GAIN_H
#define XTOP_READER_GAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/flow_record.h"
#include "capture/histogram.h"

/* What one end had sent at the look before, and how much of it in the interval up to then. */
struct previous_side {
    uint64_t packets : 48;
    uint64_t duration_bin : 8; /* of the flow; side 0 of its first slot has it */
    uint64_t protocol : 8;     /* side 0 */
    uint64_t bytes;
    float rate_packets; /* seven digits are enough for what is shown until the next interval */
    float rate_bytes;
};

/* A flow at the look before, by slot: all that is needed of a flow that was not touched since. */
struct previous {
    uint32_t generation;
    uint32_t sequence; /* the slot's; 0 = the slot was not looked at */
    struct previous_side side[2];
};

static inline uint8_t duration_bin(const struct xtop_record *record)
{
    return (uint8_t)histogram_duration_bin(record_last_seen(record) - record_first_seen(record));
}

/* What a flow, or what one queue saw of it, gained in the interval; by end. */
struct gain {
    uint64_t packets[2];
    uint64_t bytes[2];
};

/* Between two intervals a flow has the rates of the last; one that came since then has none yet. */
static inline struct gain gain_recall(const struct previous *previous, const struct xtop_record *record)
{
    struct gain gain = {0};

    for (int end = 0; previous->generation == record->generation && end < 2; end++) {
        gain.packets[end] = (uint64_t)previous->side[end].rate_packets;
        gain.bytes[end] = (uint64_t)previous->side[end].rate_bytes;
    }
    return gain;
}

/* What came since the look before; all there is where the slot was another flow's then, or nobody's, or `whole` says so. */
static inline struct gain gain_since(const struct previous *previous, const struct xtop_record *record, bool whole)
{
    bool since = previous->generation == record->generation && !whole;
    struct gain gain;

    for (int end = 0; end < 2; end++) {
        gain.packets[end] = record->direction[end].packets - (since ? previous->side[end].packets : 0);
        gain.bytes[end] = record->direction[end].bytes - (since ? previous->side[end].bytes : 0);
    }
    return gain;
}

/* From now on what a slot has of a flow is measured from here. */
static inline void gain_keep(struct previous *previous, const struct xtop_record *record, const struct gain *gain)
{
    for (int end = 0; end < 2; end++) {
        struct previous_side *side = &previous->side[end];

        side->rate_packets = (float)gain->packets[end];
        side->rate_bytes = (float)gain->bytes[end];
        side->packets = record->direction[end].packets;
        side->bytes = record->direction[end].bytes;
    }
    previous->generation = record->generation;
    previous->sequence = record->sequence;
    previous->side[0].protocol = record->key.protocol;
}

/* The flow stood still, and what is known of it stays so but its rates. Mostly they were 0, and no line is written. */
static inline void gain_nothing(struct previous *previous)
{
    for (int end = 0; end < 2; end++)
        if (previous->side[end].rate_packets != 0) {
            previous->side[end].rate_packets = 0;
            previous->side[end].rate_bytes = 0;
        }
}

#endif
