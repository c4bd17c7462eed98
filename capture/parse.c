/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DESIGN
 *   A frame is read from the outside in: parse_link.h, parse_network.h, parse_transport.h, each compiled into parse_frame,
 *   and once more into parse_walk.c for what carries another packet. Each names the next by an EtherType or a protocol.
 *
 *   A cursor holds where we are and the two lengths that matter: `end` is where what may be read ends, `wire` how much there
 *   was. Every read is checked against `end`; Ethernet padding lies behind it once the IP header was read and is never taken
 *   for a header. Lengths come from headers, not from what was captured.
 */
#include "capture/parse.h"

#include <string.h>

#include "bpf/packet_headers.h"
#include "capture/parse_cursor.h"
#include "capture/parse_ends.h"
#include "capture/parse_link.h"
#include "capture/parse_network.h"
#include "capture/parse_transport.h"
#include "capture/parse_walk.h"

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
