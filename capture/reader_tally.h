/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all live flows amount to. A reader keeps what they amounted to at the look before, and a look counts only flows that are
 * another than then: what they were is taken off, what they are is added. Counts that a difference makes fall below 0 come
 * round, and the sum is right.
 */
#ifndef XTOP_READER_TALLY_H
#define XTOP_READER_TALLY_H

#include <stdint.h>
#include <string.h>

#include "capture/histogram.h"
#include "capture/reader.h"

/* What a flow, or what one queue saw of it, gained in the interval; by end. */
struct gain {
    uint64_t packets[2];
    uint64_t bytes[2];
};

struct tally {
    uint64_t flows_live;
    uint64_t duration[XTOP_DURATION_BINS];
    uint64_t packets[XTOP_PACKETS_BINS];
    struct xtop_protocol protocol[256];
};

#define TALLY_ADD UINT64_C(1)
#define TALLY_TAKE_OFF UINT64_MAX

/* Adds a flow of so many packets and bytes that lasts as long as bin `lasts` says; or takes it off. */
static inline void tally_count(struct tally *tally, uint8_t number, uint64_t packets, uint64_t bytes, uint32_t lasts,
                               uint64_t times)
{
    struct xtop_protocol *protocol = &tally->protocol[number];

    tally->flows_live += times;
    tally->duration[lasts] += times;
    tally->packets[histogram_packets_bin(packets)] += times;
    protocol->flows += times;
    protocol->packets += packets * times;
    protocol->bytes += bytes * times;
}

/* What came, to a flow of so many packets before. */
static inline void tally_add(struct tally *tally, uint8_t number, uint64_t packets, const struct gain *gain)
{
    struct xtop_protocol *protocol = &tally->protocol[number];
    uint64_t came = gain->packets[0] + gain->packets[1];

    if (packets <= 100 || packets + came > 1000) { /* else they are in one bin */
        tally->packets[histogram_packets_bin(packets)]--;
        tally->packets[histogram_packets_bin(packets + came)]++;
    }
    protocol->packets += came;
    protocol->bytes += gain->bytes[0] + gain->bytes[1];
}

static inline void tally_join(struct tally *tally, const struct tally *more)
{
    tally->flows_live += more->flows_live;
    for (int i = 0; i < XTOP_DURATION_BINS; i++)
        tally->duration[i] += more->duration[i];
    for (int i = 0; i < XTOP_PACKETS_BINS; i++)
        tally->packets[i] += more->packets[i];
    for (int i = 0; i < 256; i++) {
        tally->protocol[i].flows += more->protocol[i].flows;
        tally->protocol[i].packets += more->protocol[i].packets;
        tally->protocol[i].bytes += more->protocol[i].bytes;
    }
}

/* Tells it as a look does. */
static inline void tally_tell(const struct tally *tally, struct reader_result *result)
{
    result->flows_live = tally->flows_live;
    memcpy(result->duration, tally->duration, sizeof result->duration);
    memcpy(result->packets, tally->packets, sizeof result->packets);
    memcpy(result->protocol, tally->protocol, sizeof result->protocol);
}

#endif
