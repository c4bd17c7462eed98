/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a frame's bytes to the flow key and everything a record wants to know of the packet. Pure: reads only
 * data[0 .. captured), writes only *packet, keeps no state.
 */
#ifndef XTOP_PARSE_H
#define XTOP_PARSE_H

#include <stdint.h>

#include "capture/flow_abi.h"

/* What the first byte of a frame is. */
enum link_type {
    LINK_ETHERNET,
    LINK_RAW_IP,     /* IPv4 or IPv6 header at once */
    LINK_LINUX_SLL,  /* LINKTYPE_LINUX_SLL: protocol at 14, payload at 16 */
    LINK_LINUX_SLL2, /* LINKTYPE_LINUX_SLL2: protocol at 0, payload at 20 */
    LINK_NULL,       /* BSD loopback: 4 bytes of address family */
};

enum parse_result {
    PARSE_FLOW,      /* key and fields are filled */
    PARSE_NON_IP,    /* not IPv4 or IPv6 */
    PARSE_MALFORMED, /* an IP header, or an IPv6 extension header, that is cut or contradicts itself */
};

struct packet {
    struct xtop_key key;
    uint8_t direction; /* the end of the key that sent it: 0 or 1 */
    uint8_t ttl;
    uint8_t dscp;
    uint8_t ip_flags;         /* XTOP_IP_ */
    uint16_t ipv6_extensions; /* XTOP_EXT_ */
    uint16_t tcp_flags;       /* 9 bits; 0 when not TCP */
    uint8_t length_mismatch;  /* the header claims more than the frame carried */
    uint8_t opens;            /* its sender is the initiator whoever came first: SYN without ACK, ICMP echo request */
    uint8_t tcp_seen;         /* the TCP header was there to read: the tcp_ fields hold */
    uint8_t size_bin;         /* bin of packet_size for the frame's length */
    uint32_t bytes;           /* IP bytes */
    uint32_t payload_bytes;
    uint32_t ipv4_options;
    uint32_t tcp_sequence;
    uint64_t tcp_options;
};

/*
 * Reads one frame. `captured` bytes are at `data`; `length` is what was on the wire (>= captured).
 * Tunnels are not opened: a tunnel is a flow of its outer header.
 */
enum parse_result parse_frame(const uint8_t *data, uint32_t captured, uint32_t length, enum link_type link,
                              struct packet *packet);

/*
 * The bin of packet_size and size_histogram for a frame of `length` bytes: up to 1,024 the bins' upper ends are powers of
 * two, so the highest bit of what is beyond 64 tells.
 */
static inline uint32_t parse_size_bin(uint32_t length)
{
    uint32_t beyond = (length - (length > 0)) >> 6;
    uint32_t bin = 31u - (uint32_t)__builtin_clz(beyond * 2 | 1);

    return (bin < 5 ? bin : 5) + (length > 1518) + (length > 9216);
}

#endif
