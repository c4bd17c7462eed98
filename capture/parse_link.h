/* SPDX-License-Identifier: BSD-2-Clause */
/* Below the network: the link's own header, and VLAN tags. */
#ifndef XTOP_PARSE_LINK_H
#define XTOP_PARSE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/packet_headers.h"
#include "capture/parse.h"
#include "capture/parse_cursor.h"

/* Passes VLAN tags of any depth; *id becomes the outermost's. Returns the EtherType behind them, 0 when cut. */
PARSE_INLINE uint16_t parse_vlan(struct cursor *cursor, uint16_t type, uint16_t *id)
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

/* IPv4 or IPv6 by the first four bits, 0 when they are neither. */
PARSE_INLINE uint16_t parse_raw_type(const struct cursor *cursor)
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
PARSE_INLINE uint16_t parse_link(struct cursor *cursor, enum link_type link, struct packet *packet)
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

#endif
