/* SPDX-License-Identifier: BSD-2-Clause */
/* The flow tables of several queues over one segment, and a reader. Packets are those of table_fixture.h. */
#ifndef XTOP_QUEUES_FIXTURE_H
#define XTOP_QUEUES_FIXTURE_H

#include <stdint.h>

#include "capture/reader.h"
#include "table_fixture.h"

#define QUEUES_MOST 8

struct queues_fixture {
    struct segment segment;
    struct flow_table table[QUEUES_MOST];
    struct xtop_queue counts[QUEUES_MOST];
    struct flow_box *boxes; /* what they tell each other, as in a capture */
    uint32_t count;
    struct reader *reader;
};

/* Idle 30 s, active 300 s. Aborts when there is no memory. */
void queues_open(struct queues_fixture *queues, uint32_t count, uint32_t max_flows, uint32_t ended_capacity);
void queues_close(struct queues_fixture *queues);

/* Puts one packet through the stages of a queue. */
void queues_feed(struct queues_fixture *queues, uint32_t queue, struct packet packet, uint64_t time);

/* Ends in all queues what is due. */
void queues_age(struct queues_fixture *queues, uint64_t time);

/* A queue for a packet: a third of the flows come by one queue, a third by one for each direction, the others by any that is drawn. */
uint32_t queues_choose(const struct queues_fixture *queues, uint32_t flow, uint32_t direction, uint32_t *random);

#endif
