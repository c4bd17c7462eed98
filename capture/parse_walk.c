/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk through encapsulations, from the link to the innermost IP header that can be read. */
#include "capture/parse_walk.h"

#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/parse_cursor.h"
#include "capture/parse_ends.h"
#include "capture/parse_link.h"
#include "capture/parse_network.h"
#include "capture/parse_transport.h"
#include "capture/parse_tunnel.h"

struct walk {
    struct cursor cursor;
    struct ends ends;
    struct tunnel tunnel; /* the encapsulation opened last */
    uint32_t opened;
    uint16_t type; /* EtherType of what the cursor is at */
};

static bool walk_may_open(struct walk *walk, struct packet *packet)
{
    if (walk->opened == PARSE_ENCAPSULATIONS_MAX) {
        packet->unusual |= PACKET_TOO_DEEP;
        return false;
    }
    walk->opened++;
    return true;
}

/* Passes all that lies below IP, VLAN tags, MPLS, PPPoE and NSH in any order; false when no IP header comes after them. */
static bool walk_to_ip(struct walk *walk, struct packet *packet)
{
    for (;;) {
        const uint8_t *at = walk->cursor.at;
        uint16_t id = 0;

        walk->type = parse_vlan(&walk->cursor, walk->type, &id);
        walk->cursor.wire -= (uint32_t)(walk->cursor.at - at);
        if (packet->key.vlan == 0)
            packet->key.vlan = id;
        if (walk->type == ETHERTYPE_IPV4 || walk->type == ETHERTYPE_IPV6)
            return true;
        if (!tunnel_is_link(walk->type) || !walk_may_open(walk, packet))
            return false;
        walk->type = tunnel_open_link(&walk->cursor, walk->type, &walk->tunnel);
    }
}

/* Reads the IP header at the cursor into a packet of its own; what is the frame's stays. */
static enum parse_result walk_read_ip(struct walk *walk, struct packet *packet, enum carrier *carrier)
{
    struct packet inner = {
        .key.vlan = packet->key.vlan,
        .size_bin = packet->size_bin,
        .unusual = packet->unusual,
        .tunnel = walk->tunnel.kind,
        .tunnel_id = walk->tunnel.id,
        .fragment_count = packet->fragment_count,
    };
    enum parse_result result;

    memcpy(inner.fragment, packet->fragment, sizeof inner.fragment);
    memset(&walk->ends, 0, sizeof walk->ends);
    if (walk->type == ETHERTYPE_IPV4)
        result = parse_ipv4(&walk->cursor, &inner, &walk->ends);
    else
        result = parse_ipv6(&walk->cursor, &inner, &walk->ends);
    if (result != PARSE_FLOW)
        return result;
    /* The first fragment of a tunnel's packet holds but the begin of what it carries: that is no contradiction. */
    if (packet->fragment_count)
        inner.unusual = (inner.unusual & ~PACKET_LENGTH_MISMATCH) | (packet->unusual & PACKET_LENGTH_MISMATCH);
    *carrier = parse_transport(&walk->cursor, &inner, &walk->ends);
    *packet = inner;
    return PARSE_FLOW;
}

/* Opens what the IP packet read last carries, again and again; what cannot be read leaves *packet as it is. */
static void walk_inwards(struct walk *walk, struct packet *packet, enum carrier carrier)
{
    while (carrier != CARRIES_NOTHING) {
        struct ends reached = walk->ends;
        uint16_t vlan = packet->key.vlan;
        uint32_t header = (uint32_t)(walk->cursor.at - walk->cursor.ip);

        if (!walk_may_open(walk, packet))
            return;
        walk->cursor.wire = packet->bytes - header;
        walk->type = tunnel_open(&walk->cursor, carrier, packet->key.ip_version, &walk->tunnel);
        if (!walk_to_ip(walk, packet) || walk_read_ip(walk, packet, &carrier) != PARSE_FLOW) {
            walk->ends = reached;
            packet->key.vlan = vlan;
            return;
        }
    }
}

enum parse_result parse_encapsulated(const uint8_t *data, uint32_t captured, uint32_t length, enum link_type link,
                                     bool decap, struct packet *packet)
{
    struct walk walk = {.cursor = {.frame = data, .at = data, .end = data + captured}};
    enum carrier carrier = CARRIES_NOTHING;
    enum parse_result result;

    memset(packet, 0, sizeof *packet);
    packet->size_bin = (uint8_t)parse_size_bin(length);
    walk.type = parse_link(&walk.cursor, link, packet);
    walk.cursor.wire = length - (uint32_t)(walk.cursor.at - data);
    if (!walk_to_ip(&walk, packet))
        return PARSE_NON_IP;
    result = walk_read_ip(&walk, packet, &carrier);
    if (result != PARSE_FLOW)
        return result;
    if (decap)
        walk_inwards(&walk, packet, carrier);
    parse_order(packet, &walk.ends);
    packet_plain(packet);
    return PARSE_FLOW;
}
