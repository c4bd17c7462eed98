/* SPDX-License-Identifier: BSD-2-Clause */
/* Transport headers: ports, flags, where the payload begins; and what may be a tunnel. */
#ifndef XTOP_PARSE_TRANSPORT_H
#define XTOP_PARSE_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet_headers.h"
#include "capture/parse.h"
#include "capture/parse_cursor.h"
#include "capture/parse_ends.h"
#include "capture/parse_options.h"
#include "capture/parse_tunnel.h"

/* Returns the header's size as the packet claims it. */
PARSE_INLINE uint32_t parse_tcp(const struct cursor *cursor, struct packet *packet)
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
PARSE_INLINE void parse_icmp(const uint8_t *icmp, struct packet *packet, struct ends *ends)
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

PARSE_INLINE void parse_ports(const struct cursor *cursor, struct ends *ends)
{
    if (cursor_left(cursor) < 4)
        return;
    ends->source_port = read16(cursor->at);
    ends->destination_port = read16(cursor->at + 2);
}

/* What an IP protocol that is no transport carries. */
static inline enum carrier carrier_of(uint8_t protocol)
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
PARSE_INLINE enum carrier parse_transport(const struct cursor *cursor, struct packet *packet, struct ends *ends)
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

#endif
