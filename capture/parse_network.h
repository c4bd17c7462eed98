/* SPDX-License-Identifier: BSD-2-Clause */
/* IPv4, and IPv6 with its extension headers: lengths, addresses, and where the transport header is. */
#ifndef XTOP_PARSE_NETWORK_H
#define XTOP_PARSE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/ipv6_extensions.h"
#include "bpf/packet_headers.h"
#include "capture/parse.h"
#include "capture/parse_cursor.h"
#include "capture/parse_ends.h"
#include "capture/parse_fragment.h"
#include "capture/parse_options.h"

/*
 * Settles how long the packet is (contract, section 3) and takes Ethernet padding out of sight. `header` bytes are on the
 * wire. False when the packet claims to be shorter than they are.
 */
PARSE_INLINE bool parse_length(struct cursor *cursor, const uint8_t *ip, uint32_t header, uint32_t claimed,
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

PARSE_INLINE enum parse_result parse_ipv4(struct cursor *cursor, struct packet *packet, struct ends *ends)
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
        parse_note_ipv4_fragment(cursor->frame, ip, fragment, packet);
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

/* Walks to the transport header; `size` becomes the bytes of all extension headers. */
PARSE_INLINE enum parse_result parse_extensions(struct cursor *cursor, struct packet *packet, uint8_t next,
                                                uint32_t *size)
{
    uint16_t bit;

    *size = 0;
    for (int i = 0; (bit = extension_bit(next)) != 0; i++) {
        const uint8_t *at = cursor->at;
        uint32_t length;

        if (i == EXTENSIONS_MAX || cursor_left(cursor) < 8)
            return PARSE_MALFORMED;
        length = extension_size(at[1], next);
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
                parse_note_fragment(cursor->frame, cursor->ip, at, packet);
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

PARSE_INLINE enum parse_result parse_ipv6(struct cursor *cursor, struct packet *packet, struct ends *ends)
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

#endif
