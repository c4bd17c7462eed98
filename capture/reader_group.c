/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_group.h"

#include <stdlib.h>
#include <string.h>

#include "capture/hash.h"

#define SYSTEM_PORTS 1024 /* RFC 6335: below it lie the ports that the system's services listen on */
#define TCP_SYN 2

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

struct group_place {
    uint32_t hash;
    uint32_t group; /* 1-based; 0 = free */
};

/* ---- The table ----------------------------------------------------------------------------------------------- */

static bool index_grow(struct reader_groups *groups)
{
    uint32_t places = groups->mask ? (groups->mask + 1) * 2 : 2048;
    struct group_place *index = calloc(places, sizeof *index);

    if (!index)
        return false;
    for (uint32_t i = 0; groups->mask && i <= groups->mask; i++) {
        uint32_t at = groups->index[i].hash & (places - 1);

        if (groups->index[i].group == 0)
            continue;
        while (index[at].group)
            at = (at + 1) & (places - 1);
        index[at] = groups->index[i];
    }
    free(groups->index);
    groups->index = index;
    groups->mask = places - 1;
    return true;
}

static bool room_grow(struct reader_groups *groups)
{
    uint32_t room = groups->room ? groups->room * 2 : 1024;
    struct reader_group *grown = realloc(groups->group, room * sizeof *grown);

    if (!grown)
        return false;
    groups->group = grown;
    groups->room = room;
    return true;
}

/* The group of `key`, made if there is none; NULL when memory ran out. */
static struct reader_group *group_find(struct reader_groups *groups, const struct xtop_key *key)
{
    uint32_t hash = hash_key(key, groups->seed);
    struct reader_group *group;
    uint32_t at;

    if ((groups->count == groups->room && !room_grow(groups)) ||
        ((uint64_t)groups->count * 2 >= groups->mask && !index_grow(groups))) {
        groups->failed = true;
        return NULL;
    }
    for (at = hash & groups->mask; groups->index[at].group; at = (at + 1) & groups->mask) {
        group = &groups->group[groups->index[at].group - 1];
        if (groups->index[at].hash == hash && memcmp(&group->key, key, sizeof *key) == 0)
            return group;
    }
    group = &groups->group[groups->count++];
    *group = (struct reader_group){.key = *key};
    groups->index[at] = (struct group_place){hash, groups->count};
    return group;
}

/* ---- What a flow brings -------------------------------------------------------------------------------------- */

/*
 * The end that serves. Without a SYN the initiator is merely who was seen first, which for a connection older than the
 * capture is either: there a system port tells better.
 */
uint32_t reader_serving_end(const struct xtop_record *record)
{
    uint32_t responder = !(record->initiator & 1);
    uint32_t flags = record->direction[0].tcp_flags | record->direction[1].tcp_flags;
    const uint16_t *port = record->key.port;

    if (flags & TCP_SYN || (port[0] < SYSTEM_PORTS) == (port[1] < SYSTEM_PORTS))
        return responder;
    return port[0] < SYSTEM_PORTS ? 0 : 1;
}

/* ICMP has its type and code at one end, and 0 at the other, whoever began. */
static uint32_t service_end(const struct xtop_record *record)
{
    if (record->key.protocol == 1 || record->key.protocol == 58)
        return record->key.port[0] ? 0 : 1;
    return reader_serving_end(record);
}

/* Adds the flow; what its end `first` sent is the group's direction 0. */
static void group_add(struct reader_groups *groups, const struct xtop_key *key, const struct reader_row *flow,
                      uint32_t first)
{
    struct reader_group *group = group_find(groups, key);
    const struct xtop_record *record = &flow->record;

    if (!group)
        return;
    for (uint32_t to = 0; to < 2; to++) {
        uint32_t from = to ^ first;
        const struct xtop_direction *direction = &record->direction[from];

        if (direction->packets == 0)
            continue;
        group->packets[to] += direction->packets;
        group->bytes[to] += direction->bytes;
        group->payload_bytes[to] += direction->payload_bytes;
        group->rate_packets[to] += flow->rate_packets[from];
        group->rate_bytes[to] += flow->rate_bytes[from];
        group->retransmissions[to] += flow->retransmissions[from];
        if (group->first_seen[to] == 0 || record->first_seen[from] < group->first_seen[to])
            group->first_seen[to] = record->first_seen[from];
        if (record->last_seen[from] > group->last_seen[to])
            group->last_seen[to] = record->last_seen[from];
    }
    if (record->rtt_us && (group->rtt_us == 0 || record->rtt_us < group->rtt_us))
        group->rtt_us = record->rtt_us;
    group->flows++;
}

static void add_hosts(struct reader_groups *groups, const struct reader_row *flow)
{
    const struct xtop_key *key = &flow->record.key;

    for (uint32_t end = 0; end < 2; end++) {
        struct xtop_key host = {.ip_version = key->ip_version};

        memcpy(host.address[0], key->address[end], sizeof host.address[0]);
        group_add(groups, &host, flow, end);
    }
}

void reader_groups_add(struct reader_groups *groups, const struct reader_row *flow)
{
    const struct xtop_key *key = &flow->record.key;
    struct xtop_key common = {0};
    uint32_t first = flow->record.initiator & 1;

    switch (groups->by) {
    case READER_GROUP_HOST:
        add_hosts(groups, flow);
        return;
    case READER_GROUP_PAIR: /* a flow's key has the lesser address first */
        memcpy(common.address, key->address, sizeof common.address);
        common.ip_version = key->ip_version;
        first = 0;
        break;
    case READER_GROUP_PORT:
        first = !service_end(&flow->record);
        common.port[1] = key->port[!first];
        common.protocol = key->protocol;
        break;
    case READER_GROUP_PROTOCOL:
        common.protocol = key->protocol;
        break;
    default:
        common.vlan = key->vlan;
        break;
    }
    group_add(groups, &common, flow, first);
}

/* ---- Groups as rows ------------------------------------------------------------------------------------------ */

static struct reader_row group_row(const struct reader_group *group)
{
    struct reader_row row = {
        .record = {.key = group->key, .rtt_us = group->rtt_us},
        .flows = group->flows,
    };

    for (int i = 0; i < 2; i++) {
        row.record.direction[i].packets = group->packets[i];
        row.record.direction[i].bytes = group->bytes[i];
        row.record.direction[i].payload_bytes = group->payload_bytes[i];
        row.record.first_seen[i] = group->first_seen[i];
        row.record.last_seen[i] = group->last_seen[i];
        row.rate_packets[i] = group->rate_packets[i];
        row.rate_bytes[i] = group->rate_bytes[i];
        row.retransmissions[i] = group->retransmissions[i];
    }
    return row;
}

void reader_groups_rank(struct reader_groups *groups, bool directions, struct ranking *ranking)
{
    for (uint32_t i = 0; i < groups->count && !groups->failed; i++) {
        struct reader_row row = group_row(&groups->group[i]);

        if (directions && groups->by == READER_GROUP_PAIR)
            ranking_offer_directions(ranking, &row);
        else
            ranking_offer(ranking, &row);
    }
    ranking->failed |= groups->failed;
    free(groups->group);
    free(groups->index);
}
