/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flow table over a real segment, and made-up packets for it. Flow n of the tests is UDP from 10.0.0.0 + n (end 0) to
 * 11.0.0.1:53 (end 1).
 */
#ifndef XTOP_TABLE_FIXTURE_H
#define XTOP_TABLE_FIXTURE_H

#include <stdint.h>

#include "capture/flow_table.h"
#include "capture/flow_unpack.h"
#include "capture/segment.h"

#define SECOND UINT64_C(1000000000)
#define START (UINT64_C(1700000000) * SECOND)

struct table_fixture {
    struct segment segment;
    struct flow_table table;
    struct xtop_queue counts;
    struct xtop_record *copy; /* by slot: what fixture_find found */
};

/* A table of its own segment: idle 30 s, active 300 s. Aborts when there is no memory. */
void fixture_open(struct table_fixture *fixture, uint32_t max_flows, uint32_t ended_capacity);
void fixture_close(struct table_fixture *fixture);

/* A packet of flow `flow` sent by end `direction`: 100 IP bytes, 72 of payload, frame bin 1. */
struct packet fixture_packet(uint32_t flow, uint8_t direction);

/* The same as TCP with `flags`. */
struct packet fixture_tcp(uint32_t flow, uint8_t direction, uint16_t flags);

/* Puts one packet through the stages. */
void fixture_feed(struct table_fixture *fixture, const struct packet *packet, uint64_t time);

/*
 * The live record of `packet`'s key as it is now, found by looking at every slot; NULL = none. Aborts when there are
 * two. A slot's record is always at the same place, until the next look at the slot.
 */
const struct xtop_record *fixture_find(const struct table_fixture *fixture, const struct packet *packet);

uint32_t fixture_live(const struct table_fixture *fixture);

/* Packets in live records and in the ended ring (which must not have been lapped). */
uint64_t fixture_packets(const struct table_fixture *fixture);

/* The ended record `number` (0 = the first ever). */
const struct xtop_record *fixture_ended(const struct table_fixture *fixture, uint64_t number);

/* The next of a row of 24-bit numbers that look drawn, the same row for each *random that it begins with. */
uint32_t fixture_draw(uint32_t *random);

#endif
