/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flows added up by what they have in common. A group is a row like a flow's, whose key holds what its flows share and
 * zeros elsewhere; direction 0 and 1 are:
 *
 *   READER_GROUP_HOST      address[0]: the host              what it sent, what it received
 *   READER_GROUP_PAIR      address[0], [1], the lesser first what [0] sent, what [1] sent
 *   READER_GROUP_PORT      port[1] and protocol: a service   to it, from it
 *   READER_GROUP_PROTOCOL  protocol                          by initiators, by responders
 *   READER_GROUP_VLAN      vlan                              by initiators, by responders
 */
#ifndef XTOP_READER_GROUP_H
#define XTOP_READER_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/reader.h"
#include "capture/reader_rank.h"

struct reader_group;
struct group_place;

struct reader_groups {
    uint32_t by; /* READER_GROUP_ */
    uint32_t seed;
    bool failed; /* memory ran out */
    struct reader_group *group;
    struct group_place *index; /* open addressing, never more than half full */
    uint32_t count;
    uint32_t room;
    uint32_t mask; /* places of the index - 1 */
};

/* The end that serves: the responder, unless a flow without SYN has a system port (RFC 6335) at the other end alone. */
uint32_t reader_serving_end(const struct xtop_record *record);

/* Adds one whole flow (both its directions) to its group; to two groups for hosts. */
void reader_groups_add(struct reader_groups *groups, const struct reader_row *flow);

/* Offers each group to `ranking`; with `directions`, each direction of a pair as a row of its own. Frees all. */
void reader_groups_rank(struct reader_groups *groups, bool directions, struct ranking *ranking);

#endif
