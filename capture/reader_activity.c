/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/reader_activity.h"

#include <stdlib.h>
#include <string.h>

#include "capture/flow_record.h"
#include "capture/hash.h"
#include "capture/reader_group.h"

#define INDEX_SIZE (ACTIVITY_HOSTS * 2)
#define TCP_SYN 2
#define BEGAN 1u /* marks of a bucket: its hosts began many flows, have a great rate */
#define FAST 2u

/* Whom a host has touched, a bit for each. */
struct contacts {
    uint64_t hosts[READER_CONTACT_BITS / 64];
    uint64_t ports[READER_CONTACT_BITS / 64];
};

/* What only the two looks need, 3 MB: from the first one's begin to the second one's end. */
struct activity_work {
    uint32_t began[ACTIVITY_BUCKETS];
    uint64_t rate[ACTIVITY_BUCKETS];
    uint16_t index[INDEX_SIZE]; /* 1-based into reader_activity.host; 0 = free */
    struct contacts contacts[ACTIVITY_HOSTS];
};

struct reader_activity {
    uint32_t phase; /* READER_ACTIVITY_, of the look under way */
    uint32_t seed;
    uint32_t found; /* hosts of the last second look */
    uint32_t count;
    struct activity_work *work;     /* NULL: none is under way */
    uint8_t mark[ACTIVITY_BUCKETS]; /* as the last first look left them */
    struct reader_host host[ACTIVITY_HOSTS];
};

/* Room for what the two looks need, all zero. */
static bool work_begin(struct reader_activity *activity)
{
    if (activity->phase == READER_ACTIVITY_COUNT) {
        free(activity->work);
        activity->work = NULL;
    }
    if (!activity->work)
        activity->work = calloc(1, sizeof *activity->work);
    return activity->work;
}

bool reader_activity_begin(struct reader_activity **activity, uint32_t phase, uint32_t seed)
{
    if (!*activity)
        *activity = calloc(1, sizeof **activity);
    if (!*activity)
        return false;
    (*activity)->phase = phase;
    (*activity)->seed = seed;
    if (phase != READER_ACTIVITY_COUNT)
        (*activity)->count = 0;
    return work_begin(*activity);
}

void reader_activity_free(struct reader_activity *activity)
{
    if (activity)
        free(activity->work);
    free(activity);
}

/* ---- What a flow says of its ends ---------------------------------------------------------------------------- */

/*
 * Whether one can tell who began the flow, and is therefore touching the other end. Of a TCP connection that is older
 * than the capture one cannot: a server seen first would seem to touch all its clients.
 */
static bool began(const struct xtop_record *record, uint32_t *end)
{
    *end = !reader_serving_end(record);
    return record->key.protocol != 6 || record->direction[*end].tcp_flags & TCP_SYN;
}

static uint64_t flow_rate(const struct reader_row *flow)
{
    return flow->rate_bytes[0] + flow->rate_bytes[1];
}

static uint32_t host_hash(const struct reader_activity *activity, const struct xtop_record *record, uint32_t end)
{
    return hash_bytes(record->key.address[end], sizeof record->key.address[end], activity->seed);
}

static uint32_t bucket_of(uint32_t hash)
{
    return hash & (ACTIVITY_BUCKETS - 1);
}

/* ---- First look: buckets ------------------------------------------------------------------------------------- */

static void buckets_add(struct reader_activity *activity, const struct reader_row *flow)
{
    uint32_t beginner;
    bool known = began(&flow->record, &beginner);

    for (uint32_t end = 0; end < 2; end++) {
        uint32_t bucket = bucket_of(host_hash(activity, &flow->record, end));

        activity->work->rate[bucket] += flow_rate(flow);
        activity->work->began[bucket] += known && end == beginner;
    }
}

bool reader_activity_ends(const struct reader_activity *activity, const struct xtop_record *record,
                          struct reader_ends *ends)
{
    uint32_t beginner;
    bool known = began(record, &beginner);

    ends->beginner = (uint16_t)bucket_of(host_hash(activity, record, beginner));
    ends->other = (uint16_t)bucket_of(host_hash(activity, record, !beginner));
    return known;
}

uint64_t reader_activity_whole(const struct reader_activity *activity, const struct reader_ends *ends, uint64_t known)
{
    uint64_t whole = 0;

    if (activity->phase == READER_ACTIVITY_COUNT)
        return 0;
    for (; known; known &= known - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(known);

        whole |= activity->mark[ends[i].beginner] | activity->mark[ends[i].other] ? known & -known : 0;
    }
    return whole;
}

void reader_activity_add_ends(struct reader_activity *activity, struct reader_ends ends, bool began, uint64_t rate)
{
    if (activity->phase != READER_ACTIVITY_COUNT)
        return;
    activity->work->began[ends.beginner] += began;
    activity->work->rate[ends.beginner] += rate;
    activity->work->rate[ends.other] += rate;
}

uint64_t reader_activity_add_still(struct reader_activity *activity, const struct reader_ends *ends, uint64_t began)
{
    uint64_t whole = 0;

    if (activity->phase == READER_ACTIVITY_COUNT)
        for (; began; began &= began - 1)
            activity->work->began[ends[__builtin_ctzll(began)].beginner]++;
    for (; began; began &= began - 1)
        whole |= activity->mark[ends[__builtin_ctzll(began)].beginner] & BEGAN ? began & -began : 0;
    return whole;
}

static uint64_t bucket_value(const struct reader_activity *activity, uint8_t mark, uint32_t bucket)
{
    return mark == BEGAN ? activity->work->began[bucket] : activity->work->rate[bucket];
}

/* Marks the buckets that hold most: a short list, sorted by insertion, of which most buckets meet the last only. */
static void buckets_mark(struct reader_activity *activity, uint8_t mark)
{
    uint32_t best[ACTIVITY_CANDIDATES], count = 0;

    for (uint32_t bucket = 0; bucket < ACTIVITY_BUCKETS; bucket++) {
        uint64_t value = bucket_value(activity, mark, bucket);
        uint32_t at = count;

        if (value == 0 || (count == ACTIVITY_CANDIDATES && value <= bucket_value(activity, mark, best[count - 1])))
            continue;
        if (count < ACTIVITY_CANDIDATES)
            count++;
        else
            at--;
        for (; at > 0 && bucket_value(activity, mark, best[at - 1]) < value; at--)
            best[at] = best[at - 1];
        best[at] = bucket;
    }
    for (uint32_t i = 0; i < count; i++)
        activity->mark[best[i]] |= mark;
}

/* ---- Second look: hosts -------------------------------------------------------------------------------------- */

/* The host at `end`, entered where it is new; NULL when the table is full. */
static struct reader_host *host_find(struct reader_activity *activity, const struct xtop_record *record, uint32_t end,
                                     uint32_t hash)
{
    const uint8_t *address = record->key.address[end];
    struct reader_host *host;
    uint32_t at;

    /* The low bits of the hash chose the bucket, of which there are few here: the high ones place it. */
    for (at = hash >> 16 & (INDEX_SIZE - 1); activity->work->index[at]; at = (at + 1) & (INDEX_SIZE - 1)) {
        host = &activity->host[activity->work->index[at] - 1];
        if (host->ip_version == record->key.ip_version && memcmp(host->address, address, 16) == 0)
            return host;
    }
    if (activity->count == ACTIVITY_HOSTS)
        return NULL;
    host = &activity->host[activity->count++];
    memset(host, 0, sizeof *host);
    host->ip_version = record->key.ip_version;
    memcpy(host->address, address, 16);
    activity->work->index[at] = (uint16_t)activity->count;
    return host;
}

static bool has_ports(uint8_t protocol)
{
    return protocol == 6 || protocol == 17 || protocol == 132 || protocol == 136;
}

static void bit_set(uint64_t *bits, uint32_t hash, uint32_t *count)
{
    uint64_t *word = &bits[(hash % READER_CONTACT_BITS) / 64];
    uint64_t bit = UINT64_C(1) << hash % 64;

    *count += !(*word & bit);
    *word |= bit;
}

static void contact_add(struct reader_activity *activity, struct reader_host *host, const struct xtop_record *record,
                        uint32_t end)
{
    struct contacts *contacts = &activity->work->contacts[host - activity->host];
    uint16_t port = record->key.port[!end];

    host->flows++;
    bit_set(contacts->hosts, host_hash(activity, record, !end), &host->host_bits);
    if (has_ports(record->key.protocol))
        bit_set(contacts->ports, hash_bytes(&port, sizeof port, activity->seed), &host->port_bits);
}

static void hosts_add(struct reader_activity *activity, const struct reader_row *flow)
{
    uint32_t beginner;
    bool known = began(&flow->record, &beginner);

    for (uint32_t end = 0; end < 2; end++) {
        uint32_t hash = host_hash(activity, &flow->record, end);
        uint8_t mark = activity->mark[bucket_of(hash)];
        bool touches = known && end == beginner && mark & BEGAN;
        struct reader_host *host;

        if (!mark || !(touches || flow_rate(flow)))
            continue;
        host = host_find(activity, &flow->record, end, hash);
        if (!host)
            continue;
        host->rate_bytes += flow_rate(flow);
        if (touches)
            contact_add(activity, host, &flow->record, end);
    }
}

/* ---- The two looks ------------------------------------------------------------------------------------------- */

void reader_activity_add(struct reader_activity *activity, const struct reader_row *flow)
{
    if (activity->phase == READER_ACTIVITY_COUNT)
        buckets_add(activity, flow);
    else
        hosts_add(activity, flow);
}

void reader_activity_finish(struct reader_activity *activity)
{
    if (activity->phase == READER_ACTIVITY_COUNT) {
        memset(activity->mark, 0, sizeof activity->mark);
        buckets_mark(activity, BEGAN);
        buckets_mark(activity, FAST);
        activity->found = 0;
    } else {
        activity->found = activity->count;
        free(activity->work);
        activity->work = NULL;
    }
}

/* Of hosts that are alike otherwise the one comes first whose address does. */
static bool host_before(const struct reader_host *a, uint64_t of_a, const struct reader_host *b, uint64_t of_b)
{
    return of_a != of_b ? of_a > of_b : memcmp(a->address, b->address, sizeof a->address) < 0;
}

/* Puts `host` among the `count` that are there, most flows first; the last falls out where there is no room. */
static uint32_t hosts_insert(struct reader_host *hosts, uint32_t count, uint32_t room, const struct reader_host *host)
{
    uint32_t at;

    if (count == room && (room == 0 || !host_before(host, host->flows, &hosts[count - 1], hosts[count - 1].flows)))
        return count;
    count += count < room;
    for (at = count - 1; at > 0 && host_before(host, host->flows, &hosts[at - 1], hosts[at - 1].flows); at--)
        hosts[at] = hosts[at - 1];
    hosts[at] = *host;
    return count;
}

uint32_t reader_activity_hosts(const struct reader_activity *activity, struct reader_host *hosts, uint32_t room)
{
    uint32_t count = 0;
    const struct reader_host *top = NULL;

    if (!activity || activity->found == 0 || room == 0)
        return 0;
    for (uint32_t i = 0; i < activity->found; i++) {
        const struct reader_host *host = &activity->host[i];

        if (!top || host_before(host, host->rate_bytes, top, top->rate_bytes))
            top = host;
        if (host->flows)
            count = hosts_insert(hosts + 1, count, room - 1, host);
    }
    hosts[0] = *top;
    return count + 1;
}
