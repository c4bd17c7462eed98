/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_group.h"

#include <string.h>

#include "capture/large_array.h"

#define SYSTEM_PORTS 1024 /* RFC 6335: below it lie the ports that the system's services listen on */
#define TCP_SYN 2

/* So many groups, 0.7 MB, are near. */
#define GROUPS_NEAR 4096

/* ---- The table ----------------------------------------------------------------------------------------------- */

static uint64_t room_size(uint32_t room)
{
    return room * sizeof(struct reader_group);
}

static bool room_grow(struct group_store *store)
{
    uint32_t room = store->room ? store->room * 2 : 1024;
    struct reader_group *grown = large_array_grow(store->group, room_size(store->room), room_size(room));

    if (!grown)
        return false;
    store->group = grown;
    store->room = room;
    return true;
}

void group_store_free(struct group_store *store)
{
    large_array_free(store->group, room_size(store->room));
    group_index_free(&store->index);
    *store = (struct group_store){0};
}

void reader_groups_begin(struct reader_groups *groups)
{
    struct group_store *store = groups->store;

    if (store->by != groups->by)
        group_store_free(store);
    store->by = groups->by;
    group_index_clear(&store->index);
}

/* The group of a key, made if there is none; NULL when memory ran out. */
static struct reader_group *group_find(struct reader_groups *groups, const struct xtop_key *key, uint32_t hash)
{
    struct group_store *store = groups->store;
    struct group_place *place;
    struct reader_group *group;

    if ((groups->count == store->room && !room_grow(store)) || !group_index_reserve(&store->index, groups->count)) {
        groups->failed = true;
        return NULL;
    }
    place = group_index_find(&store->index, &(struct group_keys){store->group, sizeof *group}, key, hash);
    if (place->group)
        return &store->group[place->group - 1];
    group = &store->group[groups->count++];
    *group = (struct reader_group){.key = *key};
    *place = (struct group_place){hash, groups->count};
    return group;
}

/* ---- Adding up ------------------------------------------------------------------------------------------------- */

/* What one end of a flow, or of several, has sent. */
struct group_end {
    uint64_t packets, bytes, payload_bytes;
    uint64_t rate_packets, rate_bytes;
    uint64_t first_seen, last_seen;
    uint32_t retransmissions;
};

static inline void group_add_end(struct reader_group *group, uint32_t end, const struct group_end *more)
{
    if (more->packets == 0)
        return;
    group->packets[end] += more->packets;
    group->bytes[end] += more->bytes;
    group->payload_bytes[end] += more->payload_bytes;
    group->rate_packets[end] += more->rate_packets;
    group->rate_bytes[end] += more->rate_bytes;
    group->retransmissions[end] += more->retransmissions;
    if (group->first_seen[end] == 0 || more->first_seen < group->first_seen[end])
        group->first_seen[end] = more->first_seen;
    if (more->last_seen > group->last_seen[end])
        group->last_seen[end] = more->last_seen;
}

static inline void group_add_flows(struct reader_group *group, uint32_t flows, uint32_t rtt_us)
{
    if (rtt_us && (group->rtt_us == 0 || rtt_us < group->rtt_us))
        group->rtt_us = rtt_us;
    group->flows += flows;
}

/* ---- Waiting for memory -------------------------------------------------------------------------------------- */

/*
 * A million groups lie far apart. What a flow brings waits here while its place in the index comes, and again while its group
 * does, as packets do in the worker.
 */
static struct reader_group *waiting_at(struct reader_groups *groups, uint32_t number)
{
    return &groups->waiting[number % GROUPS_WAITING];
}

/* Half of the way: where the index says that the group is. */
static void waiting_fetch(const struct reader_groups *groups, uint32_t waiting)
{
    const struct group_store *store = groups->store;
    uint32_t number = group_index_first(&store->index, groups->waiting_hash[waiting % GROUPS_WAITING]);
    const uint8_t *group;

    if (!number)
        return;
    group = (const uint8_t *)&store->group[number - 1];
    for (size_t line = 0; line < sizeof(struct reader_group); line += 64)
        __builtin_prefetch(group + line, 1);
}

static void group_join(struct reader_group *group, const struct reader_group *more)
{
    for (uint32_t end = 0; end < 2; end++)
        group_add_end(group, end,
                      &(struct group_end){more->packets[end], more->bytes[end], more->payload_bytes[end],
                                          more->rate_packets[end], more->rate_bytes[end], more->first_seen[end],
                                          more->last_seen[end], more->retransmissions[end]});
    group_add_flows(group, more->flows, more->rtt_us);
}

static void waiting_join(struct reader_groups *groups, uint32_t number)
{
    const struct reader_group *more = waiting_at(groups, number);
    struct reader_group *group = group_find(groups, &more->key, groups->waiting_hash[number % GROUPS_WAITING]);

    if (group)
        group_join(group, more);
}

/* One more begins to wait, which *waiting_at(groups, groups->waited) is then for. */
static struct reader_group *waiting_begin(struct reader_groups *groups, const struct xtop_key *key)
{
    uint32_t number = groups->waited++;
    struct reader_group *more = waiting_at(groups, number);

    if (number >= GROUPS_WAITING)
        waiting_join(groups, number - GROUPS_WAITING);
    if (number >= GROUPS_WAITING / 2)
        waiting_fetch(groups, number - GROUPS_WAITING / 2);
    *more = (struct reader_group){.key = *key};
    groups->waiting_hash[number % GROUPS_WAITING] = group_hash(key, groups->seed);
    group_index_fetch(&groups->store->index, groups->waiting_hash[number % GROUPS_WAITING]);
    return more;
}

static void waiting_end(struct reader_groups *groups)
{
    uint32_t first = groups->waited > GROUPS_WAITING ? groups->waited - GROUPS_WAITING : 0;

    for (uint32_t number = first; number < groups->waited; number++)
        waiting_join(groups, number);
    groups->waited = 0;
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

/* Adds the flow to a group, or to what waits for one; what its end `first` sent is the group's direction 0. */
static void group_bring(struct reader_group *group, const struct reader_row *flow, uint32_t first)
{
    const struct xtop_record *record = &flow->record;

    for (uint32_t to = 0; to < 2; to++) {
        uint32_t from = to ^ first;
        const struct xtop_direction *direction = &record->direction[from];

        group_add_end(group, to,
                      &(struct group_end){direction->packets, direction->bytes, direction->payload_bytes,
                                          flow->rate_packets[from], flow->rate_bytes[from], record->first_seen[from],
                                          record->last_seen[from], flow->retransmissions[from]});
    }
    group_add_flows(group, 1, record->rtt_us);
}

/* Few groups are in a cache, and nothing has to wait for them. */
static void group_add(struct reader_groups *groups, const struct xtop_key *key, const struct reader_row *flow,
                      uint32_t first)
{
    struct reader_group *group = groups->count < GROUPS_NEAR ? group_find(groups, key, group_hash(key, groups->seed))
                                                             : waiting_begin(groups, key);

    if (group)
        group_bring(group, flow, first);
}

uint32_t reader_group_key(uint32_t by, const struct xtop_record *record, uint32_t which, struct xtop_key *key)
{
    uint32_t first = record->initiator & 1;

    memset(key, 0, sizeof *key);
    switch (by) {
    case READER_GROUP_HOST:
        memcpy(key->address[0], record->key.address[which], sizeof key->address[0]);
        key->ip_version = record->key.ip_version;
        return which;
    case READER_GROUP_PAIR: /* a flow's key has the lesser address first */
        memcpy(key->address, record->key.address, sizeof key->address);
        key->ip_version = record->key.ip_version;
        return 0;
    case READER_GROUP_PORT:
        first = !service_end(record);
        key->port[1] = record->key.port[!first];
        key->protocol = record->key.protocol;
        return first;
    case READER_GROUP_PROTOCOL:
        key->protocol = record->key.protocol;
        return first;
    default:
        key->vlan = record->key.vlan;
        return first;
    }
}

void reader_groups_add(struct reader_groups *groups, const struct reader_row *flow)
{
    struct xtop_key common;

    for (uint32_t which = 0; which < reader_groups_of_flow(groups->by); which++) {
        uint32_t first = reader_group_key(groups->by, &flow->record, which, &common);

        group_add(groups, &common, flow, first);
    }
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

/* Whether a group stands behind the wanted for certain: most of a million do, and need not become rows for that. */
static bool group_is_behind(const struct reader_group *group, const struct least *least)
{
    const uint64_t *rate = least->bytes ? group->rate_bytes : group->rate_packets;
    const uint64_t *total = least->bytes ? group->bytes : group->packets;
    uint64_t fast = least->by_rate ? rate[0] + rate[1] : 0;

    return least_is_before(least, fast, total[0] + total[1]);
}

static void group_offer(const struct reader_group *group, bool directions, struct ranking *ranking)
{
    struct reader_row row = group_row(group);

    if (directions)
        ranking_offer_directions(ranking, &row);
    else
        ranking_offer(ranking, &row);
}

void reader_groups_rank(struct reader_groups *groups, bool directions, struct ranking *ranking)
{
    directions = directions && groups->by == READER_GROUP_PAIR;
    waiting_end(groups);
    for (uint32_t i = 0; i < groups->count && !groups->failed; i++) {
        const struct least least = ranking_least(ranking);

        if (!directions && group_is_behind(&groups->store->group[i], &least))
            ranking_pass(ranking, 1);
        else
            group_offer(&groups->store->group[i], directions, ranking);
    }
    ranking->failed |= groups->failed;
    if (groups->failed)
        group_store_free(groups->store);
}
