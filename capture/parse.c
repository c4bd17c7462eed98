/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DESIGN
 *   A cursor holds where we are and the two ends that matter: `end`, the last byte we may read, and `limit`, the last
 *   byte that the IP header says belongs to the packet. Every read is checked against `end`; Ethernet padding lies
 *   between limit and end and is never taken for a header. Lengths come from headers, not from what was captured.
 */
#include "capture/parse.h"

#include <stdbool.h>
#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/parse_cursor.h"
#include "capture/parse_tunnel.h"

/* What every frame goes through is compiled into parse_frame, and once more for what tunnels carry. */
#define FAST static inline __attribute__((always_inline))

/* The two ends as the packet has them, before they are put in canonical order. */
struct ends {
    const uint8_t *source;
    const uint8_t *destination;
    uint32_t address_size;
    uint16_t source_port;
    uint16_t destination_port;
};

/* memcmp of 4 and of 16 bytes without a call or a branch: -1, 0 or 1. */
static inline int compare4(const uint8_t *left, const uint8_t *right)
{
    uint32_t a = read32(left);
    uint32_t b = read32(right);

    return (a > b) - (a < b);
}

static inline int compare16(const uint8_t *left, const uint8_t *right)
{
    uint64_t a[2] = {read64(left), read64(left + 8)};
    uint64_t b[2] = {read64(right), read64(right + 8)};

    uint32_t low = a[0] == b[0];

    return (a[low] > b[low]) - (a[low] < b[low]);
}

/* Passes VLAN tags of any depth; *id becomes the outermost's. Returns the EtherType behind them, 0 when cut. */
FAST uint16_t parse_vlan(struct cursor *cursor, uint16_t type, uint16_t *id)
{
    bool outermost = true;

    while (type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ || type == ETHERTYPE_QINQ_OLD) {
        if (cursor_left(cursor) < 4)
            return 0;
        if (outermost)
            *id = read16(cursor->at) & 0xfff;
        outermost = false;
        type = read16(cursor->at + 2);
        cursor->at += 4;
    }
    return type;
}

FAST uint16_t parse_raw_type(const struct cursor *cursor)
{
    if (cursor_left(cursor) < 1)
        return 0;
    switch (cursor->at[0] >> 4) {
    case 4:
        return ETHERTYPE_IPV4;
    case 6:
        return ETHERTYPE_IPV6;
    default:
        return 0;
    }
}

/* Moves to the network header and returns its EtherType, or 0 when there is none to be read. */
FAST uint16_t parse_link(struct cursor *cursor, enum link_type link, struct packet *packet)
{
    static const struct {
        uint8_t size;
        uint8_t type_at;
    } header[] = {
        [LINK_ETHERNET] = {14, 12},  [LINK_RAW_IP] = {0, 0}, [LINK_LINUX_SLL] = {16, 14},
        [LINK_LINUX_SLL2] = {20, 0}, [LINK_NULL] = {4, 0},
    };
    const uint8_t *start = cursor->at;

    if (cursor_left(cursor) < header[link].size)
        return 0;
    cursor->at += header[link].size;
    if (link == LINK_RAW_IP || link == LINK_NULL)
        return parse_raw_type(cursor);
    return parse_vlan(cursor, read16(start + header[link].type_at), &packet->key.vlan);
}

/*
 * Settles how long the packet is (contract, section 3) and takes Ethernet padding out of sight. `header` bytes are on the
 * wire. False when the packet claims to be shorter than they are.
 */
FAST bool parse_length(struct cursor *cursor, const uint8_t *ip, uint32_t header, uint32_t claimed,
                       struct packet *packet)
{
    if (unlikely(claimed - header > cursor->wire - header)) {
        if (claimed != 0 && claimed < header)
            return false;
        if (claimed != 0) /* else segmentation offload, or a jumbogram */
            packet->unusual |= PACKET_LENGTH_MISMATCH;
        claimed = cursor->wire;
    }
    packet->bytes = claimed;
    if ((size_t)(cursor->end - ip) > claimed)
        cursor->end = ip + claimed;
    return true;
}

/*
 * The options of IPv4 (RFC 791) and of TCP (RFC 9293 section 3.2) are listed alike: 0 ends the list, 1 stands alone, all
 * others bring their length. One bit for each number seen, `numbered` being the bits of the type that are the number;
 * those from 64 on have none. A broken list ends the walk, not the packet.
 */
static uint64_t parse_options(const uint8_t *at, const uint8_t *end, uint8_t numbered)
{
    uint64_t seen = 0;

    while (at < end) {
        uint8_t number = *at & numbered;

        if (number < 64)
            seen |= UINT64_C(1) << number;
        if (*at == 0)
            break;
        if (*at == 1) {
            at++;
            continue;
        }
        if (end - at < 2 || at[1] < 2)
            break;
        at += at[1];
    }
    return seen;
}

/* Leaves word where a fragment's headers are; an atomic fragment (RFC 6946) is a whole packet and none of ours. */
static __attribute__((noinline)) void note_fragment(const uint8_t *frame, const uint8_t *ip, const uint8_t *header,
                                                    struct packet *packet)
{
    if (packet->fragment_count == PACKET_FRAGMENTS_MAX || header - frame > UINT16_MAX)
        return;
    packet->unusual |= PACKET_FRAGMENT;
    packet->fragment[packet->fragment_count++] =
        (struct fragment_place){(uint16_t)(ip - frame), (uint16_t)(header - frame)};
}

/* `fragment` is the word of flags and offset, of which more is set than "don't fragment". */
static __attribute__((noinline)) void parse_ipv4_fragment(const uint8_t *frame, const uint8_t *ip, uint16_t fragment,
                                                          struct packet *packet)
{
    packet->ip_flags |=
        (uint8_t)((fragment & 0x2000 ? XTOP_IP_MORE_FRAGMENTS : 0) | (fragment & 0x8000 ? XTOP_IP_RESERVED : 0) |
                  (fragment & 0x3fff ? XTOP_IP_FRAGMENT : 0));
    if (fragment & 0x3fff)
        note_fragment(frame, ip, ip, packet);
}

FAST enum parse_result parse_ipv4(struct cursor *cursor, struct packet *packet, struct ends *ends)
{
    const uint8_t *ip = cursor->at;
    uint32_t header, total;
    uint16_t fragment;

    if (cursor_left(cursor) < 20 || ip[0] >> 4 != 4)
        return PARSE_MALFORMED;
    header = (ip[0] & 15u) * 4;
    total = read16(ip + 2);
    if (header < 20 || header > cursor->wire || !parse_length(cursor, ip, header, total, packet))
        return PARSE_MALFORMED;
    if (header > 20)
        packet->ipv4_options =
            (uint32_t)parse_options(ip + 20, cursor_left(cursor) < header ? cursor->end : ip + header, 31);
    fragment = read16(ip + 6);
    packet->ip_flags = (uint8_t)(fragment >> 14 & XTOP_IP_DONT_FRAGMENT);
    if (unlikely(fragment & 0xbfff))
        parse_ipv4_fragment(cursor->frame, ip, fragment, packet);
    cursor->transport_absent = (fragment & 0x1fff) != 0;
    cursor->ip = ip;
    packet->ip_at = (uint16_t)(ip - cursor->frame);
    packet->dscp = ip[1] >> 2;
    packet->ttl = ip[8];
    packet->key.protocol = ip[9];
    packet->key.ip_version = 4;
    ends->source = ip + 12;
    ends->destination = ip + 16;
    ends->address_size = 4;
    packet->payload_bytes = packet->bytes - header;
    cursor->at = cursor_left(cursor) < header ? cursor->end : ip + header;
    return PARSE_FLOW;
}

/* The bit of an extension header that is walked over, or 0 when `next` is not one. */
static uint16_t extension_bit(uint8_t next)
{
    switch (next) {
    case PROTOCOL_HOP_BY_HOP:
        return XTOP_EXT_HOP_BY_HOP;
    case PROTOCOL_ROUTING:
        return XTOP_EXT_ROUTING;
    case PROTOCOL_FRAGMENT:
        return XTOP_EXT_FRAGMENT;
    case PROTOCOL_DESTINATION:
        return XTOP_EXT_DESTINATION;
    case PROTOCOL_AH:
        return XTOP_EXT_AUTHENTICATION;
    case PROTOCOL_MOBILITY:
        return XTOP_EXT_MOBILITY;
    case PROTOCOL_HIP:
        return XTOP_EXT_HIP;
    case PROTOCOL_SHIM6:
        return XTOP_EXT_SHIM6;
    default:
        return 0;
    }
}

/* RFC 8200 section 4; lengths are in 8 octets, but of AH in 4 (RFC 4302) and of fragment fixed. */
static uint32_t extension_size(const uint8_t *at, uint8_t type)
{
    if (type == PROTOCOL_FRAGMENT)
        return 8;
    if (type == PROTOCOL_AH)
        return (at[1] + 2u) * 4;
    return (at[1] + 1u) * 8;
}

/* Walks to the transport header; `size` becomes the bytes of all extension headers. */
FAST enum parse_result parse_extensions(struct cursor *cursor, struct packet *packet, uint8_t next, uint32_t *size)
{
    uint16_t bit;

    *size = 0;
    for (int i = 0; (bit = extension_bit(next)) != 0; i++) {
        const uint8_t *at = cursor->at;
        uint32_t length;

        if (i == EXTENSIONS_MAX || cursor_left(cursor) < 8)
            return PARSE_MALFORMED;
        length = extension_size(at, next);
        if (cursor_left(cursor) < length)
            return PARSE_MALFORMED;
        packet->ipv6_extensions |= bit;
        cursor->at += length;
        *size += length;
        if (next == PROTOCOL_FRAGMENT) {
            uint16_t fragment = read16(at + 2);

            packet->ip_flags |= (uint8_t)(XTOP_IP_FRAGMENT | (fragment & 1 ? XTOP_IP_MORE_FRAGMENTS : 0));
            cursor->transport_absent = (fragment & 0xfff8) != 0;
            if (fragment & 0xfff9)
                note_fragment(cursor->frame, cursor->ip, at, packet);
        }
        next = at[0];
        if (cursor->transport_absent)
            break;
    }
    packet->key.protocol = next;
    if (next == PROTOCOL_ESP)
        packet->ipv6_extensions |= XTOP_EXT_ESP;
    if (next == PROTOCOL_NO_NEXT)
        packet->ipv6_extensions |= XTOP_EXT_NO_NEXT;
    return PARSE_FLOW;
}

FAST enum parse_result parse_ipv6(struct cursor *cursor, struct packet *packet, struct ends *ends)
{
    const uint8_t *ip = cursor->at;
    uint32_t payload, extensions;
    enum parse_result result;

    if (cursor_left(cursor) < 40 || ip[0] >> 4 != 6)
        return PARSE_MALFORMED;
    payload = read16(ip + 4);
    parse_length(cursor, ip, 40, payload ? payload + 40 : 0, packet); /* never shorter than 40 */
    cursor->ip = ip;
    packet->ip_at = (uint16_t)(ip - cursor->frame);
    packet->dscp = (uint8_t)(read16(ip) >> 6 & 63);
    packet->ttl = ip[7];
    packet->key.ip_version = 6;
    ends->source = ip + 8;
    ends->destination = ip + 24;
    ends->address_size = 16;
    cursor->at += 40;
    result = parse_extensions(cursor, packet, ip[6], &extensions);
    packet->payload_bytes = packet->bytes > 40 + extensions ? packet->bytes - 40 - extensions : 0;
    return result;
}

/* Returns the header's size as the packet claims it. */
FAST uint32_t parse_tcp(const struct cursor *cursor, struct packet *packet)
{
    const uint8_t *tcp = cursor->at;
    uint32_t header;

    if (cursor_left(cursor) < 14)
        return packet->payload_bytes; /* no data offset to go by: claim no payload */
    header = (tcp[12] >> 4) * 4u;
    packet->tcp_flags = read16(tcp + 12) & 0x1ff;
    packet->tcp_sequence = read32(tcp + 4);
    if (cursor_left(cursor) >= 16 && read16(tcp + 14) == 0 &&
        !(packet->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST)))
        packet->unusual |= PACKET_ZERO_WINDOW;
    packet->tcp_seen = 1;
    packet->opens = (packet->tcp_flags & 0x12) == 0x02;
    if (header < 20)
        return packet->payload_bytes; /* bogus: nothing that follows is payload for sure */
    if (header > 20 && cursor_left(cursor) > 20)
        packet->tcp_options = parse_options(tcp + 20, cursor_left(cursor) < header ? cursor->end : tcp + header, 255);
    return header;
}

/* Type and code make the receiver's port; an echo reply takes the place of its request's other end. */
FAST void parse_icmp(const uint8_t *icmp, struct packet *packet, struct ends *ends)
{
    bool v6 = packet->key.protocol == PROTOCOL_ICMPV6;
    uint8_t request = v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
    uint8_t reply = v6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;

    if (icmp[0] == reply) {
        ends->source_port = (uint16_t)(request << 8 | icmp[1]);
        return;
    }
    ends->destination_port = read16(icmp);
    packet->opens = icmp[0] == request;
}

FAST void parse_ports(const struct cursor *cursor, struct ends *ends)
{
    if (cursor_left(cursor) < 4)
        return;
    ends->source_port = read16(cursor->at);
    ends->destination_port = read16(cursor->at + 2);
}

/* What an IP protocol that is no transport carries. */
static enum carrier carrier_of(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_IPV4:
        return CARRIES_IPV4;
    case PROTOCOL_IPV6:
        return CARRIES_IPV6;
    case PROTOCOL_GRE:
        return CARRIES_GRE;
    case PROTOCOL_MPLS:
        return CARRIES_MPLS;
    default:
        return CARRIES_NOTHING;
    }
}

/* Returns what may be a tunnel. */
FAST enum carrier parse_transport(const struct cursor *cursor, struct packet *packet, struct ends *ends)
{
    enum carrier carrier = CARRIES_NOTHING;
    uint32_t header = 0;

    if (cursor->transport_absent)
        return CARRIES_NOTHING;
    switch (packet->key.protocol) {
    case PROTOCOL_TCP:
        parse_ports(cursor, ends);
        header = parse_tcp(cursor, packet);
        break;
    case PROTOCOL_UDP:
        parse_ports(cursor, ends);
        header = 8;
        carrier = tunnel_of_ports(ends->source_port, ends->destination_port);
        break;
    case PROTOCOL_UDP_LITE:
        parse_ports(cursor, ends);
        header = 8;
        break;
    case PROTOCOL_SCTP:
        parse_ports(cursor, ends);
        header = 12;
        break;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        if (cursor_left(cursor) >= 2)
            parse_icmp(cursor->at, packet, ends);
        header = 8;
        break;
    default:
        carrier = carrier_of(packet->key.protocol);
        break;
    }
    packet->payload_bytes = packet->payload_bytes > header ? packet->payload_bytes - header : 0;
    return carrier;
}

/* The smaller (address, port) becomes end 0. No branch but on the version: which end sends is as good as random. */
FAST void parse_order(struct packet *packet, const struct ends *ends)
{
    bool v4 = ends->address_size == 4;
    int order = v4 ? compare4(ends->source, ends->destination) : compare16(ends->source, ends->destination);
    uint32_t from = order * 0x20000 + (int)ends->source_port - (int)ends->destination_port > 0;

    packet->direction = (uint8_t)from;
    if (v4) {
        memcpy(packet->key.address[from], ends->source, 4);
        memcpy(packet->key.address[!from], ends->destination, 4);
    } else {
        memcpy(packet->key.address[from], ends->source, 16);
        memcpy(packet->key.address[!from], ends->destination, 16);
    }
    packet->key.port[from] = ends->source_port;
    packet->key.port[!from] = ends->destination_port;
}

/* ---- Tunnels ------------------------------------------------------------------------------------------------- */

/* A walk through encapsulations. */
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

/* Passes all that lies below IP, VLAN tags, MPLS and PPPoE in any order; false when no IP header comes after them. */
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
        if (walk->type != ETHERTYPE_MPLS && walk->type != ETHERTYPE_MPLS_UPSTREAM && walk->type != ETHERTYPE_PPPOE)
            return false;
        if (!walk_may_open(walk, packet))
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

/*
 * parse_frame for whatever is not plain: it begins again at the first byte. So the plain frame pays nothing for this,
 * its variables stay in registers.
 */
static __attribute__((noinline)) enum parse_result parse_encapsulated(const uint8_t *data, uint32_t captured,
                                                                      uint32_t length, enum link_type link, bool decap,
                                                                      struct packet *packet)
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

/* ---- The frame ----------------------------------------------------------------------------------------------- */

enum parse_result parse_frame(const uint8_t *data, uint32_t captured, uint32_t length, enum link_type link, bool decap,
                              struct packet *packet)
{
    struct cursor cursor = {.frame = data, .at = data, .end = data + captured};
    struct ends ends = {0};
    enum parse_result result;
    enum carrier carrier;
    uint16_t type;

    memset(packet, 0, sizeof *packet);
    packet->size_bin = (uint8_t)parse_size_bin(length);
    type = parse_link(&cursor, link, packet);
    cursor.wire = length - (uint32_t)(cursor.at - data);
    if (type == ETHERTYPE_IPV4)
        result = parse_ipv4(&cursor, packet, &ends);
    else if (type == ETHERTYPE_IPV6)
        result = parse_ipv6(&cursor, packet, &ends);
    else
        return parse_encapsulated(data, captured, length, link, decap, packet);
    if (result != PARSE_FLOW)
        return result;
    carrier = parse_transport(&cursor, packet, &ends);
    if (unlikely(carrier != CARRIES_NOTHING) && decap)
        return parse_encapsulated(data, captured, length, link, decap, packet);
    parse_order(packet, &ends);
    packet_plain(packet);
    return PARSE_FLOW;
}
