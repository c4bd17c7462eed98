/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "capture/fragments.h"

#include <string.h>
#include <sys/mman.h>

#include "capture/hash.h"
#include "capture/parse_cursor.h"

#define SETS 1024 /* a power of two */
#define WAYS 4
#define WAITING_MAX 1024 /* a power of two */
#define NOBODY UINT32_MAX

enum datagram_state {
    DATAGRAM_NONE,
    DATAGRAM_AWAITED,   /* its first fragment has not come */
    DATAGRAM_KNOWN,     /* it has: key and the fields below it hold */
    DATAGRAM_CONTESTED, /* two came that contradict each other */
};

struct datagram {
    struct xtop_key name; /* addresses as the packet has them, port[] = identification; not in the key's order */
    struct xtop_key key;
    uint64_t time; /* ns: of its first fragment; while that is awaited, of the one that came first */
    uint32_t tunnel_id;
    uint32_t seen;     /* bytes of it that came */
    uint32_t size;     /* bytes of it, known from its last fragment; 0 = not yet */
    uint32_t oldest;   /* of its waiting packets; NOBODY = none waits */
    uint32_t newest;   /* likewise */
    uint8_t state;     /* DATAGRAM_ */
    uint8_t direction; /* of the first fragment, like the next three */
    uint8_t tunnel;    /* XTOP_TUNNEL_ */
    uint8_t carries;   /* it is a tunnel's: what counts is a header within it */
    uint8_t ttl;       /* of that header */
    uint8_t dscp;      /* likewise */
    uint8_t padding[2];
};

struct waiting {
    struct lookup lookup;
    uint32_t length;           /* of its frame */
    uint32_t next;             /* of the same datagram, newer; NOBODY = none */
    struct datagram *datagram; /* NULL: it waits no more */
};

struct fragments {
    uint32_t seed;
    fragments_release *release;
    void *receiver;
    uint64_t first; /* waiting[first .. last) modulo WAITING_MAX, in the order in which they came */
    uint64_t last;
    struct datagram datagram[SETS][WAYS];
    struct waiting waiting[WAITING_MAX];
};

/* What a fragment says of itself. */
struct part {
    struct xtop_key name;
    uint32_t offset; /* bytes */
    uint32_t size;   /* bytes behind its headers */
    bool more;
};

struct fragments *fragments_open(uint32_t seed, fragments_release *release, void *receiver)
{
    struct fragments *fragments =
        mmap(NULL, sizeof *fragments, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (fragments == MAP_FAILED)
        return NULL;
    fragments->seed = seed;
    fragments->release = release;
    fragments->receiver = receiver;
    return fragments;
}

void fragments_close(struct fragments *fragments)
{
    if (fragments)
        munmap(fragments, sizeof *fragments);
}

/* The parser has seen that these headers are whole. */
static struct part read_part(const uint8_t *frame, struct fragment_place place)
{
    const uint8_t *ip = frame + place.ip;
    const uint8_t *header = frame + place.header;
    uint32_t claimed, headers;
    struct part part = {0};

    if (ip[0] >> 4 == 4) {
        memcpy(part.name.address[0], ip + 12, 4);
        memcpy(part.name.address[1], ip + 16, 4);
        part.name.port[1] = read16(ip + 4);
        part.name.protocol = ip[9];
        part.offset = (read16(ip + 6) & 0x1fffu) * 8;
        part.more = ip[6] & 0x20;
        claimed = read16(ip + 2);
        headers = (ip[0] & 15u) * 4;
    } else {
        memcpy(part.name.address[0], ip + 8, 16);
        memcpy(part.name.address[1], ip + 24, 16);
        part.name.port[0] = read16(header + 4);
        part.name.port[1] = read16(header + 6);
        part.name.protocol = header[0];
        part.offset = read16(header + 2) & 0xfff8u;
        part.more = header[3] & 1;
        claimed = read16(ip + 4) + 40u;
        headers = (uint32_t)(header + 8 - ip);
    }
    part.name.ip_version = ip[0] >> 4;
    part.size = claimed > headers ? claimed - headers : 0;
    return part;
}

/* ---- What waits ---------------------------------------------------------------------------------------------- */

static struct waiting *waiting_at(struct fragments *fragments, uint64_t number)
{
    return &fragments->waiting[number & (WAITING_MAX - 1)];
}

/* Gives the oldest packet of a datagram back. */
static void release_oldest(struct fragments *fragments, struct datagram *datagram)
{
    struct waiting *waiting = &fragments->waiting[datagram->oldest];

    datagram->oldest = waiting->next;
    waiting->datagram = NULL;
    fragments->release(fragments->receiver, &waiting->lookup, waiting->length);
}

/* Takes the first places of the ring away from packets that wait no more. */
static void waiting_trim(struct fragments *fragments)
{
    while (fragments->first != fragments->last && !waiting_at(fragments, fragments->first)->datagram)
        fragments->first++;
}

/* The packet that came first of all goes, with ports 0: it is its datagram's oldest, too. */
static void release_first(struct fragments *fragments)
{
    struct datagram *datagram = waiting_at(fragments, fragments->first)->datagram;

    release_oldest(fragments, datagram);
    if (datagram->oldest == NOBODY && datagram->state == DATAGRAM_AWAITED)
        datagram->state = DATAGRAM_NONE;
    waiting_trim(fragments);
}

void fragments_expire(struct fragments *fragments, uint64_t now)
{
    while (fragments->first != fragments->last) {
        uint64_t came = waiting_at(fragments, fragments->first)->lookup.time;

        if (now != UINT64_MAX && (now <= came || now - came <= FRAGMENTS_WAIT))
            return;
        release_first(fragments);
    }
}

static void wait_for_first(struct fragments *fragments, struct datagram *datagram, const struct lookup *lookup,
                           uint32_t length)
{
    uint32_t place;

    if (fragments->last - fragments->first == WAITING_MAX)
        release_first(fragments);
    datagram->state = DATAGRAM_AWAITED;
    place = (uint32_t)(fragments->last++ & (WAITING_MAX - 1));
    fragments->waiting[place] = (struct waiting){*lookup, length, NOBODY, datagram};
    if (datagram->oldest == NOBODY)
        datagram->oldest = place;
    else
        fragments->waiting[datagram->newest].next = place;
    datagram->newest = place;
}

/* ---- Datagrams ----------------------------------------------------------------------------------------------- */

static bool datagram_is_over(const struct datagram *datagram, uint64_t now)
{
    return datagram->state == DATAGRAM_NONE || (now > datagram->time && now - datagram->time > FRAGMENTS_TIME);
}

/* A datagram of this name; a new one takes the place of the oldest of its set. */
static struct datagram *datagram_find(struct fragments *fragments, const struct xtop_key *name, uint64_t now)
{
    struct datagram *set = fragments->datagram[hash_key(name, fragments->seed) & (SETS - 1)];
    struct datagram *room = &set[0];

    for (uint32_t i = 0; i < WAYS; i++) {
        if (!datagram_is_over(&set[i], now) && memcmp(&set[i].name, name, sizeof *name) == 0)
            return &set[i];
        if (room->state != DATAGRAM_NONE && (set[i].state == DATAGRAM_NONE || set[i].time < room->time))
            room = &set[i];
    }
    if (room->state != DATAGRAM_NONE)
        while (room->oldest != NOBODY)
            release_oldest(fragments, room);
    waiting_trim(fragments);
    *room = (struct datagram){.name = *name, .time = now, .oldest = NOBODY, .newest = NOBODY};
    return room;
}

static void datagram_count(struct datagram *datagram, const struct part *part)
{
    datagram->seen += part->size;
    if (!part->more)
        datagram->size = part->offset + part->size;
}

static bool datagram_is_complete(const struct datagram *datagram)
{
    return datagram->size && datagram->seen >= datagram->size;
}

/* Makes a later fragment a packet of its first fragment's flow. What a tunnel's datagram carries has its header there. */
static void datagram_apply(const struct datagram *datagram, struct packet *packet)
{
    packet->key = datagram->key;
    packet->direction = datagram->direction;
    packet->tunnel = datagram->tunnel;
    packet->tunnel_id = datagram->tunnel_id;
    if (!datagram->carries)
        return;
    packet->bytes = packet->payload_bytes;
    packet->ttl = datagram->ttl;
    packet->dscp = datagram->dscp;
    packet->ip_flags &= XTOP_IP_EGRESS;
    packet->ipv4_options = 0;
    packet->ipv6_extensions = 0;
}

/* Whether the packet's header is another than the datagram's own. */
static bool datagram_carries(const struct xtop_key *name, const struct xtop_key *key)
{
    bool there = memcmp(name->address, key->address, sizeof name->address) == 0;
    bool back =
        memcmp(name->address[0], key->address[1], 16) == 0 && memcmp(name->address[1], key->address[0], 16) == 0;

    return name->ip_version != key->ip_version || !(there || back);
}

static void datagram_learn(struct datagram *datagram, const struct packet *packet, uint64_t now)
{
    datagram->state = DATAGRAM_KNOWN;
    datagram->time = now;
    datagram->key = packet->key;
    datagram->direction = packet->direction;
    datagram->tunnel = packet->tunnel;
    datagram->tunnel_id = packet->tunnel_id;
    datagram->carries = datagram_carries(&datagram->name, &packet->key);
    datagram->ttl = packet->ttl;
    datagram->dscp = packet->dscp;
}

/* A fragment of offset 0. */
static void place_first(struct fragments *fragments, const struct part *part, const struct lookup *lookup)
{
    const struct packet *packet = &lookup->packet;
    struct datagram *datagram = datagram_find(fragments, &part->name, lookup->time);

    if (datagram->state == DATAGRAM_CONTESTED)
        return;
    if (datagram->state == DATAGRAM_KNOWN) {
        if (!datagram_is_complete(datagram) && memcmp(&datagram->key, &packet->key, sizeof packet->key) != 0) {
            datagram->state = DATAGRAM_CONTESTED;
            return;
        }
        if (datagram_is_complete(datagram))
            datagram->seen = datagram->size = 0;
    }
    datagram_learn(datagram, packet, lookup->time);
    datagram_count(datagram, part);
    while (datagram->oldest != NOBODY) {
        datagram_apply(datagram, &fragments->waiting[datagram->oldest].lookup.packet);
        release_oldest(fragments, datagram);
    }
    waiting_trim(fragments);
}

/* A later fragment; false: it waits. */
static bool place_later(struct fragments *fragments, const struct part *part, struct lookup *lookup, uint32_t length)
{
    struct datagram *datagram = datagram_find(fragments, &part->name, lookup->time);

    if (datagram->state == DATAGRAM_CONTESTED)
        return true;
    datagram_count(datagram, part);
    if (datagram->state != DATAGRAM_KNOWN) {
        wait_for_first(fragments, datagram, lookup, length);
        return false;
    }
    datagram_apply(datagram, &lookup->packet);
    return true;
}

bool fragments_place(struct fragments *fragments, const uint8_t *frame, uint32_t length, struct lookup *lookup)
{
    uint32_t firsts = lookup->packet.fragment_count;
    struct part part[PACKET_FRAGMENTS_MAX];

    if (firsts == 0)
        return true;
    for (uint32_t i = 0; i < firsts; i++)
        part[i] = read_part(frame, lookup->packet.fragment[i]);
    /* Behind a later fragment no header is found, so that is the last one. */
    if (part[firsts - 1].offset != 0 && !place_later(fragments, &part[--firsts], lookup, length))
        return false;
    for (uint32_t i = 0; i < firsts; i++)
        if (part[i].offset == 0)
            place_first(fragments, &part[i], lookup);
    return true;
}
