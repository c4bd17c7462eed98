/* SPDX-License-Identifier: BSD-2-Clause */
/* Two readers of one table: one is asked for few rows, what it says is held against the other, who has all. And traffic. */
#ifndef XTOP_READER_PAIR_H
#define XTOP_READER_PAIR_H

#include <stdint.h>

#include "capture/reader.h"
#include "table_fixture.h"

#define PAIR_FLOWS 3000u

struct pair {
    struct table_fixture fixture;
    struct reader *few;   /* asked for few rows */
    struct reader *whole; /* asked for all, so that every record is copied */
    uint32_t random;
    uint64_t now;
    uint64_t most; /* packets that a flow can have had since the look before */
};

struct pair *pair_open(uint32_t random);
void pair_close(struct pair *pair);

/* One more reader. */
struct reader *pair_reader(const struct table_fixture *fixture);

uint32_t pair_draw(struct pair *pair);

/* A packet of the flow, plain or not, drawn on from *random: hosts have many flows, services several, and there are four VLANs. */
struct packet pair_packet(uint32_t *random, uint32_t flow);

/*
 * Packets for some flows, new ones among them; at times so late that flows end and their slots change hands. One flow in
 * 64 has so many that what is pending of it is moved to its totals within a round, or is not.
 */
void pair_traffic(struct pair *pair, uint32_t round);

/* Totals as of flows that have sent more than what is kept of a look has room for, in one direction or both. */
void pair_grow_totals(struct pair *pair);

#endif
