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

#include "capture/group_index.h"
#include "capture/reader.h"
#include "capture/reader_rank.h"

/* Less than a row: of a million hosts there may be as many, and only the few that are shown become rows. */
struct reader_group {
    struct xtop_key key;
    uint64_t packets[2];
    uint64_t bytes[2];
    uint64_t payload_bytes[2];
    uint64_t rate_packets[2];
    uint64_t rate_bytes[2];
    uint64_t first_seen[2];
    uint64_t last_seen[2];
    uint32_t retransmissions[2];
    uint32_t flows;
    uint32_t rtt_us; /* the least of its flows, 0 = none known */
};

/* What flows bring to their groups while the groups' memory comes. */
#define GROUPS_WAITING 32

/*
 * Where a look's groups lie. The next one by the same finds them there and need not ask the kernel for a hundred megabytes of
 * zeros.
 */
struct group_store {
    uint32_t by;
    struct reader_group *group;
    struct group_index index;
    uint32_t room; /* of group */
};

struct reader_groups {
    uint32_t by; /* READER_GROUP_ */
    uint32_t seed;
    bool failed; /* memory ran out */
    uint32_t count;
    struct group_store *store;

    uint32_t waited;                       /* so many have begun to wait */
    uint32_t waiting_hash[GROUPS_WAITING]; /* of the last of them, by number modulo GROUPS_WAITING */
    struct reader_group waiting[GROUPS_WAITING];
};

/* The end that serves: the responder, unless a flow without SYN has a system port (RFC 6335) at the other end alone. */
uint32_t reader_serving_end(const struct xtop_record *record);

/* How many groups each flow belongs to: to two for hosts. */
static inline uint32_t reader_groups_of_flow(uint32_t by)
{
    return by == READER_GROUP_HOST ? 2 : 1;
}

/* Fills in the key of group number `which` of a flow's; returns the end whose packets are the group's direction 0. */
uint32_t reader_group_key(uint32_t by, const struct xtop_record *record, uint32_t which, struct xtop_key *key);

/* Begins a look's groups; where there are none the store is given back. */
void reader_groups_begin(struct reader_groups *groups);

/* Adds one whole flow (both its directions) to its groups. */
void reader_groups_add(struct reader_groups *groups, const struct reader_row *flow);

/* Offers each group to `ranking`; with `directions`, each direction of a pair as a row of its own. */
void reader_groups_rank(struct reader_groups *groups, bool directions, struct ranking *ranking);

/* Gives a store's memory back. */
void group_store_free(struct group_store *store);

#endif
