/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a frame's bytes to the flow key and everything a record wants to know of the packet. Pure: reads only
 * data[0 .. captured), writes only *packet, keeps no state.
 */
#ifndef XTOP_PARSE_H
#define XTOP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
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

/* An IP header within an IP header within ...: so many are opened, more is an attack. */
#define PARSE_ENCAPSULATIONS_MAX 8

/* packet.unusual */
#define PACKET_LENGTH_MISMATCH 1 /* a header claims more than the frame carried */
#define PACKET_TOO_DEEP 2        /* more encapsulations than are opened: this is what was reached */
#define PACKET_FRAGMENT 4        /* part of a datagram: packet.fragment says where that stands */

/* Where in the frame a header of a fragment lies. */
struct fragment_place {
    uint16_t ip;     /* its IP header */
    uint16_t header; /* IPv6: its fragment header; IPv4: the same as ip */
};

#define PACKET_FRAGMENTS_MAX 2 /* fragments within fragments, as when a tunnel lengthens what was cut to fit */

struct packet {
    struct xtop_key key;
    uint8_t direction; /* the end of the key that sent it: 0 or 1 */
    uint8_t ttl;
    uint8_t dscp;
    uint8_t ip_flags;         /* XTOP_IP_ */
    uint16_t ipv6_extensions; /* XTOP_EXT_ */
    uint16_t tcp_flags;       /* 9 bits; 0 when not TCP */
    uint8_t unusual;          /* PACKET_ bits: what few packets are */
    uint8_t opens;            /* its sender is the initiator whoever came first: SYN without ACK, ICMP echo request */
    uint8_t tcp_seen;         /* the TCP header was there to read: the tcp_ fields hold */
    uint8_t size_bin;         /* bin of packet_size for the frame's length */
    uint32_t bytes;           /* IP bytes */
    uint32_t payload_bytes;
    uint32_t ipv4_options;
    uint32_t tcp_sequence;
    uint32_t tunnel_id; /* as in xtop_record */
    uint64_t tcp_options;
    uint8_t tunnel;         /* XTOP_TUNNEL_: what carried the IP header directly */
    uint8_t fragment_count; /* of `fragment`, outermost first */
    struct fragment_place fragment[PACKET_FRAGMENTS_MAX];
};

/*
 * Reads one frame. `captured` bytes are at `data`; `length` is what was on the wire (>= captured).
 * With `decap` the packet is what the innermost IP header says that can be read; else what the outermost says. MPLS and
 * PPPoE are passed in both cases, as VLAN tags are. The ports of a later fragment are 0 (see fragments.h).
 */
enum parse_result parse_frame(const uint8_t *data, uint32_t captured, uint32_t length, enum link_type link, bool decap,
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
