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
#define PACKET_ZERO_WINDOW 8     /* TCP: the sender has no room; not of SYN, FIN or RST, whose window says nothing */
#define PACKET_FRAGMENT 4        /* part of a datagram: packet.fragment says where that stands */

/* Where in the frame a header of a fragment lies. */
struct fragment_place {
    uint16_t ip;     /* its IP header */
    uint16_t header; /* IPv6: its fragment header; IPv4: the same as ip */
};

#define PACKET_FRAGMENTS_MAX 2 /* fragments within fragments, as when a tunnel lengthens what was cut to fit */

/* Ordered so that parse_lanes.c writes it by vectors; what follows `tcp_options` is 0 in nearly every packet. */
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
    uint32_t tcp_sequence;

    /* What flow_slot.h adds up, made by packet_plain of the rest; allows = 0: the packet is not plain. */
    uint64_t pending; /* as xtop_slot_side.pending, of this packet alone */
    uint8_t allows;   /* the complement of the XTOP_SLOT_ bits that must be set for it to be plain to its flow */
    uint8_t padding;
    uint16_t flags; /* as xtop_slot_side.flags */

    uint16_t ip_at;         /* where in the frame the IP header lies that the packet is read from */
    uint8_t tunnel;         /* XTOP_TUNNEL_: what carried the IP header directly */
    uint8_t fragment_count; /* of `fragment`, outermost first */
    uint64_t tcp_options;
    uint32_t ipv4_options;
    uint32_t tunnel_id; /* as in xtop_record */
    struct fragment_place fragment[PACKET_FRAGMENTS_MAX];
    uint64_t padding1;
};

enum { PACKET_TCP_FIN = 0x01, PACKET_TCP_SYN = 0x02, PACKET_TCP_RST = 0x04 };

/* Where in `pending` the bins begin: a byte a bin. */
#define PARSE_PENDING_BIN_AT UINT64_C(0x1a16120d0700)

/* Fills allows, flags and pending of a packet with so many bytes of headers; `rare`: it is not plain. */
static inline void packet_add_up(struct packet *packet, uint32_t headers, bool rare)
{
    uint32_t needs = XTOP_SLOT_PLAIN(packet->direction);

    if (packet->tcp_options)
        needs |= XTOP_SLOT_STAMPED(packet->direction);
    packet->allows = (uint8_t)(rare ? 0 : ~needs);
    packet->flags = (uint16_t)(packet->tcp_flags | (packet->ip_flags & 1u) << XTOP_SLOT_DONT_FRAGMENT_AT |
                               (uint32_t)packet->dscp << XTOP_SLOT_DSCP_AT);
    packet->pending = UINT64_C(1) << (PARSE_PENDING_BIN_AT >> packet->size_bin * 8 & 63) |
                      (uint64_t)packet->bytes << XTOP_PENDING_BYTES_AT | (uint64_t)headers << XTOP_PENDING_HEADERS_AT;
}

/*
 * The same. A packet is plain unless it has what few have: it opens or ends something, or brings options, or its sizes
 * would fill more than a quarter of their fields in `pending`.
 */
static inline void packet_plain(struct packet *packet)
{
    uint32_t headers = packet->bytes - packet->payload_bytes;
    uint32_t rare = packet->opens | (packet->unusual & PACKET_ZERO_WINDOW) |
                    (packet->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST)) |
                    (packet->ip_flags & ~XTOP_IP_DONT_FRAGMENT) | packet->ipv4_options | packet->ipv6_extensions |
                    (packet->size_bin >= XTOP_PENDING_BINS) | packet->bytes >> (XTOP_PENDING_BYTES_BITS - 2) |
                    headers >> (XTOP_PENDING_HEADERS_BITS - 2);

    packet_add_up(packet, headers, rare || (packet->tcp_options && packet->tcp_options != XTOP_TCP_STAMPED));
}

/*
 * Reads one frame. `captured` bytes are at `data`; `length` is what was on the wire (>= captured).
 * With `decap` the packet is what the innermost IP header says that can be read; else what the outermost says. MPLS,
 * PPPoE and NSH are passed in both cases, as VLAN tags are. The ports of a later fragment are 0 (see fragments.h).
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
