/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which extension headers of IPv6 are walked over, and how long they are: for the parser of capture/ and that of BPF. */
#ifndef XTOP_IPV6_EXTENSIONS_H
#define XTOP_IPV6_EXTENSIONS_H

#include "bpf/flow_key.h"
#include "bpf/packet_headers.h"

/* The bit of an extension header that is walked over, or 0 when `next` is not one. */
static inline __attribute__((always_inline)) uint16_t extension_bit(uint8_t next)
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

/* `length` is the header's own field. RFC 8200 section 4; lengths are in 8 octets, but of AH in 4 (RFC 4302) and of fragment fixed. */
static inline __attribute__((always_inline)) uint32_t extension_size(uint8_t length, uint8_t type)
{
    if (type == PROTOCOL_FRAGMENT)
        return 8;
    if (type == PROTOCOL_AH)
        return (length + 2u) * 4;
    return (length + 1u) * 8;
}

#endif
